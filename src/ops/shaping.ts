/** Ops that give a tensor another shape or order, without arithmetic. */
import { describe, ShapeError } from "../core/errors.ts";
import {
  broadcastShapes,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  shapesCompatible,
  sizeOf,
} from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { inputValue, type Value } from "../ir/value.ts";
import { defineOp, toTensor, wrap } from "./define.ts";
import { KerasTensor, type Result, type TensorLike } from "./kerasTensor.ts";
import { isUnknownSize, readOptions, standinSize, type UnaryOp, unaryOp } from "./kit.ts";

const reshapeOp = defineOp("Reshape", "numpy", { newShape: "newshape" }, ([x], { newShape }) => {
  const given = newShape as readonly number[] | number;
  return wrap(reshapeTo(toTensor(x, null, "reshape").node, typeof given === "number" ? [given] : given));
});

function reshapeTo(x: Value, newShape: readonly number[]): Value {
  const size = sizeOf(x.shape);
  const known = newShape.reduce((product, d) => (d === -1 ? product : product * d), 1);
  const open = newShape.indexOf(-1);
  const rest = open >= 0 ? (known === 0 ? 0 : size / known) : null;
  const fits = rest === null ? known === size : Number.isInteger(rest) && rest * known === size;
  if (fits)
    return build.reshape(
      x,
      newShape.map((d) => (d === -1 ? rest! : d)),
    );
  // A size is not known yet: the result has the sizes asked for, and whether they fit shows when data arrives.
  if (isUnknownSize(size) || newShape.some(isUnknownSize)) {
    return inputValue({ shape: newShape.map((d) => (d === -1 ? standinSize()! : d)), dtype: x.dtype }, "reshape");
  }
  throw new ShapeError(
    `reshape: ${size} elements of shape ${formatShape(x.shape)} do not fill shape ${formatShape(newShape)}`,
  );
}

/**
 * The same elements in another shape, in row-major order.
 *
 * @param newShape - Sizes; one may be -1 and takes what is left.
 * @throws ShapeError when the elements do not fill the shape.
 */
export function reshape<A extends TensorLike>(x: A, newShape: readonly number[] | number): Result<A> {
  const sizes = typeof newShape === "number" ? [newShape] : newShape;
  if (!Array.isArray(sizes) || sizes.some((d) => !Number.isInteger(d) || d < -1)) {
    throw new ShapeError(
      `reshape: expected non-negative integers, or -1 for one of them. Received: ${describe(newShape)}`,
    );
  }
  if (sizes.filter((d) => d === -1).length > 1) {
    throw new ShapeError(`reshape: only one size may be -1. Received: ${formatShape(sizes)}`);
  }
  return reshapeOp([x], { newShape: [...sizes] }) as Result<A>;
}

/** All elements in one axis, in row-major order. */
export const ravel: UnaryOp = unaryOp("Ravel", "numpy", (x) => build.reshape(x, [sizeOf(x.shape)]));

const transposeOp = defineOp("Transpose", "numpy", { axes: "axes" }, ([x], { axes }) => {
  const { node } = toTensor(x, null, "transpose");
  const ndim = node.shape.length;
  if (axes === null || axes === undefined)
    return wrap(
      build.transpose(
        node,
        node.shape.map((_, i) => ndim - 1 - i),
      ),
    );
  const order = (axes as number[]).map((a) => normalizeAxis(a, ndim, "transpose"));
  if (order.length !== ndim || new Set(order).size !== ndim) {
    throw new ShapeError(
      `transpose: expected each of the ${ndim} axes once. Received: axes=[${axes}] for shape ${formatShape(node.shape)}`,
    );
  }
  return wrap(build.transpose(node, order));
});

/**
 * The axes in another order; reversed without `axes`.
 *
 * @example
 * ops.transpose(x, [0, 2, 1]); ops.transpose(x, { axes: [0, 2, 1] });
 */
export function transpose<A extends TensorLike>(
  x: A,
  options?: readonly number[] | { axes?: readonly number[] | null },
): Result<A> {
  const axes = Array.isArray(options)
    ? options
    : (readOptions("transpose", options as { axes?: number[] }, ["axes"]).axes ?? null);
  return transposeOp([x], { axes }) as Result<A>;
}

