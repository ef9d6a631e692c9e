/** Filters over the neighbourhood of each pixel (`keras.ops.image`). */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, shapesCompatible } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, promote, toFloat, toTensor, wrap } from "./define.ts";
import { asPlanes, filterPlanes, gaussian, type Layout, layoutOf } from "./imageKit.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { num, readOptions } from "./kit.ts";
import { paddingOf, perAxis } from "./windows.ts";

const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);
const add = (a: Value, b: Value): Value => build.binary("add", a, b);
const sub = (a: Value, b: Value): Value => build.binary("sub", a, b);

/** Planes smoothed along both axes, one after the other: a Gaussian of two axes is the product of two of one. */
export function blurred(x: Value, sizes: readonly number[], sigmas: readonly number[]): Value {
  const { low, high } = paddingOf("same", x.shape.slice(2), sizes, [1, 1]);
  const down = filterPlanes(
    x,
    gaussian(sizes[0]!, sigmas[0]!).map((w) => [w]),
    [low[0]!, 0],
    [high[0]!, 0],
  );
  return filterPlanes(down, [gaussian(sizes[1]!, sigmas[1]!)], [0, low[1]!], [0, high[1]!]);
}

const BLUR_KEYS = { kernelSize: "kernel_size", sigma: "sigma", dataFormat: "data_format" };
const blurOp = defineOp("GaussianBlur", "image", BLUR_KEYS, ([x], s) => {
  const value = toFloat(x, "gaussianBlur");
  const layout = layoutOf("gaussianBlur", value.shape, s.dataFormat);
  // Keras gives sizes and deviations as (x, y).
  const [sizes, sigmas] = [s.kernelSize as number[], s.sigma as number[]].map((pair) => pair.toReversed());
  return wrap(asPlanes(value, layout, (planes) => blurred(planes, sizes!, sigmas!)));
});
/**
 * Images smoothed by a Gaussian.
 *
 * @param options - `kernelSize` and `sigma` along x and y. @defaultValue `{ kernelSize: [3, 3], sigma: [1, 1] }`
 */
export function gaussianBlur<A extends TensorLike>(
  images: A,
  options?: {
    kernelSize?: readonly [number, number];
    sigma?: readonly [number, number];
    dataFormat?: "channels_last" | "channels_first" | null;
  },
): Result<A> {
  const {
    kernelSize = [3, 3],
    sigma = [1, 1],
    dataFormat = null,
  } = readOptions("gaussianBlur", options, ["kernelSize", "sigma", "dataFormat"]);
  if (!Array.isArray(sigma) || sigma.length !== 2 || !sigma.every((v) => typeof v === "number" && v > 0)) {
    throw new RangeError(`gaussianBlur: expected \`sigma\` to be two positive numbers. Received: ${describe(sigma)}`);
  }
  const statics = { kernelSize: perAxis("gaussianBlur", "kernelSize", kernelSize, 2), sigma: [...sigma], dataFormat };
  return blurOp([images], statics) as Result<A>;
}

const SOBEL_Y = [
  [-1, -2, -1],
  [0, 0, 0],
  [1, 2, 1],
];
const SOBEL_X = SOBEL_Y.map((_, i) => SOBEL_Y.map((row) => row[i]!));

const sobelOp = defineOp("SobelEdges", "image", { dataFormat: "data_format" }, ([x], s) => {
  const { node } = toTensor(x, null, "sobelEdges");
  if (node.shape.length !== 4) {
    throw new ShapeError(`sobelEdges: expected a batch of images (rank 4). Received: shape ${formatShape(node.shape)}`);
  }
  const value = toFloat(wrap(node), "sobelEdges");
  const layout = layoutOf("sobelEdges", value.shape, s.dataFormat);
  const edges = [SOBEL_Y, SOBEL_X].map((kernel) => {
    const found = asPlanes(value, layout, (planes) => filterPlanes(planes, kernel, [1, 1], [1, 1]));
    return build.reshape(found, [...found.shape, 1]);
  });
  return wrap(build.concat(edges, 4));
});
/** How brightness rises downwards and to the right, by Sobel's kernels. (n, h, w, c) → (n, h, w, c, 2) */
export function sobelEdges<A extends TensorLike>(
  images: A,
  options?: { dataFormat?: "channels_last" | "channels_first" | null },
): Result<A> {
  const { dataFormat = null } = readOptions("sobelEdges", options, ["dataFormat"]);
  return sobelOp([images], { dataFormat }) as Result<A>;
}

