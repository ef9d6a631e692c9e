/** Tables that are trained by rows against the same table read by a product with one-hot rows, which has a dense gradient. */
import { describe, expect, it, vi } from "vitest";
import { valueAndGrad } from "../../autodiff/grad.ts";
import { backend as startBackend } from "../../backend/registry.ts";
import type { Program } from "../../ir/program.ts";
import * as ops from "../../ops/index.ts";
import type { Optimizer } from "../../optimizers/index.ts";
import * as optimizers from "../../optimizers/index.ts";
import { jit } from "../../runtime/jit.ts";
import { type Tensor, tensor } from "../../runtime/tensor.ts";
import { Variable } from "../../runtime/variable.ts";
import { expectAllClose } from "../../testing/allClose.ts";

const [rows, width] = [40, 4];
const start = Array.from({ length: rows * width }, (_, i) => Math.sin(i * 1.7));
/** Rows 3 and 7 occur several times, row 0 counts from the front and row −1 from the end. */
const BATCHES = [
  [3, 7, 3, 0, 7, 3],
  [1, 3, -1, 20, 21, 1],
  [7, 7, 7, 7, 7, 7],
];

/** A table after three steps, and the program of a step. */
async function train(optimizer: Optimizer, read: (table: Tensor, ids: Tensor) => Tensor) {
  const table = new Variable(tensor(start, [rows, width]), { name: "table" });
  const target = ops.reshape(ops.arange(24, { dtype: "float32" }), [6, width]);
  const compile = vi.spyOn(await startBackend(), "compile");
  const step = jit((ids: Tensor) => {
    const [, gradients] = valueAndGrad(() => ops.mean(ops.square(read(table.value, ids).sub(target))), [table])();
    optimizer.apply(gradients, [table]);
  });
  for (const ids of BATCHES) await step(tensor(ids, undefined, "int32"));
  const program = compile.mock.calls.findLast(([, options]) => options?.runs === "many")![0] as Program;
  compile.mockRestore();
  return { table: (await table.data()) as Float32Array, program };
}

const byRows = (table: Tensor, ids: Tensor): Tensor => ops.take(table, ids, { axis: 0 });
const byProduct = (table: Tensor, ids: Tensor): Tensor =>
  ops.matmul(ops.oneHot(ops.mod(ids, rows), rows), table) as Tensor;

/** Operations on arrays of the table's size, without copies and rows that are added. */
const dense = ({ nodes }: Program): string[] =>
  nodes
    .filter(
      ({ op, outputs }) => outputs[0]!.shape.join() === `${rows},${width}` && !["scatter_add", "reshape"].includes(op),
    )
    .map(({ op }) => op)
    .sort();

describe("sparseState", () => {
  it.each<[string, () => Optimizer, string[]]>([
    ["RMSprop", () => optimizers.RMSprop(0.1), ["mul"]],
    ["Adagrad", () => optimizers.Adagrad(0.1), []],
  ])("updates by rows: %s", async (_, make, expected) => {
    const { table, program } = await train(make(), byRows);
    expectAllClose(table, (await train(make(), byProduct)).table, { rtol: 1e-5, atol: 1e-5 });
    expect(dense(program)).toEqual(expected);
  });

  it.each<[string, () => Optimizer]>([
    ["Adam, whose rows go on without a gradient", () => optimizers.Adam(0.1)],
    ["RMSprop with momentum", () => optimizers.RMSprop({ learningRate: 0.1, momentum: 0.9 })],
    ["centred RMSprop", () => optimizers.RMSprop({ learningRate: 0.1, centered: true })],
    ["gradients clipped by their norm", () => optimizers.RMSprop({ learningRate: 0.1, clipnorm: 0.01 })],
    ["weight decay", () => optimizers.RMSprop({ learningRate: 0.1, weightDecay: 0.1 })],
    ["momentum", () => optimizers.SGD({ learningRate: 0.1, momentum: 0.9 })],
    ["Ftrl", () => optimizers.Ftrl(0.1)],
    ["Adadelta", () => optimizers.Adadelta(0.1)],
  ])("gives what the definition says: %s", async (_, make) => {
    const { table } = await train(make(), byRows);
    expectAllClose(table, (await train(make(), byProduct)).table, { rtol: 1e-5, atol: 1e-5 });
  });
});
