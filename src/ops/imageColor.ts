/** Colours of images (`keras.ops.image`). */
import { floatx } from "../core/config.ts";
import { isFloat, resultType } from "../core/dtype.ts";
import { DTypeError, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, wrap } from "./define.ts";
import { readImages } from "./imageKit.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { num, readOptions } from "./kit.ts";

const add = (a: Value, b: Value): Value => build.binary("add", a, b);
const sub = (a: Value, b: Value): Value => build.binary("sub", a, b);
const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);
const positive = (x: Value): Value => build.binary("greater", x, num(0, x));

export interface ImageOptions {
  /** @defaultValue `config.imageDataFormat()` */
  dataFormat?: "channels_last" | "channels_first" | null;
}

/** An op of images without other arguments. */
function colorOp(className: string, where: string, body: (images: Value, channels: number) => Value) {
  const op = defineOp(className, "image", { dataFormat: "data_format" }, ([x], s) => {
    const { images, layout } = readImages(where, x, s.dataFormat);
    return wrap(body(images, layout.channels));
  });
  return <A extends TensorLike>(images: A, options?: ImageOptions): Result<A> => {
    const { dataFormat = null } = readOptions(where, options, ["dataFormat"]);
    return op([images], { dataFormat }) as Result<A>;
  };
}

/** The three channels apart, each with its axis of size 1. */
function threeChannels(where: string, x: Value, axis: number): [Value, Value, Value] {
  if (!isFloat(x.dtype)) {
    throw new DTypeError(`${where}: expected floats. Received: dtype ${x.dtype}; divide by 255 or cast them`);
  }
  if (x.shape[axis] !== 3) {
    throw new ShapeError(
      `${where}: expected 3 channels on axis ${axis}. Received: images.shape=${formatShape(x.shape)}`,
    );
  }
  return [0, 1, 2].map((i) =>
    build.slice(
      x,
      x.shape.map((_, a) => (a === axis ? i : 0)),
      x.shape.map((d, a) => (a === axis ? i + 1 : d)),
    ),
  ) as [Value, Value, Value];
}

/** Shares of red, green and blue in brightness, as ITU-R 601 has them. */
const LUMA = [0.2989, 0.587, 0.114] as const;
/** One channel of brightness out of red, green and blue. Keeps the dtype; images of one channel stay as they are. */
export const rgbToGrayscale = colorOp("RGBToGrayscale", "rgbToGrayscale", (x, axis) => {
  if (x.shape[axis] === 1) return x;
  if (x.shape[axis] !== 3) {
    throw new ShapeError(
      `rgbToGrayscale: expected 3 channels, or 1, on axis ${axis}. Received: images.shape=${formatShape(x.shape)}`,
    );
  }
  const channels = threeChannels("rgbToGrayscale", build.cast(x, resultType([x.dtype, "weak_float"], floatx())), axis);
  const gray = channels.map((c, i) => mul(c, num(LUMA[i]!, c))).reduce(add);
  return build.cast(gray, x.dtype);
});

/** Smallest step above 1: smaller values count as 0. */
const PRECISION: Readonly<Record<string, number>> = {
  float64: 2 ** -52,
  float32: 2 ** -23,
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
};

/** Hue, saturation and value, each from 0 to 1, of colours from 0 to 1. Floats. */
export const rgbToHsv = colorOp("RGBToHSV", "rgbToHsv", (given, axis) => {
  const faint = build.binary("less", build.unary("abs", given), num(PRECISION[given.dtype] ?? 0, given));
  const [r, g, b] = threeChannels("rgbToHsv", build.where(faint, num(0, given), given), axis);
  const value = build.binary("max", build.binary("max", r, g), b);
  const range = sub(value, build.binary("min", build.binary("min", r, g), b));
  const one = num(1, value);
  const safeValue = build.where(positive(value), value, one);
  const safeRange = build.where(positive(range), range, one);
  const saturation = build.where(positive(value), build.binary("div", range, safeValue), num(0, value));
  const norm = build.binary("div", num(1 / 6, range), safeRange);
  const at = (a: Value, c: Value, turn: number): Value => add(mul(norm, sub(a, c)), num(turn, a));
  const isMost = (c: Value): Value => build.binary("equal", value, c);
  let hue = build.where(isMost(g), at(b, r, 2 / 6), at(r, g, 4 / 6));
  hue = build.where(isMost(r), at(g, b, 0), hue);
  const turned = build.cast(build.binary("less", hue, num(0, hue)), hue.dtype);
  hue = add(build.where(positive(range), hue, num(0, hue)), turned);
  return build.concat([hue, saturation, value], axis);
});

/** Red, green and blue of hue, saturation and value. Floats. */
export const hsvToRgb = colorOp("HSVToRGB", "hsvToRgb", (x, axis) => {
  const [hue, saturation, value] = threeChannels("hsvToRgb", x, axis);
  const turn = mul(build.binary("mod", hue, num(1, hue)), num(6, hue));
  const clip = (v: Value): Value => build.binary("min", build.binary("max", v, num(0, v)), num(1, v));
  const away = (from: number): Value => build.unary("abs", sub(turn, num(from, turn)));
  const shares = [clip(sub(away(3), num(1, turn))), clip(sub(num(2, turn), away(2))), clip(sub(num(2, turn), away(4)))];
  const white = sub(num(1, saturation), saturation);
  return build.concat(
    shares.map((share) => mul(value, add(white, mul(saturation, share)))),
    axis,
  );
});