const SSIM_KEYS = {
  maxVal: "max_val",
  filterSize: "filter_size",
  filterSigma: "filter_sigma",
  k1: "k1",
  k2: "k2",
  dataFormat: "data_format",
};
const ssimOp = defineOp("SSIM", "image", SSIM_KEYS, ([x1, x2], s) => {
  const [a, b] = promote([x1, x2], { atLeastFloat: true }) as [Value, Value];
  const layout = layoutOf("ssim", a.shape, s.dataFormat);
  if (!shapesCompatible(a.shape, b.shape)) {
    throw new ShapeError(
      `ssim: both images must have the same shape. Received: image1.shape=${formatShape(a.shape)}, image2.shape=${formatShape(b.shape)}`,
    );
  }
  const size = (s.filterSize as number | null) ?? 11;
  if ([a.shape[layout.height]!, a.shape[layout.width]!].some((d) => d < size)) {
    throw new ShapeError(
      `ssim: a filter of ${size} does not fit images of shape ${formatShape(a.shape)}; give a smaller filterSize`,
    );
  }
  return wrap(similarity(a, b, layout, size, s));
});

/** The mean over all places of luminance, contrast and structure compared (Wang and others 2004), per image. */
function similarity(a: Value, b: Value, layout: Layout, size: number, s: Readonly<Record<string, unknown>>): Value {
  const planesOf = (x: Value): Value => {
    let planes: Value | null = null;
    asPlanes(x, layout, (p) => {
      planes = p;
      return p;
    });
    return planes!;
  };
  const [p, q] = [planesOf(a), planesOf(b)];
  const weights = gaussian(size, (s.filterSigma as number | null) ?? 1.5);
  const smooth = (x: Value): Value => {
    const down = filterPlanes(
      x,
      weights.map((w) => [w]),
      [0, 0],
      [0, 0],
    );
    return filterPlanes(down, [weights], [0, 0], [0, 0]);
  };
  const most = (s.maxVal as number | null) ?? 1;
  const [c1, c2] = [((s.k1 as number | null) ?? 0.01) * most, ((s.k2 as number | null) ?? 0.03) * most].map(
    (c) => c * c,
  );
  const plus = (x: Value, c: number): Value => add(x, num(c, x));
  const [m1, m2] = [smooth(p), smooth(q)];
  const [m11, m22, m12] = [mul(m1, m1), mul(m2, m2), mul(m1, m2)];
  const [v1, v2] = [sub(smooth(mul(p, p)), m11), sub(smooth(mul(q, q)), m22)];
  const covariance = sub(smooth(mul(p, q)), m12);
  const above = mul(plus(add(m12, m12), c1!), plus(add(covariance, covariance), c2!));
  const below = mul(plus(add(m11, m22), c1!), plus(add(v1, v2), c2!));
  const mean = build.reduce("reduce_mean", build.binary("div", above, below), [1, 2, 3]);
  return layout.batched ? mean : build.reshape(mean, []);
}

/**
 * Structural similarity of images, 1 for equal ones. (n, h, w, c) → (n); a single image gives a scalar
 *
 * @param options - @defaultValue `{ maxVal: 1, filterSize: 11, filterSigma: 1.5, k1: 0.01, k2: 0.03 }`
 */
export function ssim<A extends TensorLike, B extends TensorLike>(
  image1: A,
  image2: B,
  options?: {
    maxVal?: number;
    filterSize?: number;
    filterSigma?: number;
    k1?: number;
    k2?: number;
    dataFormat?: "channels_last" | "channels_first" | null;
  },
): Result<A | B> {
  const {
    maxVal = 1,
    filterSize = 11,
    filterSigma = 1.5,
    k1 = 0.01,
    k2 = 0.03,
    dataFormat = null,
  } = readOptions("ssim", options, Object.keys(SSIM_KEYS));
  if (!Number.isInteger(filterSize) || filterSize < 1) {
    throw new RangeError(`ssim: expected \`filterSize\` to be a positive integer. Received: ${describe(filterSize)}`);
  }
  return ssimOp([image1, image2], { maxVal, filterSize, filterSigma, k1, k2, dataFormat }) as Result<A | B>;
}
