/** `keras.layers`. */
import type { SerializableClass } from "../serialization/registry.ts";
import { Activation } from "./activations/activation.ts";
import { PReLU } from "./activations/prelu.ts";
import { ELU, LeakyReLU, ReLU } from "./activations/relu.ts";
import { Softmax } from "./activations/softmax.ts";
import * as attention from "./attention/index.ts";
import { Conv1D, Conv2D, Conv3D } from "./convolutional/conv.ts";
import { Conv1DTranspose, Conv2DTranspose, Conv3DTranspose } from "./convolutional/convTranspose.ts";
import { DepthwiseConv1D, DepthwiseConv2D } from "./convolutional/depthwiseConv.ts";
import { SeparableConv1D, SeparableConv2D } from "./convolutional/separableConv.ts";
import { Dense } from "./core/dense.ts";
import { EinsumDense } from "./core/einsumDense.ts";
import { Embedding } from "./core/embedding.ts";
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
import {
  AdaptiveAveragePooling1D,
  AdaptiveAveragePooling2D,
  AdaptiveAveragePooling3D,
} from "./pooling/adaptiveAveragePooling.ts";
import { AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D } from "./pooling/adaptiveMaxPooling.ts";
import { AveragePooling1D, AveragePooling2D, AveragePooling3D } from "./pooling/averagePooling.ts";
import {
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalAveragePooling3D,
} from "./pooling/globalAveragePooling.ts";
import { GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D } from "./pooling/globalMaxPooling.ts";
import { MaxPooling1D, MaxPooling2D, MaxPooling3D } from "./pooling/maxPooling.ts";
import * as preprocessing from "./preprocessing/index.ts";
import * as recurrent from "./recurrent/index.ts";
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
export * from "./attention/index.ts";
export {
  Conv1D,
  Conv1D as Convolution1D,
  type Conv1DOptions,
  Conv2D,
  Conv2D as Convolution2D,
  type Conv2DOptions,
  Conv3D,
  Conv3D as Convolution3D,
  type Conv3DOptions,
} from "./convolutional/conv.ts";
export {
  Conv1DTranspose,
  Conv1DTranspose as Convolution1DTranspose,
  type Conv1DTransposeOptions,
  Conv2DTranspose,
  Conv2DTranspose as Convolution2DTranspose,
  type Conv2DTransposeOptions,
  Conv3DTranspose,
  Conv3DTranspose as Convolution3DTranspose,
  type Conv3DTransposeOptions,
} from "./convolutional/convTranspose.ts";
export {
  DepthwiseConv1D,
  type DepthwiseConv1DOptions,
  DepthwiseConv2D,
  type DepthwiseConv2DOptions,
} from "./convolutional/depthwiseConv.ts";
export {
  SeparableConv1D,
  SeparableConv1D as SeparableConvolution1D,
  type SeparableConv1DOptions,
  SeparableConv2D,
  SeparableConv2D as SeparableConvolution2D,
  type SeparableConv2DOptions,
} from "./convolutional/separableConv.ts";
export { Dense, type DenseOptions } from "./core/dense.ts";
export { EinsumDense, type EinsumDenseOptions } from "./core/einsumDense.ts";
export { Embedding, type EmbeddingOptions } from "./core/embedding.ts";
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
export {
  AdaptiveAveragePooling1D,
  AdaptiveAveragePooling2D,
  AdaptiveAveragePooling3D,
} from "./pooling/adaptiveAveragePooling.ts";
export { AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D } from "./pooling/adaptiveMaxPooling.ts";
export {
  AveragePooling1D,
  AveragePooling1D as AvgPool1D,
  type AveragePooling1DOptions,
  AveragePooling2D,
  AveragePooling2D as AvgPool2D,
  type AveragePooling2DOptions,
  AveragePooling3D,
  AveragePooling3D as AvgPool3D,
  type AveragePooling3DOptions,
} from "./pooling/averagePooling.ts";
export type { AdaptivePoolingOptions } from "./pooling/baseAdaptivePooling.ts";
export type { GlobalPoolingOptions } from "./pooling/baseGlobalPooling.ts";
export {
  GlobalAveragePooling1D,
  GlobalAveragePooling1D as GlobalAvgPool1D,
  GlobalAveragePooling2D,
  GlobalAveragePooling2D as GlobalAvgPool2D,
  GlobalAveragePooling3D,
  GlobalAveragePooling3D as GlobalAvgPool3D,
} from "./pooling/globalAveragePooling.ts";
export {
  GlobalMaxPooling1D,
  GlobalMaxPooling1D as GlobalMaxPool1D,
  GlobalMaxPooling2D,
  GlobalMaxPooling2D as GlobalMaxPool2D,
  GlobalMaxPooling3D,
  GlobalMaxPooling3D as GlobalMaxPool3D,
} from "./pooling/globalMaxPooling.ts";
export {
  MaxPooling1D,
  MaxPooling1D as MaxPool1D,
  type MaxPooling1DOptions,
  MaxPooling2D,
  MaxPooling2D as MaxPool2D,
  type MaxPooling2DOptions,
  MaxPooling3D,
  MaxPooling3D as MaxPool3D,
  type MaxPooling3DOptions,
} from "./pooling/maxPooling.ts";
export * from "./preprocessing/index.ts";
export * from "./recurrent/index.ts";
export {
  ActivityRegularization,
  type ActivityRegularizationOptions,
} from "./regularization/activityRegularization.ts";
export { AlphaDropout } from "./regularization/alphaDropout.ts";
export { Dropout } from "./regularization/dropout.ts";
export type { DropoutOptions } from "./regularization/droppingLayer.ts";
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
export type { Interpolation } from "./reshaping/interpolation.ts";
export { Permute } from "./reshaping/permute.ts";
export { RepeatVector } from "./reshaping/repeatVector.ts";
export { Reshape } from "./reshaping/reshape.ts";
export {
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
  ...attention,
  ...preprocessing,
  ...recurrent,
  Activation,
  ActivityRegularization,
  AdaptiveAveragePooling1D,
  AdaptiveAveragePooling2D,
  AdaptiveAveragePooling3D,
  AdaptiveMaxPooling1D,
  AdaptiveMaxPooling2D,
  AdaptiveMaxPooling3D,
  Add,
  AlphaDropout,
  Average,
  AveragePooling1D,
  AveragePooling2D,
  AveragePooling3D,
  BatchNormalization,
  Concatenate,
  Conv1D,
  Conv1DTranspose,
  Conv2D,
  Conv2DTranspose,
  Conv3D,
  Conv3DTranspose,
  Cropping1D,
  Cropping2D,
  Cropping3D,
  Dense,
  DepthwiseConv1D,
  DepthwiseConv2D,
  Dot,
  Dropout,
  ELU,
  EinsumDense,
  Embedding,
  Flatten,
  GaussianDropout,
  GaussianNoise,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalAveragePooling3D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  GlobalMaxPooling3D,
  GroupNormalization,
  Identity,
  InputLayer,
  LayerNormalization,
  LeakyReLU,
  Masking,
  MaxPooling1D,
  MaxPooling2D,
  MaxPooling3D,
  Maximum,
  Minimum,
  Multiply,
  PReLU,
  Permute,
  RMSNormalization,
  ReLU,
  RepeatVector,
  Reshape,
  SeparableConv1D,
  SeparableConv2D,
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
