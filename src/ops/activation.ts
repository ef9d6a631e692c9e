/** Activation functions as ops (`keras.ops.nn`). Integers and bools become floatx, except in `relu`. */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, normalizeAxes, normalizeAxis } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, toFloat, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { floatOp, num, readOptions, type UnaryOp, unaryOp } from "./kit.ts";

const add = (a: Value, b: Value): Value => build.binary("add", a, b);
const sub = (a: Value, b: Value): Value => build.binary("sub", a, b);
const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);
const div = (a: Value, b: Value): Value => build.binary("div", a, b);
const greater = (a: Value, b: Value): Value => build.binary("greater", a, b);
const clamp = (x: Value, low: number, high: number): Value =>
  build.binary("min", build.binary("max", x, num(low, x)), num(high, x));

/** max(x, 0). Keeps the dtype. The gradient at 0 is 0. */
export const relu: UnaryOp = unaryOp("Relu", "nn", (x) =>
  x.dtype === "bool" ? build.cast(x, "int32") : build.unary("relu", x),
);
const relu6Of = (x: Value): Value => {
  const positive = build.unary("relu", x);
  return build.where(build.binary("greater_equal", positive, num(6, x)), num(6, x), positive);
};
/** min(max(x, 0), 6). The gradient at 0 and at 6 is 0. */
export const relu6: UnaryOp = floatOp("Relu6", "nn", relu6Of);
/** 1 / (1 + e^-x). */
export const sigmoid: UnaryOp = floatOp("Sigmoid", "nn", (x) => build.unary("sigmoid", x));
/** log(1 + e^x), without overflow. */
export const softplus: UnaryOp = floatOp("Softplus", "nn", (x) => build.unary("softplus", x));
/** x / (1 + |x|). */
export const softsign: UnaryOp = floatOp("Softsign", "nn", (x) => div(x, add(build.unary("abs", x), num(1, x))));
/** x · sigmoid(x). */
export const silu: UnaryOp = floatOp("Silu", "nn", (x) => mul(x, build.unary("sigmoid", x)));
export { silu as swish };
/** log(sigmoid(x)) = -softplus(-x). */
export const logSigmoid: UnaryOp = floatOp("LogSigmoid", "nn", (x) =>
  build.unary("neg", build.unary("softplus", build.unary("neg", x))),
);

const hardSigmoidOf = (x: Value): Value => mul(relu6Of(add(x, num(3, x))), num(1 / 6, x));
/** min(max(x + 3, 0), 6) / 6. The gradient at -3 and at 3 is 0. */
export const hardSigmoid: UnaryOp = floatOp("HardSigmoid", "nn", hardSigmoidOf);
/** x · hardSigmoid(x). */
export const hardSilu: UnaryOp = floatOp("HardSilu", "nn", (x) => mul(x, hardSigmoidOf(x)));
export { hardSilu as hardSwish };
/** x between -1 and 1, the nearer of them outside. */
export const hardTanh: UnaryOp = floatOp("HardTanh", "nn", (x) => {
  const above = build.where(greater(x, num(1, x)), num(1, x), x);
  return build.where(build.binary("less", x, num(-1, x)), num(-1, x), above);
});
/** x - tanh(x). */
export const tanhShrink: UnaryOp = floatOp("TanhShrink", "nn", (x) => sub(x, build.unary("tanh", x)));
/** 0 for x ≤ -1, x for x ≥ 1, (x + 1)² / 4 between. */
export const sparsePlus: UnaryOp = floatOp("SparsePlus", "nn", (x) => {
  const bend = add(x, num(1, x));
  const middle = mul(mul(bend, bend), num(0.25, x));
  const right = build.where(build.binary("greater_equal", x, num(1, x)), x, middle);
  return build.where(build.binary("less_equal", x, num(-1, x)), num(0, x), right);
});
/** 0 for x ≤ -1, 1 for x ≥ 1, (x + 1) / 2 between. */
export const sparseSigmoid: UnaryOp = floatOp("SparseSigmoid", "nn", (x) =>
  clamp(mul(add(x, num(1, x)), num(0.5, x)), 0, 1),
);

/** x for x > 0, factor · (e^(x / width) - 1) below. The exponent is never positive, so the unused branch stays finite. */
function exponentialBelow(x: Value, factor: number, width = 1): Value {
  const positive = greater(x, num(0, x));
  const negative = build.where(positive, num(0, x), x);
  const below = mul(build.unary("expm1", width === 1 ? negative : mul(negative, num(1 / width, x))), num(factor, x));
  return build.where(positive, x, below);
}

/** Constants of Klambauer et al. 2017, for which mean 0 and variance 1 are a fixed point. */
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;
/** scale · elu(x, alpha) with the constants of self-normalizing networks. */
export const selu: UnaryOp = floatOp("Selu", "nn", (x) => mul(exponentialBelow(x, SELU_ALPHA), num(SELU_SCALE, x)));

