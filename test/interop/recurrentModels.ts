/** Recurrent models that travel between keras-ts and Python Keras; recurrent_models.py has the same. */
import * as keras from "../../src/node.ts";
import type { CompileOptions } from "../../src/trainers/trainerOptions.ts";
import type { Family } from "./models.ts";

const { layers } = keras;

const SAMPLES = 48;

function reader() {
  const words = keras.Input({ shape: [7], dtype: "int32", name: "words" });
  let x: keras.KerasTensor = layers.Embedding(9, 4, { maskZero: true, name: "embedding" })(words);
  x = layers.Bidirectional(layers.LSTM(3, { returnSequences: true }), { mergeMode: "sum", name: "both" })(x);
  x = layers.GRU(4, { returnSequences: true, name: "gru" })(x);
  x = layers.SimpleRNN(3, { goBackwards: true, kernelRegularizer: "l2", name: "simple" })(x);
  return keras.Model({ inputs: words, outputs: layers.Dense(2, { name: "out" })(x), name: "reader" });
}

function translator() {
  const source = keras.Input({ shape: [null, 3], name: "source" });
  const target = keras.Input({ shape: [null, 2], name: "target" });
  const [, h, c] = layers.LSTM(4, { returnState: true, name: "encoder" })(source);
  const decoder = layers.LSTM(4, { returnSequences: true, name: "decoder" });
  const y = layers.TimeDistributed(layers.Dense(2, { name: "each" }), { name: "words" })(
    decoder(target, { initialState: [h, c] }),
  );
  return keras.Model({ inputs: [source, target], outputs: y, name: "translator" });
}

function cells() {
  const x = keras.Input({ shape: [5, 3], name: "x" });
  const masked = layers.Masking({ name: "masking" })(x);
  const stack = layers.RNN([layers.LSTMCell(4), layers.GRUCell(3, { resetAfter: false })], { name: "stack" })(masked);
  const [forward, backward] = layers.Bidirectional(layers.RNN(layers.SimpleRNNCell(2), { name: "loop" }), {
    mergeMode: null,
    name: "both",
  })(masked);
  const joined = layers.Concatenate({ name: "join" })([stack, forward, backward!]);
  return keras.Model({ inputs: x, outputs: layers.Dense(1, { name: "out" })(joined), name: "cells" });
}

function video() {
  const x = keras.Input({ shape: [3, 5, 5, 1], name: "video" });
  let y: keras.KerasTensor = layers.ConvLSTM2D(2, 3, { padding: "same", returnSequences: true, name: "conv_lstm" })(x);
  y = layers.TimeDistributed(layers.Flatten({ name: "flat" }), { name: "each" })(y);
  y = layers.GRU(3, { unroll: true, recurrentActivation: "hard_sigmoid", name: "gru" })(y);
  return keras.Model({ inputs: x, outputs: layers.Dense(2, { name: "out" })(y), name: "video" });
}

let seed = 5000;
const randn = (...shape: number[]): keras.Tensor => keras.random.normal([SAMPLES, ...shape], { seed: ++seed });

/** Families by name, in the order in which they are saved. */
export function recurrentFamilies(): Record<string, Family> {
  const adam = (): CompileOptions => ({ optimizer: keras.optimizers.Adam(0.01), loss: "mse" });
  return {
    recurrent_reader: {
      build: reader,
      compile: adam,
      x: keras.random.randint([SAMPLES, 7], 0, 9, { seed: ++seed }),
      y: randn(2),
    },
    recurrent_translator: { build: translator, compile: adam, x: [randn(6, 3), randn(4, 2)], y: randn(4, 2) },
    recurrent_cells: { build: cells, compile: adam, x: randn(5, 3), y: randn(1) },
    recurrent_video: { build: video, compile: adam, x: randn(3, 5, 5, 1), y: randn(2) },
  };
}
