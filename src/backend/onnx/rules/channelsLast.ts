/**
 * Lowering of windows on channels-last arrays: to our own kernels where the session has them, else to the engine's kernels
 * between transposes. Our kernels have two spatial axes; one is a height of 1.
 */
import { sizeOf } from "../../../core/shape.ts";
import {
  type ChannelsLastPrimitives as Attributes,
  CHANNELS_LAST_FORMS,
  kernelToFirst,
  toFirst,
  toLast,
} from "../../../ir/channelsLast.ts";
import type { ValueType } from "../../../ir/value.ts";
import type { Convolution, Pooling } from "../../../ir/windows.ts";
import type { AttributeValues, OnnxModel, OnnxValue } from "../model.ts";
import { NATIVE_DOMAIN } from "../nativeKernels.ts";
import { convolutionRules, emitConv, emitInputGrad, emitWeightGrad } from "./convolution.ts";
import { poolingRules } from "./pooling.ts";
import { emitCast, type OnnxRule } from "./rule.ts";
import { reshape, transpose } from "./shaping.ts";

/** What is done to the result of a convolution in the same operator. */
export interface Afterwards {
  /** One number per channel of the result. */
  readonly bias: OnnxValue | null;
  readonly relu: boolean;
}

const NOTHING: Afterwards = { bias: null, relu: false };

/** Whether our kernels compute it: they know float32, and arrays with elements. */
const isNative = (model: OnnxModel, operands: readonly OnnxValue[]): boolean =>
  model.kernels !== null && operands.every(({ dtype, shape }) => dtype === "float32" && sizeOf(shape) > 0);

/** Numbers per spatial axis for two of them. */
const both = (numbers: readonly number[], missing: number): readonly number[] =>
  numbers.length === 1 ? [missing, ...numbers] : numbers;

const pads = ({ low, high }: Pick<Pooling, "low" | "high">): number[] => [...both(low, 0), ...both(high, 0)];

const convAttributes = (how: Convolution): AttributeValues => ({
  strides: both(how.strides, 1),
  pads: pads(how),
  dilations: both(how.dilation, 1),
  groups: how.groups,
});

const poolAttributes = (how: Pooling): AttributeValues => ({
  window: both(how.window, 1),
  strides: both(how.strides, 1),
  pads: pads(how),
});

/** The shape with two spatial axes: (batch, …spatial, channels), or (…kernel, channels, filters). */
const imageShape = (shape: readonly number[]): readonly number[] =>
  shape.length === 3 ? [shape[0]!, 1, ...shape.slice(1)] : shape;
const kernelShape = (shape: readonly number[]): readonly number[] => (shape.length === 3 ? [1, ...shape] : shape);

const shaped = (model: OnnxModel, x: OnnxValue, shape: readonly number[]): OnnxValue =>
  shape.length === x.shape.length ? x : reshape(model, x, shape);

/** One of our operators. */
function emitNative(
  model: OnnxModel,
  op: string,
  operands: readonly OnnxValue[],
  output: ValueType,
  attributes: AttributeValues,
  shapeOf: (shape: readonly number[]) => readonly number[] = imageShape,
): OnnxValue {
  // Values of bfloat16 are float32 inside of programs.
  const result = model.emit(op, operands, "float32", shapeOf(output.shape), attributes, NATIVE_DOMAIN);
  return output.shape.length === result.shape.length ? result : reshape(model, result, output.shape);
}

const image = (model: OnnxModel, x: OnnxValue): OnnxValue => shaped(model, x, imageShape(x.shape));
const kernel = (model: OnnxModel, w: OnnxValue): OnnxValue => shaped(model, w, kernelShape(w.shape));
const first = (model: OnnxModel, x: OnnxValue): OnnxValue => transpose(model, x, toFirst(x.shape.length));
const last = (model: OnnxModel, x: OnnxValue): OnnxValue => transpose(model, x, toLast(x.shape.length));
const firstKernel = (model: OnnxModel, w: OnnxValue): OnnxValue => transpose(model, w, kernelToFirst(w.shape.length));

/** The type of what a transpose makes an array of a type of. */
function firstType({ shape, dtype }: ValueType): ValueType {
  return { dtype, shape: toFirst(shape.length).map((axis) => shape[axis]!) };
}

/** What the engine computes in the order that it takes, with what follows. */
function afterwards(model: OnnxModel, y: OnnxValue, type: ValueType, { relu }: Afterwards): OnnxValue {
  return last(model, relu ? emitCast(model, "Relu", [y], type) : y);
}

/** A convolution of x and w. */
export function emitConvLast(
  model: OnnxModel,
  [x, w]: readonly OnnxValue[],
  how: Attributes["conv_last"],
  y: ValueType,
  after: Afterwards = NOTHING,
): OnnxValue {
  const bias = after.bias ? [after.bias] : [];
  if (!isNative(model, [x!, w!])) {
    const type = firstType(y);
    return afterwards(
      model,
      emitConv(model, [first(model, x!), firstKernel(model, w!), ...bias], how, type),
      type,
      after,
    );
  }
  const attributes = { ...convAttributes(how), activation: after.relu ? 1 : 0 };
  return emitNative(model, "Conv", [image(model, x!), kernel(model, w!), ...bias], y, attributes);
}

