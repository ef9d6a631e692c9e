/** Distances and margins as functions: per-sample values, the last axis reduced. @see keras/src/losses/losses.py (Keras 3.x) */
import { epsilon } from "../core/config.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { LAST, pair } from "./pairs.ts";

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
