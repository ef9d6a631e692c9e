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
  "GaussianDropout",
  "GaussianNoise",
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
  "SpatialDropout1D",
  "SpatialDropout2D",
  "SpatialDropout3D",
  "Subtract",
  "UpSampling1D",
  "UpSampling2D",
  "UpSampling3D",
  "ZeroPadding1D",
  "ZeroPadding2D",
  "ZeroPadding3D",
]);

/** Classes of Keras of which it depends on an option, or on whether the call is one in training. */
const SOMETIMES: Readonly<Record<string, (layer: Options, training: boolean) => boolean>> = {
  AlphaDropout: freeOfBatch,
  // Its statistics are those of a batch in training only.
  BatchNormalization: ({ axis }, training) => !training && axis !== 0,
  Dropout: freeOfBatch,
};

interface Options {
  readonly axis?: unknown;
  readonly noiseShape?: readonly unknown[] | null;
}

/** Whether the shape of what is dropped leaves the batch open. */
function freeOfBatch({ noiseShape }: Options): boolean {
  return noiseShape === null || noiseShape === undefined || noiseShape[0] === null;
}

function isOne(layer: LayerBase, training: boolean): boolean {
  const { stateful = false, graph } = layer as { stateful?: boolean; graph?: { operations: readonly object[] } | null };
  const name = classNameOf(layer);
  if (!isBuiltin(layer.constructor) || stateful || layer.activityRegularizer !== null) return false;
  // Ops in the graph of a model may do anything.
  if (graph?.operations.some((operation) => !("dtypePolicy" in operation))) return false;
  return PER_SAMPLE.has(name) || (SOMETIMES[name]?.(layer as Options, training) ?? false);
}

/** Whether a layer, and all layers inside it, treat each sample for itself. Layers of the user may do anything. */
export const isPerSample = (layer: LayerBase, training: boolean): boolean =>
  layer.flattenLayers().every((inner) => isOne(inner, training));
