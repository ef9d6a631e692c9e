/**
 * A model for text and tables between keras-ts and real Keras: `tsx test/interop/textModels.ts make|check DIR`. The same as
 * text_models.py, which says what the files hold.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as keras from "../../src/node.ts";

const { layers } = keras;

const TEXTS = ["The quick brown fox", "jumps over the lazy dog!", "a dog, a fox & é", "", "quick quick unknown"];
const CITIES = ["Oslo", "Rome", "Oslo", "東京", "Lima"];
const IDS = [7, 1000000, 7, -3, 5];
const NUMBERS = [
  [1, 10],
  [2, 20],
  [4, -5],
  [8, 0.5],
  [16, 3],
];
const INPUTS = {
  text: TEXTS,
  color: ["red", "blue", "red", "green", "?"],
  city: CITIES,
  id: keras.tensor(IDS, [5, 1], "int64"),
  numbers: keras.tensor(NUMBERS),
};
const VOCABULARIES = ["terms", "pairs", "cities", "ids", "colors"];

interface Facts {
  readonly predictions: number[][];
  readonly vocabularies: Record<string, unknown>;
}

async function build(): Promise<keras.Model> {
  keras.utils.setRandomSeed(1);
  const text = keras.Input({ shape: [], dtype: "string", name: "text" });
  const strings = (name: string) => keras.Input({ shape: [1], dtype: "string", name });
  const [color, city] = [strings("color"), strings("city")];
  const id = keras.Input({ shape: [1], dtype: "int64", name: "id" });
  const numbers = keras.Input({ shape: [2], name: "numbers" });
  const terms = layers.TextVectorization({ maxTokens: 12, outputMode: "tf_idf", name: "terms" });
  await terms.adapt(TEXTS);
  const pairs = layers.TextVectorization({ ngrams: 2, outputSequenceLength: 5, name: "pairs" });
  await pairs.adapt(TEXTS);
  const cities = layers.StringLookup({ numOovIndices: 2, name: "cities" });
  await cities.adapt(CITIES.slice(0, 3));
  const ids = layers.IntegerLookup({ outputMode: "one_hot", name: "ids" });
  await ids.adapt(IDS.slice(0, 3));
  const scale = layers.Normalization({ name: "scale" });
  await scale.adapt(NUMBERS);
  const bins = layers.Discretization({ numBins: 3, outputMode: "one_hot", name: "bins" });
  await bins.adapt(NUMBERS);
  const features = [
    terms(text),
    layers.GlobalAveragePooling1D({ name: "mean" })(layers.Embedding(60, 4, { name: "table" })(pairs(text))),
    layers.StringLookup({ vocabulary: ["red", "green"], outputMode: "one_hot", name: "colors" })(color),
    layers.CategoryEncoding(4, { name: "city_vector" })(cities(city)),
    layers.Hashing(6, { salt: [3, 4], outputMode: "one_hot", name: "hashed" })(city),
    layers.HashedCrossing(7, { outputMode: "one_hot", name: "crossed" })([color, city]),
    ids(id),
    scale(numbers),
    layers.Flatten({ name: "flat" })(bins(numbers)),
  ];
  const scaled = features.map((feature, i) => layers.Rescaling(1, { name: `feature_${i}` })(feature));
  const outputs = layers.Dense(3, { activation: "softmax", name: "out" })(layers.Concatenate({ name: "all" })(scaled));
  return keras.Model({ inputs: { text, color, city, id, numbers }, outputs, name: "tables" });
}

const vocabularies = (model: keras.Model): Record<string, unknown> =>
  Object.fromEntries(
    VOCABULARIES.map((name) => [
      name,
      (model.getLayer(name) as unknown as { getVocabulary(): unknown }).getVocabulary(),
    ]),
  );

const predict = async (model: keras.Model): Promise<number[][]> =>
  (await model.predict(INPUTS, { verbose: 0 })).array();

const [mode, folder] = process.argv.slice(2);
if ((mode !== "make" && mode !== "check") || !folder) {
  throw new Error("usage: tsx test/interop/textModels.ts make|check DIR");
}
await mkdir(folder, { recursive: true });
const [archive, notes] = [join(folder, "text.keras"), join(folder, "text.json")];
if (mode === "make") {
  const model = await build();
  await model.save(archive);
  await writeFile(notes, JSON.stringify({ predictions: await predict(model), vocabularies: vocabularies(model) }));
} else {
  const facts = JSON.parse(await readFile(notes, "utf8")) as Facts;
  let problem = "";
  try {
    const model = await keras.models.loadModel(archive);
    const found = JSON.stringify(vocabularies(model));
    const expected = JSON.stringify(facts.vocabularies);
    if (found !== expected) problem = `vocabularies: ${found} here, ${expected} in the JSON`;
    const predictions = (await predict(model)).flat();
    const far = facts.predictions.flat().findIndex((x, i) => !(Math.abs(x - predictions[i]!) < 1e-5));
    if (far >= 0)
      problem ||= `prediction ${far}: ${predictions[far]} here, ${facts.predictions.flat()[far]} in the JSON`;
  } catch (error) {
    problem = (error as Error).message;
  }
  console.log(problem ? `FAIL  text.keras: ${problem}` : "ok    text.keras: vocabularies, predictions");
  console.log(problem ? "0 passed, 1 failed" : "1 passed, 0 failed");
  process.exitCode = problem ? 1 : 0;
}
