/** Lowering of convolutions and their gradients. Which form is used for which shape was measured: decision 0003. */
import { sizeOf } from "../../../core/shape.ts";
import type { PrimitiveAttributes as Attributes } from "../../../ir/primitives.ts";
import type { ValueType } from "../../../ir/value.ts";
import { type Convolution, spanOf } from "../../../ir/windows.ts";
import type { AttributeValues, OnnxModel, OnnxValue } from "../model.ts";
import { emitCast, kernelDType, type OnnxRule } from "./rule.ts";
import { reshape, sliceAxes, transpose } from "./shaping.ts";

/** Attributes of the engine's Conv and ConvTranspose. */
const engineAttributes = (
  { strides, low, high, dilation, groups }: Convolution,
  kernel: readonly number[],
): AttributeValues => ({ kernel_shape: kernel, strides, pads: [...low, ...high], dilations: dilation, group: groups });

/** A convolution of x and w, with a bias per filter if there is a third operand. */
export function emitConv(
  model: OnnxModel,
  operands: readonly OnnxValue[],
  attributes: Convolution,
  output: ValueType,
): OnnxValue {
  return emitCast(model, "Conv", operands, output, engineAttributes(attributes, operands[1]!.shape.slice(2)));
}

/** w as the kernel of the convolution that undoes one of stride 1: turned around, channels and filters exchanged. */
function turned(model: OnnxModel, w: OnnxValue, groups: number): OnnxValue {
  const [filters, channels, ...kernel] = w.shape as [number, number, ...number[]];
  const axes = kernel.flatMap((k, i) => (k > 1 ? [i + 2] : []));
  const all = (value: number) => axes.map(() => value);
  const reversed = axes.length === 0 ? w : sliceAxes(model, w, axes, all(-1), all(-(2 ** 31)), all(-1), w.shape);
  const split = reshape(model, reversed, [groups, filters / groups, channels, ...kernel]);
  const swapped = transpose(model, split, [0, 2, 1, ...kernel.map((_, i) => i + 3)]);
  return reshape(model, swapped, [groups * channels, filters / groups, ...kernel]);
}

/** Padding of the convolution by a turned kernel. */
function turnedPadding({ low, high, dilation }: Convolution, kernel: readonly number[]) {
  const reach = kernel.map((k, i) => spanOf(k, dilation[i]!) - 1);
  return { low: low.map((n, i) => reach[i]! - n), high: high.map((n, i) => reach[i]! - n) };
}

type InputGradForm = (
  model: OnnxModel,
  operands: readonly OnnxValue[],
  attributes: Attributes["conv_input_grad"],
  dx: ValueType,
) => OnnxValue;

/** The ways to compute the gradient in x of dy and w, with a bias per channel if there is a third operand. */
export const INPUT_GRAD_FORMS = {
  /** Stride 1, and padding that the kernel reaches over. */
  turnedKernel: (model, [dy, w, ...bias], attributes, dx) => {
    const { strides, dilation, groups } = attributes;
    const padding = turnedPadding(attributes, w!.shape.slice(2));
    return emitConv(model, [dy!, turned(model, w!, groups), ...bias], { strides, dilation, groups, ...padding }, dx);
  },
  convTranspose: (model, operands, attributes, dx) => {
    const { strides, low, high, dilation, inputSizes } = attributes;
    const [dy, w] = operands as [OnnxValue, OnnxValue];
    const kernel = w.shape.slice(2);
    // Elements at the end that no window reached.
    const unread = inputSizes.map((size, i) => {
      const covered = (dy.shape[i + 2]! - 1) * strides[i]! + spanOf(kernel[i]!, dilation[i]!);
      return size + low[i]! + high[i]! - covered;
    });
    const how = { ...engineAttributes(attributes, kernel), output_padding: unread };
    return emitCast(model, "ConvTranspose", operands, dx, how);
  },
} as const satisfies Readonly<Record<string, InputGradForm>>;

/** How much larger than dy a result may be for the turned kernel to be worth its extra products. */
const TURNED_GROWTH = 1.25;
/** Fewer channels make the turned kernel's product thin. */
const TURNED_CHANNELS = 16;

