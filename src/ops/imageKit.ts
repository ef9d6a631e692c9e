/** What the image ops share: reading images of either format, and smoothing along their two axes. */
import type { DataFormat } from "../core/config.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { toTensor } from "./define.ts";
import { readFormat } from "./windows.ts";

/** Where the axes of an image, or of a batch of images, are. */
export interface Layout {
  readonly format: DataFormat;
  readonly batched: boolean;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** @throws ShapeError for what is neither an image nor a batch of images. */
export function layoutOf(where: string, shape: readonly number[], dataFormat: unknown): Layout {
  const format = readFormat(dataFormat);
  if (shape.length !== 3 && shape.length !== 4) {
    throw new ShapeError(
      `${where}: expected an image (rank 3) or a batch of images (rank 4). Received: images.shape=${formatShape(shape)}`,
    );
  }
  const first = shape.length - 3;
  const axes = format === "channels_last" ? [first, first + 1, first + 2] : [first + 1, first + 2, first];
  return { format, batched: first === 1, height: axes[0]!, width: axes[1]!, channels: axes[2]! };
}

export function readImages(where: string, x: unknown, dataFormat: unknown): { images: Value; layout: Layout } {
  const { node } = toTensor(x, null, where);
  return { images: node, layout: layoutOf(where, node.shape, dataFormat) };
}

/** Runs `body` on (batch, height, width, channels), whatever the images are. */
export function asBatch(images: Value, { format, batched }: Layout, body: (x: Value) => Value): Value {
  const whole = batched ? images : build.reshape(images, [1, ...images.shape]);
  const last = format === "channels_last";
  const result = body(last ? whole : build.transpose(whole, [0, 2, 3, 1]));
  const back = last ? result : build.transpose(result, [0, 3, 1, 2]);
  return batched ? back : build.reshape(back, back.shape.slice(1));
}

/** Runs `body` on (batch, channels, height, width). */
export function asPlanes(images: Value, { format, batched }: Layout, body: (x: Value) => Value): Value {
  const whole = batched ? images : build.reshape(images, [1, ...images.shape]);
  const last = format === "channels_last";
  const result = body(last ? build.transpose(whole, [0, 3, 1, 2]) : whole);
  const back = last ? build.transpose(result, [0, 2, 3, 1]) : result;
  return batched ? back : build.reshape(back, back.shape.slice(1));
}

/** Every plane of (batch, channels, height, width) convolved with one kernel (kh, kw), padded by zeros. */
export function filterPlanes(
  x: Value,
  kernel: readonly (readonly number[])[],
  low: readonly number[],
  high: readonly number[],
): Value {
  const channels = x.shape[1]!;
  const size: [number, number] = [kernel.length, kernel[0]!.length];
  const one = build.cast(build.constant(Float32Array.from(kernel.flat()), [1, 1, ...size], "float32"), x.dtype);
  const each = build.broadcastTo(one, [channels, 1, ...size]);
  return build.conv(x, each, { strides: [1, 1], low, high, dilation: [1, 1], groups: channels });
}

/** A normal distribution's density at `size` points around its middle, with sum 1. */
export function gaussian(size: number, sigma: number): number[] {
  const values = Array.from({ length: size }, (_, i) => Math.exp(-0.5 * ((i - (size - 1) / 2) / sigma) ** 2));
  const total = values.reduce((a, b) => a + b, 0);
  return values.map((v) => v / total);
}

/** One of the names that an option takes. */
export function oneOf<T extends string>(where: string, option: string, value: unknown, known: readonly T[]): T {
  if (known.includes(value as T)) return value as T;
  throw new RangeError(
    `${where}: expected \`${option}\` to be one of ${known.map((k) => `"${k}"`).join(", ")}. Received: ${describe(value)}`,
  );
}