/** An op of one tensor with one number. */
function withNumber(
  className: string,
  option: string,
  key: string,
  fallback: number,
  body: (x: Value, n: number) => Value,
) {
  const where = className.charAt(0).toLowerCase() + className.slice(1);
  const op = defineOp(className, "nn", { [option]: key }, ([x], statics) =>
    wrap(body(toFloat(x, where), (statics[option] as number | null | undefined) ?? fallback)),
  );
  return (x: TensorLike, value: unknown): unknown => {
    if (typeof value !== "number" || Number.isNaN(value)) {
      throw new TypeError(`${where}: expected \`${option}\` to be a number. Received: ${describe(value)}`);
    }
    return op([x], { [option]: value });
  };
}

const leakyReluOp = withNumber("LeakyRelu", "negativeSlope", "negative_slope", 0.2, (x, slope) =>
  build.where(build.binary("greater_equal", x, num(0, x)), x, mul(x, num(slope, x))),
);
/** x for x ≥ 0, negativeSlope · x below. @param options - @defaultValue `{ negativeSlope: 0.2 }` */
export function leakyRelu<A extends TensorLike>(x: A, options?: { negativeSlope?: number }): Result<A> {
  const { negativeSlope = 0.2 } = readOptions("leakyRelu", options, ["negativeSlope"]);
  return leakyReluOp(x, negativeSlope) as Result<A>;
}

const eluOp = withNumber("Elu", "alpha", "alpha", 1, (x, alpha) => exponentialBelow(x, alpha));
/** x for x > 0, alpha · (e^x - 1) below. @param options - @defaultValue `{ alpha: 1 }` */
export function elu<A extends TensorLike>(x: A, options?: { alpha?: number }): Result<A> {
  const { alpha = 1 } = readOptions("elu", options, ["alpha"]);
  return eluOp(x, alpha) as Result<A>;
}

const celuOp = withNumber("Celu", "alpha", "alpha", 1, (x, alpha) => exponentialBelow(x, alpha, alpha));
/** x for x > 0, alpha · (e^(x / alpha) - 1) below. @param options - @defaultValue `{ alpha: 1 }` */
export function celu<A extends TensorLike>(x: A, options?: { alpha?: number }): Result<A> {
  const { alpha = 1 } = readOptions("celu", options, ["alpha"]);
  return celuOp(x, alpha) as Result<A>;
}

const softShrinkOp = withNumber("SoftShrink", "threshold", "threshold", 0.5, (x, t) => {
  const below = build.where(build.binary("less", x, num(-t, x)), add(x, num(t, x)), num(0, x));
  return build.where(greater(x, num(t, x)), sub(x, num(t, x)), below);
});
/** x moved towards 0 by the threshold, 0 within it. @param options - @defaultValue `{ threshold: 0.5 }` */
export function softShrink<A extends TensorLike>(x: A, options?: { threshold?: number }): Result<A> {
  const { threshold: t = 0.5 } = readOptions("softShrink", options, ["threshold"]);
  return softShrinkOp(x, t) as Result<A>;
}

const hardShrinkOp = withNumber("HardShrink", "threshold", "threshold", 0.5, (x, t) =>
  build.where(greater(build.unary("abs", x), num(t, x)), x, num(0, x)),
);
/** x where |x| exceeds the threshold, else 0. @param options - @defaultValue `{ threshold: 0.5 }` */
export function hardShrink<A extends TensorLike>(x: A, options?: { threshold?: number }): Result<A> {
  const { threshold: t = 0.5 } = readOptions("hardShrink", options, ["threshold"]);
  return hardShrinkOp(x, t) as Result<A>;
}

const squareplusOp = withNumber("Squareplus", "b", "b", 4, (x, b) =>
  mul(add(x, build.unary("sqrt", add(mul(x, x), num(b, x)))), num(0.5, x)),
);
/** (x + √(x² + b)) / 2, a smooth relu. @param options - @defaultValue `{ b: 4 }` */
export function squareplus<A extends TensorLike>(x: A, options?: { b?: number }): Result<A> {
  const { b = 4 } = readOptions("squareplus", options, ["b"]);
  return squareplusOp(x, b) as Result<A>;
}

const THRESHOLD_KEYS = { threshold: "threshold", defaultValue: "default_value" };
const thresholdOp = defineOp("Threshold", "nn", THRESHOLD_KEYS, ([x], statics) => {
  const value = toFloat(x, "threshold");
  const { threshold: t, defaultValue } = statics as { threshold: number; defaultValue: number };
  return wrap(build.where(greater(value, num(t, value)), value, num(defaultValue, value)));
});
/** x where it exceeds the threshold, else `defaultValue`. */
export function threshold<A extends TensorLike>(x: A, limit: number, defaultValue: number): Result<A> {
  return thresholdOp([x], { threshold: limit, defaultValue }) as Result<A>;
}

