/**
 * Numbers too small to be normal, in state that lives for many steps. A moving average whose gradient has died decays into them
 * and stays (0.9 times the smallest one rounds to itself), and processors compute with them some fifty times slower. Engines
 * for Python flush them to zero in their own threads; here that would change the arithmetic of JavaScript, which shares the
 * thread.
 */
import type { DType, TypedArray } from "../core/dtype.ts";

/** Runs between two looks. A look costs about what one operation on the array costs. */
export const RUNS_BETWEEN_FLUSHES = 256;

const EXPONENT = 0x7f800000;
const FRACTION = 0x007fffff;

/** Sets denormal float32 numbers to zero, in place. Other dtypes stay as they are. */
export function flushDenormals(data: TypedArray, dtype: DType): void {
  if (dtype !== "float32") return;
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i]!;
    if ((x & EXPONENT) === 0 && (x & FRACTION) !== 0) bits[i] = 0;
  }
}
