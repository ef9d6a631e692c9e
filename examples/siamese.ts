/**
 * A siamese network: do two pictures show the same digit? Both go through one network, whose layers are shared, and the
 * distance of the results decides.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";
import { first, small } from "./support/small.ts";

const { layers, ops } = keras;
keras.utils.setRandomSeed(11);

const image = keras.Input({ shape: [28, 28], name: "image" });
let x = layers.Flatten()(image);
x = layers.Dense(128, { activation: "relu" })(x);
x = layers.Dropout(0.1)(x);
const embedding = keras.Model({ inputs: image, outputs: layers.Dense(32)(x), name: "embedding" });

const left = keras.Input({ shape: [28, 28], name: "left" });
const right = keras.Input({ shape: [28, 28], name: "right" });
const distance = ops.abs(ops.subtract(embedding(left), embedding(right)));
const same = layers.Dense(1, { activation: "sigmoid", name: "same" })(distance);
const model = keras.Model({ inputs: { left, right }, outputs: same, name: "siamese" });
model.summary({ expandNested: true });
await keras.utils.plotModel(model, "siamese.png", { showShapes: true, expandNested: true });

/** Each picture with another one, in half of the pairs of the same digit. */
async function makePairs(images: keras.Tensor, labels: keras.Tensor) {
  const digits = Array.from(await labels.data(), Number);
  const byDigit = Array.from({ length: 10 }, (_, d) => digits.flatMap((digit, i) => (digit === d ? [i] : [])));
  const partners = digits.map((digit, i) => {
    const wanted = i % 2 === 0 ? byDigit[digit]! : byDigit[(digit + 1 + (i % 9)) % 10]!;
    return wanted[(i * 7919) % wanted.length]!;
  });
  const scaled = images.astype("float32").div(255);
  const y = keras.tensor(digits.map((digit, i) => Number(digit === digits[partners[i]!])));
  return { x: { left: scaled, right: ops.take(scaled, keras.tensor(partners, undefined, "int32"), { axis: 0 }) }, y };
}

const [[trainImages, trainLabels], [testImages, testLabels]] = await loadDigits();
const train = await makePairs(first(trainImages, 8000, 1000), first(trainLabels, 8000, 1000));
const test = await makePairs(first(testImages, 2000, 200), first(testLabels, 2000, 200));
model.compile({ optimizer: "adam", loss: "binary_crossentropy", metrics: ["accuracy"] });
await model.fit(train.x, train.y, { batchSize: 64, epochs: small ? 2 : 10 });
const [, accuracy] = (await model.evaluate(test.x, test.y, { verbose: 0 })) as number[];
console.log(`Right about ${(accuracy! * 100).toFixed(1)} % of ${test.y.shape[0]} pairs of unseen pictures`);
const answers = await (await model.predict(test.x, { verbose: 0 })).data();
for (let i = 0; i < 4; i++) {
  console.log(
    `Pair ${i + 1}: the same with probability ${Number(answers[i]).toFixed(2)}; in truth ${(await test.y.data())[i]}`,
  );
}
