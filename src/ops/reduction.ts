/** Reductions over axes, and running sums. */
import { floatx } from "../core/config.ts";
import { type DType, isFloat, isInteger, isUnsigned, resultType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { formatShape, normalizeAxes, normalizeAxis, sizeOf, sizesAgree } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { AxisOptions } from "../runtime/methods.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { defineOp, optionalDType, toFloat, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import {
  boolToInt,
  indexValue,
  inFullPrecision,
  isHalf,
  num,
  orderable,
  positional,
  readOptions,
  type Statics,
  truth,
} from "./kit.ts";

const AXIS_OPTIONS = ["axis", "keepdims"] as const;
const AXIS_KEYS = { axis: "axis", keepdims: "keepdims" };
type ReductionOp = <A extends TensorLike>(x: A, options?: AxisOptions) => Result<A>;
type ReduceName = Parameters<typeof build.reduce>[0];

/** A reduction: `body` gets the value, the axes sorted, and whether they stay with size 1. */
function reduction(
  className: string,
  body: (x: Value, axes: readonly number[], keepdims: boolean) => Value,
  file = "numpy",
): ReductionOp {
  const where = className.charAt(0).toLowerCase() + className.slice(1);
  const op = defineOp(className, file, AXIS_KEYS, ([x], statics) => {
    const { node } = toTensor(x, null, where);
    const axes = normalizeAxes(statics.axis as AxisOptions["axis"], node.shape.length, where);
    return wrap(body(node, axes, Boolean(statics.keepdims)));
  });
  return ((x: TensorLike, options?: AxisOptions) => {
    const { axis = null, keepdims = false } = readOptions(where, options, AXIS_OPTIONS);
    return op([x], { axis, keepdims });
  }) as ReductionOp;
}

/** Sums of small integers are taken in 32 bits. */
function accumulator(dtype: DType): DType {
  if (isFloat(dtype) || dtype === "int64" || dtype === "uint64") return dtype;
  return isUnsigned(dtype) ? "uint32" : "int32";
}

const sumOf = (x: Value, axes: readonly number[], keepdims: boolean): Value =>
  axes.length > 0 && isHalf(x.dtype)
    ? inFullPrecision(x, (y) => build.reduce("reduce_sum", y, axes, keepdims))
    : build.reduce("reduce_sum", build.cast(x, accumulator(x.dtype)), axes, keepdims);

const meanOf = (x: Value, axes: readonly number[], keepdims: boolean): Value =>
  axes.length > 0 ? inFullPrecision(x, (y) => build.reduce("reduce_mean", y, axes, keepdims)) : x;

const floatOf = (x: Value): Value => build.cast(x, resultType([x.dtype, "weak_float"], floatx()));

/** Mean of squared distances from the mean (biased), in at least float32. */
const varianceOf = (x: Value, axes: readonly number[], keepdims: boolean): Value =>
  inFullPrecision(floatOf(x), (y) => {
    const centred = build.binary("sub", y, build.reduce("reduce_mean", y, axes, true));
    return build.reduce("reduce_mean", build.binary("mul", centred, centred), axes, keepdims);
  });

const isEmptyOver = (x: Value, axes: readonly number[]): boolean => axes.some((axis) => x.shape[axis] === 0);
const reducedShape = (x: Value, axes: readonly number[], keepdims: boolean): number[] =>
  x.shape.flatMap((d, i) => (!axes.includes(i) ? [d] : keepdims ? [1] : []));

function expectElements(where: string, x: Value, axes: readonly number[]): void {
  if (!isEmptyOver(x, axes)) return;
  throw new ShapeError(`${where}: no elements to choose from. Received: shape ${formatShape(x.shape)}, axis [${axes}]`);
}

const extremum =
  (op: "reduce_max" | "reduce_min", where: string) => (x: Value, axes: readonly number[], keepdims: boolean) => {
    expectElements(where, x, axes);
    return build.cast(build.reduce(op, orderable(x), axes, keepdims), x.dtype);
  };

/**
 * Sum over axes. Bools and small integers are summed as int32 (uint32 for unsigned ones); other dtypes stay.
 *
 * @example
 * ops.sum(x, { axis: -1, keepdims: true });
 */
