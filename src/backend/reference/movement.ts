/** Definitions of primitives that move elements: each says where an element of the result comes from. */
import type { StaticShape } from "../../core/shape.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import {
  broadcastAt,
  type Element,
  elementOf,
  indicesOf,
  offsetOf,
  type ReferenceRule,
  type ReferenceTensor,
} from "./rule.ts";

const at = (x: ReferenceTensor, index: readonly number[]): Element => x.data[offsetOf(x.shape, index)]!;

/** Builds a result element by element from its index. */
function build(shape: StaticShape, element: (index: readonly number[]) => Element): Element[] {
  const result: Element[] = [];
  for (const index of indicesOf(shape)) result.push(element(index));
  return result;
}

/** An index with one axis changed. */
const replaced = (index: readonly number[], axis: number, position: number): number[] =>
  index.map((i, a) => (a === axis ? position : i));

/** An index read from a tensor of indices; negative ones count from the end, those out of range read nothing. */
function position(indices: ReferenceTensor, index: readonly number[], size: number): number {
  const i = Number(at(indices, index));
  const found = i < 0 ? i + size : i;
  if (found < 0 || found >= size) throw new RangeError(`index ${i} is out of range for an axis of size ${size}`);
  return found;
}

const reshape: ReferenceRule<Attributes["reshape"]> = ([x]) => [[...x!.data]];

const transpose: ReferenceRule<Attributes["transpose"]> = ([x], { permutation }, [out]) => [
  build(out!.shape, (index) =>
    at(
      x!,
      permutation.map((_, axis) => index[permutation.indexOf(axis)]!),
    ),
  ),
];

const broadcastTo: ReferenceRule<Attributes["broadcast_to"]> = ([x], _, [out]) => [
  build(out!.shape, (index) => broadcastAt(x!, index)),
];

const slice: ReferenceRule<Attributes["slice"]> = ([x], { starts, strides }, [out]) => [
  build(out!.shape, (index) =>
    at(
      x!,
      index.map((i, axis) => starts[axis]! + i * strides[axis]!),
    ),
  ),
];

const pad: ReferenceRule<Attributes["pad"]> = ([x], { low, interior, value }, [out]) => {
  const result = build(out!.shape, () => elementOf(x!.dtype, value));
  for (const index of indicesOf(x!.shape)) {
    const target = index.map((i, axis) => low[axis]! + i * (1 + interior[axis]!));
    result[offsetOf(out!.shape, target)] = at(x!, index);
  }
  return [result];
};

const reverse: ReferenceRule<Attributes["reverse"]> = ([x], { axes }, [out]) => [
  build(out!.shape, (index) =>
    at(
      x!,
      index.map((i, axis) => (axes.includes(axis) ? x!.shape[axis]! - 1 - i : i)),
    ),
  ),
];

const concat: ReferenceRule<Attributes["concat"]> = (inputs, { axis }, [out]) => [
  build(out!.shape, (index) => {
    let i = index[axis]!;
    let part = 0;
    while (i >= inputs[part]!.shape[axis]!) i -= inputs[part++]!.shape[axis]!;
    return at(inputs[part]!, replaced(index, axis, i));
  }),
];

/** Where in `x` the result of `gather` at `index` = (a, i…, b) is read. */
function gathered(x: ReferenceTensor, indices: ReferenceTensor, axis: number, index: readonly number[]): number[] {
  const rank = indices.shape.length;
  const i = position(indices, index.slice(axis, axis + rank), x.shape[axis]!);
  return [...index.slice(0, axis), i, ...index.slice(axis + rank)];
}

/** Where in `x` the result of `gather_along` at `index` is read. */
const gatheredAlong = (
  x: ReferenceTensor,
  indices: ReferenceTensor,
  axis: number,
  index: readonly number[],
): number[] => replaced(index, axis, position(indices, index, x.shape[axis]!));

type Place = typeof gathered;

const gatherBy =
  (place: Place): ReferenceRule<Attributes["gather"]> =>
  ([x, indices], { axis }, [out]) => [build(out!.shape, (index) => at(x!, place(x!, indices!, axis, index)))];

const scatterBy =
  (place: Place): ReferenceRule<Attributes["scatter_add"]> =>
  ([x, indices, updates], { axis }) => {
    const result = [...x!.data];
    for (const index of indicesOf(updates!.shape)) {
      const target = offsetOf(x!.shape, place(x!, indices!, axis, index));
      result[target] = ((result[target] as number) + (at(updates!, index) as number)) as Element;
    }
    return [result];
  };

const lastEqual: ReferenceRule<Attributes["last_equal"]> = ([indices], { size }) => {
  const count = indices!.shape[0]!;
  const rows = Array.from({ length: count }, (_, i) => position(indices!, [i], size));
  return [rows.map((row) => elementOf("int32", rows.lastIndexOf(row)))];
};

const iota: ReferenceRule<Attributes["iota"]> = (_, { shape, axis, dtype }) => [
  build(shape, (index) => elementOf(dtype, index[axis]!)),
];

export const movementRules = {
  reshape,
  transpose,
  broadcast_to: broadcastTo,
  slice,
  pad,
  reverse,
  concat,
  gather: gatherBy(gathered),
  last_equal: lastEqual,
  scatter_add: scatterBy(gathered),
  gather_along: gatherBy(gatheredAlong),
  scatter_along_add: scatterBy(gatheredAlong),
  iota,
};
