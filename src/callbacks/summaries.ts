/** What TensorBoard shows, as TensorFlow's `tf.summary` puts it into event files. */
import { imageDataFormat } from "../core/config.ts";
import type { Summary } from "./eventFile.ts";
import { encodePng } from "./png.ts";

const bytesOf = (data: Float32Array | Float64Array): Uint8Array => new Uint8Array(data.buffer);

export const scalarSummary = (tag: string, value: number): Summary => ({
  tag,
  plugin: "scalars",
  tensor: { dtype: "float32", shape: [], values: bytesOf(Float32Array.of(value)) },
});

/** The config of a model, which the graph dashboard draws. */
export const modelSummary = (tag: string, json: string): Summary => ({
  tag,
  plugin: "graph_keras_model",
  content: "1",
  tensor: { dtype: "string", shape: [], values: [json] },
});

const BUCKETS = 30;

/** Rows (left edge, right edge, count). @see tensorboard/plugins/histogram/summary_v2.py `_buckets` */
function buckets(values: Float64Array): Float64Array {
  const table = new Float64Array(BUCKETS * 3);
  if (values.length === 0) return table;
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    // NaN is what remains of one NaN, as in TensorFlow.
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const width = (max - min) / BUCKETS;
  for (let i = 0; i < BUCKETS; i++) {
    table[3 * i] = width === 0 ? min : min + width * i;
    table[3 * i + 1] = width === 0 || i === BUCKETS - 1 ? max : min + width * (i + 1);
  }
  for (const value of values) {
    const bucket = width === 0 ? BUCKETS - 1 : Math.min(Math.floor((value - min) / width), BUCKETS - 1);
    table[3 * bucket + 2]! += 1;
  }
  return table;
}

export const histogramSummary = (tag: string, values: Float64Array): Summary => ({
  tag,
  plugin: "histograms",
  tensor: { dtype: "float64", shape: [BUCKETS, 3], values: bytesOf(buckets(values)) },
});

/** Images that a summary shows at most. */
const MOST_IMAGES = 3;

/**
 * A weight as grey or coloured images, or `null` where it has no shape of one.
 *
 * @see keras/src/callbacks/tensorboard.py `_log_weight_as_image`
 */
export function imageSummary(tag: string, values: Float64Array, shape: readonly number[]): Summary | null {
  const images = asImages(
    values,
    shape.filter((size) => size !== 1),
  );
  if (!images) return null;
  const [count, height, width, channels] = images.shape;
  const size = height * width * channels;
  const files = Array.from({ length: Math.min(count, MOST_IMAGES) }, (_, i) =>
    encodePng(
      Uint8Array.from({ length: size }, (_, k) => pixel(images.at(i, k))),
      width,
      height,
      channels,
    ),
  );
  return {
    tag,
    plugin: "images",
    tensor: { dtype: "string", shape: [files.length + 2], values: [String(width), String(height), ...files] },
  };
}

/** From 0 … 1, as tf.image.convert_image_dtype gives it. */
const pixel = (value: number): number => Math.trunc(Math.min(Math.max(Math.fround(value * 255.5), 0), 255)) || 0;

interface Images {
  readonly shape: readonly [count: number, height: number, width: number, channels: number];
  /** The value at place `k` of image `i`. */
  readonly at: (i: number, k: number) => number;
}

function asImages(values: Float64Array, [a, b, c, d, ...more]: readonly number[]): Images | null {
  const plain = (i: number, k: number): number => values[i + k]!;
  if (a === undefined || more.length > 0) return null;
  if (b === undefined) return { shape: [1, a, 1, 1], at: plain };
  if (c === undefined) {
    if (a <= b) return { shape: [1, a, b, 1], at: plain };
    // Turned, so that it is no higher than wide.
    return { shape: [1, b, a, 1], at: (_, k) => values[(k % a) * b + Math.floor(k / a)]! };
  }
  if (d === undefined) {
    // Every kernel is an image: (kernels, height, width), or (height, width, kernels).
    if (imageDataFormat() === "channels_first") return { shape: [a, b, c, 1], at: (i, k) => values[i * b * c + k]! };
    return { shape: [c, a, b, 1], at: (i, k) => values[k * c + i]! };
  }
  return d === 3 || d === 4 ? { shape: [a, b, c, d], at: (i, k) => values[i * b * c * d + k]! } : null;
}
