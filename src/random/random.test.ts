import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { setBackend } from "../backend/registry.ts";
import { setFloatx } from "../core/config.ts";
import { DTypeError, ShapeError } from "../core/errors.ts";
import { jit } from "../runtime/jit.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { fillTruncatedNormal, fillUniform, hostNormal, hostPermutation } from "./hostRandom.ts";
import * as random from "./index.ts";

const { SeedGenerator } = random;
const numbers = async (t: Tensor): Promise<number[]> => Array.from((await t.data()) as Float32Array, Number);

/** Mean, variance and skewness. */
function moments(x: readonly number[]): [mean: number, variance: number, skewness: number] {
  const mean = x.reduce((s, v) => s + v, 0) / x.length;
  const central = (p: number) => x.reduce((s, v) => s + (v - mean) ** p, 0) / x.length;
  const variance = central(2);
  return [mean, variance, central(3) / variance ** 1.5];
}

/** Largest distance between the empirical distribution function and the true one (Kolmogorov–Smirnov). */
function distanceTo(cdf: (x: number) => number, sample: readonly number[]): number {
  const sorted = [...sample].sort((a, b) => a - b);
  return Math.max(...sorted.map((x, i) => Math.max(cdf(x) - i / sorted.length, (i + 1) / sorted.length - cdf(x))));
}

/** The distance that a sample of n exceeds with probability 2e-9: 2 exp(−2 n d²). Seeds are fixed, so it is no flake. */
const bound = (n: number): number => Math.sqrt(-Math.log(1e-9) / (2 * n));

/** Φ, by Abramowitz and Stegun 7.1.26: error below 1.5e-7. */
function normalCdf(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const erf = 1 - poly * Math.exp(-z * z);
  return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}

/** χ² of counts against equal or given probabilities, in units of its standard deviation from its mean. */
function chiSquareScore(counts: readonly number[], probabilities = counts.map(() => 1 / counts.length)): number {
  const n = counts.reduce((s, c) => s + c, 0);
  const chi2 = counts.reduce((s, c, i) => s + (c - n * probabilities[i]!) ** 2 / (n * probabilities[i]!), 0);
  const freedom = counts.length - 1;
  return (chi2 - freedom) / Math.sqrt(2 * freedom);
}

const count = (values: readonly number[], kinds: number): number[] => {
  const counts = new Array<number>(kinds).fill(0);
  for (const v of values) counts[v] = (counts[v] ?? 0) + 1;
  return counts;
};

const N = 20_000;
const ENGINES = ["onnx", "reference"];

