/** Images read at other places (`keras.ops.image`): each new pixel is a mean of those around the place it comes from. */
import { isFloat } from "../core/dtype.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf, stridesOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { mix32 } from "../ir/randomBits.ts";
import type { Value } from "../ir/value.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { activeTrace } from "../runtime/trace.ts";
import { defineOp, toFloat, toTensor, wrap } from "./define.ts";
import { blurred } from "./imageFilters.ts";
import { asBatch, oneOf, readImages } from "./imageKit.ts";
import { hasSymbolic, type Result, type TensorLike } from "./kerasTensor.ts";
import { num, readOptions } from "./kit.ts";
import { inverseValue } from "./matrix.ts";
import { erfinvValue } from "./special.ts";

const add = (a: Value, b: Value): Value => build.binary("add", a, b);
const sub = (a: Value, b: Value): Value => build.binary("sub", a, b);
const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);

const FILL_MODES = ["constant", "nearest", "wrap", "mirror", "reflect"] as const;
export type FillMode = (typeof FILL_MODES)[number];
const ORDERS = { nearest: 0, bilinear: 1 } as const;
const ORDER_NAMES = ["nearest", "bilinear"] as const;

/** Positions brought inside an axis, each mode its way. "constant" leaves them, for what is outside counts as the filling. */
function fixed(index: Value, size: number, mode: FillMode): Value {
  const n = (x: number): Value => num(x, index);
  const mirrored = (i: Value, d: number): Value => {
    if (d === 1) return mul(i, n(0));
    return build.unary("abs", sub(build.binary("mod", add(i, n(d - 1)), n(2 * (d - 1))), n(d - 1)));
  };
  switch (mode) {
    case "wrap":
      return build.binary("mod", index, n(size));
    case "mirror":
      return mirrored(index, size);
    case "reflect":
      return build.binary("div", sub(mirrored(add(mul(index, n(2)), n(1)), 2 * size + 1), n(1)), n(2));
    default:
      return build.binary("min", build.binary("max", index, n(0)), n(size - 1));
  }
}

/** Half away from zero. */
function rounded(x: Value): Value {
  const up = build.unary("floor", add(build.unary("abs", x), num(0.5, x)));
  return mul(build.unary("sign", x), up);
}

/** One neighbour along an axis: its position, whether it is inside, and how much it counts. */
interface Neighbour {
  readonly index: Value;
  readonly inside: Value | null;
  readonly weight: Value | null;
}

function neighbours(place: Value, size: number, order: 0 | 1, mode: FillMode): Neighbour[] {
  const at = (index: Value, weight: Value | null): Neighbour => {
    const whole = build.cast(index, "int32");
    const inside =
      mode === "constant"
        ? build.binary(
            "logical_and",
            build.binary("greater_equal", whole, num(0, whole)),
            build.binary("less", whole, num(size, whole)),
          )
        : null;
    return { index: fixed(whole, size, mode), inside, weight };
  };
  if (order === 0) return [at(build.unary("stop_gradient", rounded(place)), null)];
  const low = build.unary("stop_gradient", build.unary("floor", place));
  const share = sub(place, low);
  return [at(low, sub(num(1, share), share)), at(add(low, num(1, low)), share)];
}

/**
 * Values of `rows` (positions of the sampled axes joined in one, then what goes along) at computed places.
 *
 * @param places - One value per sampled axis, all of one shape.
 * @param offset - Added to every position: where a sample's image begins. `null` for none.
 */
