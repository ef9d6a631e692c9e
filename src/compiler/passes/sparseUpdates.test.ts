import { describe, expect, it } from "vitest";
import * as b from "../../ir/build.ts";
import { makeProgram, type Program, verifyProgram } from "../../ir/program.ts";
import { inputValue, type Value } from "../../ir/value.ts";
import * as layers from "../../layers/index.ts";
import { Sequential } from "../../models/sequential.ts";
import * as optimizers from "../../optimizers/index.ts";
import { tensor } from "../../runtime/tensor.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { sparseUpdates } from "./sparseUpdates.ts";

const operations = (program: Program): string[] => program.nodes.map((node) => node.op).sort();

describe("sparseUpdates", () => {
  const table = inputValue({ shape: [50, 4], dtype: "float32" }, "table");
  const rows = inputValue({ shape: [6, 4], dtype: "float32" }, "rows");
  const ids = inputValue({ shape: [6], dtype: "int32" }, "ids");
  const rate = inputValue({ shape: [], dtype: "float32" }, "rate");
  const inputs = [table, rows, ids, rate];
  const zeros = b.full(0, [50, 4], "float32");
  const mul = (x: Value, y: Value): Value => b.binary("mul", x, y);

  it("scatters into the table instead of subtracting from all of it", () => {
    const gradient = b.scatterAdd(zeros, ids, rows, 0);
    for (const step of [mul(gradient, rate), mul(rate, mul(gradient, b.scalar(0.5, "float32")))]) {
      const program = sparseUpdates(makeProgram(inputs, [b.binary("sub", table, step)]));
      verifyProgram(program);
      expect(operations(program)).not.toContain("sub");
      const scatter = program.nodes.find((node) => node.op === "scatter_add")!;
      expect(scatter.inputs[0]).toBe(table);
      expect(program.nodes.every((node) => node === scatter || node.outputs[0]!.shape[0] !== 50)).toBe(true);
    }
  });

  it.each<[string, Value]>([
    ["from something that is not zero", b.scatterAdd(inputs[0]!, ids, rows, 0)],
    ["scaled element by element", mul(b.scatterAdd(zeros, ids, rows, 0), table)],
    ["added to something", b.binary("add", b.scatterAdd(zeros, ids, rows, 0), table)],
  ])("leaves what is scattered and %s", (_, gradient) => {
    const program = makeProgram(inputs, [b.binary("sub", table, mul(gradient, rate))]);
    expect(operations(sparseUpdates(program))).toEqual(operations(program));
  });

  // w − lr · (sum of the gradients of a row): d(mean of y²)/dy is 2y / 12 for 3 ids of width 4; id 2 occurs twice.
  it("trains a table as before", async () => {
    const start = Array.from({ length: 80 }, (_, i) => (i % 9) / 4 - 1);
    const embedding = layers.Embedding(20, 4, { weights: tensor(start, [20, 4]) });
    const model = Sequential([layers.Input({ shape: [3], dtype: "int32" }), embedding]);
    model.compile({ optimizer: optimizers.SGD(0.3), loss: "mse" });
    await model.trainOnBatch(tensor([[2, 5, 2]], undefined, "int32"), tensor(new Float32Array(12), [1, 3, 4]));
    const expected = start.map((w, i) => {
      const times = { 2: 2, 5: 1 }[Math.floor(i / 4)] ?? 0;
      return w - (0.3 * times * 2 * w) / 12;
    });
    expectAllClose(await embedding.embeddings!.data(), expected, { atol: 1e-6 });
  });
});