describe.each(ENGINES)("distributions on %s", (engine) => {
  beforeAll(() => setBackend(engine));
  afterAll(() => setBackend("onnx"));

  it("uniform: every value in [minval, maxval), none favoured", async () => {
    const x = await numbers(random.uniform([N], { minval: -2, maxval: 6, seed: 1 }));
    expect(Math.min(...x)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...x)).toBeLessThan(6);
    expect(distanceTo((v) => (v + 2) / 8, x)).toBeLessThan(bound(N));
    // Neighbours are independent: a correlation of n pairs is within 5 / √n.
    const [mean, variance] = moments(x);
    const lag = x.slice(1).reduce((s, v, i) => s + (v - mean) * (x[i]! - mean), 0) / (N * variance);
    expect(Math.abs(lag)).toBeLessThan(5 / Math.sqrt(N));
  });

  it("normal: mean, deviation, symmetry and shape", async () => {
    const x = await numbers(random.normal([N], { mean: 3, stddev: 2, seed: 2 }));
    const [mean, variance, skewness] = moments(x);
    expect(Math.abs(mean - 3)).toBeLessThan((5 * 2) / Math.sqrt(N));
    expect(Math.abs(variance - 4)).toBeLessThan(5 * 4 * Math.sqrt(2 / N));
    expect(Math.abs(skewness)).toBeLessThan(5 * Math.sqrt(6 / N));
    expect(distanceTo((v) => normalCdf((v - 3) / 2), x)).toBeLessThan(bound(N));
  });

  it("normal: the two numbers of a pair are independent", async () => {
    const x = await numbers(random.normal([N], { seed: 3 }));
    const dot = x.slice(0, N / 2).reduce((s, v, i) => s + v * x[i + N / 2]!, 0);
    expect(Math.abs(dot)).toBeLessThan(5 * Math.sqrt(N / 2));
    expect(await numbers(random.normal([3], { seed: 3 }))).toHaveLength(3); // an odd number of them
  });

  it("truncatedNormal: nothing beyond two deviations, the normal shape within", async () => {
    const x = await numbers(random.truncatedNormal([N], { mean: 1, stddev: 0.5, seed: 4 }));
    expect(Math.max(...x.map((v) => Math.abs(v - 1)))).toBeLessThanOrEqual(1);
    const inside = normalCdf(2) - normalCdf(-2);
    expect(distanceTo((v) => (normalCdf((v - 1) / 0.5) - normalCdf(-2)) / inside, x)).toBeLessThan(bound(N));
  });

  it("randint: all integers of the range, equally", async () => {
    const x = await numbers(random.randint([N], -3, 4, { seed: 5 }));
    expect(
      Math.abs(
        chiSquareScore(
          count(
            x.map((v) => v + 3),
            7,
          ),
        ),
      ),
    ).toBeLessThan(6);
    const large = await numbers(random.randint([2000], -(2 ** 30), 2 ** 30, { seed: 6 }));
    expect(distanceTo((v) => v / 2 ** 31 + 0.5, large)).toBeLessThan(bound(2000));
    const high = await numbers(random.randint([2000], 2 ** 31, 2 ** 32, { seed: 7, dtype: "uint32" }));
    expect(Math.min(...high)).toBeGreaterThanOrEqual(2 ** 31);
    expect(await numbers(random.randint([3], 7, 8))).toEqual([7, 7, 7]);
    expect(new Set(await numbers(random.randint([500], 250, 256, { dtype: "uint8" })))).toEqual(
      new Set([250, 251, 252, 253, 254, 255]),
    );
  });

  it("categorical: classes as often as the softmax says", async () => {
    const logits = tensor([
      [0, Math.log(2), Math.log(5)],
      [Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY],
    ]);
    const drawn = random.categorical(logits, N, { seed: 8 });
    expect([drawn.shape, drawn.dtype]).toEqual([[2, N], "int32"]);
    const x = await numbers(drawn);
    expect(Math.abs(chiSquareScore(count(x.slice(0, N), 3), [1 / 8, 2 / 8, 5 / 8]))).toBeLessThan(6);
    expect(new Set(x.slice(N))).toEqual(new Set([1]));
  });

  it("dropout: the share of zeros, and the expected sum", async () => {
    const x = await numbers(random.dropout(tensor(new Float32Array(N).fill(2)), 0.3, { seed: 9 }));
    const zeros = x.filter((v) => v === 0).length;
    expect(Math.abs(zeros - 0.3 * N)).toBeLessThan(5 * Math.sqrt(N * 0.3 * 0.7));
    const kept = x.find((v) => v !== 0)!;
    expect(kept).toBeCloseTo(2 / 0.7, 5);
    const ones = tensor([
      [1, 1],
      [1, 1],
    ]);
    expect(await random.dropout(ones, 0).array()).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(await random.dropout(ones, 1).array()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(await numbers(random.dropout(tensor(new Float32Array(1000).fill(1)), 1 - 2 ** -40))).toEqual(
      new Array(1000).fill(0),
    );
  });

  it("dropout: one decision for what `noiseShape` joins", async () => {
    const x = await random
      .dropout(tensor(new Float32Array(400).fill(1), [100, 4]), 0.5, { noiseShape: [null, 1], seed: 1 })
      .array();
    for (const row of x) expect(new Set(row).size).toBe(1);
    expect(new Set(x.map((row: number[]) => row[0]))).toEqual(new Set([0, 2]));
    expect(await random.dropout(tensor([Number.POSITIVE_INFINITY]), 0.999, { seed: 1 }).array()).toEqual([0]);
  });

  it("shuffle: each order as often as the others, along any axis", async () => {
    const orders = await Promise.all(
      Array.from({ length: 600 }, (_, seed) => random.shuffle(tensor([0, 1, 2]), { seed }).array()),
    );
    const index = (o: number[]) => ["0,1,2", "0,2,1", "1,0,2", "1,2,0", "2,0,1", "2,1,0"].indexOf(String(o));
    expect(Math.abs(chiSquareScore(count(orders.map(index), 6)))).toBeLessThan(6);
    const x = tensor([
      [1, 2, 3, 4],
      [10, 20, 30, 40],
    ]);
    const columns = await random.shuffle(x, { axis: 1, seed: 3 }).array();
    expect(columns[1]).toEqual(columns[0].map((v: number) => v * 10));
    expect([...columns[0]].sort()).toEqual([1, 2, 3, 4]);
    expect(await random.shuffle(tensor([])).array()).toEqual([]);
    expect(await random.shuffle(tensor([5])).array()).toEqual([5]);
  });

  it("draws every shape and float dtype", async () => {
    for (const dtype of ["float16", "bfloat16", "float32", "float64"]) {
      const u = random.uniform([4000], { dtype, seed: 1 });
      const values = (await u.array()) as number[];
      expect([u.dtype, Math.max(...values) < 1, Math.min(...values) >= 0]).toEqual([dtype, true, true]);
      expect(Math.abs(moments(values)[0] - 0.5)).toBeLessThan(0.03);
      expect(random.normal([2], { dtype }).dtype).toBe(dtype);
      expect(random.truncatedNormal([2], { dtype }).dtype).toBe(dtype);
    }
    expect(await random.normal([0, 3]).array()).toEqual([]);
    expect(typeof (await random.uniform([]).array())).toBe("number");
    setFloatx("float16");
    expect(random.normal([1]).dtype).toBe("float16");
    setFloatx("float32");
  });
});

