/**
 * The random function behind `random_bits`: a counter-based generator, so that a value depends on key and position only
 * and every backend draws the same bits, in any order, in parallel.
 *
 * bits(key, i) = mix(mix(i XOR k0) + k1 · 0x9e3779b9), with `mix` the 32-bit finaliser "lowbias32" found by
 * Chris Wellons' search (two rounds of it, keyed between them). Period 2^32 positions per key.
 */

const imul = Math.imul;

/** A bijection of 32-bit integers with avalanche bias 0.17 (lowbias32). */
export const mix32 = (x: number): number => mixBits(x) >>> 0;

/** The same bits as a signed integer, in which loops stay as long as they can: unsigned ones are floats to the machine. */
function mixBits(x: number): number {
  let h = imul(x ^ (x >>> 16), 0x7feb352d);
  h = imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}

/** The multiplier that spreads the second key word. */
export const KEY_MULTIPLIER = 0x9e3779b9;
export const MIX_MULTIPLIER_1 = 0x7feb352d;
export const MIX_MULTIPLIER_2 = 0x846ca68b;

/** The word added between the two rounds. */
export const keyWord = (k1: number): number => imul(k1, KEY_MULTIPLIER) >>> 0;

/** Bits at position `i` under key (k0, k1). */
export function randomBitsAt(k0: number, k1: number, i: number): number {
  return mix32(mixBits(i ^ k0) + keyWord(k1));
}

/** Fills `out` with words from position `start` on. */
export function fillRandomWords(out: Uint32Array, k0: number, k1: number, start = 0): Uint32Array {
  const word = keyWord(k1) | 0;
  for (let i = 0; i < out.length; i++) out[i] = mixBits((mixBits((start + i) ^ k0) + word) | 0);
  return out;
}

/** `length` words from position 0. */
export const randomWords = (k0: number, k1: number, length: number): Uint32Array =>
  fillRandomWords(new Uint32Array(length), k0, k1);
