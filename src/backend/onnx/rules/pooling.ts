/** Lowering of pooling. Which form is used for which shape was measured: decision 0003. */
import { sizeOf } from "../../../core/shape.ts";
import type { PrimitiveAttributes as Attributes } from "../../../ir/primitives.ts";
import type { ValueType } from "../../../ir/value.ts";
import type { Pooling } from "../../../ir/windows.ts";
import type { AttributeValues, OnnxModel, OnnxValue } from "../model.ts";
import { emitCast, kernelDType, type OnnxRule } from "./rule.ts";
import { reshape } from "./shaping.ts";

const engineAttributes = ({ window, strides, low, high }: Pooling): AttributeValues => ({
  kernel_shape: window,
  strides,
  pads: [...low, ...high],
});

/** Row-major positions in the whole of x of the first maximum of each window. */
function maxima(model: OnnxModel, x: OnnxValue, attributes: Pooling, shape: readonly number[]): OnnxValue {
  const dtype = kernelDType("MaxPool", x.dtype);
  const outputs = [
    { dtype, shape },
    { dtype: "int64" as const, shape },
  ];
  return model.emitAll("MaxPool", [model.cast(x, dtype)], outputs, engineAttributes(attributes))[1]!;
}

const maxPoolGrad: OnnxRule<Attributes["max_pool_grad"]> = (model, [x, y, dy], attributes, [dx]) => {
  const dtype = kernelDType("ScatterElements", x!.dtype);
  const size = sizeOf(x!.shape);
  const flat = (v: OnnxValue): OnnxValue => reshape(model, v, [sizeOf(v.shape)]);
  const positions = flat(maxima(model, x!, attributes, y!.shape));
  const zeros = model.emit("Expand", [model.scalar(0, dtype), model.ints([size])], dtype, [size]);
  const scattered = model.emit("ScatterElements", [zeros, positions, flat(model.cast(dy!, dtype))], dtype, [size], {
    axis: 0,
    reduction: "add",
  });
  return [model.cast(reshape(model, scattered, x!.shape), dx!.dtype)];
};

const maxPoolGather: OnnxRule<Attributes["max_pool_gather"]> = (model, [x, y, v], attributes) => {
  const positions = maxima(model, x!, attributes, y!.shape);
  return [model.emit("Gather", [reshape(model, v!, [sizeOf(v!.shape)]), positions], v!.dtype, y!.shape, { axis: 0 })];
};

/** The mean of each window, padding counted as 0. */
export function emitMeanPool(model: OnnxModel, x: OnnxValue, attributes: Pooling, output: ValueType): OnnxValue {
  return emitCast(model, "AveragePool", [x], output, { ...engineAttributes(attributes), count_include_pad: 1 });
}

const sumPool = (model: OnnxModel, x: OnnxValue, attributes: Pooling, output: ValueType): OnnxValue => {
  const mean = emitMeanPool(model, x, attributes, output);
  const size = attributes.window.reduce((n, d) => n * d, 1);
  return size === 1 ? mean : emitCast(model, "Mul", [mean, model.scalar(size, output.dtype)], output);
};

export const poolingRules: {
  readonly [P in "max_pool" | "max_pool_grad" | "max_pool_gather" | "sum_pool" | "sum_pool_grad"]: OnnxRule<
    Attributes[P]
  >;
} = {
  max_pool: (model, [x], attributes, [y]) => [emitCast(model, "MaxPool", [x!], y!, engineAttributes(attributes))],
  max_pool_grad: maxPoolGrad,
  max_pool_gather: maxPoolGather,
  sum_pool: (model, [x], attributes, [y]) => [sumPool(model, x!, attributes, y!)],
  /** A convolution with a ones kernel of its own for every channel, transposed. */
  sum_pool_grad: (model, [dy], { window, strides, low, high, inputSizes }, [dx]) => {
    const [batch, channels] = dy!.shape as [number, number];
    const dtype = kernelDType("ConvTranspose", dy!.dtype);
    const planes = reshape(model, model.cast(dy!, dtype), [batch * channels, 1, ...dy!.shape.slice(2)]);
    const ones = model.emit("Expand", [model.scalar(1, dtype), model.ints([1, 1, ...window])], dtype, [
      1,
      1,
      ...window,
    ]);
    const unread = inputSizes.map(
      (n, i) => n + low[i]! + high[i]! - ((dy!.shape[i + 2]! - 1) * strides[i]! + window[i]!),
    );
    const spread = model.emit("ConvTranspose", [planes, ones], dtype, [batch * channels, 1, ...inputSizes], {
      kernel_shape: window,
      strides,
      pads: [...low, ...high],
      output_padding: unread,
    });
    return [model.cast(reshape(model, spread, dx!.shape), dx!.dtype)];
  },
};
