/** New tensors of known contents. Shapes are known, so these are never symbolic, except those made like another tensor. */
import { floatx } from "../core/config.ts";
import { allocate, type DType, isFloat, resultType, standardizeDType, toElement } from "../core/dtype.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, normalizeAxis, sizeOf } from "../core/shape.ts";
import { isPlainObject } from "../core/tree.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { defineOp, optionalDType, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { num, readOptions } from "./kit.ts";

interface DTypeOption {
  /** @defaultValue floatx */
  dtype?: string | null;
}

const dtypeOr = (where: string, options: DTypeOption | undefined, fallback: () => DType): DType =>
  optionalDType(readOptions(where, options, ["dtype"]).dtype) ?? fallback();

/** A shape given by a user: a list of sizes, or one size. */
export function readShape(where: string, shape: readonly number[] | number): number[] {
  const list = typeof shape === "number" ? [shape] : shape;
  if (!Array.isArray(list) || list.some((d) => !Number.isInteger(d) || d < 0)) {
    throw new ShapeError(`${where}: expected a shape of non-negative integers. Received: ${describe(shape)}`);
  }
  return [...list];
}

/** A tensor of zeros. */
export function zeros(shape: readonly number[] | number, options?: DTypeOption): Tensor {
  return wrap(build.full(0, readShape("zeros", shape), dtypeOr("zeros", options, floatx)));
}

/** A tensor of ones. */
export function ones(shape: readonly number[] | number, options?: DTypeOption): Tensor {
  return wrap(build.full(1, readShape("ones", shape), dtypeOr("ones", options, floatx)));
}

/** A tensor whose contents do not matter (they are zeros). */
export function empty(shape: readonly number[] | number, options?: DTypeOption): Tensor {
  return wrap(build.full(0, readShape("empty", shape), dtypeOr("empty", options, floatx)));
}

const fullOp = defineOp("Full", "numpy", { shape: "shape", dtype: "dtype" }, ([fill], { shape, dtype }) => {
  const target = optionalDType(dtype as string | null) ?? (typeof fill === "boolean" ? "bool" : null);
  const value = toTensor(fill, target ?? (typeof fill === "number" ? floatx() : null), "full");
  return wrap(build.broadcastTo(value.node, shape as number[]));
});

/** A tensor filled with one value, which may be a tensor that broadcasts to the shape. */
export function full<A extends TensorLike>(
  shape: readonly number[] | number,
  fillValue: A,
  options?: DTypeOption,
): Result<A> {
  const { dtype = null } = readOptions("full", options, ["dtype"]);
  return fullOp([fillValue], { shape: readShape("full", shape), dtype }) as Result<A>;
}

function likeOp(className: string, fill: number) {
  const where = className.charAt(0).toLowerCase() + className.slice(1);
  const run = defineOp(className, "numpy", { dtype: "dtype" }, ([x], { dtype }) => {
    const t = toTensor(x, null, where);
    return wrap(build.full(fill, t.node.shape, optionalDType(dtype as string | null) ?? t.dtype));
  });
  return <A extends TensorLike>(x: A, options?: DTypeOption): Result<A> => {
    const { dtype = null } = readOptions(where, options, ["dtype"]);
    return run([x], { dtype }) as Result<A>;
  };
}
/** Zeros of x's shape, and dtype unless another is given. */
export const zerosLike = likeOp("ZerosLike", 0);
/** Ones of x's shape, and dtype unless another is given. */
export const onesLike = likeOp("OnesLike", 1);
/** A tensor of x's shape and dtype whose contents do not matter (they are zeros). */
export const emptyLike = likeOp("EmptyLike", 0);

const fullLikeOp = defineOp("FullLike", "numpy", { dtype: "dtype" }, ([x, fill], { dtype }) => {
  const t = toTensor(x, null, "fullLike");
  const value = toTensor(fill, optionalDType(dtype as string | null) ?? t.dtype, "fullLike");
  return wrap(build.broadcastTo(value.node, t.node.shape));
});
/** A tensor of x's shape filled with one value, in x's dtype unless another is given. */
export function fullLike<A extends TensorLike, B extends TensorLike>(
  x: A,
  fillValue: B,
  options?: DTypeOption,
): Result<A | B> {
  const { dtype = null } = readOptions("fullLike", options, ["dtype"]);
  return fullLikeOp([x, fillValue], { dtype }) as Result<A | B>;
}

