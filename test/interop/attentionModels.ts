/** Models with attention and masks that travel between keras-ts and Python Keras; attention_models.py has the same. */
import * as keras from "../../src/node.ts";
import type { CompileOptions } from "../../src/trainers/trainerOptions.ts";
import type { Family } from "./models.ts";

const { layers, ops } = keras;

const SAMPLES = 48;

function transformer() {
  const words = keras.Input({ shape: [7], dtype: "int32", name: "words" });
  const x = layers.Embedding(9, 4, { maskZero: true, name: "embedding" })(words);
  const attended = layers.MultiHeadAttention(2, 3, { useGate: true, name: "heads" })(x, x, { useCausalMask: true });
  const sum = layers.LayerNormalization({ name: "norm" })(layers.Add({ name: "add" })([x, attended]));
  const pooled = layers.GlobalAveragePooling1D({ name: "pooled" })(sum);
  return keras.Model({ inputs: words, outputs: layers.Dense(2, { name: "out" })(pooled), name: "transformer" });
}

function twoTexts() {
  const a = keras.Input({ shape: [5], dtype: "int32", name: "a" });
  const b = keras.Input({ shape: [6], dtype: "int32", name: "b" });
  const shared = layers.Embedding(9, 4, { maskZero: true, name: "shared" });
  const [x, y] = [shared(a), shared(b)];
  const read = layers.Attention({ useScale: true, scoreMode: "concat", name: "read" })([x, y]);
  const added = layers.AdditiveAttention({ name: "added" })([x, y, y]);
  const grouped = layers.GroupQueryAttention(3, 4, 2, { name: "grouped" })(x, y, { key: y });
  const joined = layers.Concatenate({ name: "join" })([read, added, grouped]);
  const projected = layers.EinsumDense("abc,cd->abd", { outputShape: [null, 3], biasAxes: "d", name: "einsum" })(
    joined,
  );
  return keras.Model({ inputs: [a, b], outputs: ops.mean(projected, { axis: 1 }), name: "two_texts" });
}

function scores() {
  const x = keras.Input({ shape: [4, 3], name: "x" });
  const mask = keras.Input({ shape: [4, 4], dtype: "bool", name: "allowed" });
  const [y, parts] = layers.MultiHeadAttention(2, 3, { valueDim: 2, outputShape: 5, name: "heads" })(x, x, {
    attentionMask: mask,
    returnAttentionScores: true,
  });
  const all = layers.Concatenate({ name: "join" })([layers.Flatten()(y), layers.Flatten()(parts)]);
  return keras.Model({ inputs: [x, mask], outputs: layers.Dense(2, { name: "out" })(all), name: "scores" });
}

let seed = 7000;
const randn = (...shape: number[]): keras.Tensor => keras.random.normal([SAMPLES, ...shape], { seed: ++seed });
const ids = (length: number): keras.Tensor => keras.random.randint([SAMPLES, length], 0, 9, { seed: ++seed });

/** Families by name, in the order in which they are saved. */
export function attentionFamilies(): Record<string, Family> {
  // No Adam: the bias of keys has no gradient but rounding, which Adam would make large.
  const sgd = (): CompileOptions => ({ optimizer: keras.optimizers.SGD(0.05, { momentum: 0.5 }), loss: "mse" });
  return {
    attention_transformer: { build: transformer, compile: sgd, x: ids(7), y: randn(2) },
    attention_two_texts: { build: twoTexts, compile: sgd, x: [ids(5), ids(6)], y: randn(3) },
    attention_scores: {
      build: scores,
      compile: sgd,
      x: [randn(4, 3), keras.random.randint([SAMPLES, 4, 4], 0, 2, { seed: ++seed }).astype("bool")],
      y: randn(2),
    },
  };
}