export const sum: ReductionOp = reduction("Sum", sumOf);
/** Mean over axes. Integers and bools become floatx. */
export const mean: ReductionOp = reduction("Mean", (x, axes, keepdims) => meanOf(floatOf(x), axes, keepdims));
/** Biased variance over axes: the mean of (x - mean)². Integers and bools become floatx. */
export const variance: ReductionOp = reduction("Var", varianceOf);
export { variance as var };
/** Biased standard deviation over axes. */
export const std: ReductionOp = reduction("Std", (x, axes, keepdims) =>
  build.unary("sqrt", varianceOf(x, axes, keepdims)),
);
/** Largest element over axes, as `max` of NumPy; NaN if one is NaN. */
export const amax: ReductionOp = reduction("Amax", extremum("reduce_max", "amax"));
/** Smallest element over axes; NaN if one is NaN. */
export const amin: ReductionOp = reduction("Amin", extremum("reduce_min", "amin"));
/** Difference of the largest and the smallest element over axes. */
export const ptp: ReductionOp = reduction("Ptp", (x, axes, keepdims) => {
  expectElements("ptp", x, axes);
  const y = boolToInt(x);
  return build.binary(
    "sub",
    build.reduce("reduce_max", y, axes, keepdims),
    build.reduce("reduce_min", y, axes, keepdims),
  );
});

interface ExtremumOptions extends AxisOptions {
  /** A value that takes part too: the result of no elements. @defaultValue `null` */
  initial?: number | null;
}

function extremumOp(className: string, op: "reduce_max" | "reduce_min", pair: "max" | "min") {
  const where = pair;
  const run = defineOp(className, "numpy", { ...AXIS_KEYS, initial: "initial" }, ([x], statics) => {
    const { node } = toTensor(x, null, where);
    const axes = normalizeAxes(statics.axis as AxisOptions["axis"], node.shape.length, where);
    const keepdims = Boolean(statics.keepdims);
    const initial = (statics.initial as number | null | undefined) ?? null;
    if (initial === null) return wrap(extremum(op, where)(node, axes, keepdims));
    const y = boolToInt(node);
    if (isEmptyOver(y, axes)) return wrap(build.full(initial, reducedShape(y, axes, keepdims), y.dtype));
    return wrap(build.binary(pair, build.reduce(op, y, axes, keepdims), num(initial, y)));
  });
  return <A extends TensorLike>(x: A, options?: ExtremumOptions): Result<A> => {
    const { axis = null, keepdims = false, initial = null } = readOptions(where, options, [...AXIS_OPTIONS, "initial"]);
    return run([x], { axis, keepdims, initial }) as Result<A>;
  };
}

/** Largest element over axes; NaN if one is NaN. Equal largest elements share the gradient. Keeps the dtype. */
export const max = extremumOp("Max", "reduce_max", "max");
/** Smallest element over axes; NaN if one is NaN. Equal smallest elements share the gradient. Keeps the dtype. */
export const min = extremumOp("Min", "reduce_min", "min");

const prodOp = defineOp("Prod", "numpy", { ...AXIS_KEYS, dtype: "dtype" }, ([x], statics) => {
  const { node } = toTensor(x, null, "prod");
  const axes = normalizeAxes(statics.axis as AxisOptions["axis"], node.shape.length, "prod");
  const dtype = optionalDType(statics.dtype as string | null) ?? accumulator(node.dtype);
  return wrap(build.reduce("reduce_prod", build.cast(node, dtype), axes, Boolean(statics.keepdims)));
});

/** Product over axes. Bools and small integers are multiplied as int32 (uint32 for unsigned ones). */
export function prod<A extends TensorLike>(x: A, options?: AxisOptions & { dtype?: string | null }): Result<A> {
  const { axis = null, keepdims = false, dtype = null } = readOptions("prod", options, [...AXIS_OPTIONS, "dtype"]);
  return prodOp([x], { axis, keepdims, dtype }) as Result<A>;
}

const quantifier = (op: ReduceName, ofNone: 0 | 1) => (x: Value, axes: readonly number[], keepdims: boolean) =>
  isEmptyOver(x, axes)
    ? build.full(ofNone, reducedShape(x, axes, keepdims), "bool")
    : truth(build.reduce(op, orderable(truth(x)), axes, keepdims));
