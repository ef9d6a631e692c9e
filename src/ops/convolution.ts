/** Convolutions, as Keras lays out their kernels and pads their inputs. */
import { ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { type Convolution, spanOf } from "../ir/windows.ts";
import { defineOp, promote, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { positional, readOptions, type Statics } from "./kit.ts";
import {
  channelsFirst,
  kernelFirst,
  type PerAxis,
  paddingOf,
  perAxis,
  readFormat,
  readPadding,
  spatialRank,
} from "./windows.ts";

/** Options that all convolutions share. */
export interface ConvolutionOptions {
  /** @defaultValue `1` */
  strides?: PerAxis;
  /** @defaultValue `"valid"` */
  padding?: "valid" | "same" | (string & {});
  /** @defaultValue `keras.config.imageDataFormat()` */
  dataFormat?: "channels_last" | "channels_first" | null;
  /** @defaultValue `1` */
  dilationRate?: PerAxis;
}

const KEYS = {
  strides: "strides",
  padding: "padding",
  dataFormat: "data_format",
  dilationRate: "dilation_rate",
} as const;
const OPTIONS = Object.keys(KEYS);
const DEFAULTS = { strides: 1, padding: "valid", dataFormat: null, dilationRate: 1 } as const;

/** Where the channels of inputs of a format are. */
const channelsOf = (x: Value, format: string): number => (format === "channels_last" ? x.shape.at(-1)! : x.shape[1]!);

function checkKernel(where: string, x: Value, kernel: Value, name = "kernel"): number {
  const rank = spatialRank(where, x);
  if (kernel.shape.length !== rank + 2) {
    throw new ShapeError(
      `${where}: expected a ${name} with ${rank} spatial axes and two of channels, as the inputs have. Received: inputs.shape=${formatShape(x.shape)}, ${name}.shape=${formatShape(kernel.shape)}`,
    );
  }
  return rank;
}

/** Static arguments for inputs of `rank` spatial axes and a kernel in Keras's layout. */
function readStatics(where: string, s: Statics, rank: number, kernel: Value) {
  const strides = perAxis(where, "strides", s.strides ?? 1, rank);
  const dilation = perAxis(where, "dilationRate", s.dilationRate ?? 1, rank);
  const spans = kernel.shape.slice(0, rank).map((k, i) => spanOf(k, dilation[i]!));
  return {
    strides,
    dilation,
    spans,
    padding: readPadding(where, s.padding ?? "valid"),
    format: readFormat(s.dataFormat),
  };
}

/** The convolution of inputs with a kernel [O, C / groups, ...k] that is already in the primitives' layout. */
function convolve(x: Value, w: Value, s: ReturnType<typeof readStatics>, groups: number): Value {
  const { strides, dilation, spans, padding, format } = s;
  return channelsFirst(x, format, (first) => {
    const sides = paddingOf(padding, first.shape.slice(2), spans, strides);
    return build.conv(first, w, { strides, ...sides, dilation, groups });
  });
}

/** Convolution of values; the groups follow from the channels of inputs and kernel. */
function convValue(where: string, x: Value, kernel: Value, s: Statics): Value {
  const rank = checkKernel(where, x, kernel);
  const statics = readStatics(where, s, rank, kernel);
  const [channels, perGroup, filters] = [channelsOf(x, statics.format), kernel.shape.at(-2)!, kernel.shape.at(-1)!];
  const groups = channels / perGroup;
  if (!Number.isInteger(groups) || filters % groups !== 0) {
    throw new ShapeError(
      `${where}: expected the channels of the inputs to be a multiple of the kernel's, and the filters a multiple of that many groups. ` +
        `Received: ${channels} channels in inputs.shape=${formatShape(x.shape)} (${statics.format}), ${perGroup} channels and ${filters} filters in kernel.shape=${formatShape(kernel.shape)}`,
    );
  }
  return convolve(x, kernelFirst(kernel), statics, groups);
}

const convOp = defineOp("Conv", "nn", KEYS, (args, s) => {
  const [x, kernel] = promote(positional(args, ["inputs", "kernel"]), { atLeastFloat: true });
  return wrap(convValue("conv", x!, kernel!, s));
});

/**
 * Convolution over one to three spatial axes. Fewer channels in the kernel than in the inputs mean groups.
 *
 * @param kernel - [...spatial sizes, channels per group, filters].
 * @example
 * ```ts
 * ops.conv(images, kernel, { strides: 2, padding: "same" }); // (8, 28, 28, 1), (3, 3, 1, 16) → (8, 14, 14, 16)
 * ```
 */
export function conv<A extends TensorLike, B extends TensorLike>(
  inputs: A,
  kernel: B,
  options?: ConvolutionOptions,
): Result<A | B> {
  return convOp([inputs, kernel], { ...DEFAULTS, ...readOptions("conv", options, OPTIONS) }) as Result<A | B>;
}

function depthwiseValue(where: string, x: Value, kernel: Value, s: Statics): Value {
  const rank = checkKernel(where, x, kernel, "depthwise kernel");
  const statics = readStatics(where, s, rank, kernel);
  const [channels, multiplier] = kernel.shape.slice(-2) as [number, number];
  if (channelsOf(x, statics.format) !== channels) {
    throw new ShapeError(
      `${where}: expected as many channels in the depthwise kernel as in the inputs. Received: inputs.shape=${formatShape(x.shape)} (${statics.format}), kernel.shape=${formatShape(kernel.shape)}`,
    );
  }
  const sizes = kernel.shape.slice(0, rank);
  const flat = build.reshape(kernel, [...sizes, channels * multiplier]);
  const filters = build.transpose(flat, [rank, ...sizes.map((_, i) => i)]);
  return convolve(x, build.reshape(filters, [channels * multiplier, 1, ...sizes]), statics, channels);
}

const depthwiseOp = defineOp("DepthwiseConv", "nn", KEYS, (args, s) => {
  const [x, kernel] = promote(positional(args, ["inputs", "kernel"]), { atLeastFloat: true });
  return wrap(depthwiseValue("depthwiseConv", x!, kernel!, s));
});

/**
 * Convolution of every channel with kernels of its own.
 *
 * @param kernel - [...spatial sizes, channels, results per channel].
 */
export function depthwiseConv<A extends TensorLike, B extends TensorLike>(
  inputs: A,
  kernel: B,
  options?: ConvolutionOptions,
): Result<A | B> {
  return depthwiseOp([inputs, kernel], { ...DEFAULTS, ...readOptions("depthwiseConv", options, OPTIONS) }) as Result<
    A | B
  >;
}

const separableOp = defineOp("SeparableConv", "nn", KEYS, (args, s) => {
  const names = ["inputs", "depthwise_kernel", "pointwise_kernel"];
  const [x, depthwise, pointwise] = promote(positional(args, names), { atLeastFloat: true });
  const separate = depthwiseValue("separableConv", x!, depthwise!, s);
  return wrap(convValue("separableConv", separate, pointwise!, { dataFormat: s.dataFormat }));
});

/**
 * A depthwise convolution, then one of size 1 that mixes the channels.
 *
 * @param depthwiseKernel - [...spatial sizes, channels, results per channel].
 * @param pointwiseKernel - [...ones, channels · results per channel, filters].
 */
export function separableConv<A extends TensorLike, B extends TensorLike, C extends TensorLike>(
  inputs: A,
  depthwiseKernel: B,
  pointwiseKernel: C,
  options?: ConvolutionOptions,
): Result<A | B | C> {
  const statics = { ...DEFAULTS, ...readOptions("separableConv", options, OPTIONS) };
  return separableOp([inputs, depthwiseKernel, pointwiseKernel], statics) as Result<A | B | C>;
}

/**
 * The convolution of which a transposed one is the gradient, on one axis: its padding, and the size of its input. In Keras
 * the padding decides the size and `outputPadding`, if given, moves the end.
 */
function transposedAxis(size: number, span: number, stride: number, padding: "valid" | "same", extra: number | null) {
  // In terms of XLA: the input, spread by the stride, gets `left` and `right` zeros before the kernel runs over it.
  let left = span - 1;
  let right = span - 1 + (extra ?? Math.max(span, stride) - span);
  if (padding === "same") {
    const total = extra === null ? stride + span - 2 : span + (span % 2) - 2 + extra;
    left = Math.min(Math.ceil(total / 2), span - 1);
    right = total - left;
  }
  const output = (size - 1) * stride + 1 + left + right - (span - 1);
  return { low: span - 1 - left, right: span - 1 - right, output };
}

const transposeOp = defineOp("ConvTranspose", "nn", { ...KEYS, outputPadding: "output_padding" }, (args, s) => {
  const where = "convTranspose";
  const [x, kernel] = promote(positional(args, ["inputs", "kernel"]), { atLeastFloat: true });
  const rank = checkKernel(where, x!, kernel!);
  const { strides, dilation, spans, padding, format } = readStatics(where, s, rank, kernel!);
  if (channelsOf(x!, format) !== kernel!.shape.at(-1)) {
    throw new ShapeError(
      `${where}: expected as many channels in the inputs as on the kernel's last axis, which is [...sizes, filters, channels]. Received: inputs.shape=${formatShape(x!.shape)} (${format}), kernel.shape=${formatShape(kernel!.shape)}`,
    );
  }
  const given = s.outputPadding ?? null;
  const extra = given === null ? null : perAxis(where, "outputPadding", given, rank, 0);
  return wrap(
    channelsFirst(x!, format, (first) => {
      const sides = first.shape
        .slice(2)
        .map((size, i) => transposedAxis(size, spans[i]!, strides[i]!, padding, extra ? extra[i]! : null));
      return transposed(first, kernelFirst(kernel!), sides, { strides, dilation, groups: 1 });
    }),
  );
});

/** Where the end lies beyond what the last window could leave unread, zeros are added. */
function transposed(
  x: Value,
  w: Value,
  sides: readonly ReturnType<typeof transposedAxis>[],
  how: Pick<Convolution, "strides" | "dilation" | "groups">,
): Value {
  const beyond = sides.map(({ right }, i) => Math.max(0, -right - (how.strides[i]! - 1)));
  const y = build.convInputGrad(x, w, {
    ...how,
    low: sides.map(({ low }) => low),
    high: sides.map(({ right }) => Math.max(0, right)),
    inputSizes: sides.map(({ output }, i) => output - beyond[i]!),
  });
  const none = sides.map(() => 0);
  return build.pad(y, [0, 0, ...none], [0, 0, ...beyond]);
}

/**
 * Transposed convolution: the gradient of a convolution as a function of its own.
 *
 * @param kernel - [...spatial sizes, filters, channels].
 */
export function convTranspose<A extends TensorLike, B extends TensorLike>(
  inputs: A,
  kernel: B,
  options?: ConvolutionOptions & {
    /** Elements to add at the end; without it the size follows from `padding`. */
    outputPadding?: PerAxis | null;
  },
): Result<A | B> {
  const read = readOptions("convTranspose", options, [...OPTIONS, "outputPadding"]);
  return transposeOp([inputs, kernel], { ...DEFAULTS, outputPadding: null, ...read }) as Result<A | B>;
}
