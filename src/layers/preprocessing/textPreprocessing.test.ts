/** Layers for text and tables against real Keras: configs, vocabularies, results, on data and in graphs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { backendName, setBackend } from "../../backend/registry.ts";
import { resetNames } from "../../core/names.ts";
import * as ops from "../../ops/index.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import { registerAllBuiltins } from "../../registerBuiltins.ts";
import { jit } from "../../runtime/jit.ts";
import { Tensor, tensor } from "../../runtime/tensor.ts";
import type { Config } from "../../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../../serialization/serialize.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { loadFixture } from "../../testing/fixtures.ts";
import { CLASSES } from "../index.ts";
import type { LayerBase } from "../layer.ts";
import { concatenateFingerprints, fingerprint64 } from "./farmHash.ts";
import { sipHash } from "./sipHash.ts";

interface Values {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: readonly (number | string)[];
}

interface Case {
  readonly class: string;
  readonly args: Config;
  readonly adapt: unknown;
  readonly batches: readonly unknown[] | null;
  readonly inputs: unknown;
  readonly call: { count_weights: number[][] } | null;
  readonly output: Values;
  readonly made: { config: Config };
  readonly learned: { config: Config };
  readonly vocabulary?: unknown;
  readonly terms?: unknown;
  readonly size?: number;
}

interface Fixture {
  readonly cases: readonly Case[];
  readonly hashes: readonly (readonly [text: string, fast: string, strong: string, crossed: string])[];
}

type AnyLayer = LayerBase & {
  (inputs: unknown, options?: object): unknown;
  adapt(data: unknown): Promise<void>;
  getVocabulary(options?: object): unknown;
  vocabularySize(): number;
};

const { cases, hashes } = loadFixture<Fixture>("text_preprocessing");
const named = cases.map((test, i) => ({ ...test, title: `${i} ${test.class} ${JSON.stringify(test.args)}` }));
const make = (test: Case): AnyLayer => CLASSES[test.class]!.fromConfig!({ ...test.args }) as AnyLayer;

/** What the fixture's batches are after `batches`: an iterable that is not an array. */
function* each(batches: readonly unknown[]): Generator<unknown> {
  yield* batches;
}

async function learned(test: Case): Promise<AnyLayer> {
  const layer = make(test);
  if (test.adapt !== null) await layer.adapt(test.adapt);
  if (test.batches !== null) await layer.adapt(each(test.batches));
  return layer;
}

/** Keras's own dtype of vectors here is int64, but it declares floatx, which is ours. */
const dtypeOf = ({ class: name, args }: Case, { dtype }: Values): string =>
  /Lookup|TextVectorization/.test(name) && (args.output_mode ?? "int") !== "int" ? "float32" : dtype;

async function expectValues(test: Case, actual: unknown): Promise<void> {
  const { output } = test;
  expect(actual).toBeInstanceOf(Tensor);
  const t = actual as Tensor;
  expect(t.shape).toEqual(output.shape);
  expect(t.dtype).toBe(dtypeOf(test, output));
  const data = [...(await t.data())].map((x) => (typeof x === "bigint" ? Number(x) : x));
  if (t.dtype === "float32") expectAllClose(data, output.values as number[], { atol: 1e-5, rtol: 1e-5 });
  else expect(data).toEqual(output.values);
}

const callOptions = ({ call }: Case): object => (call ? { countWeights: tensor(call.count_weights) } : {});

/** Boundaries as float32, since Keras keeps them so. */
const rounded = (config: unknown): unknown =>
  JSON.parse(
    JSON.stringify(config, (_, x: unknown) => (typeof x === "number" && !Number.isInteger(x) ? x.toPrecision(6) : x)),
  );

