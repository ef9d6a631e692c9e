import { describe, expect, it } from "vitest";
import * as ops from "../ops/index.ts";
import { flushDenormals, RUNS_BETWEEN_FLUSHES } from "./denormals.ts";
import { jit } from "./jit.ts";
import { tensor } from "./tensor.ts";
import { Variable } from "./variable.ts";

describe("denormals", () => {
  it("become zero, and nothing else changes", () => {
    // 2^-126 is the smallest normal float32, 2^-149 the smallest number of all.
    const data = Float32Array.of(1, -0, 2 ** -126, -(2 ** -127), 2 ** -149, Number.NaN, Number.POSITIVE_INFINITY);
    flushDenormals(data, "float32");
    expect([...data]).toEqual([1, -0, 2 ** -126, 0, 0, Number.NaN, Number.POSITIVE_INFINITY]);
    const half = Uint16Array.of(1);
    flushDenormals(half, "float16");
    expect(half[0]).toBe(1);
  });

  it.each([
    ["small", 3],
    ["large", 10_000],
  ])("do not stay in the state of a step: a %s variable", async (_, size) => {
    const average = new Variable(ops.full([size], 2 ** -140), { name: "average" });
    const other = new Variable(tensor([1]), { name: "other" });
    const step = jit(() => {
      average.assign(ops.multiply(average.value, 0.9));
      other.assign(ops.add(other.value, 1));
    });
    for (let i = 0; i < RUNS_BETWEEN_FLUSHES; i++) await step();
    expect(new Set((await average.data()) as Float32Array)).toEqual(new Set([0]));
    expect(await other.array()).toEqual([1 + RUNS_BETWEEN_FLUSHES]);
  });
});
