/** Systems of linear equations, inverses and determinants (`keras.ops.linalg`). Matrices are the last two axes. */
import { floatx } from "../core/config.ts";
import { resultType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { broadcastShapes, formatShape, sizesAgree } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, toFloat, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { isHalf, num, readOptions, type UnaryOp } from "./kit.ts";
import {
  add,
  diagonalOf,
  identity,
  inverseValue,
  luFactorValue,
  mul,
  solveTriangularValue,
  stop,
  sub,
  transposed,
} from "./matrix.ts";
import { svdValue } from "./spectral.ts";

/** Matrices in at least float32. @throws ShapeError for what has no rows and columns. */
export function readMatrix(where: string, x: unknown): Value {
  const value = toFloat(x, where);
  if (value.shape.length < 2 || value.shape.slice(-2).includes(0)) {
    throw new ShapeError(
      `${where}: expected matrices (…, rows, columns) with elements. Received: shape ${formatShape(value.shape)}`,
    );
  }
  return isHalf(value.dtype) ? build.cast(value, "float32") : value;
}

/** Square matrices in at least float32. */
export function readSquare(where: string, x: unknown): Value {
  const value = readMatrix(where, x);
  if (value.shape.at(-1) !== value.shape.at(-2)) {
    throw new ShapeError(`${where}: expected square matrices. Received: shape ${formatShape(value.shape)}`);
  }
  return value;
}

/** The result in the dtype that the argument has, but for integers. */
export function restored(result: Value, x: unknown, where: string): Value {
  return build.cast(result, resultType([toTensor(x, null, where).dtype, "weak_float"], floatx()));
}

/** An op of square matrices. */
function squareOp(className: string, where: string, file: string, body: (a: Value) => Value): UnaryOp {
  const op = defineOp(className, file, {}, ([x]) => wrap(restored(body(readSquare(where, x)), x, where)));
  return ((x: TensorLike) => op([x])) as unknown as UnaryOp;
}

/**
 * The inverse of square matrices, by elimination with pivots; ∞ or NaN for singular ones. (…, n, n) → (…, n, n)
 *
 * Costs about 2 n³ multiplications and three products of matrices more; the gradient, to the third order, is products of matrices.
 */
export const inv: UnaryOp = squareOp("Inv", "inv", "linalg", inverseValue);

/** Products of the diagonal, for matrices of up to three rows written out: their gradient is right for singular ones too. */
function determinant(a: Value): Value {
  const n = a.shape.at(-1)!;
  const at = (i: number, j: number): Value => {
    const outer = a.shape.slice(0, -2);
    const none = outer.map(() => 0);
    return build.reshape(build.slice(a, [...none, i, j], [...outer, i + 1, j + 1]), outer);
  };
  const minor = (i: number, j: number, k: number, l: number): Value =>
    sub(mul(at(i, j), at(k, l)), mul(at(i, l), at(k, j)));
  if (n === 1) return at(0, 0);
  if (n === 2) return minor(0, 0, 1, 1);
  if (n === 3) {
    const terms = [
      mul(at(0, 0), minor(1, 1, 2, 2)),
      mul(at(0, 1), minor(1, 0, 2, 2)),
      mul(at(0, 2), minor(1, 0, 2, 1)),
    ];
    return add(sub(terms[0]!, terms[1]!), terms[2]!);
  }
  const { lu, sign } = luFactorValue(a);
  return mul(sign, build.reduce("reduce_prod", diagonalOf(lu), [a.shape.length - 2]));
}
/** Determinants. Above three rows by LU with pivots. (…, n, n) → (…) */
export const det: UnaryOp = squareOp("Det", "det", "linalg", determinant);

function signAndLog(a: Value): [sign: Value, log: Value] {
  const { lu, sign } = luFactorValue(a);
  const pivots = diagonalOf(lu);
  const axis = [pivots.shape.length - 1];
  const signs = build.reduce("reduce_prod", build.unary("sign", pivots), axis);
  return [stop(mul(sign, signs)), build.reduce("reduce_sum", build.unary("log", build.unary("abs", pivots)), axis)];
}
const slogdetOp = defineOp("Slogdet", "numpy", {}, ([x]) =>
  signAndLog(readSquare("slogdet", x)).map((v) => wrap(restored(v, x, "slogdet"))),
);
/** Sign and logarithm of the absolute value of determinants, which does not overflow. (…, n, n) → (…), (…) */
export function slogdet<A extends TensorLike>(x: A): [sign: Result<A>, logdet: Result<A>] {
  return slogdetOp([x]) as [Result<A>, Result<A>];
}
/** log |det x|. (…, n, n) → (…) */
export const logdet: UnaryOp = squareOp("Logdet", "logdet", "math", (a) => signAndLog(a)[1]);

/** Both sides in one dtype, with right sides as columns; and how to give the result back. */
function readSystem(where: string, a: unknown, b: unknown): { left: Value; right: Value; finish: (x: Value) => Value } {
  const matrices = readSquare(where, a);
  const given = toFloat(b, where);
  const dtype = resultType([matrices.dtype, given.dtype], floatx());
  const left = build.cast(matrices, isHalf(dtype) ? "float32" : dtype);
  const vector = given.shape.length === 1 || given.shape.length === left.shape.length - 1;
  const columns = build.cast(vector ? build.reshape(given, [...given.shape, 1]) : given, left.dtype);
  if (columns.shape.length < 2 || !sizesAgree(columns.shape.at(-2)!, left.shape.at(-1)!)) {
    throw new ShapeError(
      `${where}: expected \`b\` with ${left.shape.at(-1)} rows, (…, n) or (…, n, k). Received: a.shape=${formatShape(left.shape)}, b.shape=${formatShape(given.shape)}`,
    );
  }
  const outer = broadcastShapes(left.shape.slice(0, -2), columns.shape.slice(0, -2), where);
  const spread = (v: Value): Value => build.broadcastTo(v, [...outer, ...v.shape.slice(-2)]);
  const finish = (x: Value): Value => {
    const result = vector ? build.reshape(x, x.shape.slice(0, -1)) : x;
    const target = resultType([toTensor(a, null, where).dtype, toTensor(b, null, where).dtype, "weak_float"], floatx());
    return build.cast(result, target);
  };
  return { left: spread(left), right: spread(columns), finish };
}

const solveOp = defineOp("Solve", "linalg", {}, ([a, b]) => {
  const { left, right, finish } = readSystem("solve", a, b);
  const inverse = inverseValue(left);
  const x = build.matmul(inverse, right);
  // One step of refinement: what the solution leaves over is solved for too.
  return wrap(finish(add(x, build.matmul(inverse, sub(right, build.matmul(left, x))))));
});
/** x of a x = b. (…, n, n), (…, n) or (…, n, k) → like b */
export function solve<A extends TensorLike, B extends TensorLike>(a: A, b: B): Result<A | B> {
  return solveOp([a, b]) as Result<A | B>;
}

const triangularOp = defineOp("SolveTriangular", "linalg", { lower: "lower" }, ([a, b], { lower }) => {
  const { left, right, finish } = readSystem("solveTriangular", a, b);
  return wrap(finish(solveTriangularValue(left, right, Boolean(lower))));
});
/**
 * x of a x = b for triangular a; the other triangle is not read.
 *
 * The program has about eight nodes per row.
 *
 * @param options - `lower`: which triangle. @defaultValue `{ lower: false }`
 */
export function solveTriangular<A extends TensorLike, B extends TensorLike>(
  a: A,
  b: B,
  options?: { lower?: boolean },
): Result<A | B> {
  const { lower = false } = readOptions("solveTriangular", options, ["lower"]);
  return triangularOp([a, b], { lower }) as Result<A | B>;
}

const choleskyInverseOp = defineOp("CholeskyInverse", "linalg", { upper: "upper" }, ([x], { upper }) => {
  const factor = readSquare("choleskyInverse", x);
  const whole = build.broadcastTo(identity(factor.shape.at(-1)!, factor), factor.shape);
  const inverse = solveTriangularValue(factor, whole, !upper);
  const product = upper ? build.matmul(inverse, inverse, false, true) : build.matmul(inverse, inverse, true);
  return wrap(restored(product, x, "choleskyInverse"));
});
/** The inverse of the matrix of which x is Cholesky's factor. */
export function choleskyInverse<A extends TensorLike>(x: A, options?: { upper?: boolean }): Result<A> {
  const { upper = false } = readOptions("choleskyInverse", options, ["upper"]);
  return choleskyInverseOp([x], { upper }) as Result<A>;
}

const machineEpsilon = (x: Value): number => (x.dtype === "float64" ? 2 ** -52 : 2 ** -23);

/** The pseudo-inverse without singular values that are at most `ratio` of the largest. Its derivative is exact to first order. */
function pseudoInverse(a: Value, ratio: number): Value {
  const { u, s, v } = svdValue(stop(a));
  const largest = build.reduce("reduce_max", s, [s.shape.length - 1], true);
  const counts = build.binary("greater", s, mul(largest, num(ratio, s)));
  const inverse = build.where(counts, build.unary("reciprocal", build.where(counts, s, num(1, s))), num(0, s));
  const row = build.reshape(inverse, [...s.shape.slice(0, -1), 1, s.shape.at(-1)!]);
  const p = stop(build.matmul(mul(v, row), u, false, true));
  // dP = -P dA P + P Pᵀ dAᵀ (1 - A P) + (1 - P A) dAᵀ Pᵀ P (Golub and Pereyra 1973)
  const [m, n] = a.shape.slice(-2) as [number, number];
  const fixed = stop(a);
  const change = sub(a, fixed);
  const flipped = transposed(change);
  const times = (...xs: Value[]): Value => xs.reduce((x, y) => build.matmul(x, y));
  const outside = sub(identity(m, a), times(fixed, p));
  const inside = sub(identity(n, a), times(p, fixed));
  const terms = [times(p, transposed(p), flipped, outside), times(inside, flipped, transposed(p), p)];
  return terms.reduce(add, sub(p, times(p, change, p)));
}

const pinvOp = defineOp("Pinv", "linalg", { rcond: "rcond" }, ([x], s) => {
  const a = readMatrix("pinv", x);
  const ratio = (s.rcond as number | null) ?? 10 * Math.max(...a.shape.slice(-2)) * machineEpsilon(a);
  return wrap(restored(pseudoInverse(a, ratio), x, "pinv"));
});
/**
 * Moore and Penrose's inverse. (…, m, n) → (…, n, m)
 *
 * @param options - `rcond`: singular values of at most this share of the largest count as 0.
 *   @defaultValue 10 · max(m, n) · the dtype's precision
 */
export function pinv<A extends TensorLike>(x: A, options?: { rcond?: number | null }): Result<A> {
  const { rcond = null } = readOptions("pinv", options, ["rcond"]);
  return pinvOp([x], { rcond }) as Result<A>;
}

const lstsqOp = defineOp("Lstsq", "linalg", { rcond: "rcond" }, ([a, b], s) => {
  const left = readMatrix("lstsq", a);
  const given = build.cast(toFloat(b, "lstsq"), left.dtype);
  const vector = given.shape.length === left.shape.length - 1;
  const right = vector ? build.reshape(given, [...given.shape, 1]) : given;
  if (right.shape.length < 2 || right.shape.at(-2) !== left.shape.at(-2)) {
    throw new ShapeError(
      `lstsq: expected \`b\` with ${left.shape.at(-2)} rows, (…, m) or (…, m, k). Received: a.shape=${formatShape(left.shape)}, b.shape=${formatShape(given.shape)}`,
    );
  }
  const ratio = (s.rcond as number | null) ?? Math.max(...left.shape.slice(-2)) * machineEpsilon(left);
  const x = build.matmul(pseudoInverse(left, ratio), right);
  return wrap(restored(vector ? build.reshape(x, x.shape.slice(0, -1)) : x, a, "lstsq"));
});
/** The x, of the smallest norm, for which a x is nearest to b. (…, m, n), (…, m) or (…, m, k) → (…, n) or (…, n, k) */
export function lstsq<A extends TensorLike, B extends TensorLike>(
  a: A,
  b: B,
  options?: { rcond?: number | null },
): Result<A | B> {
  const { rcond = null } = readOptions("lstsq", options, ["rcond"]);
  return lstsqOp([a, b], { rcond }) as Result<A | B>;
}

const rankOp = defineOp("MatrixRank", "linalg", { tol: "tol" }, ([x], s) => {
  const a = readMatrix("matrixRank", x);
  const values = svdValue(a).s;
  const axis = values.shape.length - 1;
  const largest = build.reduce("reduce_max", values, [axis], true);
  const tol = (s.tol as number | null) ?? null;
  const bound = tol === null ? mul(largest, num(Math.max(...a.shape.slice(-2)) * machineEpsilon(a), a)) : num(tol, a);
  return wrap(build.reduce("reduce_sum", build.cast(build.binary("greater", values, bound), "int32"), [axis]));
});
/**
 * How many singular values are above `tol`. (…, m, n) → (…), int32
 *
 * @param options - @defaultValue `tol`: the largest · max(m, n) · the dtype's precision
 */
export function matrixRank<A extends TensorLike>(x: A, options?: { tol?: number | null }): Result<A> {
  const { tol = null } = readOptions("matrixRank", options, ["tol"]);
  return rankOp([x], { tol }) as Result<A>;
}
