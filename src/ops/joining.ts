/** Ops that put tensors together, take them apart, or surround them. */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, normalizeAxis, shapesCompatible, sizeOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { inputValue, type Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { defineOp, promote, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { isUnknownSize, positional, readOptions, type Statics } from "./kit.ts";

function listOf(where: string, xs: unknown): unknown[] {
  if (!Array.isArray(xs) || xs.length === 0) {
    throw new TypeError(`${where}: expected a list of at least one tensor. Received: ${describe(xs)}`);
  }
  return xs;
}

const concatenateOp = defineOp("Concatenate", "numpy", { axis: "axis" }, ([xs], { axis }) => {
  const values = promote(listOf("concatenate", xs));
  const ndim = values[0]!.shape.length;
  return wrap(build.concat(values, normalizeAxis((axis as number | null) ?? 0, ndim, "concatenate")));
});

/**
 * Tensors one after another along an axis. Dtypes are promoted; all other sizes must agree.
 *
 * @param options - `axis`. @defaultValue `0`
 */
export function concatenate<A extends TensorLike>(xs: readonly A[], options?: { axis?: number }): Result<A> {
  const { axis = 0 } = readOptions("concatenate", options, ["axis"]);
  return concatenateOp([[...listOf("concatenate", xs)]], { axis }) as Result<A>;
}

const appendOp = defineOp("Append", "numpy", { axis: "axis" }, ([x1, x2], { axis }) => {
  const values = promote([x1, x2]);
  if (axis === null || axis === undefined) {
    return wrap(
      build.concat(
        values.map((v) => build.reshape(v, [sizeOf(v.shape)])),
        0,
      ),
    );
  }
  return wrap(build.concat(values, normalizeAxis(axis as number, values[0]!.shape.length, "append")));
});
/** x2 after x1 along an axis; all elements in one axis without it. */
export function append<A extends TensorLike, B extends TensorLike>(
  x1: A,
  x2: B,
  options?: { axis?: number | null },
): Result<A | B> {
  const { axis = null } = readOptions("append", options, ["axis"]);
  return appendOp([x1, x2], { axis }) as Result<A | B>;
}

const stackOp = defineOp("Stack", "numpy", { axis: "axis" }, ([xs], { axis }) =>
  wrap(stackValues(promote(listOf("stack", xs)), (axis as number | null) ?? 0)),
);

function stackValues(values: readonly Value[], axis: number): Value {
  const first = values[0]!.shape;
  for (const v of values) {
    if (!shapesCompatible(first, v.shape)) {
      throw new ShapeError(
        `stack: all shapes must be equal. Received: ${values.map((w) => formatShape(w.shape)).join(", ")}`,
      );
    }
  }
  const at = normalizeAxis(axis, first.length + 1, "stack");
  const shape = [...first.slice(0, at), 1, ...first.slice(at)];
  return build.concat(
    values.map((v) => build.reshape(v, shape)),
    at,
  );
}

/** Tensors of one shape along a new axis. */
export function stack<A extends TensorLike>(xs: readonly A[], options?: { axis?: number }): Result<A> {
  const { axis = 0 } = readOptions("stack", options, ["axis"]);
  return stackOp([[...listOf("stack", xs)]], { axis }) as Result<A>;
}

/** Joins tensors that are first brought to a rank. */
function joinOp(className: string, place: (x: Value) => readonly number[], axisOf: (rank: number) => number) {
  const where = className.charAt(0).toLowerCase() + className.slice(1);
  const run = defineOp(className, "numpy", {}, ([xs]) => {
    const values = promote(listOf(where, xs)).map((v) => build.reshape(v, place(v)));
    return wrap(build.concat(values, axisOf(values[0]!.shape.length)));
  });
  return <A extends TensorLike>(xs: readonly A[]): Result<A> => run([[...listOf(where, xs)]]) as Result<A>;
}
/** Tensors one after another along axis 1; vectors along axis 0. */
export const hstack = joinOp(
  "Hstack",
  ({ shape }) => (shape.length === 0 ? [1] : shape),
  (rank) => (rank === 1 ? 0 : 1),
);
/** Tensors one after another along axis 0; vectors are rows. */
export const vstack = joinOp(
  "Vstack",
  ({ shape }) => (shape.length < 2 ? [1, shape[0] ?? 1] : shape),
  () => 0,
);
/** Tensors one after another along axis 2; vectors and matrices get one. */
export const dstack = joinOp(
  "Dstack",
  ({ shape }) => (shape.length < 2 ? [1, shape[0] ?? 1, 1] : shape.length === 2 ? [...shape, 1] : shape),
  () => 2,
);
/** Vectors as the columns of a matrix. */
export const columnStack = joinOp(
  "ColumnStack",
  ({ shape }) => (shape.length < 2 ? [shape[0] ?? 1, 1] : shape),
  () => 1,
);

/** The part of an axis from start to limit. */
const part = (x: Value, axis: number, start: number, limit: number): Value =>
  build.slice(
    x,
    x.shape.map((_, i) => (i === axis ? start : 0)),
    x.shape.map((d, i) => (i === axis ? Math.max(start, limit) : d)),
  );

function splitValue(
  where: string,
  x: Value,
  sections: number | readonly number[],
  axis: number,
  uneven: boolean,
): Value[] {
  const size = x.shape[axis]!;
  if (typeof sections !== "number") {
    const bounds = sections.map((i) => Math.max(0, Math.min(size, i < 0 ? i + size : i)));
    return [0, ...bounds].map((start, i) => part(x, axis, start, bounds[i] ?? size));
  }
  if (!Number.isInteger(sections) || sections < 1) {
    throw new RangeError(`${where}: expected a positive number of sections. Received: ${describe(sections)}`);
  }
  const step = Math.floor(size / sections);
  const larger = size - step * sections;
  // Parts of an unknown size are as unknown as the whole.
  const fits = larger === 0 || uneven || isUnknownSize(size);
  if (!fits) {
    throw new ShapeError(
      `${where}: axis ${axis} of size ${size} does not divide into ${sections} equal sections. Received: shape ${formatShape(x.shape)}; use ops.arraySplit for unequal ones`,
    );
  }
  const starts = Array.from({ length: sections + 1 }, (_, i) => i * step + Math.min(i, uneven ? larger : 0));
  return starts.slice(0, -1).map((start, i) => part(x, axis, start, starts[i + 1]!));
}

const SPLIT_KEYS = { indicesOrSections: "indices_or_sections", axis: "axis" };
function splitOp(className: string, where: string, uneven: boolean) {
  const run = defineOp(className, "numpy", SPLIT_KEYS, ([x], { indicesOrSections, axis }) => {
    const { node } = toTensor(x, null, where);
    const at = normalizeAxis((axis as number | null) ?? 0, node.shape.length, where);
    return splitValue(where, node, indicesOrSections as number | number[], at, uneven).map(wrap);
  });
  return <A extends TensorLike>(
    x: A,
    indicesOrSections: number | readonly number[],
    options?: { axis?: number },
  ): Result<A>[] => {
    const { axis = 0 } = readOptions(where, options, ["axis"]);
    return run([x], { indicesOrSections, axis }) as Result<A>[];
  };
}
/**
 * Parts of a tensor along an axis: a number of equal ones, or cut at the given indices.
 *
 * @throws ShapeError when the axis does not divide equally.
 */
export const split = splitOp("Split", "split", false);
/** Like `split`; where sizes do not divide, the first parts are larger by one. */
export const arraySplit = splitOp("ArraySplit", "arraySplit", true);

function fixedSplit(className: string, where: string, axisOf: (rank: number) => number) {
  const run = defineOp(
    className,
    "numpy",
    { indicesOrSections: "indices_or_sections" },
    ([x], { indicesOrSections }) => {
      const { node } = toTensor(x, null, where);
      const at = normalizeAxis(axisOf(node.shape.length), node.shape.length, where);
      return splitValue(where, node, indicesOrSections as number | number[], at, false).map(wrap);
    },
  );
  return <A extends TensorLike>(x: A, indicesOrSections: number | readonly number[]): Result<A>[] =>
    run([x], { indicesOrSections }) as Result<A>[];
}
/** Parts along axis 1 (of a vector, along its axis). */
export const hsplit = fixedSplit("Hsplit", "hsplit", (rank) => (rank === 1 ? 0 : 1));
/** Parts along axis 0. */
export const vsplit = fixedSplit("Vsplit", "vsplit", () => 0);
/** Parts along axis 2. */
export const dsplit = fixedSplit("Dsplit", "dsplit", () => 2);

const unstackOp = defineOp("Unstack", "core", { num: "num", axis: "axis" }, ([x], { num, axis }) => {
  const { node } = toTensor(x, null, "unstack");
  const at = normalizeAxis((axis as number | null) ?? 0, node.shape.length, "unstack");
  const count = (num as number | null) ?? node.shape[at]!;
  if (isUnknownSize(count)) throw new ShapeError("unstack: the size of the axis is not known; give `num`");
  const shape = node.shape.filter((_, i) => i !== at);
  return Array.from({ length: count }, (_, i) => wrap(build.reshape(part(node, at, i, i + 1), shape)));
});
/** The slices of a tensor along an axis, which disappears. `num` is needed only when its size is not known. */
export function unstack<A extends TensorLike>(x: A, options?: { num?: number | null; axis?: number }): Result<A>[] {
  const { num = null, axis = 0 } = readOptions("unstack", options, ["num", "axis"]);
  return unstackOp([x], { num, axis }) as Result<A>[];
}

export type PadMode = "constant" | "edge" | "reflect" | "symmetric" | "wrap";
/** Positions, before and after, that a padded axis of `size` takes its elements from. */
const PAD_SOURCES: Partial<Record<PadMode, (i: number, size: number) => number>> = {
  edge: (i, size) => Math.max(0, Math.min(size - 1, i)),
  wrap: (i, size) => ((i % size) + size) % size,
  reflect: (i, size) => {
    const period = Math.max(1, 2 * (size - 1));
    const j = ((i % period) + period) % period;
    return j < size ? j : period - j;
  },
  symmetric: (i, size) => {
    const j = ((i % (2 * size)) + 2 * size) % (2 * size);
    return j < size ? j : 2 * size - 1 - j;
  },
};

function padded(args: readonly unknown[], { padWidth, mode }: Statics): Tensor {
  const [x, constantValues] = positional(args, ["x", "constant_values"]);
  const { node } = toTensor(x, null, "pad");
  const widths = readPadWidth(padWidth, node.shape.length);
  const kind = (mode as PadMode | null) ?? "constant";
  if (kind === "constant") {
    const fill = constantValues ?? 0;
    const [low, high] = [widths.map((w) => w[0]), widths.map((w) => w[1])];
    if (typeof fill === "number" || typeof fill === "boolean")
      return wrap(build.pad(node, low, high, undefined, Number(fill)));
    // A tensor as filling: padded zeros, and where the padding is, the tensor.
    const inside = build.pad(build.full(1, node.shape, "bool"), low, high);
    return wrap(build.where(inside, build.pad(node, low, high), toTensor(fill, node.dtype, "pad").node));
  }
  const source = PAD_SOURCES[kind];
  if (!source)
    throw new RangeError(
      `pad: unknown mode ${describe(kind)}. Known: constant, ${Object.keys(PAD_SOURCES).join(", ")}.`,
    );
  return wrap(
    widths.reduce<Value>((y, [before, after], axis) => {
      if (before === 0 && after === 0) return y;
      const size = y.shape[axis]!;
      if (isUnknownSize(size)) {
        const shape = y.shape.map((d, i) => (i === axis ? before + d + after : d));
        return inputValue({ shape, dtype: y.dtype }, "pad");
      }
      const indices = Int32Array.from({ length: before + size + after }, (_, i) => source(i - before, size));
      return build.gather(y, build.constant(indices, [indices.length], "int32"), axis);
    }, node),
  );
}
const PAD_KEYS = { padWidth: "pad_width", mode: "mode" };
const padOp = defineOp("Pad", "numpy", PAD_KEYS, padded, { namedArguments: true });

function readPadWidth(padWidth: unknown, ndim: number): [number, number][] {
  const every = (pair: [number, number]) => Array.from({ length: ndim }, () => pair);
  const bad = () =>
    new RangeError(
      `pad: expected \`padWidth\` to be a count, [before, after], or one such pair per axis of ${ndim}. Received: ${describe(padWidth)}`,
    );
  const isCount = (n: unknown): n is number => typeof n === "number" && Number.isInteger(n) && n >= 0;
  if (isCount(padWidth)) return every([padWidth, padWidth]);
  if (!Array.isArray(padWidth)) throw bad();
  if (padWidth.length === 1 && isCount(padWidth[0])) return every([padWidth[0], padWidth[0]]);
  if (padWidth.length === 2 && padWidth.every(isCount)) return every([padWidth[0] as number, padWidth[1] as number]);
  const pairs = padWidth.map((pair: unknown) => (isCount(pair) ? [pair, pair] : pair)) as [number, number][];
  if (!pairs.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isCount))) throw bad();
  if (pairs.length === 1) return every(pairs[0]!);
  if (pairs.length !== ndim) throw bad();
  return pairs;
}

/**
 * The tensor with elements added around it.
 *
 * @param padWidth - A count, `[before, after]` for every axis, or one such pair per axis.
 * @param options - `mode`: "constant" (with `constantValues`, 0 by default), "edge", "reflect", "symmetric" or "wrap".
 */
export function pad<A extends TensorLike>(
  x: A,
  padWidth: number | readonly (number | readonly number[])[],
  options?: { mode?: PadMode; constantValues?: TensorLike | null },
): Result<A> {
  const { mode = "constant", constantValues = null } = readOptions("pad", options, ["mode", "constantValues"]);
  if (constantValues !== null && mode !== "constant") {
    throw new TypeError(`pad: \`constantValues\` belongs to mode "constant". Received: mode=${describe(mode)}`);
  }
  return padOp(constantValues === null ? [x] : [x, constantValues], { padWidth, mode }) as Result<A>;
}
