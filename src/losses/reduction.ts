/** From per-sample values to one number: masks, weights, reductions. */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";

/** How per-sample losses become the loss of a batch. */
export type Reduction = "sum_over_batch_size" | "sum" | "mean" | "mean_with_sample_weight" | "none" | null;

const REDUCTIONS: readonly Reduction[] = [
  "sum_over_batch_size",
  "sum",
  "mean",
  "mean_with_sample_weight",
  "none",
  null,
];

/** @throws RangeError for anything that is no reduction. */
export function standardizeReduction(where: string, reduction: unknown): Reduction {
  if (REDUCTIONS.includes(reduction as Reduction)) return reduction as Reduction;
  throw new RangeError(
    `${where}: expected \`reduction\` to be one of ${REDUCTIONS.map(describe).join(", ")}. Received: ${describe(reduction)}`,
  );
}

/** Removes or adds a trailing axis of size 1 where ranks differ by one. @see keras/src/losses/loss.py `squeeze_or_expand_to_same_rank` */
export function alignRanks(a: Tensor, b: Tensor, expandRank1 = true): [Tensor, Tensor] {
  if (a.ndim === b.ndim + 1 && a.shape.at(-1) === 1) {
    return b.ndim === 1 && expandRank1
      ? [a, keepMask(ops.expandDims(b, -1), b)]
      : [keepMask(ops.squeeze(a, { axis: -1 }), a), b];
  }
  if (b.ndim === a.ndim + 1 && b.shape.at(-1) === 1) {
    return a.ndim === 1 && expandRank1
      ? [keepMask(ops.expandDims(a, -1), a), b]
      : [a, keepMask(ops.squeeze(b, { axis: -1 }), b)];
  }
  return [a, b];
}

function keepMask(result: Tensor, source: Tensor): Tensor {
  result.mask = source.mask;
  return result;
}

/** Weights with the mask multiplied in; for means a kept element weighs total/kept, so that the mean is over kept ones. */
export function applyMask(
  weight: Tensor | null,
  mask: Tensor | null,
  dtype: string,
  reduction: Reduction,
): Tensor | null {
  if (!mask) return weight;
  let kept = ops.cast(mask, dtype);
  if (reduction === "mean" || reduction === "sum_over_batch_size") {
    const total = sizeOf(kept.shape);
    const valid = ops.sum(kept);
    kept = ops.multiply(kept, ops.divideNoNan(total, valid));
  }
  if (!weight) return kept;
  const [w, m] = alignRanks(ops.cast(weight, dtype), kept);
  return ops.multiply(w, m);
}

/**
 * Weighs per-sample values and reduces them.
 *
 * @param where - Who asks, for messages.
 * @param weight - Broadcasts to `values` after ranks are aligned.
 * @throws ShapeError when it does not.
 * @see keras/src/losses/loss.py `reduce_weighted_values` (Keras 3.x)
 */
export function reduceWeighted(
  where: string,
  values: Tensor,
  weight: Tensor | null,
  mask: Tensor | null,
  reduction: Reduction,
  dtype: string,
): Tensor {
  let weighted = ops.cast(values, dtype);
  let aligned = applyMask(weight ? ops.cast(weight, dtype) : null, mask, dtype, reduction);
  if (aligned) {
    [weighted, aligned] = alignRanks(weighted, aligned);
    checkWeights(where, values.shape, weight, weighted.shape, aligned.shape);
    weighted = ops.multiply(weighted, aligned);
  }
  if (reduction === null || reduction === "none" || weighted.ndim === 0) return weighted;
  if (weighted.size === 0) return ops.zeros([], { dtype });
  if (reduction === "sum") return ops.sum(weighted);
  if (reduction === "mean_with_sample_weight" && aligned) return ops.divideNoNan(ops.sum(weighted), ops.sum(aligned));
  return ops.mean(weighted);
}

function checkWeights(
  where: string,
  given: readonly number[],
  weight: Tensor | null,
  values: readonly number[],
  weights: readonly number[],
): void {
  const offset = values.length - weights.length;
  if (values.length === 0 || (offset >= 0 && weights.every((d, i) => d === 1 || d === values[offset + i]))) return;
  if (!weight) {
    throw new ShapeError(
      `${where}: the mask of the predictions has shape ${formatShape(weights)} but there is one loss for each of ` +
        `${formatShape(given)}; expected labels of the shape of the predictions, which have a last axis that the loss reduces`,
    );
  }
  const perSample = weight.ndim === 1 && weight.shape[0] === given[0];
  throw new ShapeError(
    `${where}: \`sampleWeight\` has shape ${formatShape(weight.shape)} but there is one loss for each of ${formatShape(given)}; ` +
      `expected weights that broadcast to them.${perSample ? ` For one weight per sample use shape ${formatShape([...weight.shape, ...given.slice(1).map(() => 1)])}` : ""}`,
  );
}
