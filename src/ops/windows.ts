/** What the window ops share: reading their arguments, padding as Keras and XLA do it, and the order of axes. */
import { type DataFormat, standardizeDataFormat } from "../core/config.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { inputValue, type Value } from "../ir/value.ts";
import { isUnknownSize, standinSize } from "./kit.ts";

/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[];
export type Padding = "valid" | "same";

/** `value` for each of `rank` spatial axes, as integers of at least `least`. */
export function perAxis(where: string, what: string, value: unknown, rank: number, least = 1): number[] {
  const list = Array.isArray(value) ? (value as unknown[]) : Array.from({ length: rank }, () => value);
  const fits = list.length === rank && list.every((n) => Number.isInteger(n) && (n as number) >= least);
  if (!fits) {
    const kind = least > 0 ? "positive integer" : "non-negative integer";
    throw new RangeError(
      `${where}: expected \`${what}\` to be a ${kind} or a list of ${rank} of them. Received: ${what}=${describe(value)}`,
    );
  }
  return list as number[];
}

/** Padding in Keras's words, in either case. */
export function readPadding(where: string, value: unknown): Padding {
  const lower = typeof value === "string" ? value.toLowerCase() : value;
  if (lower === "valid" || lower === "same") return lower;
  throw new RangeError(`${where}: expected \`padding\` to be "valid" or "same". Received: padding=${describe(value)}`);
}

/** The format as a static argument of an op: kept as given for files, read when the op runs. */
export const readFormat = (value: unknown): DataFormat => standardizeDataFormat(value as string | null | undefined);

/** Spatial axes of an input. @throws ShapeError for a rank that no window op takes. */
export function spatialRank(where: string, x: Value): number {
  const rank = x.shape.length - 2;
  if (rank >= 1 && rank <= 3) return rank;
  throw new ShapeError(
    `${where}: expected inputs with a batch axis, a channel axis and one to three spatial axes. Received: inputs.shape=${formatShape(x.shape)}`,
  );
}

/**
 * Padding so that there are ⌈size / stride⌉ windows ("same"), the odd element after the end; or none ("valid").
 *
 * @param spans - Elements that a window reaches over.
 */
export function paddingOf(
  padding: Padding,
  sizes: readonly number[],
  spans: readonly number[],
  strides: readonly number[],
): { low: number[]; high: number[] } {
  const total = sizes.map((size, i) =>
    padding === "valid" ? 0 : Math.max(0, (Math.ceil(size / strides[i]!) - 1) * strides[i]! + spans[i]! - size),
  );
  const low = total.map((n) => Math.floor(n / 2));
  return { low, high: total.map((n, i) => n - low[i]!) };
}

const iota = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** The order of axes that brings the channels to the front of the spatial axes, or back behind them. */
const toFirst = (rank: number): number[] => [0, rank - 1, ...iota(rank).slice(1, -1)];
const toLast = (rank: number): number[] => [0, ...iota(rank).slice(2), 1];

/**
 * Runs `body` with the channels first, whatever the format. Sizes that stand for unknown ones stay so in the result: what
 * is derived from them says nothing about the real ones.
 */
export function channelsFirst(x: Value, format: DataFormat, body: (x: Value) => Value): Value {
  const last = format === "channels_last";
  const inner = last ? build.transpose(x, toFirst(x.shape.length)) : x;
  const result = keepUnknown(inner, body(inner));
  return last ? build.transpose(result, toLast(result.shape.length)) : result;
}

function keepUnknown(x: Value, y: Value): Value {
  const unknown = x.shape.map((size, axis) => axis >= 2 && isUnknownSize(size));
  if (!unknown.includes(true)) return y;
  const shape = y.shape.map((size, axis) => (unknown[axis] ? standinSize()! : size));
  return inputValue({ shape, dtype: y.dtype }, "windows");
}

/** A kernel of Keras's layout [...k, a, b] as the primitives take it: [b, a, ...k]. */
export function kernelFirst(kernel: Value): Value {
  const rank = kernel.shape.length;
  return build.transpose(kernel, [rank - 1, rank - 2, ...iota(rank - 2)]);
}
