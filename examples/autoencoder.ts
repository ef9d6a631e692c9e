/**
 * One graph of layers, two models: an encoder of digits, and an autoencoder that goes on from the encoder's output. Training
 * the one trains the other. From Keras's guide to the functional API.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";
import { drawImages, first, small } from "./support/small.ts";

const { layers } = keras;
keras.utils.setRandomSeed(7);

const encoderInput = keras.Input({ shape: [28, 28, 1], name: "img" });
let x = layers.Conv2D(16, 3, { activation: "relu" })(encoderInput);
x = layers.Conv2D(32, 3, { activation: "relu" })(x);
x = layers.MaxPooling2D(3)(x);
x = layers.Conv2D(32, 3, { activation: "relu" })(x);
x = layers.Conv2D(16, 3, { activation: "relu" })(x);
const encoderOutput = layers.GlobalMaxPooling2D()(x);
const encoder = keras.Model({ inputs: encoderInput, outputs: encoderOutput, name: "encoder" });
encoder.summary();

x = layers.Reshape([4, 4, 1])(encoderOutput);
x = layers.Conv2DTranspose(16, 3, { activation: "relu" })(x);
x = layers.Conv2DTranspose(32, 3, { activation: "relu" })(x);
x = layers.UpSampling2D(3)(x);
x = layers.Conv2DTranspose(16, 3, { activation: "relu" })(x);
const decoderOutput = layers.Conv2DTranspose(1, 3, { activation: "relu" })(x);
const autoencoder = keras.Model({ inputs: encoderInput, outputs: decoderOutput, name: "autoencoder" });
autoencoder.summary();
await keras.utils.plotModel(autoencoder, "autoencoder.png", { showShapes: true });

const [[trainImages], [testImages]] = await loadDigits();
const scale = (images: keras.Tensor): keras.Tensor => images.expandDims(-1).astype("float32").div(255);
const xTrain = scale(first(trainImages, 8000, 512));
const xTest = scale(first(testImages, 1000, 64));

const codeBefore = await (await encoder.predict(xTest, { verbose: 0 })).get(0).data();
autoencoder.compile({ optimizer: "adam", loss: "mse" });
const before = await autoencoder.evaluate(xTest, xTest, { verbose: 0 });
await autoencoder.fit(xTrain, xTrain, { batchSize: 64, epochs: small ? 1 : 3 });
const after = await autoencoder.evaluate(xTest, xTest, { verbose: 0 });
console.log(`Squared error of the reconstructions: ${before} before training, ${after} after`);

const codeAfter = await (await encoder.predict(xTest, { verbose: 0 })).get(0).data();
const show = (values: Iterable<number | bigint>): string => Array.from(values, (v) => Number(v).toFixed(2)).join(" ");
console.log(
  `The encoder's 16 numbers for one digit, before: ${show(codeBefore)}\n${" ".repeat(39)}after: ${show(codeAfter)}`,
);

await autoencoder.save("autoencoder.keras");
const again = await keras.models.loadModel("autoencoder.keras");
const drawn = await again.predict(xTest.get([0, 1]), { verbose: 0 });
console.log("A digit, and what the reloaded autoencoder makes of its 16 numbers:");
console.log(drawImages([Array.from(await xTest.get(0).data(), Number), Array.from(await drawn.data(), Number)], 28));
