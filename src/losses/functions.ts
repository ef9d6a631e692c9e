/** Losses as functions: per-sample values, the last axis reduced. @see keras/src/losses/losses.py (Keras 3.x) */
import { epsilon } from "../core/config.ts";
import { isFloat } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { alignRanks } from "./reduction.ts";

/** Both as float tensors of the prediction's dtype, ranks aligned. @throws ShapeError when they do not broadcast. */
function pair(name: string, yTrue: Operand, yPred: Operand): [Tensor, Tensor] {
  const p = floatTensor(yPred);
  const y = ops.cast(toTensor(yTrue), p.dtype);
  const [a, b] = alignRanks(y, p);
  if (!broadcastable(a.shape, b.shape)) throw mismatch(name, y, p, "expected the same shape");
  return [a, b];
}

/** Labels in the prediction's dtype, of exactly its shape. */
function samePair(name: string, yTrue: Operand, yPred: Operand): [Tensor, Tensor] {
  const p = floatTensor(yPred);
  const y = ops.cast(toTensor(yTrue), p.dtype);
  if (!shapesEqual(y.shape, p.shape)) throw mismatch(name, y, p, "expected the same shape");
  return [y, p];
}

/** Class numbers without a trailing axis of size 1, as integers. */
function classNumbers(yTrue: Operand, p: Tensor): Tensor {
  let y = toTensor(yTrue);
  if (y.ndim === p.ndim && y.ndim > 1 && y.shape.at(-1) === 1) y = ops.squeeze(y, { axis: -1 });
  return ops.cast(y, "int32");
}

const broadcastable = (a: readonly number[], b: readonly number[]): boolean =>
  a.slice(-Math.min(a.length, b.length) || a.length).every((d, i, all) => {
    const other = b[b.length - all.length + i];
    return other === undefined || d === other || d === 1 || other === 1;
  });

const mismatch = (name: string, y: Tensor, p: Tensor, expected: string): ShapeError =>
  new ShapeError(
    `loss "${name}": targets have shape ${formatShape(y.shape)} but predictions have shape ${formatShape(p.shape)}; ${expected}`,
  );

function floatTensor(x: Operand): Tensor {
  const t = toTensor(x);
  return isFloat(t.dtype) ? t : ops.cast(t, "float32");
}

const LAST = { axis: -1 } as const;

/** mean((y − p)²). */
export function meanSquaredError(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair("mean_squared_error", yTrue, yPred);
  return ops.mean(ops.square(ops.subtract(y, p)), LAST);
}

/** mean(|y − p|). */
export function meanAbsoluteError(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair("mean_absolute_error", yTrue, yPred);
  return ops.mean(ops.abs(ops.subtract(y, p)), LAST);
}

/** 100 · mean(|y − p| / max(|y|, ε)). */
export function meanAbsolutePercentageError(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair("mean_absolute_percentage_error", yTrue, yPred);
  const relative = ops.abs(ops.divide(ops.subtract(y, p), ops.maximum(ops.abs(y), epsilon())));
  return ops.multiply(ops.mean(relative, LAST), 100);
}

/** mean((log(max(p, ε) + 1) − log(max(y, ε) + 1))²). */
export function meanSquaredLogarithmicError(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair("mean_squared_logarithmic_error", yTrue, yPred);
  const log = (x: Tensor): Tensor => ops.log(ops.add(ops.maximum(x, epsilon()), 1));
  return ops.mean(ops.square(ops.subtract(log(p), log(y))), LAST);
}

/** ½e² where |e| ≤ δ, else δ|e| − ½δ². */
export function huber(yTrue: Operand, yPred: Operand, options: { delta?: number } = {}): Tensor {
  const { delta = 1 } = options;
  const [y, p] = pair("huber", yTrue, yPred);
  const error = ops.abs(ops.subtract(y, p));
  const quadratic = ops.multiply(ops.square(error), 0.5);
  const linear = ops.subtract(ops.multiply(error, delta), 0.5 * delta * delta);
  return ops.mean(ops.where(ops.lessEqual(error, delta), quadratic, linear), LAST);
}

/** mean(log cosh(p − y)) = e + softplus(−2e) − log 2. */
export function logCosh(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair("log_cosh", yTrue, yPred);
  const e = ops.subtract(p, y);
  return ops.mean(ops.subtract(ops.add(e, ops.softplus(ops.multiply(e, -2))), Math.LN2), LAST);
}

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

/** −Σ ŷ · p̂ of the normalised vectors. */
export function cosineSimilarity(yTrue: Operand, yPred: Operand, options: { axis?: number } = {}): Tensor {
  const { axis = -1 } = options;
  const [y, p] = pair("cosine_similarity", yTrue, yPred);
  return ops.negative(ops.sum(ops.multiply(ops.normalize(y, { axis }), ops.normalize(p, { axis })), { axis }));
}

/** Labels in {0, 1} become {−1, 1}; others stay. */
function signedLabels(y: Tensor): Tensor {
  const binary = ops.all(ops.logicalOr(ops.equal(y, 0), ops.equal(y, 1)));
  return ops.where(binary, ops.subtract(ops.multiply(y, 2), 1), y);
}

/** mean(max(1 − y · p, 0)). */
export function hinge(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair("hinge", yTrue, yPred);
  return ops.mean(ops.maximum(ops.subtract(1, ops.multiply(signedLabels(y), p)), 0), LAST);
}

/** mean(max(1 − y · p, 0)²). */
export function squaredHinge(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair("squared_hinge", yTrue, yPred);
  return ops.mean(ops.square(ops.maximum(ops.subtract(1, ops.multiply(signedLabels(y), p)), 0)), LAST);
}

/** max(max((1 − y) · p) − Σ y · p + 1, 0). */
export function categoricalHinge(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair("categorical_hinge", yTrue, yPred);
  const positive = ops.sum(ops.multiply(y, p), LAST);
  const negative = ops.max(ops.multiply(ops.subtract(1, y), p), LAST);
  return ops.maximum(ops.add(ops.subtract(negative, positive), 1), 0);
}

/** Moves labels towards uniform over `classes` by a fraction. */
const smoothed = (y: Tensor, fraction: number, classes: number): Tensor =>
  fraction === 0 ? y : ops.add(ops.multiply(y, 1 - fraction), fraction / classes);

/** One-hot labels in the prediction's dtype. @throws ShapeError when they are not one-hot like the predictions. */
function oneHotPair(name: string, yTrue: Operand, yPred: Operand): [Tensor, Tensor] {
  const p = floatTensor(yPred);
  const y = ops.cast(toTensor(yTrue), p.dtype);
  if (shapesEqual(y.shape, p.shape)) return [y, p];
  const integers = y.ndim === p.ndim - 1 || (y.ndim === p.ndim && y.shape.at(-1) === 1);
  const wayOut = integers
    ? '. Use "sparse_categorical_crossentropy" for integer labels, or utils.toCategorical(y)'
    : "";
  throw mismatch(name, y, p, `expected one-hot targets of the same shape${wayOut}`);
}

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

/** Functions that read labels as class numbers. */
export const CLASS_NUMBER_LOSSES: ReadonlySet<unknown> = new Set<unknown>([
  sparseCategoricalCrossentropy,
  categoricalGeneralizedCrossEntropy,
  circle,
]);