function sample(
  rows: Value,
  sizes: readonly number[],
  places: readonly Value[],
  how: { order: 0 | 1; mode: FillMode; fill: number; offset: Value | null },
): Value {
  const strides = stridesOf(sizes);
  const width = rows.shape.length - 1;
  const spread = (v: Value): Value => build.reshape(v, [...v.shape, ...Array.from({ length: width }, () => 1)]);
  let corners: { position: Value | null; inside: Value | null; weight: Value | null }[] = [
    { position: how.offset, inside: null, weight: null },
  ];
  places.forEach((place, axis) => {
    const along = neighbours(place, sizes[axis]!, how.order, how.mode);
    const both = (a: Value | null, b: Value | null, join: (x: Value, y: Value) => Value): Value | null =>
      a && b ? join(a, b) : (a ?? b);
    corners = corners.flatMap((corner) =>
      along.map(({ index, inside, weight }) => ({
        position: both(corner.position, mul(index, num(strides[axis]!, index)), add),
        inside: both(corner.inside, inside, (x, y) => build.binary("logical_and", x, y)),
        weight: both(corner.weight, weight, mul),
      })),
    );
  });
  return corners
    .map(({ position, inside, weight }) => {
      const found = build.gather(rows, position!, 0);
      const filled = inside ? build.where(spread(inside), found, num(how.fill, found)) : found;
      return weight ? mul(filled, spread(build.cast(weight, filled.dtype))) : filled;
    })
    .reduce(add);
}

/** Integers are computed with as floats, and rounded. */
function inFloats(x: Value, body: (x: Value) => Value): Value {
  if (isFloat(x.dtype)) return body(x);
  return build.cast(rounded(body(toFloat(wrap(x), "map"))), x.dtype);
}

const MAP_KEYS = { order: "order", fillMode: "fill_mode", fillValue: "fill_value" };
const mapOp = defineOp("MapCoordinates", "image", MAP_KEYS, ([x, coordinates], s) => {
  const where = "mapCoordinates";
  const { node } = toTensor(x, null, where);
  const places = toFloat(coordinates, where);
  const rank = node.shape.length;
  if (places.shape.length < 2 || places.shape[0] !== rank) {
    throw new ShapeError(
      `${where}: expected coordinates (axes, …) with one row per axis of the inputs. Received: inputs.shape=${formatShape(node.shape)}, coordinates.shape=${formatShape(places.shape)}`,
    );
  }
  const inner = places.shape.slice(1);
  const rows = Array.from({ length: rank }, (_, i) =>
    build.reshape(build.slice(places, [i, ...inner.map(() => 0)], [i + 1, ...inner]), inner),
  );
  const how = {
    order: s.order as 0 | 1,
    mode: (s.fillMode as FillMode | null) ?? "constant",
    fill: (s.fillValue as number | null) ?? 0,
    offset: null,
  };
  return wrap(inFloats(node, (v) => sample(build.reshape(v, [sizeOf(v.shape)]), v.shape, rows, how)));
});
/**
 * Values of a tensor at computed coordinates, which may lie between its elements.
 *
 * @param coordinates - (axes, …): where each element of the result comes from.
 * @param order - 0 takes the nearest element, 1 a mean of those around.
 * @param options - What is outside. @defaultValue `{ fillMode: "constant", fillValue: 0 }`
 */
export function mapCoordinates<A extends TensorLike, B extends TensorLike>(
  inputs: A,
  coordinates: B,
  order: 0 | 1,
  options?: { fillMode?: FillMode; fillValue?: number },
): Result<A | B> {
  const { fillMode = "constant", fillValue = 0 } = readOptions("mapCoordinates", options, ["fillMode", "fillValue"]);
  if (order !== 0 && order !== 1) {
    throw new RangeError(`mapCoordinates: expected \`order\` to be 0 or 1. Received: ${describe(order)}`);
  }
  oneOf("mapCoordinates", "fillMode", fillMode, FILL_MODES);
  return mapOp([inputs, coordinates], { order, fillMode, fillValue }) as Result<A | B>;
}

/** Images (n, h, w, c) read at (n, h, w) of rows and columns. */
function warped(images: Value, y: Value, x: Value, how: { order: 0 | 1; mode: FillMode; fill: number }): Value {
  const [batch, height, width, channels] = images.shape as [number, number, number, number];
  const begin = mul(build.iota([batch, 1, 1], 0, "int32"), build.scalar(height * width, "int32"));
  const offset = build.broadcastTo(begin, y.shape);
  return inFloats(images, (v) =>
    sample(build.reshape(v, [batch * height * width, channels]), [height, width], [y, x], { ...how, offset }),
  );
}