const swapaxesOp = defineOp("Swapaxes", "numpy", { axis1: "axis1", axis2: "axis2" }, ([x], { axis1, axis2 }) => {
  const { node } = toTensor(x, null, "swapaxes");
  const a = normalizeAxis(axis1 as number, node.shape.length, "swapaxes");
  const b = normalizeAxis(axis2 as number, node.shape.length, "swapaxes");
  return wrap(
    build.transpose(
      node,
      node.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
    ),
  );
});
/** Two axes exchanged. */
export function swapaxes<A extends TensorLike>(x: A, axis1: number, axis2: number): Result<A> {
  return swapaxesOp([x], { axis1, axis2 }) as Result<A>;
}

const moveaxisOp = defineOp("Moveaxis", "numpy", { source: "source", destination: "destination" }, ([x], s) => {
  const { node } = toTensor(x, null, "moveaxis");
  const ndim = node.shape.length;
  const list = (axis: unknown) =>
    (Array.isArray(axis) ? axis : [axis]).map((a: number) => normalizeAxis(a, ndim, "moveaxis"));
  const [from, to] = [list(s.source), list(s.destination)];
  if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length) {
    throw new RangeError(
      `moveaxis: expected as many different destinations as sources. Received: source=[${from}], destination=[${to}]`,
    );
  }
  const order = node.shape.map((_, i) => i).filter((i) => !from.includes(i));
  for (const i of to.map((_, k) => k).sort((p, q) => to[p]! - to[q]!)) order.splice(to[i]!, 0, from[i]!);
  return wrap(build.transpose(node, order));
});
/** Axes moved to other places; the rest keep their order. */
export function moveaxis<A extends TensorLike>(
  x: A,
  source: number | readonly number[],
  destination: number | readonly number[],
): Result<A> {
  return moveaxisOp([x], { source, destination }) as Result<A>;
}

const expandDimsOp = defineOp("ExpandDims", "numpy", { axis: "axis" }, ([x], { axis }) => {
  const { node } = toTensor(x, null, "expandDims");
  const added = Array.isArray(axis) ? (axis as number[]) : [axis as number];
  const ndim = node.shape.length + added.length;
  const places = added.map((a) => normalizeAxis(a, ndim, "expandDims"));
  if (new Set(places).size !== places.length) throw new RangeError(`expandDims: repeated axis. Received: [${added}]`);
  const sizes = [...node.shape];
  return wrap(
    build.reshape(
      node,
      Array.from({ length: ndim }, (_, i) => (places.includes(i) ? 1 : sizes.shift()!)),
    ),
  );
});
/** New axes of size 1, at the given places of the result. */
export function expandDims<A extends TensorLike>(x: A, axis: number | readonly number[]): Result<A> {
  return expandDimsOp([x], { axis }) as Result<A>;
}

const squeezeOp = defineOp("Squeeze", "numpy", { axis: "axis" }, ([x], { axis }) => {
  const { node } = toTensor(x, null, "squeeze");
  const all = axis === null || axis === undefined;
  const axes = normalizeAxes(axis as number | number[] | null, node.shape.length, "squeeze");
  const bad = all ? undefined : axes.find((a) => node.shape[a] !== 1);
  const shape = node.shape.filter((d, i) => !(axes.includes(i) && (!all || d === 1)));
  if (bad === undefined) return wrap(build.reshape(node, shape));
  if (isUnknownSize(node.shape[bad]!)) return wrap(inputValue({ shape, dtype: node.dtype }, "squeeze"));
  throw new ShapeError(
    `squeeze: axis ${bad} has size ${node.shape[bad]}, expected 1. Received: shape ${formatShape(node.shape)}`,
  );
});
/** Without the axes of size 1: those given, or all of them. @throws ShapeError when a given axis has another size. */
export function squeeze<A extends TensorLike>(
  x: A,
  options?: number | readonly number[] | { axis?: number | readonly number[] | null },
): Result<A> {
  const direct = typeof options === "number" || Array.isArray(options);
  const axis = direct ? options : (readOptions("squeeze", options as { axis?: number }, ["axis"]).axis ?? null);
  return squeezeOp([x], { axis }) as Result<A>;
}

