/**
 * An ensemble: three classifiers of digits, each trained on a third of the data, and a model that averages what they say.
 * From Keras's guide to the functional API.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";
import { first, small } from "./support/small.ts";

const { layers } = keras;
keras.utils.setRandomSeed(3);

function getModel(): keras.Model {
  const inputs = keras.Input({ shape: [784] });
  const hidden = layers.Dense(64, { activation: "relu" })(inputs);
  return keras.Model({ inputs, outputs: layers.Dense(10, { activation: "softmax" })(hidden) });
}

const members = [getModel(), getModel(), getModel()];
const inputs = keras.Input({ shape: [784] });
const outputs = layers.average(members.map((member) => member(inputs)));
const ensemble = keras.Model({ inputs, outputs, name: "ensemble" });
ensemble.summary();
await keras.utils.plotModel(ensemble, "ensemble.png", { showShapes: true });

const [[trainImages, trainLabels], [testImages, testLabels]] = await loadDigits();
const flatten = (images: keras.Tensor): keras.Tensor => images.reshape([-1, 784]).astype("float32").div(255);
const [xTrain, yTrain] = [flatten(first(trainImages, 7500, 1500)), first(trainLabels, 7500, 1500)];
const [xTest, yTest] = [flatten(first(testImages, 2000, 500)), first(testLabels, 2000, 500)];

const settings = { loss: "sparse_categorical_crossentropy", metrics: ["accuracy"] };
const third = xTrain.shape[0]! / 3;
for (const [i, member] of members.entries()) {
  member.compile({ ...settings, optimizer: "adam" });
  const part = [i * third, (i + 1) * third] as const;
  await member.fit(xTrain.get(part), yTrain.get(part), { epochs: small ? 2 : 5, verbose: 0 });
  const [, accuracy] = (await member.evaluate(xTest, yTest, { verbose: 0 })) as number[];
  console.log(`Accuracy of member ${i + 1}: ${accuracy!.toFixed(4)}`);
}

// Nothing more to train: the ensemble consists of its members.
ensemble.compile(settings);
const [, accuracy] = (await ensemble.evaluate(xTest, yTest, { verbose: 0 })) as number[];
console.log(`Accuracy of the ensemble: ${accuracy!.toFixed(4)}`);
