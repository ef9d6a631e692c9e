/** Order: sorting, the largest, quantiles, counts, search. Sorting is `top_k` of a whole axis; equal elements keep their order. */
import { fromElement, isFloat, type TypedArray } from "../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape, normalizeAxes, normalizeAxis, sizeOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { peekValue } from "../runtime/evaluate.ts";
import type { AxisOptions } from "../runtime/methods.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { defineOp, promote, toFloat, toTensor, wrap } from "./define.ts";
import { hasSymbolic, type Result, type TensorLike } from "./kerasTensor.ts";
import { indexValue, num, orderable, positional, readOptions } from "./kit.ts";
import { expectNumbers } from "./sets.ts";

/** Runs `body` with an axis moved to the end. */
function onLastAxis(x: Value, axis: number, body: (x: Value) => Value): Value {
  const last = x.shape.length - 1;
  if (axis === last) return body(x);
  const swap = x.shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
  return build.transpose(body(build.transpose(x, swap)), swap);
}

/** Elements and their positions in rising order along the last axis. */
const ascending = (x: Value): [Value, Value] => build.topK(x, x.shape.at(-1)!, false);

function sortOp(className: string, where: "sort" | "argsort") {
  const run = defineOp(className, "numpy", { axis: "axis" }, ([x], { axis }) => {
    const node = toTensor(x, null, where).node;
    const flat = axis === null;
    const value = flat ? build.reshape(node, [sizeOf(node.shape)]) : node;
    const at = flat ? 0 : normalizeAxis((axis as number | undefined) ?? -1, value.shape.length, where);
    const sorted = onLastAxis(orderable(value), at, (y) => ascending(y)[where === "sort" ? 0 : 1]);
    return wrap(where === "sort" ? build.cast(sorted, node.dtype) : sorted);
  });
  return <A extends TensorLike>(x: A, options?: { axis?: number | null }): Result<A> => {
    const { axis = -1 } = readOptions(where, options, ["axis"]);
    return run([x], { axis }) as Result<A>;
  };
}
/** Elements in rising order along an axis, NaN last; `null` sorts all of them. */
export const sort = sortOp("Sort", "sort");
/** Positions that sort along an axis, equal elements in their order, NaN last. → int32 */
export const argsort = sortOp("Argsort", "argsort");

const argpartitionOp = defineOp("Argpartition", "numpy", { kth: "kth", axis: "axis" }, ([x], { kth, axis }) => {
  const { node } = toTensor(x, null, "argpartition");
  const size = axis === null ? sizeOf(node.shape) : node.shape.at((axis as number | undefined) ?? -1)!;
  const k = kth as number;
  if (!Number.isInteger(k) || k < -size || k >= size) {
    throw new RangeError(
      `argpartition: expected \`kth\` to be a position on an axis of ${size}. Received: ${describe(k)}`,
    );
  }
  return argsort(wrap(node), { axis: axis === undefined ? -1 : (axis as number | null) });
});
/**
 * Positions in an order in which the element at `kth` is where sorting would put it, smaller ones before it. They are sorted
 * wholly, which is such an order too. → int32
 */
export function argpartition<A extends TensorLike>(x: A, kth: number, options?: { axis?: number | null }): Result<A> {
  const { axis = -1 } = readOptions("argpartition", options, ["axis"]);
  return argpartitionOp([x], { kth, axis }) as Result<A>;
}

const topKOp = defineOp("TopK", "math", { k: "k", sorted: "sorted" }, ([x], { k }) => {
  const value = orderable(toTensor(x, null, "topK").node);
  const last = value.shape.at(-1);
  if (last === undefined || (k as number) > last) {
    throw new ShapeError(`topK: k=${k} is larger than the last axis of shape ${formatShape(value.shape)}`);
  }
  return build.topK(value, k as number).map(wrap);
});
/** The k largest along the last axis in falling order, NaN before all numbers, and their positions (int32); ties by lower position. */
export function topK<A extends TensorLike>(x: A, k: number, options?: { sorted?: boolean }): [Result<A>, Result<A>] {
  const { sorted = true } = readOptions("topK", options, ["sorted"]);
  if (!Number.isInteger(k) || k < 1)
    throw new RangeError(`topK: expected \`k\` to be a positive integer. Received: ${describe(k)}`);
  return topKOp([x], { k, sorted }) as [Result<A>, Result<A>];
}

