/** How layers for text and tables learn, from all forms of data; and what they refuse, in which words. */
import { describe, expect, it } from "vitest";
import { Dataset } from "../../data/index.ts";
import * as ops from "../../ops/index.ts";
import { registerAllBuiltins } from "../../registerBuiltins.ts";
import { jit } from "../../runtime/jit.ts";
import { type Tensor, tensor } from "../../runtime/tensor.ts";
import { registerKerasSerializable } from "../../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../../serialization/serialize.ts";
import * as layers from "../index.ts";

const TEXTS = ["b a c", "a c", "c"];
const LEARNED = ["", "[UNK]", "c", "a", "b"];

async function* later<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

describe("adapt", () => {
  const forms: readonly [what: string, data: () => layers.AdaptData, steps?: number][] = [
    ["a list of texts", () => TEXTS],
    ["a column of texts", () => TEXTS.map((text) => [text])],
    ["a string tensor", () => tensor(TEXTS)],
    ["a list of tensors", () => [tensor(TEXTS.slice(0, 1)), tensor(TEXTS.slice(1))]],
    ["an iterable of batches", () => new Set([TEXTS.slice(0, 2), TEXTS.slice(2)])],
    ["an iterable of single texts", () => new Set(TEXTS)],
    ["an async iterable", () => later([TEXTS.slice(0, 1), TEXTS.slice(1)])],
    ["a function that makes one", () => () => later([TEXTS])],
    ["the first batches of endless data", () => later([TEXTS, ["z z z z"]]), 1],
    [
      "a Dataset",
      () =>
        Dataset.fromTensorSlices({ text: TEXTS })
          .batch(2)
          .map(({ text }) => text),
    ],
  ];
  it.each(forms)("takes %s", async (_, data, steps) => {
    const layer = layers.TextVectorization();
    await layer.adapt(data(), steps ? { steps } : {});
    expect(layer.getVocabulary()).toEqual(LEARNED);
  });

  it("works step by step, and starts afresh each time", async () => {
    const layer = layers.StringLookup();
    await layer.adapt(["x", "x", "y"]);
    layer.updateState(["b", "a", "b"]);
    layer.updateState(["c", "c", "c"]);
    expect(layer.getVocabulary()).toEqual(["[UNK]", "x", "y"]);
    layer.finalizeState();
    expect(layer.getVocabulary()).toEqual(["[UNK]", "c", "b", "a"]);
    layer.updateState(["q"]);
    layer.resetState();
    layer.finalizeState();
    expect(layer.getVocabulary()).toEqual(["[UNK]", "c", "b", "a"]);
  });

  it("changes what an IntegerLookup, a Normalization and a Discretization know", async () => {
    const ids = layers.IntegerLookup();
    await ids.adapt(tensor([5, 7, 7], [3], "int32"));
    expect(ids.getVocabulary()).toEqual([-1, 7, 5]);
    const scale = layers.Normalization();
    await scale.adapt(ops.multiply(tensor([[1], [3]]), 2)); // not computed yet
    expect(await scale([[4], [6]]).array()).toEqual([[0], [1]]);
    await scale.adapt([[0], [2]]);
    expect(await scale([[1], [3]]).array()).toEqual([[0], [2]]);
    expect(await scale.weights[2]!.value.item()).toBe(0);
    const bins = layers.Discretization({ numBins: 2 });
    await bins.adapt(
      Dataset.fromTensorSlices({ x: [1, 2, 3, 4] })
        .batch(2)
        .map(({ x }) => x),
    );
    expect(bins.binBoundaries).toHaveLength(1);
  });

  it("puts what is not a number in the last bin", async () => {
    // As Keras does, and NumPy: NaN sorts after all numbers.
    const x = tensor([Number.NaN, 5, -1]);
    expect(await layers.Discretization([0, 1, 2])(x).array()).toEqual([3, 3, 0]);
  });

  it("counts what a compiled program reads: a learned mean is no constant", async () => {
    const scale = layers.Normalization();
    await scale.adapt([[1], [3]]);
    const run = jit((x: Tensor) => scale(x) as Tensor);
    const x = tensor([[4], [4]]);
    expect(await (await run(x)).array()).toEqual([[2], [2]]);
    await scale.adapt([[2], [6]]);
    expect(await (await run(x)).array()).toEqual([[0], [0]]);
  });
});

