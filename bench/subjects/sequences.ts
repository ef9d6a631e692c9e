/** Our models of sequences: the guide's ticket model, an LSTM in both directions and a transformer on IMDB, an LSTM to predict with. */
import * as keras from "../../src/node.ts";
import { loadImdb } from "./imdb.mjs";
import { EpochRecorder, once, peakRssMb, type Timing, timed } from "./timing.ts";

const { layers, ops } = keras;

export interface FitParameters {
  readonly model: "ticket" | "bilstm" | "transformer" | "words";
  readonly data: string;
  readonly samples: number;
  readonly batchSize: number;
}

const REVIEWS = { length: 200, vocabularySize: 20_000 };

export async function fitSequences({ model: name, data, samples, batchSize }: FitParameters) {
  const { model, x, y } = { ticket, bilstm, transformer, words }[name](data, samples);
  const part = <T extends keras.Tensor | readonly keras.Tensor[]>(all: T): T =>
    (Array.isArray(all)
      ? all.map((t: keras.Tensor) => t.get([0, batchSize]))
      : (all as keras.Tensor).get([0, batchSize])) as T;
  const firstStepMs = await once(() => model.trainOnBatch(part(x), part(y)));
  const recorder = new EpochRecorder();
  await model.fit(x, y, { batchSize, epochs: 2, verbose: 0, callbacks: [recorder] });
  return { firstStepMs, epochMs: recorder.milliseconds[1], loss: recorder.logs?.loss, peakRssMb: peakRssMb() };
}

export interface TrainParameters extends FitParameters {
  readonly model: "bilstm" | "transformer";
  readonly epochs: number;
  readonly testSamples: number;
}

export async function trainImdb(p: TrainParameters) {
  const { model, x, y } = { bilstm, transformer }[p.model](p.data, p.samples);
  const start = performance.now();
  const history = await model.fit(x, y, { batchSize: p.batchSize, epochs: p.epochs, verbose: 0 });
  const seconds = (performance.now() - start) / 1000;
  const test = imdb(p.data, p.testSamples, "test");
  const [loss, accuracy] = await model.evaluate(test.x, test.y, { batchSize: p.batchSize, verbose: 0 });
  return { accuracy, loss, trainAccuracy: history.history.accuracy!.at(-1), seconds };
}

export async function predictSequences(p: { batchSize: number } & Timing) {
  const inputs = keras.Input({ shape: [100, 32] });
  const model = keras.Model({ inputs, outputs: layers.Dense(10)(layers.LSTM(128)(inputs)) });
  const rows = Float32Array.from({ length: p.batchSize * 3200 }, Math.random);
  const run = async (predict: (x: keras.Tensor) => keras.Tensor | Promise<keras.Tensor>) => {
    await (await predict(keras.tensor(rows, [p.batchSize, 100, 32], "float32"))).data();
  };
  const firstMs = await once(() => run((x) => model.predict(x, { batchSize: p.batchSize, verbose: 0 })));
  return {
    firstMs,
    ms: {
      predict: await timed(p, () => run((x) => model.predict(x, { batchSize: p.batchSize, verbose: 0 }))),
      predictOnBatch: await timed(p, () => run((x) => model.predictOnBatch(x))),
      call: await timed(p, () => run((x) => model(x))),
    },
    peakRssMb: peakRssMb(),
  };
}

const integers = (rows: number, columns: number, below: number): keras.Tensor =>
  keras.tensor(
    Int32Array.from({ length: rows * columns }, () => Math.floor(Math.random() * below)),
    [rows, columns],
  );