const inTopKOp = defineOp("InTopK", "math", { k: "k" }, ([targets, predictions], { k }) => {
  const classes = indexValue(targets, "inTopK");
  const scores = toFloat(predictions, "inTopK");
  const rank = scores.shape.length;
  if (rank !== classes.shape.length + 1 || classes.shape.some((d, i) => d !== scores.shape[i])) {
    throw new ShapeError(
      `inTopK: expected targets (…) and predictions (…, classes). Received: ${formatShape(classes.shape)} and ${formatShape(scores.shape)}`,
    );
  }
  const own = build.gatherAlong(scores, build.reshape(classes, [...classes.shape, 1]), rank - 1);
  const safe = build.where(build.unary("is_nan", own), num(Number.NEGATIVE_INFINITY, own), own);
  const better = build.reduce("reduce_sum", build.cast(build.binary("greater", scores, safe), "int32"), [rank - 1]);
  return wrap(build.binary("less", better, num(k as number, better)));
});
/** Whether fewer than k predictions are larger than the target's; equal ones count in its favour. → bool */
export function inTopK<A extends TensorLike, B extends TensorLike>(
  targets: A,
  predictions: B,
  k: number,
): Result<A | B> {
  return inTopKOp([targets, predictions], { k }) as Result<A | B>;
}

export type QuantileMethod = "linear" | "lower" | "higher" | "midpoint" | "nearest";
const METHODS: readonly QuantileMethod[] = ["linear", "lower", "higher", "midpoint", "nearest"];

/** Quantiles at fixed fractions of the elements over axes; several fractions make a new first axis. */
function quantileValue(
  x: Value,
  fractions: readonly number[],
  single: boolean,
  axes: readonly number[],
  keepdims: boolean,
  method: QuantileMethod,
): Value {
  const free = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const outer = free.map((i) => x.shape[i]!);
  const count = sizeOf(axes.map((i) => x.shape[i]!));
  const flat = build.reshape(build.transpose(x, [...free, ...axes]), [...outer, count]);
  const sorted = ascending(flat)[0];
  const at = (i: number) =>
    build.slice(
      sorted,
      sorted.shape.map((_, a) => (a === outer.length ? i : 0)),
      [...outer, i + 1],
    );
  const shape = keepdims ? x.shape.map((d, i) => (axes.includes(i) ? 1 : d)) : outer;
  const results = fractions.map((q) => {
    const place = q * (count - 1);
    const [low, high] = [Math.floor(place), Math.ceil(place)];
    const share = { linear: place - low, lower: 0, higher: 1, midpoint: 0.5, nearest: Math.round(place - low - 1e-12) }[
      method
    ];
    const mixed =
      low === high || share === 0
        ? at(low)
        : share === 1
          ? at(high)
          : build.binary(
              "add",
              build.binary("mul", at(low), num(1 - share, x)),
              build.binary("mul", at(high), num(share, x)),
            );
    return build.reshape(mixed, shape);
  });
  const joined = single
    ? results[0]!
    : build.concat(
        results.map((r) => build.reshape(r, [1, ...shape])),
        0,
      );
  // NaN has no order: one makes the result NaN.
  const spoiled = build.reduce("reduce_max", build.cast(build.unary("is_nan", x), "int32"), axes, keepdims);
  return build.where(build.cast(spoiled, "bool"), num(Number.NaN, x), joined);
}

/** Fractions given as `q`. @throws RangeError for numbers outside 0 to `scale`. */
export function readFractions(where: string, q: unknown, scale: number): { fractions: number[]; single: boolean } {
  const list = typeof q === "number" ? [q] : Array.isArray(q) ? q : null;
  if (!list || list.some((x) => typeof x !== "number" || !(x >= 0 && x <= scale))) {
    throw new RangeError(
      `${where}: expected \`q\` to be a number from 0 to ${scale} or a list of them. Received: ${describe(q)}`,
    );
  }
  return { fractions: list.map((x: number) => x / scale), single: typeof q === "number" };
}

/** How a quantile is taken, checked. */
export function readMethod(where: string, method: unknown): QuantileMethod {
  if (METHODS.includes(method as QuantileMethod)) return method as QuantileMethod;
  throw new RangeError(
    `${where}: expected \`method\` to be one of ${METHODS.join(", ")}. Received: ${describe(method)}`,
  );
}

export interface QuantileOptions extends AxisOptions {
  /** What to take between two elements. @defaultValue `"linear"` */
  method?: QuantileMethod;
}

