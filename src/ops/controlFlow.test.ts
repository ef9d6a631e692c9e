import { describe, expect, it } from "vitest";
import "../node.ts";
import * as ops from "./index.ts";

describe("scan", () => {
  it("carries state along the first axis", async () => {
    const [total, sums] = ops.scan((c, x) => [c.add(x), c.add(x)], 0, ops.arange(1, 6));
    expect(await total.array()).toBe(15);
    expect(await sums.array()).toEqual([1, 3, 6, 10, 15]);
  });

  it("takes and returns structures", async () => {
    const [[h, n], ys] = ops.scan(([h, n], { x }) => [[h.add(x), n.add(1)], { before: h }], [ops.zeros([2]), 1], {
      x: ops.ones([3, 2]),
    });
    expect(await h.array()).toEqual([3, 3]);
    expect(await n.array()).toBe(4);
    expect(await ys.before.array()).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
  });
});