/** Numbers computed on the host, in double precision, as a tensor. */
export function fromValues(values: readonly number[], shape: readonly number[], dtype: DType): Tensor {
  const data = allocate(dtype, values.length);
  values.forEach((x, i) => {
    (data as Float32Array)[i] = toElement(dtype, isFloat(dtype) ? x : Math.trunc(x)) as number;
  });
  return tensorFromHost(data, shape, dtype);
}

/**
 * start, start + step, … up to, not including, stop. `arange(stop)` starts at 0.
 *
 * @param options - `dtype`. @defaultValue int32 when all arguments are integers, else floatx
 * @throws RangeError when step is 0.
 */
export function arange(
  start: number,
  stop?: number | null | DTypeOption,
  step?: number | null | DTypeOption,
  options?: DTypeOption,
): Tensor {
  const given = [start, stop, step].filter((x): x is number => typeof x === "number");
  const last = [stop, step, options].find((x): x is DTypeOption => typeof x === "object" && x !== null);
  const dtype = dtypeOr("arange", last, () =>
    resultType(
      given.map((x) => (Number.isInteger(x) ? "weak_int" : "weak_float")),
      floatx(),
    ),
  );
  const [from, to] = typeof stop === "number" ? [start, stop] : [0, start];
  const by = typeof step === "number" ? step : 1;
  if (by === 0 || ![from, to, by].every(Number.isFinite)) {
    throw new RangeError(
      `arange: expected finite numbers and a step other than 0. Received: start=${from}, stop=${to}, step=${by}`,
    );
  }
  const length = Math.max(0, Math.ceil((to - from) / by));
  if (![from, to, by].every(Number.isInteger) || dtype === "bool") {
    return fromValues(
      Array.from({ length }, (_, i) => from + i * by),
      [length],
      dtype,
    );
  }
  let value = build.iota([length], 0, dtype);
  if (by !== 1) value = build.binary("mul", value, num(by, value));
  if (from !== 0) value = build.binary("add", value, num(from, value));
  return wrap(value);
}

/** The n × m matrix (square without m) with ones on the diagonal `k`, counted upwards from the main one. */
export function eye(n: number, options?: DTypeOption & { m?: number | null; k?: number }): Tensor {
  const { m = null, k = 0, dtype } = readOptions("eye", options, ["m", "k", "dtype"]);
  const shape = readShape("eye", [n, m ?? n]);
  return wrap(build.cast(diagonalMask(shape, k, "equal"), optionalDType(dtype) ?? floatx()));
}

/** The n × n identity matrix. */
export function identity(n: number, options?: DTypeOption): Tensor {
  const { dtype = null } = readOptions("identity", options, ["dtype"]);
  return eye(n, { dtype });
}

/** The n × m matrix with ones on and below the diagonal `k`. */
export function tri(n: number, options?: DTypeOption & { m?: number | null; k?: number }): Tensor {
  const { m = null, k = 0, dtype } = readOptions("tri", options, ["m", "k", "dtype"]);
  const shape = readShape("tri", [n, m ?? n]);
  return wrap(build.cast(diagonalMask(shape, k, "less_equal"), optionalDType(dtype) ?? floatx()));
}

/** Where column - k compares so with row. */
export function diagonalMask(shape: readonly number[], k: number, compare: "equal" | "less_equal" | "greater_equal") {
  const row = build.iota([shape[0]!, 1], 0, "int32");
  const column = build.iota([1, shape[1]!], 1, "int32");
  return build.binary(compare, column, k === 0 ? row : build.binary("add", row, num(k, row)));
}

const arrayOp = defineOp("Array", "numpy", { dtype: "dtype" }, ([x], { dtype }) =>
  toTensor(x, optionalDType(dtype as string | null), "array"),
);
/** The tensor of numbers, nested arrays or a typed array; a tensor stays as it is. */
export function array<A extends TensorLike>(x: A, options?: DTypeOption): Result<A> {
  const { dtype = null } = readOptions("array", options, ["dtype"]);
  return arrayOp([x], { dtype }) as Result<A>;
}

const convertOp = defineOp(
  "ConvertToTensor",
  "core",
  { dtype: "dtype", sparse: "sparse", ragged: "ragged" },
  ([x], { dtype }) => toTensor(x, optionalDType(dtype as string | null), "convertToTensor"),
);
/** The tensor of numbers, nested arrays or a typed array, in a dtype if one is given. */
export function convertToTensor<A extends TensorLike>(x: A, options?: DTypeOption): Result<A> {
  const { dtype = null } = readOptions("convertToTensor", options, ["dtype"]);
  return convertOp([x], {
    dtype: dtype === null ? null : standardizeDType(dtype),
    sparse: null,
    ragged: null,
  }) as Result<A>;
}

