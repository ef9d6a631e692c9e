/** Ops that read or write at positions. Positions are integers; negative ones count from the end. */
import { floatx } from "../core/config.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { broadcastShapes, formatShape, isUnknownSize, normalizeAxis, sizeOf, stridesOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Index } from "../runtime/methods.ts";
import { Tensor } from "../runtime/tensor.ts";
import { defineOp, optionalDType, promote, toTensor, wrap } from "./define.ts";
import { KerasTensor, type Result, type TensorLike } from "./kerasTensor.ts";
import { indexValue, num, readOptions } from "./kit.ts";
import { ELLIPSIS, Slice } from "./slice.ts";

/** Negative positions counted from the end. Constants that are known not to be negative pass through. */
function fromEnd(indices: Value, size: number): Value {
  const { source } = indices;
  if (source.kind === "constant" && Array.from(source.data as Int32Array).every((i) => i >= 0)) return indices;
  const negative = build.binary("less", indices, num(0, indices));
  return build.where(negative, build.binary("add", indices, num(size, indices)), indices);
}

/** Positions this far along an axis of unknown size come from a loop over the axis, which would go on for ever. */
const LOOP_FROM = 4096;

/** @throws RangeError for a position that only a loop over an axis without a known size reaches. */
function refuseEndlessLoop(where: string, position: number, axis: number, size: number): void {
  // A position computed from an unknown size, such as the middle, is as unknown as that.
  const steps = Math.abs(position);
  if (steps <= LOOP_FROM || isUnknownSize(steps) || !isUnknownSize(size)) return;
  throw new RangeError(
    `${where}: position ${position} of axis ${axis}, which has no known size while the graph is built: a loop over it cannot be ` +
      "recorded. Use ops.scan or layers.RNN for the loop, give the size to Input, or pick single positions by a tensor: " +
      "ops.take(x, ops.array([position]), { axis })",
  );
}

