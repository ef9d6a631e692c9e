import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { valueAndGrad } from "../autodiff/grad.ts";
import { setBackend, backend as startBackend } from "../backend/registry.ts";
import type { Program } from "../ir/program.ts";
import * as ops from "../ops/index.ts";
import * as optimizers from "../optimizers/index.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { jit } from "./jit.ts";
import { type Tensor, tensor } from "./tensor.ts";
import { Variable } from "./variable.ts";

const [height, width] = [12_000, 2];
const numbers = () => Float32Array.from({ length: height * width }, (_, i) => Math.sin(i));
const makeTable = () => new Variable(tensor(numbers(), [height, width]), { name: "table" });
const ids = (...rows: number[]) => tensor(rows, [rows.length], "int32");

/** w[ids] += 1, with rows added as often as they are named. */
const addOnes = (table: Variable) =>
  jit((rows: Tensor) => {
    table.assign(
      ops.scatterUpdate(table.value, ops.expandDims(rows, -1), ops.ones([rows.shape[0]!, width]), { reduction: "add" }),
    );
  });

describe.each(["onnx", "reference"])("updates by rows on %s", (engine) => {
  beforeAll(() => setBackend(engine));
  afterAll(() => setBackend("onnx"));

  it("hand the rows out, and not the table", async () => {
    const compile = vi.spyOn(await startBackend(), "compile");
    const table = makeTable();
    const optimizer = optimizers.RMSprop(0.1);
    const step = jit((rows: Tensor) => {
      const [, gradients] = valueAndGrad(() => ops.sum(ops.square(ops.take(table, rows, { axis: 0 }))), [table])();
      optimizer.apply(gradients, [table]);
    });
    await step(ids(3, 5, 3));
    const program = compile.mock.calls.findLast(([, options]) => options?.runs === "many")![0] as Program;
    compile.mockRestore();
    expect(Math.max(...program.outputs.map(({ shape }) => shape[0] ?? 1))).toBeLessThan(height);
    // By hand: g = 2w, twice for row 3; v = 0.1 g²; w -= 0.1 g / (√v + 1e-7).
    const after = (await table.data()) as Float32Array;
    const before = numbers();
    const moved = (w: number, times: number) =>
      w - (0.1 * 2 * w * times) / (Math.sqrt(0.1 * (2 * w * times) ** 2) + 1e-7);
    expectAllClose(
      [6, 7, 8, 9, 10, 11].map((i) => after[i]!),
      [
        moved(before[6]!, 2),
        moved(before[7]!, 2),
        before[8]!,
        before[9]!,
        moved(before[10]!, 1),
        moved(before[11]!, 1),
      ],
      { rtol: 1e-5, atol: 1e-6 },
    );
    const state = (await optimizer.variables.find((v) => v.size === height * width)!.data()) as Float32Array;
    await step(ids(0));
    const decayed = (await optimizer.variables.find((v) => v.size === height * width)!.data()) as Float32Array;
    expectAllClose([decayed[6]!, decayed[8]!], [0.9 * state[6]!, 0], { rtol: 1e-6, atol: 0 });
  });

  it("count rows from the end, and repeated ones as often as they come", async () => {
    const table = makeTable();
    await addOnes(table)(ids(-1, 4, 4, 0));
    const data = (await table.data()) as Float32Array;
    const before = numbers();
    const gained = Array.from(data, (x, i) => [i, Math.round(x - before[i]!)] as const).filter(([, by]) => by !== 0);
    const last = height * width - 2;
    expect(gained).toEqual([
      [0, 1],
      [1, 1],
      [8, 2],
      [9, 2],
      [last, 1],
      [last + 1, 1],
    ]);
  });

  it("leave what was read before as it was, and the caller's array", async () => {
    const mine = numbers();
    const table = new Variable(tensor(mine, [height, width]));
    const step = addOnes(table);
    await step(ids(0));
    const first = table.value;
    await step(ids(0));
    const second = table.value.get(0);
    await step(ids(0));
    await step(ids(0));
    expect(mine).toEqual(numbers());
    expectAllClose((await first.data()).slice(0, 3), [1, 1 + Math.sin(1), Math.sin(2)], { rtol: 1e-6, atol: 0 });
    expectAllClose(await second.data(), [2, 2 + Math.sin(1)], { rtol: 1e-6, atol: 0 });
    expectAllClose((await table.data()).slice(0, 1), [4], { rtol: 1e-6, atol: 0 });
  });

  it("come after everything that reads the table", async () => {
    const table = makeTable();
    const step = jit((rows: Tensor) => {
      const old = table.value;
      table.assign(ops.scatterUpdate(old, ops.expandDims(rows, -1), ops.ones([1, width]), { reduction: "add" }));
      return [ops.sum(old), ops.sum(ops.take(old, rows, { axis: 0 })), old] as const;
    });
    const before = numbers();
    const [sum, row, old] = (await step(ids(7))) as unknown as [Tensor, Tensor, Tensor];
    expectAllClose([await sum.item()], [before.reduce((total, x) => total + x, 0)], { rtol: 1e-3, atol: 1e-3 });
    expectAllClose([await row.item()], [before[14]! + before[15]!], { rtol: 1e-6, atol: 0 });
    expect(await old.data()).toEqual(before);
    expectAllClose((await table.data()).slice(14, 16), [before[14]! + 1, before[15]! + 1], { rtol: 1e-6, atol: 0 });
  });

  it("leave alone what is read while a step runs", async () => {
    const table = makeTable();
    const step = addOnes(table);
    await step(ids(3));
    for (let turns = 0; turns < 30; turns++) {
      const done = step(ids(3));
      for (let i = 0; i < turns; i++) await Promise.resolve();
      const during = table.value;
      const found = (await during.data()).slice();
      await done;
      expect(await during.data()).toEqual(found);
    }
    expectAllClose((await table.data()).slice(6, 7), [31 + numbers()[6]!], { rtol: 1e-6, atol: 0 });
  });

  it("show in models that were frozen with the old rows", async () => {
    const table = makeTable();
    const read = jit((rows: Tensor) => ops.take(table.value, rows, { axis: 0 }));
    const step = addOnes(table);
    const rowAt = async () => Array.from((await (await read(ids(3))).data()) as Float32Array);
    const before = await rowAt();
    await rowAt();
    await step(ids(3));
    await step(ids(3));
    expectAllClose(
      await rowAt(),
      before.map((x) => x + 2),
      { rtol: 1e-6, atol: 0 },
    );
  });

  it("write nothing when a row is not there", async () => {
    const table = makeTable();
    const counter = new Variable(tensor(numbers(), [height, width]));
    const step = jit((rows: Tensor) => {
      counter.assign(counter.value.add(1));
      const ones = ops.ones([1, width]);
      table.assign(ops.scatterUpdate(table.value, ops.expandDims(rows, -1), ones, { reduction: "add" }));
    });
    await expect(step(ids(height))).rejects.toThrow(/row 12000, and it has 12000 rows/);
    expect(await table.data()).toEqual(numbers());
    expect(await counter.data()).toEqual(numbers());
    await step(ids(1));
    expectAllClose((await table.data()).slice(2, 4), [Math.sin(2) + 1, Math.sin(3) + 1], { rtol: 1e-6, atol: 0 });
  });
});