describe("layers for text and tables", () => {
  registerAllBuiltins();
  beforeEach(resetNames);

  it.each(named)("$title: config, vocabulary, result", async (test) => {
    expect(serializeObject(make(test))).toEqual(test.made);
    resetNames();
    const layer = await learned(test);
    if (test.vocabulary) {
      expect(layer.getVocabulary()).toEqual(test.vocabulary);
      expect(layer.getVocabulary({ includeSpecialTokens: false })).toEqual(test.terms);
      expect(layer.vocabularySize()).toBe(test.size);
    }
    expect(rounded(layer.getConfig())).toEqual(rounded(test.learned.config));
    await expectValues(test, layer(test.inputs, callOptions(test)));
    const again = deserializeObject(serializeObject(layer)) as AnyLayer;
    expect(again.getConfig()).toEqual(layer.getConfig());
  });

  it.each(named)("$title: declares what it gives", async (test) => {
    const layer = await learned(test);
    const list = test.class === "HashedCrossing" ? (test.inputs as unknown[]) : [test.inputs];
    const isInteger = (x: unknown): boolean => [x].flat(9).every((v) => Number.isInteger(v));
    const isText = (x: unknown): boolean => [x].flat(9).every((v) => typeof v === "string");
    const isTruth = (x: unknown): boolean => [x].flat(9).every((v) => typeof v === "boolean");
    const floats = ["Normalization", "Discretization"].includes(test.class);
    const dtype = (x: unknown): string =>
      isText(x) ? "string" : isTruth(x) ? "bool" : isInteger(x) && !floats ? "int64" : "float32";
    const tensors = list.map((x) => tensor(x as number[], undefined, dtype(x)));
    // String tensors too.
    const given = test.class === "HashedCrossing" ? tensors : tensors[0]!;
    await expectValues(test, layer(given, callOptions(test)));
    const symbolic = tensors.map((t) => new KerasTensor(t.shape, { dtype: t.dtype }));
    const weights = test.call ? { countWeights: new KerasTensor([3, 2]) } : {};
    const result = layer(test.class === "HashedCrossing" ? symbolic : symbolic[0], weights) as KerasTensor;
    expect(result).toBeInstanceOf(KerasTensor);
    expect(result.shape.length).toBe(test.output.shape.length);
    expect(result.shape.every((d, i) => d === null || d === test.output.shape[i])).toBe(true);
    expect(result.dtype).toBe(dtypeOf(test, test.output));
  });

  const traced = named.filter(({ class: name, args }) => {
    const hashed = args.oov_method === "farmhash" || args.num_oov_indices === 0;
    return /Integer|Category|Discretization|Normalization/.test(name) && !hashed;
  });
  describe.each(["onnx", "reference"])("in a compiled program on %s", (backend) => {
    const before = backendName();
    beforeAll(() => setBackend(backend));
    afterAll(() => setBackend(before));

    it.each(traced)("$title: the same", async (test) => {
      const layer = await learned(test);
      const floats = ["Normalization", "Discretization"].includes(test.class);
      const x = tensor(test.inputs as number[], undefined, floats ? "float32" : "int64");
      await expectValues(test, await jit((t: Tensor) => layer(ops.multiply(t, 1), callOptions(test)) as Tensor)(x));
    });
  });
});

describe("hashes", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const limit = 2n ** 63n - 1n;

  it.each(hashes)("of %j", (text, fast, strong, crossed) => {
    const own = fingerprint64(bytes(text));
    expect(String(own % limit)).toBe(fast);
    expect(String(sipHash(bytes(text), [5n, BigInt.asUintN(64, -77n)]) % limit)).toBe(strong);
    const cross = concatenateFingerprints(concatenateFingerprints(0xdecafcaffen, own), 12n);
    expect(String(cross % limit)).toBe(crossed);
  });

  it("include the reference vector of SipHash-2-4", () => {
    const count = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i);
    // Key 00 01 … 0f, message 00 01 … 0e (Aumasson and Bernstein, appendix A).
    expect(sipHash(count(15), [0x0706050403020100n, 0x0f0e0d0c0b0a0908n])).toBe(0xa129ca6149be45e5n);
  });
});
