/** Indexing with `get`: what reads well, what Python's files mean, and what is refused. */
import { describe, expect, it } from "vitest";
import type { Index } from "../runtime/methods.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { OP_DEFINITIONS, OpOperation } from "./define.ts";
import * as ops from "./index.ts";
import { KerasTensor } from "./kerasTensor.ts";
import { ELLIPSIS, Slice } from "./slice.ts";

const x = ops.arange(24).reshape([2, 3, 4]);
const at = (...index: number[]): number => index[0]! * 12 + index[1]! * 4 + index[2]!;

describe("x.get", () => {
  it.each<[string, Index[], unknown]>([
    ["x[-1, 0]", [-1, 0], [12, 13, 14, 15]],
    ["x[:, -1, 1:3]", [null, -1, [1, 3]], [[9, 10], [21, 22]]], // biome-ignore format: one case a line
    ["x[..., -1]", ["...", -1], [[3, 7, 11], [15, 19, 23]]], // biome-ignore format: one case a line
    ["x[1, ..., :2]", [1, "...", [null, 2]], [[12, 13], [16, 17], [20, 21]]], // biome-ignore format: one case a line
    ["x[0, 1, 2, ...]", [0, 1, 2, "..."], at(0, 1, 2)],
    ["x[0, ::-1, -1]", [0, [null, null, -1], -1], [11, 7, 3]],
    ["x[0, 0, -3:-1]", [0, 0, [-3, -1]], [1, 2]],
    ["x[0, 0, 7:9]", [0, 0, [7, 9]], []],
  ])("%s", async (_, index, expected) => {
    expect(await x.get(...index).array()).toEqual(expected);
  });

  it("keeps open sizes open on symbolic tensors", () => {
    const s = new KerasTensor([null, null, 4]);
    expect([s.get(null, -1), s.get(null, [1, null]), s.get("...", 0)].map((t) => t.shape)).toEqual([
      [null, 4],
      [null, null, 4],
      [null, null],
    ]);
  });

  it("computes what files of Python say: slices, new axes, the ellipsis, one bare index", async () => {
    const getItem = (key: unknown) => new OpOperation(OP_DEFINITIONS.get("GetItem")!, {}).call(x, key) as Tensor;
    expect(getItem([new Slice(), null, -1]).shape).toEqual([2, 1, 4]);
    expect(getItem([ELLIPSIS, null]).shape).toEqual([2, 3, 4, 1]);
    expect(await getItem([1, new Slice(null, null, 2), 0]).array()).toEqual([12, 20]);
    expect(getItem(new Slice(1)).shape).toEqual([1, 3, 4]);
    expect(getItem(0).shape).toEqual([3, 4]);
  });

  it("ends a loop over an axis that has no known size while a graph is built", () => {
    const loopOver = (pick: (x: Tensor, t: number) => Tensor) =>
      new OpOperation(
        {
          ...OP_DEFINITIONS.get("GetItem")!,
          run: ([x]) => {
            const parts: Tensor[] = [];
            for (let t = 0; t < (x as Tensor).shape[1]!; t++) parts.push(pick(x as Tensor, t));
            return ops.stack(parts, { axis: 1 });
          },
        },
        {},
      );
    const words =
      /axis 1, which has no known size while the graph is built: a loop over it cannot be recorded\. Use ops\.scan or layers\.RNN/;
    const open = new KerasTensor([null, null, 3]);
    const picks: ((x: Tensor, t: number) => Tensor)[] = [
      (x, t) => x.get(null, t),
      (x, t) => x.get(null, [t, t + 1]),
      (x, t) => ops.take(x, t, { axis: 1 }),
    ];
    for (const pick of picks) expect(() => loopOver(pick).invoke([open])).toThrow(words);
    const known = loopOver(picks[0]!).invoke([new KerasTensor([null, 5, 3])]) as KerasTensor;
    expect(known.shape).toEqual([null, 5, 3]);
    expect(open.get(null, 100).shape).toEqual([null, 3]);
  });

  it.each<[string, unknown[], RegExp]>([
    ["text", ["a"], /^getItem: expected an index to be an integer, a range .*Received: "a"$/],
    ["nothing", [undefined], /Received: undefined/],
    ["a fraction", [0.5], /Received: 0\.5/],
    ["a range of one end", [[1]], /Received: \[1\]/],
    ["a tensor", [tensor([0, 1])], /For positions in a tensor: ops\.take/],
    ["a position outside", [2], /index 2 is out of range for axis 0 of size 2/],
    ["too many", [0, 0, 0, 0], /4 indices for shape \(2, 3, 4\)/],
    ["the rest twice", ["...", "..."], /"\.\.\." may stand once in an index/],
    ["a step of 0", [[null, null, 0]], /a step other than 0/],
  ])("refuses %s", (_, index, words) => {
    expect(() => x.get(...(index as Index[]))).toThrow(words);
  });
});