/** The gradient in x of dy and w, with a bias per channel if there is a third operand. */
export const emitInputGrad: InputGradForm = (model, operands, attributes, dx) => {
  const [dy, w] = operands as [OnnxValue, OnnxValue];
  const { low, high } = turnedPadding(attributes, w.shape.slice(2));
  const fits = attributes.strides.every((s) => s === 1) && [...low, ...high].every((n) => n >= 0);
  const grows = sizeOf(attributes.inputSizes) / sizeOf(dy.shape.slice(2));
  const thin = attributes.groups === 1 && w.shape[1]! < TURNED_CHANNELS;
  const form = fits && !thin && grows <= TURNED_GROWTH ? "turnedKernel" : "convTranspose";
  return INPUT_GRAD_FORMS[form](model, operands, attributes, dx);
};

/** Order of the axes of a kernel's gradient: the primitive's [filters, channels, …k], or Keras's [...k, channels, filters]. */
export type KernelOrder = "filters, channels" | "channels, filters";

/** What the forms of the weight gradient work on. */
interface WeightGrad {
  readonly model: OnnxModel;
  readonly x: OnnxValue;
  readonly dy: OnnxValue;
  readonly how: Attributes["conv_weight_grad"];
}

/** For every kernel element in row-major order: the part of x that it met, as large as dy. */
function slicesOf({ model, x, dy, how }: WeightGrad): OnnxValue[] {
  const { strides, low, high, dilation, kernelSizes } = how;
  const places = dy.shape.slice(2);
  const shape = [x.shape[0]!, x.shape[1]!, ...places];
  let padded = x;
  if ([...low, ...high].some((n) => n > 0)) {
    const wide = x.shape.map((d, i) => (i < 2 ? d : d + low[i - 2]! + high[i - 2]!));
    padded = model.emit("Pad", [x, model.ints([0, 0, ...low, 0, 0, ...high])], x.dtype, wide);
  }
  return Array.from({ length: sizeOf(kernelSizes) }, (_, flat) => {
    const starts: number[] = [];
    let rest = flat;
    for (let i = kernelSizes.length - 1; i >= 0; i--) {
      starts.unshift((rest % kernelSizes[i]!) * dilation[i]!);
      rest = Math.floor(rest / kernelSizes[i]!);
    }
    const limits = starts.map((start, i) => start + (places[i]! - 1) * strides[i]! + 1);
    const whole = places.every((d, i) => starts[i] === 0 && strides[i] === 1 && d === padded.shape[i + 2]);
    const axes = places.map((_, i) => i + 2);
    return whole ? padded : sliceAxes(model, padded, axes, starts, limits, strides, shape);
  });
}

/** Σ over the batch of a · bᵀ, for (batch, groups, rows, places). */
function summedProduct(model: OnnxModel, a: OnnxValue, b: OnnxValue): OnnxValue {
  const [batch, groups, m] = a.shape as [number, number, number];
  const shape = [groups, m, b.shape[2]!];
  const products = model.emit("FusedMatMul", [a, b], a.dtype, [batch, ...shape], { transB: 1 }, "com.microsoft");
  return model.emit("ReduceSum", [products, model.ints([0])], a.dtype, shape, { keepdims: 0 });
}

/** (batch, channels, …places) as (batch, groups, channels per group, places). */
const rowsOf = (model: OnnxModel, x: OnnxValue, groups: number): OnnxValue =>
  reshape(model, x, [x.shape[0]!, groups, x.shape[1]! / groups, sizeOf(x.shape.slice(2))]);

/** One product for every kernel element. */
function bySlices(task: WeightGrad, order: KernelOrder): OnnxValue {
  const { model, x, dy, how } = task;
  const { groups, kernelSizes } = how;
  const [channels, filters, size] = [x.shape[1]! / groups, dy.shape[1]!, sizeOf(kernelSizes)];
  const rows = rowsOf(model, dy, groups);
  const swap = order === "channels, filters";
  const table = swap ? [1, channels, filters] : [1, filters, channels];
  const parts = slicesOf(task).map((slice) => {
    const met = rowsOf(model, slice, groups);
    return reshape(model, swap ? summedProduct(model, met, rows) : summedProduct(model, rows, met), table);
  });
  const joined = model.emit("Concat", parts, x.dtype, [size, ...table.slice(1)], { axis: 0 });
  return swap ? joined : transpose(model, joined, [1, 2, 0]);
}

/** All slices in one array, and one product. */
function byPatches(task: WeightGrad, order: KernelOrder): OnnxValue {
  const { model, x, dy, how } = task;
  const [channels, filters, size] = [x.shape[1]!, dy.shape[1]!, sizeOf(how.kernelSizes)];
  const parts = slicesOf(task).map((slice) => rowsOf(model, slice, 1));
  const patch = parts[0]!.shape;
  const columns = model.emit("Concat", parts, x.dtype, [patch[0]!, 1, size * channels, patch[3]!], { axis: 2 });
  const rows = rowsOf(model, dy, 1);
  if (order === "channels, filters") return summedProduct(model, columns, rows);
  const sum = reshape(model, summedProduct(model, rows, columns), [filters, size, channels]);
  return transpose(model, sum, [0, 2, 1]);
}

