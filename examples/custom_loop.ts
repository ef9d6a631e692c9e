/**
 * A loop from scratch with everything that `fit` does unseen: gradients of several small batches summed into one update
 * (gradient accumulation), a rate that changes, validation, stopping early, the best weights kept.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";
import { first, small } from "./support/small.ts";

const { layers, ops } = keras;
keras.utils.setRandomSeed(12);
const MICRO_BATCH = 16;
const ACCUMULATE = 4;

const model = keras.Sequential([
  keras.Input({ shape: [784] }),
  layers.Dense(64, { activation: "relu" }),
  layers.Dropout(0.1),
  layers.Dense(10),
]);
const optimizer = keras.optimizers.SGD(0.2, { momentum: 0.9 });
const lossFn = keras.losses.SparseCategoricalCrossentropy({ fromLogits: true });
const weights = model.trainableVariables;
const sums = weights.map((w) => new keras.Variable(ops.zeros(w.shape), { trainable: false }));

/** Adds the gradients of one small batch to the sums. */
const accumulate = keras.jit((x: keras.Tensor, y: keras.Tensor) => {
  const [loss, gradients] = keras.valueAndGrad(() => lossFn(y, model(x, { training: true })), weights)();
  sums.forEach((sum, i) => {
    sum.assignAdd(gradients[i]!);
  });
  return loss;
});

/** Updates by their mean and starts anew. */
const update = keras.jit(() => {
  optimizer.apply(
    sums.map((sum) => sum.value.div(ACCUMULATE)),
    weights,
  );
  for (const sum of sums) sum.assign(ops.zeros(sum.shape));
});

const accuracy = keras.metrics.SparseCategoricalAccuracy();
const validate = keras.jit((x: keras.Tensor, y: keras.Tensor) => {
  accuracy.updateState(y, model(x, { training: false }));
  return accuracy.result();
});

const [[images, labels], [testImages, testLabels]] = await loadDigits();
const flat = (t: keras.Tensor): keras.Tensor => t.reshape([-1, 784]).astype("float32").div(255);
const [x, y] = [flat(first(images, 20_000, 2048)), first(labels, 20_000, 2048)];
const [xTest, yTest] = [flat(first(testImages, 5000, 1000)), first(testLabels, 5000, 1000)];
const batches = Math.floor(x.shape[0]! / MICRO_BATCH / ACCUMULATE) * ACCUMULATE;

let best = { accuracy: 0, epoch: 0, weights: model.getWeights() };
for (let epoch = 1; epoch <= (small ? 5 : 12) && epoch - best.epoch <= 2; epoch++) {
  let total = 0;
  for (let i = 0; i < batches; i++) {
    const rows: [number, number] = [i * MICRO_BATCH, (i + 1) * MICRO_BATCH];
    total += await (await accumulate(x.get(rows), y.get(rows))).item();
    if ((i + 1) % ACCUMULATE === 0) await update();
  }
  accuracy.resetState();
  const found = await (await validate(xTest, yTest)).item();
  console.log(`Epoch ${epoch}: loss ${(total / batches).toFixed(4)}, accuracy on unseen digits ${found.toFixed(4)}`);
  if (found > best.accuracy) best = { accuracy: found, epoch, weights: model.getWeights() };
  optimizer.learningRate = 0.2 * 0.8 ** epoch;
}
model.setWeights(best.weights);
accuracy.resetState();
const again = await (await validate(xTest, yTest)).item();
console.log(
  `Back to epoch ${best.epoch}: ${again.toFixed(4)} after ${await ops.convertToTensor(optimizer.iterations).item()} updates`,
);
