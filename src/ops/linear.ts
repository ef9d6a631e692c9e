/** Products of vectors, matrices and tensors. */

import { floatx } from "../core/config.ts";
import { isFloat, resultType } from "../core/dtype.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, normalizeAxis, sizeOf, sizesAgree } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, promote, toFloat, toTensor, wrap } from "./define.ts";
import { einsumValue } from "./einsum.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { type BinaryOp, binaryOp, boolToInt, keepingBools, num, readOptions, truth } from "./kit.ts";

/** Products of int8 are summed in int32, as are those of bools. */
const widened = (x: Value): Value => (x.dtype === "int8" || x.dtype === "bool" ? build.cast(x, "int32") : x);
/** An op of two tensors that sums their products. Bools give bools: whether both are true somewhere. */
const productOp = (className: string, body: (a: Value, b: Value) => Value): BinaryOp =>
  binaryOp(className, "numpy", keepingBools(body));

/** Matrix product with NumPy's treatment of vectors: a row on the left, a column on the right, and the axis dropped again. */
export function matmulValue(a: Value, b: Value): Value {
  const [ra, rb] = [a.shape.length, b.shape.length];
  if (ra === 0 || rb === 0) {
    throw new ShapeError(
      `matmul: expected vectors or matrices. Received: x1.shape=${formatShape(a.shape)}, x2.shape=${formatShape(b.shape)}; use ops.multiply for scalars`,
    );
  }
  const inner = [a.shape[ra - 1]!, rb === 1 ? b.shape[0]! : b.shape[rb - 2]!];
  if (!sizesAgree(inner[0]!, inner[1]!)) {
    throw new ShapeError(
      `matmul: inner dimensions differ. Received: x1.shape=${formatShape(a.shape)}, x2.shape=${formatShape(b.shape)}; expected x1.shape[-1] == x2.shape[${rb === 1 ? -1 : -2}]`,
    );
  }
  const left = ra === 1 ? build.reshape(a, [1, ...a.shape]) : a;
  const right = rb === 1 ? build.reshape(b, [...b.shape, 1]) : b;
  // (…, m, k) · (k, n): one large product is faster than a batch of small ones.
  const merge = right.shape.length === 2 && left.shape.length > 2;
  const [m, k] = [sizeOf(left.shape.slice(0, -1)), inner[0]!];
  const product = merge
    ? build.reshape(build.matmul(build.reshape(left, [m, k]), right), [...left.shape.slice(0, -1), right.shape[1]!])
    : build.matmul(left, right);
  if (ra > 1 && rb > 1) return product;
  const shape = product.shape.filter(
    (_, i, all) => !((ra === 1 && i === all.length - 2) || (rb === 1 && i === all.length - 1)),
  );
  return build.reshape(product, shape);
}

/**
 * Matrix product on the last two axes; leading axes broadcast. A vector is a row on the left and a column on the right.
 *
 * @throws ShapeError when the inner sizes differ.
 */
export const matmul: BinaryOp = productOp("Matmul", (a, b) => matmulValue(widened(a), widened(b)));

/** Sums of products over the given axes of each side; what is left of x1 comes before what is left of x2. */
function contract(a: Value, b: Value, axesA: readonly number[], axesB: readonly number[], where: string): Value {
  axesA.forEach((axis, i) => {
    if (!sizesAgree(a.shape[axis]!, b.shape[axesB[i]!]!)) {
      throw new ShapeError(
        `${where}: axis ${axis} of x1 and axis ${axesB[i]} of x2 differ. Received: x1.shape=${formatShape(a.shape)}, x2.shape=${formatShape(b.shape)}`,
      );
    }
  });
  const freeA = a.shape.map((_, i) => i).filter((i) => !axesA.includes(i));
  const freeB = b.shape.map((_, i) => i).filter((i) => !axesB.includes(i));
  const sizes = (x: Value, axes: readonly number[]) => axes.map((i) => x.shape[i]!);
  const outer = [...sizes(a, freeA), ...sizes(b, freeB)];
  const k = sizeOf(sizes(a, axesA));
  const left = build.reshape(build.transpose(a, [...freeA, ...axesA]), [sizeOf(sizes(a, freeA)), k]);
  const right = build.reshape(build.transpose(b, [...axesB, ...freeB]), [k, sizeOf(sizes(b, freeB))]);
  return build.reshape(build.matmul(left, right), outer);
}

/** Scalars: product. Vectors: inner product. Else: sum over the last axis of x1 and the last but one of x2. */
export const dot: BinaryOp = productOp("Dot", (a, b) => {
  const [ra, rb] = [a.shape.length, b.shape.length];
  if (ra === 0 || rb === 0) return build.binary("mul", a, b);
  if (ra <= 2 && rb <= 2) return matmulValue(a, b);
  return contract(a, b, [ra - 1], [rb === 1 ? 0 : rb - 2], "dot");
});

