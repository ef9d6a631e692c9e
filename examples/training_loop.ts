/**
 * A training loop without `fit`: the step is an ordinary function of tensors, and `keras.jit` makes it one program. Gradients,
 * optimizer and metrics are the same objects that `fit` uses.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";

const { layers } = keras;
keras.utils.setRandomSeed(1337);

const model = keras.Sequential([
  keras.Input({ shape: [784] }),
  layers.Dense(64, { activation: "relu" }),
  layers.Dropout(0.2),
  layers.Dense(10),
]);
const optimizer = keras.optimizers.Adam(0.001);
const lossFn = keras.losses.SparseCategoricalCrossentropy({ fromLogits: true });
const accuracy = keras.metrics.SparseCategoricalAccuracy();

const trainStep = keras.jit((x: keras.Tensor, y: keras.Tensor) => {
  const weights = model.trainableVariables;
  const [loss, gradients] = keras.valueAndGrad(() => {
    const logits = model(x, { training: true });
    accuracy.updateState(y, logits);
    return lossFn(y, logits);
  }, weights)();
  optimizer.apply(gradients, weights);
  return loss;
});

const [[images, labels], [testImages, testLabels]] = await loadDigits();
const flatten = (x: keras.Tensor): keras.Tensor => x.reshape([-1, 784]).astype("float32").div(255);
const [x, xTest] = [flatten(images), flatten(testImages)];
const batchSize = 64;
for (let epoch = 1; epoch <= 2; epoch++) {
  accuracy.resetState();
  let total = 0;
  const steps = Math.floor(images.shape[0]! / batchSize);
  for (let step = 0; step < steps; step++) {
    const rows: [number, number] = [step * batchSize, (step + 1) * batchSize];
    total += await (await trainStep(x.get(rows), labels.get(rows))).item();
  }
  const trained = await accuracy.result().item();
  console.log(`Epoch ${epoch}: loss ${(total / steps).toFixed(4)}, accuracy ${trained.toFixed(4)}`);
}
accuracy.resetState();
accuracy.updateState(testLabels, model(xTest));
console.log(`Test accuracy: ${(await accuracy.result().item()).toFixed(4)}`);