const broadcastToOp = defineOp("BroadcastTo", "numpy", { shape: "shape" }, ([x], { shape }) => {
  const { node } = toTensor(x, null, "broadcastTo");
  const target = shape as number[];
  if (!shapesCompatible(broadcastShapes(node.shape, target, "broadcastTo"), target)) {
    throw new ShapeError(`broadcastTo: shape ${formatShape(node.shape)} does not broadcast to ${formatShape(target)}`);
  }
  return wrap(build.broadcastTo(node, target));
});
/** The tensor repeated along axes of size 1 (and new leading axes) to fill a shape. */
export function broadcastTo<A extends TensorLike>(x: A, shape: readonly number[]): Result<A> {
  return broadcastToOp([x], { shape: [...shape] }) as Result<A>;
}

const tileOp = defineOp("Tile", "numpy", { repeats: "repeats" }, ([x], { repeats }) => {
  const { node } = toTensor(x, null, "tile");
  const given = typeof repeats === "number" ? [repeats] : (repeats as number[]);
  const ndim = Math.max(given.length, node.shape.length);
  const times = [...new Array<number>(ndim - given.length).fill(1), ...given];
  const shape = [...new Array<number>(ndim - node.shape.length).fill(1), ...node.shape];
  // Each axis becomes (times, size): broadcast over the times, then merged.
  const open = build.reshape(
    node,
    shape.flatMap((d, i) => (times[i] === 1 ? [d] : [1, d])),
  );
  const wide = build.broadcastTo(
    open,
    shape.flatMap((d, i) => (times[i] === 1 ? [d] : [times[i]!, d])),
  );
  return wrap(
    build.reshape(
      wide,
      shape.map((d, i) => d * times[i]!),
    ),
  );
});
/** The tensor laid side by side: `repeats` times along each axis, a missing count meaning once. */
export function tile<A extends TensorLike>(x: A, repeats: number | readonly number[]): Result<A> {
  return tileOp([x], { repeats }) as Result<A>;
}

const repeatOp = defineOp("Repeat", "numpy", { repeats: "repeats", axis: "axis" }, ([x], { repeats, axis }) => {
  const t = toTensor(x, null, "repeat").node;
  const flat = axis === null || axis === undefined;
  const node = flat ? build.reshape(t, [sizeOf(t.shape)]) : t;
  const at = flat ? 0 : normalizeAxis(axis as number, node.shape.length, "repeat");
  const size = node.shape[at]!;
  const counts = Array.isArray(repeats) ? (repeats as number[]) : [repeats as number];
  if (counts.length === 1) {
    const times = counts[0]!;
    const wide = build.broadcastTo(
      build.reshape(
        node,
        node.shape.flatMap((d, i) => (i === at ? [d, 1] : [d])),
      ),
      node.shape.flatMap((d, i) => (i === at ? [d, times] : [d])),
    );
    return wrap(
      build.reshape(
        wide,
        node.shape.map((d, i) => (i === at ? d * times : d)),
      ),
    );
  }
  if (counts.length !== size) {
    throw new ShapeError(
      `repeat: ${counts.length} counts for an axis of size ${size}. Received: shape ${formatShape(node.shape)}, axis ${at}`,
    );
  }
  const indices = Int32Array.from(counts.flatMap((count, i) => new Array<number>(count).fill(i)));
  return wrap(build.gather(node, build.constant(indices, [indices.length], "int32"), at));
});
/** Each element repeated along an axis (of all elements in row-major order without one): as often for all, or one count each. */
export function repeat<A extends TensorLike>(
  x: A,
  repeats: number | readonly number[],
  options?: { axis?: number | null },
): Result<A> {
  const { axis = null } = readOptions("repeat", options, ["axis"]);
  return repeatOp([x], { repeats, axis }) as Result<A>;
}

const flipOp = defineOp("Flip", "numpy", { axis: "axis" }, ([x], { axis }) => {
  const { node } = toTensor(x, null, "flip");
  return wrap(build.reverse(node, normalizeAxes(axis as number | null, node.shape.length, "flip")));
});
/** The order along axes reversed; along all without `axis`. */
export function flip<A extends TensorLike>(x: A, options?: { axis?: number | readonly number[] | null }): Result<A> {
  const { axis = null } = readOptions("flip", options, ["axis"]);
  return flipOp([x], { axis }) as Result<A>;
}
/** The order along axis 1 reversed. */
export const fliplr: UnaryOp = unaryOp("Fliplr", "numpy", (x) =>
  build.reverse(x, [normalizeAxis(1, x.shape.length, "fliplr")]),
);
/** The order along axis 0 reversed. */
export const flipud: UnaryOp = unaryOp("Flipud", "numpy", (x) =>
  build.reverse(x, [normalizeAxis(0, x.shape.length, "flipud")]),
);

