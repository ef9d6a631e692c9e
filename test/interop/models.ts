/** The families of models that travel between keras-ts and Python Keras; those of tools/fixtures/configs.py, built here. */
import type { ModelBase } from "../../src/models/model.ts";
import * as keras from "../../src/node.ts";
import type { CompileOptions } from "../../src/trainers/trainerOptions.ts";
import { attentionFamilies } from "./attentionModels.ts";
import { recurrentFamilies } from "./recurrentModels.ts";

const { layers, ops, optimizers, losses } = keras;

type Data = keras.Tensor | Data[] | { [key: string]: Data };

export interface Family {
  readonly build: () => keras.Model<unknown>;
  /** `null` for a model that is saved without being compiled. */
  readonly compile: (() => CompileOptions) | null;
  readonly x: Data;
  readonly y: Data | null;
  /** What happens to the model between the first steps and saving. */
  readonly beforeSave?: (model: ModelBase) => void;
}

const SAMPLES = 48;
let seed = 0;
const randn = (...shape: number[]): keras.Tensor => keras.random.normal([SAMPLES, ...shape], { seed: ++seed });
const labels = (classes: number, ...shape: number[]): keras.Tensor =>
  keras.random.randint([SAMPLES, ...shape], 0, classes, { seed: ++seed });

const input = (width: number, name: string) => keras.Input({ shape: [width], name });

function smallMlp() {
  const features = input(8, "features");
  const x = layers.Dense(6, { activation: "relu", name: "hidden" })(features);
  return keras.Model({ inputs: features, outputs: layers.Dense(4, { name: "logits" })(x), name: "small_mlp" });
}

function regularized() {
  const x = input(8, "x");
  const hidden = layers.Dense(5, {
    activation: "gelu",
    kernelInitializer: "he_normal",
    kernelRegularizer: keras.regularizers.L1L2({ l1: 0.01, l2: 0.02 }),
    biasConstraint: "non_neg",
    name: "hidden",
  })(x);
  const y = layers.Dense(4, { kernelConstraint: keras.constraints.MaxNorm(3), name: "out" })(hidden);
  return keras.Model({ inputs: x, outputs: y, name: "regularized" });
}

function multiIo() {
  const [title, body, tags] = [input(20, "title"), input(30, "body"), input(12, "tags")];
  const a = layers.Dense(8, { activation: "relu", name: "title_features" })(title);
  const b = layers.Dense(8, { activation: "relu", name: "body_features" })(body);
  let x = layers.Add({ name: "both" })([a, b]);
  x = layers.Concatenate({ name: "everything" })([x, tags]);
  x = layers.Dropout(0, { name: "drop" })(x);
  const priority = layers.Dense(1, { name: "priority" })(x);
  const department = layers.Dense(4, { activation: "softmax", name: "department" })(x);
  return keras.Model({ inputs: [title, body, tags], outputs: [priority, department], name: "tickets" });
}

function dictIo() {
  const [left, right] = [input(4, "left"), input(3, "right")];
  const joined = layers.Concatenate({ name: "join" })([left, right]);
  const x = layers.Dense(5, { activation: "tanh", name: "trunk" })(joined);
  const kind = layers.Dense(3, { activation: "softmax", name: "kind" })(x);
  const price = layers.Dense(1, { name: "price" })(x);
  return keras.Model({ inputs: { left, right }, outputs: { kind, price }, name: "dict_io" });
}

function shared() {
  const [first, second] = [input(6, "first"), input(6, "second")];
  const encoder = layers.Dense(4, { activation: "relu", name: "encoder" });
  const x = layers.Subtract({ name: "difference" })([encoder(first), encoder(second)]);
  const same = layers.Dense(1, { activation: "sigmoid", name: "same" })(x);
  return keras.Model({ inputs: [first, second], outputs: same, name: "siamese" });
}

function sequential() {
  const stack = [keras.Input({ shape: [8] }), layers.Dense(6, { activation: "tanh" }), layers.Dropout(0)];
  return keras.Sequential([...stack, layers.Dense(4, { activation: "softmax" })], { name: "seq" });
}

