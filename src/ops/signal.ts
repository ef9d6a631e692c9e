/** Statistics of pairs of signals: correlation of vectors, correlation coefficients, histograms, powers of a vector. */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { inputValue, type Value } from "../ir/value.ts";
import { defineOp, promote, toFloat, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { boolToInt, isUnknownSize, num, readOptions, type UnaryOp, unaryOp } from "./kit.ts";

const MODES = ["valid", "same", "full"] as const;
export type CorrelateMode = (typeof MODES)[number];

const correlateOp = defineOp("Correlate", "numpy", { mode: "mode" }, ([x1, x2], s) => {
  const operands = promote([x1, x2], { atLeastFloat: true }) as [Value, Value];
  if (operands.some((x) => x.shape.length !== 1 || x.shape[0] === 0)) {
    throw new ShapeError(
      `correlate: expected vectors with elements. Received: x1.shape=${formatShape(operands[0].shape)}, x2.shape=${formatShape(operands[1].shape)}`,
    );
  }
  const swapped = operands[0].shape[0]! < operands[1].shape[0]!;
  const [long, short] = swapped ? operands.toReversed() : operands;
  const m = short!.shape[0]!;
  const [low, high] = { valid: [0, 0], same: [m >> 1, m - (m >> 1) - 1], full: [m - 1, m - 1] }[
    (s.mode as CorrelateMode | null) ?? "valid"
  ] as [number, number];
  const line = (v: Value): Value => build.reshape(v, [1, 1, v.shape[0]!]);
  const slid = build.conv(line(long!), line(short!), {
    strides: [1],
    low: [low],
    high: [high],
    dilation: [1],
    groups: 1,
  });
  const sums = build.reshape(slid, [slid.shape[2]!]);
  return wrap(swapped ? build.reverse(sums, [0]) : sums);
});
/**
 * Sums of products of one vector with the other, moved along it: where they overlap wholly ("valid"), as many as the longer
 * one has elements ("same"), or wherever they touch ("full").
 */
export function correlate<A extends TensorLike, B extends TensorLike>(
  x1: A,
  x2: B,
  options?: { mode?: CorrelateMode },
): Result<A | B> {
  const { mode = "valid" } = readOptions("correlate", options, ["mode"]);
  if (!MODES.includes(mode)) {
    throw new RangeError(`correlate: expected \`mode\` to be one of ${MODES.join(", ")}. Received: ${describe(mode)}`);
  }
  return correlateOp([x1, x2], { mode }) as Result<A | B>;
}

/** Correlation coefficients of the rows of a matrix (variables × observations), within [-1, 1]; a vector's is 1. */
export const corrcoef: UnaryOp = unaryOp("Corrcoef", "numpy", (given) => {
  const x = toFloat(wrap(given), "corrcoef");
  if (x.shape.length < 1 || x.shape.length > 2) {
    throw new ShapeError(`corrcoef: expected a vector or a matrix. Received: shape ${formatShape(x.shape)}`);
  }
  const rows = x.shape.length === 1 ? build.reshape(x, [1, x.shape[0]!]) : x;
  const centred = build.binary("sub", rows, build.reduce("reduce_mean", rows, [1], true));
  const n = rows.shape[0]!;
  const products = build.matmul(centred, centred, false, true);
  const lengths = build.unary("sqrt", build.reduce("reduce_sum", build.binary("mul", centred, centred), [1]));
  const byRow = build.binary("div", products, build.reshape(lengths, [n, 1]));
  const ratio = build.binary("div", byRow, build.reshape(lengths, [1, n]));
  const clipped = build.binary("max", build.binary("min", ratio, num(1, x)), num(-1, x));
  return x.shape.length === 1 ? build.reshape(clipped, []) : clipped;
});

const vanderOp = defineOp("Vander", "numpy", { n: "N", increasing: "increasing" }, ([x], s) => {
  const value = boolToInt(toTensor(x, null, "vander").node);
  if (value.shape.length !== 1) {
    throw new ShapeError(`vander: expected a vector. Received: shape ${formatShape(value.shape)}`);
  }
  const length = value.shape[0]!;
  const count = (s.n as number | null) ?? length;
  // As many powers as elements, of which there is an unknown number: only the shape is asked for.
  if (isUnknownSize(count)) return wrap(inputValue({ shape: [length, count], dtype: value.dtype }, "vander"));
  const column = build.reshape(value, [length, 1]);
  const columns: Value[] = [];
  for (let i = 0; i < count; i++) {
    columns.push(i === 0 ? build.full(1, [length, 1], value.dtype) : build.binary("mul", columns[i - 1]!, column));
  }
  if (count === 0) return wrap(build.full(0, [length, 0], value.dtype));
  return wrap(build.concat(s.increasing ? columns : columns.toReversed(), 1));
});
/** Powers of a vector as columns, the highest first unless `increasing`; as many as elements, or `n`. (m) → (m, n) */
export function vander<A extends TensorLike>(x: A, options?: { n?: number | null; increasing?: boolean }): Result<A> {
  const { n = null, increasing = false } = readOptions("vander", options, ["n", "increasing"]);
  if (n !== null && (!Number.isInteger(n) || n < 0)) {
    throw new RangeError(`vander: expected \`n\` to be a non-negative integer. Received: ${describe(n)}`);
  }
  return vanderOp([x], { n, increasing }) as Result<A>;
}

const histogramOp = defineOp("Histogram", "numpy", { bins: "bins", range: "range" }, ([x], s) => {
  const { node } = toTensor(x, null, "histogram");
  if (node.shape.length !== 1) {
    throw new ShapeError(
      `histogram: expected a vector. Received: shape ${formatShape(node.shape)}; flatten it with ops.ravel`,
    );
  }
  const flat = toFloat(wrap(node), "histogram");
  const edges = histogramEdges(flat, s.bins as number, (s.range as readonly [number, number] | null) ?? null);
  const count = edges.shape[0]! - 1;
  // Which bin: how many edges are not above, the last edge belonging to the bin before it.
  const column = build.reshape(flat, [flat.shape[0]!, 1]);
  const row = (from: number, to: number): Value => build.reshape(build.slice(edges, [from], [to]), [1, to - from]);
  const above = build.binary("greater_equal", column, row(0, count));
  const below = build.binary("less", column, row(1, count + 1));
  const last = build.binary(
    "logical_and",
    build.binary("equal", build.iota([1, count], 1, "int32"), build.scalar(count - 1, "int32")),
    build.binary("equal", column, row(count, count + 1)),
  );
  const inside = build.binary("logical_and", above, build.binary("logical_or", below, last));
  const counts = build.reduce("reduce_sum", build.cast(inside, "int32"), [0]);
  return [wrap(build.cast(counts, flat.dtype)), wrap(edges)];
});

/** Edges of bins, evenly spaced over a range, which is that of the elements unless given. */
function histogramEdges(flat: Value, bins: number, range: readonly [number, number] | null): Value {
  const steps = build.binary("div", build.iota([bins + 1], 0, flat.dtype), num(bins, flat));
  let [low, high] = range
    ? [num(range[0], flat), num(range[1], flat)]
    : flat.shape[0] === 0
      ? [num(0, flat), num(1, flat)]
      : [build.reduce("reduce_min", flat, [0]), build.reduce("reduce_max", flat, [0])];
  const empty = build.binary("equal", low, high);
  low = build.where(empty, build.binary("sub", low, num(0.5, flat)), low);
  high = build.where(empty, build.binary("add", high, num(0.5, flat)), high);
  const rest = build.binary("sub", num(1, flat), steps);
  return build.binary("add", build.binary("mul", low, rest), build.binary("mul", high, steps));
}

/**
 * How many elements lie in each bin, and the edges of the bins. A bin holds its lower edge, the last one both.
 * (Keras 3.15 cannot open a file whose graph has one with a `range`, its own files included.)
 *
 * @param options - `bins`: how many of equal width. `range`: where they lie. @defaultValue `{ bins: 10 }`, from the smallest to the largest element
 */
export function histogram<A extends TensorLike>(
  x: A,
  options?: { bins?: number; range?: readonly [number, number] | null },
): [counts: Result<A>, edges: Result<A>] {
  const { bins = 10, range = null } = readOptions("histogram", options, ["bins", "range"]);
  if (!Number.isInteger(bins) || bins < 1) {
    throw new RangeError(`histogram: expected \`bins\` to be a positive integer. Received: ${describe(bins)}`);
  }
  if (range !== null && !(range.length === 2 && range[0] <= range[1])) {
    throw new RangeError(`histogram: expected \`range\` to be [low, high]. Received: ${describe(range)}`);
  }
  return histogramOp([x], { bins, range }) as [Result<A>, Result<A>];
}
