/**
 * Does a review speak well of the film? From its raw text: words become numbers, vectors, and by LSTMs in both directions one
 * answer. The vocabulary is saved with the model, so that who loads it needs nothing but a text. Takes some minutes.
 *
 *     npx tsx examples/imdb_sentiment.ts [directory of the reviews]
 */
import * as keras from "../src/node.ts";
import { loadReviews } from "./support/loadReviews.ts";
import { small } from "./support/small.ts";

const { layers } = keras;
keras.utils.setRandomSeed(1);

const directory = process.argv.slice(2).find((argument) => !argument.startsWith("--"));
const { train, test } = loadReviews(directory);
console.log(`${train.texts.length} reviews to learn from, ${test.texts.length} to be tested by`);

const vectorize = layers.TextVectorization({ maxTokens: 20_000, outputSequenceLength: small ? 30 : 200 });
await vectorize.adapt(train.texts);
const words = vectorize.getVocabulary();
console.log(`${words.length} words: ${words.slice(2, 12).join(", ")}, … ${words.at(-1)}`);

const ids = keras.Input({ shape: [null], dtype: "int64", name: "ids" });
let x = layers.Embedding(20_000, small ? 16 : 128, { maskZero: true })(ids);
x = layers.Bidirectional(layers.LSTM(small ? 8 : 64, { returnSequences: true }))(x);
x = layers.Bidirectional(layers.LSTM(small ? 8 : 64))(x);
x = layers.Dropout(0.5)(x);
const outputs = layers.Dense(1, { activation: "sigmoid" })(x);
const model = keras.Model({ inputs: ids, outputs, name: "imdb_sentiment" });
model.summary();
await keras.utils.plotModel(model, "imdb_sentiment.png", { showShapes: true });

// Texts become rows of ids while the steps before compute.
const trainBatches = keras.data.Dataset.fromTensorSlices([train.texts, train.labels])
  .shuffle(train.texts.length)
  .batch(32)
  .map(([texts, labels]) => [vectorize(texts), labels] as const)
  .prefetch(2);
model.compile({
  optimizer: keras.optimizers.Adam(small ? 0.01 : 0.001),
  loss: keras.losses.BinaryCrossentropy(),
  metrics: ["accuracy"],
});
await model.fit(trainBatches, null, { epochs: 2 });

// One model from text to answer.
const text = keras.Input({ shape: [1], dtype: "string", name: "text" });
const whole = keras.Model({ inputs: text, outputs: model(vectorize(text)), name: "imdb_sentiment_from_text" });
whole.compile({ loss: "binary_crossentropy", metrics: ["accuracy"] });
const testBatches = keras.data.Dataset.fromTensorSlices([test.texts, test.labels]).batch(64);
const [, accuracy] = await whole.evaluate(testBatches, null, { verbose: 0 });
console.log(`Right about ${(accuracy! * 100).toFixed(1)} % of ${test.texts.length} reviews it has not seen`);

await whole.save("imdb_sentiment.keras");
const again = await keras.models.loadModel("imdb_sentiment.keras");
const reviews = [
  "What a wonderful film! The story is clever, the acting is excellent, and I loved every minute of it.",
  "A boring and pointless mess. The script is terrible, and what a waste of a good cast; the worst I have seen.",
];
const answers = await (await again.predict(reviews, { verbose: 0 })).data();
reviews.forEach((review, i) => {
  console.log(`${Number(answers[i]).toFixed(2)} for "${review}"`);
});
