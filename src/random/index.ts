/**
 * `keras.random`: random tensors. A number as seed gives the same values each time; a `SeedGenerator` gives new ones at
 * each draw; no seed draws from the process-wide generator that `setRandomSeed` resets.
 */
import { floatx } from "../core/config.ts";
import { byteSize, type DType, isFloat, isInteger, isUnsigned, standardizeDType } from "../core/dtype.ts";
import { checkOptions, DTypeError, describe, ShapeError } from "../core/errors.ts";
import { broadcastShapes, formatShape, normalizeAxis, type StaticShape, shapesEqual, sizeOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { toFloat, toTensor } from "../ops/define.ts";
import { erfinvValue } from "../ops/special.ts";
import { type Operand, Tensor } from "../runtime/tensor.ts";
import { significantBits, WITHIN_TWO } from "./hostRandom.ts";
import { drawKey, type Seed } from "./seedGenerator.ts";

export { makeDefaultSeed, type Seed, SeedGenerator, setRandomSeed } from "./seedGenerator.ts";

/** Options of every random function. */
export interface RandomOptions {
  seed?: Seed;
  /** @defaultValue floatx; int32 for integers */
  dtype?: string | null;
}

function checkShape(where: string, shape: StaticShape): void {
  if (!Array.isArray(shape) || shape.some((d) => !Number.isInteger(d) || d < 0)) {
    throw new ShapeError(`${where}: expected a shape of non-negative integers. Received: ${describe(shape)}`);
  }
}

function floatDType(where: string, dtype: string | null | undefined): DType {
  const standard = standardizeDType(dtype ?? floatx());
  if (!isFloat(standard)) throw new DTypeError(`${where}: expected a float dtype. Received: ${describe(dtype)}`);
  return standard;
}

const num = (x: number, dtype: DType): Value => build.scalar(x, dtype);
const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);
const add = (a: Value, b: Value): Value => build.binary("add", a, b);

/** Half floats are drawn in float32 and rounded. */
const wide = (dtype: DType): DType => (dtype === "float64" ? "float64" : "float32");

/** Uniform on [0, 1): the upper bits, 24 being as many as a float32 holds. */
function unit(key: Value, shape: StaticShape, dtype: DType, count = 24): Value {
  const bits = build.binary("shift_right", build.randomBits(key, shape), num(32 - count, "uint32"));
  // Through int32, for which every engine has a fast conversion; 24 bits fit.
  return mul(build.cast(build.cast(bits, "int32"), dtype), num(2 ** -count, dtype));
}

/** Scaled and moved; neutral numbers cost nothing. */
function affine(x: Value, factor: number, offset: number): Value {
  const scaled = factor === 1 ? x : mul(x, num(factor, x.dtype));
  return offset === 0 ? scaled : add(scaled, num(offset, x.dtype));
}

/**
 * Uniform on [minval, maxval), in steps of 2⁻²⁴ of the range (2⁻¹¹ for float16, 2⁻⁸ for bfloat16).
 *
 * @param options - @defaultValue `{ minval: 0, maxval: 1 }`
 */
export function uniform(
  shape: StaticShape,
  options: RandomOptions & { minval?: number; maxval?: number } = {},
): Tensor {
  checkOptions("uniform", options, ["minval", "maxval", "dtype", "seed"]);
  checkShape("uniform", shape);
  const { minval = 0, maxval = 1 } = options;
  const dtype = floatDType("uniform", options.dtype);
  const drawn = unit(drawKey("uniform", options.seed).node, shape, wide(dtype), significantBits(dtype));
  return new Tensor(build.cast(affine(drawn, maxval - minval, minval), dtype));
}

