/**
 * TensorFlow.js's models of sequences. The tasks and their keys are those of sequences.ts; read both side by side. It has no
 * attention layer, so there is no transformer.
 */
import { loadImdb } from "./imdb.mjs";
import { epochRecorder, once, peakRssMb, timed } from "./tfjsTiming.mjs";

// The default, orthogonal, needs tensor methods that only its union package registers.
const recurrentInitializer = "glorotUniform";
const REVIEWS = { length: 200, vocabularySize: 20_000 };

/** @param start - Gives `{ tf, layers, input, functional }` with the backend ready. */
export async function fitSequences(start, { model: name, data, samples, batchSize }) {
  if (name === "transformer") throw new Error("TensorFlow.js has no attention layer");
  const tfjs = await start();
  const { tf } = tfjs;
  const { model, x, y } = { ticket, bilstm }[name](tfjs, samples, data);
  const part = (arrays) => [arrays].flat().map((t) => tf.slice(t, 0, batchSize));
  const firstStepMs = await once(() => model.trainOnBatch(part(x), part(y)));
  const recorder = epochRecorder();
  const { callbacks } = recorder;
  await model.fit(x, y, { batchSize, epochs: 2, verbose: 0, yieldEvery: "never", callbacks });
  const { milliseconds, logs } = recorder;
  return { firstStepMs, epochMs: milliseconds[1], loss: logs.loss, peakRssMb: peakRssMb() };
}

export async function predictSequences(start, { batchSize, ...timing }) {
  const { tf, layers, input, functional } = await start();
  const inputs = input({ shape: [100, 32] });
  const outputs = layers.dense({ units: 10 }).apply(layers.lstm({ units: 128, recurrentInitializer }).apply(inputs));
  const model = functional({ inputs, outputs });
  const rows = Float32Array.from({ length: batchSize * 3200 }, Math.random);
  const run = async (predict) => {
    const x = tf.tensor3d(rows, [batchSize, 100, 32]);
    const y = predict(x);
    await y.data();
    tf.dispose([x, y]);
  };
  const firstMs = await once(() => run((x) => model.predict(x, { batchSize })));
  return {
    firstMs,
    ms: {
      predict: await timed(timing, () => run((x) => model.predict(x, { batchSize }))),
      predictOnBatch: await timed(timing, () => run((x) => model.predictOnBatch(x))),
      call: await timed(timing, () => run((x) => tf.tidy(() => model.apply(x)))),
    },
    peakRssMb: peakRssMb(),
  };
}

function ticket({ tf, layers, input, functional }, samples) {
  const integers = (rows, columns, below) =>
    tf.tensor2d(
      Float32Array.from({ length: rows * columns }, () => Math.floor(Math.random() * below)),
      [rows, columns],
    );
  const embedded = (x, units) =>
    layers.lstm({ units, recurrentInitializer }).apply(layers.embedding({ inputDim: 10_000, outputDim: 64 }).apply(x));
  const [title, body, tags] = [input({ shape: [10] }), input({ shape: [100] }), input({ shape: [12] })];
  const x = layers.concatenate().apply([embedded(title, 128), embedded(body, 32), tags]);
  const outputs = [layers.dense({ units: 1 }).apply(x), layers.dense({ units: 4 }).apply(x)];
  const model = functional({ inputs: [title, body, tags], outputs });
  model.compile({
    optimizer: tf.train.rmsprop(1e-3),
    loss: [
      (labels, logits) => tf.losses.sigmoidCrossEntropy(labels, logits),
      (labels, logits) => tf.mul(0.2, tf.losses.softmaxCrossEntropy(labels, logits)),
    ],
  });
  const labels = Int32Array.from({ length: samples }, () => Math.floor(Math.random() * 4));
  const departments = tf.cast(tf.oneHot(tf.tensor1d(labels, "int32"), 4), "float32");
  return {
    model,
    x: [integers(samples, 10, 10_000), integers(samples, 100, 10_000), integers(samples, 12, 2)],
    y: [integers(samples, 1, 2), departments],
  };
}

function bilstm({ tf, layers, input, functional }, samples, data) {
  const both = (returnSequences) =>
    layers.bidirectional({
      layer: layers.lstm({ units: 64, returnSequences, recurrentInitializer }),
      mergeMode: "concat",
    });
  const inputs = input({ shape: [REVIEWS.length] });
  let x = layers.embedding({ inputDim: REVIEWS.vocabularySize, outputDim: 128 }).apply(inputs);
  x = both(false).apply(both(true).apply(x));
  const model = functional({ inputs, outputs: layers.dense({ units: 1, activation: "sigmoid" }).apply(x) });
  model.compile({ optimizer: "adam", loss: "binaryCrossentropy", metrics: ["accuracy"] });
  const reviews = loadImdb(data, samples, REVIEWS);
  return {
    model,
    x: tf.tensor2d(Float32Array.from(reviews.x), [reviews.count, REVIEWS.length]),
    y: tf.tensor2d(Float32Array.from(reviews.y), [reviews.count, 1]),
  };
}
