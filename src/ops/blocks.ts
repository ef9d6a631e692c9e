/** Ops that regroup elements: blocks of pixels and channels, sliding blocks, overlapping sequences, einops patterns. */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { defineOp, toFloat, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { isUnknownSize, readOptions } from "./kit.ts";
import { perAxis, readFormat } from "./windows.ts";

const BLOCK_KEYS = { blockSize: "block_size", dataFormat: "data_format" };

function readImages(where: string, x: unknown): Value {
  const { node } = toTensor(x, null, where);
  if (node.shape.length !== 4) {
    throw new ShapeError(`${where}: expected a batch of images, rank 4. Received: shape ${formatShape(node.shape)}`);
  }
  return node;
}

const toSpaceOp = defineOp("DepthToSpace", "nn", BLOCK_KEYS, ([x], s) => {
  const where = "depthToSpace";
  const node = readImages(where, x);
  const b = s.blockSize as number;
  const last = readFormat(s.dataFormat) === "channels_last";
  const [n, h, w, c] = (last ? [0, 1, 2, 3] : [0, 2, 3, 1]).map((i) => node.shape[i]!) as [
    number,
    number,
    number,
    number,
  ];
  if (c % (b * b) !== 0) {
    throw new ShapeError(
      `${where}: ${c} channels do not divide into blocks of ${b}×${b}. Received: shape ${formatShape(node.shape)}`,
    );
  }
  const depth = c / (b * b);
  if (last) {
    const split = build.reshape(node, [n, h, w, b, b, depth]);
    return wrap(build.reshape(build.transpose(split, [0, 1, 3, 2, 4, 5]), [n, h * b, w * b, depth]));
  }
  const split = build.reshape(node, [n, depth, b, b, h, w]);
  return wrap(build.reshape(build.transpose(split, [0, 1, 4, 2, 5, 3]), [n, depth, h * b, w * b]));
});

const toDepthOp = defineOp("SpaceToDepth", "nn", BLOCK_KEYS, ([x], s) => {
  const where = "spaceToDepth";
  const node = readImages(where, x);
  const b = s.blockSize as number;
  const last = readFormat(s.dataFormat) === "channels_last";
  const [n, h, w, c] = (last ? [0, 1, 2, 3] : [0, 2, 3, 1]).map((i) => node.shape[i]!) as [
    number,
    number,
    number,
    number,
  ];
  const fits = (d: number): boolean => d % b === 0;
  if (![h, w].every((d) => fits(d) || isUnknownSize(d))) {
    throw new ShapeError(
      `${where}: images of ${h}×${w} do not divide into blocks of ${b}×${b}. Received: shape ${formatShape(node.shape)}`,
    );
  }
  const [rows, columns] = [Math.floor(h / b), Math.floor(w / b)];
  const whole = [h, w].every(fits)
    ? node
    : build.slice(node, [0, 0, 0, 0], last ? [n, rows * b, columns * b, c] : [n, c, rows * b, columns * b]);
  if (last) {
    const split = build.reshape(whole, [n, rows, b, columns, b, c]);
    return wrap(build.reshape(build.transpose(split, [0, 1, 3, 2, 4, 5]), [n, rows, columns, c * b * b]));
  }
  const split = build.reshape(whole, [n, c, rows, b, columns, b]);
  return wrap(build.reshape(build.transpose(split, [0, 1, 3, 5, 2, 4]), [n, c * b * b, rows, columns]));
});

interface BlockOptions {
  /** @defaultValue `"channels_last"` */
  dataFormat?: "channels_last" | "channels_first";
}

function readBlock(where: string, blockSize: unknown, options: BlockOptions | undefined) {
  const { dataFormat = "channels_last" } = readOptions(where, options, ["dataFormat"]);
  if (!Number.isInteger(blockSize) || (blockSize as number) < 1) {
    throw new RangeError(`${where}: expected \`blockSize\` to be a positive integer. Received: ${describe(blockSize)}`);
  }
  readFormat(dataFormat);
  return { blockSize, dataFormat };
}

/** Channels laid out as blocks of pixels. (n, h, w, c · b²) → (n, h · b, w · b, c) */
export function depthToSpace<A extends TensorLike>(x: A, blockSize: number, options?: BlockOptions): Result<A> {
  return toSpaceOp([x], readBlock("depthToSpace", blockSize, options)) as Result<A>;
}
/** Blocks of pixels stacked as channels: the inverse of `depthToSpace`. (n, h · b, w · b, c) → (n, h, w, c · b²) */
export function spaceToDepth<A extends TensorLike>(x: A, blockSize: number, options?: BlockOptions): Result<A> {
  return toDepthOp([x], readBlock("spaceToDepth", blockSize, options)) as Result<A>;
}

const UNFOLD_KEYS = { kernelSize: "kernel_size", dilation: "dilation", padding: "padding", stride: "stride" };
type Pair = number | readonly [number, number];
interface UnfoldOptions {
  /** Distance of a block's neighbouring elements. @defaultValue `1` */
  dilation?: Pair;
  /** Zeros around the image. @defaultValue `0` */
  padding?: Pair;
  /** Distance of neighbouring blocks. @defaultValue `1` */
  stride?: Pair;
}

/** Reads the arguments that folding and unfolding share: how a kernel moves. */
function readBlocks(where: string, s: Readonly<Record<string, unknown>>) {
  const kernel = perAxis(where, "kernelSize", s.kernelSize, 2);
  const padding = perAxis(where, "padding", s.padding ?? 0, 2, 0);
  const dilation = perAxis(where, "dilation", s.dilation ?? 1, 2);
  return {
    kernel,
    how: { strides: perAxis(where, "stride", s.stride ?? 1, 2), low: padding, high: padding, dilation },
  };
}

/** Kernels that copy: each of a channel's kernels, in row-major order of their positions, has its only 1 at its own. */
export function copyingKernel(channels: number, sizes: readonly number[], like: Value): Value {
  const k = sizeOf(sizes);
  const row = build.iota([k, 1], 0, "int32");
  const eye = build.cast(build.binary("equal", row, build.iota([1, k], 1, "int32")), like.dtype);
  const all = build.broadcastTo(build.reshape(eye, [1, k, 1, ...sizes]), [channels, k, 1, ...sizes]);
  return build.reshape(all, [channels * k, 1, ...sizes]);
}

/** Blocks of channels-first images as columns, [n, c · kh · kw, blocks high, blocks wide]. */
function slidingBlocks(x: Value, kernel: readonly number[], how: ReturnType<typeof readBlocks>["how"]): Value {
  const channels = x.shape[1]!;
  return build.conv(x, copyingKernel(channels, kernel, x), { ...how, groups: channels });
}

const unfoldOp = defineOp("Unfold", "nn", UNFOLD_KEYS, ([x], s) => {
  const value = toFloat(x, "unfold");
  if (value.shape.length !== 4) {
    throw new ShapeError(
      `unfold: expected images (n, channels, height, width). Received: shape ${formatShape(value.shape)}`,
    );
  }
  const { kernel, how } = readBlocks("unfold", s);
  const blocks = slidingBlocks(value, kernel, how);
  return wrap(build.reshape(blocks, [...blocks.shape.slice(0, 2), blocks.shape[2]! * blocks.shape[3]!]));
});
/** Sliding blocks of channels-first images as columns. (n, c, h, w) → (n, c · kh · kw, blocks) */
export function unfold<A extends TensorLike>(x: A, kernelSize: Pair, options?: UnfoldOptions): Result<A> {
  const { dilation = 1, padding = 0, stride = 1 } = readOptions("unfold", options, ["dilation", "padding", "stride"]);
  return unfoldOp([x], { kernelSize, dilation, padding, stride }) as Result<A>;
}

const foldOp = defineOp("Fold", "nn", { outputSize: "output_size", ...UNFOLD_KEYS }, ([x], s) => {
  const value = toFloat(x, "fold");
  const sizes = perAxis("fold", "outputSize", s.outputSize, 2);
  const { kernel, how } = readBlocks("fold", s);
  const counts = sizes.map(
    (d, i) => Math.floor((d + 2 * how.low[i]! - how.dilation[i]! * (kernel[i]! - 1) - 1) / how.strides[i]!) + 1,
  );
  const k = kernel[0]! * kernel[1]!;
  if (value.shape.length !== 3 || value.shape[1]! % k !== 0 || value.shape[2] !== counts[0]! * counts[1]!) {
    throw new ShapeError(
      `fold: expected columns (n, channels · ${k}, ${counts[0]! * counts[1]!}) for images of ${sizes.join("×")} and kernels of ${kernel.join("×")}. Received: shape ${formatShape(value.shape)}`,
    );
  }
  const channels = value.shape[1]! / k;
  const blocks = build.reshape(value, [value.shape[0]!, channels * k, counts[0]!, counts[1]!]);
  const options = { ...how, groups: channels, inputSizes: sizes };
  return wrap(build.convInputGrad(blocks, copyingKernel(channels, kernel, value), options));
});
/** Sums columns back into images, overlaps added: the transpose of `unfold`. (n, c · kh · kw, blocks) → (n, c, h, w) */
export function fold<A extends TensorLike>(
  x: A,
  outputSize: Pair,
  kernelSize: Pair,
  options?: UnfoldOptions,
): Result<A> {
  const { dilation = 1, padding = 0, stride = 1 } = readOptions("fold", options, ["dilation", "padding", "stride"]);
  return foldOp([x], { outputSize, kernelSize, dilation, padding, stride }) as Result<A>;
}

/** Positions of overlapping sequences, [sequences, length]. */
export function sequencePositions(size: number, length: number, stride: number): Value {
  const count = Math.max(0, Math.floor((size - length) / stride) + 1);
  const starts = build.binary("mul", build.iota([count, 1], 0, "int32"), build.scalar(stride, "int32"));
  return build.binary("add", starts, build.iota([1, length], 1, "int32"));
}

const SEQUENCE_KEYS = { sequenceLength: "sequence_length", sequenceStride: "sequence_stride" };
const sequencesOp = defineOp("ExtractSequences", "math", SEQUENCE_KEYS, ([x], s) => {
  const where = "extractSequences";
  const { node } = toTensor(x, null, where);
  const size = node.shape.at(-1);
  const [length, stride] = [s.sequenceLength as number, s.sequenceStride as number];
  if (size === undefined || size < length) {
    throw new ShapeError(`${where}: sequences of ${length} do not fit shape ${formatShape(node.shape)}`);
  }
  return wrap(build.gather(node, sequencePositions(size, length, stride), node.shape.length - 1));
});
/** Overlapping stretches of the last axis. (…, t) → (…, sequences, sequenceLength) */
export function extractSequences<A extends TensorLike>(
  x: A,
  sequenceLength: number,
  sequenceStride: number,
): Result<A> {
  for (const [name, n] of Object.entries({ sequenceLength, sequenceStride })) {
    if (!Number.isInteger(n) || n < 1) {
      throw new RangeError(`extractSequences: expected \`${name}\` to be a positive integer. Received: ${describe(n)}`);
    }
  }
  return sequencesOp([x], { sequenceLength, sequenceStride }) as Result<A>;
}

/** One side of a pattern: axes, each a list of the names grouped in it. */
function readSide(side: string, pattern: string): string[][] {
  const tokens = side.match(/\w+|\([^()]*\)|\S/g) ?? [];
  return tokens.map((token) => {
    if (/^\w+$/.test(token)) return [token];
    const inner = /^\(([\w\s]*)\)$/.exec(token);
    if (!inner) throw new SyntaxError(`rearrange: cannot read ${describe(token)} in the pattern ${describe(pattern)}`);
    return inner[1]!.split(/\s+/).filter((name) => name !== "");
  });
}

function rearranged([x, pattern, lengths]: readonly unknown[]): Tensor {
  const { node } = toTensor(x, null, "rearrange");
  const text = pattern as string;
  const given = (lengths ?? {}) as Readonly<Record<string, number>>;
  const sides = text.split("->");
  if (sides.length !== 2) throw new SyntaxError(`rearrange: expected "axes -> axes". Received: ${describe(text)}`);
  const [from, to] = sides.map((side) => readSide(side, text)) as [string[][], string[][]];
  const [before, after] = [from.flat(), to.flat()];
  const same = before.length === after.length && before.every((name) => after.includes(name));
  if (!same || new Set(before).size !== before.length) {
    throw new SyntaxError(`rearrange: both sides must name the same axes, each once. Received: ${describe(text)}`);
  }
  if (from.length !== node.shape.length) {
    throw new ShapeError(
      `rearrange: ${describe(text)} has ${from.length} axes, x has shape ${formatShape(node.shape)}`,
    );
  }
  const sizes = new Map<string, number>();
  from.forEach((group, i) => {
    const d = node.shape[i]!;
    const known = sizeOf(group.map((name) => given[name] ?? 1));
    const open = group.filter((name) => given[name] === undefined);
    if (open.length > 1) {
      throw new RangeError(
        `rearrange: give the lengths of all but one of the axes (${group.join(" ")}) of ${describe(text)}`,
      );
    }
    const fits = open.length === 0 ? d === known : d % known === 0;
    if (!fits && !isUnknownSize(d)) {
      throw new ShapeError(
        `rearrange: axis ${i} of shape ${formatShape(node.shape)} does not split into (${group.join(" ")}) of ${describe(given)}`,
      );
    }
    for (const name of group) sizes.set(name, given[name] ?? Math.floor(d / known));
  });
  const size = (name: string): number => sizes.get(name)!;
  const apart = build.reshape(node, before.map(size));
  const moved = build.transpose(
    apart,
    after.map((name) => before.indexOf(name)),
  );
  return wrap(
    build.reshape(
      moved,
      to.map((group) => sizeOf(group.map(size))),
    ),
  );
}
const rearrangeOp = defineOp("Rearrange", "einops", {}, rearranged, { namedArguments: true });
/**
 * Axes named, moved, split and merged by a pattern, as einops does.
 *
 * @param axesLengths - Lengths of axes that are split.
 * @example
 * ops.rearrange(x, "b (h s) w c -> b h w (c s)", { s: 2 });
 */
export function rearrange<A extends TensorLike>(
  x: A,
  pattern: string,
  axesLengths?: Readonly<Record<string, number>>,
): Result<A> {
  if (typeof pattern !== "string" || !pattern.includes("->")) {
    throw new SyntaxError(`rearrange: expected a pattern such as "b h w -> b (h w)". Received: ${describe(pattern)}`);
  }
  return rearrangeOp(axesLengths ? [x, pattern, axesLengths] : [x, pattern]) as Result<A>;
}