const geluOp = defineOp("Gelu", "nn", { approximate: "approximate" }, ([x], { approximate }) => {
  const value = toFloat(x, "gelu");
  const half = mul(value, num(0.5, value));
  if (approximate === false) {
    return wrap(mul(half, add(build.unary("erf", mul(value, num(Math.SQRT1_2, value))), num(1, value))));
  }
  const cube = mul(mul(value, value), value);
  const inner = mul(add(value, mul(cube, num(0.044715, value))), num(Math.sqrt(2 / Math.PI), value));
  return wrap(mul(half, add(build.unary("tanh", inner), num(1, value))));
});
/** x · Φ(x), the normal distribution. @param options - `approximate` by tanh, or exact. @defaultValue `{ approximate: true }` */
export function gelu<A extends TensorLike>(x: A, options?: { approximate?: boolean }): Result<A> {
  const { approximate = true } = readOptions("gelu", options, ["approximate"]);
  return geluOp([x], { approximate }) as Result<A>;
}

const gluOp = defineOp("Glu", "nn", { axis: "axis" }, ([x], statics) => {
  const value = toFloat(x, "glu");
  const axis = normalizeAxis((statics.axis as number | null) ?? -1, value.shape.length, "glu");
  const size = value.shape[axis]!;
  if (size % 2 !== 0) {
    throw new ShapeError(`glu: axis ${axis} must have an even size. Received: shape ${formatShape(value.shape)}`);
  }
  const part = (from: number, to: number): Value =>
    build.slice(
      value,
      value.shape.map((_, i) => (i === axis ? from : 0)),
      value.shape.map((d, i) => (i === axis ? to : d)),
    );
  return wrap(mul(part(0, size / 2), build.unary("sigmoid", part(size / 2, size))));
});
/** First half · sigmoid(second half) along an axis. @param options - @defaultValue `{ axis: -1 }` */
export function glu<A extends TensorLike>(x: A, options?: { axis?: number }): Result<A> {
  const { axis = -1 } = readOptions("glu", options, ["axis"]);
  return gluOp([x], { axis }) as Result<A>;
}

/** An op of lines along one axis, several axes taken as one line, or `null` for all elements. */
function alongAxes(x: Value, axis: unknown, where: string, body: (x: Value, axis: number) => Value): Value {
  const rank = x.shape.length;
  const axes = normalizeAxes(axis as number | readonly number[] | null, rank, where);
  if (axes.length === 1) return body(x, axes[0]!);
  if (axes.length === 0)
    throw new RangeError(`${where}: expected at least one axis. Received: a tensor of rank ${rank}`);
  const order = [...x.shape.map((_, i) => i).filter((i) => !axes.includes(i)), ...axes];
  const moved = build.transpose(x, order);
  const lines = build.reshape(moved, [
    ...moved.shape.slice(0, rank - axes.length),
    axes.reduce((n, a) => n * x.shape[a]!, 1),
  ]);
  const result = body(lines, rank - axes.length);
  return build.transpose(
    build.reshape(result, moved.shape),
    order.map((_, i) => order.indexOf(i)),
  );
}

type SoftmaxOptions = { axis?: number | readonly number[] | null };
function softmaxOp(className: string, body: (x: Value, axis: number) => Value) {
  const where = className.charAt(0).toLowerCase() + className.slice(1);
  const op = defineOp(className, "nn", { axis: "axis" }, ([x], { axis }) =>
    wrap(alongAxes(toFloat(x, where), axis === undefined ? -1 : axis, where, body)),
  );
  return <A extends TensorLike>(x: A, options?: SoftmaxOptions): Result<A> => {
    const { axis = -1 } = readOptions(where, options, ["axis"]);
    return op([x], { axis }) as Result<A>;
  };
}

/** e^x / Σ e^x along an axis (several, or `null` for all elements). @param options - @defaultValue `{ axis: -1 }` */
export const softmax = softmaxOp("Softmax", build.softmax);
/** log(softmax(x)), accurate where softmax is near 0. @param options - @defaultValue `{ axis: -1 }` */
export const logSoftmax = softmaxOp("LogSoftmax", build.logSoftmax);

const sparsemaxOp = defineOp("Sparsemax", "nn", { axis: "axis" }, ([x], statics) => {
  const value = toFloat(x, "sparsemax");
  const axis = normalizeAxis((statics.axis as number | null) ?? -1, value.shape.length, "sparsemax");
  const last = value.shape.length - 1;
  const swap = value.shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
  const logits = build.transpose(value, swap);
  const size = logits.shape[last]!;
  const [sorted] = build.topK(logits, size);
  const sums = build.cumsum(sorted, last);
  const rank = add(build.iota([size], 0, value.dtype), num(1, value));
  const support = greater(sub(sorted, div(sub(sums, num(1, value)), rank)), num(0, value));
  const count = build.reduce("reduce_sum", build.cast(support, value.dtype), [last], true);
  // Keras sums the running sums of the support, where Martins & Astudillo 2016 take the last one: so do we.
  const total = build.reduce("reduce_sum", build.where(support, sums, num(0, value)), [last], true);
  const tau = div(sub(total, num(1, value)), count);
  return wrap(build.transpose(build.binary("max", sub(logits, tau), num(0, value)), swap));
});
/** Projection on the simplex, as Keras computes it. @param options - @defaultValue `{ axis: -1 }` */
export function sparsemax<A extends TensorLike>(x: A, options?: { axis?: number }): Result<A> {
  const { axis = -1 } = readOptions("sparsemax", options, ["axis"]);
  return sparsemaxOp([x], { axis }) as Result<A>;
}
