/** Initializers against real Keras (test/fixtures/initializers.json): values without chance, distributions, configs. */
import { describe, expect, it } from "vitest";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { type Config, registerBuiltins } from "../serialization/registry.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import * as initializers from "./index.ts";

interface Limits {
  readonly shape: number[];
  readonly mean: number;
  readonly std: number;
  /** Largest absolute value; `null` where there is none, or it is not centred. */
  readonly bound: number | null;
}

interface Case {
  readonly class: string;
  readonly args: Config;
  readonly config: Config;
  readonly values: readonly EncodedArray[] | null;
  readonly limits: readonly Limits[] | null;
}

const fixture = loadFixture<{
  cases: Case[];
  fans: { shape: number[]; fans: [number, number] }[];
  initializer_names: Record<string, string | null>;
}>("initializers");

registerBuiltins("keras.initializers", initializers.CLASSES);

type Make = (options: Config) => initializers.Initializer;
const create = ({ class: name, args }: Pick<Case, "class" | "args">): initializers.Initializer =>
  (initializers as unknown as Record<string, Make>)[name]!(args);
const labelled = fixture.cases.map((c) => [`${c.class} ${JSON.stringify(c.args)}`, c] as const);
const floats = async (x: Tensor): Promise<number[]> => Array.from((await x.data()) as Float32Array);

const average = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const deviation = (xs: readonly number[]): number => {
  const mean = average(xs);
  return Math.sqrt(average(xs.map((x) => (x - mean) ** 2)));
};

