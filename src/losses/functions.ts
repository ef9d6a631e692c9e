/** Losses as functions: per-sample values, the last axis reduced. @see keras/src/losses/losses.py (Keras 3.x) */
import { epsilon } from "../core/config.ts";
import { isFloat } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { alignRanks } from "./reduction.ts";

/** Both as float tensors of the prediction's dtype, ranks aligned. */
function pair(yTrue: Operand, yPred: Operand): [Tensor, Tensor] {
  const p = floatTensor(yPred);
  const y = ops.cast(toTensor(yTrue), p.dtype);
  return alignRanks(y, p, true);
}

function floatTensor(x: Operand): Tensor {
  const t = toTensor(x);
  return isFloat(t.dtype) ? t : ops.cast(t, "float32");
}

const LAST = { axis: -1 } as const;

/** mean((y − p)²). */
export function meanSquaredError(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair(yTrue, yPred);
  return ops.mean(ops.square(ops.subtract(y, p)), LAST);
}

/** mean(|y − p|). */
export function meanAbsoluteError(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair(yTrue, yPred);
  return ops.mean(ops.abs(ops.subtract(y, p)), LAST);
}

/** 100 · mean(|y − p| / max(|y|, ε)). */
export function meanAbsolutePercentageError(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair(yTrue, yPred);
  const relative = ops.abs(ops.divide(ops.subtract(y, p), ops.maximum(ops.abs(y), epsilon())));
  return ops.multiply(ops.mean(relative, LAST), 100);
}

/** mean((log(max(p, ε) + 1) − log(max(y, ε) + 1))²). */
export function meanSquaredLogarithmicError(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair(yTrue, yPred);
  const log = (x: Tensor): Tensor => ops.log(ops.add(ops.maximum(x, epsilon()), 1));
  return ops.mean(ops.square(ops.subtract(log(p), log(y))), LAST);
}

/** ½e² where |e| ≤ δ, else δ|e| − ½δ². */
export function huber(yTrue: Operand, yPred: Operand, options: { delta?: number } = {}): Tensor {
  const { delta = 1 } = options;
  const [y, p] = pair(yTrue, yPred);
  const error = ops.abs(ops.subtract(y, p));
  const quadratic = ops.multiply(ops.square(error), 0.5);
  const linear = ops.subtract(ops.multiply(error, delta), 0.5 * delta * delta);
  return ops.mean(ops.where(ops.lessEqual(error, delta), quadratic, linear), LAST);
}

/** mean(log cosh(p − y)) = e + softplus(−2e) − log 2. */
export function logCosh(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair(yTrue, yPred);
  const e = ops.subtract(p, y);
  return ops.mean(ops.subtract(ops.add(e, ops.softplus(ops.multiply(e, -2))), Math.LN2), LAST);
}

/** mean(p − y · log(p + ε)). */
export function poisson(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair(yTrue, yPred);
  return ops.mean(ops.subtract(p, ops.multiply(y, ops.log(ops.add(p, epsilon())))), LAST);
}

/** Σ y · log(y / p), both clipped to [ε, 1]. */
export function klDivergence(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair(yTrue, yPred).map((x) => ops.clip(x, epsilon(), 1)) as [Tensor, Tensor];
  return ops.sum(ops.multiply(y, ops.log(ops.divide(y, p))), LAST);
}

/** −Σ ŷ · p̂ of the normalised vectors. */
export function cosineSimilarity(yTrue: Operand, yPred: Operand, options: { axis?: number } = {}): Tensor {
  const { axis = -1 } = options;
  const [y, p] = pair(yTrue, yPred);
  return ops.negative(ops.sum(ops.multiply(ops.normalize(y, { axis }), ops.normalize(p, { axis })), { axis }));
}

/** Labels in {0, 1} become {−1, 1}; others stay. */
function signedLabels(y: Tensor): Tensor {
  const binary = ops.all(ops.logicalOr(ops.equal(y, 0), ops.equal(y, 1)));
  return ops.where(binary, ops.subtract(ops.multiply(y, 2), 1), y);
}

/** mean(max(1 − y · p, 0)). */
export function hinge(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair(yTrue, yPred);
  return ops.mean(ops.maximum(ops.subtract(1, ops.multiply(signedLabels(y), p)), 0), LAST);
}

/** mean(max(1 − y · p, 0)²). */
export function squaredHinge(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair(yTrue, yPred);
  return ops.mean(ops.square(ops.maximum(ops.subtract(1, ops.multiply(signedLabels(y), p)), 0)), LAST);
}

/** max(max((1 − y) · p) − Σ y · p + 1, 0). */
export function categoricalHinge(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = pair(yTrue, yPred);
  const positive = ops.sum(ops.multiply(y, p), LAST);
  const negative = ops.max(ops.multiply(ops.subtract(1, y), p), LAST);
  return ops.maximum(ops.add(ops.subtract(negative, positive), 1), 0);
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
  const p = floatTensor(yPred);
  let y: Tensor = ops.cast(toTensor(yTrue), p.dtype);
  if (labelSmoothing) y = ops.add(ops.multiply(y, 1 - labelSmoothing), 0.5 * labelSmoothing);
  return ops.mean(ops.binaryCrossentropy(y, p, { fromLogits }), { axis });
}