const meshgridOp = defineOp("Meshgrid", "numpy", { indexing: "indexing" }, (args, { indexing }) => {
  const values = args.map((x) => toTensor(x, null, "meshgrid").node);
  for (const v of values) {
    if (v.shape.length > 1) throw new ShapeError(`meshgrid: expected vectors. Received: shape ${formatShape(v.shape)}`);
  }
  const axes = values.map((_, i) => (indexing !== "ij" && i < 2 && values.length > 1 ? 1 - i : i));
  const shape: number[] = [];
  values.forEach((v, i) => {
    shape[axes[i]!] = v.shape[0] ?? 1;
  });
  return values.map((v, i) =>
    wrap(
      build.broadcastTo(
        build.reshape(
          v,
          shape.map((d, a) => (a === axes[i] ? d : 1)),
        ),
        shape,
      ),
    ),
  );
});
interface MeshgridOptions {
  /** "xy" swaps the first two axes. @defaultValue `"xy"` */
  indexing?: "xy" | "ij";
}
/**
 * Coordinates of a grid: one tensor per vector, each of the grid's shape. The vectors come one after another, as in Keras, or in
 * a list; options come last.
 *
 * @example
 * const [columns, rows] = ops.meshgrid(x, y);
 */
export function meshgrid<A extends TensorLike>(xs: readonly A[], options?: MeshgridOptions): Result<A>[];
export function meshgrid<A extends TensorLike>(...xs: readonly A[]): Result<A>[];
export function meshgrid<A extends TensorLike>(
  ...xsAndOptions: readonly [...xs: readonly A[], options: MeshgridOptions]
): Result<A>[];
export function meshgrid(...args: readonly unknown[]): Result<TensorLike>[] {
  const last = args.length > 1 ? args.at(-1) : undefined;
  const options = isPlainObject(last) || last === undefined ? last : undefined;
  const given = args.length > 1 && (options !== undefined || last === undefined) ? args.slice(0, -1) : args;
  const [first] = given;
  const isList = given.length === 1 && Array.isArray(first) && first.some((x) => typeof x !== "number");
  const xs = (isList ? first : given) as readonly TensorLike[];
  const { indexing = "xy" }: MeshgridOptions = readOptions("meshgrid", options, ["indexing"]);
  if (indexing !== "xy" && indexing !== "ij") {
    throw new RangeError(`meshgrid: expected \`indexing\` to be "xy" or "ij". Received: ${describe(indexing)}`);
  }
  return meshgridOp(xs, { indexing }) as Result<TensorLike>[];
}

const diagOp = defineOp("Diag", "numpy", { k: "k" }, ([x], { k }) => {
  const { node } = toTensor(x, null, "diag");
  const offset = (k as number | null | undefined) ?? 0;
  if (node.shape.length === 2) return wrap(diagonalOf(node, offset, 0, 1));
  if (node.shape.length !== 1)
    throw new ShapeError(`diag: expected a vector or a matrix. Received: shape ${formatShape(node.shape)}`);
  return wrap(diagonalMatrix(node, offset));
});

/** A vector on the diagonal `offset` of a square matrix. */
function diagonalMatrix(x: Value, offset: number): Value {
  const n = x.shape[0]! + Math.abs(offset);
  const [before, after] = [Math.max(0, offset), Math.max(0, -offset)];
  // Element i stands in column i + k: broadcast over rows, kept on the diagonal only.
  const row = build.reshape(build.pad(x, [before], [after]), [1, n]);
  return build.where(diagonalMask([n, n], offset, "equal"), row, num(0, x));
}
/** A square matrix with x on the diagonal `k`; of a matrix, its diagonal. */
export function diag<A extends TensorLike>(x: A, options?: { k?: number }): Result<A> {
  const { k = 0 } = readOptions("diag", options, ["k"]);
  return diagOp([x], { k }) as Result<A>;
}

const diagflatOp = defineOp("Diagflat", "numpy", { k: "k" }, ([x], { k }) => {
  const { node } = toTensor(x, null, "diagflat");
  return wrap(diagonalMatrix(build.reshape(node, [sizeOf(node.shape)]), (k as number | null | undefined) ?? 0));
});
/** A square matrix with all elements of x on the diagonal `k`. */
export function diagflat<A extends TensorLike>(x: A, options?: { k?: number }): Result<A> {
  const { k = 0 } = readOptions("diagflat", options, ["k"]);
  return diagflatOp([x], { k }) as Result<A>;
}