function quantileOp(className: string, where: string, scale: number) {
  const run = defineOp(className, "numpy", { axis: "axis", method: "method", keepdims: "keepdims" }, ([x, q], s) => {
    const value = toFloat(x, where);
    const axes = normalizeAxes(s.axis as AxisOptions["axis"], value.shape.length, where);
    const { fractions, single } = readFractions(where, q, scale);
    const method = (s.method as QuantileMethod | null) ?? "linear";
    return wrap(quantileValue(value, fractions, single, axes, Boolean(s.keepdims), method));
  });
  return <A extends TensorLike>(x: A, q: number | readonly number[], options?: QuantileOptions): Result<A> => {
    const {
      axis = null,
      method = "linear",
      keepdims = false,
    } = readOptions(where, options, ["axis", "method", "keepdims"]);
    return run([x, q], { axis, method: readMethod(where, method), keepdims }) as Result<A>;
  };
}
/** The element below which a fraction q of the elements over axes lies. */
export const quantile = quantileOp("Quantile", "quantile", 1);
/** Like `quantile`, with q in percent. */
export const percentile = quantileOp("Percentile", "percentile", 100);

const medianOp = defineOp("Median", "numpy", { axis: "axis", keepdims: "keepdims" }, ([x], s) => {
  const value = toFloat(x, "median");
  const axes = normalizeAxes(s.axis as AxisOptions["axis"], value.shape.length, "median");
  return wrap(quantileValue(value, [0.5], true, axes, Boolean(s.keepdims), "linear"));
});
/** The middle element over axes, or the mean of the two middle ones. */
export function median<A extends TensorLike>(x: A, options?: AxisOptions): Result<A> {
  const { axis = null, keepdims = false } = readOptions("median", options, ["axis", "keepdims"]);
  return medianOp([x], { axis, keepdims }) as Result<A>;
}

/**
 * For each value, how many elements of a vector are before it, equal ones too on the side "right". NaN comes after all
 * numbers, as sorting puts it, so comparisons ask for what is not behind: those with NaN are false.
 */
function countBefore(sorted: Value, values: Value, side: "left" | "right"): Value {
  const wide = build.reshape(values, [...values.shape, 1]);
  const row = build.reshape(sorted, [...values.shape.map(() => 1), sorted.shape[0]!]);
  const isNumber = (x: Value): Value => build.unary("logical_not", build.unary("is_nan", x));
  let before: Value;
  if (!isFloat(sorted.dtype)) before = build.binary(side === "right" ? "less_equal" : "less", row, wide);
  else {
    const behind = build.binary(side === "right" ? "greater" : "greater_equal", row, wide);
    const counts =
      side === "right" ? build.binary("logical_or", isNumber(row), build.unary("is_nan", wide)) : isNumber(row);
    before = build.binary("logical_and", build.unary("logical_not", behind), counts);
  }
  return build.reduce("reduce_sum", build.cast(before, "int32"), [values.shape.length]);
}

function expectVector(where: string, name: string, x: Value): void {
  if (x.shape.length !== 1)
    throw new ShapeError(`${where}: expected \`${name}\` to be a vector. Received: shape ${formatShape(x.shape)}`);
}

const searchsortedOp = defineOp("SearchSorted", "numpy", { side: "side" }, ([sorted, values], { side }) => {
  const [a, v] = promote([sorted, values]).map(orderable) as [Value, Value];
  expectVector("searchsorted", "sortedSequence", a);
  return wrap(countBefore(a, v, side as "left" | "right"));
});
/** Where to insert values into a sorted vector so that it stays sorted: before equal elements, or after with `side` "right". → int32 */
export function searchsorted<A extends TensorLike, B extends TensorLike>(
  sortedSequence: A,
  values: B,
  options?: { side?: "left" | "right" },
): Result<A | B> {
  const { side = "left" } = readOptions("searchsorted", options, ["side"]);
  if (side !== "left" && side !== "right")
    throw new RangeError(`searchsorted: expected \`side\` to be "left" or "right". Received: ${describe(side)}`);
  return searchsortedOp([sortedSequence, values], { side }) as Result<A | B>;
}

const digitizeOp = defineOp("Digitize", "numpy", {}, ([x, bins]) => {
  const [v, edges] = promote([x, bins]).map(orderable) as [Value, Value];
  expectVector("digitize", "bins", edges);
  return wrap(countBefore(edges, v, "right"));
});
/** The bin of each element: how many of the rising edges are not above it. → int32 */
export function digitize<A extends TensorLike, B extends TensorLike>(x: A, bins: B): Result<A | B> {
  return digitizeOp([x, bins]) as Result<A | B>;
}

