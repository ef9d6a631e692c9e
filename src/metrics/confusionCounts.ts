/** How many yes-or-no predictions are right and wrong in each way, for each of several thresholds. */

import type { DType } from "../core/dtype.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { alignRanks } from "../losses/reduction.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { type Operand, type Tensor, tensor } from "../runtime/tensor.ts";

export interface CountOptions {
  readonly dtype: DType;
  /** A prediction is a yes when it is larger. In rising order. */
  readonly thresholds: readonly number[];
  /** Weights per sample or per prediction. */
  readonly sampleWeight?: Operand | null;
  /** Keeps the k largest predictions of each row and drops the others. */
  readonly topK?: number | null;
  /** The one column to count. */
  readonly classId?: number | null;
  /** Weights per column. */
  readonly labelWeights?: Operand | null;
  /** Whether columns are counted apart: results are (thresholds, labels) instead of (thresholds). */
  readonly multiLabel?: boolean;
}

/** Counts per threshold; each is only computed when it is asked for. */
export interface Counts {
  truePositives(): Tensor;
  falsePositives(): Tensor;
  falseNegatives(): Tensor;
  trueNegatives(): Tensor;
}

/** Stands for "none of these" where only some predictions are kept. */
export const NEVER = -1e10;

/**
 * Thresholds 0, 1/(n−1), …, 1. Their values may be off by epsilon at both ends.
 *
 * @see keras/src/metrics/metrics_utils.py `is_evenly_distributed_thresholds` (Keras 3.x)
 */
function areEven(thresholds: readonly number[]): boolean {
  const last = thresholds.length - 1;
  return last >= 2 && thresholds.every((t, i) => Math.abs(t - i / last) <= 1e-7 + 1e-5 * (i / last));
}

/** @throws ShapeError when labels, predictions and weights do not fit. */
export function confusionCounts(where: string, yTrue: Operand, yPred: Operand, options: CountOptions): Counts {
  const { dtype, thresholds, multiLabel = false } = options;
  const { labels, predictions, weights } = prepare(where, yTrue, yPred, options);
  const yes = weights ? ops.multiply(labels, weights) : labels;
  const no = weights ? ops.multiply(ops.subtract(1, labels), weights) : ops.subtract(1, labels);
  const even = areEven(thresholds);
  if (even && !multiLabel) return bucketCounts(thresholds, predictions, yes, no);
  // Compared as Keras does for its buckets, so that rounding decides alike at the thresholds.
  const last = thresholds.length - 1;
  const bounds = even ? thresholds.map((t, i) => (t < 0 ? -1 : i)) : thresholds;
  const scores = even ? ops.multiply(ops.clip(predictions, 0, 1), last) : predictions;
  const limits = tensor([...bounds], [bounds.length, ...predictions.shape.map(() => 1)], dtype);
  const above = ops.cast(ops.greater(ops.expandDims(scores, 0), limits), dtype); // (thresholds, samples[, labels])
  const below = (): Tensor => ops.subtract(1, above);
  const count = (side: Tensor, of: Tensor): Tensor =>
    multiLabel ? ops.sum(ops.multiply(side, of), { axis: 1 }) : ops.matmul(side, of);
  return {
    truePositives: () => count(above, yes),
    falsePositives: () => count(above, no),
    falseNegatives: () => count(below(), yes),
    trueNegatives: () => count(below(), no),
  };
}

/**
 * Even thresholds: every prediction falls into one bucket, and counts above a threshold are sums of buckets. The cost
 * does not grow with thresholds times predictions.
 */
function bucketCounts(thresholds: readonly number[], predictions: Tensor, yes: Tensor, no: Tensor): Counts {
  const count = thresholds.length;
  const scaled = ops.multiply(ops.clip(predictions, 0, 1), count - 1);
  const exact = ops.subtract(ops.ceil(scaled), 1);
  // A first threshold below 0 counts predictions of 0 too; otherwise they are in no bucket.
  const bucket = ops.cast(thresholds[0]! < 0 ? ops.maximum(exact, 0) : exact, "int32");
  const perBucket = ops.segmentSum(ops.stack([yes, no], { axis: -1 }), bucket, { numSegments: count });
  const rising = { axis: 0 } as const;
  const above = ops.flip(ops.cumsum(ops.flip(perBucket, rising), rising), rising); // (thresholds, 2)
  const truePositives = ops.reshape(column(above, 0), [-1]);
  const falsePositives = ops.reshape(column(above, 1), [-1]);
  return {
    truePositives: () => truePositives,
    falsePositives: () => falsePositives,
    falseNegatives: () => ops.subtract(ops.sum(yes), truePositives),
    trueNegatives: () => ops.subtract(ops.sum(no), falsePositives),
  };
}