/** Sum of products over the last axis of both. Scalars multiply. */
export const inner: BinaryOp = productOp("Inner", (a, b) => {
  if (a.shape.length === 0 || b.shape.length === 0) return build.binary("mul", a, b);
  return contract(a, b, [a.shape.length - 1], [b.shape.length - 1], "inner");
});

/** Products of each element of x1 with each of x2, both as vectors. */
export const outer: BinaryOp = productOp("Outer", (a, b) =>
  build.binary("mul", build.reshape(a, [sizeOf(a.shape), 1]), build.reshape(b, [1, sizeOf(b.shape)])),
);

/** Inner product of all elements, as vectors. */
export const vdot: BinaryOp = productOp("Vdot", (a, b) =>
  matmulValue(build.reshape(a, [sizeOf(a.shape)]), build.reshape(b, [sizeOf(b.shape)])),
);

/** Kronecker product: each element of x1 times the whole of x2. */
export const kron: BinaryOp = binaryOp("Kron", "numpy", (x1, x2) => {
  const ndim = Math.max(x1.shape.length, x2.shape.length);
  const full = (x: Value) => [...new Array<number>(ndim - x.shape.length).fill(1), ...x.shape];
  const [sa, sb] = [full(x1), full(x2)];
  const a = build.reshape(
    boolToInt(x1),
    sa.flatMap((d) => [d, 1]),
  );
  const b = build.reshape(
    boolToInt(x2),
    sb.flatMap((d) => [1, d]),
  );
  return build.reshape(
    build.binary("mul", a, b),
    sa.map((d, i) => d * sb[i]!),
  );
});

type TensordotAxes = number | readonly [number | readonly number[], number | readonly number[]];
const tensordotOp = defineOp("Tensordot", "numpy", { axes: "axes" }, ([x1, x2], { axes }) => {
  const [a, b] = promote([x1, x2]) as [Value, Value];
  const given = (axes as TensordotAxes | null) ?? 2;
  const over = (axesA: readonly number[], axesB: readonly number[]) =>
    wrap(keepingBools((p, q) => contract(p, q, axesA, axesB, "tensordot"))(a, b));
  if (typeof given === "number") {
    const [ra, rb] = [a.shape.length, b.shape.length];
    if (!Number.isInteger(given) || given < 0 || given > Math.min(ra, rb)) {
      throw new RangeError(`tensordot: expected \`axes\` from 0 to ${Math.min(ra, rb)}. Received: ${describe(given)}`);
    }
    const count = Array.from({ length: given }, (_, i) => i);
    return over(
      count.map((i) => ra - given + i),
      count,
    );
  }
  const list = (axis: number | readonly number[], x: Value) =>
    (typeof axis === "number" ? [axis] : axis).map((i) => normalizeAxis(i, x.shape.length, "tensordot"));
  const [la, lb] = [list(given[0], a), list(given[1], b)];
  if (la.length !== lb.length)
    throw new RangeError(`tensordot: ${la.length} axes of x1 and ${lb.length} of x2; expected as many`);
  return over(la, lb);
});
/**
 * Sum of products over axes of both tensors.
 *
 * @param options - `axes`: a count (the last ones of x1, the first ones of x2), or a list for each. @defaultValue `2`
 */
export function tensordot<A extends TensorLike, B extends TensorLike>(
  x1: A,
  x2: B,
  options?: { axes?: TensordotAxes },
): Result<A | B> {
  const { axes = 2 } = readOptions("tensordot", options, ["axes"]);
  return tensordotOp([x1, x2], { axes }) as Result<A | B>;
}

const einsumOp = defineOp("Einsum", "numpy", { subscripts: "subscripts" }, (operands, { subscripts }) => {
  const values = promote(operands);
  const result = einsumValue(subscripts as string, values.map(widened));
  return wrap(values.every(({ dtype }) => dtype === "bool") ? truth(result) : result);
});
/**
 * Einstein summation: letters name axes, those missing on the right are summed, `...` stands for the rest.
 *
 * @example
 * ops.einsum("bij,bjk->bik", a, b); // batched matrix product
 */
export function einsum<A extends TensorLike>(subscripts: string, ...operands: A[]): Result<A> {
  if (typeof subscripts !== "string")
    throw new TypeError(`einsum: expected the subscripts first. Received: ${describe(subscripts)}`);
  return einsumOp(operands, { subscripts }) as Result<A>;
}