const bincountOp = defineOp(
  "Bincount",
  "numpy",
  { weights: "weights", minlength: "minlength", sparse: "sparse" },
  (args, statics) => {
    const [x, given] = positional(args, ["x", "weights"]);
    const indices = indexValue(x, "bincount");
    const weights = given ?? statics.weights ?? null;
    const length = statics.minlength as number;
    const amounts = weights === null ? build.full(1, indices.shape, "int32") : toTensor(weights, null, "bincount").node;
    if (indices.shape.length !== 1 || amounts.shape.length !== 1 || amounts.shape[0] !== indices.shape[0]) {
      throw new ShapeError(
        `bincount: expected vectors of one length. Received: x.shape=${formatShape(indices.shape)}, weights.shape=${formatShape(amounts.shape)}`,
      );
    }
    const none = build.full(0, [length], amounts.dtype);
    return wrap(length === 0 ? none : build.scatterAdd(none, indices, amounts, 0));
  },
);

/** One more than the largest of integers that are at hand. */
function countOf(x: Tensor, data: TypedArray): number {
  let count = 0;
  for (const element of data) {
    const value = fromElement(x.dtype, element);
    if (value < 0) throw new RangeError(`bincount: expected integers that are not negative. Received: ${value}`);
    count = Math.max(count, Math.floor(value) + 1);
  }
  return count;
}

interface BincountOptions {
  /** What an occurrence counts. @defaultValue 1 each */
  weights?: TensorLike | null;
}
/**
 * How often each integer from 0 to the largest occurs, or the sum of the weights where it does.
 *
 * @param options - With `minlength` the result has that many elements (more, if x is computed already and needs them), is compiled,
 *   and may be symbolic: every element must be below. Without, the length is a fact of the data, and the result is a promise.
 * @throws TypeError without `minlength` for a symbolic tensor and inside a traced function.
 */
export function bincount<A extends TensorLike>(x: A, options: BincountOptions & { minlength: number }): Result<A>;
export function bincount<A extends TensorLike>(x: A, options?: BincountOptions & { minlength?: null }): Promise<Tensor>;
export function bincount(x: TensorLike, options?: BincountOptions & { minlength?: number | null }): unknown {
  const { minlength = null, weights = null } = readOptions("bincount", options, ["minlength", "weights"]);
  const count = (length: number) =>
    bincountOp(weights === null ? [x] : [x, weights], { weights: null, minlength: length, sparse: false });
  if (minlength === null) {
    expectNumbers("bincount", [x, weights], "Give `minlength`, a number above every element.");
    const given = toTensor(x, null, "bincount");
    return given.data().then((data) => count(countOf(given, data)));
  }
  if (!Number.isInteger(minlength) || minlength < 1) {
    throw new RangeError(
      `bincount: expected \`minlength\` to be a positive integer, above every element of x. Received: ${describe(minlength)}`,
    );
  }
  if (hasSymbolic([x])) return count(minlength);
  const given = toTensor(x, null, "bincount");
  const data = peekValue(given.node);
  return count(data ? Math.max(minlength, countOf(given, data)) : minlength);
}

const diffOp = defineOp("Diff", "numpy", { n: "n", axis: "axis" }, ([x], s) => {
  let value = toTensor(x, null, "diff").node;
  if (value.dtype === "bool") throw new DTypeError("diff: expected numbers. Received: dtype bool");
  const at = normalizeAxis((s.axis as number | null) ?? -1, value.shape.length, "diff");
  for (let i = 0; i < ((s.n as number | null) ?? 1) && value.shape[at]! > 0; i++) {
    const now: Value = value;
    const cut = (start: number, end: number) =>
      build.slice(
        now,
        now.shape.map((_, a) => (a === at ? start : 0)),
        now.shape.map((d, a) => (a === at ? d - end : d)),
      );
    value = build.binary("sub", cut(1, 0), cut(0, 1));
  }
  return wrap(value);
});
/** Differences of neighbours along an axis, taken n times. */
export function diff<A extends TensorLike>(x: A, options?: { n?: number; axis?: number }): Result<A> {
  const { n = 1, axis = -1 } = readOptions("diff", options, ["n", "axis"]);
  return diffOp([x], { n, axis }) as Result<A>;
}
