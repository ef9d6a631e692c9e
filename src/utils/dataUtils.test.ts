/** Sequences, windows, splits and folders of files against real Keras: test/fixtures/data_utils.json. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { platform, setPlatform } from "../core/platform.ts";
import { Dataset } from "../data/index.ts";
import { nodePlatform } from "../platform/node.ts";
import { Tensor, tensor } from "../runtime/tensor.ts";
import { decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import { numpyShuffle, pythonShuffle } from "./numpyRandom.ts";
import { padSequences } from "./sequences.ts";
import { splitDataset } from "./splitDataset.ts";
import { textDatasetFromDirectory } from "./textDataset.ts";
import { timeseriesDatasetFromArray } from "./timeseries.ts";
import { packXYSampleWeight, unpackXYSampleWeight } from "./xySampleWeight.ts";

interface Fixture {
  readonly orders: readonly { n: number; seed: number; numpy: number[]; python: number[] }[];
  readonly padded: readonly {
    options: Record<string, unknown>;
    sequences: number[][];
    result: EncodedArray | string[][];
  }[];
  readonly series: readonly { options: Record<string, number | null>; targets: boolean; batches: unknown[] }[];
  readonly splits: readonly { options: Record<string, unknown>; left: unknown[]; right: unknown[] }[];
  readonly files: Readonly<Record<string, string>>;
  readonly folders: readonly { options: Record<string, unknown>; class_names: string[] | null; elements: unknown[] }[];
}

const fixture = loadFixture<Fixture>("data_utils");
const camel = (options: Record<string, unknown>): Record<string, never> =>
  Object.fromEntries(
    Object.entries(options).map(([k, v]) => [k.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()), v as never]),
  );

async function plain(value: unknown): Promise<unknown> {
  if (value instanceof Tensor) return value.array();
  return Array.isArray(value) ? Promise.all(value.map(plain)) : value;
}
const words = (run: () => unknown): Promise<string> =>
  Promise.resolve()
    .then(run)
    .then(
      () => "",
      (error: Error) => error.message,
    );

describe("shuffles", () => {
  it.each(fixture.orders)("of $n items with seed $seed are NumPy's and Python's", ({ n, seed, numpy, python }) => {
    const items = Array.from({ length: n }, (_, i) => i);
    expect(numpyShuffle(items, seed).slice(-numpy.length)).toEqual(numpy);
    expect(pythonShuffle(items, seed).slice(-python.length)).toEqual(python);
  });
});

describe("padSequences", () => {
  it.each(fixture.padded)("with $options", async ({ options, sequences, result }) => {
    const padded = padSequences(sequences, options);
    if (Array.isArray(result)) {
      expect([padded.dtype, await padded.array()]).toEqual(["string", result]);
      return;
    }
    expect([padded.shape, padded.dtype]).toEqual([result.shape, result.dtype]);
    expect(Array.from((await padded.data()) as Float32Array)).toEqual(decodeNumbers(result));
  });

  it("takes typed arrays and tensors, and says what does not fit", async () => {
    expect(await padSequences([Int32Array.of(1), tensor([2, 3])]).array()).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(padSequences([]).shape).toEqual([0, 0]);
    expect(() => padSequences([3] as never)).toThrow("padSequences: sequence 0: expected numbers or strings in a list");
    const forStrings = 'For strings give both: { dtype: "string", value: "" }';
    expect(() => padSequences([[], ["b", "c"]])).toThrow(
      `padSequences: sequence 1 holds strings, and the result is of dtype int32. ${forStrings}`,
    );
    expect(() => padSequences([["b"]], { dtype: "string" })).toThrow(
      `padSequences: expected \`value\` to be a string, as \`dtype\` is "string". Received: 0. ${forStrings}`,
    );
    expect(() => padSequences([["b"]], { value: "z" })).toThrow(
      `expected \`value\` to be a number, as \`dtype\` is "int32". Received: "z". ${forStrings}`,
    );
    expect(() => padSequences([[1]], { dtype: "string", value: "" })).toThrow(
      "sequence 0 holds numbers, and the result is of dtype string. Leave `dtype` and `value` out",
    );
    expect(() => padSequences([[[1, 2]], [[1]]])).toThrow("sequence 1 has steps of shape (1,); expected (2,)");
    expect(() => padSequences([[1]], { padding: "left" as never })).toThrow('expected `padding` to be "pre" or "post"');
    expect(() => padSequences([[1]], { maxlen: -1 })).toThrow("expected `maxlen` to be a non-negative integer");
    expect(() => padSequences([[1]], { maxLen: 2 } as never)).toThrow('Did you mean "maxlen"?');
  });
});

describe("timeseriesDatasetFromArray", () => {
  const data = Array.from({ length: 20 }, (_, i) => i);
  it.each(fixture.series)("with $options, targets: $targets", async ({ options, targets, batches }) => {
    const { sequenceLength, ...rest } = camel(options);
    const given = targets ? data.map((n) => n * 10) : null;
    const dataset = timeseriesDatasetFromArray(data, given as never, sequenceLength as never, rest);
    expect(await plain(await dataset.toArray())).toEqual(batches);
  });

  it("keeps further axes, shuffles repeatably, and says what does not fit", async () => {
    const wide = tensor(
      Float32Array.from({ length: 12 }, (_, i) => i),
      [6, 2],
    );
    const [batch] = await timeseriesDatasetFromArray(wide, null, 3).toArray();
    expect(batch!.shape).toEqual([4, 3, 2]);
    const order = async (seed: number): Promise<unknown> =>
      plain(await timeseriesDatasetFromArray(data, data, 2, { shuffle: true, seed }).toArray());
    expect(await order(3)).toEqual(await order(3));
    expect(await order(3)).not.toEqual(await order(4));
    expect(() => timeseriesDatasetFromArray(data, null, 30)).toThrow(
      "no window fits. Received: 20 entries; a window spans 30",
    );
    expect(() => timeseriesDatasetFromArray(data, null, 2, { startIndex: 25 })).toThrow(
      "from 0 to 19, the last entry. Received: 25",
    );
    expect(() => timeseriesDatasetFromArray(data, null, 2, { startIndex: 5, endIndex: 5 })).toThrow(
      "from 6 to 19. Received: 5",
    );
    expect(() => timeseriesDatasetFromArray(data, null, 2, { samplingRate: 0 })).toThrow(
      "`samplingRate` to be a positive integer",
    );
  });
});

describe("splitDataset", () => {
  // Typed: two lists of numbers would be one array of two rows.
  const arrays = [
    Int32Array.from({ length: 10 }, (_, i) => i),
    Int32Array.from({ length: 10 }, (_, i) => 2 * i),
  ] as const;
  it.each(fixture.splits)("with $options", async ({ options, left, right }) => {
    for (const source of [arrays, Dataset.fromTensorSlices(arrays)]) {
      const [a, b] = await splitDataset(source as Dataset<unknown>, camel(options));
      expect([await plain(await a.toArray()), await plain(await b.toArray())]).toEqual([left, right]);
    }
  });

  it("says what does not fit", async () => {
    expect(await words(() => splitDataset(arrays, {}))).toContain("give `leftSize`, `rightSize` or both");
    expect(await words(() => splitDataset(arrays, { leftSize: 12 }))).toContain(
      "`leftSize` to be an integer from 1 to 9, or a fraction between 0 and 1. Received: 12; there are 10 elements",
    );
    expect(await words(() => splitDataset(arrays, { leftSize: 6, rightSize: 6 }))).toContain(
      "10 elements do not split into 6 and 6",
    );
    expect(await words(() => splitDataset(arrays, { leftSize: 0.01 }))).toContain("do not split into 0 and 10");
  });
});

describe("textDatasetFromDirectory", () => {
  let root = "";
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "keras-ts-"));
    for (const [name, text] of Object.entries(fixture.files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
  });
  afterAll(() => rmSync(root, { recursive: true }));
  const quiet = { verbose: false, batchSize: null } as const;

  it.each(fixture.folders)("with $options", async ({ options, class_names, elements }) => {
    const dataset = await textDatasetFromDirectory(root, { ...quiet, ...camel(options) });
    expect(dataset.classNames).toEqual(class_names);
    const found = (await plain(await dataset.toArray())) as unknown[];
    const asSet = options.seed !== undefined;
    expect(asSet ? found.map((element) => (element as string[])[0]).sort() : found).toEqual(elements);
    expect(dataset.filePaths.length).toBe(elements.length);
  });

  it("makes batches, both parts at once, and says how many files there are", async () => {
    const write = vi.fn();
    setPlatform({ ...nodePlatform, terminal: { ...nodePlatform.terminal, write } });
    const [train, val] = await textDatasetFromDirectory(root, {
      subset: "both",
      validationSplit: 0.25,
      seed: 3,
      batchSize: 4,
    });
    setPlatform(nodePlatform);
    expect(write.mock.calls.map(([text]) => text)).toEqual([
      "Found 8 files belonging to 3 classes.\n",
      "Using 6 files for training.\n",
      "Using 2 files for validation.\n",
    ]);
    const all = [...train.filePaths, ...val.filePaths];
    expect(new Set(all).size).toBe(8);
    const batches = await train.toArray();
    expect(batches.map(([texts, labels]) => [texts.shape, texts.dtype, labels.dtype])).toEqual([
      [[4], "string", "int32"],
      [[2], "string", "int32"],
    ]);
    const [first] = await (await textDatasetFromDirectory(root, { ...quiet, shuffle: false })).toArray();
    const text = first![0];
    expect([text.shape, text.dtype, await text.array()]).toEqual([[], "string", "upper"]);
  });

  it("says what does not fit", async () => {
    const text = (options: object, folder = root) =>
      words(() => textDatasetFromDirectory(folder, { ...quiet, ...options }));
    expect(await text({ labelMode: "binary" })).toContain(
      'labelMode "binary" needs exactly 2 classes. Received: a_class, b_class, c_class',
    );
    expect(await text({ classNames: ["d_class"] })).toContain('"d_class", which is no folder in');
    expect(await text({ labels: [1, 2] })).toContain(
      "expected one label per file. Received: 2 labels; there are 9 files",
    );
    expect(await text({ validationSplit: 0.2 })).toContain("`validationSplit` and `subset` go together");
    expect(await text({ validationSplit: 0.2, subset: "training" })).toContain(
      "give a `seed` with `validationSplit` and shuffling",
    );
    expect(await text({ validationSplit: 2, subset: "training" })).toContain("between 0 and 1. Received: 2");
    expect(await text({ labelMode: "ints" })).toContain('"categorical" or null. Received: "ints"');
    expect(await text({}, join(root, "none"))).toContain("none: it does not exist");
    expect(await text({}, join(root, "c_class"))).toContain("no files found in");
    setPlatform({ ...platform(), files: null });
    expect(await text({})).toContain("there are no folders in a browser. Use keras.data.Dataset.fromGenerator");
    setPlatform(nodePlatform);
  });
});

it("packs and unpacks batches", () => {
  expect(unpackXYSampleWeight([1, 2])).toEqual([1, 2, null]);
  expect(unpackXYSampleWeight("x")).toEqual(["x", null, null]);
  expect(unpackXYSampleWeight([[1, 2], 3, 4])).toEqual([[1, 2], 3, 4]);
  expect(() => unpackXYSampleWeight([1, 2, 3, 4])).toThrow("expected x, [x], [x, y] or [x, y, sampleWeight]");
  expect([
    packXYSampleWeight(1),
    packXYSampleWeight([1]),
    packXYSampleWeight(1, 2),
    packXYSampleWeight(1, 2, 3),
  ]).toEqual([1, [[1]], [1, 2], [1, 2, 3]]);
});