/** The rows (h, 1) and columns (1, w) of a grid. */
const gridOf = (height: number, width: number): [Value, Value] => [
  build.iota([height, 1], 0, "float32"),
  build.iota([1, width], 1, "float32"),
];

/** Numbers of a table (n, k), each as (n, 1, 1); one row serves all images. */
function columnsOf(table: Value, batch: number): Value[] {
  const all = build.broadcastTo(table, [batch, table.shape[1]!]);
  return Array.from({ length: table.shape[1]! }, (_, i) =>
    build.reshape(build.slice(all, [0, i], [batch, i + 1]), [batch, 1, 1]),
  );
}

interface WarpOptions {
  /** @defaultValue `"bilinear"` */
  interpolation?: "bilinear" | "nearest";
  /** @defaultValue `0` */
  fillValue?: number;
  /** @defaultValue `config.imageDataFormat()` */
  dataFormat?: "channels_last" | "channels_first" | null;
}

const AFFINE_KEYS = {
  interpolation: "interpolation",
  fillMode: "fill_mode",
  fillValue: "fill_value",
  dataFormat: "data_format",
};
const howOf = (s: Readonly<Record<string, unknown>>, mode: FillMode) => ({
  order: ORDERS[(s.interpolation as keyof typeof ORDERS | null) ?? "bilinear"],
  mode: (s.fillMode as FillMode | null | undefined) ?? mode,
  fill: (s.fillValue as number | null) ?? 0,
});

const affineOp = defineOp("AffineTransform", "image", AFFINE_KEYS, ([x, transform], s) => {
  const where = "affineTransform";
  const { images, layout } = readImages(where, x, s.dataFormat);
  const given = build.cast(toFloat(transform, where), "float32");
  const table = given.shape.length === 1 ? build.reshape(given, [1, ...given.shape]) : given;
  const batch = layout.batched ? images.shape[0]! : 1;
  if (table.shape.length !== 2 || table.shape[1] !== 8 || (table.shape[0] !== 1 && table.shape[0] !== batch)) {
    throw new ShapeError(
      `${where}: expected \`transform\` of 8 numbers, or one such row per image of ${batch}. Received: shape ${formatShape(given.shape)}`,
    );
  }
  const result = asBatch(images, layout, (all) => {
    const [row, column] = gridOf(all.shape[1]!, all.shape[2]!);
    const [a0, a1, a2, b0, b1, b2] = columnsOf(table, batch) as [Value, Value, Value, Value, Value, Value];
    const y = add(add(mul(b0, column), mul(b1, row)), b2);
    return warped(all, y, add(add(mul(a0, column), mul(a1, row)), a2), howOf(s, "constant"));
  });
  return wrap(result);
});
/**
 * Images moved, turned, sheared and scaled: the pixel at (x, y) of the result comes from (a0 x + a1 y + a2, b0 x + b1 y + b2).
 *
 * @param transform - [a0, a1, a2, b0, b1, b2, c0, c1], or one such row per image. c0 and c1 are not used; see `perspectiveTransform`.
 * @param options - `fillMode` says what is outside. @defaultValue `{ interpolation: "bilinear", fillMode: "constant", fillValue: 0 }`
 */
export function affineTransform<A extends TensorLike, B extends TensorLike>(
  images: A,
  transform: B,
  options?: WarpOptions & { fillMode?: FillMode },
): Result<A | B> {
  const {
    interpolation = "bilinear",
    fillMode = "constant",
    fillValue = 0,
    dataFormat = null,
  } = readOptions("affineTransform", options, Object.keys(AFFINE_KEYS));
  oneOf("affineTransform", "interpolation", interpolation, ORDER_NAMES);
  oneOf("affineTransform", "fillMode", fillMode, FILL_MODES);
  return affineOp([images, transform], { interpolation, fillMode, fillValue, dataFormat }) as Result<A | B>;
}

