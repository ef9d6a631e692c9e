/** Parts of images, and images with borders (`keras.ops.image`). */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { copyingKernel } from "./blocks.ts";
import { defineOp, toFloat, toTensor, wrap } from "./define.ts";
import { layoutOf } from "./imageKit.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { readOptions } from "./kit.ts";
import { channelsFirst, type PerAxis, paddingOf, perAxis, readFormat, readPadding } from "./windows.ts";

const PATCH_KEYS = {
  size: "size",
  strides: "strides",
  dilationRate: "dilation_rate",
  padding: "padding",
  dataFormat: "data_format",
};

interface PatchOptions {
  /** From one patch to the next. @defaultValue `size` */
  strides?: PerAxis | null;
  /** Distance of a patch's neighbouring pixels. @defaultValue `1` */
  dilationRate?: PerAxis;
  /** @defaultValue `"valid"` */
  padding?: "valid" | "same";
  /** @defaultValue `config.imageDataFormat()` */
  dataFormat?: "channels_last" | "channels_first" | null;
}

const patchesOp = defineOp("ExtractPatches", "image", PATCH_KEYS, ([x], s) => {
  const rank = Array.isArray(s.size) ? s.size.length : 2;
  const where = rank === 3 ? "extractPatches3d" : "extractPatches";
  const value = toFloat(x, where);
  if (value.shape.length !== rank + 1 && value.shape.length !== rank + 2) {
    throw new ShapeError(
      `${where}: expected ${rank === 3 ? "a volume (rank 4) or a batch of volumes (rank 5)" : "an image (rank 3) or a batch of images (rank 4)"}. Received: shape ${formatShape(value.shape)}`,
    );
  }
  const single = value.shape.length === rank + 1;
  const format = readFormat(s.dataFormat);
  const size = perAxis(where, "size", s.size, rank);
  const strides = perAxis(where, "strides", s.strides ?? s.size, rank);
  const dilation = perAxis(where, "dilationRate", s.dilationRate ?? 1, rank);
  const padding = readPadding(where, s.padding ?? "valid");
  const result = channelsFirst(single ? build.reshape(value, [1, ...value.shape]) : value, format, (first) => {
    const spans = size.map((k, i) => (k - 1) * dilation[i]! + 1);
    const around = paddingOf(padding, first.shape.slice(2), spans, strides);
    const apartAlready = spans.every((span, i) => span === size[i] && span === strides[i]);
    if (apartAlready && [...around.low, ...around.high].every((n) => n === 0)) return tiles(first, size);
    const channels = first.shape[1]!;
    const blocks = build.conv(first, copyingKernel(channels, size, first), {
      strides,
      ...around,
      dilation,
      groups: channels,
    });
    // Channels · positions in the patch → positions · channels, as Keras orders them.
    const k = size.reduce((a, b) => a * b, 1);
    const apart = build.reshape(blocks, [blocks.shape[0]!, channels, k, ...blocks.shape.slice(2)]);
    const order = [0, 2, 1, ...blocks.shape.slice(2).map((_, i) => i + 3)];
    return build.reshape(build.transpose(apart, order), [blocks.shape[0]!, k * channels, ...blocks.shape.slice(2)]);
  });
  return wrap(single ? build.reshape(result, result.shape.slice(1)) : result);
});

/** Patches that touch but do not overlap only need other axes: no product. What does not fill a patch is cut off. */
function tiles(x: Value, size: readonly number[]): Value {
  const [batch, channels] = x.shape as [number, number];
  const counts = size.map((k, i) => Math.floor(x.shape[i + 2]! / k));
  const whole = build.slice(
    x,
    x.shape.map(() => 0),
    [batch, channels, ...counts.map((n, i) => n * size[i]!)],
  );
  const split = build.reshape(whole, [batch, channels, ...counts.flatMap((n, i) => [n, size[i]!])]);
  const places = size.map((_, i) => 2 * i + 3);
  const order = [0, ...places, 1, ...places.map((axis) => axis - 1)];
  const inPatch = size.reduce((a, b) => a * b, channels);
  return build.reshape(build.transpose(split, order), [batch, inPatch, ...counts]);
}

function patches(where: string, x: TensorLike, size: unknown, options: PatchOptions | undefined): unknown {
  const {
    strides = null,
    dilationRate = 1,
    padding = "valid",
    dataFormat = null,
  } = readOptions(where, options, ["strides", "dilationRate", "padding", "dataFormat"]);
  return patchesOp([x], { size, strides, dilationRate, padding, dataFormat });
}

/**
 * Patches of images, each one's pixels in one axis. (…, h, w, c) → (…, rows, columns, patch height · patch width · c)
 *
 * @param size - A number, [height, width], or three numbers for volumes.
 */
export function extractPatches<A extends TensorLike>(images: A, size: PerAxis, options?: PatchOptions): Result<A> {
  return patches("extractPatches", images, size, options) as Result<A>;
}
/** Patches of volumes. (…, d, h, w, c) → (…, slices, rows, columns, voxels · c) */
export function extractPatches3d<A extends TensorLike>(volumes: A, size: PerAxis, options?: PatchOptions): Result<A> {
  return patches("extractPatches3d", volumes, perAxis("extractPatches3d", "size", size, 3), options) as Result<A>;
}

type Side = number | null | undefined;

