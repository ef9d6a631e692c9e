/** What the type checker knows of datasets. Compiled by `tsc`, never run. */
import * as keras from "../../src/node.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}
type Elements<D> = D extends keras.data.Dataset<infer T> ? T : never;
const elements = <D>(_dataset: D): Elements<D> => null as never;

// ---------------------------------------------------------------- files of a folder

type Pair = [keras.Tensor, keras.Tensor];
const { textDatasetFromDirectory: texts, imageDatasetFromDirectory: images } = keras.utils;
const numbers = keras.ops.ones([2, 3]);
const vectorize = keras.layers.TextVectorization();

// With labels, elements come apart; with `labels: null` or `labelMode: null` they are contents alone.
const tagged = await texts("x");
is<keras.data.Dataset<readonly [keras.Tensor, keras.Tensor]>>()(
  tagged.map(([text, label]) => [vectorize(text), label] as const),
  true,
);
is<readonly string[] | null>()(tagged.classNames, true);
is<Pair>()(elements(await texts("x", { labelMode: "binary", batchSize: null })), true);
is<Pair>()(elements(await texts("x", { labels: [0, 1], subset: "training", validationSplit: 0.2, seed: 1 })), true);
is<keras.Tensor>()(elements(await texts("x", { labels: null })), true);
is<keras.Tensor>()(elements(await texts("x", { labelMode: null, maxLength: 3 })), true);
(await texts("x", { labels: null })).map((text) => vectorize(text));
is<Pair>()(elements(await images("x", { imageSize: 32, colorMode: "rgba" })), true);
is<keras.Tensor>()(elements(await images("x", { labels: null, imageSize: [32, 32] })), true);

// Two parts at once.
const [train, validation] = await images("x", { subset: "both", validationSplit: 0.2, seed: 1 });
is<Pair>()(elements(train), true);
is<Pair>()(elements(validation), true);
const [bare] = await texts("x", { subset: "both", labels: null, validationSplit: 0.2, seed: 1 });
is<keras.Tensor>()(elements(bare), true);

// Where the options do not tell, either may come.
const unknown: keras.utils.TextDirectoryOptions = {};
is<Pair | keras.Tensor>()(elements(await texts("x", { labels: unknown.labels ?? null, subset: null })), true);

// Mistakes are seen.
// @ts-expect-error there are no labels to take apart
(await texts("x", { labels: null })).map(([text, label]) => [text, label]);
// @ts-expect-error an unknown option
await texts("x", { maxlength: 3 });
// @ts-expect-error an unknown label mode
await images("x", { labelMode: "ints" });

// ---------------------------------------------------------------- windows

const { timeseriesDatasetFromArray: windows } = keras.utils;
declare const perhaps: number[] | null;
is<Pair>()(elements(windows([1, 2, 3], [4, 5, 6], 2)), true);
is<keras.Tensor>()(elements(windows([1, 2, 3], null, 2)), true);
is<Pair | keras.Tensor>()(elements(windows([1, 2, 3], perhaps, 2)), true);

// ---------------------------------------------------------------- arrays

const { Dataset } = keras.data;
declare const matrix: number[][];
declare const vector: number[];
declare const bytes: Uint8Array;

// Rows of one array, and a tuple of arrays that differ in depth.
is<keras.Tensor>()(elements(Dataset.fromTensorSlices(matrix)), true);
is<keras.Tensor>()(elements(Dataset.fromTensorSlices([[1, 2], [3]])), true); // biome-ignore format: short
is<number>()(elements(Dataset.fromTensorSlices(vector)), true);
is<keras.Tensor>()(elements(Dataset.fromTensorSlices([matrix, matrix])), true);
is<[keras.Tensor, number]>()(elements(Dataset.fromTensorSlices([matrix, vector])), true);
is<[keras.Tensor, keras.Tensor, number]>()(
  elements(Dataset.fromTensorSlices([[matrix, matrix], matrix, vector])),
  true,
);
is<Pair>()(elements(Dataset.fromTensorSlices([matrix, vector]).batch(2)), true);
is<[{ x: keras.Tensor }, string]>()(elements(Dataset.fromTensorSlices([{ x: matrix }, ["a", "b"]])), true);
is<[string, number]>()(elements(Dataset.fromTensorSlices([["a", "b"], [1, 0]])), true); // biome-ignore format: short
is<Pair>()(elements(Dataset.fromTensorSlices([bytes, bytes])), true);
is<Pair>()(elements(Dataset.fromTensorSlices([numbers, bytes])), true);