/** Corners (n, 4, 2) as [x, y] lists of (n, 4). */
function cornersOf(where: string, name: string, x: unknown, batch: number): [Value, Value] {
  const given = build.cast(toFloat(x, where), "float32");
  const points = given.shape.length === 2 ? build.reshape(given, [1, ...given.shape]) : given;
  const fits = points.shape.length === 3 && points.shape[1] === 4 && points.shape[2] === 2;
  if (!fits || (points.shape[0] !== 1 && points.shape[0] !== batch)) {
    throw new ShapeError(
      `${where}: expected \`${name}\` (4, 2), or (images, 4, 2) for ${batch}. Received: shape ${formatShape(given.shape)}`,
    );
  }
  const n = points.shape[0]!;
  const part = (i: number): Value => build.reshape(build.slice(points, [0, 0, i], [n, 4, i + 1]), [n, 4]);
  return [part(0), part(1)];
}

/** The eight numbers of the projective map that takes the end points to the start points. (n, 8) */
function homography([sx, sy]: readonly [Value, Value], [ex, ey]: readonly [Value, Value]): Value {
  const [zero, one] = [num(0, ex), num(1, ex)];
  const n = Math.max(ex.shape[0]!, sx.shape[0]!);
  const rows = (columns: readonly Value[]): Value =>
    build.concat(
      columns.map((c) => build.reshape(build.broadcastTo(c, [n, 4]), [n, 4, 1])),
      2,
    );
  const minus = (a: Value, b: Value): Value => build.unary("neg", mul(a, b));
  const matrix = build.concat(
    [
      rows([ex, ey, one, zero, zero, zero, minus(sx, ex), minus(sx, ey)]),
      rows([zero, zero, zero, ex, ey, one, minus(sy, ex), minus(sy, ey)]),
    ],
    1,
  );
  const right = build.reshape(
    build.concat(
      [sx, sy].map((v) => build.broadcastTo(v, [n, 4])),
      1,
    ),
    [n, 8, 1],
  );
  const inverse = inverseValue(matrix);
  const x = build.matmul(inverse, right);
  return build.reshape(add(x, build.matmul(inverse, sub(right, build.matmul(matrix, x)))), [n, 8]);
}

const PERSPECTIVE_KEYS = { interpolation: "interpolation", fillValue: "fill_value", dataFormat: "data_format" };
const perspectiveOp = defineOp("PerspectiveTransform", "image", PERSPECTIVE_KEYS, ([x, start, end], s) => {
  const where = "perspectiveTransform";
  const { images, layout } = readImages(where, x, s.dataFormat);
  const batch = layout.batched ? images.shape[0]! : 1;
  const map = homography(cornersOf(where, "startPoints", start, batch), cornersOf(where, "endPoints", end, batch));
  const result = asBatch(images, layout, (all) => {
    const [row, column] = gridOf(all.shape[1]!, all.shape[2]!);
    const h = columnsOf(map, batch);
    const line = (i: number, last: Value): Value => add(add(mul(h[i]!, column), mul(h[i + 1]!, row)), last);
    const scale = line(6, num(1, row));
    const over = (v: Value): Value => build.binary("div", v, scale);
    return warped(all, over(line(3, h[5]!)), over(line(0, h[2]!)), howOf(s, "constant"));
  });
  return wrap(result);
});
/**
 * Images seen from another place: the four start points come to lie at the end points.
 *
 * @param startPoints - (4, 2), [x, y] of each corner; or one such table per image.
 */
export function perspectiveTransform<A extends TensorLike, B extends TensorLike, C extends TensorLike>(
  images: A,
  startPoints: B,
  endPoints: C,
  options?: WarpOptions,
): Result<A | B | C> {
  const {
    interpolation = "bilinear",
    fillValue = 0,
    dataFormat = null,
  } = readOptions("perspectiveTransform", options, Object.keys(PERSPECTIVE_KEYS));
  oneOf("perspectiveTransform", "interpolation", interpolation, ORDER_NAMES);
  const statics = { interpolation, fillValue, dataFormat };
  return perspectiveOp([images, startPoints, endPoints], statics) as Result<A | B | C>;
}

/** What elastic deformations draw from: a seed, or a generator such as `keras.random.SeedGenerator`. */
export type NoiseSeed = number | { next(): Tensor } | null;
let drawn = Date.now() >>> 0;

