/** Losses of overlap and of embeddings as functions. @see keras/src/losses/losses.py (Keras 3.x) */
import { epsilon } from "../core/config.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { floatTensor, samePair } from "./pairs.ts";

type AxisOption = { axis?: number | readonly number[] | null };

/** 1 − 2Σyp / (Σy + Σp + ε). */
export function dice(yTrue: Operand, yPred: Operand, options: AxisOption = {}): Tensor {
  const axis = { axis: options.axis ?? null };
  const [y, p] = samePair("dice", yTrue, yPred);
  const intersection = ops.sum(ops.multiply(y, p), axis);
  const total = ops.add(ops.add(ops.sum(y, axis), ops.sum(p, axis)), epsilon());
  return ops.subtract(1, ops.divide(ops.multiply(intersection, 2), total));
}

/**
 * 1 − I / (I + α Σ y (1 − p) + β Σ (1 − y) p + ε). Salehi et al. 2017.
 *
 * As in Keras's code, and against its documentation and the paper, α weighs what was missed and β what is too much.
 */
export function tversky(
  yTrue: Operand,
  yPred: Operand,
  options: AxisOption & { alpha?: number; beta?: number } = {},
): Tensor {
  const { alpha = 0.5, beta = 0.5 } = options;
  const axis = { axis: options.axis ?? null };
  const [y, p] = samePair("tversky", yTrue, yPred);
  const intersection = ops.sum(ops.multiply(y, p), axis);
  const missed = ops.sum(ops.multiply(y, ops.subtract(1, p)), axis);
  const excess = ops.sum(ops.multiply(ops.subtract(1, y), p), axis);
  const total = ops.add(intersection, ops.add(ops.multiply(missed, alpha), ops.multiply(excess, beta)));
  return ops.subtract(1, ops.divide(intersection, ops.add(total, epsilon())));
}

export interface CircleOptions {
  /** Scale of the similarities. @defaultValue `80` */
  gamma?: number;
  /** How far from perfect a similarity may be. @defaultValue `0.4` */
  margin?: number;
  /** Whether a sample is left out of its own positives. @defaultValue `true` */
  removeDiagonal?: boolean;
  /** Labels of the embeddings to compare with. @defaultValue the labels */
  refLabels?: Operand | null;
  /** Embeddings to compare with. @defaultValue the predictions */
  refEmbeddings?: Operand | null;
}

/**
 * softplus(log Σ exp(−γ w⁺ (m − d)) + log Σ exp(γ w⁻ (1 − m − d))) over the positives and negatives of each sample, with
 * cosine distances d of normalised embeddings. Sun et al. 2020. Samples whose loss is 0 are masked.
 */
export function circle(yTrue: Operand, yPred: Operand, options: CircleOptions = {}): Tensor {
  const { gamma = 80, margin = 0.4, removeDiagonal = true } = options;
  const p = floatTensor(yPred);
  const labels = ops.reshape(ops.cast(toTensor(yTrue), "int32"), [-1, 1]);
  const references = options.refEmbeddings ? floatTensor(options.refEmbeddings) : p;
  const refLabels = ops.cast(toTensor(options.refLabels ?? yTrue), "int32");
  const same = ops.equal(labels, ops.reshape(refLabels, [1, -1])); // (samples, references)
  const distances = ops.maximum(ops.subtract(1, ops.matmul(p, ops.transpose(references))), 0);
  const self = removeDiagonal ? ops.eye(p.shape[0]!, { m: references.shape[0]!, dtype: "bool" }) : null;
  const positives = self ? ops.logicalAnd(same, ops.logicalNot(self)) : same;
  const negatives = ops.logicalNot(same);
  // log Σ exp(scale · max(weight, 0) · (delta − d)) over the kept references
  const side = (kept: Tensor, scale: number, weights: Tensor, delta: number): Tensor => {
    const terms = ops.multiply(ops.multiply(ops.maximum(weights, 0), scale), ops.subtract(delta, distances));
    return ops.logsumexp(ops.where(kept, terms, Number.NEGATIVE_INFINITY), { axis: 1 });
  };
  const near = side(positives, -gamma, ops.add(distances, margin), margin);
  const far = side(negatives, gamma, ops.subtract(1 + margin, distances), 1 - margin);
  const result = ops.softplus(ops.add(near, far));
  result.mask = ops.greater(result, 0);
  return result;
}