/** Exactly two of before, after and target are given. */
function checkSides(where: string, names: readonly string[], values: readonly Side[]): void {
  const missing = values.filter((v) => v === null || v === undefined).length;
  if (missing !== 1) {
    throw new RangeError(
      `${where}: give exactly two of ${names.map((n) => `\`${n}\``).join(", ")}. Received: ${names.map((n, i) => `${n}=${describe(values[i] ?? null)}`).join(", ")}`,
    );
  }
  names.forEach((name, i) => {
    const v = values[i] ?? null;
    if (v !== null && (!Number.isInteger(v) || v < 0)) {
      throw new RangeError(`${where}: expected \`${name}\` to be a non-negative integer. Received: ${describe(v)}`);
    }
  });
}

interface AxisSides {
  readonly before: number;
  readonly after: number;
}

/** Rows of a table of one axis: names, and how what is missing follows from the size. */
function sidesOf(
  where: string,
  what: string,
  size: number,
  before: Side,
  after: Side,
  target: Side,
  sign: 1 | -1,
): AxisSides {
  const total = target === null || target === undefined ? null : sign * (target - size);
  const first = before ?? total! - after!;
  const last = after ?? total! - before!;
  if (first < 0 || last < 0 || (sign < 0 && first + last > size)) {
    throw new RangeError(
      `${where}: a ${what} of ${size} cannot become ${target ?? size + sign * (first + last)} that way. Received: ${first} before, ${last} after`,
    );
  }
  return { before: first, after: last };
}

const PAD_KEYS = {
  topPadding: "top_padding",
  leftPadding: "left_padding",
  bottomPadding: "bottom_padding",
  rightPadding: "right_padding",
  targetHeight: "target_height",
  targetWidth: "target_width",
  dataFormat: "data_format",
};
const CROP_KEYS = {
  topCropping: "top_cropping",
  leftCropping: "left_cropping",
  bottomCropping: "bottom_cropping",
  rightCropping: "right_cropping",
  targetHeight: "target_height",
  targetWidth: "target_width",
  dataFormat: "data_format",
};

/** The sides of both axes of images. */
function bothSides(where: string, x: Value, s: Readonly<Record<string, unknown>>, noun: "Padding" | "Cropping") {
  const layout = layoutOf(where, x.shape, s.dataFormat);
  const side = (name: string): Side => s[name] as Side;
  const sign = noun === "Padding" ? 1 : -1;
  const rows = sidesOf(
    where,
    "height",
    x.shape[layout.height]!,
    side(`top${noun}`),
    side(`bottom${noun}`),
    side("targetHeight"),
    sign,
  );
  const columns = sidesOf(
    where,
    "width",
    x.shape[layout.width]!,
    side(`left${noun}`),
    side(`right${noun}`),
    side("targetWidth"),
    sign,
  );
  const place = (pick: (sides: AxisSides) => number): number[] =>
    x.shape.map((_, axis) => (axis === layout.height ? pick(rows) : axis === layout.width ? pick(columns) : 0));
  return { low: place(({ before }) => before), high: place(({ after }) => after) };
}

const padOp = defineOp("PadImages", "image", PAD_KEYS, ([x], s) => {
  const { node } = toTensor(x, null, "padImages");
  const { low, high } = bothSides("padImages", node, s, "Padding");
  return wrap(build.pad(node, low, high));
});
const cropOp = defineOp("CropImages", "image", CROP_KEYS, ([x], s) => {
  const { node } = toTensor(x, null, "cropImages");
  const { low, high } = bothSides("cropImages", node, s, "Cropping");
  return wrap(
    build.slice(
      node,
      low,
      node.shape.map((d, i) => d - high[i]!),
    ),
  );
});

/** Checks the options of padding or cropping before anything is computed. */
function readSides<T extends object>(where: string, options: T, keys: readonly (keyof T & string)[], noun: string) {
  const given = readOptions(where, options, keys) as Readonly<Record<string, Side>>;
  checkSides(
    where,
    [`top${noun}`, `bottom${noun}`, "targetHeight"],
    [given[`top${noun}`], given[`bottom${noun}`], given.targetHeight],
  );
  checkSides(
    where,
    [`left${noun}`, `right${noun}`, "targetWidth"],
    [given[`left${noun}`], given[`right${noun}`], given.targetWidth],
  );
  return Object.fromEntries(keys.map((key) => [key, given[key] ?? null]));
}

export interface PadImagesOptions {
  topPadding?: number | null;
  leftPadding?: number | null;
  bottomPadding?: number | null;
  rightPadding?: number | null;
  targetHeight?: number | null;
  targetWidth?: number | null;
  dataFormat?: "channels_last" | "channels_first" | null;
}
/** Images with zeros around. Of top, bottom and target height exactly two are given, and of left, right and target width. */
export function padImages<A extends TensorLike>(images: A, options: PadImagesOptions): Result<A> {
  const keys = Object.keys(PAD_KEYS) as (keyof PadImagesOptions)[];
  return padOp([images], readSides("padImages", options, keys, "Padding")) as Result<A>;
}

export interface CropImagesOptions {
  topCropping?: number | null;
  leftCropping?: number | null;
  bottomCropping?: number | null;
  rightCropping?: number | null;
  targetHeight?: number | null;
  targetWidth?: number | null;
  dataFormat?: "channels_last" | "channels_first" | null;
}
/** A part of images. Of top, bottom and target height exactly two are given, and of left, right and target width. */
export function cropImages<A extends TensorLike>(images: A, options: CropImagesOptions): Result<A> {
  const keys = Object.keys(CROP_KEYS) as (keyof CropImagesOptions)[];
  return cropOp([images], readSides("cropImages", options, keys, "Cropping")) as Result<A>;
}
