/**
 * Comparison of numbers that were computed in two ways. How far they may be apart is decided in one table, by dtype and
 * by what kind of operation made them; a failure says how many differ, where the worst is, both values and the bound.
 */
import { type DType, fromElement, isFloat } from "../core/dtype.ts";

/**
 * What made the numbers. `exact`: moved, compared, counted. `elementwise`: one function per element. `reduction` and
 * `contraction`: sums of many terms, in any order. `model`: many layers. `single`: computed in float32 whatever the dtype.
 */
export type OpFamily = "exact" | "elementwise" | "reduction" | "contraction" | "model" | "single";

/** |actual − expected| ≤ atol + rtol · |expected|. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
}

type FloatDType = "float16" | "bfloat16" | "float32" | "float64";

const EXACT: Tolerance = { atol: 0, rtol: 0 };

/**
 * The unit roundoff is 2⁻⁵³, 2⁻²⁴, 2⁻¹¹ and 2⁻⁸ for float64, float32, float16 and bfloat16. Elementwise functions get
 * some 16 of it (engines approximate tanh and erf by rational functions), sums and products some 100, models some 1000.
 */
export const TOLERANCES: { readonly [D in FloatDType]: { readonly [F in OpFamily]: Tolerance } } = {
  float64: {
    exact: EXACT,
    elementwise: { atol: 1e-14, rtol: 2e-15 },
    reduction: { atol: 1e-13, rtol: 1e-14 },
    contraction: { atol: 1e-13, rtol: 1e-13 },
    model: { atol: 1e-11, rtol: 1e-11 },
    single: { atol: 1e-6, rtol: 2e-6 },
  },
  float32: {
    exact: EXACT,
    elementwise: { atol: 2e-7, rtol: 1e-6 },
    reduction: { atol: 1e-6, rtol: 5e-6 },
    contraction: { atol: 1e-5, rtol: 1e-5 },
    model: { atol: 1e-4, rtol: 1e-4 },
    single: { atol: 1e-6, rtol: 2e-6 },
  },
  float16: {
    exact: EXACT,
    elementwise: { atol: 5e-4, rtol: 2e-3 },
    reduction: { atol: 2e-3, rtol: 5e-3 },
    contraction: { atol: 5e-3, rtol: 1e-2 },
    model: { atol: 2e-2, rtol: 2e-2 },
    single: { atol: 5e-4, rtol: 2e-3 },
  },
  bfloat16: {
    exact: EXACT,
    elementwise: { atol: 4e-3, rtol: 1.6e-2 },
    reduction: { atol: 1e-2, rtol: 3e-2 },
    contraction: { atol: 3e-2, rtol: 5e-2 },
    model: { atol: 1e-1, rtol: 1e-1 },
    single: { atol: 4e-3, rtol: 1.6e-2 },
  },
};

/** The bound for results of `dtype`; integers and bool are exact. */
export const toleranceOf = (dtype: DType, family: OpFamily): Tolerance =>
  isFloat(dtype) ? TOLERANCES[dtype as FloatDType][family] : EXACT;

/** Numbers, booleans or BigInt, nested or flat. */
export type Numbers = number | bigint | boolean | ArrayBufferView | readonly Numbers[];

export interface CloseOptions {
  /** Of both sides; half floats in a Uint16Array are read as their bits. @defaultValue `"float32"` */
  readonly dtype?: DType;
  /** @defaultValue `"elementwise"` */
  readonly family?: OpFamily;
  /** Instead of the table's. */
  readonly atol?: number;
  /** Instead of the table's. */
  readonly rtol?: number;
  /** Named in the failure. */
  readonly label?: string;
}

/** BigInt stays so: 64-bit integers are compared to the last digit. */
function flatten(numbers: Numbers, dtype: DType): (number | bigint)[] {
  if (Array.isArray(numbers)) return numbers.flatMap((part: Numbers) => flatten(part, dtype));
  if (typeof numbers === "bigint") return [numbers];
  if (!ArrayBuffer.isView(numbers)) return [Number(numbers)];
  const half = (dtype === "float16" || dtype === "bfloat16") && numbers instanceof Uint16Array;
  const elements = Array.from(numbers as unknown as ArrayLike<number | bigint>);
  return half ? elements.map((x) => fromElement(dtype, x)) : elements;
}

/** Distance beyond which values differ; NaN agrees with NaN, an infinity with itself, +0 with −0. */
function distance(a: number | bigint, b: number | bigint): number {
  if (typeof a === "bigint" && typeof b === "bigint") return Math.abs(Number(a - b));
  const [x, y] = [Number(a), Number(b)];
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return 0;
  const d = Math.abs(x - y);
  return Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
}

/** What is wrong with `actual`, or `null` when all of it is close to `expected`. */
export function closeFailure(actual: Numbers, expected: Numbers, options: CloseOptions = {}): string | null {
  const { dtype = "float32", family = "elementwise", label } = options;
  const table = toleranceOf(dtype, family);
  const { atol, rtol } = { atol: options.atol ?? table.atol, rtol: options.rtol ?? table.rtol };
  const [a, e] = [flatten(actual, dtype), flatten(expected, dtype)];
  const who = label === undefined ? "" : `${label}: `;
  if (a.length !== e.length) return `${who}received ${a.length} numbers, expected ${e.length}`;
  let count = 0;
  let worst = { index: -1, excess: 0 };
  for (const [i, x] of a.entries()) {
    const size = Math.abs(Number(e[i]!));
    const bound = Number.isFinite(size) ? atol + rtol * size : 0;
    const d = distance(x, e[i]!);
    if (d <= bound) continue;
    count++;
    const excess = d / (bound || Number.MIN_VALUE);
    if (worst.index < 0 || excess > worst.excess) worst = { index: i, excess };
  }
  if (count === 0) return null;
  const i = worst.index;
  return (
    `${who}${count} of ${a.length} numbers differ. Worst at index ${i}: received ${a[i]}, expected ${e[i]}; ` +
    `difference ${distance(a[i]!, e[i]!)}, bound ${atol} + ${rtol}·|expected| (${dtype}, ${family})`
  );
}

/**
 * Fails the test unless all numbers are close.
 *
 * @param actual - Flat or nested; typed arrays of 16-bit floats with their `dtype` in the options.
 * @example
 * expectAllClose(await y.data(), [1, 2, 3], { family: "reduction" });
 */
export function expectAllClose(actual: Numbers, expected: Numbers, options: CloseOptions = {}): void {
  const failure = closeFailure(actual, expected, options);
  if (failure !== null) throw new Error(failure);
}
