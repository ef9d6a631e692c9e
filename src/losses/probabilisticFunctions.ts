/** Losses of probabilities as functions: per-sample values, the axis of the classes reduced. @see keras/src/losses/losses.py (Keras 3.x) */
import { epsilon } from "../core/config.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { classNumbers, floatTensor, LAST, mismatch, oneHotPair, pair, samePair } from "./pairs.ts";

/** mean(p − y · log(p + ε)). */
export function poisson(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair("poisson", yTrue, yPred);
  return ops.mean(ops.subtract(p, ops.multiply(y, ops.log(ops.add(p, epsilon())))), LAST);
}

/** Σ y · log(y / p), both clipped to [ε, 1]. */
export function klDivergence(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair("kl_divergence", yTrue, yPred).map((x) => ops.clip(x, epsilon(), 1)) as [Tensor, Tensor];
  return ops.sum(ops.multiply(y, ops.log(ops.divide(y, p))), LAST);
}

/** Moves labels towards uniform over `classes` by a fraction. */
const smoothed = (y: Tensor, fraction: number, classes: number): Tensor =>
  fraction === 0 ? y : ops.add(ops.multiply(y, 1 - fraction), fraction / classes);

export interface CrossentropyOptions {
  /** Whether predictions are logits rather than probabilities. @defaultValue `false` */
  fromLogits?: boolean;
  /** Moves labels towards uniform by this fraction. @defaultValue `0` */
  labelSmoothing?: number;
  /** Axis of the classes. @defaultValue `-1` */
  axis?: number;
}

/** Mean over `axis` of −(y log p + (1 − y) log(1 − p)). */
export function binaryCrossentropy(yTrue: Operand, yPred: Operand, options: CrossentropyOptions = {}): Tensor {
  const { fromLogits = false, labelSmoothing = 0, axis = -1 } = options;
  const [labels, p] = samePair("binary_crossentropy", yTrue, yPred);
  const y = smoothed(labels, labelSmoothing, 2);
  return ops.mean(ops.binaryCrossentropy(y, p, { fromLogits }), { axis });
}

/** −Σ y log p over the classes. @throws ShapeError when labels are not one-hot like the predictions. */
export function categoricalCrossentropy(yTrue: Operand, yPred: Operand, options: CrossentropyOptions = {}): Tensor {
  const { fromLogits = false, labelSmoothing = 0, axis = -1 } = options;
  const [labels, p] = oneHotPair("categorical_crossentropy", yTrue, yPred);
  const y = smoothed(labels, labelSmoothing, p.shape.at(-1)!);
  return ops.categoricalCrossentropy(y, p, { fromLogits, axis });
}

export interface SparseCrossentropyOptions {
  /** Whether predictions are logits rather than probabilities. @defaultValue `false` */
  fromLogits?: boolean;
  /** Label whose positions are left out. @defaultValue `null` */
  ignoreClass?: number | null;
  /** Axis of the classes. @defaultValue `-1` */
  axis?: number;
}

/** −log p of the class that each integer label names. */
export function sparseCategoricalCrossentropy(
  yTrue: Operand,
  yPred: Operand,
  options: SparseCrossentropyOptions = {},
): Tensor {
  const { fromLogits = false, ignoreClass = null, axis = -1 } = options;
  const p = floatTensor(yPred);
  const y = classNumbers(yTrue, p);
  const expected = p.shape.filter((_, i) => i !== (axis + p.ndim) % p.ndim);
  if (!shapesEqual(y.shape, expected)) {
    const given = toTensor(yTrue);
    const wayOut = shapesEqual(given.shape, p.shape) ? '. For one-hot targets use "categorical_crossentropy"' : "";
    const wanted = `expected integer labels of shape ${formatShape(expected)}${wayOut}`;
    throw mismatch("sparse_categorical_crossentropy", given, p, wanted);
  }
  const scores = axis === -1 ? p : ops.moveaxis(p, axis, -1);
  if (ignoreClass === null) return ops.sparseCategoricalCrossentropy(y, scores, { fromLogits });
  const valid = ops.notEqual(y, ignoreClass);
  const safe = ops.where(valid, y, 0);
  const values = ops.sparseCategoricalCrossentropy(safe, scores, { fromLogits });
  const result = ops.where(valid, values, 0);
  result.mask = valid;
  return result;
}

