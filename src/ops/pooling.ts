/** Pooling over windows, and to a given size. */
import type { DataFormat } from "../core/config.ts";
import * as build from "../ir/build.ts";
import { inputValue, type Value } from "../ir/value.ts";
import type { Pooling } from "../ir/windows.ts";
import { defineOp, toFloat, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { isUnknownSize, num, readOptions, type Statics } from "./kit.ts";
import { channelsFirst, type PerAxis, paddingOf, perAxis, readFormat, readPadding, spatialRank } from "./windows.ts";

export interface PoolOptions {
  /** Distance of neighbouring windows. @defaultValue the pool size */
  strides?: PerAxis | null;
  /** @defaultValue `"valid"` */
  padding?: "valid" | "same" | (string & {});
  /** @defaultValue `keras.config.imageDataFormat()` */
  dataFormat?: DataFormat | null;
}

const KEYS = { poolSize: "pool_size", strides: "strides", padding: "padding", dataFormat: "data_format" } as const;
const OPTIONS = ["strides", "padding", "dataFormat"];
const DEFAULTS = { strides: null, padding: "valid", dataFormat: null } as const;

/** An op that pools channels-first values by windows. */
function poolOp(className: string, where: string, body: (x: Value, how: Pooling) => Value) {
  return defineOp(className, "nn", KEYS, ([inputs], s: Statics) => {
    const x = toFloat(inputs, where);
    const rank = spatialRank(where, x);
    const window = perAxis(where, "poolSize", s.poolSize, rank);
    const strides = perAxis(where, "strides", s.strides ?? s.poolSize, rank);
    const padding = readPadding(where, s.padding ?? "valid");
    return wrap(
      channelsFirst(x, readFormat(s.dataFormat), (first) => {
        const sides = paddingOf(padding, first.shape.slice(2), window, strides);
        return body(first, { window, strides, ...sides });
      }),
    );
  });
}

const maxPoolOp = poolOp("MaxPool", "maxPool", (x, how) => build.maxPool(x, how));

/** The largest element of each window. Padding never is the largest. */
export function maxPool<A extends TensorLike>(inputs: A, poolSize: PerAxis, options?: PoolOptions): Result<A> {
  return maxPoolOp([inputs], { poolSize, ...DEFAULTS, ...readOptions("maxPool", options, OPTIONS) }) as Result<A>;
}

/** How many elements that are not padding each window on an axis has. */
function realCounts(size: number, i: number, { window, strides, low, high }: Pooling): number[] {
  const count = Math.floor((size + low[i]! + high[i]! - window[i]!) / strides[i]!) + 1;
  return Array.from({ length: count }, (_, p) => {
    const start = p * strides[i]! - low[i]!;
    return Math.min(size, start + window[i]!) - Math.max(0, start);
  });
}

/** The mean of each window over its real elements: sums, and factors that are one number unless padding is in sight. */
function meanPool(x: Value, how: Pooling): Value {
  const sum = build.sumPool(x, how);
  const padded = [...how.low, ...how.high].some((n) => n > 0);
  if (!padded) {
    return build.binary("mul", sum, num(1 / how.window.reduce((n, d) => n * d, 1), x));
  }
  const sizes = x.shape.slice(2);
  if (sizes.some(isUnknownSize)) return sum; // only the shape is asked for
  let counts = [1];
  for (const [i, size] of sizes.entries()) {
    const line = realCounts(size, i, how);
    counts = counts.flatMap((outer) => line.map((inner) => outer * inner));
  }
  const inverse = build.constant(
    Float32Array.from(counts, (n) => 1 / n),
    sum.shape.slice(2),
    "float32",
  );
  return build.binary("mul", sum, build.cast(inverse, x.dtype));
}

const averagePoolOp = poolOp("AveragePool", "averagePool", meanPool);

/** The mean of each window; padding does not count. */
export function averagePool<A extends TensorLike>(inputs: A, poolSize: PerAxis, options?: PoolOptions): Result<A> {
  const statics = { poolSize, ...DEFAULTS, ...readOptions("averagePool", options, OPTIONS) };
  return averagePoolOp([inputs], statics) as Result<A>;
}

const ADAPTIVE_KEYS = { outputSize: "output_size", dataFormat: "data_format" } as const;

/** Window i of n over `size` elements: from ⌊i · size / n⌋ up to ⌈(i + 1) · size / n⌉. */
const adaptiveWindow = (i: number, n: number, size: number): [number, number] => [
  Math.floor((i * size) / n),
  Math.ceil(((i + 1) * size) / n),
];

/** Pools one axis to `n` windows whose lengths may differ by one. */
function adaptAxis(x: Value, axis: number, n: number, pool: (x: Value, how: Pooling) => Value): Value {
  const size = x.shape[axis]!;
  const spatial = x.shape.slice(2);
  const only = (value: number, other: number) => spatial.map((_, i) => (i + 2 === axis ? value : other));
  const along = (window: number, stride: number): Value => {
    const none = only(0, 0);
    return pool(x, { window: only(window, 1), strides: only(stride, 1), low: none, high: none });
  };
  if (size % n === 0) return along(size / n, size / n);
  const windows = Array.from({ length: n }, (_, i) => adaptiveWindow(i, n, size));
  const lengths = [...new Set(windows.map(([start, end]) => end - start))].sort((a, b) => a - b);
  // Windows of each length at every place, one after the other; then those that are wanted.
  const offsets = new Map<number, number>();
  let total = 0;
  for (const length of lengths) {
    offsets.set(length, total);
    total += size - length + 1;
  }
  const all = build.concat(
    lengths.map((length) => along(length, 1)),
    axis,
  );
  const chosen = windows.map(([start, end]) => offsets.get(end - start)! + start);
  return build.gather(all, build.constant(Int32Array.from(chosen), [n], "int32"), axis);
}

function adaptiveOp(className: string, where: string, pool: (x: Value, how: Pooling) => Value) {
  return defineOp(className, "nn", ADAPTIVE_KEYS, ([inputs], s: Statics) => {
    const x = toFloat(inputs, where);
    const sizes = perAxis(where, "outputSize", s.outputSize, spatialRank(where, x));
    const last = readFormat(s.dataFormat) === "channels_last";
    const spatial = x.shape.map((_, i) => i).slice(last ? 1 : 2, last ? -1 : undefined);
    if (spatial.some((axis) => isUnknownSize(x.shape[axis]!))) {
      const shape = x.shape.map((d, axis) => (spatial.includes(axis) ? sizes[spatial.indexOf(axis)]! : d));
      return wrap(inputValue({ shape, dtype: x.dtype }, where));
    }
    return wrap(
      channelsFirst(x, last ? "channels_last" : "channels_first", (first) =>
        sizes.reduce((y, n, i) => adaptAxis(y, i + 2, n, pool), first),
      ),
    );
  });
}

const adaptiveMaxOp = adaptiveOp("AdaptiveMaxPool", "adaptiveMaxPool", (x, how) => build.maxPool(x, how));
const adaptiveAverageOp = adaptiveOp("AdaptiveAveragePool", "adaptiveAveragePool", meanPool);

/** The maxima of windows chosen so that the result has `outputSize`. */
export function adaptiveMaxPool<A extends TensorLike>(
  inputs: A,
  outputSize: PerAxis,
  options?: { dataFormat?: DataFormat | null },
): Result<A> {
  const { dataFormat = null } = readOptions("adaptiveMaxPool", options, ["dataFormat"]);
  return adaptiveMaxOp([inputs], { outputSize, dataFormat }) as Result<A>;
}

/** The means of windows chosen so that the result has `outputSize`. */
export function adaptiveAveragePool<A extends TensorLike>(
  inputs: A,
  outputSize: PerAxis,
  options?: { dataFormat?: DataFormat | null },
): Result<A> {
  const { dataFormat = null } = readOptions("adaptiveAveragePool", options, ["dataFormat"]);
  return adaptiveAverageOp([inputs], { outputSize, dataFormat }) as Result<A>;
}
