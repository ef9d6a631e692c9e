/** Matrices as products of simpler ones (`keras.ops.linalg`). Matrices are the last two axes. */
import { describe } from "../core/errors.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import type { Complex } from "./complex.ts";
import { defineOp, wrap } from "./define.ts";
import { eigenOf } from "./generalEigen.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { num, readOptions } from "./kit.ts";
import { add, choleskyValue, keep, luFactorValue, mask, mul, qrValue, transposed } from "./matrix.ts";
import { expectNumbers } from "./sets.ts";
import { readMatrix, readSquare, restored } from "./solving.ts";
import { completed, eighValue, svdValue } from "./spectral.ts";

const choleskyOp = defineOp("Cholesky", "linalg", { upper: "upper" }, ([x], { upper }) => {
  const a = readSquare("cholesky", x);
  const lower = choleskyValue(mul(add(a, transposed(a)), num(0.5, a)));
  return wrap(restored(upper ? transposed(lower) : lower, x, "cholesky"));
});
/**
 * Cholesky's factor L of symmetric positive definite matrices: L Lᵀ = x. NaN where a matrix is not positive definite.
 *
 * A loop over the columns; differentiable to any order. Of x the symmetric part is taken.
 *
 * @param options - `upper` gives Lᵀ. @defaultValue `{ upper: false }`
 */
export function cholesky<A extends TensorLike>(x: A, options?: { upper?: boolean }): Result<A> {
  const { upper = false } = readOptions("cholesky", options, ["upper"]);
  return choleskyOp([x], { upper }) as Result<A>;
}

const MODES = ["reduced", "complete"] as const;
const qrOp = defineOp("Qr", "linalg", { mode: "mode" }, ([x], { mode }) => {
  const a = readMatrix("qr", x);
  const [m, n] = a.shape.slice(-2) as [number, number];
  const [q, r] = qrValue(a);
  const cut = (v: Value, rows: number, columns: number): Value =>
    build.slice(
      v,
      v.shape.map(() => 0),
      [...v.shape.slice(0, -2), rows, columns],
    );
  const k = mode === "complete" ? m : Math.min(m, n);
  const upper = keep(mask("less_equal", k, n), cut(r, k, n));
  return [cut(q, m, k), upper].map((v) => wrap(restored(v, x, "qr")));
});
/**
 * x = Q R with orthonormal columns in Q and an upper triangular R, by Householder's reflections, with LAPACK's signs.
 *
 * A loop over the columns; differentiable to any order.
 *
 * @param options - `mode`: "reduced" gives (…, m, k) and (…, k, n) with k = min(m, n), "complete" (…, m, m) and (…, m, n).
 */
export function qr<A extends TensorLike>(
  x: A,
  options?: { mode?: "reduced" | "complete" },
): [q: Result<A>, r: Result<A>] {
  const { mode = "reduced" } = readOptions("qr", options, ["mode"]);
  if (!MODES.includes(mode)) {
    throw new RangeError(`qr: expected \`mode\` to be "reduced" or "complete". Received: ${describe(mode)}`);
  }
  return qrOp([x], { mode }) as [Result<A>, Result<A>];
}

const luOp = defineOp("LuFactor", "linalg", {}, ([x]) => {
  const { lu, pivots } = luFactorValue(readMatrix("luFactor", x));
  return [wrap(restored(lu, x, "luFactor")), wrap(pivots)];
});
/**
 * L and U in one matrix, L below the diagonal with ones on it left out, and the row that each row changed places with. (…, m, n)
 * → (…, m, n), (…, min(m, n)) int32
 */
export function luFactor<A extends TensorLike>(x: A): [lu: Result<A>, pivots: Result<A>] {
  return luOp([x]) as [Result<A>, Result<A>];
}

