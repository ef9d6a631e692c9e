import { describe, expect, it } from "vitest";
import { float16Bits } from "../core/dtype.ts";
import { closeFailure, expectAllClose, TOLERANCES } from "./allClose.ts";

describe("allClose", () => {
  it("says how many differ, where the worst is, both values and the bound", () => {
    const failure = closeFailure(
      [1, 2.5, 3, 4.1],
      [
        [1, 2],
        [3, 4],
      ],
      { label: "tanh" },
    );
    expect(failure).toContain("tanh: 2 of 4 numbers differ. Worst at index 1: received 2.5, expected 2");
    expect(failure).toContain("bound 2e-7 + 0.000001·|expected| (float32, elementwise)");
  });

  it("holds NaN equal to NaN, infinities to themselves, and zeros of both signs", () => {
    expect(closeFailure([Number.NaN, Infinity, -0], [Number.NaN, Infinity, 0])).toBeNull();
    expect(closeFailure([1], [Number.NaN])).toContain("1 of 1");
    expect(closeFailure([Infinity], [-Infinity])).toContain("1 of 1");
    expect(closeFailure([3e38], [Infinity])).toContain("1 of 1");
    expect(closeFailure([Number.NaN], [1])).toContain("received NaN");
  });

  it("reads half floats as their bits and compares integers exactly", () => {
    expect(closeFailure(Uint16Array.of(float16Bits(1.5)), [1.5], { dtype: "float16", family: "exact" })).toBeNull();
    expect(closeFailure(BigInt64Array.of(7n), [8], { dtype: "int64" })).toContain("bound 0");
    expect(closeFailure([2n ** 60n], [2n ** 60n + 1n], { dtype: "int64" })).toContain("difference 1,");
    expect(() => expectAllClose([1], [1, 2])).toThrow("received 1 numbers, expected 2");
  });

  it("is looser for narrower dtypes in every family", () => {
    for (const family of ["elementwise", "reduction", "contraction", "model"] as const) {
      const bounds = (["float64", "float32", "float16", "bfloat16"] as const).map((d) => TOLERANCES[d][family].rtol);
      expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
    }
  });
});
