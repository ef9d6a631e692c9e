/**
 * The functional API in one program: a classifier of handwritten digits, from `Input` to a reloaded `.keras` file.
 * It is the first model of Keras's guide (https://keras.io/guides/functional_api/), line by line.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";

const { layers } = keras;
keras.utils.setRandomSeed(1337);

const inputs = keras.Input({ shape: [784] });
let x = layers.Dense(64, { activation: "relu" })(inputs);
x = layers.Dense(64, { activation: "relu" })(x);
const outputs = layers.Dense(10)(x);
const model = keras.Model({ inputs, outputs, name: "mnist_model" });

model.summary();
await keras.utils.plotModel(model, "mnist_model.png");
await keras.utils.plotModel(model, "mnist_model_with_shapes.png", { showShapes: true });

const [[trainImages, yTrain], [testImages, yTest]] = await loadDigits();
const flatten = (images: keras.Tensor): keras.Tensor => images.reshape([-1, 784]).astype("float32").div(255);
const [xTrain, xTest] = [flatten(trainImages), flatten(testImages)];

model.compile({
  loss: keras.losses.SparseCategoricalCrossentropy({ fromLogits: true }),
  optimizer: keras.optimizers.RMSprop(),
  metrics: ["accuracy"],
});
const options = { batchSize: 64, epochs: 2, validationSplit: 0.2 };
const history = await model.fit(xTrain, yTrain, options);
console.log("Validation accuracy by epoch:", history.history.val_accuracy?.map((a) => a.toFixed(4)).join(", "));

const [loss, accuracy] = await model.evaluate(xTest, yTest, { verbose: 2 });
console.log("Test loss:", loss);
console.log("Test accuracy:", accuracy);

// Everything is in the one file: architecture, weights, compile configuration, optimizer state.
await model.save("my_model.keras");
const again = await keras.models.loadModel("my_model.keras");

const before = await (await model.predict(xTest, { verbose: 0 })).data();
const after = await (await again.predict(xTest, { verbose: 0 })).data();
const equal = before.every((value, i) => Object.is(value, after[i]));
console.log(`Predictions of the reloaded model are ${equal ? "bit-equal" : "NOT equal"} (${before.length} numbers).`);
if (!equal) process.exitCode = 1;

console.log("Training goes on where it stopped:");
await again.fit(xTrain, yTrain, { ...options, initialEpoch: 2, epochs: 3 });
const [, resumed] = await again.evaluate(xTest, yTest, { verbose: 0 });
console.log("Test accuracy after one more epoch:", resumed);