const eighOp = defineOp("Eigh", "linalg", {}, ([x]) =>
  eighValue(readSquare("eigh", x)).map((v) => wrap(restored(v, x, "eigh"))),
);
/**
 * Eigenvalues in rising order and eigenvectors, as columns, of symmetric matrices. (…, n, n) → (…, n), (…, n, n)
 *
 * By Jacobi's rotations, about 24 n³ multiplications. First derivatives are right where eigenvalues differ; second ones are not.
 * The sign of an eigenvector is arbitrary. Of x the symmetric part is taken.
 */
export function eigh<A extends TensorLike>(x: A): [values: Result<A>, vectors: Result<A>] {
  return eighOp([x]) as [Result<A>, Result<A>];
}

const SVD_KEYS = { fullMatrices: "full_matrices", computeUv: "compute_uv" };
const svdOp = defineOp("SVD", "linalg", SVD_KEYS, ([x], s) => {
  const { u, s: values, v } = svdValue(readMatrix("svd", x));
  const back = (y: Value): Tensor => wrap(restored(y, x, "svd"));
  if (s.computeUv === false) return back(values);
  const full = s.fullMatrices !== false;
  return [back(full ? completed(u) : u), back(values), back(transposed(full ? completed(v) : v))];
});

interface SvdOptions {
  /** Whether U and V are square; else they have min(m, n) columns. @defaultValue `true` */
  fullMatrices?: boolean;
  /** Whether U and V are given, or the singular values alone. @defaultValue `true` */
  computeUv?: boolean;
}

/**
 * x = U diag(s) Vᵀ with orthonormal columns and singular values in falling order. (…, m, n) → U (…, m, m), s (…, k), Vᵀ (…, n, n)
 *
 * By one-sided Jacobi rotations, which are accurate for small singular values too. First derivatives are right where singular
 * values differ and are not 0; second ones are not, and the columns that `fullMatrices` adds carry none.
 */
export function svd<A extends TensorLike>(x: A, options: SvdOptions & { computeUv: false }): Result<A>;
export function svd<A extends TensorLike>(
  x: A,
  options?: SvdOptions & { computeUv?: true },
): [u: Result<A>, s: Result<A>, vh: Result<A>];
export function svd(x: TensorLike, options?: SvdOptions): unknown {
  const { fullMatrices = true, computeUv = true } = readOptions("svd", options, ["fullMatrices", "computeUv"]);
  return svdOp([x], { fullMatrices, computeUv });
}

/**
 * Eigenvalues and eigenvectors, as columns of length 1, of square matrices that need not be symmetric; both complex, as pairs
 * [real, imaginary]. (…, n, n) → (…, n) twice, (…, n, n) twice
 *
 * Computed on the host in double precision, for the iterations that it takes are not known before. No gradient.
 *
 * @returns A promise.
 * @throws TypeError for a symbolic tensor and inside a traced function; symmetric matrices have `eigh` there.
 */
export async function eig(x: TensorLike): Promise<[values: Complex, vectors: Complex]> {
  expectNumbers("eig", x, "For symmetric matrices use ops.eigh.");
  const a = readSquare("eig", x);
  const data = await wrap(a).data();
  const n = a.shape.at(-1)!;
  const outer = a.shape.slice(0, -2);
  const count = data.length / (n * n);
  const values = [new Float32Array(count * n), new Float32Array(count * n)];
  const vectors = [new Float32Array(data.length), new Float32Array(data.length)];
  for (let i = 0; i < count; i++) {
    const found = eigenOf(Float64Array.from(data.subarray(i * n * n, (i + 1) * n * n) as Float32Array), n);
    found.values.forEach((part, p) => {
      values[p]!.set(part, i * n);
    });
    found.vectors.forEach((part, p) => {
      vectors[p]!.set(part, i * n * n);
    });
  }
  const pair = (parts: Float32Array[], shape: readonly number[]): Complex =>
    parts.map((part) => tensorFromHost(part, shape, "float32")) as unknown as Complex;
  return [pair(values, [...outer, n]), pair(vectors, a.shape)];
}