const takeOp = defineOp("Take", "numpy", { axis: "axis" }, ([x, indices], { axis }) => {
  const { node } = toTensor(x, null, "take");
  const flat = axis === null || axis === undefined;
  const source = flat ? build.reshape(node, [sizeOf(node.shape)]) : node;
  const at = flat ? 0 : normalizeAxis(axis as number, node.shape.length, "take");
  if (typeof indices === "number") refuseEndlessLoop("take", indices, at, source.shape[at]!);
  return wrap(build.gather(source, indexValue(indices, "take"), at));
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

/** One part of an index as Python has it: a position, a slice, `null` for a new axis, or the ellipsis. */
type Part = number | Slice | null | typeof ELLIPSIS;

const isOpenInteger = (value: unknown): boolean => value === null || value === undefined || Number.isInteger(value);

/** One of our indices as Python's: `null` is a whole axis here and a new one there. */
function partOf(index: unknown): Part {
  if (index === null) return new Slice();
  if (index === "...") return ELLIPSIS;
  if (Number.isInteger(index)) return index as number;
  if (Array.isArray(index) && (index.length === 2 || index.length === 3) && index.every(isOpenInteger)) {
    return new Slice(index[0] ?? null, index[1] ?? null, index[2] ?? null);
  }
  const hint = index instanceof Tensor || index instanceof KerasTensor ? ". For positions in a tensor: ops.take" : "";
  throw new TypeError(
    "getItem: expected an index to be an integer, a range [start, stop] or [start, stop, step], null for a whole axis, or " +
      `"..." for all other axes. Received: ${describe(index)}${hint}`,
  );
}

const isPart = (part: unknown): part is Part =>
  part === null ||
  part === ELLIPSIS ||
  Number.isInteger(part) ||
  (part instanceof Slice && [part.start, part.stop, part.step].every(isOpenInteger));

const getItemOp = defineOp("GetItem", "numpy", {}, ([x, key]) => {
  const { node } = toTensor(x, null, "getItem");
  const parts = Array.isArray(key) ? key : [key];
  const bad = parts.findIndex((part) => !isPart(part));
  if (bad >= 0)
    throw new TypeError(`getItem: index ${bad} is of a kind that is not supported: ${describe(parts[bad])}`);
  return wrap(getItemOf(node, parts as Part[]));
});

/** The parts with slices for the axes that the ellipsis stands for. */
function withoutEllipsis(parts: readonly Part[], shape: readonly number[]): (number | Slice | null)[] {
  const named = parts.filter((part) => part !== null && part !== ELLIPSIS).length;
  if (named > shape.length) throw new ShapeError(`getItem: ${named} indices for shape ${formatShape(shape)}`);
  if (parts.filter((part) => part === ELLIPSIS).length > 1) {
    throw new TypeError('getItem: "..." may stand once in an index, since it stands for all other axes');
  }
  const rest = Array.from({ length: shape.length - named }, () => new Slice());
  return parts.flatMap((part) => (part === ELLIPSIS ? rest : [part]));
}

function getItemOf(x: Value, key: readonly Part[]): Value {
  const starts = x.shape.map(() => 0);
  const limits = [...x.shape];
  const strides = x.shape.map(() => 1);
  const reversed: number[] = [];
  /** Axes of the result: sizes of new ones, places of those that stay. */
  const axes: (1 | { readonly axis: number })[] = [];
  let next = 0;
  for (const part of withoutEllipsis(key, x.shape)) {
    if (part === null) {
      axes.push(1);
      continue;
    }
    const axis = next++;
    const size = x.shape[axis]!;
    const from = part instanceof Slice ? (part.start as number | null) : part;
    if (from !== null) refuseEndlessLoop("getItem", from, axis, size);
    if (!(part instanceof Slice)) {
      if (part < -size || part >= size) {
        throw new RangeError(`getItem: index ${part} is out of range for axis ${axis} of size ${size}`);
      }
      starts[axis] = part < 0 ? part + size : part;
      limits[axis] = starts[axis]! + 1;
      continue;
    }
    axes.push({ axis });
    const range = part as { start: number | null; stop: number | null; step: number | null };
    const step = range.step ?? 1;
    if (step === 0) throw new RangeError("getItem: expected a step other than 0. Received: 0");
    const bound = (i: number | null, whenOpen: number, low: number, high: number) =>
      i === null ? whenOpen : Math.max(low, Math.min(high, i < 0 ? i + size : i));
    if (step > 0) {
      starts[axis] = bound(range.start, 0, 0, size);
      limits[axis] = Math.max(starts[axis]!, bound(range.stop, size, 0, size));
      strides[axis] = step;
      continue;
    }
    // Backwards: the same elements in rising order, then reversed.
    const last = bound(range.start, size - 1, -1, size - 1);
    const to = bound(range.stop, -1, -1, size - 1);
    const count = Math.max(0, Math.ceil((last - to) / -step));
    starts[axis] = count === 0 ? 0 : last + (count - 1) * step;
    limits[axis] = count === 0 ? 0 : last + 1;
    strides[axis] = -step;
    reversed.push(axis);
  }
  for (; next < x.shape.length; next++) axes.push({ axis: next });
  const part = build.reverse(build.slice(x, starts, limits, strides), reversed);
  const shape = axes.map((item) => (item === 1 ? 1 : part.shape[item.axis]!));
  return axes.length === x.shape.length && !axes.includes(1) ? part : build.reshape(part, shape);
}

/**
 * Part of a tensor by one index per axis: a position (the axis disappears), a range `[start, stop, step?]`, `null` for all, or
 * `"..."` for all axes that the others do not name.
 *
 * @example
 * ops.getItem(x, [0, [1, 3], null, -1]); // x[0, 1:3, :, -1]
 */
export function getItem<A extends TensorLike>(x: A, key: readonly Index[] | number): Result<A> {
  return getItemOp([x, (Array.isArray(key) ? key : [key]).map(partOf)]) as Result<A>;
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
    refuseEndlessLoop("slice", starts[i]!, i, node.shape[i]!);
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
