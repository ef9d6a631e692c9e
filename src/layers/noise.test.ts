/** Layers that draw random numbers: what they do in training and that they draw anew. Statistics of 20,000 draws, with bounds of five standard errors. */
import { describe, expect, it } from "vitest";
import * as ops from "../ops/index.ts";
import { jit } from "../runtime/jit.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D } from "./index.ts";

const N = 20_000;
const training = { training: true };
const numbers = async (t: Tensor): Promise<number[]> => Array.from((await t.data()) as Float32Array);
const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
const deviation = (x: readonly number[]): number => Math.sqrt(mean(x.map((v) => (v - mean(x)) ** 2)));

describe("Dropout", () => {
  it("drops a fraction and scales the rest", async () => {
    const y = await numbers(Dropout(0.3, { seed: 1 })(ops.ones([N]), training));
    expect([...new Set(y)].sort()).toEqual([0, Math.fround(1 / 0.7)]);
    const dropped = y.filter((v) => v === 0).length / N;
    expect(Math.abs(dropped - 0.3)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / N));
  });

  it("draws anew at each call, and the same again from the same seed", async () => {
    const draws = async (seed: number): Promise<string[]> => {
      const layer = Dropout(0.5, { seed });
      return [
        String(await numbers(layer(ops.ones([64]), training))),
        String(await numbers(layer(ops.ones([64]), training))),
      ];
    };
    const [first, again, other] = [await draws(7), await draws(7), await draws(8)];
    expect(first[0]).not.toBe(first[1]);
    expect(again).toEqual(first);
    expect(other[0]).not.toBe(first[0]);
  });

  it("draws anew at each run of a compiled step", async () => {
    const layer = Dropout(0.5, { seed: 7 });
    const step = jit((x: Tensor) => layer(x, training));
    const runs = [String(await numbers(await step(ops.ones([64])))), String(await numbers(await step(ops.ones([64]))))];
    expect(runs[0]).not.toBe(runs[1]);
    const eager = Dropout(0.5, { seed: 7 });
    expect(String(await numbers(eager(ops.ones([64]), training)))).toBe(runs[0]);
  });

  it("does nothing outside training, at rate 0, and to its seed when shapes are inferred", async () => {
    const layer = Dropout(0.5, { seed: 7 });
    const x = ops.ones([3]);
    expect(layer(x)).toBe(x);
    expect(layer(x, { training: false })).toBe(x);
    expect(Dropout(0)(x, training)).toBe(x);
    expect(Dropout(0).variables).toEqual([]);
    const before = await layer.seedGenerator!.state.array();
    layer.computeOutputShape([null, 3]);
    expect(await layer.seedGenerator!.state.array()).toEqual(before);
  });

  it("repeats the decisions along axes of size 1 of the noise shape", async () => {
    const y = (await Dropout(0.5, { noiseShape: [null, 1, 8] })(ops.ones([4, 3, 8]), training).array()) as number[][][];
    for (const sample of y) expect(sample.every((row) => String(row) === String(sample[0]))).toBe(true);
    expect(new Set(y.map((sample) => String(sample[0]))).size).toBeGreaterThan(1);
  });
});

describe("SpatialDropout", () => {
  it("drops whole channels", async () => {
    const y = (await SpatialDropout1D(0.5, { seed: 2 })(ops.ones([8, 5, 6]), training).array()) as number[][][];
    for (const sample of y) expect(new Set(sample.map(String)).size).toBe(1);
    expect(new Set(y.flat(2))).toEqual(new Set([0, 2]));
    const first = SpatialDropout2D(0.5, { seed: 2, dataFormat: "channels_first" });
    const z = (await first(ops.ones([4, 6, 2, 3]), training).array()) as number[][][][];
    for (const map of z.flat()) expect(new Set(map.flat()).size).toBe(1);
  });
});

describe("Gaussian layers", () => {
  it("GaussianNoise adds noise of the deviation", async () => {
    const y = await numbers(GaussianNoise(0.5, { seed: 1 })(ops.ones([N]), training));
    expect(Math.abs(mean(y) - 1)).toBeLessThan(5 * (0.5 / Math.sqrt(N)));
    expect(Math.abs(deviation(y) - 0.5)).toBeLessThan(5 * (0.5 / Math.sqrt(2 * N)));
  });

  it("GaussianDropout multiplies by noise of the deviation that dropout has", async () => {
    const y = await numbers(GaussianDropout(0.2, { seed: 1 })(ops.full([N], 2), training));
    // 2 · √(0.2 / 0.8) = 1
    expect(Math.abs(mean(y) - 2)).toBeLessThan(5 / Math.sqrt(N));
    expect(Math.abs(deviation(y) - 1)).toBeLessThan(5 / Math.sqrt(2 * N));
  });
});

describe("AlphaDropout", () => {
  it("keeps mean and variance of standard normal inputs", async () => {
    const x = GaussianNoise(1, { seed: 3 })(ops.zeros([N]), training);
    const y = await numbers(AlphaDropout(0.3, { seed: 1 })(x, training));
    expect(Math.abs(mean(y))).toBeLessThan(0.05);
    expect(Math.abs(deviation(y) - 1)).toBeLessThan(0.05);
    // a · α' + b of the dropped 30 %
    const a = (0.7 * (1 + 0.3 * 1.7580993408473766 ** 2)) ** -0.5;
    const saturated = -a * 1.7580993408473766 + a * 1.7580993408473766 * 0.3;
    const dropped = y.filter((v) => Math.abs(v - saturated) < 1e-6).length / N;
    expect(Math.abs(dropped - 0.3)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / N));
  });

  it("gives a constant at rate 1", async () => {
    const y = await numbers(AlphaDropout(1)(ops.ones([4]), training));
    expect(new Set(y).size).toBe(1);
    expect(y.every(Number.isFinite)).toBe(true);
  });
});
