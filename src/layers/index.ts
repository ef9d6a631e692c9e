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
import { BatchNormalization } from "./normalization/batchNormalization.ts";
import { GroupNormalization } from "./normalization/groupNormalization.ts";
import { LayerNormalization } from "./normalization/layerNormalization.ts";
import { RMSNormalization } from "./normalization/rmsNormalization.ts";
import { SpectralNormalization } from "./normalization/spectralNormalization.ts";
import { UnitNormalization } from "./normalization/unitNormalization.ts";
import { CenterCrop } from "./preprocessing/centerCrop.ts";
import { Rescaling } from "./preprocessing/rescaling.ts";
import { ActivityRegularization } from "./regularization/activityRegularization.ts";
import { AlphaDropout } from "./regularization/alphaDropout.ts";
import { Dropout } from "./regularization/dropout.ts";
import { GaussianDropout, GaussianNoise } from "./regularization/gaussian.ts";
import { SpatialDropout1D, SpatialDropout2D, SpatialDropout3D } from "./regularization/spatialDropout.ts";
import { Cropping1D, Cropping2D, Cropping3D } from "./reshaping/cropping.ts";
import { Flatten } from "./reshaping/flatten.ts";
import { Permute } from "./reshaping/permute.ts";
import { RepeatVector } from "./reshaping/repeatVector.ts";
import { Reshape } from "./reshaping/reshape.ts";
import { UpSampling1D, UpSampling2D, UpSampling3D } from "./reshaping/upSampling.ts";
import { ZeroPadding1D, ZeroPadding2D, ZeroPadding3D } from "./reshaping/zeroPadding.ts";

export { Activation } from "./activations/activation.ts";
export { PReLU, type PReLUOptions } from "./activations/prelu.ts";
export { ELU, type ELUOptions, LeakyReLU, type LeakyReLUOptions, ReLU, type ReLUOptions } from "./activations/relu.ts";
export { Softmax, type SoftmaxOptions } from "./activations/softmax.ts";
export { Dense, type DenseOptions } from "./core/dense.ts";
export { Identity } from "./core/identity.ts";
export { Input, InputLayer, type InputOptions } from "./core/inputLayer.ts";
export { Masking, type MaskingOptions } from "./core/masking.ts";
export { Wrapper } from "./core/wrapper.ts";
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
export { BatchNormalization, type BatchNormalizationOptions } from "./normalization/batchNormalization.ts";
export type { RenormClipping } from "./normalization/batchRenormalization.ts";
export { GroupNormalization, type GroupNormalizationOptions } from "./normalization/groupNormalization.ts";
export { LayerNormalization, type LayerNormalizationOptions } from "./normalization/layerNormalization.ts";
export { RMSNormalization, type RMSNormalizationOptions } from "./normalization/rmsNormalization.ts";
export { SpectralNormalization, type SpectralNormalizationOptions } from "./normalization/spectralNormalization.ts";
export { UnitNormalization, type UnitNormalizationOptions } from "./normalization/unitNormalization.ts";
export { CenterCrop, type CenterCropOptions } from "./preprocessing/centerCrop.ts";
export { Rescaling, type RescalingOptions } from "./preprocessing/rescaling.ts";
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
export {
  Cropping1D,
  type Cropping1DOptions,
  Cropping2D,
  type Cropping2DOptions,
  Cropping3D,
  type Cropping3DOptions,
} from "./reshaping/cropping.ts";
export { Flatten, type FlattenOptions } from "./reshaping/flatten.ts";
export { Permute } from "./reshaping/permute.ts";
export { RepeatVector } from "./reshaping/repeatVector.ts";
export { Reshape } from "./reshaping/reshape.ts";
export {
  type Interpolation,
  UpSampling1D,
  type UpSampling1DOptions,
  UpSampling2D,
  type UpSampling2DOptions,
  UpSampling3D,
  type UpSampling3DOptions,
} from "./reshaping/upSampling.ts";
export {
  ZeroPadding1D,
  type ZeroPadding1DOptions,
  ZeroPadding2D,
  type ZeroPadding2DOptions,
  ZeroPadding3D,
  type ZeroPadding3DOptions,
} from "./reshaping/zeroPadding.ts";

/** Classes by their name in files. */
export const CLASSES = {
  Activation,
  ActivityRegularization,
  Add,
  AlphaDropout,
  Average,
  BatchNormalization,
  CenterCrop,
  Concatenate,
  Cropping1D,
  Cropping2D,
  Cropping3D,
  Dense,
  Dot,
  Dropout,
  ELU,
  Flatten,
  GaussianDropout,
  GaussianNoise,
  GroupNormalization,
  Identity,
  InputLayer,
  LayerNormalization,
  LeakyReLU,
  Masking,
  Maximum,
  Minimum,
  Multiply,
  PReLU,
  Permute,
  RMSNormalization,
  ReLU,
  RepeatVector,
  Rescaling,
  Reshape,
  Softmax,
  SpatialDropout1D,
  SpatialDropout2D,
  SpatialDropout3D,
  SpectralNormalization,
  Subtract,
  UnitNormalization,
  UpSampling1D,
  UpSampling2D,
  UpSampling3D,
  ZeroPadding1D,
  ZeroPadding2D,
  ZeroPadding3D,
} as unknown as Readonly<Record<string, SerializableClass>>;
