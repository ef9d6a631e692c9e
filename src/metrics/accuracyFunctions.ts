/** How many predictions are right: 1 or 0 per sample. @see keras/src/metrics/accuracy_metrics.py (Keras 3.x) */
import { floatx } from "../core/config.ts";
import { ShapeError } from "../core/errors.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { alignRanks } from "../losses/reduction.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";

const ones = (matches: Tensor): Tensor => ops.cast(matches, floatx());

function mismatch(name: string, y: Tensor, p: Tensor, expected: string): ShapeError {
  return new ShapeError(
    `metric "${name}": targets have shape ${formatShape(y.shape)} but predictions have shape ${formatShape(p.shape)}; ${expected}`,
  );
}

/** Whether y = p. */
export function accuracy(yTrue: Operand, yPred: Operand): Tensor {
  const p = toTensor(yPred);
  return ones(ops.equal(...alignRanks(ops.cast(toTensor(yTrue), p.dtype), p)));
}

/** Whether y = (p > threshold). */
export function binaryAccuracy(yTrue: Operand, yPred: Operand, options: { threshold?: number } = {}): Tensor {
  const { threshold = 0.5 } = options;
  const [y, p] = alignRanks(toTensor(yTrue), toTensor(yPred));
  return ones(ops.equal(y, ops.cast(ops.greater(p, threshold), y.dtype)));
}

/** Whether the largest of y and of p have the same place. @throws ShapeError for labels that are not one-hot. */
export function categoricalAccuracy(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = oneHotLabels("categorical_accuracy", yTrue, yPred);
  return ones(ops.equal(ops.argmax(y, { axis: -1 }), ops.argmax(p, { axis: -1 })));
}

/** Whether p is largest at the class that y names. @throws ShapeError for labels that are not class numbers. */
export function sparseCategoricalAccuracy(yTrue: Operand, yPred: Operand): Tensor {
  const [y, p] = classNumbers("sparse_categorical_accuracy", yTrue, yPred);
  return ones(ops.equal(y, ops.argmax(p, { axis: -1 })));
}

/** Whether the class of y is among the k largest of p; equal scores count in its favour. */
export function topKCategoricalAccuracy(yTrue: Operand, yPred: Operand, options: { k?: number } = {}): Tensor {
  const [y, p] = oneHotLabels("top_k_categorical_accuracy", yTrue, yPred);
  return ones(ops.inTopK(ops.argmax(y, { axis: -1 }), p, options.k ?? 5));
}

export interface SparseTopKOptions {
  /** How many of the largest count. @defaultValue `5` */
  k?: number;
  /** Whether predictions are class numbers, best first, instead of scores. @defaultValue `false` */
  fromSortedIds?: boolean;
}

/** Whether the class that y names is among the k largest of p. */
export function sparseTopKCategoricalAccuracy(yTrue: Operand, yPred: Operand, options: SparseTopKOptions = {}): Tensor {
  const { k = 5, fromSortedIds = false } = options;
  const [y, p] = classNumbers("sparse_top_k_categorical_accuracy", yTrue, yPred);
  if (!fromSortedIds) return ones(ops.inTopK(ops.cast(y, "int32"), p, k));
  const best = ops.slice(
    p,
    p.shape.map(() => 0),
    [...p.shape.slice(0, -1), Math.min(k, p.shape.at(-1)!)],
  );
  return ones(ops.any(ops.equal(ops.expandDims(ops.cast(y, p.dtype), -1), best), { axis: -1 }));
}

function oneHotLabels(name: string, yTrue: Operand, yPred: Operand): [Tensor, Tensor] {
  const [y, p] = [toTensor(yTrue), toTensor(yPred)];
  if (shapesEqual(y.shape, p.shape)) return [y, p];
  const hint = y.ndim < p.ndim || y.shape.at(-1) === 1 ? `. Use "sparse_${name}" for integer labels` : "";
  throw mismatch(name, y, p, `expected one-hot targets of the same shape${hint}`);
}

function classNumbers(name: string, yTrue: Operand, yPred: Operand): [Tensor, Tensor] {
  const [given, p] = [toTensor(yTrue), toTensor(yPred)];
  const y = given.ndim === p.ndim && given.shape.at(-1) === 1 ? ops.squeeze(given, { axis: -1 }) : given;
  if (shapesEqual(y.shape, p.shape.slice(0, -1))) return [y, p];
  const hint = shapesEqual(given.shape, p.shape) ? `. Use "${name.replace("sparse_", "")}" for one-hot targets` : "";
  throw mismatch(name, given, p, `expected integer labels of shape ${formatShape(p.shape.slice(0, -1))}${hint}`);
}
