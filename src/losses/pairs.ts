/** Labels beside predictions: common dtype, fitting shapes, and what is said when they do not fit. */
import { isFloat } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { alignRanks } from "./reduction.ts";

/** Both as float tensors of the prediction's dtype, ranks aligned. @throws ShapeError when they do not broadcast. */
export function pair(name: string, yTrue: Operand, yPred: Operand): [Tensor, Tensor] {
  const p = floatTensor(yPred);
  const y = ops.cast(toTensor(yTrue), p.dtype);
  const [a, b] = alignRanks(y, p);
  if (!broadcastable(a.shape, b.shape)) throw mismatch(name, y, p, "expected the same shape");
  return [a, b];
}

/** Labels in the prediction's dtype, of exactly its shape. */
export function samePair(name: string, yTrue: Operand, yPred: Operand): [Tensor, Tensor] {
  const p = floatTensor(yPred);
  const y = ops.cast(toTensor(yTrue), p.dtype);
  if (!shapesEqual(y.shape, p.shape)) throw mismatch(name, y, p, "expected the same shape");
  return [y, p];
}

/** Class numbers without a trailing axis of size 1, as integers. */
export function classNumbers(yTrue: Operand, p: Tensor): Tensor {
  let y = toTensor(yTrue);
  if (y.ndim === p.ndim && y.ndim > 1 && y.shape.at(-1) === 1) y = ops.squeeze(y, { axis: -1 });
  return ops.cast(y, "int32");
}

function broadcastable(a: readonly number[], b: readonly number[]): boolean {
  const shared = Math.min(a.length, b.length);
  const [x, y] = [a.slice(a.length - shared), b.slice(b.length - shared)];
  return x.every((d, i) => d === y[i] || d === 1 || y[i] === 1);
}

/** The error of labels that do not fit predictions. */
export const mismatch = (name: string, y: Tensor, p: Tensor, expected: string): ShapeError =>
  new ShapeError(
    `loss "${name}": targets have shape ${formatShape(y.shape)} but predictions have shape ${formatShape(p.shape)}; ${expected}`,
  );

/** Integers and bools become float32. */
export function floatTensor(x: Operand): Tensor {
  const t = toTensor(x);
  return isFloat(t.dtype) ? t : ops.cast(t, "float32");
}

/** Most losses reduce the last axis. */
export const LAST = { axis: -1 } as const;

/** One-hot labels in the prediction's dtype. @throws ShapeError when they are not one-hot like the predictions. */
export function oneHotPair(name: string, yTrue: Operand, yPred: Operand): [Tensor, Tensor] {
  const p = floatTensor(yPred);
  const y = ops.cast(toTensor(yTrue), p.dtype);
  if (shapesEqual(y.shape, p.shape)) return [y, p];
  const integers = y.ndim === p.ndim - 1 || (y.ndim === p.ndim && y.shape.at(-1) === 1);
  const wayOut = integers
    ? '. Use "sparse_categorical_crossentropy" for integer labels, or utils.toCategorical(y)'
    : "";
  throw mismatch(name, y, p, `expected one-hot targets of the same shape${wayOut}`);
}
