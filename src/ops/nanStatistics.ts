/** Statistics that leave NaN out. With the sums, means and extrema of `reduction.ts` these are all of NumPy's. */
import { isFloat } from "../core/dtype.ts";
import { normalizeAxes, sizeOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { AxisOptions } from "../runtime/methods.ts";
import { defineOp, toFloat, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { inFullPrecision, num, readOptions, truth } from "./kit.ts";
import { argmax, argmin, cumprod, cumsum } from "./reduction.ts";
import { type QuantileMethod, type QuantileOptions, readFractions, readMethod } from "./sorting.ts";

const AXIS_KEYS = { axis: "axis", keepdims: "keepdims" };
const isNaNOf = (x: Value): Value => build.unary("is_nan", x);
const replaceNaN = (x: Value, by: number): Value => (isFloat(x.dtype) ? build.where(isNaNOf(x), num(by, x), x) : x);

function nanArgOp(className: string, where: string, neutral: number, choose: typeof argmax) {
  const run = defineOp(className, "numpy", AXIS_KEYS, ([x], s) => {
    const { node } = toTensor(x, null, where);
    const options = { axis: (s.axis as number | null | undefined) ?? null, keepdims: Boolean(s.keepdims) };
    const found = choose(wrap(replaceNaN(node, neutral)), options);
    if (!isFloat(node.dtype)) return found;
    const axes = normalizeAxes(options.axis, node.shape.length, where);
    const none = build.reduce("reduce_min", build.cast(isNaNOf(node), "int32"), axes, options.keepdims);
    return wrap(build.where(truth(none), num(-1, found), found.node));
  });
  return <A extends TensorLike>(x: A, options?: { axis?: number | null; keepdims?: boolean }): Result<A> => {
    const { axis = null, keepdims = false } = readOptions(where, options, ["axis", "keepdims"]);
    return run([x], { axis, keepdims }) as Result<A>;
  };
}
/** Position of the first largest element that is not NaN; -1 where all are. → int32 */
export const nanargmax = nanArgOp("Nanargmax", "nanargmax", Number.NEGATIVE_INFINITY, argmax);
/** Position of the first smallest element that is not NaN; -1 where all are. → int32 */
export const nanargmin = nanArgOp("Nanargmin", "nanargmin", Number.POSITIVE_INFINITY, argmin);

function nanScanOp(className: string, where: string, neutral: number, scan: typeof cumsum) {
  const run = defineOp(className, "numpy", { axis: "axis", dtype: "dtype" }, ([x], s) => {
    const axis = (s.axis as number | null | undefined) ?? null;
    const dtype = (s.dtype as string | null | undefined) ?? null;
    return scan(wrap(replaceNaN(toTensor(x, null, where).node, neutral)), { axis, dtype });
  });
  return <A extends TensorLike>(x: A, options?: { axis?: number | null; dtype?: string | null }): Result<A> => {
    const { axis = null, dtype = null } = readOptions(where, options, ["axis", "dtype"]);
    return run([x], { axis, dtype }) as Result<A>;
  };
}
/** Running sums in which NaN counts as 0. */
export const nancumsum = nanScanOp("Nancumsum", "nancumsum", 0, cumsum);
/** Running products in which NaN counts as 1. */
export const nancumprod = nanScanOp("Nancumprod", "nancumprod", 1, cumprod);

/** Mean of squared distances from the mean, over what is not NaN; NaN where there is nothing else. */
function nanVariance(x: Value, axes: readonly number[], keepdims: boolean): Value {
  return inFullPrecision(x, (y) => {
    const there = build.unary("logical_not", isNaNOf(y));
    const sumOf = (v: Value, keep: boolean) => build.reduce("reduce_sum", v, axes, keep);
    const count = sumOf(build.cast(there, y.dtype), true);
    const mean = build.binary("div", sumOf(replaceNaN(y, 0), true), count);
    const centred = build.where(there, build.binary("sub", replaceNaN(y, 0), mean), num(0, y));
    const total = sumOf(build.binary("mul", centred, centred), true);
    const result = build.binary("div", total, count);
    const shape = x.shape.filter((_, i) => !axes.includes(i));
    return keepdims ? result : build.reshape(result, shape);
  });
}

function nanSpreadOp(className: string, where: string, finish: (variance: Value) => Value) {
  const run = defineOp(className, "numpy", AXIS_KEYS, ([x], s) => {
    const value = toFloat(x, where);
    const axes = normalizeAxes(s.axis as AxisOptions["axis"], value.shape.length, where);
    return wrap(finish(nanVariance(value, axes, Boolean(s.keepdims))));
  });
  return <A extends TensorLike>(x: A, options?: AxisOptions): Result<A> => {
    const { axis = null, keepdims = false } = readOptions(where, options, ["axis", "keepdims"]);
    return run([x], { axis, keepdims }) as Result<A>;
  };
}
/** Biased variance over axes of what is not NaN; NaN where there is nothing else. */
export const nanvar = nanSpreadOp("Nanvar", "nanvar", (v) => v);
/** Biased standard deviation over axes of what is not NaN; NaN where there is nothing else. */
export const nanstd = nanSpreadOp("Nanstd", "nanstd", (v) => build.unary("sqrt", v));

/**
 * Quantiles of what is not NaN. NaN is sorted to the end, so that the position of a quantile follows from a count, which
 * differs from row to row: positions are computed, and elements gathered there.
 */
function nanQuantileValue(
  x: Value,
  fractions: readonly number[],
  single: boolean,
  axes: readonly number[],
  keepdims: boolean,
  method: QuantileMethod,
): Value {
  const free = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const outer = free.map((i) => x.shape[i]!);
  const size = sizeOf(axes.map((i) => x.shape[i]!));
  const flat = build.reshape(build.transpose(x, [...free, ...axes]), [...outer, size]);
  const last = outer.length;
  const [sorted] = build.topK(replaceNaN(flat, Number.POSITIVE_INFINITY), size, false);
  const there = build.cast(build.unary("logical_not", isNaNOf(flat)), x.dtype);
  const count = build.reduce("reduce_sum", there, [last], true);
  const shape = keepdims ? x.shape.map((d, i) => (axes.includes(i) ? 1 : d)) : outer;
  const results = fractions.map((q) => {
    const steps = build.binary("max", build.binary("sub", count, num(1, x)), num(0, x));
    const place = build.binary("mul", steps, num(q, x));
    const [low, high] = [build.unary("floor", place), build.unary("ceil", place)];
    const at = (position: Value): Value => build.gatherAlong(sorted, build.cast(position, "int32"), last);
    const weight = build.binary("sub", place, low);
    const share = {
      linear: weight,
      lower: num(0, x),
      higher: num(1, x),
      midpoint: num(0.5, x),
      nearest: build.cast(build.binary("greater", weight, num(0.5, x)), x.dtype),
    }[method];
    const rest = build.binary("sub", num(1, x), share);
    const mixed = build.binary("add", build.binary("mul", at(low), rest), build.binary("mul", at(high), share));
    // Where no position lies between two elements the weights do not matter; an infinite element would spoil the sum.
    const exact = build.binary("equal", low, high);
    return build.reshape(build.where(exact, at(low), mixed), shape);
  });
  const joined = single
    ? results[0]!
    : build.concat(
        results.map((r) => build.reshape(r, [1, ...shape])),
        0,
      );
  return build.where(build.reshape(build.binary("equal", count, num(0, x)), shape), num(Number.NaN, x), joined);
}

function nanQuantileOp(className: string, where: string, scale: number) {
  const run = defineOp(className, "numpy", { ...AXIS_KEYS, method: "method" }, ([x, q], s) => {
    const value = toFloat(x, where);
    const axes = normalizeAxes(s.axis as AxisOptions["axis"], value.shape.length, where);
    const { fractions, single } = readFractions(where, q, scale);
    return wrap(
      nanQuantileValue(value, fractions, single, axes, Boolean(s.keepdims), readMethod(where, s.method ?? "linear")),
    );
  });
  return <A extends TensorLike>(x: A, q: number | readonly number[], options?: QuantileOptions): Result<A> => {
    const given = readOptions(where, options, ["axis", "method", "keepdims"]);
    const { axis = null, keepdims = false } = given;
    return run([x, q], { axis, method: readMethod(where, given.method ?? "linear"), keepdims }) as Result<A>;
  };
}
/** The element below which a fraction q of the elements over axes lies that are not NaN. */
export const nanquantile = nanQuantileOp("Nanquantile", "nanquantile", 1);
/** Like `nanquantile`, with q in percent. */
export const nanpercentile = nanQuantileOp("Nanpercentile", "nanpercentile", 100);

const nanmedianOp = defineOp("Nanmedian", "numpy", AXIS_KEYS, ([x], s) => {
  const value = toFloat(x, "nanmedian");
  const axes = normalizeAxes(s.axis as AxisOptions["axis"], value.shape.length, "nanmedian");
  return wrap(nanQuantileValue(value, [0.5], true, axes, Boolean(s.keepdims), "midpoint"));
});
/** The middle element over axes of what is not NaN, or the mean of the two middle ones. */
export function nanmedian<A extends TensorLike>(x: A, options?: AxisOptions): Result<A> {
  const { axis = null, keepdims = false } = readOptions("nanmedian", options, ["axis", "keepdims"]);
  return nanmedianOp([x], { axis, keepdims }) as Result<A>;
}
