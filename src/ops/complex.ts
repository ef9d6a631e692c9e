/**
 * Complex numbers. There is no complex dtype: a complex tensor is a pair `[real, imaginary]` of tensors of one shape, as
 * Keras's Fourier transforms take and give them. Ops here take a pair or a real tensor.
 */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, shapesCompatible } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { Tensor } from "../runtime/tensor.ts";
import { defineOp, promote, toFloat, toTensor, wrap } from "./define.ts";
import { KerasTensor, type Result, type TensorLike } from "./kerasTensor.ts";
import { num, truth } from "./kit.ts";

/** A complex tensor: its real and imaginary parts. */
export type Complex<T = Tensor> = readonly [real: T, imaginary: T];
/** What an op gives for a complex argument. */
export type ComplexResult<A> = [real: Result<A>, imaginary: Result<A>];

const isPart = (x: unknown): boolean => x instanceof Tensor || x instanceof KerasTensor;

/** Whether an argument is a pair of tensors rather than a real tensor. */
export const isComplex = (x: unknown): x is Complex<Tensor | KerasTensor> =>
  Array.isArray(x) && x.length === 2 && x.every(isPart);

/**
 * The parts of a complex argument as floats of one dtype.
 *
 * @throws TypeError for what is no pair, ShapeError when the parts differ in shape.
 */
export function complexParts(x: unknown, where: string): [Value, Value] {
  if (!Array.isArray(x) || x.length !== 2) {
    throw new TypeError(
      `${where}: expected a pair [real, imaginary] of tensors, for there is no complex dtype. Received: ${describe(x)}; for real data give [x, ops.zerosLike(x)]`,
    );
  }
  const [re, im] = promote(
    x.map((part) => wrap(toFloat(part, where))),
    { atLeastFloat: true },
  ) as [Value, Value];
  if (!shapesCompatible(re.shape, im.shape)) {
    throw new ShapeError(
      `${where}: the real and the imaginary part must have the same shape. Received: ${formatShape(re.shape)} and ${formatShape(im.shape)}`,
    );
  }
  return [re, im];
}

const realOp = defineOp("Real", "numpy", {}, ([x]) => toTensor(isComplex(x) ? x[0] : x, null, "real"));
/** The real part; a real tensor is its own. */
export function real<A extends TensorLike>(x: A | Complex<A>): Result<A> {
  return realOp([x]) as Result<A>;
}

const imagOp = defineOp("Imag", "numpy", {}, ([x]) => {
  if (isComplex(x)) return toTensor(x[1], null, "imag");
  const { node } = toTensor(x, null, "imag");
  return wrap(build.full(0, node.shape, node.dtype));
});
/** The imaginary part; zeros for a real tensor. */
export function imag<A extends TensorLike>(x: A | Complex<A>): Result<A> {
  return imagOp([x]) as Result<A>;
}

const conjugateOp = defineOp("Conjugate", "numpy", {}, ([x]) => {
  if (!isComplex(x)) return toTensor(x, null, "conjugate");
  const [re, im] = complexParts(x, "conjugate");
  return [wrap(re), wrap(build.unary("neg", im))];
});
/** The complex conjugate [real, -imaginary]; a real tensor is its own. */
export function conjugate<A extends TensorLike>(x: Complex<A>): ComplexResult<A>;
export function conjugate<A extends TensorLike>(x: A): Result<A>;
export function conjugate(x: TensorLike | Complex<TensorLike>): unknown {
  return conjugateOp([x]);
}
export { conjugate as conj };

const angleOp = defineOp("Angle", "numpy", {}, ([x]) => {
  if (isComplex(x)) {
    const [re, im] = complexParts(x, "angle");
    return wrap(build.binary("atan2", im, re));
  }
  const value = toFloat(x, "angle");
  return wrap(build.binary("atan2", build.full(0, value.shape, value.dtype), value));
});
/** The argument of complex numbers, in (-π, π]; of real ones 0 or, below 0, π. */
export function angle<A extends TensorLike>(x: A | Complex<A>): Result<A> {
  return angleOp([x]) as Result<A>;
}

const isrealOp = defineOp("Isreal", "numpy", {}, ([x]) => {
  if (!isComplex(x)) return wrap(build.full(1, toTensor(x, null, "isreal").shape, "bool"));
  const [, im] = complexParts(x, "isreal");
  return wrap(build.unary("logical_not", truth(im)));
});
/** Where the imaginary part is 0; everywhere in a real tensor. → bool */
export function isreal<A extends TensorLike>(x: A | Complex<A>): Result<A> {
  return isrealOp([x]) as Result<A>;
}

const polarOp = defineOp("Polar", "nn", {}, ([abs, angle]) => {
  const [length, turn] = promote([abs, angle], { atLeastFloat: true }) as [Value, Value];
  return [
    wrap(build.binary("mul", length, build.unary("cos", turn))),
    wrap(build.binary("mul", length, build.unary("sin", turn))),
  ];
});
/** Complex numbers of an absolute value and an angle, as a pair [real, imaginary]. */
export function polar<A extends TensorLike, B extends TensorLike>(abs: A, angle: B): ComplexResult<A | B> {
  return polarOp([abs, angle]) as ComplexResult<A | B>;
}

const viewAsComplexOp = defineOp("ViewAsComplex", "math", {}, ([x]) => {
  const { node } = toTensor(x, null, "viewAsComplex");
  if (node.shape.at(-1) !== 2) {
    throw new ShapeError(
      `viewAsComplex: expected a last axis of 2, real and imaginary. Received: shape ${formatShape(node.shape)}`,
    );
  }
  const outer = node.shape.slice(0, -1);
  const part = (i: number): Tensor =>
    wrap(build.reshape(build.slice(node, [...outer.map(() => 0), i], [...outer, i + 1]), outer));
  return [part(0), part(1)];
});
/** The pair [real, imaginary] of a tensor whose last axis holds both. (…, 2) → (…), (…) */
export function viewAsComplex<A extends TensorLike>(x: A): ComplexResult<A> {
  return viewAsComplexOp([x]) as ComplexResult<A>;
}

const viewAsRealOp = defineOp("ViewAsReal", "math", {}, ([x]) => {
  const [re, im] = isComplex(x) ? complexParts(x, "viewAsReal") : [toFloat(x, "viewAsReal"), null];
  const parts = [re, im ?? num(0, re)].map((part) =>
    build.reshape(build.broadcastTo(part, re.shape), [...re.shape, 1]),
  );
  return wrap(build.concat(parts, re.shape.length));
});
/** A complex pair as one tensor with a last axis of real and imaginary. (…), (…) → (…, 2) */
export function viewAsReal<A extends TensorLike>(x: A | Complex<A>): Result<A> {
  return viewAsRealOp([x]) as Result<A>;
}