function prepare(
  where: string,
  yTrue: Operand,
  yPred: Operand,
  options: CountOptions,
): { labels: Tensor; predictions: Tensor; weights: Tensor | null } {
  const { dtype, topK = null, classId = null, sampleWeight = null, labelWeights = null, multiLabel = false } = options;
  let [p, y] = alignRanks(toTensor(yPred, dtype, where), toTensor(yTrue, dtype, where));
  if (!shapesEqual(p.shape, y.shape)) {
    throw new ShapeError(
      `${where}: targets have shape ${formatShape(y.shape)} but predictions have shape ${formatShape(p.shape)}; expected ` +
        "the same shape. Make one-hot targets of integer labels with utils.toCategorical(y)",
    );
  }
  let weights: Tensor | null = null;
  if (sampleWeight !== null) {
    const perSample = ops.expandDims(toTensor(sampleWeight, dtype, where), -1);
    weights = alignRanks(y, perSample, false)[1];
  }
  if (topK !== null) p = keepLargest(p, topK);
  if (classId !== null) {
    if (p.ndim < 2 || classId >= p.shape.at(-1)!) {
      throw new ShapeError(
        `${where}: \`classId\` ${classId} needs predictions (samples, classes) with more classes. Received: shape ${formatShape(p.shape)}`,
      );
    }
    [p, y] = [column(p, classId), column(y, classId)];
  }
  if (weights) weights = broadcast(where, "sampleWeight", weights, p);
  if (labelWeights !== null) {
    const perLabel = broadcast(where, "labelWeights", toTensor(labelWeights, dtype, where), p);
    weights = weights ? ops.multiply(weights, perLabel) : perLabel;
  }
  const flat = (x: Tensor): Tensor => (multiLabel ? x : ops.reshape(x, [-1]));
  return {
    labels: flat(ops.cast(ops.cast(y, "bool"), dtype)),
    predictions: flat(p),
    weights: weights && flat(weights),
  };
}

function broadcast(where: string, what: string, weights: Tensor, p: Tensor): Tensor {
  const offset = p.ndim - weights.ndim;
  if (offset < 0 || weights.shape.some((d, i) => d !== 1 && d !== p.shape[offset + i])) {
    throw new ShapeError(
      `${where}: \`${what}\` of shape ${formatShape(weights.shape)} does not broadcast to predictions of shape ${formatShape(p.shape)}`,
    );
  }
  return ops.broadcastTo(weights, p.shape);
}

function keepLargest(p: Tensor, k: number): Tensor {
  const classes = p.shape.at(-1)!;
  const [, places] = ops.topK(p, Math.min(k, classes));
  const kept = ops.sum(ops.oneHot(places, classes, { dtype: p.dtype }), { axis: -2 });
  return ops.where(ops.greater(kept, 0), p, NEVER);
}

function column(x: Tensor, index: number): Tensor {
  const start = x.shape.map((_, i) => (i === x.ndim - 1 ? index : 0));
  return ops.slice(x, start, [...x.shape.slice(0, -1), 1]);
}

/**
 * Thresholds as users give them: one, several, or none for the default.
 *
 * @throws RangeError for one that is not in [0, 1].
 */
export function readThresholds(where: string, given: unknown, fallback: number): number[] {
  if (given === null || given === undefined) return [fallback];
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  for (const value of list) {
    if (typeof value !== "number" || !(value >= 0 && value <= 1)) {
      throw new RangeError(`${where}: expected \`thresholds\` to be numbers from 0 to 1. Received: ${describe(given)}`);
    }
  }
  return list as number[];
}