/** Whether any element over axes is not zero; of none, false. → bool */
export const any: ReductionOp = reduction("Any", quantifier("reduce_max", 0));
/** Whether all elements over axes are not zero; of none, true. → bool */
export const all: ReductionOp = reduction("All", quantifier("reduce_min", 1));

const countNonzeroOp = defineOp("CountNonzero", "numpy", { axis: "axis" }, ([x], { axis }) => {
  const { node } = toTensor(x, null, "countNonzero");
  const axes = normalizeAxes(axis as AxisOptions["axis"], node.shape.length, "countNonzero");
  return wrap(build.reduce("reduce_sum", build.cast(truth(node), "int32"), axes));
});
/** Number of elements over axes that are not zero. → int32 */
export function countNonzero<A extends TensorLike>(x: A, options?: Pick<AxisOptions, "axis">): Result<A> {
  const { axis = null } = readOptions("countNonzero", options, ["axis"]);
  return countNonzeroOp([x], { axis }) as Result<A>;
}

function argOp(className: string, op: "argmax" | "argmin") {
  const run = defineOp(className, "numpy", AXIS_KEYS, ([x], statics) => {
    const value = orderable(toTensor(x, null, op).node);
    const ndim = value.shape.length;
    const keepdims = Boolean(statics.keepdims);
    const flat = statics.axis === null || statics.axis === undefined;
    const axis = flat ? 0 : normalizeAxis(statics.axis as number, ndim, op);
    const choose = op === "argmax" ? build.argmax : build.argmin;
    const found = choose(flat ? build.reshape(value, [sizeOf(value.shape)]) : value, axis);
    if (!keepdims) return wrap(found);
    return wrap(
      build.reshape(
        found,
        value.shape.map((d, i) => (flat || i === axis ? 1 : d)),
      ),
    );
  });
  return <A extends TensorLike>(x: A, options?: { axis?: number | null; keepdims?: boolean }): Result<A> => {
    const { axis = null, keepdims = false } = readOptions(op, options, AXIS_OPTIONS);
    return run([x], { axis, keepdims }) as Result<A>;
  };
}
/** Index of the first largest element along an axis, or in row-major order without one. → int32 */
export const argmax = argOp("Argmax", "argmax");
/** Index of the first smallest element along an axis, or in row-major order without one. → int32 */
export const argmin = argOp("Argmin", "argmin");

function scanOp(className: string, where: "cumsum" | "cumprod") {
  const run = defineOp(className, "numpy", { axis: "axis", dtype: "dtype" }, ([x], statics) => {
    const { node } = toTensor(x, null, where);
    const own = node.dtype === "bool" ? "int32" : node.dtype;
    const value = build.cast(node, optionalDType(statics.dtype as string | null) ?? own);
    const flat = statics.axis === null || statics.axis === undefined;
    const axis = flat ? 0 : normalizeAxis(statics.axis as number, value.shape.length, where);
    const scan = where === "cumsum" ? build.cumsum : build.cumprod;
    return wrap(scan(flat ? build.reshape(value, [sizeOf(value.shape)]) : value, axis));
  });
  return <A extends TensorLike>(x: A, options?: { axis?: number | null; dtype?: string | null }): Result<A> => {
    const { axis = null, dtype = null } = readOptions(where, options, ["axis", "dtype"]);
    return run([x], { axis, dtype }) as Result<A>;
  };
}
/** Running sums along an axis, or of all elements in row-major order without one. */
export const cumsum = scanOp("Cumsum", "cumsum");
/** Running products along an axis, or of all elements in row-major order without one. */
export const cumprod = scanOp("Cumprod", "cumprod");

function averaged(args: readonly unknown[], statics: Statics): Tensor {
  const [x, weights] = positional(args, ["x", "weights"]);
  const node = toFloat(x, "average");
  const axes = normalizeAxes(statics.axis as AxisOptions["axis"], node.shape.length, "average");
  if (weights === null) return wrap(meanOf(node, axes, false));
  const given = toFloat(weights, "average");
  const dtype = resultType([node.dtype, given.dtype], floatx());
  const value = build.cast(node, dtype);
  let w = build.cast(given, dtype);
  if (w.shape.length === 1 && value.shape.length > 1 && axes.length === 1) {
    if (!sizesAgree(w.shape[0]!, value.shape[axes[0]!]!)) {
      throw new ShapeError(
        `average: ${w.shape[0]} weights for axis ${axes[0]} of x with shape ${formatShape(value.shape)}; expected ${value.shape[axes[0]!]}`,
      );
    }
    w = build.reshape(
      w,
      value.shape.map((d, i) => (i === axes[0] ? d : 1)),
    );
  }
  const total = build.reduce("reduce_sum", build.binary("mul", value, w), axes);
  return wrap(build.binary("div", total, build.reduce("reduce_sum", build.broadcastTo(w, value.shape), axes)));
}
const averageOp = defineOp("Average", "numpy", { axis: "axis" }, averaged, { namedArguments: true });

