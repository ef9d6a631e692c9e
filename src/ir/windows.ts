/**
 * Primitives that read windows of channels-first arrays (batch, channels, then one to three spatial axes): convolutions,
 * pooling, and what their gradients are made of. Their attributes and the rules that give their types.
 */
import { isFloat } from "../core/dtype.ts";
import { DTypeError, ShapeError } from "../core/errors.ts";
import { formatShape, type StaticShape, shapesCompatible, sizesAgree } from "../core/shape.ts";
import type { TypeRule } from "./primitives.ts";
import type { ValueType } from "./value.ts";

/** How a kernel moves, one number per spatial axis. */
export interface Convolution {
  readonly strides: readonly number[];
  /** Zeros before the first and after the last element. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Distance of neighbouring kernel elements. */
  readonly dilation: readonly number[];
  /** Channels are cut into as many groups, each with its own kernels. */
  readonly groups: number;
}

/** Where windows lie, one number per spatial axis. Padding is smaller than the window. */
export interface Pooling {
  readonly window: readonly number[];
  readonly strides: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

export interface WindowPrimitives {
  /** (x [N, C, …s], w [O, C / groups, …k]) → [N, O, …o]: y[n, o, p] = Σ over c, k of x[n, c, p · stride + k · dilation − low] · w[o, c, k]. */
  conv: Convolution;
  /** (dy [N, O, …o], w) → [N, C, …inputSizes]: the gradient of `conv` in x, which is the transposed convolution. */
  conv_input_grad: Convolution & { readonly inputSizes: readonly number[] };
  /** (x, dy) → [O, C / groups, …kernelSizes]: the gradient of `conv` in w. */
  conv_weight_grad: Convolution & { readonly kernelSizes: readonly number[] };
  /** The largest of each window; padding never is. */
  max_pool: Pooling;
  /** (x, max_pool(x), dy): adds each element of dy where x has the first maximum of its window, in row-major order. */
  max_pool_grad: Pooling;
  /** (x, max_pool(x), v), v as x: the elements of v where x has the first maximum of each window. */
  max_pool_gather: Pooling;
  /** The sum of each window; padding is 0. */
  sum_pool: Pooling;
  /** (dy) → the gradient of `sum_pool`: each element of dy added to its whole window. */
  sum_pool_grad: Pooling & { readonly inputSizes: readonly number[] };
}

/** How many windows of `span` elements fit on an axis. */
export const windowCount = (size: number, span: number, stride: number, low: number, high: number): number =>
  Math.floor((size + low + high - span) / stride) + 1;

/** Elements that a kernel reaches over, from its first to its last. */
export const spanOf = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

function expectFloats(name: string, values: readonly ValueType[]): void {
  const [first] = values;
  if (!isFloat(first!.dtype)) throw new DTypeError(`${name}: expected a float tensor. Received: dtype ${first!.dtype}`);
  for (const value of values) {
    if (value.dtype !== first!.dtype) {
      throw new DTypeError(`${name}: operand dtypes differ: ${first!.dtype} and ${value.dtype}`);
    }
  }
}

/** Checks that lists have one number per spatial axis of `shape`; returns how many there are. */
function spatialRank(name: string, shape: StaticShape, lists: readonly (readonly number[])[]): number {
  const rank = shape.length - 2;
  if (rank < 1 || rank > 3) {
    throw new ShapeError(
      `${name}: expected a batch axis, a channel axis and one to three spatial axes. Received: shape ${formatShape(shape)}`,
    );
  }
  if (lists.some((list) => list.length !== rank)) {
    throw new ShapeError(
      `${name}: expected ${rank} numbers per attribute for shape ${formatShape(shape)}. Received: ${lists.map((list) => `[${list}]`).join(", ")}`,
    );
  }
  return rank;
}

/** Sizes of the spatial axes after windows of `spans` elements. */
function countWindows(
  name: string,
  what: string,
  sizes: readonly number[],
  spans: readonly number[],
  { strides, low, high }: Pick<Pooling, "strides" | "low" | "high">,
): number[] {
  return sizes.map((size, i) => {
    const padded = size + low[i]! + high[i]!;
    if (low[i]! < 0 || high[i]! < 0 || strides[i]! < 1) {
      throw new ShapeError(`${name}: padding must not be negative and strides must be positive on spatial axis ${i}`);
    }
    if (spans[i]! > padded) {
      throw new ShapeError(
        `${name}: ${what} reaches over ${spans[i]} elements on spatial axis ${i}, which has ${size}` +
          `${padded === size ? "" : ` (${padded} with padding)`}; use a smaller one, a larger input or padding "same"`,
      );
    }
    return windowCount(size, spans[i]!, strides[i]!, low[i]!, high[i]!);
  });
}

/** The result's shape of `conv` on shapes of x and w. */
function convShape(name: string, x: StaticShape, w: StaticShape, attributes: Convolution): number[] {
  const { strides, low, high, dilation, groups } = attributes;
  spatialRank(name, x, [strides, low, high, dilation]);
  const both = `x.shape=${formatShape(x)}, kernel.shape=${formatShape(w)}, groups=${groups}`;
  if (w.length !== x.length) throw new ShapeError(`${name}: the kernel's rank differs from x's. Received: ${both}`);
  if (!sizesAgree(x[1]!, w[1]! * groups) || w[0]! % groups !== 0) {
    throw new ShapeError(
      `${name}: channels must be ${groups} groups of the kernel's ${w[1]}, and filters a multiple of groups. Received: ${both}`,
    );
  }
  const spans = w.slice(2).map((k, i) => spanOf(k, dilation[i]!));
  return [x[0]!, w[0]!, ...countWindows(name, "the kernel", x.slice(2), spans, attributes)];
}

function expectResult(name: string, what: string, actual: StaticShape, expected: StaticShape): void {
  if (!shapesCompatible(expected, actual)) {
    throw new ShapeError(`${name}: ${what} has shape ${formatShape(actual)}; expected ${formatShape(expected)}`);
  }
}

function poolShape(name: string, x: StaticShape, attributes: Pooling): number[] {
  const { window, strides, low, high } = attributes;
  spatialRank(name, x, [window, strides, low, high]);
  if (window.some((k, i) => low[i]! >= k || high[i]! >= k)) {
    throw new ShapeError(`${name}: padding [${low}], [${high}] must be smaller than the window [${window}]`);
  }
  return [x[0]!, x[1]!, ...countWindows(name, "the window", x.slice(2), window, attributes)];
}

const argmaxPool =
  (name: string, given: "x" | "y"): TypeRule<Pooling> =>
  ([x, y, v], attributes) => {
    expectFloats(name, [x!, y!, v!]);
    const pooled = poolShape(name, x!.shape, attributes);
    expectResult(name, "the maximum", y!.shape, pooled);
    expectResult(name, "the third operand", v!.shape, given === "x" ? x!.shape : pooled);
    return [{ shape: given === "x" ? pooled : x!.shape, dtype: x!.dtype }];
  };

const pool =
  (name: string): TypeRule<Pooling> =>
  ([x], attributes) => {
    expectFloats(name, [x!]);
    return [{ shape: poolShape(name, x!.shape, attributes), dtype: x!.dtype }];
  };

export const WINDOW_TYPE_RULES: { readonly [P in keyof WindowPrimitives]: TypeRule<WindowPrimitives[P]> } = {
  conv: ([x, w], attributes) => {
    expectFloats("conv", [x!, w!]);
    return [{ shape: convShape("conv", x!.shape, w!.shape, attributes), dtype: x!.dtype }];
  },
  conv_input_grad: ([dy, w], attributes) => {
    expectFloats("conv_input_grad", [dy!, w!]);
    const shape = [dy!.shape[0]!, w!.shape[1]! * attributes.groups, ...attributes.inputSizes];
    const expected = convShape("conv_input_grad", shape, w!.shape, attributes);
    expectResult("conv_input_grad", "dy", dy!.shape, expected);
    return [{ shape, dtype: dy!.dtype }];
  },
  conv_weight_grad: ([x, dy], attributes) => {
    expectFloats("conv_weight_grad", [x!, dy!]);
    const shape = [dy!.shape[1]!, x!.shape[1]! / attributes.groups, ...attributes.kernelSizes];
    const expected = convShape("conv_weight_grad", x!.shape, shape, attributes);
    expectResult("conv_weight_grad", "dy", dy!.shape, expected);
    return [{ shape, dtype: x!.dtype }];
  },
  max_pool: pool("max_pool"),
  max_pool_grad: argmaxPool("max_pool_grad", "y"),
  max_pool_gather: argmaxPool("max_pool_gather", "x"),
  sum_pool: pool("sum_pool"),
  sum_pool_grad: ([dy], attributes) => {
    expectFloats("sum_pool_grad", [dy!]);
    const shape = [dy!.shape[0]!, dy!.shape[1]!, ...attributes.inputSizes];
    expectResult("sum_pool_grad", "dy", dy!.shape, poolShape("sum_pool_grad", shape, attributes));
    return [{ shape, dtype: dy!.dtype }];
  },
};