describe("engines agree", () => {
  afterEach(() => setBackend("onnx"));
  const draws: [string, () => Tensor, number][] = [
    ["uniform", () => random.uniform([3, 5], { seed: 1 }), 0],
    ["randint", () => random.randint([3000], 0, 1000, { seed: 2 }), 0],
    ["dropout", () => random.dropout(tensor(new Float32Array(100).fill(1)), 0.5, { seed: 3 }), 0],
    ["shuffle", () => random.shuffle(tensor(Int32Array.from({ length: 50 }, (_, i) => i)), { seed: 4 }), 0],
    ["categorical", () => random.categorical(tensor([[1, 2, 3]]), 50, { seed: 4 }), 0],
    ["normal", () => random.normal([501], { seed: 5 }), 3e-6],
    ["truncatedNormal", () => random.truncatedNormal([501], { seed: 6 }), 3e-6],
  ];
  it.each(draws)("%s", async (_, draw, tolerance) => {
    const results = [];
    for (const engine of ENGINES) {
      setBackend(engine);
      results.push(await numbers(draw()));
    }
    const [a, b] = results as [number[], number[]];
    expect(Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))).toBeLessThanOrEqual(tolerance);
  });
});

describe("seeds", () => {
  const draw = (seed: random.Seed) => numbers(random.uniform([4], { seed }));

  it("that are numbers give the same values each time", async () => {
    expect(await draw(7)).toEqual(await draw(7));
    expect(await draw(7)).not.toEqual(await draw(8));
    expect(await draw(0)).not.toContain(0);
    expect(await draw(2 ** 32 - 1)).toHaveLength(4);
  });

  it("that are neighbours do not give the same values in another order", async () => {
    const [a, b] = await Promise.all([0, 1].map((seed) => numbers(random.uniform([1024], { seed }))));
    const shared = a!.filter((v) => new Set(b).has(v)).length;
    expect(shared).toBeLessThan(5); // 1024² / 2²⁴ = 0.06 are expected
    const [p, q] = [hostNormal(0, 512), hostNormal(1, 512)];
    expect(p.filter((v) => q.includes(v))).toHaveLength(0);
  });

  it("that are generators give new values at each draw, and the same sequence again", async () => {
    const sequence = async (): Promise<number[][]> => {
      const seed = SeedGenerator(1337);
      return [await draw(seed), await draw(seed), await draw(seed)];
    };
    const first = await sequence();
    expect(new Set(first.map(String)).size).toBe(3);
    expect(await sequence()).toEqual(first);
    const [a, b] = [new SeedGenerator(), new SeedGenerator()];
    expect(await draw(a)).not.toEqual(await draw(b));
  });

  it("draw anew at each run of a compiled function", async () => {
    const compiledWith = async (make: () => random.Seed): Promise<number[][]> => {
      const seed = make();
      const f = jit(() => [random.uniform([4], { seed }), random.normal([2], { seed })]);
      const runs = [];
      for (let i = 0; i < 3; i++) runs.push(...(await Promise.all((await f()).map(numbers))));
      return runs;
    };
    const runs = await compiledWith(() => SeedGenerator(5));
    expect(new Set(runs.map(String)).size).toBe(6);
    expect(await compiledWith(() => SeedGenerator(5))).toEqual(runs);
    const eager = SeedGenerator(5);
    expect(await draw(eager)).toEqual(runs[0]);
    const fixed = await compiledWith(() => 3);
    expect(fixed[0]).toEqual(fixed[2]);
  });

  it("all start again with setRandomSeed", async () => {
    const compiled = jit(() => random.uniform([3]));
    const kept = SeedGenerator(1);
    await draw(kept);
    const everything = async (seed: number) => {
      random.setRandomSeed(seed);
      return [
        await numbers(random.uniform([3])),
        await numbers(await compiled()),
        random.makeDefaultSeed(),
        await draw(SeedGenerator()),
        await numbers(random.normal([3])),
      ];
    };
    const first = await everything(42);
    expect(await everything(42)).toEqual(first);
    expect(await everything(43)).not.toEqual(first);
    // Generators that exist go on, as in Keras.
    const other = SeedGenerator(1);
    await draw(other);
    random.setRandomSeed(42);
    expect(await draw(kept)).toEqual(await draw(other));
  });

  it("from the process-wide source are integers from 1 to 1e9", () => {
    random.setRandomSeed(0);
    const seeds = Array.from({ length: 1000 }, random.makeDefaultSeed);
    expect(seeds.every((s) => Number.isInteger(s) && s >= 1 && s <= 1e9)).toBe(true);
    expect(new Set(seeds).size).toBe(1000);
  });

  it("of generators are part of their config", () => {
    const generator = SeedGenerator(9, { name: "noise" });
    expect(generator.getConfig()).toEqual({ seed: 9, name: "noise" });
    expect(SeedGenerator.fromConfig(generator.getConfig()).getConfig()).toEqual({ seed: 9, name: "noise" });
    expect(SeedGenerator({ seed: 3 }).getConfig().seed).toBe(3);
    expect(new SeedGenerator().getConfig().seed).toBeNull();
    expect([generator.state.path, generator.state.trainable, generator.state.dtype]).toEqual([
      "noise/seed_generator_state",
      false,
      "uint32",
    ]);
  });
});

