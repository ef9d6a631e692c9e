/** Images in other sizes (`keras.ops.image`): each axis is a product with a matrix of weights. */
import { type DType, isFloat } from "../core/dtype.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, normalizeAxis, sizeOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { inputValue, type Value } from "../ir/value.ts";
import { fromValues } from "./creation.ts";
import { defineOp, toFloat, toTensor, wrap } from "./define.ts";
import { saturateCast } from "./elementwise.ts";
import { layoutOf, oneOf } from "./imageKit.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { isUnknownSize, num, readOptions } from "./kit.ts";
import { perAxis } from "./windows.ts";

/** How much a pixel at a distance counts. */
type Kernel = (x: number) => number;

const lanczos =
  (radius: number): Kernel =>
  (x) => {
    if (x > radius) return 0;
    if (x <= 1e-3) return 1;
    return (radius * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / radius)) / (Math.PI * x) ** 2;
  };
/** Keys 1981, with a = -0.5. */
const cubic: Kernel = (x) => {
  if (x >= 2) return 0;
  return x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1;
};
const triangle: Kernel = (x) => Math.max(0, 1 - x);
const KERNELS = { bilinear: triangle, bicubic: cubic, lanczos3: lanczos(3), lanczos5: lanczos(5) } as const;

export type Interpolation = "nearest" | keyof typeof KERNELS;
const INTERPOLATIONS = ["bilinear", "nearest", "lanczos3", "lanczos5", "bicubic"] as const;

/** Weights (to, from) of input pixels in output pixels, whose centres lie half a pixel in. */
function weightsOf(from: number, to: number, kernel: Kernel, antialias: boolean): number[] {
  const step = from / to;
  // Where pixels are left out the kernel is widened, so that all of them count.
  const width = antialias ? Math.max(step, 1) : 1;
  const rows: number[] = [];
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * step - 0.5;
    const row = Array.from({ length: from }, (_, j) => kernel(Math.abs(centre - j) / width));
    const total = row.reduce((a, b) => a + b, 0);
    rows.push(...row.map((w) => (Math.abs(total) > 1000 * 2 ** -23 ? w / total : 0)));
  }
  return rows;
}

/** x with one axis multiplied by a matrix (to, from). */
function alongAxis(x: Value, axis: number, matrix: Value): Value {
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const lines = build.reshape(x, [sizeOf(before), x.shape[axis]!, sizeOf(after)]);
  return build.reshape(build.matmul(matrix, lines), [...before, matrix.shape[0]!, ...after]);
}

function resizeAxis(
  x: Value,
  axis: number,
  size: number,
  how: { interpolation: Interpolation; antialias: boolean },
): Value {
  const from = x.shape[axis]!;
  if (from === size) return x;
  if (how.interpolation === "nearest") {
    const indices = Int32Array.from({ length: size }, (_, i) => Math.floor(Math.fround(((i + 0.5) * from) / size)));
    return build.gather(x, build.constant(indices, [size], "int32"), axis);
  }
  const weights = weightsOf(from, size, KERNELS[how.interpolation], how.antialias);
  return alongAxis(x, axis, fromValues(weights, [size, from], x.dtype).node);
}

/** The part in the middle that has the target's proportions. */
function cropped(x: Value, axes: readonly [number, number], target: readonly [number, number]): Value {
  const [height, width] = axes.map((axis) => x.shape[axis]!) as [number, number];
  const inside = (n: number, most: number): number => Math.max(1, Math.min(most, Math.trunc(n)));
  const sizes = [inside((width * target[0]) / target[1], height), inside((height * target[1]) / target[0], width)];
  const starts = [Math.trunc((height - sizes[0]!) / 2), Math.trunc((width - sizes[1]!) / 2)];
  const place = (axis: number): number => axes.indexOf(axis);
  return build.slice(
    x,
    x.shape.map((_, axis) => starts[place(axis)] ?? 0),
    x.shape.map((d, axis) => (place(axis) < 0 ? d : starts[place(axis)]! + sizes[place(axis)]!)),
  );
}

/** Surrounded to the target's proportions: on one of the two axes, as Keras does. */
function padded(x: Value, axes: readonly [number, number], target: readonly [number, number], fill: number): Value {
  const [height, width] = axes.map((axis) => x.shape[axis]!) as [number, number];
  const whole = [
    Math.max(height, Math.trunc((width * target[0]) / target[1])),
    Math.max(width, Math.trunc((height * target[1]) / target[0])),
  ];
  const extra = [Math.trunc((whole[0]! - height) / 2), Math.trunc((whole[1]! - width) / 2)];
  if (extra[0]! > 0) extra[1] = 0;
  const around = x.shape.map((_, axis) => (axes.includes(axis) ? extra[axes.indexOf(axis)]! : 0));
  return build.pad(x, around, around, undefined, fill);
}