/** The guide's, on made-up tickets as there: titles of 10 words, bodies of 100. */
function ticket(_data: string, samples: number) {
  const title = keras.Input({ shape: [null], name: "title" });
  const body = keras.Input({ shape: [null], name: "body" });
  const tags = keras.Input({ shape: [12], name: "tags" });
  const titleFeatures = layers.LSTM(128)(layers.Embedding(10_000, 64)(title));
  const bodyFeatures = layers.LSTM(32)(layers.Embedding(10_000, 64)(body));
  const x = layers.concatenate([titleFeatures, bodyFeatures, tags]);
  const priority = layers.Dense(1, { name: "priority" })(x);
  const department = layers.Dense(4, { name: "department" })(x);
  const model = keras.Model({ inputs: [title, body, tags], outputs: [priority, department] });
  model.compile({
    optimizer: keras.optimizers.RMSprop(1e-3),
    loss: [
      keras.losses.BinaryCrossentropy({ fromLogits: true }),
      keras.losses.CategoricalCrossentropy({ fromLogits: true }),
    ],
    lossWeights: [1, 0.2],
  });
  const labels = keras.utils.toCategorical(integers(samples, 1, 4), 4);
  return {
    model,
    x: [integers(samples, 10, 10_000), integers(samples, 100, 10_000), integers(samples, 12, 2).astype("float32")],
    y: [integers(samples, 1, 2).astype("float32"), labels],
  };
}

/** A large table of which a step reads little. */
function words(_data: string, samples: number) {
  const inputs = keras.Input({ shape: [20], dtype: "int32" });
  const x = layers.GlobalAveragePooling1D()(layers.Embedding(100_000, 64)(inputs));
  const model = keras.Model({ inputs, outputs: layers.Dense(1)(x) });
  model.compile({ optimizer: "adagrad", loss: "mse" });
  return { model, x: integers(samples, 20, 100_000), y: integers(samples, 1, 2).astype("float32") };
}

function imdb(data: string, samples: number, set: "train" | "test" = "train") {
  const { x, y, count } = loadImdb(data, samples, REVIEWS, set);
  return { x: keras.tensor(x, [count, REVIEWS.length]), y: keras.tensor(Float32Array.from(y), [count, 1]) };
}

/** Keras's example "Bidirectional LSTM on IMDB". */
function bilstm(data: string, samples: number) {
  const inputs = keras.Input({ shape: [null], dtype: "int32" });
  let x = layers.Embedding(REVIEWS.vocabularySize, 128)(inputs);
  x = layers.Bidirectional(layers.LSTM(64, { returnSequences: true }))(x);
  x = layers.Bidirectional(layers.LSTM(64))(x);
  const model = keras.Model({ inputs, outputs: layers.Dense(1, { activation: "sigmoid" })(x) });
  model.compile({ optimizer: "adam", loss: "binary_crossentropy", metrics: ["accuracy"] });
  return { model, ...imdb(data, samples) };
}

/** Words and their places. */
class TokenAndPosition extends keras.Layer {
  readonly words = layers.Embedding(REVIEWS.vocabularySize, 32);
  readonly places = layers.Embedding(REVIEWS.length, 32);

  override call(x: keras.Tensor): keras.Tensor {
    return ops.add(this.words(x), this.places(ops.arange(x.shape.at(-1)!)));
  }
}

/** Keras's example "Text classification with Transformer". */
function transformer(data: string, samples: number) {
  const inputs = keras.Input({ shape: [REVIEWS.length], dtype: "int32" });
  const tokens = new TokenAndPosition()(inputs);
  let attended = layers.MultiHeadAttention({ numHeads: 2, keyDim: 32 })(tokens, tokens);
  attended = layers.LayerNormalization({ epsilon: 1e-6 })(layers.add([tokens, layers.Dropout(0.1)(attended)]));
  let x = layers.Dense(32)(layers.Dense(32, { activation: "relu" })(attended));
  x = layers.LayerNormalization({ epsilon: 1e-6 })(layers.add([attended, layers.Dropout(0.1)(x)]));
  x = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(x));
  x = layers.Dropout(0.1)(layers.Dense(20, { activation: "relu" })(x));
  const model = keras.Model({ inputs, outputs: layers.Dense(2, { activation: "softmax" })(x) });
  model.compile({ optimizer: "adam", loss: "sparse_categorical_crossentropy", metrics: ["accuracy"] });
  return { model, ...imdb(data, samples) };
}