describe("functions of the user", () => {
  registerAllBuiltins();

  it("standardize and split texts, and travel by name", async () => {
    function noVowels(text: string): string {
      return text.replace(/[aeiou]/g, "");
    }
    function commas(text: string): string[] {
      return text.split(",");
    }
    registerKerasSerializable(noVowels, { package: "test" });
    registerKerasSerializable(commas, { package: "test" });
    const layer = layers.TextVectorization({ standardize: noVowels, split: commas, vocabulary: ["ps", "pp"] });
    expect(await layer(["pies,pope"]).array()).toEqual([[2, 3]]);
    const again = deserializeObject(serializeObject(layer)) as typeof layer;
    expect(await again(["pope,x,pies"]).array()).toEqual([[3, 1, 2]]);
  });
});

describe("layers for text and tables refuse", () => {
  const bad = (value: unknown): never => value as never;
  const text = layers.Input({ shape: [1], dtype: "string" });
  const made: readonly [what: string, make: () => unknown, error: RegExp][] = [
    [
      "an empty vocabulary",
      () => layers.StringLookup({ vocabulary: [] }),
      /^StringLookup "string_lookup.*": the vocabulary is empty\. Give at least one term, or learn them: `await layer\.adapt\(data\)`/,
    ],
    [
      "repeated terms",
      () => layers.StringLookup({ vocabulary: ["a", "b", "a", "b"] }),
      /every term of a vocabulary may occur once\. Repeated: "a", "b"\. Remove the duplicates/,
    ],
    [
      "a mask that is also a term",
      () => layers.StringLookup({ vocabulary: ["a", "m"], maskToken: "m" }),
      /the mask token "m" stands at index 1 of the vocabulary\. Leave special tokens out, or put them at the start in precisely this order: "m", "\[UNK\]"/,
    ],
    [
      "an OOV token that is also a term, where it comes back",
      () => layers.StringLookup({ vocabulary: ["a", "[UNK]"], invert: true }),
      /the OOV token "\[UNK\]" stands at index 1/,
    ],
    [
      "more terms than maxTokens",
      () => layers.StringLookup({ vocabulary: ["a", "b", "c"], maxTokens: 3 }),
      /a vocabulary of 4 indices, 1 of them special, is larger than maxTokens=3\. Shorten it, or raise `maxTokens`/,
    ],
    [
      "maxTokens without room",
      () => layers.TextVectorization({ maxTokens: 1 }),
      /^TextVectorization "text_vectorization.*": StringLookup .*expected `maxTokens` to be above 1, for it counts the index of unknown terms too\. Received: maxTokens=1/,
    ],
    [
      "padding to an unknown width",
      () => layers.StringLookup({ padToMaxTokens: true, outputMode: "count" }),
      /`padToMaxTokens` pads to `maxTokens`, which is not set\. Set it too, for example maxTokens: 1000/,
    ],
    [
      "vectors of indices that come back",
      () => layers.StringLookup({ invert: true, outputMode: "count" }),
      /with `invert`, `outputMode` must be "int"\. Received: outputMode="count"/,
    ],
    [
      "an output mode that nobody knows",
      () => layers.IntegerLookup({ outputMode: bad("ints") }),
      /^IntegerLookup .*expected `outputMode` to be one of "int", "one_hot", "multi_hot", "count", "tf_idf"\. Received: outputMode="ints"/,
    ],
    [
      "weights of terms that are not there",
      () => layers.StringLookup({ vocabulary: ["a"], outputMode: "tf_idf" }),
      /with `vocabulary` and `outputMode: "tf_idf"`, `idfWeights` must be given too: one number per term/,
    ],
    [
      "weights that do not fit",
      () => layers.StringLookup({ vocabulary: ["a", "b"], outputMode: "tf_idf", idfWeights: [1] }),
      /expected one weight per term\. Received: 1 `idfWeights` for 2 terms/,
    ],
    [
      "weights without use",
      () => layers.StringLookup({ vocabulary: ["a"], idfWeights: [1] }),
      /`idfWeights` are for `outputMode: "tf_idf"`\. Received: outputMode="int"/,
    ],
    [
      "numbers as terms of text",
      () => layers.StringLookup({ vocabulary: bad([1, 2]) }),
      /expected strings\. Received: 1 as a term of the vocabulary\. For integers use IntegerLookup/,
    ],
    [
      "fractions as integers",
      () => layers.IntegerLookup({ vocabulary: [1.5] }),
      /expected integers\. Received: 1\.5 as a term of the vocabulary\. For text use StringLookup, for other numbers Discretization/,
    ],
    [
      "negative numbers of indices",
      () => layers.StringLookup({ numOovIndices: -1 }),
      /expected `numOovIndices` to be an integer of at least 0\. Received: numOovIndices=-1/,
    ],
    [
      "a salt without its hash",
      () => layers.IntegerLookup({ numOovIndices: 2, salt: 3 }),
      /`salt` is for `oovMethod: "farmhash"`\. Received: oovMethod="floormod"/,
    ],
    [
      "a salt of three",
      () => layers.Hashing(3, { salt: bad([1, 2, 3]) }),
      /^Hashing "hashing.*": expected `salt` to be an integer or a list of two\. Received: salt=\[1, 2, 3\]/,
    ],
    [
      "sparse results",
      () => layers.CategoryEncoding(3, { sparse: true }),
      /^CategoryEncoding .*there are no sparse tensors here\. Received: sparse=true\. Leave it out: the result is dense/,
    ],
    [
      "ragged results",
      () => layers.TextVectorization({ ragged: true }),
      /there are no ragged tensors here\. Leave `ragged` out: rows are padded with 0 to the longest, or to `outputSequenceLength`/,
    ],
    [
      "a length for vectors",
      () => layers.TextVectorization({ outputSequenceLength: 3, outputMode: "count" }),
      /`outputSequenceLength` is for `outputMode: "int"`\. Received: outputMode="count", outputSequenceLength=3/,
    ],
    [
      "a standardization that nobody knows",
      () => layers.TextVectorization({ standardize: bad("upper") }),
      /expected `standardize` to be one of "lower_and_strip_punctuation", "lower", "strip_punctuation"\. Received: standardize="upper"/,
    ],
    [
      "half an n-gram",
      () => layers.TextVectorization({ ngrams: 0.5 }),
      /expected `ngrams` to be a positive integer or a list of them\. Received: ngrams=0\.5/,
    ],
    ["no bins", () => layers.Hashing(0), /expected `numBins` to be a positive integer\. Received: numBins=0/],
    [
      "indices as floats",
      () => layers.Hashing(3, { dtype: "float32" }),
      /with `outputMode: "int"`, `dtype` must be "int32" or "int64"\. Received: dtype="float32"/,
    ],
    [
      "an unknown number of tokens",
      () => layers.CategoryEncoding(bad(null)),
      /`numTokens` must be given\. When it is not known, use IntegerLookup, which learns it/,
    ],
    [
      "boundaries that fall",
      () => layers.Discretization([0, 2, 1]),
      /^Discretization .*`binBoundaries` must be sorted, the smallest first\. Received: 2 before 1, at index 2/,
    ],
    [
      "bins that are both given and to be found",
      () => layers.Discretization([0], { numBins: 3 }),
      /give either `binBoundaries` or `numBins`, for which `adapt` finds boundaries\. Received: binBoundaries=\[0\], numBins=3/,
    ],
    [
      "half of the moments",
      () => layers.Normalization({ mean: 1 }),
      /^Normalization .*`mean` and `variance` are given together or learned together\. Missing: `variance`/,
    ],
    [
      "moments of two shapes",
      () => layers.Normalization({ mean: [1, 2], variance: [1] }),
      /`mean` and `variance` must have one shape\. Received: \(2,\) and \(1,\)/,
    ],
    [
      "moments of more axes than named",
      () => layers.Normalization({ mean: [[1]], variance: [[1]] }),
      /`mean` has 2 axes, but `axis` names 1/,
    ],
    [
      "an axis that is not there",
      () => layers.Normalization(3)(tensor([[1, 2]])),
      /`axis` 3 is out of range for inputs of shape \(1, 2\)/,
    ],
    [
      "positions whose number is open",
      () => layers.Normalization()(layers.Input({ shape: [null] })),
      /the size of axis 1 must be known, for each position has a mean\. Received: inputs of shape \(None, None\)/,
    ],
  ];
  it.each(made)("%s", (_, make, error) => {
    expect(make).toThrow(error);
  });

  const lookup = layers.StringLookup({ vocabulary: ["a"], numOovIndices: 0 });
  const vectorize = layers.TextVectorization({ vocabulary: ["a"] });
  const used: readonly [what: string, use: () => unknown, error: RegExp][] = [
    [
      "use before a vocabulary",
      () => layers.TextVectorization()(["a"]),
      /^TextVectorization "text_vectorization.*": StringLookup .*it has no vocabulary yet\. Learn one, `await layer\.adapt\(data\)`, or give one: `layer\.setVocabulary\(terms\)` or the option `vocabulary`/,
    ],
    [
      "a place in a model before its width is known",
      () => layers.StringLookup({ outputMode: "multi_hot" })(text),
      /it has no vocabulary yet/,
    ],
    [
      "use before boundaries",
      () => layers.Discretization({ numBins: 2 })(tensor([[1]])),
      /^Discretization .*it has no boundaries yet\. Find them, `await layer\.adapt\(data\)`, or give them: the option `binBoundaries`/,
    ],
    [
      "unknown terms without an index",
      () => lookup([["a", "b"], ["c"]]),
      /with `numOovIndices: 0` all inputs must be in the vocabulary\. Not in it: "b", "c"\. Remove them, or set `numOovIndices: 1`/,
    ],
    ["numbers as text", () => lookup([1]), /expected strings\. Received: 1 as input\. For integers use IntegerLookup/],
    [
      "text as integers",
      () => layers.IntegerLookup({ vocabulary: [1] })(["1"]),
      /^IntegerLookup .*expected integers\. Received: "1" as input\. For text use StringLookup/,
    ],
    ["numbers as texts", () => vectorize([1, 2]), /^TextVectorization .*expected text\. Received: 1/],
    [
      "several texts per sample",
      () => vectorize([["a", "b"]]),
      /to split texts into words, the inputs must be of shape \(batch,\) or \(batch, 1\)\. Received: rows of 2 texts\. With `split: null` each text is one word/,
    ],
    [
      "missing text",
      () => vectorize(["a", bad(null)]),
      /expected strings or numbers\. Received: null\. Replace missing values, by the empty string for example/,
    ],
    [
      "rows of different lengths",
      () => layers.StringLookup({ vocabulary: ["a"] })([["a"], ["a", "b"]]),
      /the rows differ in length, and tensors of rows of different lengths do not exist here\. Received: rows of 1, 2 values.*Pad them to one length first/,
    ],
    [
      "an input of numbers in a model",
      () => vectorize(layers.Input({ shape: [1] })),
      /expected one input of dtype "string".*Say so where it begins: Input\(\{ shape: \[1\], dtype: "string" \}\)/,
    ],
    [
      "an input of floats in a model",
      () => layers.IntegerLookup({ vocabulary: [1] })(layers.Input({ shape: [1] })),
      /expected an input of an integer dtype\. Received: float32\. Say so where it begins: Input\(\{ shape: \[…\], dtype: "int64" \}\)/,
    ],
    [
      "numbers that are not computed yet",
      () => layers.Hashing(3)(ops.add(tensor([1, 2]), 1)),
      /^Hashing .*it works on the host, and the numbers of this tensor are not computed yet\. Compute them first: `await x\.data\(\)`/,
    ],
    [
      "a mask of another type",
      () => layers.Hashing(3, { maskValue: "a" })([1]),
      /`maskValue` "a" is of another type than the inputs\. Received: 1/,
    ],
    [
      "one feature to cross",
      () => layers.HashedCrossing(3)([["a"]]),
      /it is called on a list of at least two features/,
    ],
    [
      "features of two shapes",
      () => layers.HashedCrossing(3)([["a"], ["a", "b"]]),
      /^HashedCrossing .*all features must have one shape\. Received: \(1,\), \(2,\)/,
    ],
    [
      "features of a matrix",
      () => layers.HashedCrossing(3)([[["a", "b"]], [["a", "b"]]]),
      /features must be of shape \(\), \(batch,\) or \(batch, 1\)\. Received: \(1, 2\)/,
    ],
    [
      "features of floats",
      () => layers.HashedCrossing(3)([["a"], [0.5]]),
      /features must be strings or integers\. Received: 0\.5\. For floats use Discretization first/,
    ],
    [
      "a category beyond the last",
      () =>
        layers.CategoryEncoding(3)([
          [0, 1],
          [2, 7],
        ]),
      /^CategoryEncoding .*expected integers from 0 to 2 \(`numTokens` − 1\)\. Received: 7 at \(1, 1\) of inputs of shape \(2, 2\)\. Raise `numTokens`, or look the values up first \(IntegerLookup\)/,
    ],
    ["a category below 0", () => layers.CategoryEncoding(3)([-1]), /Received: -1 at \(0,\)/],
    [
      "weights of occurrences that do not count",
      () => layers.CategoryEncoding(3)([1], { countWeights: tensor([1]) }),
      /`countWeights` are for `outputMode: "count"`\. Received: outputMode="multi_hot"/,
    ],
    [
      "another vocabulary once a model has its width",
      () => {
        const layer = layers.StringLookup({ vocabulary: ["a"], outputMode: "multi_hot" });
        layer(text);
        layer.setVocabulary(["a", "b"]);
      },
      /a model has been built with its vectors of 2 numbers; a vocabulary of 3 indices does not fit\. Make a new layer, or fix the width/,
    ],
  ];
  it.each(used)("%s", (_, use, error) => {
    expect(use).toThrow(error);
  });

  const adapted: readonly [what: string, adapt: () => Promise<void>, error: RegExp][] = [
    [
      "to learn what was given",
      () => layers.StringLookup({ vocabulary: ["a"] }).adapt(["b"]),
      /^StringLookup .*its vocabulary was given, so there is nothing to learn\. Make the layer without `vocabulary` to adapt it/,
    ],
    [
      "to find boundaries that were given",
      () => layers.Discretization([0]).adapt([1]),
      /^adapt of Discretization .*it was made with `binBoundaries`, so there is nothing to find\. Give `numBins` instead/,
    ],
    [
      "to learn moments that were given",
      () => layers.Normalization({ mean: 0, variance: 1 }).adapt([1]),
      /^adapt of Normalization .*its `mean` and `variance` were given, so there is nothing to learn/,
    ],
    [
      "data that is none",
      () => layers.TextVectorization().adapt(5),
      /^adapt of TextVectorization .*expected an array, a tensor, or batches from an iterable.*Received: 5/,
    ],
    [
      "numbers as texts",
      () => layers.TextVectorization().adapt([1]),
      /^TextVectorization .*expected text\. Received: 1/,
    ],
    [
      "steps of an array",
      () => layers.TextVectorization().adapt(["a"], { steps: 2 }),
      /`steps` counts batches of an iterable; the data given is one array\. Leave it out/,
    ],
    [
      "other shapes than the layer was built for",
      async () => {
        const layer = layers.Normalization();
        await layer.adapt([[1, 2]]);
        await layer.adapt([[1, 2, 3]]);
      },
      /^adapt of Normalization .*the layer is for inputs of shape \(1, 2\)\. Received: data of shape \(1, 3\)/,
    ],
    [
      "no data at all",
      () => layers.Normalization().adapt(new Set<number>()),
      /^adapt of Normalization .*there was no data\. Received: 0 batches/,
    ],
  ];
  it.each(adapted)("%s", async (_, adapt, error) => {
    await expect(adapt()).rejects.toThrow(error);
  });
});
