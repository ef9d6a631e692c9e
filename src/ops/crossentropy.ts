/** Cross-entropies, moments and normalization as ops (`keras.ops.nn`). */
import { epsilon } from "../core/config.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, normalizeAxes, normalizeAxis, shapesCompatible } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, promote, toFloat, toTensor, wrap } from "./define.ts";
import { oneHotMask } from "./indexing.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { inFullPrecision, num, readOptions } from "./kit.ts";
import { normValue } from "./linear.ts";

const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);
const sub = (a: Value, b: Value): Value => build.binary("sub", a, b);
const neg = (x: Value): Value => build.unary("neg", x);

/** Probabilities kept away from 0 and 1, so that logarithms stay finite. */
const inside = (p: Value): Value =>
  build.binary("min", build.binary("max", p, num(epsilon(), p)), num(1 - epsilon(), p));

/** log p along an axis, from logits or from probabilities that need not sum to 1. */
function logProbabilities(x: Value, fromLogits: boolean, axis: number): Value {
  if (fromLogits) return build.logSoftmax(x, axis);
  const total = build.reduce("reduce_sum", x, [axis], true);
  return build.unary("log", inside(build.binary("div", x, total)));
}

const CATEGORICAL_KEYS = { fromLogits: "from_logits", axis: "axis" };

const categoricalOp = defineOp("CategoricalCrossentropy", "nn", CATEGORICAL_KEYS, ([t, o], statics) => {
  const [target, output] = promote([t, o], { atLeastFloat: true }) as [Value, Value];
  if (!shapesCompatible(target.shape, output.shape) || target.shape.length === 0) {
    throw new ShapeError(
      `categoricalCrossentropy: \`target\` and \`output\` must have the same shape, of rank 1 or more. Received: ` +
        `target.shape=${formatShape(target.shape)}, output.shape=${formatShape(output.shape)}`,
    );
  }
  const axis = normalizeAxis((statics.axis as number | null) ?? -1, output.shape.length, "categoricalCrossentropy");
  const log = logProbabilities(output, Boolean(statics.fromLogits), axis);
  return wrap(neg(build.reduce("reduce_sum", mul(target, log), [axis])));
});

export interface CrossentropyOptions {
  /** Whether `output` holds logits rather than probabilities. @defaultValue `false` */
  fromLogits?: boolean;
  /** Axis of the classes. @defaultValue `-1` */
  axis?: number;
}

/** -Σ target · log(output) along an axis. (…, classes), (…, classes) → (…) */
export function categoricalCrossentropy<A extends TensorLike, B extends TensorLike>(
  target: A,
  output: B,
  options?: CrossentropyOptions,
): Result<A | B> {
  const { fromLogits = false, axis = -1 } = readOptions("categoricalCrossentropy", options, ["fromLogits", "axis"]);
  return categoricalOp([target, output], { fromLogits, axis }) as Result<A | B>;
}

const sparseOp = defineOp("SparseCategoricalCrossentropy", "nn", CATEGORICAL_KEYS, ([t, o], statics) => {
  const output = toFloat(o, "sparseCategoricalCrossentropy");
  let labels = build.cast(toTensor(t, null, "sparseCategoricalCrossentropy").node, "int32");
  const rank = output.shape.length;
  if (labels.shape.length === rank && labels.shape.at(-1) === 1)
    labels = build.reshape(labels, labels.shape.slice(0, -1));
  if (rank === 0 || !shapesCompatible(labels.shape, output.shape.slice(0, -1))) {
    throw new ShapeError(
      "sparseCategoricalCrossentropy: `target` must have the shape of `output` without its last axis. Received: " +
        `target.shape=${formatShape(labels.shape)}, output.shape=${formatShape(output.shape)}`,
    );
  }
  const axis = normalizeAxis((statics.axis as number | null) ?? -1, rank, "sparseCategoricalCrossentropy");
  const log = logProbabilities(output, Boolean(statics.fromLogits), axis);
  // A label that is no class selects nothing and costs nothing, as a one-hot row of zeros does.
  const chosen = oneHotMask(labels, output.shape[axis]!, axis);
  return wrap(neg(build.reduce("reduce_sum", build.where(chosen, log, num(0, log)), [axis])));
});

/** -log of the probability of each integer label. (…), (…, classes) → (…) */
export function sparseCategoricalCrossentropy<A extends TensorLike, B extends TensorLike>(
  target: A,
  output: B,
  options?: CrossentropyOptions,
): Result<A | B> {
  const { fromLogits = false, axis = -1 } = readOptions("sparseCategoricalCrossentropy", options, [
    "fromLogits",
    "axis",
  ]);
  return sparseOp([target, output], { fromLogits, axis }) as Result<A | B>;
}