/** A convolution of x by dy, in which batch and channels have exchanged their roles, and strides and dilation too. */
function byConvolution({ model, x, dy, how }: WeightGrad, order: KernelOrder): OnnxValue {
  const { strides, low, high, dilation, groups, kernelSizes } = how;
  const [batch, all, ...sizes] = x.shape as [number, number, ...number[]];
  const [filters, ...places] = dy.shape.slice(1) as [number, ...number[]];
  const channels = all / groups;
  const spatial = sizes.map((_, i) => i);
  const split = reshape(model, x, [batch, groups, channels, ...sizes]);
  const swapped = transpose(model, split, [2, 1, 0, ...spatial.map((i) => i + 3)]);
  const images = reshape(model, swapped, [channels, groups * batch, ...sizes]);
  const kernels = transpose(model, dy, [1, 0, ...spatial.map((i) => i + 2)]);
  // The rest that no window reached gives elements beyond the kernel.
  const counts = sizes.map((n, i) => {
    const span = spanOf(places[i]!, strides[i]!);
    return Math.floor((n + low[i]! + high[i]! - span) / dilation[i]!) + 1;
  });
  const shape = [channels, filters, ...counts];
  const turnedRoles = { strides: dilation, dilation: strides, low, high, groups };
  let result = emitConv(model, [images, kernels], turnedRoles, { shape, dtype: x.dtype });
  if (counts.some((n, i) => n !== kernelSizes[i])) {
    const axes = spatial.map((i) => i + 2);
    const zeros = spatial.map(() => 0);
    const ones = spatial.map(() => 1);
    result = sliceAxes(model, result, axes, zeros, kernelSizes, ones, [channels, filters, ...kernelSizes]);
  }
  const axes = spatial.map((i) => i + 2);
  return transpose(model, result, order === "channels, filters" ? [...axes, 0, 1] : [1, 0, ...axes]);
}

/** The ways to compute the gradient in w; the joined patches are for one group. */
export const WEIGHT_GRAD_FORMS = { slices: bySlices, patches: byPatches, convolution: byConvolution } as const;
export type WeightGradForm = keyof typeof WEIGHT_GRAD_FORMS;

/** With fewer channels than this in a group, a product for every kernel element is too thin. */
const THIN_CHANNELS = 8;
/** Kernels of this many elements are large. */
const LARGE_KERNEL = 25;

function chooseWeightGrad(x: OnnxValue, dy: OnnxValue, how: Attributes["conv_weight_grad"]): WeightGradForm {
  const { groups, strides, kernelSizes } = how;
  if (x.shape[1]! / groups >= THIN_CHANNELS) return "slices";
  const several = groups > 1 && dy.shape[1]! > groups;
  if (several || strides.some((s) => s > 1) || sizeOf(kernelSizes) >= LARGE_KERNEL) return "convolution";
  return groups === 1 ? "patches" : "slices";
}

/** The gradient in w, its axes in the order asked for; "channels, filters" needs a single group. */
export function emitWeightGrad(
  model: OnnxModel,
  [x, dy]: readonly OnnxValue[],
  how: Attributes["conv_weight_grad"],
  output: ValueType,
  order: KernelOrder,
  form: WeightGradForm = chooseWeightGrad(x!, dy!, how),
): OnnxValue {
  const dtype = kernelDType("Conv", x!.dtype);
  const task = { model, x: model.cast(x!, dtype), dy: model.cast(dy!, dtype), how };
  const result = WEIGHT_GRAD_FORMS[form](task, order);
  return model.cast(reshape(model, result, output.shape), output.dtype);
}

export const convolutionRules: {
  readonly [P in "conv" | "conv_input_grad" | "conv_weight_grad"]: OnnxRule<Attributes[P]>;
} = {
  conv: (model, inputs, attributes, [out]) => [emitConv(model, inputs, attributes, out!)],
  conv_input_grad: (model, inputs, attributes, [dx]) => [emitInputGrad(model, inputs, attributes, dx!)],
  conv_weight_grad: (model, inputs, attributes, [dw]) => [
    emitWeightGrad(model, inputs, attributes, dw!, "filters, channels"),
  ],
};
