/** Lowering of convolutions and their gradients. Which form is used for which shape was measured: decision 0003. */
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

/** A convolution, with a bias per output channel if there is one. */
export function emitConv(
  model: OnnxModel,
  operands: readonly OnnxValue[],
  attributes: Convolution,
  output: ValueType,
): OnnxValue {
  return emitCast(model, "Conv", operands, output, engineAttributes(attributes, operands[1]!.shape.slice(2)));
}

const inputGrad: OnnxRule<Attributes["conv_input_grad"]> = (model, [dy, w], attributes, [dx]) => {
  const { strides, low, high, dilation, inputSizes } = attributes;
  const kernel = w!.shape.slice(2);
  // Elements at the end that no window reached.
  const unread = inputSizes.map((size, i) => {
    const covered = (dy!.shape[i + 2]! - 1) * strides[i]! + spanOf(kernel[i]!, dilation[i]!);
    return size + low[i]! + high[i]! - covered;
  });
  const how = { ...engineAttributes(attributes, kernel), output_padding: unread };
  return [emitCast(model, "ConvTranspose", [dy!, w!], dx!, how)];
};

/**
 * One product of matrices per kernel element: the part of x that this element met, (channels, places), with dy, (filters,
 * places), summed over the batch.
 */
const weightGrad: OnnxRule<Attributes["conv_weight_grad"]> = (model, [x, dy], attributes, [dw]) => {
  const { strides, low, high, dilation, groups, kernelSizes } = attributes;
  const dtype = kernelDType("FusedMatMul", x!.dtype);
  const [batch, filters, ...places] = dy!.shape as [number, number, ...number[]];
  const channels = x!.shape[1]!;
  const positions = places.reduce((n, d) => n * d, 1);
  const kernelSize = kernelSizes.reduce((n, d) => n * d, 1);
  let padded = model.cast(x!, dtype);
  if ([...low, ...high].some((n) => n > 0)) {
    const shape = padded.shape.map((d, i) => (i < 2 ? d : d + low[i - 2]! + high[i - 2]!));
    padded = model.emit("Pad", [padded, model.ints([0, 0, ...low, 0, 0, ...high])], dtype, shape);
  }
  const axes = places.map((_, i) => i + 2);
  const patches = Array.from({ length: kernelSize }, (_, flat) => {
    const starts: number[] = [];
    let rest = flat;
    for (let i = kernelSizes.length - 1; i >= 0; i--) {
      starts.unshift((rest % kernelSizes[i]!) * dilation[i]!);
      rest = Math.floor(rest / kernelSizes[i]!);
    }
    const limits = starts.map((start, i) => start + (places[i]! - 1) * strides[i]! + 1);
    const patch = sliceAxes(model, padded, axes, starts, limits, strides, [batch, channels, ...places]);
    return reshape(model, patch, [batch, groups, 1, channels / groups, positions]);
  });
  const joined =
    kernelSize === 1
      ? patches[0]!
      : model.emit("Concat", patches, dtype, [batch, groups, kernelSize, channels / groups, positions], { axis: 2 });
  const columns = reshape(model, joined, [batch, groups, (kernelSize * channels) / groups, positions]);
  const rows = reshape(model, model.cast(dy!, dtype), [batch, groups, filters / groups, positions]);
  const product = [batch, groups, filters / groups, (kernelSize * channels) / groups];
  const products = model.emit("FusedMatMul", [rows, columns], dtype, product, { transB: 1 }, "com.microsoft");
  const sum = model.emit("ReduceSum", [products, model.ints([0])], dtype, product.slice(1), { keepdims: 0 });
  const split = reshape(model, sum, [filters, kernelSize, channels / groups]);
  return [model.cast(reshape(model, transpose(model, split, [0, 2, 1]), dw!.shape), dw!.dtype)];
};

export const convolutionRules: {
  readonly [P in "conv" | "conv_input_grad" | "conv_weight_grad"]: OnnxRule<Attributes[P]>;
} = {
  conv: (model, inputs, attributes, [out]) => [emitConv(model, inputs, attributes, out!)],
  conv_input_grad: inputGrad,
  conv_weight_grad: weightGrad,
};
