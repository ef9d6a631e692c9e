/** Normalization with given or own statistics (`keras.ops.nn`). Sums are taken in at least float32; the result has x's dtype. */
import { epsilon as defaultEpsilon } from "../core/config.ts";
import { type DType, isFloat, resultType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { formatShape, normalizeAxes, normalizeAxis } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { defineOp, promote, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { num, positional, readOptions, type Statics } from "./kit.ts";

const add = (a: Value, b: Value): Value => build.binary("add", a, b);
const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);
const rsqrt = (x: Value): Value => build.unary("reciprocal", build.unary("sqrt", x));

const BATCH_ARGS = ["x", "mean", "variance", "offset", "scale"];
const batchOp = defineOp("BatchNorm", "nn", { axis: "axis", epsilon: "epsilon" }, (args, s) => {
  const given = positional(args, BATCH_ARGS);
  const present = given.map((v) => v !== null);
  const promoted = promote(
    given.filter((v) => v !== null),
    { atLeastFloat: true },
  );
  const [x, mean, variance, offset, scale] = present.map((there) => (there ? promoted.shift()! : null));
  const axis = normalizeAxis(s.axis as number, x!.shape.length, "batchNormalization");
  const size = x!.shape[axis]!;
  const along = (v: Value, name: string): Value => {
    if (v.shape.length !== 1 || v.shape[0] !== size) {
      throw new ShapeError(
        `batchNormalization: expected \`${name}\` to be a vector of ${size}, the size of axis ${axis}. Received: x.shape=${formatShape(x!.shape)}, ${name}.shape=${formatShape(v.shape)}`,
      );
    }
    return build.reshape(
      v,
      x!.shape.map((d, i) => (i === axis ? d : 1)),
    );
  };
  let inverse = rsqrt(add(along(variance!, "variance"), num((s.epsilon as number | null) ?? 1e-3, x!)));
  if (scale) inverse = mul(inverse, along(scale, "scale"));
  let shift = mul(build.unary("neg", along(mean!, "mean")), inverse);
  if (offset) shift = add(shift, along(offset, "offset"));
  return wrap(add(mul(x!, inverse), shift));
});

/**
 * (x - mean) / √(variance + epsilon) · scale + offset, with vectors along an axis.
 *
 * @param axis - The axis that the statistics belong to.
 * @param options - @defaultValue `{ offset: null, scale: null, epsilon: 1e-3 }`
 */
export function batchNormalization<A extends TensorLike, B extends TensorLike, C extends TensorLike>(
  x: A,
  mean: B,
  variance: C,
  axis: number,
  options?: { offset?: TensorLike | null; scale?: TensorLike | null; epsilon?: number },
): Result<A | B | C> {
  const {
    offset = null,
    scale = null,
    epsilon = 1e-3,
  } = readOptions("batchNormalization", options, ["offset", "scale", "epsilon"]);
  return batchOp([x, mean, variance, offset, scale], { axis, epsilon }) as Result<A | B | C>;
}

/** x as it is computed with: at least float32. */
function wide(x: unknown, where: string): { value: Value; dtype: DType } {
  const { node } = toTensor(x, null, where);
  const target = resultType([node.dtype, "float32"], "float32");
  return { value: build.cast(node, isFloat(target) ? target : "float32"), dtype: node.dtype };
}

const mean = (x: Value, axes: readonly number[]): Value => build.reduce("reduce_mean", x, axes, true);
const smallNumber = (given: unknown): number => (given as number | null | undefined) ?? defaultEpsilon();

const LAYER_KEYS = { axis: "axis", epsilon: "epsilon", rmsScaling: "rms_scaling" };
const layerOp = defineOp("LayerNorm", "nn", LAYER_KEYS, (args, s) => {
  const [x, gamma, beta] = positional(args, ["x", "gamma", "beta"]);
  const where = "layerNormalization";
  const { value, dtype } = wide(x, where);
  const rank = value.shape.length;
  const axes = normalizeAxes((s.axis as number | readonly number[] | null) ?? -1, rank, where);
  const shaped = (v: unknown): Value | null => {
    if (v === null || v === undefined) return null;
    const weight = toTensor(v, value.dtype, where).node;
    if (weight.shape.length === rank || (axes.length === 1 && axes[0] === rank - 1)) return weight;
    return build.reshape(
      weight,
      value.shape.map((d, i) => (axes.includes(i) ? d : 1)),
    );
  };
  const average = mean(value, axes);
  const centred = build.binary("sub", value, average);
  const variance = mean(mul(centred, centred), axes);
  const inverse = rsqrt(add(variance, num(smallNumber(s.epsilon), value)));
  const [scale, shift] = [shaped(gamma), shaped(beta)];
  if (s.rmsScaling) {
    const scaled = mul(value, inverse);
    return wrap(build.cast(scale ? mul(scaled, scale) : scaled, dtype));
  }
  let y = mul(centred, inverse);
  if (scale) y = mul(y, scale);
  if (shift) y = add(y, shift);
  return wrap(build.cast(y, dtype));
});

/**
 * x brought to mean 0 and variance 1 over axes, then scaled by `gamma` and moved by `beta`.
 *
 * @param options - `rmsScaling` divides by the standard deviation without taking the mean off (Keras keeps it for old files;
 *   use `rmsNormalization`). @defaultValue `{ gamma: null, beta: null, axis: -1, epsilon: config.epsilon(), rmsScaling: false }`
 */
export function layerNormalization<A extends TensorLike>(
  x: A,
  options?: {
    gamma?: TensorLike | null;
    beta?: TensorLike | null;
    axis?: number | readonly number[];
    epsilon?: number | null;
    rmsScaling?: boolean;
  },
): Result<A> {
  const {
    gamma = null,
    beta = null,
    axis = -1,
    epsilon = null,
    rmsScaling = false,
  } = readOptions("layerNormalization", options, ["gamma", "beta", "axis", "epsilon", "rmsScaling"]);
  return layerOp([x, gamma, beta], { axis, epsilon, rmsScaling }) as Result<A>;
}

function rmsNormalized(args: readonly unknown[], s: Statics): Tensor {
  const [x, scale] = positional(args, ["x", "scale"]);
  const where = "rmsNormalization";
  const { value: given, dtype } = wide(x, where);
  const value = given.shape.length === 0 ? build.reshape(given, [1]) : given;
  const axes = normalizeAxes((s.axis as number | readonly number[] | null) ?? -1, value.shape.length, where);
  const inverse = rsqrt(add(mean(mul(value, value), axes), num(smallNumber(s.epsilon), value)));
  const y = mul(value, inverse);
  return wrap(build.cast(scale === null ? y : mul(y, toTensor(scale, value.dtype, where).node), dtype));
}
const RMS_KEYS = { axis: "axis", epsilon: "epsilon" };
const rmsOp = defineOp("RMSNorm", "nn", RMS_KEYS, rmsNormalized, { namedArguments: true });

/**
 * x / √(mean(x²) + epsilon) over axes, then scaled.
 *
 * @param options - @defaultValue `{ scale: null, axis: -1, epsilon: config.epsilon() }`
 */
export function rmsNormalization<A extends TensorLike>(
  x: A,
  options?: { scale?: TensorLike | null; axis?: number | readonly number[]; epsilon?: number | null },
): Result<A> {
  const {
    scale = null,
    axis = -1,
    epsilon = null,
  } = readOptions("rmsNormalization", options, ["scale", "axis", "epsilon"]);
  return rmsOp([x, scale], { axis, epsilon }) as Result<A>;
}
