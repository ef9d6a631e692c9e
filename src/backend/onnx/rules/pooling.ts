/** Lowering of pooling. Which form is used for which shape was measured: decision 0003. */
import { shapesEqual, sizeOf } from "../../../core/shape.ts";
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

/** Maxima, and their places at hand for the gradients of the result. */
export function emitMaxPool(model: OnnxModel, x: OnnxValue, attributes: Pooling, y: ValueType): OnnxValue {
  const dtype = kernelDType("MaxPool", x.dtype);
  const outputs = [
    { dtype, shape: y.shape },
    { dtype: "int64" as const, shape: y.shape },
  ];
  const [maxima, places] = model.emitAll("MaxPool", [model.cast(x, dtype)], outputs, engineAttributes(attributes));
  const result = model.cast(maxima!, y.dtype);
  model.places.set(result.name, places!);
  return result;
}

/** Row-major places in the whole of x of the first maximum of each window. */
function placesOf(model: OnnxModel, x: OnnxValue, y: OnnxValue, attributes: Pooling): OnnxValue {
  return model.places.get(y.name) ?? model.places.get(emitMaxPool(model, x, attributes, y).name)!;
}

/** Each window's element is written to its place where windows share none, else added. */
const maxPoolGrad: OnnxRule<Attributes["max_pool_grad"]> = (model, [x, y, dy], attributes, [dx]) => {
  const places = placesOf(model, x!, y!, attributes);
  const { window, strides, low, high } = attributes;
  const apart = strides.every((s, i) => s >= window[i]!);
  // The engine counts on windows that reach over more than the padding.
  const beyondPadding = dy!.shape
    .slice(2)
    .every((places, i) => (places - 1) * strides[i]! + window[i]! > low[i]! + high[i]!);
  if (apart && beyondPadding) {
    const dtype = kernelDType("MaxUnpool", dy!.dtype);
    const operands = [model.cast(dy!, dtype), places, model.ints(dx!.shape)];
    const moved = model.emit("MaxUnpool", operands, dtype, dx!.shape, engineAttributes(attributes));
    return [model.cast(moved, dx!.dtype)];
  }
  const dtype = kernelDType("ScatterElements", x!.dtype);
  const size = sizeOf(x!.shape);
  const flat = (v: OnnxValue): OnnxValue => reshape(model, v, [sizeOf(v.shape)]);
  const zeros = model.emit("Expand", [model.scalar(0, dtype), model.ints([size])], dtype, [size]);
  const scattered = model.emit("ScatterElements", [zeros, flat(places), flat(model.cast(dy!, dtype))], dtype, [size], {
    axis: 0,
    reduction: "add",
  });
  return [model.cast(reshape(model, scattered, x!.shape), dx!.dtype)];
};

const maxPoolGather: OnnxRule<Attributes["max_pool_gather"]> = (model, [x, y, v], attributes) => {
  const places = placesOf(model, x!, y!, attributes);
  return [model.emit("Gather", [reshape(model, v!, [sizeOf(v!.shape)]), places], v!.dtype, y!.shape, { axis: 0 })];
};

/** The mean of each window, padding counted as 0. */
export function emitMeanPool(model: OnnxModel, x: OnnxValue, attributes: Pooling, output: ValueType): OnnxValue {
  return emitCast(model, "AveragePool", [x], output, { ...engineAttributes(attributes), count_include_pad: 1 });
}

function sumPool(model: OnnxModel, x: OnnxValue, attributes: Pooling, output: ValueType): OnnxValue {
  const mean = emitMeanPool(model, x, attributes, output);
  const size = sizeOf(attributes.window);
  return size === 1 ? mean : emitCast(model, "Mul", [mean, model.scalar(size, output.dtype)], output);
}

/** Windows that tile x repeat dy, those at every place sum it, others are a convolution by ones, transposed. */
const sumPoolGrad: OnnxRule<Attributes["sum_pool_grad"]> = (model, [dy], attributes, [dx]) => {
  const { window, strides, low, high, inputSizes } = attributes;
  const [batch, channels, ...places] = dy!.shape as [number, number, ...number[]];
  const none = [...low, ...high].every((n) => n === 0);
  const dtype = kernelDType("Resize", dy!.dtype);
  if (none && shapesEqual(window, strides) && places.every((n, i) => n * window[i]! === inputSizes[i])) {
    const scales = model.constant(Float32Array.of(1, 1, ...window), [window.length + 2], "float32");
    const how = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
    const repeated = model.emit("Resize", [model.cast(dy!, dtype), null, scales], dtype, dx!.shape, how);
    return [model.cast(repeated, dx!.dtype)];
  }
  if (strides.every((s) => s === 1)) {
    const around = { low: low.map((n, i) => window[i]! - 1 - n), high: high.map((n, i) => window[i]! - 1 - n) };
    return [sumPool(model, dy!, { window, strides, ...around }, dx!)];
  }
  const planes = reshape(model, model.cast(dy!, dtype), [batch * channels, 1, ...places]);
  const kernel = [1, 1, ...window];
  const ones = model.emit("Expand", [model.scalar(1, dtype), model.ints(kernel)], dtype, kernel);
  const unread = inputSizes.map((n, i) => n + low[i]! + high[i]! - ((places[i]! - 1) * strides[i]! + window[i]!));
  const spread = model.emit("ConvTranspose", [planes, ones], dtype, [batch * channels, 1, ...inputSizes], {
    ...engineAttributes(attributes),
    output_padding: unread,
  });
  return [model.cast(reshape(model, spread, dx!.shape), dx!.dtype)];
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
  sum_pool_grad: sumPoolGrad,
};