function nested() {
  const features = input(8, "features");
  const x = layers.Dense(6, { activation: "relu", name: "inner_a" })(features);
  const encoder = keras.Model({
    inputs: features,
    outputs: layers.Dense(3, { name: "inner_b" })(x),
    name: "encoder",
  });
  const head = keras.Sequential(
    [
      keras.Input({ shape: [3] }),
      layers.Dense(5, { activation: "relu", name: "head_a" }),
      layers.Dense(2, { name: "head_b" }),
    ],
    { name: "head" },
  );
  const outer = input(8, "outer");
  return keras.Model({ inputs: outer, outputs: head(encoder(outer)), name: "nested" });
}

function nestedTwice() {
  const x = input(4, "x");
  const core = keras.Model({
    inputs: x,
    outputs: layers.Dense(4, { activation: "tanh", name: "core_dense" })(x),
    name: "core",
  });
  const m = input(4, "m");
  const middle = keras.Model({ inputs: m, outputs: layers.Add({ name: "skip" })([core(m), m]), name: "middle" });
  const o = input(4, "o");
  const outputs = layers.Average({ name: "mean" })([middle(o), middle(middle(o))]);
  return keras.Model({ inputs: o, outputs, name: "nested_twice" });
}

function ensemble() {
  const members = ["a", "b", "c"].map((name) => {
    const x = keras.Input({ shape: [5] });
    return keras.Model({ inputs: x, outputs: layers.Dense(1)(x), name: `member_${name}` });
  });
  const x = keras.Input({ shape: [5] });
  return keras.Model({ inputs: x, outputs: layers.Average()(members.map((member) => member(x))), name: "ensemble" });
}

function graphOps() {
  const x = input(4, "x");
  let y: keras.KerasTensor = ops.add(x, 1);
  y = ops.multiply(ops.relu(y), x);
  let z: keras.KerasTensor = ops.transpose(ops.reshape(y, [-1, 2, 2]), { axes: [0, 2, 1] });
  z = ops.mean(z, { axis: -1, keepdims: true });
  let w: keras.KerasTensor = layers.Flatten({ name: "flat" })(z);
  w = ops.concatenate([w, ops.negative(y)], { axis: -1 });
  w = ops.divide(2, ops.add(ops.exp(w), 0.5));
  return keras.Model({ inputs: x, outputs: layers.Dense(2, { name: "out" })(w), name: "graph_ops" });
}

/** Ops whose calls files describe in a form of their own, as in tools/fixtures/zoo.py. */
function opArguments() {
  const x = input(6, "x");
  const columns = (before: number, after: number): number[][] => [
    [0, 0],
    [before, after],
  ];
  let y: keras.KerasTensor = ops.pad(x, columns(1, 1));
  y = ops.pad(y, columns(0, 2), { constantValues: 0.5 });
  y = ops.pad(y, columns(1, 1), { mode: "reflect" });
  const z = ops.reshape(y, [-1, 3, 4]);
  const [largest] = ops.topK(y, 3);
  const near = ops.cast(ops.isclose(x, 0, { rtol: 0, atol: 0.5 }), "float32");
  const weighted = ops.expandDims(ops.average(x, { axis: 1, weights: ops.add(near, 0.25) }), -1);
  const q = ops.reshape(x, [-1, 3, 1, 2]);
  const attended = ops.reshape(ops.dotProductAttention(q, q, ops.add(q, 1), { scale: 0.5 }), [-1, 6]);
  const parts = [ops.average(z, { axis: 1 }), weighted, largest, near, attended, ops.rmsNormalization(x)];
  const joined = ops.concatenate(parts, { axis: -1 });
  return keras.Model({ inputs: x, outputs: layers.Dense(2, { name: "out" })(joined), name: "op_arguments" });
}

function frozen() {
  const x = input(4, "x");
  const fixed = layers.Dense(3, { name: "fixed", trainable: false })(x);
  return keras.Model({ inputs: x, outputs: layers.Dense(2, { name: "free" })(fixed), name: "half_frozen" });
}