/**
 * −log of the probability of all ways to spell the labels in the output (Graves et al. 2006).
 *
 * @param yTrue - Labels (batch, length): integers, filled up with 0, which is the blank and no class.
 * @param yPred - Logits (batch, time, classes).
 * @returns (batch)
 * @see keras/src/losses/losses.py `ctc` (Keras 3.x)
 */
export function ctc(yTrue: Operand, yPred: Operand): Tensor {
  const logits = floatTensor(yPred);
  const labels = ops.cast(toTensor(yTrue), "int32");
  if (labels.ndim !== 2 || logits.ndim !== 3 || labels.shape[0] !== logits.shape[0]) {
    throw mismatch("ctc", labels, logits, "expected labels (batch, length) and logits (batch, time, classes)");
  }
  const [batch, time] = logits.shape as [number, number];
  const lengths = ops.sum(ops.notEqual(labels, 0), { axis: -1 });
  return ops.ctcLoss(labels, logits, lengths, ops.full([batch], time, { dtype: "int32" }));
}

export interface FocalOptions extends CrossentropyOptions {
  /** Weight of the positive class. @defaultValue `0.25` */
  alpha?: number;
  /** How much well-classified samples are discounted. @defaultValue `2` */
  gamma?: number;
}

/** (1 − p_t)^γ · binary crossentropy. Lin et al. 2017. */
export function binaryFocalCrossentropy(
  yTrue: Operand,
  yPred: Operand,
  options: FocalOptions & { applyClassBalancing?: boolean } = {},
): Tensor {
  const {
    applyClassBalancing = false,
    alpha = 0.25,
    gamma = 2,
    fromLogits = false,
    labelSmoothing = 0,
    axis = -1,
  } = options;
  const [labels, scores] = samePair("binary_focal_crossentropy", yTrue, yPred);
  const y = smoothed(labels, labelSmoothing, 2);
  const p = fromLogits ? ops.sigmoid(scores) : scores;
  const bce = ops.binaryCrossentropy(y, p, { fromLogits: false });
  const other = ops.subtract(1, y);
  const correct = ops.add(ops.multiply(y, p), ops.multiply(other, ops.subtract(1, p)));
  let focal: Tensor = ops.multiply(ops.power(ops.subtract(1, correct), gamma), bce);
  if (applyClassBalancing) focal = ops.multiply(ops.add(ops.multiply(y, alpha), ops.multiply(other, 1 - alpha)), focal);
  return ops.mean(focal, { axis });
}

/** Σ α (1 − p)^γ · (−y log p). Lin et al. 2017. */
export function categoricalFocalCrossentropy(yTrue: Operand, yPred: Operand, options: FocalOptions = {}): Tensor {
  const { alpha = 0.25, gamma = 2, fromLogits = false, labelSmoothing = 0, axis = -1 } = options;
  const [labels, scores] = oneHotPair("categorical_focal_crossentropy", yTrue, yPred);
  const y = smoothed(labels, labelSmoothing, scores.shape.at(-1)!);
  const raw = fromLogits ? ops.softmax(scores, { axis }) : scores;
  const p = ops.clip(ops.divide(raw, ops.sum(raw, { axis, keepdims: true })), epsilon(), 1 - epsilon());
  const crossentropy = ops.negative(ops.multiply(y, ops.log(p)));
  const factor = ops.multiply(ops.power(ops.subtract(1, p), gamma), alpha);
  return ops.sum(ops.multiply(factor, crossentropy), { axis });
}

/** (1 − p_true^q) / q. Zhang & Sabuncu 2018. */
export function categoricalGeneralizedCrossEntropy(yTrue: Operand, yPred: Operand, options: { q: number }): Tensor {
  const p = floatTensor(yPred);
  const labels = ops.oneHot(classNumbers(yTrue, p), p.shape.at(-1)!, { dtype: p.dtype });
  if (!shapesEqual(labels.shape, p.shape)) {
    throw mismatch("categorical_generalized_cross_entropy", toTensor(yTrue), p, "expected one class number per sample");
  }
  const selected = ops.sum(ops.multiply(p, labels), LAST);
  return ops.divide(ops.subtract(1, ops.power(selected, options.q)), options.q);
}