/** The key of a draw. @throws TypeError where the same noise would be compiled in for good. */
function keyFor(where: string, seed: NoiseSeed): Tensor {
  if (typeof seed === "object" && seed !== null) return seed.next();
  if (seed === null && activeTrace()) {
    throw new TypeError(
      `${where}: inside a traced function (a layer's \`call\`, fit, jit) give \`seed\`, a keras.random.SeedGenerator, so that each run draws anew`,
    );
  }
  return tensorFromHost(Uint32Array.of(mix32((seed ?? drawn++) + 0x9e3779b9), 0), [2], "uint32");
}

/** Standard normal noise: 24 random bits through the inverse of the normal distribution. */
function normalNoise(key: Value, shape: readonly number[]): Value {
  const bits = build.binary("shift_right", build.randomBits(key, shape), build.scalar(8, "uint32"));
  const unit = mul(add(build.cast(bits, "float32"), build.scalar(0.5, "float32")), build.scalar(2 ** -24, "float32"));
  const centred = sub(mul(unit, build.scalar(2, "float32")), build.scalar(1, "float32"));
  return mul(erfinvValue(centred), build.scalar(Math.SQRT2, "float32"));
}

const ELASTIC_KEYS = { alpha: "alpha", sigma: "sigma", ...AFFINE_KEYS, seed: "seed" };
const elasticOp = defineOp("ElasticTransform", "image", ELASTIC_KEYS, ([x], s) => {
  const where = "elasticTransform";
  const { images, layout } = readImages(where, x, s.dataFormat);
  const [alpha, sigma] = [(s.alpha as number | null) ?? 20, (s.sigma as number | null) ?? 5];
  const key = keyFor(where, (s.seed as NoiseSeed | undefined) ?? null).node;
  const result = asBatch(images, layout, (all) => {
    const [batch, height, width] = all.shape as [number, number, number, number];
    const noise = mul(normalNoise(key, [batch, 2, height, width]), build.scalar(sigma, "float32"));
    const size = Math.trunc(6 * sigma) | 1;
    const moves = mul(blurred(noise, [size, size], [sigma, sigma]), build.scalar(alpha, "float32"));
    const move = (i: number): Value =>
      build.reshape(build.slice(moves, [0, i, 0, 0], [batch, i + 1, height, width]), [batch, height, width]);
    const [row, column] = gridOf(height, width);
    return warped(all, add(move(1), row), add(move(0), column), howOf(s, "reflect"));
  });
  return wrap(result);
});
/**
 * Images deformed by smooth noise, as if they were drawn on rubber.
 *
 * @param options - `alpha` is how far pixels move, `sigma` how smooth the movement is. `seed`: a number for the same noise each
 *   time, or a SeedGenerator. @defaultValue `{ alpha: 20, sigma: 5, interpolation: "bilinear", fillMode: "reflect", fillValue: 0 }`
 * @throws TypeError without a generator or a seed inside a traced function.
 */
export function elasticTransform<A extends TensorLike>(
  images: A,
  options?: WarpOptions & { alpha?: number; sigma?: number; fillMode?: FillMode; seed?: NoiseSeed },
): Result<A> {
  const {
    alpha = 20,
    sigma = 5,
    interpolation = "bilinear",
    fillMode = "reflect",
    fillValue = 0,
    seed = null,
    dataFormat = null,
  } = readOptions("elasticTransform", options, Object.keys(ELASTIC_KEYS));
  oneOf("elasticTransform", "interpolation", interpolation, ORDER_NAMES);
  oneOf("elasticTransform", "fillMode", fillMode, FILL_MODES);
  if (seed === null && hasSymbolic([images])) keyForGraph();
  return elasticOp([images], { alpha, sigma, interpolation, fillMode, fillValue, seed, dataFormat }) as Result<A>;
}

function keyForGraph(): never {
  throw new TypeError(
    "elasticTransform: in a graph of layers give `seed`, a number or a keras.random.SeedGenerator, so that it is known what each run draws",
  );
}