/** The elements x[…, i, i + offset] along two axes, as a new last axis. */
function diagonalOf(x: Value, offset: number, axis1: number, axis2: number) {
  const a1 = normalizeAxis(axis1, x.shape.length, "diagonal");
  const a2 = normalizeAxis(axis2, x.shape.length, "diagonal");
  if (a1 === a2)
    throw new RangeError(`diagonal: expected two different axes. Received: axis1=${axis1}, axis2=${axis2}`);
  const others = x.shape.map((_, i) => i).filter((i) => i !== a1 && i !== a2);
  const moved = build.transpose(x, [...others, a1, a2]);
  const batch = others.map((i) => x.shape[i]!);
  const [rows, columns] = [x.shape[a1]!, x.shape[a2]!];
  const [firstRow, firstColumn] = [Math.max(0, -offset), Math.max(0, offset)];
  const length = Math.max(0, Math.min(rows - firstRow, columns - firstColumn));
  // In row-major order the diagonal's elements are columns + 1 apart.
  const flat = build.reshape(moved, [...batch, rows * columns]);
  const first = firstRow * columns + firstColumn;
  const starts = [...batch.map(() => 0), length === 0 ? 0 : first];
  const limits = [...batch, length === 0 ? 0 : first + (length - 1) * (columns + 1) + 1];
  return build.slice(flat, starts, limits, [...batch.map(() => 1), columns + 1]);
}

const DIAGONAL = ["offset", "axis1", "axis2"] as const;
const DIAGONAL_KEYS = { offset: "offset", axis1: "axis1", axis2: "axis2" };
interface DiagonalOptions {
  offset?: number;
  axis1?: number;
  axis2?: number;
}
const readDiagonal = (s: Readonly<Record<string, unknown>>): [number, number, number] => [
  (s.offset as number | null | undefined) ?? 0,
  (s.axis1 as number | null | undefined) ?? 0,
  (s.axis2 as number | null | undefined) ?? 1,
];
const diagonalOp = defineOp("Diagonal", "numpy", DIAGONAL_KEYS, ([x], s) =>
  wrap(diagonalOf(toTensor(x, null, "diagonal").node, ...readDiagonal(s))),
);
/** The diagonal along two axes (`axis1`, `axis2`, the first two by default), as a new last axis. */
export function diagonal<A extends TensorLike>(x: A, options?: DiagonalOptions): Result<A> {
  const { offset = 0, axis1 = 0, axis2 = 1 } = readOptions("diagonal", options, DIAGONAL);
  return diagonalOp([x], { offset, axis1, axis2 }) as Result<A>;
}

const traceOp = defineOp("Trace", "numpy", DIAGONAL_KEYS, ([x], s) => {
  const d = diagonalOf(toTensor(x, null, "trace").node, ...readDiagonal(s));
  const small = !isFloat(d.dtype) && d.dtype !== "int64" && d.dtype !== "uint64" && d.dtype !== "uint32";
  return wrap(build.reduce("reduce_sum", small ? build.cast(d, "int32") : d, [d.shape.length - 1]));
});
/** Sum of the diagonal along two axes. */
export function trace<A extends TensorLike>(x: A, options?: DiagonalOptions): Result<A> {
  const { offset = 0, axis1 = 0, axis2 = 1 } = readOptions("trace", options, DIAGONAL);
  return traceOp([x], { offset, axis1, axis2 }) as Result<A>;
}

function triangleOp(className: "Tril" | "Triu", compare: "less_equal" | "greater_equal") {
  const where = className === "Tril" ? "tril" : "triu";
  const run = defineOp(className, "numpy", { k: "k" }, ([x], { k }) => {
    const { node } = toTensor(x, null, where);
    if (node.shape.length < 2)
      throw new ShapeError(`${where}: expected rank 2 or more. Received: shape ${formatShape(node.shape)}`);
    const mask = diagonalMask(node.shape.slice(-2), (k as number | null | undefined) ?? 0, compare);
    return wrap(build.where(mask, node, num(0, node)));
  });
  return <A extends TensorLike>(x: A, options?: { k?: number }): Result<A> => {
    const { k = 0 } = readOptions(where, options, ["k"]);
    return run([x], { k }) as Result<A>;
  };
}
/** The matrices of the last two axes with zeros above the diagonal `k`. */
export const tril = triangleOp("Tril", "less_equal");
/** The matrices of the last two axes with zeros below the diagonal `k`. */
export const triu = triangleOp("Triu", "greater_equal");
