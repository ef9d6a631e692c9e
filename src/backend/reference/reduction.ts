/** Definitions of reductions, running reductions, and of what ranks the elements of an axis. */
import type { DType } from "../../core/dtype.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import {
  type Element,
  elementOf,
  extremeOf,
  indicesOf,
  offsetOf,
  type ReferenceRule,
  type ReferenceTensor,
} from "./rule.ts";

/** Sum and product of two elements of one kind: both numbers or both BigInt. */
const plus = (a: Element, b: Element): Element => ((a as number) + (b as number)) as Element;
const times = (a: Element, b: Element): Element => ((a as number) * (b as number)) as Element;
const isNaNElement = (x: Element): boolean => typeof x === "number" && Number.isNaN(x);
/** NaN wins, as in NumPy. */
const larger = (a: Element, b: Element): Element => (isNaNElement(a) || a > b ? a : b);
const smaller = (a: Element, b: Element): Element => (isNaNElement(a) || a < b ? a : b);

/** The groups of elements that are reduced together, in row-major order of the kept axes. */
function groups(x: ReferenceTensor, axes: readonly number[]): Element[][] {
  const kept = x.shape.filter((_, axis) => !axes.includes(axis));
  const found: Element[][] = Array.from({ length: kept.reduce((n, d) => n * d, 1) }, () => []);
  for (const index of indicesOf(x.shape)) {
    const group = offsetOf(
      kept,
      index.filter((_, axis) => !axes.includes(axis)),
    );
    found[group]!.push(x.data[offsetOf(x.shape, index)]!);
  }
  return found;
}

const reduce =
  (f: (group: readonly Element[], dtype: DType) => Element): ReferenceRule<Attributes["reduce_sum"]> =>
  ([x], { axes }) => [groups(x!, axes).map((group) => f(group, x!.dtype))];

const sum = (group: readonly Element[], dtype: DType): Element => group.reduce(plus, elementOf(dtype, 0));

/** Integers: truncated towards zero. */
function mean(group: readonly Element[], dtype: DType): Element {
  const total = sum(group, dtype);
  return typeof total === "bigint" ? total / BigInt(group.length || 1) : total / group.length;
}

/** Rewrites every line of `x` along an axis. */
function alongAxis(x: ReferenceTensor, axis: number, f: (line: Element[]) => Element[]): Element[] {
  const result = [...x.data];
  const starts = x.shape.map((d, a) => (a === axis ? Math.min(d, 1) : d));
  for (const start of indicesOf(starts)) {
    const places = Array.from({ length: x.shape[axis]! }, (_, i) =>
      offsetOf(
        x.shape,
        start.map((s, a) => (a === axis ? i : s)),
      ),
    );
    f(places.map((place) => x.data[place]!)).forEach((value, i) => {
      result[places[i]!] = value;
    });
  }
  return result;
}

/** The position of the first element that no other beats. With NaN in the group the answer is unspecified. */
const firstBest =
  (beats: (a: Element, b: Element) => boolean): ReferenceRule<Attributes["argmax"]> =>
  ([x], { axis }) => [
    groups(x!, [axis]).map((group) => {
      let best = 0;
      for (const [i, value] of group.entries()) if (beats(value, group[best]!)) best = i;
      return BigInt(best);
    }),
  ];

function running(line: readonly Element[], first: Element, f: (a: Element, b: Element) => Element): Element[] {
  let state = first;
  return line.map((value) => {
    state = f(state, value);
    return state;
  });
}

const cumsum: ReferenceRule<Attributes["cumsum"]> = ([x], { axis, exclusive, reverse }) => {
  const zero = elementOf(x!.dtype, 0);
  const forward = (line: Element[]): Element[] => running(exclusive ? [zero, ...line.slice(0, -1)] : line, zero, plus);
  return [alongAxis(x!, axis, (line) => (reverse ? forward(line.toReversed()).toReversed() : forward(line)))];
};

const cumprod: ReferenceRule<Attributes["cumprod"]> = ([x], { axis }) => [
  alongAxis(x!, axis, (line) => running(line, elementOf(x!.dtype, 1), times)),
];

const topK: ReferenceRule<Attributes["top_k"]> = ([x], { k, largest }) => {
  const values: Element[] = [];
  const indices: Element[] = [];
  for (const line of groups(x!, [x!.shape.length - 1])) {
    const order = line.map((_, i) => i);
    order.sort((i, j) => {
      const [a, b] = largest ? [line[j]!, line[i]!] : [line[i]!, line[j]!];
      if (isNaNElement(a) !== isNaNElement(b)) return isNaNElement(a) ? 1 : -1;
      return a < b ? -1 : a > b ? 1 : i - j;
    });
    for (const i of order.slice(0, k)) {
      values.push(line[i]!);
      indices.push(BigInt(i));
    }
  }
  return [values, indices];
};

/** x − max x − log Σ e^(x − max x): nothing overflows. */
function logSoftmaxLine(line: readonly number[]): number[] {
  const top = line.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = line.reduce((n, x) => n + Math.exp(x - top), 0);
  return line.map((x) => x - top - Math.log(total));
}

export const reductionRules = {
  reduce_sum: reduce(sum),
  reduce_mean: reduce(mean),
  reduce_max: reduce((group, dtype) => group.reduce(larger, extremeOf(dtype, "smallest"))),
  reduce_min: reduce((group, dtype) => group.reduce(smaller, extremeOf(dtype, "largest"))),
  reduce_prod: reduce((group, dtype) => group.reduce(times, elementOf(dtype, 1))),
  argmax: firstBest((a, b) => a > b),
  argmin: firstBest((a, b) => a < b),
  cumsum,
  cumprod,
  top_k: topK,
  softmax: (([x], { axis }) => [
    alongAxis(x!, axis, (line) => logSoftmaxLine(line as number[]).map(Math.exp)),
  ]) as ReferenceRule<Attributes["softmax"]>,
  log_softmax: (([x], { axis }) => [alongAxis(x!, axis, (line) => logSoftmaxLine(line as number[]))]) as ReferenceRule<
    Attributes["log_softmax"]
  >,
};