describe("initializers", () => {
  it.each(labelled)("%s", async (_, c) => {
    const initializer = create(c);
    const config = initializers.serialize(initializer) as Config;
    expect(config).toEqual(c.config);
    expect(initializers.serialize(initializers.deserialize(config))).toEqual(config);
    for (const value of c.values ?? []) {
      const ours = initializer(value.shape);
      expect(ours.shape).toEqual(value.shape);
      // Keras takes the cosine of angles that float32 has rounded.
      const bounds = c.class === "STFT" ? { atol: 2e-6, rtol: 0 } : {};
      expectAllClose(await floats(ours), decodeNumbers(value), bounds);
    }
    for (const { shape, mean, std, bound } of c.limits ?? []) {
      const sample = await floats(create({ ...c, args: { ...c.args, seed: 7 } })(shape));
      const error = std / Math.sqrt(sample.length); // of the mean; that of the deviation is smaller
      expect(Math.abs(average(sample) - mean)).toBeLessThan(5 * error);
      expect(Math.abs(deviation(sample) - std)).toBeLessThan(5 * error);
      if (bound !== null) expect(Math.max(...sample.map(Math.abs))).toBeLessThanOrEqual(bound * 1.0001);
    }
  });

  it.each(fixture.fans.map((f) => [`(${f.shape})`, f] as const))("fans of %s", (_, { shape, fans }) => {
    expect(initializers.computeFans(shape)).toEqual(fans);
  });

  const names = Object.entries(fixture.initializer_names).filter(([, cls]) => cls !== null && cls !== "Initializer");
  it.each(names)("get %s", (name, cls) => {
    expect(initializers.get(name)).toBeInstanceOf(initializers.CLASSES[cls!]!);
  });

  it("give the same values for one seed, and for one object", async () => {
    const make = (seed?: number): initializers.Initializer =>
      initializers.GlorotUniform(seed === undefined ? {} : { seed });
    const first = await floats(make(3)([4, 4]));
    expect(await floats(make(3)([4, 4]))).toEqual(first);
    expect(await floats(make(4)([4, 4]))).not.toEqual(first);
    const unseeded = make();
    expect(await floats(unseeded([4, 4]))).toEqual(await floats(unseeded([4, 4])));
    expect(await floats(make()([4, 4]))).not.toEqual(await floats(unseeded([4, 4])));
  });

  it.each([[[6, 6]], [[8, 3]], [[3, 8]], [[2, 2, 2, 5]]])("Orthogonal %s", async (shape) => {
    const gain = 2;
    const columns = shape.at(-1)!;
    const q = await floats(initializers.Orthogonal({ gain, seed: 1 })(shape));
    const rows = q.length / columns;
    const wide = rows < columns;
    const [count, length] = wide ? [rows, columns] : [columns, rows];
    const at = (vector: number, i: number): number => q[wide ? vector * columns + i : i * columns + vector]!;
    for (let a = 0; a < count; a++) {
      for (let b = 0; b < count; b++) {
        let dot = 0;
        for (let i = 0; i < length; i++) dot += at(a, i) * at(b, i);
        expect(dot).toBeCloseTo(a === b ? gain ** 2 : 0, 5);
      }
    }
  });

  it("make other dtypes", async () => {
    expect(initializers.Ones()([2], "int32").dtype).toBe("int32");
    expect(initializers.HeNormal({ seed: 1 })([2, 2], "float16").dtype).toBe("float16");
    expect(initializers.Orthogonal({ seed: 1 })([2, 2], "bfloat16").dtype).toBe("bfloat16");
  });

  it("take a constant beyond the integers of 32 bits", async () => {
    expect(
      await initializers
        .Constant(2 ** 40)([1], "float32")
        .array(),
    ).toEqual([2 ** 40]);
  });

  it("take a constant of several values", async () => {
    const constant = initializers.Constant([1, 2]);
    expect(await constant([3, 2]).array()).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    expect(
      await initializers
        .get(tensor([5, 6]))([2])
        .array(),
    ).toEqual([5, 6]);
  });

  it("have other names", () => {
    const { stft, STFTInitializer, STFT, glorotNormal, GlorotNormal, IdentityInitializer, Identity } = initializers;
    expect([stft, STFTInitializer]).toEqual([STFT, STFT]);
    expect([glorotNormal, IdentityInitializer]).toEqual([GlorotNormal, Identity]);
  });

  it("STFT takes the values of a window, as numbers or as a tensor, and other dtypes", async () => {
    const window = [0.5, 1, 1, 0.5];
    const byName = await floats(initializers.STFT({ window: "boxcar", scaling: null })([4, 1, 3]));
    const expected = byName.map((x, i) => x * window[Math.floor(i / 3)]! * (1 / 3)); // Σ window = 3
    for (const given of [window, tensor(window)]) {
      const kernel = initializers.STFT("real", { window: given, scaling: "spectrum" })([4, 1, 3], "float64");
      expect(kernel.dtype).toBe("float64");
      expectAllClose(await floats(kernel), expected);
    }
  });

  const errors: [string, () => unknown, string][] = [
    ["name", () => initializers.get("glorot_unifrom"), 'unknown initializer "glorot_unifrom". Did you mean "'],
    [
      "seed",
      () => initializers.HeNormal({ seed: 0.5 }),
      "HeNormal: expected `seed` to be an integer or null. Received: 0.5",
    ],
    ["option", () => initializers.RandomNormal({ std: 1 } as never), "RandomNormal: unknown option `std`"],
    ["scale", () => initializers.VarianceScaling({ scale: 0 }), "VarianceScaling: expected `scale` to be positive"],
    [
      "mode",
      () => initializers.VarianceScaling({ mode: "fan" as never }),
      '`mode` to be "fan_in", "fan_out" or "fan_avg"',
    ],
    ["distribution", () => initializers.VarianceScaling({ distribution: "gauss" as never }), "expected `distribution`"],
    ["dtype", () => initializers.HeNormal()([2, 2], "int32"), 'HeNormal: expected a float dtype. Received: "int32"'],
    ["Identity", () => initializers.Identity()([2]), "Identity: expected a shape of rank 2"],
    ["Orthogonal", () => initializers.Orthogonal()([2]), "Orthogonal: expected a shape of rank 2 or more"],
    [
      "STFT's side",
      () => initializers.STFT("left" as never),
      'STFT: expected `side` to be "real" or "imag". Received: "left"',
    ],
    [
      "STFT's scaling",
      () => initializers.STFT({ scaling: "none" as never }),
      'STFT: expected `scaling` to be "density", "spectrum" or null',
    ],
    [
      "STFT's window",
      () => initializers.STFT({ window: "haan" }),
      'STFT: unknown window "haan". Did you mean "hann"? Known: barthann, ',
    ],
    [
      "a shape for STFT",
      () => initializers.STFT()([4, 2, 3]),
      "STFT: expected the shape (frameLength, 1, fftLength / 2 + 1). Received: (4, 2, 3)",
    ],
    [
      "a window of another length",
      () => initializers.STFT({ window: [1, 2] })([4, 1, 3]),
      "STFT: expected `window` to have the frame's length, shape (4,). Received: (2,)",
    ],
    ["TruncatedNormal", () => initializers.TruncatedNormal({ mena: 1 } as never), "TruncatedNormal: unknown option"],
  ];
  it.each(errors)("error: %s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