/**
 * Weighted mean over axes.
 *
 * @param options - `weights` has x's shape, or is one weight per position along a single `axis`.
 */
export function average<A extends TensorLike>(
  x: A,
  options?: { axis?: AxisOptions["axis"]; weights?: TensorLike | null },
): Result<A> {
  const { axis = null, weights = null } = readOptions("average", options, ["axis", "weights"]);
  return averageOp(weights === null ? [x] : [x, weights], { axis }) as Result<A>;
}

const logsumexpOp = defineOp("Logsumexp", "math", AXIS_KEYS, ([x], statics) => {
  const node = toFloat(x, "logsumexp");
  const axes = normalizeAxes(statics.axis as AxisOptions["axis"], node.shape.length, "logsumexp");
  return wrap(logSumExp(node, axes, Boolean(statics.keepdims)));
});

/** log Σ e^x over axes: the largest element is taken out first, so that nothing overflows. */
export function logSumExp(x: Value, axes: readonly number[], keepdims: boolean): Value {
  if (axes.length === 0) return x;
  return inFullPrecision(x, (y) => {
    const largest = build.unary("stop_gradient", build.reduceMaxOfNumbers(y, axes, true));
    // -∞ everywhere: without this, -∞ - -∞ would be NaN.
    const shift = build.where(build.unary("is_inf", largest), num(0, y), largest);
    const total = build.reduce("reduce_sum", build.unary("exp", build.binary("sub", y, shift)), axes, true);
    const result = build.binary("add", build.unary("log", total), shift);
    return keepdims
      ? result
      : build.reshape(
          result,
          x.shape.filter((_, i) => !axes.includes(i)),
        );
  });
}

/** log Σ e^x over axes, without overflow. */
export const logsumexp = ((x: TensorLike, options?: AxisOptions) => {
  const { axis = null, keepdims = false } = readOptions("logsumexp", options, AXIS_OPTIONS);
  return logsumexpOp([x], { axis, keepdims });
}) as ReductionOp;

/** Reductions that leave NaN out. `neutral` takes its place. */
const withoutNaN =
  (neutral: number, body: (x: Value, axes: readonly number[], keepdims: boolean) => Value) =>
  (x: Value, axes: readonly number[], keepdims: boolean) =>
    body(isFloat(x.dtype) ? build.where(build.unary("is_nan", x), num(neutral, x), x) : x, axes, keepdims);
/** Sum over axes of the elements that are not NaN. */
export const nansum: ReductionOp = reduction("Nansum", withoutNaN(0, sumOf));
/** Product over axes of the elements that are not NaN. */
export const nanprod: ReductionOp = reduction(
  "Nanprod",
  withoutNaN(1, (x, axes, keepdims) =>
    build.reduce("reduce_prod", build.cast(x, accumulator(x.dtype)), axes, keepdims),
  ),
);
/** Mean over axes of the elements that are not NaN; NaN when there are none. */
export const nanmean: ReductionOp = reduction("Nanmean", (x, axes, keepdims) => {
  if (!isFloat(x.dtype)) return meanOf(floatOf(x), axes, keepdims);
  const real = build.cast(build.unary("logical_not", build.unary("is_nan", x)), x.dtype);
  const count = build.reduce("reduce_sum", real, axes, keepdims);
  return build.binary("div", withoutNaN(0, sumOf)(x, axes, keepdims), count);
});
const nanExtremum =
  (op: "reduce_max" | "reduce_min", neutral: number) => (x: Value, axes: readonly number[], keepdims: boolean) => {
    if (!isFloat(x.dtype)) return build.cast(build.reduce(op, orderable(x), axes, keepdims), x.dtype);
    const found = withoutNaN(neutral, (y, a, k) => build.reduce(op, y, a, k))(x, axes, keepdims);
    const allNaN = build.reduce("reduce_min", build.cast(build.unary("is_nan", x), "int32"), axes, keepdims);
    return build.where(truth(allNaN), num(Number.NaN, x), found);
  };
