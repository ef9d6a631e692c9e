/**
 * The models of examples/ between keras-ts and real Keras: `tsx test/interop/exampleModels.ts make|check DIR`. The same as
 * example_models.py, which says what the files hold.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as keras from "../../src/node.ts";

const { layers, ops } = keras;

const TEXTS = ["A wonderful film!", "The worst of all: boring, boring.", "I loved it; a superb story", "", "A waste of É and time"]; // biome-ignore format: read beside the Python file
const LABELS = [1, 0, 1, 0, 0];
const LETTERS = [[[1, 4, 2]], [[0]], [[3, 3]]];
const TOKENS = Array.from({ length: 6 }, (_, row) =>
  Array.from({ length: 9 }, (_, place) => (place < 9 - row ? (row * 5 + place * 3) % 11 : 0)),
);
const CLASSES = [0, 1, 2, 0, 1, 2];

interface EmbeddingOptions extends keras.layers.LayerOptions {
  vocabulary: number;
  maxLength: number;
  dim: number;
}

class TokenAndPositionEmbedding extends layers.Layer {
  static override readonly configKeys = { vocabulary: "vocabulary", maxLength: "max_length", dim: "dim" };
  readonly tokens: keras.layers.Embedding;
  readonly positions: keras.layers.Embedding;

  constructor({ vocabulary, maxLength, dim, ...base }: EmbeddingOptions) {
    super(base);
    this.tokens = layers.Embedding(vocabulary, dim, { maskZero: true });
    this.positions = layers.Embedding(maxLength, dim);
  }

  override call(ids: keras.Tensor): keras.Tensor {
    return ops.add(this.tokens(ids), this.positions(ops.arange(ids.shape[1]!)));
  }

  override computeMask(ids: unknown): keras.layers.Mask {
    return this.tokens.computeMask(ids);
  }

  override getConfig() {
    const { inputDim: vocabulary, outputDim: dim } = this.tokens;
    return { ...super.getConfig(), vocabulary, max_length: this.positions.inputDim, dim };
  }
}

interface BlockOptions extends keras.layers.LayerOptions {
  dim: number;
  heads: number;
  hidden: number;
  dropout?: number;
}

class TransformerBlock extends layers.Layer {
  static override readonly configKeys = { dim: "dim", heads: "heads", hidden: "hidden", dropout: "dropout" };
  readonly attention: keras.layers.MultiHeadAttention;
  readonly expand: keras.layers.Dense;
  readonly contract: keras.layers.Dense;
  readonly norms = [
    layers.LayerNormalization({ epsilon: 1e-6 }),
    layers.LayerNormalization({ epsilon: 1e-6 }),
  ] as const;
  readonly dropouts: readonly [keras.layers.Dropout, keras.layers.Dropout];

  constructor({ dim, heads, hidden, dropout = 0.1, ...base }: BlockOptions) {
    super(base);
    this.attention = layers.MultiHeadAttention(heads, dim);
    this.expand = layers.Dense(hidden, { activation: "relu" });
    this.contract = layers.Dense(dim);
    this.dropouts = [layers.Dropout(dropout), layers.Dropout(dropout)];
    this.supportsMasking = true;
  }

  override call(x: keras.Tensor): keras.Tensor {
    const attended = this.norms[0](ops.add(x, this.dropouts[0](this.attention(x, x))));
    return this.norms[1](ops.add(attended, this.dropouts[1](this.contract(this.expand(attended)))));
  }

  override getConfig() {
    return {
      ...super.getConfig(),
      dim: this.contract.units,
      heads: this.attention.numHeads,
      hidden: this.expand.units,
      dropout: this.dropouts[0].rate,
    };
  }
}

keras.saving.registerKerasSerializable(TokenAndPositionEmbedding, { package: "Examples" });
keras.saving.registerKerasSerializable(TransformerBlock, { package: "Examples" });

// No Adam: the bias of keys has no gradient but rounding, which Adam would make large.
const sgd = () => keras.optimizers.SGD(0.1, { momentum: 0.5 });

async function sentiment() {
  const vectorize = layers.TextVectorization({ maxTokens: 20, outputSequenceLength: 8, name: "vectorize" });
  await vectorize.adapt(TEXTS);
  const ids = keras.Input({ shape: [null], dtype: "int64", name: "ids" });
  let x = layers.Embedding(20, 6, { maskZero: true, name: "words" })(ids);
  x = layers.Bidirectional(layers.LSTM(4, { returnSequences: true }), { name: "first" })(x);
  x = layers.Bidirectional(layers.LSTM(3), { name: "second" })(x);
  const outputs = layers.Dense(1, { activation: "sigmoid", name: "out" })(x);
  const inner = keras.Model({ inputs: ids, outputs, name: "sentiment" });
  const text = keras.Input({ shape: [], dtype: "string", name: "text" });
  const model = keras.Model({ inputs: text, outputs: inner(vectorize(text)), name: "sentiment_from_text" });
  model.compile({ optimizer: sgd(), loss: "binary_crossentropy", metrics: ["accuracy"] });
  return model;
}

async function writer() {
  const letters = keras.Input({ batchShape: [1, null], dtype: "int32", name: "letters" });
  let x = layers.Embedding(5, 3, { name: "table" })(letters);
  x = layers.GRU(4, { returnSequences: true, stateful: true, name: "gru" })(x);
  return keras.Model({ inputs: letters, outputs: layers.Dense(5, { name: "logits" })(x), name: "writer" });
}

async function transformer() {
  const ids = keras.Input({ shape: [9], dtype: "int32", name: "tokens" });
  let x = new TokenAndPositionEmbedding({ vocabulary: 11, maxLength: 9, dim: 4, name: "embedded" })(ids);
  // Dropout draws other numbers there.
  x = new TransformerBlock({ dim: 4, heads: 2, hidden: 6, dropout: 0, name: "block" })(x);
  x = layers.GlobalAveragePooling1D({ name: "pooled" })(x);
  const outputs = layers.Dense(3, { activation: "softmax", name: "class" })(x);
  const model = keras.Model({ inputs: ids, outputs, name: "transformer" });
  model.compile({ optimizer: sgd(), loss: "sparse_categorical_crossentropy", metrics: ["accuracy"] });
  return model;
}

const MODELS = { sentiment, writer, transformer };
type Name = keyof typeof MODELS;

/** What a JSON holds. */
interface Facts {
  readonly predictions: unknown[];
  readonly vocabulary?: readonly string[];
  readonly losses?: readonly number[];
}

