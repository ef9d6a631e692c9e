/**
 * A small transformer that classifies text: tokens and their positions are embedded, attend to each other, and are averaged.
 * Its two parts are layers of our own, as one would write them for any model. Keras's example "Text classification with
 * Transformer". Here it tells four languages apart by letters, or with a directory of IMDB's reviews whether they praise a film:
 *
 *     npx tsx examples/transformer.ts [--data DIR]
 */
import { parseArgs } from "node:util";
import * as keras from "../src/node.ts";
import { HUMAN_RIGHTS } from "./support/humanRights.ts";
import { loadReviews, type Reviews } from "./support/loadReviews.ts";
import { small } from "./support/small.ts";

const { layers, ops } = keras;
keras.utils.setRandomSeed(5);

/** The vector of a token plus the vector of its place. */
class TokenAndPositionEmbedding extends layers.Layer {
  readonly tokens: keras.layers.Embedding;
  readonly positions: keras.layers.Embedding;

  constructor(options: { vocabulary: number; maxLength: number; dim: number; name?: string }) {
    super({ name: options.name ?? null });
    this.tokens = layers.Embedding(options.vocabulary, options.dim, { maskZero: true });
    this.positions = layers.Embedding(options.maxLength, options.dim);
  }

  override call(ids: keras.Tensor): keras.Tensor {
    return ops.add(this.tokens(ids), this.positions(ops.arange(ids.shape[1]!)));
  }

  // Where the ids are 0 there is no token: attention and the average skip these places.
  override computeMask(ids: unknown): keras.layers.Mask {
    return this.tokens.computeMask(ids);
  }
}

/** Attention, then two Dense layers for each place; what each adds is normalized. */
class TransformerBlock extends layers.Layer {
  readonly attention: keras.layers.MultiHeadAttention;
  readonly expand: keras.layers.Dense;
  readonly contract: keras.layers.Dense;
  readonly norms = [
    layers.LayerNormalization({ epsilon: 1e-6 }),
    layers.LayerNormalization({ epsilon: 1e-6 }),
  ] as const;
  readonly dropouts: readonly [keras.layers.Dropout, keras.layers.Dropout];

  constructor(options: { dim: number; heads: number; hidden: number; dropout?: number; name?: string }) {
    super({ name: options.name ?? null });
    const { dim, heads, hidden, dropout = 0.1 } = options;
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
}

// -------------------------------------------------------------------- the data

interface Data {
  /** Rows of ids, 0 where there is no token; and the number of the class of each. */
  readonly x: keras.Tensor;
  readonly y: keras.Tensor;
}

/** What is to be learned. */
interface Task {
  readonly classes: readonly string[];
  /** How many tokens there are, and how many of them a text has. */
  readonly vocabulary: number;
  readonly length: number;
  readonly train: Data;
  readonly unseen: Data;
  readonly unseenAre: string;
  readonly epochs: number;
  readonly learningRate: number;
}

const integers = (values: readonly (number | readonly number[])[]): keras.Tensor =>
  keras.tensor(values, undefined, "int32");

function languages(): Task {
  const length = 40;
  const letters = [...new Set(HUMAN_RIGHTS.flat().join("").toLowerCase())].sort();
  const toIds = (text: string): number[] => {
    const known = [...text.toLowerCase()].slice(0, length).map((letter) => letters.indexOf(letter) + 1);
    return [...known, ...Array<number>(length - known.length).fill(0)];
  };
  /** Pieces of the articles, one every few letters; the last ones are short and padded. */
  const makePieces = (articles: readonly (readonly string[])[], step: number): Data => {
    const pieces = articles.flatMap((article) =>
      article.flatMap((text, label) =>
        Array.from({ length: Math.ceil((text.length - 10) / step) }, (_, i) => ({
          ids: toIds(text.slice(i * step)),
          label,
        })),
      ),
    );
    return { x: integers(pieces.map(({ ids }) => ids)), y: integers(pieces.map(({ label }) => label)) };
  };
  return {
    classes: ["English", "German", "French", "Spanish"],
    vocabulary: letters.length + 1,
    length,
    train: makePieces(HUMAN_RIGHTS.slice(0, 9), 3),
    unseen: makePieces(HUMAN_RIGHTS.slice(9), 10),
    unseenAre: "pieces of articles",
    epochs: small ? 3 : 8,
    learningRate: 0.003,
  };
}

async function reviews(directory: string): Promise<Task> {
  const [vocabulary, length] = [20_000, 200];
  const { train, test } = loadReviews(directory);
  const vectorize = layers.TextVectorization({ maxTokens: vocabulary, outputSequenceLength: length });
  await vectorize.adapt(train.texts);
  const toData = ({ texts, labels }: Reviews): Data => ({ x: vectorize(texts), y: integers(labels) });
  return {
    classes: ["against", "in favour"],
    vocabulary,
    length,
    train: toData(train),
    unseen: toData(test),
    unseenAre: "reviews",
    epochs: 2,
    learningRate: 0.001,
  };
}

const { data = null } = parseArgs({ options: { data: { type: "string" }, small: { type: "boolean" } } }).values;
const task = data === null ? languages() : await reviews(data);

// ------------------------------------------------------------------- the model

const dim = 32;
const ids = keras.Input({ shape: [task.length], dtype: "int32", name: "tokens" });
const embedded = new TokenAndPositionEmbedding({ vocabulary: task.vocabulary, maxLength: task.length, dim })(ids);
const encoded = new TransformerBlock({ dim, heads: 2, hidden: 32 })(embedded);
let x = layers.GlobalAveragePooling1D()(encoded);
x = layers.Dropout(0.1)(x);
x = layers.Dense(20, { activation: "relu" })(x);
x = layers.Dropout(0.1)(x);
const outputs = layers.Dense(task.classes.length, { activation: "softmax", name: "class" })(x);
const model = keras.Model({ inputs: ids, outputs, name: "transformer" });
model.summary();
await keras.utils.plotModel(model, "transformer.png", { showShapes: true });

// ---------------------------------------------------------------- the training

const { train, unseen } = task;
model.compile({
  optimizer: keras.optimizers.Adam(task.learningRate),
  loss: "sparse_categorical_crossentropy",
  metrics: ["accuracy"],
});
await model.fit(train.x, train.y, { batchSize: 32, epochs: task.epochs, verbose: 2 });
const [, accuracy] = await model.evaluate(unseen.x, unseen.y, { verbose: 0 });
console.log(`Right about ${(accuracy! * 100).toFixed(1)} % of ${unseen.y.shape[0]} ${task.unseenAre} it has not seen`);

const answers = await (await model.predict(unseen.x, { verbose: 0 })).argmax({ axis: -1 }).data();
const truths = await unseen.y.data();
task.classes.forEach((name, label) => {
  const own = Array.from(truths, Number).flatMap((truth, i) => (truth === label ? [Number(answers[i])] : []));
  console.log(`  ${name}: ${own.filter((answer) => answer === label).length} of ${own.length}`);
});