/** Largest element over axes, NaN left out; NaN when there is no other. */
export const nanmax: ReductionOp = reduction("Nanmax", nanExtremum("reduce_max", Number.NEGATIVE_INFINITY));
/** Smallest element over axes, NaN left out; NaN when there is no other. */
export const nanmin: ReductionOp = reduction("Nanmin", nanExtremum("reduce_min", Number.POSITIVE_INFINITY));

function segmentOp(className: string, where: "segmentSum" | "segmentMax" | "segmentMin" | "segmentProd") {
  const run = defineOp(
    className,
    "math",
    { numSegments: "num_segments", sorted: "sorted" },
    ([data, ids], { numSegments }) => {
      const { node } = toTensor(data, null, where);
      const segments = indexValue(ids, where);
      if (segments.shape.length !== 1 || !sizesAgree(segments.shape[0]!, node.shape[0]!)) {
        throw new ShapeError(
          `${where}: expected one segment id per row. Received: data.shape=${formatShape(node.shape)}, segmentIds.shape=${formatShape(segments.shape)}`,
        );
      }
      const count = numSegments as number;
      if (where === "segmentSum") {
        // Ids outside the range land in a row that is cut off.
        const inside = build.binary(
          "logical_and",
          build.binary("greater_equal", segments, num(0, segments)),
          build.binary("less", segments, num(count, segments)),
        );
        const target = build.full(0, [count + 1, ...node.shape.slice(1)], node.dtype);
        const sums = build.scatterAdd(target, build.where(inside, segments, num(count, segments)), node, 0);
        return wrap(
          build.slice(
            sums,
            sums.shape.map(() => 0),
            [count, ...node.shape.slice(1)],
          ),
        );
      }
      // (segments, rows, …): each row belongs to one segment; others are neutral there.
      const op = ({ segmentMax: "max", segmentMin: "min", segmentProd: "prod" } as const)[where];
      const neutral =
        op === "prod" ? 1 : isInteger(node.dtype) ? integerBound(node.dtype, op) : op === "max" ? -Infinity : Infinity;
      const belongs = build.binary(
        "equal",
        build.iota([count, 1], 0, "int32"),
        build.reshape(segments, [1, segments.shape[0]!]),
      );
      const mask = build.reshape(belongs, [count, segments.shape[0]!, ...node.shape.slice(1).map(() => 1)]);
      return wrap(build.reduce(`reduce_${op}`, build.where(mask, node, num(neutral, node)), [1]));
    },
  );
  return <A extends TensorLike, B extends TensorLike>(
    data: A,
    segmentIds: B,
    options: { numSegments: number; sorted?: boolean },
  ): Result<A | B> => {
    const { numSegments, sorted = false } = readOptions(where, options, ["numSegments", "sorted"]);
    if (!Number.isInteger(numSegments) || numSegments < 1) {
      throw new RangeError(
        `${where}: expected \`numSegments\` to be a positive integer, since shapes are known before data. Received: ${numSegments}`,
      );
    }
    return run([data, segmentIds], { numSegments, sorted }) as Result<A | B>;
  };
}

const integerBound = (dtype: DType, op: "max" | "min"): number => {
  const bits = Number(/\d+/.exec(dtype)![0]);
  if (isUnsigned(dtype)) return op === "max" ? 0 : 2 ** bits - 1;
  return op === "max" ? -(2 ** (bits - 1)) : 2 ** (bits - 1) - 1;
};

/** Sums of rows that share an id. → (numSegments, …) */
export const segmentSum = segmentOp("SegmentSum", "segmentSum");
/** Largest of rows that share an id; -∞ (or the least integer) for an id without rows. → (numSegments, …) */
export const segmentMax = segmentOp("SegmentMax", "segmentMax");
/** Smallest of rows that share an id; ∞ (or the largest integer) for an id without rows. → (numSegments, …) */
export const segmentMin = segmentOp("SegmentMin", "segmentMin");
/** Products of rows that share an id; 1 for an id without rows. → (numSegments, …) */
export const segmentProd = segmentOp("SegmentProd", "segmentProd");
