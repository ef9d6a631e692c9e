/**
 * TensorFlow.js as a subject: `tfjs.mjs TASK PARAMETERS`, where TFJS_BACKEND is `wasm` or `cpu`. Answers with one line
 * of JSON. The tasks and their keys are those of kerasTs.ts; read both side by side.
 *
 * Its packages lie in `.bench/tfjs`, never among the project's own dependencies.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { loadMnist } from "./mnist.mjs";
import { fitImages, predictImages } from "./tfjsImages.mjs";
import { fitSequences, predictSequences } from "./tfjsSequences.mjs";
import { epochRecorder, peakRssMb, timed } from "./tfjsTiming.mjs";

const home = new URL("../../.bench/tfjs/", import.meta.url);
const require = createRequire(home);
const backend = process.env.TFJS_BACKEND;

const tasks = {
  version,
  fit,
  predict,
  startup,
  memory,
  fitImages: (parameters) => fitImages(start, parameters),
  predictImages: (parameters) => predictImages(start, parameters),
  fitSequences: (parameters) => fitSequences(start, parameters),
  predictSequences: (parameters) => predictSequences(start, parameters),
};

function version() {
  const read = (part) => JSON.parse(readFileSync(new URL(`node_modules/@tensorflow/tfjs-${part}/package.json`, home)));
  require.resolve("@tensorflow/tfjs-core");
  return {
    version: `tfjs-layers ${read("layers").version}, tfjs-backend-${backend} ${read(`backend-${backend}`).version}, Node ${process.versions.node}`,
  };
}

async function fit({ data, samples, batchSize, epochs }) {
  const { tf, model } = await mlp();
  const { x, y, count } = loadMnist(data, samples);
  const recorder = epochRecorder();
  await model.fit(tf.tensor2d(x, [count, 784]), oneHot(tf, y), {
    batchSize,
    epochs: 1 + epochs,
    verbose: 0,
    yieldEvery: "never",
    callbacks: recorder.callbacks,
  });
  return { epochMs: recorder.milliseconds.slice(1), accuracy: recorder.logs.acc, peakRssMb: peakRssMb() };
}

async function predict({ samples, batchSize, ...timing }) {
  const { tf, model } = await mlp();
  const x = Float32Array.from({ length: samples * 784 }, Math.random);
  // From numbers in memory to numbers in memory, as the others: made, run, read, and freed by hand.
  const once = async (rows, run) => {
    const input = tf.tensor2d(rows, [rows.length / 784, 784]);
    const output = run(input);
    await output.data();
    tf.dispose([input, output]);
  };
  const batches = [];
  for (let i = 0; i < samples; i += batchSize) batches.push(x.subarray(i * 784, (i + batchSize) * 784));
  const each = async (run) => {
    for (const rows of batches) await once(rows, run);
  };
  return {
    ms: {
      predict: await timed(timing, () => once(x, (input) => model.predict(input, { batchSize }))),
      predictOnBatch: await timed(timing, () => each((input) => model.predictOnBatch(input))),
      call: await timed(timing, () => each((input) => tf.tidy(() => model.apply(input)))),
    },
  };
}

async function startup({ batchSize }) {
  const { tf, model } = await mlp();
  const x = Float32Array.from({ length: batchSize * 784 }, Math.random);
  const y = Int32Array.from({ length: batchSize }, () => Math.floor(Math.random() * 10));
  await model.trainOnBatch(tf.tensor2d(x, [batchSize, 784]), oneHot(tf, y));
  return { endedAt: performance.timeOrigin + performance.now() };
}

async function memory({ data, batchSize, stepsPerEpoch, steps, earlySteps }) {
  const { tf, model } = await mlp();
  const { x, y, count } = loadMnist(data, stepsPerEpoch * batchSize);
  const rss = [];
  const epochs = Math.floor(steps / stepsPerEpoch);
  await model.fit(tf.tensor2d(x, [count, 784]), oneHot(tf, y), {
    batchSize,
    epochs,
    verbose: 0,
    yieldEvery: "never",
    callbacks: {
      onEpochEnd: () => {
        rss.push(process.memoryUsage.rss() / 2 ** 20);
      },
    },
  });
  return {
    earlyRssMb: rss[earlySteps / stepsPerEpoch - 1],
    halfwayRssMb: rss[epochs / 2 - 1],
    lateRssMb: rss.at(-1),
    steps: epochs * stepsPerEpoch,
  };
}

/** The library with its backend ready. */
async function start() {
  const tf = require("@tensorflow/tfjs-core");
  const { layers, input, model: functional } = require("@tensorflow/tfjs-layers");
  const engine = require(`@tensorflow/tfjs-backend-${backend}`);
  if (backend === "wasm") {
    engine.setWasmPaths(fileURLToPath(new URL("node_modules/@tensorflow/tfjs-backend-wasm/dist/", home)));
  }
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js cannot start its backend "${backend}"`);
  await tf.ready();
  return { tf, layers, input, functional };
}

async function mlp() {
  const { tf, layers, input, functional } = await start();
  const inputs = input({ shape: [784] });
  let x = layers.dense({ units: 64, activation: "relu" }).apply(inputs);
  x = layers.dense({ units: 64, activation: "relu" }).apply(x);
  const model = functional({ inputs, outputs: layers.dense({ units: 10 }).apply(x) });
  model.compile({
    // Its own sparse loss clips logits to [0, 1] first, and another loss takes labels in the shape of the outputs only:
    // so they are one-hot here.
    loss: (labels, logits) => tf.losses.softmaxCrossEntropy(labels, logits),
    optimizer: tf.train.rmsprop(1e-3),
    metrics: ["accuracy"],
  });
  return { tf, model };
}

const oneHot = (tf, labels) => tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, "int32"), 10), "float32"));

const [task, parameters] = process.argv.slice(2);
console.log(JSON.stringify(await tasks[task](JSON.parse(parameters))));