const CROSS_KEYS = { axisa: "axisa", axisb: "axisb", axisc: "axisc", axis: "axis" };
const crossOp = defineOp("Cross", "numpy", CROSS_KEYS, ([x1, x2], { axis }) => {
  const [a, b] = promote([x1, x2]).map(boolToInt) as [Value, Value];
  const at = normalizeAxis((axis as number | null) ?? -1, a.shape.length, "cross");
  if (a.shape.length !== b.shape.length || ![a, b].every(({ shape }) => sizesAgree(shape[at]!, 3))) {
    throw new ShapeError(
      `cross: expected tensors of one rank with size 3 along axis ${at}. Received: x1.shape=${formatShape(a.shape)}, x2.shape=${formatShape(b.shape)}`,
    );
  }
  const turned = (x: Value, order: readonly number[]) =>
    build.gather(x, build.constant(Int32Array.from(order), [3], "int32"), at);
  const [next, last] = [
    [1, 2, 0],
    [2, 0, 1],
  ];
  return wrap(
    build.binary(
      "sub",
      build.binary("mul", turned(a, next), turned(b, last)),
      build.binary("mul", turned(a, last), turned(b, next)),
    ),
  );
});
/** Cross product of vectors of three along an axis. */
export function cross<A extends TensorLike, B extends TensorLike>(
  x1: A,
  x2: B,
  options?: { axis?: number },
): Result<A | B> {
  const { axis = -1 } = readOptions("cross", options, ["axis"]);
  return crossOp([x1, x2], { axisa: -1, axisb: -1, axisc: -1, axis }) as Result<A | B>;
}

/** Which norm: a power, ∞ or -∞, or the root of the sum of squares. */
type VectorOrder = number | "fro" | "euc" | null | undefined;
/** Norm of vectors over axes. */
export function normValue(x: Value, ord: VectorOrder, axes: readonly number[], keepdims: boolean): Value {
  if (ord === null || ord === undefined || ord === 2 || ord === "fro" || ord === "euc") {
    return build.unary("sqrt", build.reduce("reduce_sum", build.binary("mul", x, x), axes, keepdims));
  }
  if (typeof ord !== "number" || axes.length > 1) {
    throw new RangeError(`norm: expected one axis for ord=${describe(ord)}. Received: axes [${axes}]`);
  }
  const size = build.unary("abs", x);
  if (ord === Number.POSITIVE_INFINITY) return build.reduce("reduce_max", size, axes, keepdims);
  if (ord === Number.NEGATIVE_INFINITY) return build.reduce("reduce_min", size, axes, keepdims);
  if (ord === 1) return build.reduce("reduce_sum", size, axes, keepdims);
  if (ord === 0) {
    const nonzero = build.unary("logical_not", build.binary("equal", x, num(0, x)));
    return build.reduce("reduce_sum", build.cast(nonzero, x.dtype), axes, keepdims);
  }
  const total = build.reduce("reduce_sum", build.binary("pow", size, num(ord, x)), axes, keepdims);
  return build.binary("pow", total, num(1 / ord, x));
}

const cdistOp = defineOp("CDist", "math", {}, ([x1, x2]) => {
  const [a, b] = [toFloat(x1, "cdist"), toFloat(x2, "cdist")];
  const dtype = resultType([a.dtype, b.dtype], floatx());
  if (a.shape.length < 2 || b.shape.length < 2 || !sizesAgree(a.shape.at(-1)!, b.shape.at(-1)!) || !isFloat(dtype)) {
    throw new ShapeError(
      `cdist: expected (…, m, d) and (…, n, d). Received: x.shape=${formatShape(a.shape)}, y.shape=${formatShape(b.shape)}`,
    );
  }
  const rows = build.reshape(build.cast(a, dtype), [...a.shape.slice(0, -1), 1, a.shape.at(-1)!]);
  const columns = build.reshape(build.cast(b, dtype), [...b.shape.slice(0, -2), 1, ...b.shape.slice(-2)]);
  const difference = build.binary("sub", rows, columns);
  const last = difference.shape.length - 1;
  return wrap(build.unary("sqrt", build.reduce("reduce_sum", build.binary("mul", difference, difference), [last])));
});
/** Euclidean distance of each row of x to each row of y. (…, m, d), (…, n, d) → (…, m, n) */
export const cdist = ((x: TensorLike, y: TensorLike) => cdistOp([x, y])) as unknown as BinaryOp;

const trapezoidOp = defineOp("Trapezoid", "numpy", { x: "x", dx: "dx", axis: "axis" }, ([y], { dx, axis }) => {
  const value = toFloat(toTensor(y, null, "trapezoid"), "trapezoid");
  const at = normalizeAxis((axis as number | null) ?? -1, value.shape.length, "trapezoid");
  const cut = (start: number, end: number) =>
    build.slice(
      value,
      value.shape.map((_, i) => (i === at ? start : 0)),
      value.shape.map((d, i) => (i === at ? d - end : d)),
    );
  const pairs = build.binary("add", cut(1, 0), cut(0, 1));
  return wrap(
    build.binary("mul", build.reduce("reduce_sum", pairs, [at]), num(((dx as number | null) ?? 1) / 2, value)),
  );
});
/** Integral along an axis by the trapezoidal rule, with points `dx` apart. */
export function trapezoid<A extends TensorLike>(y: A, options?: { dx?: number; axis?: number }): Result<A> {
  const { dx = 1, axis = -1 } = readOptions("trapezoid", options, ["dx", "axis"]);
  return trapezoidOp([y], { x: null, dx, axis }) as Result<A>;
}