describe("host orders", () => {
  it("are permutations, repeat with their seed and differ between seeds", () => {
    for (const n of [0, 1, 2, 1000]) {
      expect([...hostPermutation(1, n)].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
    }
    expect(hostPermutation(5, 100)).toEqual(hostPermutation(5, 100));
    expect(hostPermutation(5, 100)).not.toEqual(hostPermutation(6, 100));
  });

  it("put every element at every place equally often", () => {
    const n = 8;
    const places = Array.from({ length: n }, () => new Array<number>(n).fill(0));
    for (let seed = 0; seed < 8000; seed++) {
      hostPermutation(seed, n).forEach((element, place) => {
        places[element]![place]!++;
      });
    }
    for (const counts of places) expect(Math.abs(chiSquareScore(counts))).toBeLessThan(6);
  });

  // More than one block of words, and a part of one.
  it("fillUniform draws what uniform draws", async () => {
    const drawn = await random.uniform([9000], { minval: -0.1, maxval: 0.3, seed: 11 }).data();
    expect(fillUniform(new Float32Array(9000), 11, -0.1, 0.3, 24)).toEqual(drawn);
    const wide = await random.uniform([10], { minval: -0.1, maxval: 0.3, seed: 11, dtype: "float64" }).data();
    expect(fillUniform(new Float64Array(10), 11, -0.1, 0.3, 24)).toEqual(wide);
  });

  it("fillTruncatedNormal draws what truncatedNormal draws, up to rounding", async () => {
    const drawn = (await random.truncatedNormal([9000], { mean: 2, stddev: 0.5, seed: 3 }).data()) as Float32Array;
    const ours = fillTruncatedNormal(new Float32Array(9000), 3, 2, 0.5);
    expect(Math.max(...ours.map((x, i) => Math.abs(x - drawn[i]!)))).toBeLessThan(1e-6);
  });

  it("hostNormal is normal", () => {
    const x = Array.from(hostNormal(1, N));
    expect(distanceTo(normalCdf, x)).toBeLessThan(bound(N));
    expect(hostNormal(1, 3)).toEqual(hostNormal(1, 4).slice(0, 3));
  });
});

describe("errors", () => {
  it.each<[string, () => unknown, new (text: string) => Error, string]>([
    [
      "a shape",
      () => random.normal([-1]),
      ShapeError,
      "normal: expected a shape of non-negative integers. Received: [-1]",
    ],
    ["no shape", () => random.uniform(3 as unknown as number[]), ShapeError, "uniform: expected a shape"],
    [
      "a dtype",
      () => random.uniform([1], { dtype: "int32" }),
      DTypeError,
      'uniform: expected a float dtype. Received: "int32"',
    ],
    ["an option", () => random.normal([1], { std: 1 } as object), TypeError, "unknown option `std`"],
    [
      "a seed",
      () => random.normal([1], { seed: -1 }),
      RangeError,
      "a SeedGenerator, null or an integer from 0 to 2^32 - 1. Received: -1",
    ],
    [
      "a seed's kind",
      () => random.normal([1], { seed: "1" as unknown as number }),
      TypeError,
      'normal: expected `seed` to be a SeedGenerator, null or an integer from 0 to 2^32 - 1. Received: "1"',
    ],
    [
      "a generator's seed",
      () => SeedGenerator(0.5),
      RangeError,
      "SeedGenerator: expected `seed` to be null or an integer from 0",
    ],
    ["a generator's option", () => SeedGenerator({ sed: 1 } as object), TypeError, 'Did you mean "seed"?'],
    [
      "the process-wide seed",
      () => random.setRandomSeed(2 ** 32),
      RangeError,
      "setRandomSeed: expected `seed` to be an integer from 0",
    ],
    [
      "an empty range",
      () => random.randint([1], 3, 3),
      RangeError,
      "randint: expected integers with minval < maxval, at most 2^31 apart. Received: minval=3, maxval=3",
    ],
    [
      "a range beyond the dtype",
      () => random.randint([1], 0, 300, { dtype: "uint8" }),
      RangeError,
      'expected values from 0 to 255 for dtype "uint8"',
    ],
    [
      "a range of floats",
      () => random.randint([1], 0, 2, { dtype: "float32" }),
      DTypeError,
      "randint: expected an integer dtype",
    ],
    [
      "logits",
      () => random.categorical([1, 2], 3),
      ShapeError,
      "categorical: expected logits of shape (batch, classes). Received: (2,)",
    ],
    ["no classes", () => random.categorical(tensor([[]]), 3), ShapeError, "Received: (1, 0)"],
    ["a count", () => random.categorical([[1]], -1), RangeError, "expected `numSamples` to be a count. Received: -1"],
    ["a rate", () => random.dropout([1], 1.5), RangeError, "dropout: expected `rate` from 0 to 1. Received: 1.5"],
    [
      "a noise shape",
      () => random.dropout([1, 2], 0.5, { noiseShape: [2, 2] }),
      ShapeError,
      "expected `noiseShape` to broadcast to (2,). Received: (2, 2)",
    ],
    ["an axis", () => random.shuffle([1], { axis: 1 }), RangeError, "shuffle: axis 1 is out of range for rank 1"],
  ])("name %s", (_, act, Kind, words) => {
    expect(act).toThrow(Kind);
    expect(act).toThrow(words);
  });
});