function merges() {
  const [a, b] = [input(4, "a"), input(4, "b")];
  const kinds = [layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum];
  const parts = kinds.map((kind) => kind()([a, b]));
  parts.push(layers.Dot(1)([a, b]));
  return keras.Model({ inputs: [a, b], outputs: layers.Concatenate()(parts), name: "merges" });
}

function manyLayers() {
  const x = input(16, "x");
  let y: keras.KerasTensor = layers.Dense(16)(x);
  y = layers.LeakyReLU({ negativeSlope: 1 })(y);
  y = layers.Reshape([4, 4])(y);
  y = layers.PReLU({ sharedAxes: [1] })(y);
  y = layers.Softmax({ axis: 1 })(y);
  y = layers.Permute([2, 1])(y);
  y = layers.ReLU({ maxValue: 6, threshold: 0 })(y);
  y = layers.Flatten()(y);
  y = layers.ELU({ alpha: 0.7 })(y);
  y = layers.Activation("gelu")(y);
  y = layers.Identity()(y);
  y = layers.GaussianNoise(0)(y);
  y = layers.ActivityRegularization({ l1: 0.001 })(y);
  y = layers.Dense(4, { activation: layers.LeakyReLU({ negativeSlope: 0.2 }), biasInitializer: "ones" })(y);
  return keras.Model({ inputs: x, outputs: layers.RepeatVector(2)(y), name: "many_layers" });
}

const image = (...shape: number[]) => keras.Input({ shape, name: "image" });

function autoencoder() {
  const x = image(8, 8, 2);
  let y: keras.KerasTensor = layers.Conv2D(4, 3, { activation: "relu", padding: "same", name: "narrow" })(x);
  y = layers.MaxPooling2D(2, { name: "half" })(y);
  const code = layers.Conv2D(3, [3, 2], { strides: 2, padding: "same", kernelRegularizer: "l2", name: "code" })(y);
  y = layers.Conv2DTranspose(4, 3, { strides: 2, padding: "same", activation: "relu", name: "wide" })(code);
  y = layers.UpSampling2D(2, { name: "double" })(y);
  y = layers.Conv2DTranspose(2, 3, { padding: "same", name: "image_again" })(y);
  return keras.Model({ inputs: x, outputs: y, name: "autoencoder" });
}

function residual() {
  const x = image(8, 8, 3);
  const normalized = (y: keras.KerasTensor): keras.KerasTensor => layers.BatchNormalization()(y);
  let y: keras.KerasTensor = layers.ReLU()(normalized(layers.Conv2D(4, 3, { useBias: false })(x)));
  const block = layers.ReLU()(normalized(layers.Conv2D(4, 3, { padding: "same", useBias: false })(y)));
  y = layers.Add()([normalized(layers.Conv2D(4, 3, { padding: "same", groups: 2 })(block)), y]);
  y = layers.AveragePooling2D(2, { strides: 1, padding: "same" })(layers.ReLU()(y));
  y = layers.Dense(4)(layers.GlobalAveragePooling2D()(y));
  return keras.Model({ inputs: x, outputs: y, name: "residual" });
}

function windows() {
  const [steps, picture] = [keras.Input({ shape: [9, 3], name: "steps" }), image(3, 6, 6)];
  let a: keras.KerasTensor = layers.Conv1D(4, 3, { padding: "causal", dilationRate: 2, activation: "tanh" })(steps);
  a = layers.SeparableConv1D(3, 2, { depthMultiplier: 2 })(a);
  a = layers.AveragePooling1D(2)(layers.DepthwiseConv1D(2, { padding: "same" })(a));
  a = layers.GlobalMaxPooling1D()(layers.Conv1DTranspose(3, 3, { strides: 2, outputPadding: 1 })(a));
  const first = { dataFormat: "channels_first" } as const;
  let b: keras.KerasTensor = layers.DepthwiseConv2D(3, { ...first, depthMultiplier: 2, padding: "same" })(picture);
  b = layers.SeparableConv2D(4, 2, { ...first, pointwiseConstraint: "max_norm" })(b);
  b = layers.GlobalAveragePooling2D(first)(layers.AdaptiveMaxPooling2D([2, 3], first)(b));
  return keras.Model({ inputs: [steps, picture], outputs: layers.Concatenate()([a, b]), name: "windows" });
}