/** Standard normal values by Box–Muller: each pair of uniform numbers gives two. */
function standardNormal(key: Value, shape: StaticShape, dtype: DType): Value {
  const size = sizeOf(shape);
  const half = Math.ceil(size / 2);
  const u = unit(key, [2, half], dtype);
  const row = (i: number): Value => build.reshape(build.slice(u, [i, 0], [i + 1, half]), [half]);
  // 1 − u is in (0, 1], where the logarithm is finite.
  const radius = build.unary(
    "sqrt",
    mul(build.unary("log", build.binary("sub", num(1, dtype), row(0))), num(-2, dtype)),
  );
  const angle = mul(row(1), num(2 * Math.PI, dtype));
  const both = build.concat([mul(radius, build.unary("cos", angle)), mul(radius, build.unary("sin", angle))], 0);
  return build.reshape(build.slice(both, [0], [size]), shape);
}

export interface NormalOptions extends RandomOptions {
  /** @defaultValue `0` */
  mean?: number;
  /** @defaultValue `1` */
  stddev?: number;
}

/** Normal distribution. */
export function normal(shape: StaticShape, options: NormalOptions = {}): Tensor {
  checkOptions("normal", options, ["mean", "stddev", "dtype", "seed"]);
  checkShape("normal", shape);
  const dtype = floatDType("normal", options.dtype);
  const drawn = standardNormal(drawKey("normal", options.seed).node, shape, wide(dtype));
  return new Tensor(build.cast(affine(drawn, options.stddev ?? 1, options.mean ?? 0), dtype));
}

/** Normal distribution cut at two standard deviations: values beyond do not occur. */
export function truncatedNormal(shape: StaticShape, options: NormalOptions = {}): Tensor {
  checkOptions("truncatedNormal", options, ["mean", "stddev", "dtype", "seed"]);
  checkShape("truncatedNormal", shape);
  const dtype = floatDType("truncatedNormal", options.dtype);
  const u = unit(drawKey("truncatedNormal", options.seed).node, shape, wide(dtype));
  // Inverse of the distribution function, whose argument is uniform between its values at the two ends.
  const z = mul(erfinvValue(affine(u, 2 * WITHIN_TWO, -WITHIN_TWO)), num(Math.SQRT2, u.dtype));
  return new Tensor(build.cast(affine(z, options.stddev ?? 1, options.mean ?? 0), dtype));
}

