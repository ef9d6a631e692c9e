/** `keras.layers`. */
import type { SerializableClass } from "../serialization/registry.ts";
import { Activation } from "./activations/activation.ts";
import { PReLU } from "./activations/prelu.ts";
import { ELU, LeakyReLU, ReLU } from "./activations/relu.ts";
import { Softmax } from "./activations/softmax.ts";
import { Dense } from "./core/dense.ts";
import { Identity } from "./core/identity.ts";
import { InputLayer } from "./core/inputLayer.ts";
import { Masking } from "./core/masking.ts";
import { Concatenate } from "./merging/concatenate.ts";
import { Dot } from "./merging/dot.ts";
import { Add, Average, Maximum, Minimum, Multiply, Subtract } from "./merging/elementwise.ts";
import { ActivityRegularization } from "./regularization/activityRegularization.ts";
import { AlphaDropout } from "./regularization/alphaDropout.ts";
import { Dropout } from "./regularization/dropout.ts";
import { GaussianDropout, GaussianNoise } from "./regularization/gaussian.ts";
import { SpatialDropout1D, SpatialDropout2D, SpatialDropout3D } from "./regularization/spatialDropout.ts";
import { Flatten } from "./reshaping/flatten.ts";
import { Permute } from "./reshaping/permute.ts";
import { RepeatVector } from "./reshaping/repeatVector.ts";
import { Reshape } from "./reshaping/reshape.ts";

export { Activation } from "./activations/activation.ts";
export { PReLU, type PReLUOptions } from "./activations/prelu.ts";
export { ELU, type ELUOptions, LeakyReLU, type LeakyReLUOptions, ReLU, type ReLUOptions } from "./activations/relu.ts";
export { Softmax, type SoftmaxOptions } from "./activations/softmax.ts";
export { Dense, type DenseOptions } from "./core/dense.ts";
export { Identity } from "./core/identity.ts";
export { Input, InputLayer, type InputOptions } from "./core/inputLayer.ts";
export { Masking, type MaskingOptions } from "./core/masking.ts";
export { InputSpec, type InputSpecOptions } from "./inputSpec.ts";
export { type CallOptions, type InputShape, Layer, type LayerOptions, type Mask, type WeightOptions } from "./layer.ts";
export { Concatenate, type ConcatenateOptions, concatenate } from "./merging/concatenate.ts";
export { Dot, type DotOptions, dot } from "./merging/dot.ts";
export {
  Add,
  Average,
  add,
  average,
  Maximum,
  Minimum,
  Multiply,
  maximum,
  minimum,
  multiply,
  Subtract,
  subtract,
} from "./merging/elementwise.ts";
export {
  ActivityRegularization,
  type ActivityRegularizationOptions,
} from "./regularization/activityRegularization.ts";
export { AlphaDropout } from "./regularization/alphaDropout.ts";
export { Dropout, type DropoutOptions } from "./regularization/dropout.ts";
export { GaussianDropout, GaussianNoise, type GaussianNoiseOptions } from "./regularization/gaussian.ts";
export type { RateOptions, SeededOptions } from "./regularization/noiseLayer.ts";
export {
  SpatialDropout1D,
  SpatialDropout2D,
  SpatialDropout3D,
  type SpatialDropoutOptions,
} from "./regularization/spatialDropout.ts";
export { Flatten, type FlattenOptions } from "./reshaping/flatten.ts";
export { Permute } from "./reshaping/permute.ts";
export { RepeatVector } from "./reshaping/repeatVector.ts";
export { Reshape } from "./reshaping/reshape.ts";

/** Classes by their name in files. */
export const CLASSES = {
  Activation,
  ActivityRegularization,
  Add,
  AlphaDropout,
  Average,
  Concatenate,
  Dense,
  Dot,
  Dropout,
  ELU,
  Flatten,
  GaussianDropout,
  GaussianNoise,
  Identity,
  InputLayer,
  LeakyReLU,
  Masking,
  Maximum,
  Minimum,
  Multiply,
  PReLU,
  Permute,
  ReLU,
  RepeatVector,
  Reshape,
  Softmax,
  SpatialDropout1D,
  SpatialDropout2D,
  SpatialDropout3D,
  Subtract,
} as unknown as Readonly<Record<string, SerializableClass>>;
