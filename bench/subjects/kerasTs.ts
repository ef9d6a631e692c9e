/**
 * keras-ts as a subject: `kerasTs.js TASK PARAMETERS`. Answers with one line of JSON.
 *
 * Each subject is a process of its own that knows the same tasks:
 * - `version {}` → `{ version }`
 * - `fit { data, samples, batchSize, epochs }`: one warm-up epoch and `epochs` more →
 *   `{ epochMs, accuracy, peakRssMb }`, the accuracy that of the last epoch
 * - `predict { samples, batchSize, warmUps, warmUpMs, calls }`: from numbers in memory to numbers in memory, by each way there is
 *   → `{ ms: { predict, predictOnBatch, call } }`, medians over `calls`
 * - `startup { batchSize }`: one train step on made-up numbers → `{ endedAt }`, in milliseconds since 1970
 * - `memory { data, batchSize, stepsPerEpoch, steps, earlySteps }` →
 *   `{ earlyRssMb, halfwayRssMb, lateRssMb, steps }`
 * - `fitImages { model, data, samples, batchSize }`: one step on a batch, then a warm-up epoch and one more →
 *   `{ firstStepMs, epochMs, loss, peakRssMb }`; `firstStepMs` holds compiling
 * - `trainCifar10 { data, samples, batchSize, epochs }`: the toy ResNet → `{ accuracy, loss, trainAccuracy, seconds }`, the first two
 *   on the test images
 * - `predictImages { model, batchSize, warmUps, warmUpMs, calls }`, from random weights →
 *   `{ firstMs, ms: { predict, predictOnBatch, call }, peakRssMb }`, medians over `calls`; `firstMs` holds compiling
 * - `fitSequences { model, data, samples, batchSize }`: as `fitImages`
 * - `predictSequences { batchSize, warmUps, warmUpMs, calls }`: as `predictImages`
 * - `customDense { data, samples, batchSize }`, `handWrittenLoop { model, jit, … }` → `{ customMs, builtInMs }`, only ours: an epoch of a way of
 *   one's own and of the built-in one
 * - `traceLayers { depth }` → `{ buildMs, firstStepMs }`, only ours
 * - `trainImdb { model, data, samples, testSamples, batchSize, epochs }` → as `trainCifar10`
 */
import { readFileSync } from "node:fs";
import * as keras from "../../src/node.ts";
import { fitImages, predictImages, trainCifar10 } from "./images.ts";
import { loadMnist } from "./mnist.mjs";
import { customDense, handWrittenLoop, traceLayers } from "./ownWays.ts";
import { fitSequences, predictSequences, trainImdb } from "./sequences.ts";
import { EpochRecorder, peakRssMb, type Timing, timed } from "./timing.ts";

const tasks = {
  version,
  fit,
  predict,
  startup,
  memory,
  fitImages,
  predictImages,
  trainCifar10,
  fitSequences,
  predictSequences,
  trainImdb,
  customDense,
  handWrittenLoop,
  traceLayers,
};

function version() {
  const read = (directory: string) =>
    (JSON.parse(readFileSync(`${directory}/package.json`, "utf8")) as { version: string }).version;
  const runtime = read("node_modules/onnxruntime-common");
  return { version: `keras-ts ${read(".")}, onnxruntime ${runtime}, Node ${process.versions.node}` };
}

async function fit(p: { data: string; samples: number; batchSize: number; epochs: number }) {
  const model = mlp();
  const [x, y] = digits(p.data, p.samples);
  const recorder = new EpochRecorder();
  await model.fit(x, y, { batchSize: p.batchSize, epochs: 1 + p.epochs, verbose: 0, callbacks: [recorder] });
  return {
    epochMs: recorder.milliseconds.slice(1),
    accuracy: recorder.logs?.accuracy,
    peakRssMb: peakRssMb(),
  };
}

async function predict(p: { samples: number; batchSize: number } & Timing) {
  const model = mlp();
  const x = Float32Array.from({ length: p.samples * 784 }, Math.random);
  const tensor = (rows: Float32Array) => keras.tensor(rows, [rows.length / 784, 784], "float32");
  const batches: Float32Array[] = [];
  for (let i = 0; i < p.samples; i += p.batchSize) batches.push(x.subarray(i * 784, (i + p.batchSize) * 784));
  const each = async (run: (batch: keras.Tensor) => keras.Tensor | Promise<keras.Tensor>) => {
    for (const rows of batches) await (await run(tensor(rows))).data();
  };
  return {
    ms: {
      predict: await timed(p, async () =>
        (await model.predict(tensor(x), { batchSize: p.batchSize, verbose: 0 })).data(),
      ),
      predictOnBatch: await timed(p, () => each((batch) => model.predictOnBatch(batch))),
      call: await timed(p, () => each((batch) => model(batch))),
    },
  };
}

async function startup(p: { batchSize: number }) {
  const model = mlp();
  const x = keras.tensor(Float32Array.from({ length: p.batchSize * 784 }, Math.random), [p.batchSize, 784], "float32");
  const y = keras.tensor(Int32Array.from({ length: p.batchSize }, () => Math.floor(Math.random() * 10)));
  await model.trainOnBatch(x, y);
  return { endedAt: performance.timeOrigin + performance.now() };
}

async function memory(p: {
  data: string;
  batchSize: number;
  stepsPerEpoch: number;
  steps: number;
  earlySteps: number;
}) {
  const model = mlp();
  const [x, y] = digits(p.data, p.stepsPerEpoch * p.batchSize);
  const recorder = new EpochRecorder();
  const epochs = Math.floor(p.steps / p.stepsPerEpoch);
  await model.fit(x, y, { batchSize: p.batchSize, epochs, verbose: 0, callbacks: [recorder] });
  const early = recorder.rssMb[p.earlySteps / p.stepsPerEpoch - 1];
  const halfway = recorder.rssMb[epochs / 2 - 1];
  return {
    earlyRssMb: early,
    halfwayRssMb: halfway,
    lateRssMb: recorder.rssMb.at(-1),
    steps: epochs * p.stepsPerEpoch,
  };
}

/** The guide's model for MNIST, compiled. */
function mlp() {
  const inputs = keras.Input({ shape: [784] });
  let x = keras.layers.Dense(64, { activation: "relu" })(inputs);
  x = keras.layers.Dense(64, { activation: "relu" })(x);
  const model = keras.Model({ inputs, outputs: keras.layers.Dense(10)(x) });
  model.compile({
    loss: keras.losses.SparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: keras.optimizers.RMSprop(1e-3),
    metrics: ["accuracy"],
  });
  return model;
}

function digits(data: string, samples: number): [x: keras.Tensor, y: keras.Tensor] {
  const { x, y, count } = loadMnist(data, samples);
  return [keras.tensor(x, [count, 784], "float32"), keras.tensor(y, [count], "int32")];
}

const [task, parameters] = process.argv.slice(2);
const answer = await tasks[task as keyof typeof tasks](JSON.parse(parameters!));
console.log(JSON.stringify(answer));