const RESIZE_KEYS = {
  size: "size",
  interpolation: "interpolation",
  antialias: "antialias",
  cropToAspectRatio: "crop_to_aspect_ratio",
  padToAspectRatio: "pad_to_aspect_ratio",
  fillMode: "fill_mode",
  fillValue: "fill_value",
  dataFormat: "data_format",
};

const resizeOp = defineOp("Resize", "image", RESIZE_KEYS, ([x], s) => {
  const { node } = toTensor(x, null, "resize");
  const layout = layoutOf("resize", node.shape, s.dataFormat);
  const axes = [layout.height, layout.width] as const;
  const target = s.size as [number, number];
  const interpolation = (s.interpolation as Interpolation | null) ?? "bilinear";
  const shape = node.shape.map((d, axis) => (axes.includes(axis) ? target[axes.indexOf(axis)]! : d));
  if (axes.some((axis) => isUnknownSize(node.shape[axis]!))) {
    // The weights depend on a size that is not known; the result's shape does not.
    return wrap(inputValue({ shape, dtype: node.dtype }, "resize"));
  }
  let value = node;
  if (s.cropToAspectRatio) value = cropped(value, axes, target);
  if (s.padToAspectRatio) value = padded(value, axes, target, (s.fillValue as number | null) ?? 0);
  const nearest = interpolation === "nearest";
  if (!nearest) value = toFloat(wrap(value), "resize");
  const how = { interpolation, antialias: Boolean(s.antialias) };
  value = resizeAxis(resizeAxis(value, axes[0], target[0], how), axes[1], target[1], how);
  return wrap(nearest || isFloat(node.dtype) ? build.cast(value, node.dtype) : backToIntegers(value, node.dtype));
});

const backToIntegers = (x: Value, dtype: DType): Value => saturateCast(wrap(build.unary("round", x)), dtype).node;

interface ResizeOptions {
  /** @defaultValue `"bilinear"` */
  interpolation?: Interpolation;
  /** Takes all pixels into account where an image shrinks. @defaultValue `false` */
  antialias?: boolean;
  /** Cuts the image to the target's proportions first. @defaultValue `false` */
  cropToAspectRatio?: boolean;
  /** Surrounds the image to the target's proportions first. @defaultValue `false` */
  padToAspectRatio?: boolean;
  /** What surrounds it: Keras knows "constant". */
  fillMode?: "constant";
  /** @defaultValue `0` */
  fillValue?: number;
  /** @defaultValue `config.imageDataFormat()` */
  dataFormat?: "channels_last" | "channels_first" | null;
}

/**
 * Images in another size. Integers are rounded and keep their dtype.
 *
 * @param size - [height, width].
 */
export function resize<A extends TensorLike>(
  images: A,
  size: readonly [number, number],
  options?: ResizeOptions,
): Result<A> {
  const {
    interpolation = "bilinear",
    antialias = false,
    cropToAspectRatio = false,
    padToAspectRatio = false,
    fillMode = "constant",
    fillValue = 0,
    dataFormat = null,
  } = readOptions("resize", options, Object.keys(RESIZE_KEYS).slice(1));
  if (!Array.isArray(size) || size.length !== 2) {
    throw new RangeError(`resize: expected \`size\` to be [height, width]. Received: ${describe(size)}`);
  }
  oneOf("resize", "interpolation", interpolation, INTERPOLATIONS);
  oneOf("resize", "fillMode", fillMode, ["constant"]);
  if (cropToAspectRatio && padToAspectRatio) {
    throw new RangeError("resize: only one of `cropToAspectRatio` and `padToAspectRatio` can be true");
  }
  const statics = { interpolation, antialias, cropToAspectRatio, padToAspectRatio, fillMode, fillValue, dataFormat };
  return resizeOp([images], { size: perAxis("resize", "size", size, 2), ...statics }) as Result<A>;
}

/** The names under which Keras knows each kernel here. */
const METHODS = ["linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5"] as const;

