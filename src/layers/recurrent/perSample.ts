/** Which layers treat each sample of a batch for itself, so that several batches may be run as one. */
import { classNameOf } from "../../ops/operation.ts";
import { isBuiltin } from "../../serialization/registry.ts";
import type { LayerBase } from "../layer.ts";

/** Classes of Keras whose result for a sample never depends on another one, nor on the size of the batch. */
const PER_SAMPLE: ReadonlySet<string> = new Set([
  "Activation",
  "Add",
  "Average",
  "AveragePooling1D",
  "AveragePooling2D",
  "AveragePooling3D",
  "Conv1D",
  "Conv1DTranspose",
  "Conv2D",
  "Conv2DTranspose",
  "Conv3D",
  "Conv3DTranspose",
  "Cropping1D",
  "Cropping2D",
  "Cropping3D",
  "Dense",
  "DepthwiseConv1D",
  "DepthwiseConv2D",
  "ELU",
  "Embedding",
  "Flatten",
  "Functional",
  "GRU",
  "GRUCell",
  "GlobalAveragePooling1D",
  "GlobalAveragePooling2D",
  "GlobalAveragePooling3D",
  "GlobalMaxPooling1D",
  "GlobalMaxPooling2D",
  "GlobalMaxPooling3D",
  "GroupNormalization",
  "Identity",
  "InputLayer",
  "LSTM",
  "LSTMCell",
  "LeakyReLU",
  "MaxPooling1D",
  "MaxPooling2D",
  "MaxPooling3D",
  "Multiply",
  "PReLU",
  "Permute",
  "ReLU",
  "RepeatVector",
  "Rescaling",
  "SeparableConv1D",
  "SeparableConv2D",
  "Sequential",
  "SimpleRNN",
  "SimpleRNNCell",
  "Subtract",
  "UpSampling1D",
  "UpSampling2D",
  "UpSampling3D",
  "ZeroPadding1D",
  "ZeroPadding2D",
  "ZeroPadding3D",
]);

/** Ops in the graph of a model may do anything, and so may a layer of the user. */
export function isPerSample(layer: LayerBase): boolean {
  return layer.flattenLayers().every((inner) => {
    const { stateful = false, operations = [] } = inner as { stateful?: boolean; operations?: readonly object[] };
    return (
      isBuiltin(inner.constructor) &&
      PER_SAMPLE.has(classNameOf(inner)) &&
      inner.activityRegularizer === null &&
      !stateful &&
      operations.every((operation) => "dtypePolicy" in operation)
    );
  });
}
