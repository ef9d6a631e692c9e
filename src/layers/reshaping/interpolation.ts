/**
 * Images of another size. Interpolation is linear in the pixels and separable, so each axis is one product with a constant
 * matrix, and gradients are products again. The nearest pixels are picked instead.
 */

import { floatx } from "../../core/config.ts";
import type { DType } from "../../core/dtype.ts";
import { isFloat } from "../../core/dtype.ts";
import { describe, didYouMean } from "../../core/errors.ts";
import * as ops from "../../ops/index.ts";
import type { Operation } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import { type Tensor, tensorFromHost } from "../../runtime/tensor.ts";
import { placeOf } from "../errorTrail.ts";

/** Ways to interpolate between pixels, besides `"nearest"`. */
export type SmoothInterpolation = "bilinear" | "bicubic" | "lanczos3" | "lanczos5";

/** How the pixels between pixels are found. */
export type Interpolation = "nearest" | SmoothInterpolation;

/** sinc(x) · sinc(x / radius) within the radius. */
const lanczos =
  (radius: number) =>
  (x: number): number => {
    if (x > radius) return 0;
    return x > 1e-3 ? (radius * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / radius)) / (Math.PI * x) ** 2 : 1;
  };

/** Keys's cubic convolution with a = −1/2. */
function cubic(x: number): number {
  if (x >= 2) return 0;
  return x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1;
}

/** Weight of a pixel by its distance from the point asked for. */
export const KERNELS: Readonly<Record<SmoothInterpolation, (distance: number) => number>> = {
  bilinear: (x) => Math.max(0, 1 - x),
  bicubic: cubic,
  lanczos3: lanczos(3),
  lanczos5: lanczos(5),
};

/** The interpolation in lower case. @throws RangeError when nobody knows it. */
export function checkInterpolation(layer: Operation, value: unknown): Interpolation {
  const known = ["nearest", ...Object.keys(KERNELS)];
  const name: unknown = typeof value === "string" ? value.toLowerCase() : value;
  if (known.includes(name as string)) return name as Interpolation;
  const hint = typeof name === "string" ? didYouMean(name, known) : "";
  throw new RangeError(
    `${placeOf(layer)}: unknown \`interpolation\`.${hint} Received: ${describe(value)}; known: ${known.join(", ")}`,
  );
}

/**
 * The matrix that resamples a line: (to, from), rows that sum to 1. Pixels are areas with their centre in the middle; at
 * the borders the weights of what is there are scaled up.
 *
 * @param antialias - Whether lines that become shorter are smoothed by kernels as wide as the new pixels.
 * @see jax.image.scale_and_translate
 */
export function resizeMatrix(
  from: number,
  to: number,
  interpolation: SmoothInterpolation,
  antialias = false,
): Float64Array {
  const kernel = KERNELS[interpolation];
  const width = antialias ? Math.max(from / to, 1) : 1;
  const matrix = new Float64Array(to * from);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const row = matrix.subarray(i * from, (i + 1) * from);
    for (let j = 0; j < from; j++) row[j] = kernel(Math.abs(centre - j) / width);
    const total = row.reduce((sum, weight) => sum + weight, 0);
    for (let j = 0; j < from; j++) row[j]! /= total;
  }
  return matrix;
}

/** The nearest pixels of an axis: those in which the centres of the new ones lie, in float32 as Keras finds them. */
function nearestAxis(x: Tensor, axis: number, to: number): Tensor {
  const from = x.shape[axis]!;
  if (from === to) return x;
  const places = Int32Array.from({ length: to }, (_, i) => Math.floor(Math.fround(Math.fround((i + 0.5) * from) / to)));
  return ops.take(x, tensorFromHost(places, [to], "int32"), { axis });
}

/** One axis resampled by a product with its matrix. */
function resizeAxis(
  x: Tensor,
  axis: number,
  to: number,
  interpolation: SmoothInterpolation,
  antialias: boolean,
): Tensor {
  const from = x.shape[axis]!;
  if (from === to) return x;
  const weights = resizeMatrix(from, to, interpolation, antialias);
  const matrix = ops.cast(tensorFromHost(weights, [to, from], "float64"), x.dtype);
  const product = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1);
  const [lead, trail] = [product(x.shape.slice(0, axis)), product(x.shape.slice(axis + 1))];
  const shape = x.shape.map((d, i) => (i === axis ? to : d));
  const lines =
    trail === 1
      ? ops.matmul(ops.reshape(x, [lead, from]), ops.transpose(matrix))
      : ops.matmul(matrix, ops.reshape(x, [lead, from, trail]));
  return ops.reshape(lines, shape);
}

/**
 * Resamples axes to new sizes. Integers become floatx, unless the nearest pixels are picked.
 *
 * @param sizes - Axis → new size.
 * @see keras.ops.image.resize (Keras 3.x, JAX backend): same numbers.
 */
export function resizeAxes(
  inputs: Tensor,
  sizes: ReadonlyMap<number, number>,
  interpolation: Interpolation,
  antialias = false,
): Tensor {
  const nearest = interpolation === "nearest";
  const dtype: DType = nearest || isFloat(inputs.dtype) ? inputs.dtype : floatx();
  // While shapes are inferred, unknown sizes have large stand-ins: only the shape of the result counts.
  const declared = declaredShape(inputs.shape);
  if ([...sizes.keys()].some((axis) => declared[axis] === null)) {
    return ops.zeros(
      inputs.shape.map((d, axis) => sizes.get(axis) ?? d),
      { dtype },
    );
  }
  let x = ops.cast(inputs, dtype);
  for (const [axis, to] of sizes) {
    x = nearest ? nearestAxis(x, axis, to) : resizeAxis(x, axis, to, interpolation, antialias);
  }
  return x;
}
