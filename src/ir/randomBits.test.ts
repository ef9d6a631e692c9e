import { describe, expect, it } from "vitest";
import { mix32, randomBitsAt, randomWords } from "./randomBits.ts";

/** Number of set bits. */
const popcount = (x: number): number => x.toString(2).replaceAll("0", "").length;

describe("random bits", () => {
  it("mixes as the published lowbias32 does", () => {
    // uint32 arithmetic written out with BigInt, from the function's definition.
    const mixed = (x: bigint): bigint => {
      let h = x;
      h = ((h ^ (h >> 16n)) * 0x7feb352dn) & 0xffffffffn;
      h = ((h ^ (h >> 15n)) * 0x846ca68bn) & 0xffffffffn;
      return h ^ (h >> 16n);
    };
    for (const x of [0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 123456789]) {
      expect(mix32(x)).toBe(Number(mixed(BigInt(x))));
    }
  });

  it("depends on key and position only", () => {
    const words = randomWords(7, 9, 50);
    expect(Array.from(words, (_, i) => randomBitsAt(7, 9, i))).toEqual(Array.from(words));
    expect(Array.from(randomWords(7, 9, 10))).toEqual(Array.from(words.subarray(0, 10)));
  });

  it("gives unrelated streams for keys that differ in one bit", () => {
    const n = 4096;
    const base = randomWords(1, 1, n);
    for (const [k0, k1] of [
      [0, 1],
      [3, 1],
      [1, 0],
      [1, 3],
      [1, 0x80000001],
    ] as const) {
      const other = randomWords(k0, k1, n);
      const flipped = base.reduce((sum, w, i) => sum + popcount((w ^ other[i]!) >>> 0), 0) / n;
      // Half of 32 bits; the mean of 4096 words has a standard deviation of 0.044.
      expect(Math.abs(flipped - 16), `key (${k0}, ${k1})`).toBeLessThan(0.25);
    }
  });

  it("is uniform, and neighbours are uncorrelated", () => {
    const n = 65_536;
    const numbers = Array.from(randomWords(42, 17, n), (w) => w / 2 ** 32);
    const mean = numbers.reduce((a, x) => a + x, 0) / n;
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
    const buckets = new Array<number>(64).fill(0);
    for (const x of numbers) buckets[Math.floor(x * 64)]!++;
    const expected = n / 64;
    const chiSquare = buckets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(120); // 63 degrees of freedom: mean 63, standard deviation 11
    const products = numbers.slice(1).reduce((sum, x, i) => sum + (x - 0.5) * (numbers[i]! - 0.5), 0) / (n - 1);
    expect(Math.abs(products * 12)).toBeLessThan(5 / Math.sqrt(n));
  });
});