const rollOp = defineOp("Roll", "numpy", { shift: "shift", axis: "axis" }, ([x], { shift, axis }) => {
  const { node } = toTensor(x, null, "roll");
  const shifts = Array.isArray(shift) ? (shift as number[]) : [shift as number];
  if (axis === null || axis === undefined) {
    const flat = build.reshape(node, [sizeOf(node.shape)]);
    return wrap(
      build.reshape(
        shifts.reduce((y, s) => rollAxis(y, s, 0), flat),
        node.shape,
      ),
    );
  }
  const axes = (Array.isArray(axis) ? (axis as number[]) : [axis as number]).map((a) =>
    normalizeAxis(a, node.shape.length, "roll"),
  );
  if (shifts.length !== 1 && shifts.length !== axes.length) {
    throw new RangeError(`roll: ${shifts.length} shifts for ${axes.length} axes; expected one each, or one for all`);
  }
  return wrap(axes.reduce((y, a, i) => rollAxis(y, shifts[shifts.length === 1 ? 0 : i]!, a), node));
});

function rollAxis(x: Value, shift: number, axis: number): Value {
  const size = x.shape[axis]!;
  if (size === 0) return x;
  const by = ((shift % size) + size) % size;
  if (by === 0) return x;
  const part = (start: number, limit: number) =>
    build.slice(
      x,
      x.shape.map((_, i) => (i === axis ? start : 0)),
      x.shape.map((d, i) => (i === axis ? limit : d)),
    );
  return build.concat([part(size - by, size), part(0, size - by)], axis);
}

/** Elements moved along axes by `shift`; those that leave at the end come back at the start. */
export function roll<A extends TensorLike>(
  x: A,
  shift: number | readonly number[],
  options?: { axis?: number | readonly number[] | null },
): Result<A> {
  const { axis = null } = readOptions("roll", options, ["axis"]);
  return rollOp([x], { shift, axis }) as Result<A>;
}

const rot90Op = defineOp("Rot90", "numpy", { k: "k", axes: "axes" }, ([x], s) => {
  const { node } = toTensor(x, null, "rot90");
  const ndim = node.shape.length;
  const [a, b] = ((s.axes as number[] | null) ?? [0, 1]).map((axis) => normalizeAxis(axis, ndim, "rot90")) as [
    number,
    number,
  ];
  const swap = node.shape.map((_, i) => (i === a ? b : i === b ? a : i));
  const turns = ((((s.k as number | null) ?? 1) % 4) + 4) % 4;
  if (turns === 1) return wrap(build.transpose(build.reverse(node, [b]), swap));
  if (turns === 2) return wrap(build.reverse(node, [a, b]));
  return wrap(turns === 0 ? node : build.reverse(build.transpose(node, swap), [b]));
});
/** Turned by k quarter turns from the first to the second of two axes. */
export function rot90<A extends TensorLike>(
  x: A,
  options?: { k?: number; axes?: readonly [number, number] },
): Result<A> {
  const { k = 1, axes = [0, 1] } = readOptions("rot90", options, ["k", "axes"]);
  return rot90Op([x], { k, axes }) as Result<A>;
}

/** Sizes of a tensor; `null` where a symbolic one is not known. */
export function shape(x: KerasTensor): (number | null)[];
export function shape(x: Exclude<TensorLike, KerasTensor>): number[];
export function shape(x: TensorLike): Shape;
export function shape(x: TensorLike): Shape {
  return x instanceof KerasTensor ? x.shape : toTensor(x, null, "shape").shape;
}

/** Number of axes. */
export const ndim = (x: TensorLike): number => shape(x).length;

/** Number of elements; `null` when a symbolic size is not known. */
export function size(x: TensorLike): number | null {
  const sizes = shape(x);
  return sizes.includes(null) ? null : sizeOf(sizes as readonly number[]);
}
