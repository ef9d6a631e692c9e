/** Random numbers on the host, as pure functions of a seed: orders of samples, and values that are needed as arrays. */
import { mix32, randomBitsAt, randomWords } from "../ir/randomBits.ts";

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
