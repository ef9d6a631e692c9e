/** A toy ResNet for CIFAR-10: layers need not follow each other in a line. From Keras's guide to the functional API. */
import * as keras from "../src/node.ts";
import { loadImages } from "./support/loadImages.ts";
import { first, small } from "./support/small.ts";

const { layers } = keras;
keras.utils.setRandomSeed(1);

const inputs = keras.Input({ shape: [32, 32, 3], name: "img" });
let x = layers.Conv2D(32, 3, { activation: "relu" })(inputs);
x = layers.Conv2D(64, 3, { activation: "relu" })(x);
const block1Output = layers.MaxPooling2D(3)(x);

x = layers.Conv2D(64, 3, { activation: "relu", padding: "same" })(block1Output);
x = layers.Conv2D(64, 3, { activation: "relu", padding: "same" })(x);
const block2Output = layers.add([x, block1Output]);

x = layers.Conv2D(64, 3, { activation: "relu", padding: "same" })(block2Output);
x = layers.Conv2D(64, 3, { activation: "relu", padding: "same" })(x);
const block3Output = layers.add([x, block2Output]);

x = layers.Conv2D(64, 3, { activation: "relu" })(block3Output);
x = layers.GlobalAveragePooling2D()(x);
x = layers.Dense(256, { activation: "relu" })(x);
x = layers.Dropout(0.5)(x);
const outputs = layers.Dense(10)(x);

const model = keras.Model({ inputs, outputs, name: "toy_resnet" });
model.summary();
await keras.utils.plotModel(model, "toy_resnet.png", { showShapes: true });

const [[trainImages, trainLabels], [testImages, testLabels]] = await loadImages();
const scale = (images: keras.Tensor): keras.Tensor => images.astype("float32").div(255);
const oneHot = (labels: keras.Tensor): keras.Tensor => keras.utils.toCategorical(labels, 10);
const [xTrain, yTrain] = [scale(first(trainImages, 10000, 640)), oneHot(first(trainLabels, 10000, 640))];
const [xTest, yTest] = [scale(first(testImages, 2000, 128)), oneHot(first(testLabels, 2000, 128))];

model.compile({
  optimizer: keras.optimizers.RMSprop(1e-3),
  loss: keras.losses.CategoricalCrossentropy({ fromLogits: true }),
  metrics: ["acc"],
});
await model.fit(xTrain, yTrain, { batchSize: 64, epochs: small ? 2 : 3, validationSplit: 0.2 });
const [loss, accuracy] = (await model.evaluate(xTest, yTest, { verbose: 0 })) as number[];
console.log(`On ${xTest.shape[0]} images it has not seen: loss ${loss!.toFixed(3)}, accuracy ${accuracy!.toFixed(3)}`);