const binaryOp = defineOp("BinaryCrossentropy", "nn", { fromLogits: "from_logits" }, ([t, o], statics) => {
  const [target, output] = promote([t, o], { atLeastFloat: true }) as [Value, Value];
  if (!shapesCompatible(target.shape, output.shape)) {
    throw new ShapeError(
      `binaryCrossentropy: \`target\` and \`output\` must have the same shape. Received: ` +
        `target.shape=${formatShape(target.shape)}, output.shape=${formatShape(output.shape)}`,
    );
  }
  const rest = sub(num(1, target), target);
  if (statics.fromLogits) {
    // -log(sigmoid(x)) = softplus(-x), -log(1 - sigmoid(x)) = softplus(x)
    const softplus = (x: Value): Value => build.unary("softplus", x);
    return wrap(build.binary("add", mul(target, softplus(neg(output))), mul(rest, softplus(output))));
  }
  const p = inside(output);
  const yes = mul(target, build.unary("log", p));
  const no = mul(rest, build.unary("log", sub(num(1, p), p)));
  return wrap(neg(build.binary("add", yes, no)));
});

/** -(target · log(output) + (1 - target) · log(1 - output)), elementwise. */
export function binaryCrossentropy<A extends TensorLike, B extends TensorLike>(
  target: A,
  output: B,
  options?: { fromLogits?: boolean },
): Result<A | B> {
  const { fromLogits = false } = readOptions("binaryCrossentropy", options, ["fromLogits"]);
  return binaryOp([target, output], { fromLogits }) as Result<A | B>;
}

const MOMENT_KEYS = { axes: "axes", keepdims: "keepdims", synchronized: "synchronized" };
const momentsOp = defineOp("Moments", "nn", MOMENT_KEYS, ([x], statics) => {
  const value = toFloat(x, "moments");
  const axes = normalizeAxes(statics.axes as number | readonly number[] | null, value.shape.length, "moments");
  const keepdims = Boolean(statics.keepdims);
  const mean = inFullPrecision(value, (v) => build.reduce("reduce_mean", v, axes, keepdims));
  const variance = inFullPrecision(value, (v) => {
    const centred = sub(v, build.reduce("reduce_mean", v, axes, true));
    return build.reduce("reduce_mean", mul(centred, centred), axes, keepdims);
  });
  return [wrap(mean), wrap(variance)];
});
/** Mean and biased variance over axes. */
export function moments<A extends TensorLike>(
  x: A,
  axes: number | readonly number[] | null,
  options?: { keepdims?: boolean },
): [mean: Result<A>, variance: Result<A>] {
  const { keepdims = false } = readOptions("moments", options, ["keepdims"]);
  return momentsOp([x], { axes, keepdims, synchronized: false }) as unknown as [Result<A>, Result<A>];
}

const NORMALIZE_KEYS = { axis: "axis", order: "order", epsilon: "epsilon" };
const normalizeOp = defineOp("Normalize", "nn", NORMALIZE_KEYS, ([x], statics) => {
  let value = toFloat(x, "normalize");
  if (value.shape.length === 0) value = build.reshape(value, [1]);
  const small = (statics.epsilon as number | null) ?? epsilon();
  const order = (statics.order as number | null) ?? 2;
  const axes = normalizeAxes(
    (statics.axis as number | readonly number[] | null) ?? -1,
    value.shape.length,
    "normalize",
  );
  if (order === 2) {
    const sum = build.reduce("reduce_sum", mul(value, value), axes, true);
    const inverse = build.unary("reciprocal", build.unary("sqrt", sum));
    return wrap(mul(value, build.binary("min", inverse, num(1 / small, value))));
  }
  const norm = normValue(value, order, axes, true);
  return wrap(build.binary("div", value, build.binary("max", norm, num(small, value))));
});
/** x scaled to norm 1 along an axis. @param options - @defaultValue `{ axis: -1, order: 2, epsilon: config.epsilon() }` */
export function normalize<A extends TensorLike>(
  x: A,
  options?: { axis?: number | readonly number[]; order?: number; epsilon?: number | null },
): Result<A> {
  const {
    axis = -1,
    order = 2,
    epsilon: small = null,
  } = readOptions("normalize", options, ["axis", "order", "epsilon"]);
  if (!Number.isInteger(order) || order < 1) {
    throw new RangeError(`normalize: expected \`order\` to be a positive integer. Received: ${describe(order)}`);
  }
  return normalizeOp([x], { axis, order, epsilon: small }) as Result<A>;
}
