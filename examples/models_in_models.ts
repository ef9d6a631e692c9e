/**
 * Models are called like layers: an autoencoder made of an encoder and a decoder that are models themselves, sharing their
 * weights. From Keras's guide to the functional API.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";
import { first, small } from "./support/small.ts";

const { layers } = keras;
keras.utils.setRandomSeed(7);

const encoderInput = keras.Input({ shape: [28, 28, 1], name: "original_img" });
let x = layers.Conv2D(16, 3, { activation: "relu" })(encoderInput);
x = layers.Conv2D(32, 3, { activation: "relu" })(x);
x = layers.MaxPooling2D(3)(x);
x = layers.Conv2D(32, 3, { activation: "relu" })(x);
x = layers.Conv2D(16, 3, { activation: "relu" })(x);
const encoder = keras.Model({
  inputs: encoderInput,
  outputs: layers.GlobalMaxPooling2D()(x),
  name: "encoder",
});

const decoderInput = keras.Input({ shape: [16], name: "encoded_img" });
x = layers.Reshape([4, 4, 1])(decoderInput);
x = layers.Conv2DTranspose(16, 3, { activation: "relu" })(x);
x = layers.Conv2DTranspose(32, 3, { activation: "relu" })(x);
x = layers.UpSampling2D(3)(x);
x = layers.Conv2DTranspose(16, 3, { activation: "relu" })(x);
const decoderOutput = layers.Conv2DTranspose(1, 3, { activation: "relu" })(x);
const decoder = keras.Model({ inputs: decoderInput, outputs: decoderOutput, name: "decoder" });

const autoencoderInput = keras.Input({ shape: [28, 28, 1], name: "img" });
const encodedImg = encoder(autoencoderInput);
const decodedImg = decoder(encodedImg);
const autoencoder = keras.Model({ inputs: autoencoderInput, outputs: decodedImg, name: "autoencoder" });
autoencoder.summary({ expandNested: true });
await keras.utils.plotModel(autoencoder, "models_in_models.png", { showShapes: true, expandNested: true });

const [[trainImages], [testImages]] = await loadDigits();
const scale = (images: keras.Tensor): keras.Tensor => images.expandDims(-1).astype("float32").div(255);
const xTrain = scale(first(trainImages, 8000, 512));
const xTest = scale(first(testImages, 1000, 64));
autoencoder.compile({ optimizer: "adam", loss: "mse" });
await autoencoder.fit(xTrain, xTrain, { batchSize: 64, epochs: small ? 1 : 2 });

// The parts were trained with the whole: one after the other they compute what it computes.
const inOne = await autoencoder.predict(xTest, { verbose: 0 });
const inTwo = await decoder.predict(await encoder.predict(xTest, { verbose: 0 }), { verbose: 0 });
const difference = await keras.ops.max(inOne.sub(inTwo).abs()).data();
console.log(`Largest difference between decoder(encoder(x)) and autoencoder(x): ${difference[0]}`);
const shared = [...encoder.weights, ...decoder.weights].every((weight) => autoencoder.weights.includes(weight));
console.log(`The autoencoder's ${autoencoder.weights.length} weights are its parts' weights: ${shared}`);
