import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/grad.ts";
import { backend, setBackend } from "../backend/registry.ts";
import * as ops from "../ops/index.ts";
import { jit } from "./jit.ts";
import { rowsAtHand } from "./rowsAtHand.ts";
import { type Tensor, tensor } from "./tensor.ts";
import { Variable } from "./variable.ts";

const x = () =>
  tensor(
    Float32Array.from({ length: 24 }, (_, i) => i),
    [4, 3, 2],
  );

describe.each(["onnx", "reference"])("rows at hand on %s", (engine) => {
  beforeAll(() => setBackend(engine));
  afterAll(() => setBackend("onnx"));

  it.each<[string, (x: Tensor) => Tensor, boolean]>([
    ["a batch", (x) => x.get([1, 3]), true],
    ["one row", (x) => x.get(2), true],
    ["the last row", (x) => x.get(-1), true],
    ["rows of one row", (x) => x.get(3, [1, 3]), true],
    ["one number", (x) => x.get(3, 2, 1), true],
    ["rows of another shape", (x) => x.reshape([12, 2]).get([5, 9]), true],
    ["nothing", (x) => x.get([2, 2]), true],
    ["columns", (x) => x.get([0, 4], [1, 2]), false],
    ["every other row", (x) => x.get([0, 4, 2]), false],
    ["rows of what is not computed", (x) => x.add(1).get([1, 2]), false],
  ])("%s", async (_, cut, inOnePiece) => {
    const part = cut(x());
    expect(rowsAtHand([part.node], await backend()).size).toBe(inOnePiece ? 1 : 0);
    const compiled = jit(cut);
    expect(await part.array()).toEqual(await (await compiled(x())).array());
  });

  it("keep their numbers when a variable is assigned later", async () => {
    const w = new Variable([1, 2, 3]);
    const first = w.value.get([0, 2]);
    await first.data();
    const step = jit(() => {
      w.assign(w.value.add(1));
    });
    for (let i = 0; i < 4; i++) await step();
    expect(await first.array()).toEqual([1, 2]);
    expect(await w.value.get([0, 2]).array()).toEqual([5, 6]);
  });

  it("inside larger graphs are inputs, and stay differentiable", async () => {
    const all = x();
    const part = all.get([1, 2]);
    const doubled = part.mul(2);
    const both = ops.sum(part).add(ops.sum(all.get(0)));
    expect(await both.item()).toBe(6 + 7 + 8 + 9 + 10 + 11 + 15);
    const [slope] = gradientsOf(ops.sum(doubled), [all]);
    expect(await ops.sum(slope!).item()).toBe(12);
  });
});
