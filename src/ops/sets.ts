/**
 * Ops whose result has as many elements as the data say: positions of what is not zero, and distinct elements. A program has
 * static shapes, so these read the numbers and give promises, except `unique` with a `size`.
 */
import { allocate, type DType, fromElement, type TypedArray } from "../core/dtype.ts";
import { DTypeError, describe } from "../core/errors.ts";
import { normalizeAxis, sizeOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { activeTrace } from "../runtime/trace.ts";
import { defineOp, toTensor, wrap } from "./define.ts";
import { hasSymbolic, type Result, type TensorLike } from "./kerasTensor.ts";
import { num, orderable, readOptions } from "./kit.ts";

/** @throws TypeError where there are no numbers to read. */
export function expectNumbers(where: string, x: unknown, instead: string): void {
  if (!hasSymbolic([x]) && !activeTrace()) return;
  throw new TypeError(
    `${where}: its result depends on the numbers, which do not exist yet in a graph of layers or inside a traced function (fit, predict, jit). ${instead}`,
  );
}

/**
 * Positions of the elements that are not zero: one int32 vector per axis, in row-major order.
 *
 * @returns A promise: how many there are is known only with the numbers.
 * @throws TypeError for a symbolic tensor and inside a traced function; use `where` with three arguments there.
 */
export async function nonzero(x: TensorLike): Promise<Tensor[]> {
  expectNumbers("nonzero", x, "Use ops.where(condition, a, b), or a mask that you multiply by.");
  const t = toTensor(x, null, "nonzero");
  const data = await t.data();
  const shape = t.shape;
  const found: number[] = [];
  for (let i = 0; i < data.length; i++) if (fromElement(t.dtype, data[i]!) !== 0) found.push(i);
  let inner = sizeOf(shape);
  return shape.map((d) => {
    inner /= d;
    const positions = Int32Array.from(found, (i) => Math.floor(i / inner) % d);
    return tensorFromHost(positions, [found.length], "int32");
  });
}

interface UniqueOptions {
  /** Keras has it; the elements are sorted either way. @defaultValue `true` */
  sorted?: boolean;
  /** Gives where each distinct element first occurs. @defaultValue `false` */
  returnIndex?: boolean;
  /** Gives which distinct element each element is. @defaultValue `false` */
  returnInverse?: boolean;
  /** Gives how often each occurs. @defaultValue `false` */
  returnCounts?: boolean;
  /** Compares slices along this axis instead of elements. @defaultValue `null` */
  axis?: number | null;
  /** What fills up to `size`. @defaultValue the smallest element */
  fillValue?: number | null;
}

const UNIQUE_KEYS = {
  sorted: "sorted",
  returnIndex: "return_index",
  returnInverse: "return_inverse",
  returnCounts: "return_counts",
  axis: "axis",
  size: "size",
  fillValue: "fill_value",
};

/** Elements, or slices along an axis, as rows of a matrix; and back. */
function asRows(
  x: Value,
  axis: number | null,
): { rows: Value; back: (rows: Value) => Value; outer: readonly number[] } {
  if (axis === null) {
    const n = sizeOf(x.shape);
    return { rows: build.reshape(x, [n, 1]), back: (r) => build.reshape(r, [r.shape[0]!]), outer: x.shape };
  }
  const at = normalizeAxis(axis, x.shape.length, "unique");
  const order = [at, ...x.shape.map((_, i) => i).filter((i) => i !== at)];
  const moved = build.transpose(x, order);
  const rest = moved.shape.slice(1);
  const inverse = order.map((_, i) => order.indexOf(i));
  return {
    rows: build.reshape(moved, [x.shape[at]!, sizeOf(rest)]),
    back: (r) => build.transpose(build.reshape(r, [r.shape[0]!, ...rest]), inverse),
    outer: [x.shape[at]!],
  };
}

/** Rows in rising order: sorted stably by the last column first, as a lexicographic order needs. */
function lexicographic(rows: Value): Value {
  const n = rows.shape[0]!;
  let order = build.iota([n], 0, "int32");
  for (let c = rows.shape[1]! - 1; c >= 0; c--) {
    const column = build.reshape(build.slice(rows, [0, c], [n, c + 1]), [n]);
    const [, positions] = build.topK(build.gather(column, order, 0), n, false);
    order = build.gather(order, positions, 0);
  }
  return order;
}

const uniqueOp = defineOp("Unique", "numpy", UNIQUE_KEYS, ([x], s) => {
  const { node } = toTensor(x, null, "unique");
  const { rows, back, outer } = asRows(orderable(node), (s.axis as number | null) ?? null);
  const [n, size] = [rows.shape[0]!, s.size as number];
  const order = lexicographic(rows);
  const sorted = build.gather(rows, order, 0);
  const differs = (a: Value, b: Value): Value =>
    build.reduce("reduce_max", build.cast(build.unary("logical_not", build.binary("equal", a, b)), "int32"), [1]);
  const width = rows.shape[1]!;
  const changes = differs(build.slice(sorted, [1, 0], [n, width]), build.slice(sorted, [0, 0], [n - 1, width]));
  const isNew = build.concat([build.full(1, [1], "int32"), changes], 0);
  // The number of each row's group; groups beyond `size` land in a slot that is cut off.
  const group = build.binary("sub", build.cumsum(isNew, 0), num(1, isNew));
  const slot = build.binary("min", group, num(size, group));
  const cut = (v: Value): Value =>
    build.slice(
      v,
      v.shape.map(() => 0),
      [size, ...v.shape.slice(1)],
    );
  const counts = cut(build.scatterAdd(build.full(0, [size + 1], "int32"), slot, build.full(1, [n], "int32"), 0));
  const firsts = build.where(build.binary("equal", isNew, num(1, isNew)), build.iota([n], 0, "int32"), num(0, isNew));
  const place = cut(build.scatterAdd(build.full(0, [size + 1], "int32"), slot, firsts, 0));
  const used = build.binary("greater", counts, num(0, counts));
  const taken = build.gather(sorted, build.where(used, place, num(0, place)), 0);
  const fill = s.fillValue ?? null;
  const values = fill === null ? taken : build.where(build.reshape(used, [size, 1]), taken, num(fill as number, taken));
  const results: Value[] = [build.cast(back(values), node.dtype)];
  if (s.returnIndex) results.push(build.gather(order, build.where(used, place, num(0, place)), 0));
  if (s.returnInverse) {
    const inverse = build.scatterAdd(build.full(0, [n], "int32"), order, group, 0);
    results.push(build.reshape(inverse, outer));
  }
  if (s.returnCounts) results.push(counts);
  return results.length === 1 ? wrap(results[0]!) : results.map(wrap);
});

/** The same on the host, with as many results as there are distinct rows. */
async function hostUnique(t: Tensor, options: Required<Omit<UniqueOptions, "fillValue">>): Promise<Tensor | Tensor[]> {
  const axis = options.axis === null ? null : normalizeAxis(options.axis, t.ndim, "unique");
  const { rows, back, outer } = asRows(t.node, axis);
  const data = await wrap(rows).data();
  const [n, width] = rows.shape as [number, number];
  const at = (row: number, c: number): number => fromElement(t.dtype, data[row * width + c]!);
  const compare = (a: number, b: number): number => {
    for (let c = 0; c < width; c++) {
      const [p, q] = [at(a, c), at(b, c)];
      if (p < q || (Number.isNaN(q) && !Number.isNaN(p))) return -1;
      if (p > q || (Number.isNaN(p) && !Number.isNaN(q))) return 1;
    }
    return 0;
  };
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => compare(a, b) || a - b);
  const firsts: number[] = [];
  const counts: number[] = [];
  const inverse = new Int32Array(n);
  const hasNaN = (row: number): boolean => Array.from({ length: width }, (_, c) => at(row, c)).some(Number.isNaN);
  for (const row of order) {
    const last = firsts.at(-1);
    // NaN equals nothing, so each stays.
    if (last === undefined || compare(last, row) !== 0 || hasNaN(row)) {
      firsts.push(row);
      counts.push(0);
    }
    inverse[row] = firsts.length - 1;
    counts[counts.length - 1]!++;
  }
  const values = takeRows(data, t.dtype, firsts, width);
  const ints = (list: ArrayLike<number>, shape: readonly number[]) =>
    tensorFromHost(Int32Array.from(list), shape, "int32");
  const results = [wrap(back(tensorFromHost(values, [firsts.length, width], t.dtype).node))];
  if (options.returnIndex) results.push(ints(firsts, [firsts.length]));
  if (options.returnInverse) results.push(ints(inverse, outer));
  if (options.returnCounts) results.push(ints(counts, [counts.length]));
  return results.length === 1 ? results[0]! : results;
}

