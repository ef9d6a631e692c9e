/** Means and variances, and what normalizes by them, in as few passes over the large tensor as their gradients allow. */

import { epsilon as smallest } from "../../core/config.ts";
import { type DType, resultType } from "../../core/dtype.ts";
import * as ops from "../../ops/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";

/** The dtype to compute statistics in: half floats overflow. */
export const fullPrecision = (dtype: DType): DType => resultType([dtype, "float32"], "float32");

/** Reduced axes stay with size 1. */
export interface Statistics {
  readonly mean: Tensor;
  /** Biased. */
  readonly variance: Tensor;
  /** The inputs minus `origin`. */
  readonly centred: Tensor;
  /** What was subtracted: the mean, or a constant of its value. */
  readonly origin: Tensor;
}

/**
 * Mean and variance over axes.
 *
 * The inputs are centred on a constant that has the mean's value: Var x = E(x − k)² − (E x − k)² for any constant k. The
 * last term is 0, and so is its gradient; but with it the gradients of every order are right, although the path from the
 * variance through the mean, a sum over the whole tensor that always comes out as 0, is never computed.
 */
export function statistics(x: Tensor, axes: readonly number[]): Statistics {
  const mean = ops.mean(x, { axis: axes, keepdims: true });
  const origin = ops.stopGradient(mean);
  const centred = ops.subtract(x, origin);
  const spread = ops.mean(ops.square(centred), { axis: axes, keepdims: true });
  return { mean, variance: ops.subtract(spread, ops.square(ops.subtract(mean, origin))), centred, origin };
}

/** Mean and variance over axes of what the mask, broadcast to the inputs, keeps. */
export function maskedStatistics(x: Tensor, mask: Tensor, axes: readonly number[]): Statistics {
  const total = (t: Tensor): Tensor => ops.sum(t, { axis: axes, keepdims: true });
  const count = ops.add(total(ops.cast(mask, x.dtype)), smallest());
  const mean = ops.divide(total(ops.where(mask, x, 0)), count);
  const centred = ops.subtract(x, mean);
  const variance = ops.divide(total(ops.square(ops.where(mask, centred, 0))), count);
  return { mean, variance, centred, origin: mean };
}

/**
 * `(x − mean) / √(variance + epsilon) · gamma + beta`, as one multiplication and one addition of the large tensor.
 *
 * @param gamma - Scale, broadcast against the statistics; `null` for 1.
 * @param beta - Offset, likewise; `null` for 0.
 */
export function standardize(
  { mean, variance, centred, origin }: Statistics,
  epsilon: number,
  gamma: Tensor | null,
  beta: Tensor | null,
): Tensor {
  const inverse = ops.rsqrt(ops.add(variance, epsilon));
  const factor = gamma ? ops.multiply(inverse, gamma) : inverse;
  const product = ops.multiply(centred, factor);
  if (origin === mean) return beta ? ops.add(product, beta) : product;
  // The centre is a constant: the mean's own gradient goes through this difference, whose value is 0.
  const drift = ops.multiply(ops.subtract(origin, mean), factor);
  return ops.add(product, beta ? ops.add(drift, beta) : drift);
}

/** A moving average, one step on. */
export const moved = (average: Variable, value: Tensor, momentum: number): Tensor =>
  ops.add(ops.multiply(ops.cast(average.value, value.dtype), momentum), ops.multiply(value, 1 - momentum));