/** The integers that a dtype holds, as [least, greatest]. 64-bit types count as the 32 bits that are drawn. */
function integerRange(dtype: DType): [number, number] {
  const bits = Math.min(8 * byteSize(dtype), 32);
  return isUnsigned(dtype) ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/**
 * Integers from minval to maxval − 1, each as likely as the others up to a share of (maxval − minval) / 2³².
 *
 * @throws RangeError when the range is empty, wider than 2³¹, or goes beyond the dtype.
 */
export function randint(shape: StaticShape, minval: number, maxval: number, options: RandomOptions = {}): Tensor {
  checkOptions("randint", options, ["dtype", "seed"]);
  checkShape("randint", shape);
  const range = maxval - minval;
  const received = `Received: minval=${describe(minval)}, maxval=${describe(maxval)}`;
  if (!Number.isInteger(minval) || !Number.isInteger(maxval) || range < 1 || range > 2 ** 31) {
    throw new RangeError(`randint: expected integers with minval < maxval, at most 2^31 apart. ${received}`);
  }
  const dtype = standardizeDType(options.dtype ?? "int32");
  if (!isInteger(dtype))
    throw new DTypeError(`randint: expected an integer dtype. Received: ${describe(options.dtype)}`);
  const [least, greatest] = integerRange(dtype);
  if (minval < least || maxval - 1 > greatest) {
    throw new RangeError(`randint: expected values from ${least} to ${greatest} for dtype "${dtype}". ${received}`);
  }
  const bits = build.randomBits(drawKey("randint", options.seed).node, shape);
  const rest = build.binary("mod", bits, num(range, "uint32"));
  // uint32 adds what does not fit into int32; below zero int32 is needed.
  const at = minval < 0 ? "int32" : "uint32";
  return new Tensor(build.cast(minval === 0 ? rest : add(build.cast(rest, at), num(minval, at)), dtype));
}

/**
 * Classes drawn from unnormalized log-probabilities. (batch, classes) → (batch, numSamples), int32
 *
 * @throws ShapeError when the logits are no matrix with at least one class.
 */
export function categorical(logits: Operand, numSamples: number, options: RandomOptions = {}): Tensor {
  checkOptions("categorical", options, ["dtype", "seed"]);
  const value = toFloat(logits, "categorical");
  if (!Number.isInteger(numSamples) || numSamples < 0) {
    throw new RangeError(`categorical: expected \`numSamples\` to be a count. Received: ${describe(numSamples)}`);
  }
  const result = standardizeDType(options.dtype ?? "int32");
  if (!isInteger(result)) {
    throw new DTypeError(`categorical: expected an integer dtype. Received: ${describe(options.dtype)}`);
  }
  if (value.shape.length !== 2 || value.shape[1] === 0) {
    throw new ShapeError(
      `categorical: expected logits of shape (batch, classes). Received: ${formatShape(value.shape)}`,
    );
  }
  const [batch, classes] = value.shape as [number, number];
  const dtype = wide(value.dtype);
  const u = unit(drawKey("categorical", options.seed).node, [batch, numSamples, classes], dtype);
  // The largest of logits plus Gumbel noise −log(−log u) is distributed as the softmax; u = 0 is moved to where it is finite.
  const log = (x: Value): Value => build.unary("log", x);
  const inner = build.unary("neg", log(build.binary("max", u, num(2 ** -25, dtype))));
  const gumbel = build.unary("neg", log(inner));
  const scores = add(build.reshape(build.cast(value, dtype), [batch, 1, classes]), gumbel);
  return new Tensor(build.cast(build.argmax(scores, 2), result));
}

/**
 * Sets a random fraction of the elements to 0 and scales the others by 1 / (1 − rate), so that the expected sum stays.
 *
 * @param options - `noiseShape`: shape of the decisions, which broadcast; `null` sizes are those of the input.
 * @throws RangeError when `rate` is outside [0, 1].
 * @throws ShapeError when the decisions do not broadcast to the input.
 */
export function dropout(
  inputs: Operand,
  rate: number,
  options: { noiseShape?: readonly (number | null)[] | null; seed?: Seed } = {},
): Tensor {
  checkOptions("dropout", options, ["noiseShape", "seed"]);
  const x = toFloat(inputs, "dropout");
  if (!(rate >= 0 && rate <= 1))
    throw new RangeError(`dropout: expected \`rate\` from 0 to 1. Received: ${describe(rate)}`);
  if (rate === 0) return new Tensor(x);
  const zero = num(0, x.dtype);
  if (rate === 1) return new Tensor(build.broadcastTo(zero, x.shape));
  const noiseShape = options.noiseShape?.map((d, i) => d ?? x.shape[i] ?? 1) ?? x.shape;
  checkShape("dropout", noiseShape);
  if (!shapesEqual(broadcastShapes(x.shape, noiseShape, "dropout"), x.shape)) {
    throw new ShapeError(
      `dropout: expected \`noiseShape\` to broadcast to ${formatShape(x.shape)}. Received: ${formatShape(noiseShape)}`,
    );
  }
  const bits = build.randomBits(drawKey("dropout", options.seed).node, noiseShape);
  const keep = build.binary("greater_equal", bits, num(Math.min(Math.round(rate * 2 ** 32), 2 ** 32 - 1), "uint32"));
  return new Tensor(build.where(keep, mul(x, num(1 / (1 - rate), x.dtype)), zero));
}

/**
 * Random order along an axis: slices change places, each keeps its contents.
 *
 * @param options - @defaultValue `{ axis: 0 }`
 */
export function shuffle(x: Operand, options: { axis?: number; seed?: Seed } = {}): Tensor {
  checkOptions("shuffle", options, ["axis", "seed"]);
  const value = toTensor(x, null, "shuffle").node;
  const axis = normalizeAxis(options.axis ?? 0, value.shape.length, "shuffle");
  const n = value.shape[axis]!;
  if (n < 2) return new Tensor(value);
  const bits = build.randomBits(drawKey("shuffle", options.seed).node, [n]);
  const keys = build.cast(build.binary("shift_right", bits, num(1, "uint32")), "int32");
  const [, order] = build.topK(keys, n);
  return new Tensor(build.gather(value, order, axis));
}
