/**
 * A small transformer that classifies text: tokens and their positions are embedded, attend to each other, and are averaged.
 * Its two parts are layers of our own, as one would write them for any model. Here it tells four languages apart by letters.
 */
import * as keras from "../src/node.ts";
import { HUMAN_RIGHTS } from "./support/humanRights.ts";
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
    this.attention = layers.MultiHeadAttention(heads, dim / heads);
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

// ------------------------------------------------------------------- the model

const LENGTH = 40;
const LANGUAGES = ["English", "German", "French", "Spanish"];
const letters = [...new Set(HUMAN_RIGHTS.flat().join("").toLowerCase())].sort();

const ids = keras.Input({ shape: [LENGTH], dtype: "int32", name: "letters" });
const embedded = new TokenAndPositionEmbedding({ vocabulary: letters.length + 1, maxLength: LENGTH, dim: 32 })(ids);
const encoded = new TransformerBlock({ dim: 32, heads: 2, hidden: 64 })(embedded);
let x = layers.GlobalAveragePooling1D()(encoded);
x = layers.Dropout(0.1)(x);
const language = layers.Dense(LANGUAGES.length, { activation: "softmax", name: "language" })(x);
const model = keras.Model({ inputs: ids, outputs: language, name: "transformer" });
model.summary();
await keras.utils.plotModel(model, "transformer.png", { showShapes: true });

// -------------------------------------------------------------------- the data

const toIds = (text: string): number[] => {
  const known = [...text.toLowerCase()].slice(0, LENGTH).map((letter) => letters.indexOf(letter) + 1);
  return [...known, ...Array<number>(LENGTH - known.length).fill(0)];
};

/** Pieces of the articles, one every few letters; the last ones are short and padded. */
function makePieces(articles: readonly (readonly string[])[], step: number) {
  const pieces = articles.flatMap((article) =>
    article.flatMap((text, label) =>
      Array.from({ length: Math.ceil((text.length - 10) / step) }, (_, i) => ({
        ids: toIds(text.slice(i * step)),
        label,
      })),
    ),
  );
  const inputs = keras.tensor(
    pieces.map((piece) => piece.ids),
    undefined,
    "int32",
  );
  return {
    x: inputs,
    y: keras.tensor(
      pieces.map((piece) => piece.label),
      undefined,
      "int32",
    ),
  };
}

const train = makePieces(HUMAN_RIGHTS.slice(0, 9), 3);
const unseen = makePieces(HUMAN_RIGHTS.slice(9), 10);
model.compile({
  optimizer: keras.optimizers.Adam(0.003),
  loss: "sparse_categorical_crossentropy",
  metrics: ["accuracy"],
});
await model.fit(train.x, train.y, { batchSize: 32, epochs: small ? 3 : 8, verbose: 2 });
const [, accuracy] = await model.evaluate(unseen.x, unseen.y, { verbose: 0 });
console.log(`Right about ${(accuracy! * 100).toFixed(1)} % of ${unseen.y.shape[0]} pieces of articles it has not seen`);

const answers = await (await model.predict(unseen.x, { verbose: 0 })).argmax({ axis: -1 }).data();
const truths = await unseen.y.data();
LANGUAGES.forEach((name, label) => {
  const own = Array.from(truths, Number).flatMap((truth, i) => (truth === label ? [Number(answers[i])] : []));
  console.log(`  ${name}: ${own.filter((answer) => answer === label).length} of ${own.length}`);
});