function volumes() {
  const x = keras.Input({ shape: [4, 5, 4, 2], name: "scan" });
  let y: keras.KerasTensor = layers.Conv3D(3, [2, 3, 2], { kernelInitializer: "he_normal" })(x);
  y = layers.MaxPooling3D([1, 2, 1], { padding: "same" })(y);
  y = layers.Conv3DTranspose(2, 2, { strides: [1, 2, 1] })(y);
  y = layers.AdaptiveAveragePooling3D(2)(layers.ZeroPadding3D(1)(y));
  return keras.Model({ inputs: x, outputs: layers.Flatten()(y), name: "volumes" });
}

const SCE = () => losses.SparseCategoricalCrossentropy({ fromLogits: true });

/** Families by name, in the order in which they are saved. */
function adapted() {
  const ids = keras.Input({ shape: [6], dtype: "int32", name: "ids" });
  let x = layers.Embedding(9, 5, { loraRank: 2, name: "words" })(ids);
  x = layers.Conv1D(4, 3, { activation: "tanh", loraRank: 2, loraAlpha: 4, name: "conv" })(x);
  x = layers.EinsumDense("abc,cd->abd", { outputShape: [4, 3], biasAxes: "d", loraRank: 1, name: "mix" })(x);
  const y = layers.Dense(2, { loraRank: 2, name: "head" })(layers.Flatten({ name: "flat" })(x));
  return keras.Model({ inputs: ids, outputs: y, name: "adapted" });
}

/** What loading does to layers with LoRA: the sum is the weight, and the thin matrices are 0. */
function fold(model: ModelBase): void {
  for (const layer of model.flattenLayers()) {
    if (!("lora" in layer)) continue;
    const { lora } = layer as keras.layers.Dense;
    const weight = layer.weights[0]!;
    weight.assign(lora.adapted(weight));
    for (const thin of [lora.a!, lora.b!]) thin.assign(ops.zeros(thin.shape));
  }
}