const integers = (values: readonly number[] | readonly (readonly number[])[]) =>
  keras.tensor(values, undefined, "int32");

const step = async (name: Name, model: keras.Model<unknown>): Promise<number> => {
  const [x, y] =
    name === "sentiment" ? [TEXTS, keras.tensor(LABELS, [5, 1], "float32")] : [integers(TOKENS), integers(CLASSES)];
  const [loss] = await model.trainOnBatch(x, y);
  return loss!;
};

/** The facts of a model; trains it on. */
async function describe(name: Name, model: keras.Model<unknown>): Promise<Facts> {
  const predict = async (x: unknown): Promise<unknown[]> => {
    const predictions = (await model.predictOnBatch(x as keras.Tensor)) as keras.Tensor;
    return (await predictions.array()) as unknown[];
  };
  if (name === "writer") {
    const predictions: unknown[] = [];
    for (const letters of LETTERS) predictions.push(await predict(integers(letters)));
    return { predictions };
  }
  const predictions = await predict(name === "sentiment" ? TEXTS : integers(TOKENS));
  const lookup = name === "sentiment" ? (model.getLayer("vectorize") as keras.layers.TextVectorization) : null;
  const losses = [await step(name, model), await step(name, model), await step(name, model)];
  return { predictions, ...(lookup ? { vocabulary: lookup.getVocabulary() } : {}), losses };
}

async function make(name: Name, folder: string): Promise<void> {
  keras.utils.setRandomSeed(1);
  const model = await MODELS[name]();
  if (name !== "writer") {
    await step(name, model);
    await step(name, model);
  }
  await model.save(join(folder, `${name}.keras`));
  await writeFile(join(folder, `${name}.json`), JSON.stringify(await describe(name, model)));
}

const numbers = (values: unknown): number[] => (Array.isArray(values) ? values.flatMap(numbers) : [Number(values)]);

/** @returns What was compared. @throws Error at the first difference. */
async function check(name: Name, folder: string): Promise<string> {
  const facts = JSON.parse(await readFile(join(folder, `${name}.json`), "utf8")) as Facts;
  const found = await describe(name, await keras.models.loadModel(join(folder, `${name}.keras`)));
  if (JSON.stringify(found.vocabulary) !== JSON.stringify(facts.vocabulary)) {
    throw new Error(`vocabulary: ${found.vocabulary} here, ${facts.vocabulary} in the JSON`);
  }
  for (const [part, tolerance] of [
    ["predictions", 1e-5],
    ["losses", 1e-4],
  ] as const) {
    // biome-ignore format: a short table
    const [mine, theirs] = [numbers(found[part] ?? []), numbers(facts[part] ?? [])];
    if (mine.length !== theirs.length) throw new Error(`${part}: ${mine.length} here, ${theirs.length} in the JSON`);
    const far = theirs.findIndex((value, i) => !(Math.abs(value - mine[i]!) <= tolerance * (1 + Math.abs(value))));
    if (far >= 0) throw new Error(`${part}: number ${far} is ${mine[far]} here, ${theirs[far]} in the JSON`);
  }
  return Object.keys(facts).join(", ");
}

const [mode, folder] = process.argv.slice(2);
if ((mode !== "make" && mode !== "check") || !folder) {
  throw new Error("usage: tsx test/interop/exampleModels.ts make|check DIR");
}
await mkdir(folder, { recursive: true });
let failed = 0;
const names = Object.keys(MODELS) as Name[];
for (const name of names) {
  keras.utils.clearSession();
  if (mode === "make") {
    await make(name, folder);
    continue;
  }
  try {
    console.log(`ok    ${name}.keras: ${await check(name, folder)}`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}.keras: ${(error as Error).message}`);
  }
}
if (mode === "check") {
  console.log(`${names.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
