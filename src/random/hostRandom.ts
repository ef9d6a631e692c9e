/** Random numbers on the host, as pure functions of a seed: orders of samples, and values that are needed as arrays. */
import type { DType } from "../core/dtype.ts";
import { fillRandomWords, mix32, randomBitsAt, randomWords } from "../ir/randomBits.ts";
import { ERFINV_CENTRE } from "../ops/special.ts";

const SCALE = 2 ** -32;

/**
 * The first word of the key that a seed stands for. Positions and this word are combined by XOR, so that the words of
 * neighbouring seeds must be far apart: else seeds 1 and 2 would give the same numbers in another order.
 */
export const seedWord = (seed: number): number => mix32((seed + 0x9e3779b9) >>> 0);

/** A random order of 0 … n−1 (Fisher–Yates). */
export function hostPermutation(seed: number, n: number): Int32Array {
  const order = new Int32Array(n);
  const words = randomWords(seedWord(seed), 1, n);
  for (let i = 0; i < n; i++) {
    // Inside-out: every prefix is a uniformly random order of itself.
    const j = Math.floor(words[i]! * SCALE * (i + 1));
    order[i] = order[j]!;
    order[j] = i;
  }
  return order;
}

/** n independent values of the standard normal distribution (Box–Muller). */
export function hostNormal(seed: number, n: number): Float64Array {
  const out = new Float64Array(n);
  const word = seedWord(seed);
  for (let i = 0; i < n; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((randomBitsAt(word, 2, i) + 0.5) * SCALE));
    const angle = 2 * Math.PI * randomBitsAt(word, 2, i + 1) * SCALE;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < n) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** How many bits keep numbers below 1 when they are rounded to the dtype. */
export const significantBits = (dtype: DType): number => (dtype === "float16" ? 11 : dtype === "bfloat16" ? 8 : 24);

/** Where host numbers are written. */
export type FloatArray = Float32Array | Float64Array;

/** Words are made block by block, in the fastest memory. */
const BLOCK = 4096;

/** Gives `write` the words of a seed at all positions, in blocks with their first position. */
function eachBlock(length: number, seed: number, write: (start: number, words: Uint32Array) => void): void {
  const block = new Uint32Array(Math.min(BLOCK, length));
  for (let start = 0; start < length; start += BLOCK) {
    const words = length - start < block.length ? block.subarray(0, length - start) : block;
    write(start, fillRandomWords(words, seedWord(seed), 0, start));
  }
}

/**
 * Fills `out` with the numbers that `random.uniform` draws for this seed: in steps of 2^−bits of the range [minval, maxval).
 */
export function fillUniform(out: FloatArray, seed: number, minval: number, maxval: number, bits: number): FloatArray {
  const single = out instanceof Float32Array;
  const round = (x: number): number => (single ? Math.fround(x) : x);
  const [factor, offset, shift] = [round(maxval - minval) * 2 ** -bits, round(minval), 32 - bits];
  eachBlock(out.length, seed, (start, words) => {
    // The product is rounded before the sum, as operation by operation on an engine.
    if (single) {
      for (let i = 0; i < words.length; i++) out[start + i] = Math.fround((words[i]! >>> shift) * factor) + offset;
    } else {
      for (let i = 0; i < words.length; i++) out[start + i] = (words[i]! >>> shift) * factor + offset;
    }
  });
  return out;
}

/** Fills `out` with independent values of a normal distribution. */
export function fillNormal(out: FloatArray, seed: number, mean: number, stddev: number): FloatArray {
  const values = hostNormal(seed, out.length);
  for (let i = 0; i < out.length; i++) out[i] = stddev * values[i]! + mean;
  return out;
}

/** erf(√2): the probability within two standard deviations. */
export const WITHIN_TWO = 0.9544997361036416;

/**
 * Fills `out` with the values that `random.truncatedNormal` draws for this seed, up to rounding: the inverse of the
 * distribution function, of which the cut leaves the part near the centre.
 */
export function fillTruncatedNormal(out: FloatArray, seed: number, mean: number, stddev: number): FloatArray {
  // Written out: a loop over the coefficients costs as much again as the logarithm.
  const [c8, c7, c6, c5, c4, c3, c2, c1, c0] = ERFINV_CENTRE;
  const scale = stddev * Math.SQRT2;
  eachBlock(out.length, seed, (start, words) => {
    for (let i = 0; i < words.length; i++) {
      const x = WITHIN_TWO * ((words[i]! >>> 8) * 2 ** -23 - 1);
      const w = -Math.log(1 - x * x) - 2.5;
      const high = (((c8 * w + c7) * w + c6) * w + c5) * w + c4;
      out[start + i] = scale * ((((high * w + c3) * w + c2) * w + c1) * w + c0) * x + mean;
    }
  });
  return out;
}