export function families(): Record<string, Family> {
  const [x, y] = [randn(8), labels(4)];
  const mlp = (optimizer: () => CompileOptions["optimizer"], more: Partial<CompileOptions> = {}): Family => ({
    build: smallMlp,
    compile: () => ({ optimizer: optimizer()!, loss: SCE(), metrics: ["accuracy"], ...more }),
    x,
    y,
  });
  const decay = () => optimizers.schedules.ExponentialDecay(0.02, 2, 0.7);
  const plain =
    (optimizer: () => CompileOptions["optimizer"], loss: CompileOptions["loss"] = "mse") =>
    (): CompileOptions => ({
      optimizer: optimizer()!,
      loss: loss!,
    });
  const adam = () => optimizers.Adam(0.01);
  return {
    mlp_rmsprop: mlp(() => optimizers.RMSprop(0.01)),
    mlp_rmsprop_centered: mlp(() => optimizers.RMSprop(0.01, { momentum: 0.5, centered: true })),
    mlp_adam: mlp(adam),
    mlp_adam_amsgrad: mlp(() => optimizers.Adam(0.01, { amsgrad: true })),
    mlp_sgd_whole_rate: mlp(() => optimizers.SGD(1, { momentum: 0.9, nesterov: true })),
    mlp_sgd_momentum: mlp(() => optimizers.SGD(0.05, { momentum: 0.9 })),
    mlp_adamw_schedule: mlp(() => optimizers.AdamW(decay(), { weightDecay: 0.05, clipnorm: 1 })),
    mlp_whole_decay: mlp(() => optimizers.SGD(optimizers.schedules.ExponentialDecay(1, 4, 0.5))),
    mlp_whole_steps: mlp(() => optimizers.SGD(optimizers.schedules.PiecewiseConstantDecay([1, 3], [1, 0.5, 0.25]))),
    mlp_nadam: mlp(() => optimizers.Nadam(0.01)),
    mlp_adagrad: mlp(() => optimizers.Adagrad(0.05)),
    mlp_lion: mlp(() => optimizers.Lion(0.001)),
    mlp_strings: { ...mlp(() => "rmsprop", { loss: "mse", metrics: ["mae"] }), y: randn(4) },
    mlp_ema: mlp(() => optimizers.Adam(0.01, { useEma: true, emaMomentum: 0.8, gradientAccumulationSteps: 2 })),
    mlp_not_compiled: { build: smallMlp, compile: null, x, y: null },
    mlp_metrics: mlp(adam, {
      metrics: [
        keras.metrics.SparseTopKCategoricalAccuracy({ k: 3 }),
        keras.metrics.SparseCategoricalAccuracy({ name: "acc" }),
      ],
      weightedMetrics: ["accuracy"],
      lossWeights: 2,
    }),
    many_layers: { build: manyLayers, compile: plain(adam, losses.LogCosh()), x: randn(16), y: randn(2, 4) },
    regularized: { build: regularized, compile: plain(adam, SCE()), x, y },
    adapted: { build: adapted, compile: plain(adam), x: labels(9, 6), y: randn(2), beforeSave: fold },
    sequential: {
      build: sequential as unknown as Family["build"],
      compile: () => ({ optimizer: "adam", loss: "sparse_categorical_crossentropy", metrics: ["accuracy"] }),
      x,
      y,
    },
    nested: { build: nested, compile: plain(adam), x, y: randn(2) },
    nested_twice: {
      build: nestedTwice,
      compile: plain(() => optimizers.RMSprop(0.01, { momentum: 0.5 })),
      x: randn(4),
      y: randn(4),
    },
    shared: {
      build: shared,
      compile: () => ({ optimizer: adam(), loss: "binary_crossentropy", metrics: ["accuracy"] }),
      x: [randn(6), randn(6)],
      y: labels(2, 1),
    },
    multi_io: {
      build: multiIo,
      compile: () => ({
        optimizer: optimizers.SGD(0.01),
        loss: ["mse", "sparse_categorical_crossentropy"],
        lossWeights: [1, 0.2],
        metrics: [["mae"], ["accuracy"]],
      }),
      x: [randn(20), randn(30), randn(12)],
      y: [randn(1), labels(4)],
    },
    dict_io: {
      build: dictIo,
      compile: () => ({
        optimizer: adam(),
        loss: { kind: losses.SparseCategoricalCrossentropy(), price: losses.Huber() },
        metrics: { kind: ["accuracy"] },
      }),
      x: { left: randn(4), right: randn(3) },
      y: { kind: labels(3), price: randn(1) },
    },
    graph_ops: { build: graphOps, compile: plain(() => optimizers.RMSprop(0.001), "mae"), x: randn(4), y: randn(2) },
    op_arguments: { build: opArguments, compile: plain(adam), x: randn(6), y: randn(2) },
    ensemble: { build: ensemble, compile: plain(adam), x: randn(5), y: randn(1) },
    frozen: { build: frozen, compile: plain(adam), x: randn(4), y: randn(2) },
    autoencoder: { build: autoencoder, compile: plain(adam), x: randn(8, 8, 2), y: randn(8, 8, 2) },
    residual: {
      build: residual,
      compile: () => ({ optimizer: optimizers.SGD(0.05, { momentum: 0.9 }), loss: SCE(), metrics: ["accuracy"] }),
      x: randn(8, 8, 3),
      y,
    },
    windows: { build: windows, compile: plain(adam), x: [randn(9, 3), randn(3, 6, 6)], y: randn(7) },
    volumes: { build: volumes, compile: plain(adam), x: randn(4, 5, 4, 2), y: randn(16) },
    merges: { build: merges, compile: null, x: [randn(4), randn(4)], y: null },
    ...recurrentFamilies(),
    ...attentionFamilies(),
  };
}
