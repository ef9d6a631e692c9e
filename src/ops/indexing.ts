/** Ops that read or write at positions. Positions are integers; negative ones count from the end. */
import { floatx } from "../core/config.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { broadcastShapes, formatShape, normalizeAxis, sizeOf, stridesOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Index } from "../runtime/methods.ts";
import { defineOp, optionalDType, promote, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { indexValue, num, readOptions } from "./kit.ts";

/** Negative positions counted from the end. Constants that are known not to be negative pass through. */
function fromEnd(indices: Value, size: number): Value {
  const { source } = indices;
  if (source.kind === "constant" && Array.from(source.data as Int32Array).every((i) => i >= 0)) return indices;
  const negative = build.binary("less", indices, num(0, indices));
  return build.where(negative, build.binary("add", indices, num(size, indices)), indices);
}

const takeOp = defineOp("Take", "numpy", { axis: "axis" }, ([x, indices], { axis }) => {
  const { node } = toTensor(x, null, "take");
  const flat = axis === null || axis === undefined;
  const source = flat ? build.reshape(node, [sizeOf(node.shape)]) : node;
  const at = flat ? 0 : normalizeAxis(axis as number, node.shape.length, "take");
  return wrap(build.gather(source, fromEnd(indexValue(indices, "take"), source.shape[at]!), at));
});

/**
 * Elements at positions along an axis, or in row-major order without one. The axis is replaced by the axes of `indices`.
 *
 * Positions outside the axis are an error of the caller: engines treat them differently.
 */
export function take<A extends TensorLike, B extends TensorLike>(
  x: A,
  indices: B,
  options?: { axis?: number | null },
): Result<A | B> {
  const { axis = null } = readOptions("take", options, ["axis"]);
  return takeOp([x, indices], { axis }) as Result<A | B>;
}

const takeAlongAxisOp = defineOp("TakeAlongAxis", "numpy", { axis: "axis" }, ([x, indices], { axis }) => {
  const { node } = toTensor(x, null, "takeAlongAxis");
  const given = indexValue(indices, "takeAlongAxis");
  if (axis === null || axis === undefined) {
    const flat = build.reshape(node, [sizeOf(node.shape)]);
    return wrap(build.gatherAlong(flat, fromEnd(build.reshape(given, [sizeOf(given.shape)]), flat.shape[0]!), 0));
  }
  const at = normalizeAxis(axis as number, node.shape.length, "takeAlongAxis");
  if (given.shape.length !== node.shape.length) {
    throw new ShapeError(
      `takeAlongAxis: expected indices of the rank of x. Received: x.shape=${formatShape(node.shape)}, indices.shape=${formatShape(given.shape)}`,
    );
  }
  const without = (shape: readonly number[]) => shape.map((d, i) => (i === at ? 1 : d));
  const common = broadcastShapes(without(node.shape), without(given.shape), "takeAlongAxis");
  const fill = (v: Value) =>
    build.broadcastTo(
      v,
      common.map((d, i) => (i === at ? v.shape[at]! : d)),
    );
  return wrap(build.gatherAlong(fill(node), fill(fromEnd(given, node.shape[at]!)), at));
});

/** out[i][j] = x[indices[i][j]][j] along an axis: picks per position of the other axes, as `argsort` and `argmax` point. */
export function takeAlongAxis<A extends TensorLike, B extends TensorLike>(
  x: A,
  indices: B,
  options?: { axis?: number | null },
): Result<A | B> {
  const { axis = null } = readOptions("takeAlongAxis", options, ["axis"]);
  return takeAlongAxisOp([x, indices], { axis }) as Result<A | B>;
}

/** One index in any form: ours (`[start, stop, step]`) or a slice object as files carry it. */
type AnyIndex =
  | Index
  | { readonly start?: number | null; readonly stop?: number | null; readonly step?: number | null };

function readRange(index: AnyIndex): { start: number | null; stop: number | null; step: number } | null {
  if (index === null) return { start: null, stop: null, step: 1 };
  if (typeof index === "number") return null;
  if (Array.isArray(index)) {
    if (index.length < 2 || index.length > 3) {
      throw new RangeError(
        `getItem: expected a range [start, stop] or [start, stop, step]. Received: ${describe(index)}`,
      );
    }
    return {
      start: index[0] as number | null,
      stop: index[1] as number | null,
      step: (index[2] as number | undefined) ?? 1,
    };
  }
  const range = index as { start?: number | null; stop?: number | null; step?: number | null };
  return { start: range.start ?? null, stop: range.stop ?? null, step: range.step ?? 1 };
}

const getItemOp = defineOp("GetItem", "numpy", {}, ([x, key]) => {
  const { node } = toTensor(x, null, "getItem");
  return wrap(getItemOf(node, key as readonly AnyIndex[]));
});

function getItemOf(x: Value, key: readonly AnyIndex[]): Value {
  if (key.length > x.shape.length) {
    throw new ShapeError(`getItem: ${key.length} indices for shape ${formatShape(x.shape)}`);
  }
  const starts = x.shape.map(() => 0);
  const limits = [...x.shape];
  const strides = x.shape.map(() => 1);
  const dropped = new Set<number>();
  const reversed: number[] = [];
  key.forEach((index, axis) => {
    const size = x.shape[axis]!;
    const range = readRange(index);
    if (!range) {
      const i = index as number;
      if (!Number.isInteger(i) || i < -size || i >= size) {
        throw new RangeError(`getItem: index ${describe(i)} is out of range for axis ${axis} of size ${size}`);
      }
      starts[axis] = i < 0 ? i + size : i;
      limits[axis] = starts[axis]! + 1;
      dropped.add(axis);
      return;
    }
    const { step } = range;
    if (!Number.isInteger(step) || step === 0)
      throw new RangeError(`getItem: expected a step other than 0. Received: ${describe(step)}`);
    const bound = (i: number | null, whenOpen: number, low: number, high: number) =>
      i === null ? whenOpen : Math.max(low, Math.min(high, i < 0 ? i + size : i));
    if (step > 0) {
      starts[axis] = bound(range.start, 0, 0, size);
      limits[axis] = Math.max(starts[axis]!, bound(range.stop, size, 0, size));
      strides[axis] = step;
      return;
    }
    // Backwards: the same elements in rising order, then reversed.
    const from = bound(range.start, size - 1, -1, size - 1);
    const to = bound(range.stop, -1, -1, size - 1);
    const count = Math.max(0, Math.ceil((from - to) / -step));
    starts[axis] = count === 0 ? 0 : from + (count - 1) * step;
    limits[axis] = count === 0 ? 0 : from + 1;
    strides[axis] = -step;
    reversed.push(axis);
  });
  const part = build.reverse(build.slice(x, starts, limits, strides), reversed);
  return dropped.size === 0
    ? part
    : build.reshape(
        part,
        part.shape.filter((_, axis) => !dropped.has(axis)),
      );
}

/**
 * Part of a tensor by one index per axis: a position (the axis disappears), a range `[start, stop, step?]`, or `null` for all.
 *
 * @example
 * ops.getItem(x, [0, [1, 3], null, -1]); // x[0, 1:3, :, -1]
 */
export function getItem<A extends TensorLike>(x: A, key: readonly Index[] | number): Result<A> {
  return getItemOp([x, typeof key === "number" ? [key] : [...key]]) as Result<A>;
}

const sliceOp = defineOp("Slice", "core", { shape: "shape" }, ([x, startIndices], { shape }) => {
  const { node } = toTensor(x, null, "slice");
  const starts = numbersOf(startIndices, "slice", "startIndices");
  const sizes = (shape as number[]).map((d, i) => (d === -1 ? node.shape[i]! - starts[i]! : d));
  if (starts.length !== node.shape.length || sizes.length !== node.shape.length) {
    throw new ShapeError(
      `slice: expected one start and one size per axis of ${formatShape(node.shape)}. Received: startIndices=[${starts}], shape=${formatShape(sizes)}`,
    );
  }
  sizes.forEach((d, i) => {
    if (starts[i]! < 0 || starts[i]! + d > node.shape[i]!) {
      throw new ShapeError(
        `slice: ${d} elements from ${starts[i]} leave axis ${i} of size ${node.shape[i]}. Received: shape ${formatShape(node.shape)}`,
      );
    }
  });
  return wrap(
    build.slice(
      node,
      starts,
      sizes.map((d, i) => starts[i]! + d),
    ),
  );
});

function numbersOf(value: unknown, where: string, name: string): number[] {
  if (Array.isArray(value) && value.every((i) => Number.isInteger(i))) return value as number[];
  throw new TypeError(`${where}: expected \`${name}\` to be a list of integers. Received: ${describe(value)}`);
}

/** `shape` elements from `startIndices`; a size of -1 means up to the end. */
export function slice<A extends TensorLike>(
  x: A,
  startIndices: readonly number[],
  shape: readonly number[],
): Result<A> {
  return sliceOp([x, [...startIndices]], { shape: [...shape] }) as Result<A>;
}

const sliceUpdateOp = defineOp("SliceUpdate", "core", {}, ([x, startIndices, updates]) => {
  const { node } = toTensor(x, null, "sliceUpdate");
  const patch = toTensor(updates, node.dtype, "sliceUpdate").node;
  const starts = numbersOf(startIndices, "sliceUpdate", "startIndices");
  if (
    patch.shape.length !== node.shape.length ||
    patch.shape.some((d, i) => starts[i]! < 0 || starts[i]! + d > node.shape[i]!)
  ) {
    throw new ShapeError(
      `sliceUpdate: updates of shape ${formatShape(patch.shape)} from [${starts}] leave shape ${formatShape(node.shape)}`,
    );
  }
  const high = node.shape.map((d, i) => d - starts[i]! - patch.shape[i]!);
  const inside = build.pad(build.full(1, patch.shape, "bool"), starts, high);
  return wrap(build.where(inside, build.pad(patch, starts, high), node));
});
/** x with the part from `startIndices` replaced by `updates`. */
export function sliceUpdate<A extends TensorLike, B extends TensorLike>(
  x: A,
  startIndices: readonly number[],
  updates: B,
): Result<A | B> {
  return sliceUpdateOp([x, [...startIndices], updates]) as Result<A | B>;
}

const oneHotOp = defineOp(
  "OneHot",
  "nn",
  { numClasses: "num_classes", axis: "axis", dtype: "dtype", sparse: "sparse" },
  ([x], statics) => {
    const indices = indexValue(x, "oneHot");
    const dtype = optionalDType(statics.dtype as string | null) ?? floatx();
    return wrap(
      build.cast(oneHotMask(indices, statics.numClasses as number, (statics.axis as number | null) ?? -1), dtype),
    );
  },
);

/** Where a position along the new axis is the class. Classes outside give nothing. */
export function oneHotMask(indices: Value, numClasses: number, axis: number): Value {
  const ndim = indices.shape.length + 1;
  const at = normalizeAxis(axis, ndim, "oneHot");
  const classes = build.iota(
    Array.from({ length: ndim }, (_, i) => (i === at ? numClasses : 1)),
    at,
    "int32",
  );
  const open = build.reshape(indices, [...indices.shape.slice(0, at), 1, ...indices.shape.slice(at)]);
  return build.binary("equal", open, classes);
}

interface HotOptions {
  /** Where the classes go. @defaultValue `-1` */
  axis?: number;
  /** @defaultValue floatx */
  dtype?: string | null;
}

/**
 * A new axis of `numClasses` with 1 at the class and 0 elsewhere. Negative and too large classes give zeros only.
 *
 * @throws RangeError when `numClasses` is not a positive integer.
 */
export function oneHot<A extends TensorLike>(x: A, numClasses: number, options?: HotOptions): Result<A> {
  const { axis = -1, dtype = null } = readOptions("oneHot", options, ["axis", "dtype"]);
  checkClasses("oneHot", numClasses);
  return oneHotOp([x], { numClasses, axis, dtype, sparse: false }) as Result<A>;
}

function checkClasses(where: string, numClasses: number): void {
  if (!Number.isInteger(numClasses) || numClasses < 1) {
    throw new RangeError(
      `${where}: expected \`numClasses\` to be a positive integer. Received: ${describe(numClasses)}`,
    );
  }
}

const multiHotOp = defineOp(
  "MultiHot",
  "nn",
  { numClasses: "num_classes", axis: "axis", dtype: "dtype", sparse: "sparse" },
  ([x], statics) => {
    const indices = indexValue(x, "multiHot");
    const dtype = optionalDType(statics.dtype as string | null) ?? floatx();
    // (…, values, classes) → the largest over the values of a sample.
    const hot = build.cast(
      oneHotMask(indices, statics.numClasses as number, (statics.axis as number | null) ?? -1),
      dtype,
    );
    const values = Math.max(0, indices.shape.length - 1);
    return wrap(indices.shape.length < 1 ? hot : build.reduce("reduce_max", hot, [values]));
  },
);
/** The classes of a sample, listed along the last axis, as ones among zeros. */
export function multiHot<A extends TensorLike>(x: A, numClasses: number, options?: HotOptions): Result<A> {
  const { axis = -1, dtype = null } = readOptions("multiHot", options, ["axis", "dtype"]);
  checkClasses("multiHot", numClasses);
  return multiHotOp([x], { numClasses, axis, dtype, sparse: false }) as Result<A>;
}

/** Row-major positions of index tuples, listed along the last axis, in the leading axes of a shape. */
function flatPositions(indices: Value, shape: readonly number[], where: string): Value {
  const depth = indices.shape.at(-1);
  if (indices.shape.length < 1 || depth === undefined || depth > shape.length) {
    throw new ShapeError(
      `${where}: expected indices of shape (…, k) with k ≤ ${shape.length}. Received: ${formatShape(indices.shape)}`,
    );
  }
  const rows = sizeOf(indices.shape.slice(0, -1));
  const strides = Int32Array.from(stridesOf(shape.slice(0, depth)));
  const sizes = Int32Array.from(shape.slice(0, depth));
  const given = build.reshape(indices, [rows, depth]);
  const negative = build.binary("less", given, num(0, given));
  const positive = build.where(negative, build.binary("add", given, build.constant(sizes, [depth], "int32")), given);
  return build.reduce("reduce_sum", build.binary("mul", positive, build.constant(strides, [depth], "int32")), [1]);
}

/** `target` with `updates` added at index tuples. */
function scatterInto(target: Value, indices: Value, updates: Value, where: string): Value {
  const depth = indices.shape.at(-1) ?? 0;
  const positions = flatPositions(indices, target.shape, where);
  const inner = target.shape.slice(depth);
  const rows = build.reshape(target, [sizeOf(target.shape.slice(0, depth)), ...inner]);
  const filled = build.broadcastTo(updates, [...indices.shape.slice(0, -1), ...inner]);
  const added = build.scatterAdd(rows, positions, build.reshape(filled, [positions.shape[0]!, ...inner]), 0);
  return build.reshape(added, target.shape);
}

const scatterOp = defineOp("Scatter", "core", { shape: "shape" }, ([indices, values, ...rest], { shape }) => {
  const { node } = toTensor(values, null, "scatter");
  const target = (shape ?? rest[0]) as readonly number[];
  return wrap(scatterInto(build.full(0, target, node.dtype), indexValue(indices, "scatter"), node, "scatter"));
});
/** Zeros of a shape with values at index tuples (listed along the last axis of `indices`); repeated positions add up. */
export function scatter<A extends TensorLike, B extends TensorLike>(
  indices: A,
  values: B,
  shape: readonly number[],
): Result<A | B> {
  return scatterOp([indices, values], { shape: [...shape] }) as Result<A | B>;
}

const scatterUpdateOp = defineOp(
  "ScatterUpdate",
  "core",
  { reduction: "reduction" },
  ([x, indices, updates], { reduction }) => {
    const { node } = toTensor(x, null, "scatterUpdate");
    const positions = indexValue(indices, "scatterUpdate");
    const [, patch] = [node, build.cast(promote([wrap(node), updates])[1]!, node.dtype)];
    if (reduction === "add") return wrap(scatterInto(node, positions, patch, "scatterUpdate"));
    if (reduction) return wrap(scatterReduced(node, positions, patch, reduction as "max" | "min" | "mul"));
    const zero = build.full(0, node.shape, node.dtype);
    const ones = build.full(
      1,
      [...positions.shape.slice(0, -1), ...node.shape.slice(positions.shape.at(-1) ?? 0)],
      "int32",
    );
    const counts = scatterInto(build.full(0, node.shape, "int32"), positions, ones, "scatterUpdate");
    const hit = build.binary("greater", counts, num(0, counts));
    return wrap(build.where(hit, scatterInto(zero, positions, patch, "scatterUpdate"), node));
  },
);
/**
 * The target with updates combined into it. Every row is compared with every position, for repeats must be combined too:
 * (rows, updates, …) numbers, so this is for few updates.
 */
function scatterReduced(target: Value, indices: Value, updates: Value, reduction: "max" | "min" | "mul"): Value {
  const depth = indices.shape.at(-1) ?? 0;
  const inner = target.shape.slice(depth);
  const rows = sizeOf(target.shape.slice(0, depth));
  const positions = flatPositions(indices, target.shape, "scatterUpdate");
  const count = positions.shape[0]!;
  const whole = build.broadcastTo(updates, [...indices.shape.slice(0, -1), ...inner]);
  const given = build.reshape(whole, [1, count, ...inner]);
  const own = build.reshape(target, [rows, 1, ...inner]);
  const hits = build.binary("equal", build.iota([rows, 1], 0, "int32"), build.reshape(positions, [1, count]));
  const mask = build.reshape(hits, [rows, count, ...inner.map(() => 1)]);
  const reduce = ({ max: "reduce_max", min: "reduce_min", mul: "reduce_prod" } as const)[reduction];
  // Where an update does not belong stands what changes nothing: the element itself, or 1.
  const others = build.where(mask, given, reduction === "mul" ? num(1, target) : own);
  const all = build.concat([own, build.broadcastTo(others, [rows, count, ...inner])], 1);
  return build.reshape(build.reduce(reduce, all, [1]), target.shape);
}

const REDUCTIONS = ["add", "max", "min", "mul"] as const;
export type ScatterReduction = (typeof REDUCTIONS)[number];

/**
 * x with `updates` at index tuples, listed along the last axis of `indices`.
 *
 * @param options - `reduction`: `null` replaces (positions must differ), "add", "max", "min" and "mul" combine with what is
 *   there, repeats included; all but "add" compare every row with every update, so they are for few updates.
 */
export function scatterUpdate<A extends TensorLike, B extends TensorLike, C extends TensorLike>(
  x: A,
  indices: B,
  updates: C,
  options?: { reduction?: ScatterReduction | null },
): Result<A | B | C> {
  const { reduction = null } = readOptions("scatterUpdate", options, ["reduction"]);
  if (reduction !== null && !REDUCTIONS.includes(reduction)) {
    throw new RangeError(
      `scatterUpdate: expected \`reduction\` to be null or one of ${REDUCTIONS.join(", ")}. Received: ${describe(reduction)}`,
    );
  }
  return scatterUpdateOp([x, indices, updates], { reduction }) as Result<A | B | C>;
}

const unravelOp = defineOp("UnravelIndex", "numpy", { shape: "shape" }, ([indices], { shape }) => {
  const flat = indexValue(indices, "unravelIndex");
  const sizes = shape as number[];
  const strides = stridesOf(sizes);
  const positive = fromEnd(flat, sizeOf(sizes));
  return sizes.map((d, i) =>
    wrap(build.binary("mod", build.binary("div", positive, num(strides[i]!, positive)), num(d, positive))),
  );
});
/** Row-major positions as one tensor of indices per axis of a shape. */
export function unravelIndex<A extends TensorLike>(indices: A, shape: readonly number[]): Result<A>[] {
  return unravelOp([indices], { shape: [...shape] }) as Result<A>[];
}