/** The kernel on computed distances. */
function kernelValue(method: string, x: Value): Value {
  const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);
  const add = (a: Value, b: number): Value => build.binary("add", a, num(b, a));
  const times = (a: Value, b: number): Value => mul(a, num(b, a));
  if (method.endsWith("linear")) return build.binary("max", add(build.unary("neg", x), 1), num(0, x));
  const beyond = (limit: number, y: Value): Value =>
    build.where(build.binary("greater", x, num(limit, x)), num(0, x), y);
  if (method.endsWith("cubic")) {
    const near = add(mul(mul(add(times(x, 1.5), -2.5), x), x), 1);
    const far = add(mul(add(mul(add(times(x, -0.5), 2.5), x), -4), x), 2);
    return beyond(2, build.where(build.binary("greater_equal", x, num(1, x)), far, near));
  }
  const radius = method === "lanczos3" ? 3 : 5;
  const isNear = build.binary("less_equal", x, num(1e-3, x));
  const safe = times(build.where(isNear, num(1, x), x), Math.PI);
  const wave = times(mul(build.unary("sin", safe), build.unary("sin", times(safe, 1 / radius))), radius);
  return beyond(radius, build.where(isNear, num(1, x), build.binary("div", wave, mul(safe, safe))));
}

const SCALE_KEYS = { spatialDims: "spatial_dims", method: "method", antialias: "antialias" };
const scaleOp = defineOp("ScaleAndTranslate", "image", SCALE_KEYS, ([x, outputShape, scale, translation], s) => {
  const where = "scaleAndTranslate";
  let value = toFloat(x, where);
  const shape = outputShape as number[];
  const dims = (s.spatialDims as number[]).map((d) => normalizeAxis(d, value.shape.length, where));
  const [scales, moves] = [toFloat(scale, where), toFloat(translation, where)].map((v) =>
    build.cast(v, value.dtype),
  ) as [Value, Value];
  if (
    shape.length !== value.shape.length ||
    [scales, moves].some((v) => v.shape.length !== 1 || v.shape[0] !== dims.length)
  ) {
    throw new ShapeError(
      `${where}: expected an output shape of rank ${value.shape.length}, and one scale and one translation per spatial axis, of ${dims.length}. Received: outputShape=${formatShape(shape)}, scale.shape=${formatShape(scales.shape)}, translation.shape=${formatShape(moves.shape)}`,
    );
  }
  dims.forEach((axis, i) => {
    const pick = (v: Value): Value => build.reshape(build.slice(v, [i], [i + 1]), []);
    const matrix = movedWeights(value.shape[axis]!, shape[axis]!, pick(scales), pick(moves), s);
    value = alongAxis(value, axis, matrix);
  });
  return wrap(value);
});

/** Weights (to, from) for a scale and a translation that are computed. */
function movedWeights(
  from: number,
  to: number,
  scale: Value,
  move: Value,
  s: Readonly<Record<string, unknown>>,
): Value {
  const div = (a: Value, b: Value): Value => build.binary("div", a, b);
  const sub = (a: Value, b: Value): Value => build.binary("sub", a, b);
  const step = div(num(1, scale), scale);
  const width = s.antialias === false ? num(1, scale) : build.binary("max", step, num(1, step));
  const places = build.binary("add", build.iota([to, 1], 0, scale.dtype), num(0.5, scale));
  const centre = sub(build.binary("mul", sub(places, move), step), num(0.5, scale));
  const distance = build.unary("abs", sub(centre, build.iota([1, from], 1, scale.dtype)));
  const raw = kernelValue(s.method as string, div(distance, width));
  const total = build.reduce("reduce_sum", raw, [1], true);
  const counts = build.binary("greater", build.unary("abs", total), num(1000 * 2 ** -23, total));
  const weights = build.where(counts, div(raw, build.where(counts, total, num(1, total))), num(0, raw));
  const inside = build.binary(
    "logical_and",
    build.binary("greater_equal", centre, num(-0.5, centre)),
    build.binary("less_equal", centre, num(from - 0.5, centre)),
  );
  return build.where(inside, weights, num(0, weights));
}

/**
 * Images scaled and moved along some axes: what is at p comes to p · scale + translation. Outside is 0.
 *
 * @param outputShape - Shape of the result, of the rank of `images`.
 * @param scale - One number per spatial axis; a tensor may be trained.
 * @param spatialDims - The axes that are scaled.
 * @param method - "linear", "cubic", "lanczos3" or "lanczos5", and what else Keras calls them.
 * @param options - `antialias` takes all pixels into account where an image shrinks. @defaultValue `{ antialias: true }`
 */
export function scaleAndTranslate<A extends TensorLike>(
  images: A,
  outputShape: readonly number[],
  scale: TensorLike,
  translation: TensorLike,
  spatialDims: readonly number[],
  method: (typeof METHODS)[number],
  options?: { antialias?: boolean },
): Result<A> {
  const { antialias = true } = readOptions("scaleAndTranslate", options, ["antialias"]);
  oneOf("scaleAndTranslate", "method", method, METHODS);
  const statics = { spatialDims: [...spatialDims], method, antialias };
  return scaleOp([images, [...outputShape], scale, translation], statics) as Result<A>;
}