function takeRows(data: TypedArray, dtype: DType, rows: readonly number[], width: number): TypedArray {
  const out = allocate(dtype, rows.length * width) as Float32Array;
  rows.forEach((row, i) => {
    out.set((data as Float32Array).subarray(row * width, (row + 1) * width), i * width);
  });
  return out;
}

/** What `unique` gives: the elements, and a list with more when more is asked for. */
type UniqueResult<T, O> = O extends { returnIndex: true } | { returnInverse: true } | { returnCounts: true } ? T[] : T;

/**
 * The distinct elements in rising order, or the distinct slices along an axis.
 *
 * @param options - With `size` the result has that many elements, is compiled, and may be symbolic: what is missing is filled,
 *   what is too much is cut. Without, how many there are is a fact of the data, and the result is a promise.
 * @returns The elements; with `returnIndex`, `returnInverse` or `returnCounts` a list, in this order.
 * @throws TypeError without `size` for a symbolic tensor and inside a traced function.
 */
export function unique<A extends TensorLike, O extends UniqueOptions & { size: number }>(
  x: A,
  options: O,
): UniqueResult<Result<A>, O>;
export function unique<A extends TensorLike, O extends UniqueOptions & { size?: null }>(
  x: A,
  options?: O,
): Promise<UniqueResult<Tensor, O>>;
export function unique(x: TensorLike, options?: UniqueOptions & { size?: number | null }): unknown {
  const read = readOptions("unique", options, Object.keys(UNIQUE_KEYS));
  const { sorted = true, returnIndex = false, returnInverse = false, returnCounts = false, axis = null } = read;
  const { size = null, fillValue = null } = read;
  const flags = { sorted, returnIndex, returnInverse, returnCounts, axis };
  if (size === null) {
    expectNumbers("unique", x, "Give `size`, the number of elements that the result shall have.");
    return hostUnique(toTensor(x, null, "unique"), flags);
  }
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`unique: expected \`size\` to be a positive integer. Received: ${describe(size)}`);
  }
  if (fillValue !== null && typeof fillValue !== "number") {
    throw new DTypeError(`unique: expected \`fillValue\` to be a number. Received: ${describe(fillValue)}`);
  }
  return uniqueOp([x], { ...flags, size, fillValue });
}