/** The gradient in x of dy and w: a transposed convolution. */
export function emitConvLastInputGrad(
  model: OnnxModel,
  [dy, w]: readonly OnnxValue[],
  how: Attributes["conv_last_input_grad"],
  dx: ValueType,
  after: Afterwards = NOTHING,
): OnnxValue {
  const bias = after.bias ? [after.bias] : [];
  if (!isNative(model, [dy!, w!])) {
    const type = firstType(dx);
    const operands = [first(model, dy!), firstKernel(model, w!), ...bias];
    return afterwards(model, emitInputGrad(model, operands, how, type), type, after);
  }
  const attributes = {
    ...convAttributes(how),
    input_sizes: both(how.inputSizes, 1),
    activation: after.relu ? 1 : 0,
  };
  return emitNative(model, "ConvInputGrad", [image(model, dy!), kernel(model, w!), ...bias], dx, attributes);
}

const weightGrad: OnnxRule<Attributes["conv_last_weight_grad"]> = (model, [x, dy], how, [dw]) => {
  if (isNative(model, [x!, dy!])) {
    const attributes = { ...convAttributes(how), kernel_sizes: both(how.kernelSizes, 1) };
    return [emitNative(model, "ConvWeightGrad", [image(model, x!), image(model, dy!)], dw!, attributes, kernelShape)];
  }
  const operands = [first(model, x!), first(model, dy!)];
  if (how.groups === 1) return [emitWeightGrad(model, operands, how, dw!, "channels, filters")];
  const { result } = CHANNELS_LAST_FORMS.conv_last_weight_grad;
  const [order, shape] = [result(dw!.shape.length), dw!.shape];
  const type = { dtype: dw!.dtype, shape: order.map((_, axis) => shape[order.indexOf(axis)]!) };
  return [transpose(model, convolutionRules.conv_weight_grad(model, operands, how, [type])[0]!, order)];
};

const maxPoolGrad: OnnxRule<Attributes["max_pool_last_grad"]> = (model, [x, dy], how, [dx]) => {
  if (isNative(model, [x!, dy!])) {
    return [emitNative(model, "MaxPoolGrad", [image(model, x!), image(model, dy!)], dx!, poolAttributes(how))];
  }
  const grads = first(model, dy!);
  // The maxima are found again, with their places: of what is given for them only the shape is read.
  const [result] = poolingRules.max_pool_grad(model, [first(model, x!), grads, grads], how, [firstType(dx!)]);
  return [last(model, result!)];
};

/** Sums of windows, each times a factor. */
export function emitSumPoolLast(
  model: OnnxModel,
  x: OnnxValue,
  how: Attributes["sum_pool_last"],
  y: ValueType,
  factor = 1,
): OnnxValue {
  if (isNative(model, [x])) {
    return emitNative(model, "SumPool", [image(model, x)], y, { ...poolAttributes(how), factor: { float: factor } });
  }
  const [sums] = poolingRules.sum_pool(model, [first(model, x)], how, [firstType(y)]);
  return scaled(model, last(model, sums!), y, factor);
}

/** The gradient of those in x. */
export function emitSumPoolLastGrad(
  model: OnnxModel,
  dy: OnnxValue,
  how: Attributes["sum_pool_last_grad"],
  dx: ValueType,
  factor = 1,
): OnnxValue {
  if (isNative(model, [dy])) {
    const sizes = { input_sizes: both(how.inputSizes, 1), factor: { float: factor } };
    return emitNative(model, "SumPoolGrad", [image(model, dy)], dx, { ...poolAttributes(how), ...sizes });
  }
  const [sums] = poolingRules.sum_pool_grad(model, [first(model, dy)], how, [firstType(dx)]);
  return scaled(model, last(model, sums!), dx, factor);
}

const scaled = (model: OnnxModel, x: OnnxValue, type: ValueType, factor: number): OnnxValue =>
  factor === 1 ? x : emitCast(model, "Mul", [x, model.scalar(factor, type.dtype)], type);

export const channelsLastRules: { readonly [P in keyof Attributes]: OnnxRule<Attributes[P]> } = {
  conv_last: (model, inputs, how, [y]) => [emitConvLast(model, inputs, how, y!)],
  conv_last_input_grad: (model, inputs, how, [dx]) => [emitConvLastInputGrad(model, inputs, how, dx!)],
  conv_last_weight_grad: weightGrad,
  max_pool_last: (model, [x], how, [y]) => {
    if (isNative(model, [x!])) return [emitNative(model, "MaxPool", [image(model, x!)], y!, poolAttributes(how))];
    return [last(model, poolingRules.max_pool(model, [first(model, x!)], how, [firstType(y!)])[0]!)];
  },
  max_pool_last_grad: maxPoolGrad,
  sum_pool_last: (model, [x], how, [y]) => [emitSumPoolLast(model, x!, how, y!)],
  sum_pool_last_grad: (model, [dy], how, [dx]) => [emitSumPoolLastGrad(model, dy!, how, dx!)],
};
