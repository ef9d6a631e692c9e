/** Strings inside models: the layers that take them run on the host, everything else in the compiled program. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import * as keras from "../node.ts";

const { layers } = keras;
const TEXTS = [
  "good movie great fun",
  "bad awful terrible",
  "great great good",
  "awful bad bad boring",
  "fun good",
  "boring",
];
const AGES = [1, 2, 3, 4, 5, 6];
const LABELS = [1, 0, 1, 0, 1, 0];
const quiet = { verbose: 0 } as const;

async function reviews() {
  const vectorize = layers.TextVectorization({ maxTokens: 20, outputSequenceLength: 6, name: "words" });
  await vectorize.adapt(TEXTS);
  const text = keras.Input({ shape: [1], dtype: "string", name: "text" });
  const age = keras.Input({ shape: [1], name: "age" });
  const words = layers.GlobalAveragePooling1D()(layers.Embedding(20, 8, { name: "table" })(vectorize(text)));
  const x = layers.Concatenate()([words, layers.Normalization({ mean: 3, variance: 2 })(age)]);
  const outputs = layers.Dense(1, { activation: "sigmoid" })(x);
  const model = keras.Model({ inputs: { text, age }, outputs });
  model.compile({ loss: "binary_crossentropy", optimizer: keras.optimizers.Adam({ learningRate: 0.05 }) });
  return model;
}

describe("a model that takes strings", () => {
  beforeEach(() => keras.utils.clearSession());

  it("learns from them, with shuffling, a split, and batches that end early", async () => {
    keras.utils.setRandomSeed(1);
    const model = await reviews();
    const { history } = await model.fit({ text: TEXTS, age: AGES }, LABELS, {
      ...quiet,
      epochs: 20,
      batchSize: 4,
      validationSplit: 0.34,
    });
    expect(history.loss!.at(-1)).toBeLessThan(history.loss![0]! / 4);
    expect(history.val_loss).toHaveLength(20);
    expect((await model.evaluate({ text: TEXTS, age: AGES }, LABELS, quiet))[0]).toBeLessThan(0.3);
  });

  it("gives the same by every way of calling it", async () => {
    const model = await reviews();
    // Batches of other sizes round in another order.
    const rounded = async (t: keras.Tensor): Promise<string[]> =>
      [...(await t.data())].map((x) => Number(x).toFixed(5));
    const expected = await rounded(await model.predict({ text: TEXTS, age: AGES }, quiet));
    const column = { text: TEXTS.map((t) => [t]), age: AGES.map((a) => [a]) };
    const tensors = { text: keras.tensor(column.text), age: keras.tensor(column.age) };
    expect(await rounded(model(column))).toEqual(expected);
    expect(await rounded(model(tensors))).toEqual(expected);
    expect(await rounded(await model.predict(tensors, { ...quiet, batchSize: 4 }))).toEqual(expected);
    expect(await rounded(await model.predictOnBatch(column))).toEqual(expected);
    const batches = () => [
      [{ text: TEXTS.slice(0, 2), age: AGES.slice(0, 2) }],
      [{ text: TEXTS.slice(2), age: AGES.slice(2) }],
    ];
    expect(await rounded(await model.predict(batches, quiet))).toEqual(expected);
  });

  it("learns from a generator and batch by batch", async () => {
    const model = await reviews();
    const batch = [{ text: TEXTS, age: AGES }, LABELS] as const;
    await model.fit(() => [batch, batch], null, quiet);
    const [before] = await model.testOnBatch(...batch);
    for (let i = 0; i < 5; i++) await model.trainOnBatch(...batch);
    expect((await model.testOnBatch(...batch))[0]).toBeLessThan(before!);
  });

  it("is saved with its vocabulary", async () => {
    const model = await reviews();
    const again = await keras.models.loadModel(await model.toBytes());
    const x = { text: ["great fun", "new words"], age: [1, 2] };
    expect(await (await again.predict(x, quiet)).array()).toEqual(await (await model.predict(x, quiet)).array());
  });

  it("may be a stack that learns its shape from the data", async () => {
    const model = keras.Sequential([layers.Hashing(7, { outputMode: "one_hot" }), layers.Dense(2)]);
    expect((await model.predict(["a", "b", "c"], quiet)).shape).toEqual([3, 2]);
    expect(model.inputs[0]!.dtype).toBe("string");
  });

  it("may give what the host computed", async () => {
    const text = keras.Input({ shape: [1], dtype: "string" });
    const lookup = layers.StringLookup({ vocabulary: ["a", "b"] });
    const model = keras.Model({ inputs: text, outputs: [lookup(text), layers.Rescaling(2)(lookup(text))] });
    const [ids, doubled] = (await model.predict(["b", "z"], quiet)) as unknown as keras.Tensor[];
    expect([ids!.dtype, await ids!.array(), await doubled!.array()]).toEqual(["int64", [[2], [0]], [[4], [0]]]);
  });

  it("may stand inside of another one, when it computes on the host alone", async () => {
    const lookup = layers.StringLookup({ vocabulary: ["a", "b"], outputMode: "multi_hot" });
    const inner = keras.Sequential([keras.Input({ shape: [2], dtype: "string" }), lookup]);
    const text = keras.Input({ shape: [2], dtype: "string" });
    const model = keras.Model({ inputs: text, outputs: layers.Rescaling(2)(inner(text)) });
    expect(await (await model.predict([["a", "z"]], quiet)).array()).toEqual([[2, 2, 0]]);
    const mixed = keras.Sequential([keras.Input({ shape: [2], dtype: "string" }), lookup, layers.Dense(2)], {
      name: "mixed",
    });
    const outer = keras.Model({ inputs: text, outputs: layers.Dense(1)(mixed(text)) });
    await expect(outer.predict([["a", "z"]], quiet)).rejects.toThrow(
      /the model "mixed" inside of it begins with layers that run on the host, and goes on with others, so it cannot be a layer/,
    );
  });

  it("hashes integers on the host too", async () => {
    const id = keras.Input({ shape: [1], dtype: "int64" });
    const model = keras.Model({ inputs: id, outputs: layers.Hashing(5)(id) });
    const single = await layers
      .Hashing(5)([[12], [13]])
      .array();
    expect(await (await model.predict([[12], [13]], quiet)).array()).toEqual(single);
  });

  it("checks the row numbers that an Embedding gets from it", async () => {
    const text = keras.Input({ shape: [1], dtype: "string" });
    const ids = layers.StringLookup({ vocabulary: ["a", "b", "c"] })(text);
    const model = keras.Model({ inputs: text, outputs: layers.Embedding(3, 2)(ids) });
    await expect(model.predict(["a", "c"], quiet)).rejects.toThrow(/id 3 .* is out of range: the layer has 3 rows/);
  });

  it("refuses what the host cannot do, before anything is computed", async () => {
    const text = keras.Input({ shape: [1], dtype: "string", name: "text" });
    const upper = layers.Identity({ name: "same" })(text);
    const lookup = layers.StringLookup({ vocabulary: ["a"], name: "lookup" });
    const model = keras.Model({ inputs: text, outputs: [lookup(text), upper] });
    await expect(model.predict(["a"], quiet)).rejects.toThrow(
      /"same" cannot take strings\. Turn them into numbers before/,
    );
    const number = keras.Input({ shape: [2], dtype: "int32" });
    const after = keras.Model({
      inputs: number,
      outputs: layers.Hashing(3, { name: "bins" })(keras.ops.add(number, 1)),
    });
    await expect(after.predict(keras.tensor([[1, 2]], [1, 2], "int32"), quiet)).rejects.toThrow(
      /Hashing "bins": it works on the host, before a compiled program runs\. In a model, call it on an Input/,
    );
    const numbers = keras.Model({ inputs: number, outputs: layers.Dense(1)(number) });
    await expect(numbers.predict([["a", "b"]], quiet)).rejects.toThrow(/has dtype string; expected int32/);
    const terms = keras.Model({ inputs: text, outputs: lookup(text) });
    await expect(terms.predict([[1]], quiet)).rejects.toThrow(/has dtype float32; expected string/);
  });

  it("warns of nothing", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const model = await reviews();
    await model.predict({ text: TEXTS, age: AGES }, quiet);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});