/** −Σ y log p over the classes. @throws ShapeError when labels are not one-hot like the predictions. */
export function categoricalCrossentropy(yTrue: Operand, yPred: Operand, options: CrossentropyOptions = {}): Tensor {
  const { fromLogits = false, labelSmoothing = 0, axis = -1 } = options;
  const p = floatTensor(yPred);
  let y: Tensor = ops.cast(toTensor(yTrue), p.dtype);
  if (y.ndim !== p.ndim || y.shape.at(axis) !== p.shape.at(axis)) {
    throw new ShapeError(
      `loss "categorical_crossentropy": targets have shape ${formatShape(y.shape)} but predictions have shape ${formatShape(p.shape)}; ` +
        'expected one-hot targets of the same shape. Use "sparse_categorical_crossentropy" for integer labels, or utils.toCategorical(y)',
    );
  }
  if (labelSmoothing) y = ops.add(ops.multiply(y, 1 - labelSmoothing), labelSmoothing / y.shape.at(-1)!);
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
  let y = toTensor(yTrue);
  if (y.ndim === p.ndim && y.shape.at(-1) === 1 && y.ndim > 1) y = ops.squeeze(y, { axis: -1 });
  const expected = p.shape.filter((_, i) => i !== (axis + p.ndim) % p.ndim);
  if (y.ndim !== expected.length || y.shape.some((d, i) => d !== expected[i])) {
    const oneHot = y.shape.length === p.shape.length && y.shape.every((d, i) => d === p.shape[i]);
    throw new ShapeError(
      `loss "sparse_categorical_crossentropy": targets have shape ${formatShape(toTensor(yTrue).shape)} but predictions of shape ` +
        `${formatShape(p.shape)} need integer labels of shape ${formatShape(expected)}.` +
        (oneHot ? ' For one-hot targets use "categorical_crossentropy"' : ""),
    );
  }
  if (ignoreClass === null) return ops.sparseCategoricalCrossentropy(y, p, { fromLogits, axis });
  const valid = ops.notEqual(y, ops.cast(ignoreClass, y.dtype));
  const safe = ops.multiply(y, ops.cast(valid, y.dtype));
  const values = ops.sparseCategoricalCrossentropy(safe, p, { fromLogits, axis });
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
  let p = floatTensor(yPred);
  let y: Tensor = ops.cast(toTensor(yTrue), p.dtype);
  if (labelSmoothing) y = ops.add(ops.multiply(y, 1 - labelSmoothing), 0.5 * labelSmoothing);
  if (fromLogits) p = ops.sigmoid(p);
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
  let p = floatTensor(yPred);
  let y: Tensor = ops.cast(toTensor(yTrue), p.dtype);
  if (labelSmoothing) y = ops.add(ops.multiply(y, 1 - labelSmoothing), labelSmoothing / y.shape.at(-1)!);
  if (fromLogits) p = ops.softmax(p, { axis });
  p = ops.clip(ops.divide(p, ops.sum(p, { axis, keepdims: true })), epsilon(), 1 - epsilon());
  const crossentropy = ops.negative(ops.multiply(y, ops.log(p)));
  const factor = ops.multiply(ops.power(ops.subtract(1, p), gamma), alpha);
  return ops.sum(ops.multiply(factor, crossentropy), { axis });
}

/** (1 − p_true^q) / q. Zhang & Sabuncu 2018. */
export function categoricalGeneralizedCrossEntropy(yTrue: Operand, yPred: Operand, options: { q: number }): Tensor {
  const p = floatTensor(yPred);
  const classes = p.shape.at(-1)!;
  const selected = ops.sum(
    ops.multiply(p, ops.oneHot(ops.cast(toTensor(yTrue), "int32"), classes, { dtype: p.dtype })),
    LAST,
  );
  return ops.divide(ops.subtract(1, ops.power(ops.clip(selected, epsilon(), 1 - epsilon()), options.q)), options.q);
}

type AxisOption = { axis?: number | readonly number[] | null };

/** 1 − 2Σyp / (Σy + Σp + ε). */
export function dice(yTrue: Operand, yPred: Operand, options: AxisOption = {}): Tensor {
  const axis = { axis: options.axis ?? null };
  const p = floatTensor(yPred);
  const y = ops.cast(toTensor(yTrue), p.dtype);
  const intersection = ops.sum(ops.multiply(y, p), axis);
  const total = ops.add(ops.add(ops.sum(y, axis), ops.sum(p, axis)), epsilon());
  return ops.subtract(1, ops.divide(ops.multiply(intersection, 2), total));
}

/** 1 − I / (I + α·FP + β·FN + ε). Salehi et al. 2017. */
export function tversky(
  yTrue: Operand,
  yPred: Operand,
  options: AxisOption & { alpha?: number; beta?: number } = {},
): Tensor {
  const { alpha = 0.5, beta = 0.5 } = options;
  const axis = { axis: options.axis ?? null };
  const p = floatTensor(yPred);
  const y = ops.cast(toTensor(yTrue), p.dtype);
  const intersection = ops.sum(ops.multiply(y, p), axis);
  const falsePositive = ops.sum(ops.multiply(ops.subtract(1, y), p), axis);
  const falseNegative = ops.sum(ops.multiply(y, ops.subtract(1, p)), axis);
  const total = ops.add(intersection, ops.add(ops.multiply(falsePositive, alpha), ops.multiply(falseNegative, beta)));
  return ops.subtract(1, ops.divide(intersection, ops.add(total, epsilon())));
}
