/** Every layer through the checks of src/testing/runLayerTest.ts, and what its options refuse. */
import { describe, expect, it } from "vitest";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { Regularizer } from "../regularizers/index.ts";
import { tensor } from "../runtime/tensor.ts";
import { type LayerExpectations, runLayerTest, type TestedClass } from "../testing/runLayerTest.ts";
import * as layers from "./index.ts";
import * as recurrent from "./recurrent/index.ts";

type Row = [cls: string, options: Record<string, unknown>, expected: LayerExpectations];

const still: LayerExpectations = {
  inputShape: [2, 3],
  expectedOutputShape: [2, 3],
  supportsMasking: true,
  builtAtOnce: true,
};
const image: LayerExpectations = { ...still, inputShape: [2, 3, 2, 4], expectedOutputShape: [2, 3, 2, 4] };
const merged: LayerExpectations = {
  inputShape: [
    [2, 3],
    [2, 3],
  ],
  expectedOutputShape: [2, 3],
  supportsMasking: true,
};
const attending: LayerExpectations = {
  inputShape: [
    [2, 3, 4],
    [2, 5, 4],
  ],
  expectedOutputShape: [2, 3, 4],
  supportsMasking: true,
};
const normalized: LayerExpectations = { ...still, builtAtOnce: false, trainableWeights: 2 };
const weighted: Partial<LayerExpectations> = { trainableWeights: 2 };
const pooled: Partial<LayerExpectations> = { builtAtOnce: true };
const images = { inputShape: [2, 3, 2, 4], expectedOutputShape: [2, 3, 2, 4] };
const training = { call: { training: true }, gradients: false };

/** Layers that compute on the host; preprocessing/textPreprocessing.test.ts has them. */
const ON_HOST = ["HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization"];

/** Recurrent layers and wrappers over time; recurrent/recurrentLayers.test.ts has them. */
const OVER_TIME = Object.keys(recurrent);

const ROWS: readonly Row[] = [
  [
    "Normalization",
    { axis: -1 },
    // The check would give negative variances; the row below has gradients.
    {
      inputShape: [2, 3],
      expectedOutputShape: [2, 3],
      nonTrainableWeights: 3,
      supportsMasking: true,
      gradients: false,
    },
  ],
  [
    "Normalization",
    { mean: [1, 2], variance: [4, 0.25] },
    {
      inputShape: [1, 2],
      inputData: [[3, 3]],
      expectedOutputShape: [1, 2],
      expectedOutput: [1, 2],
      supportsMasking: true,
    },
  ],
  // Below −1, from −1 to below 2, from 2.
  [
    "Discretization",
    { binBoundaries: [-1, 2] },
    {
      inputShape: [1, 4],
      inputData: [[-3, -1, 0, 2]],
      expectedOutputShape: [1, 4],
      expectedOutputDType: "int32",
      expectedOutput: [0, 1, 1, 2],
      gradients: false,
    },
  ],
  [
    "CategoryEncoding",
    { numTokens: 8, outputMode: "count" },
    { inputShape: [2, 3], inputDType: "int32", expectedOutputShape: [2, 8], gradients: false },
  ],
  [
    "Dense",
    { units: 4 },
    { inputShape: [2, 3], expectedOutputShape: [2, 4], trainableWeights: 2, supportsMasking: true },
  ],
  [
    "Dense",
    { units: 4, activation: "tanh", useBias: false },
    { inputShape: [2, 5, 3], expectedOutputShape: [2, 5, 4], trainableWeights: 1, supportsMasking: true },
  ],
  [
    "Dense",
    {
      units: 2,
      kernelRegularizer: "l2",
      biasRegularizer: "l1",
      activityRegularizer: "l2",
      kernelConstraint: "max_norm",
    },
    { inputShape: [2, 3], expectedOutputShape: [2, 2], trainableWeights: 2, losses: 3, supportsMasking: true },
  ],
  ["Dense", { units: 2, trainable: false }, { inputShape: [2, 3], nonTrainableWeights: 2, supportsMasking: true }],
  ["Dense", { units: 2 }, { inputShape: [2, 3], inputDType: "int32", trainableWeights: 2, supportsMasking: true }],
  [
    "Embedding",
    { inputDim: 5, outputDim: 3, maskZero: true },
    {
      inputShape: [2, 4],
      inputDType: "int32",
      // Quarters: the checks make integers of them.
      inputData: [[0, 0.25, 0.5, 1, 1, 0.75, 0, 0.25]],
      expectedOutputShape: [2, 4, 3],
      trainableWeights: 1,
      supportsMasking: true,
    },
  ],
  [
    "EinsumDense",
    { equation: "abc,cde->abde", outputShape: [null, 2, 3], biasAxes: "de" },
    { inputShape: [2, 3, 4], expectedOutputShape: [2, 3, 2, 3], trainableWeights: 2 },
  ],
  ["Attention", { useScale: true }, { ...attending, trainableWeights: 1 }],
  ["Attention", { scoreMode: "concat", useScale: true }, { ...attending, trainableWeights: 2 }],
  ["Attention", { dropout: 0.5, seed: 1 }, { ...attending, seedGenerators: 1 }],
  ["AdditiveAttention", {}, { ...attending, trainableWeights: 1 }],
  ["MultiHeadAttention", { numHeads: 2, keyDim: 3 }, { ...attending, separate: true, trainableWeights: 8 }],
  [
    "MultiHeadAttention",
    { numHeads: 2, keyDim: 3, valueDim: 2, useGate: true, useBias: false, dropout: 0.2, kernelRegularizer: "l2" },
    { ...attending, separate: true, trainableWeights: 5, losses: 5, seedGenerators: 1 },
  ],
  [
    "GroupQueryAttention",
    { headDim: 3, numQueryHeads: 4, numKeyValueHeads: 2 },
    { ...attending, separate: true, call: { useCausalMask: true }, trainableWeights: 8 },
  ],
  ["Activation", { activation: "tanh" }, { ...still }],
  // max(x, 0) + 0.5 · min(x, 0)
  [
    "ReLU",
    { negativeSlope: 0.5 },
    {
      ...still,
      inputShape: [1, 4],
      inputData: [[-2, -1, 1, 3]],
      expectedOutputShape: [1, 4],
      expectedOutput: [-1, -0.5, 1, 3],
    },
  ],
  // 10 > maxValue; 1 < threshold: 0.5 · (1 − 2)
  [
    "ReLU",
    { maxValue: 6, negativeSlope: 0.5, threshold: 2 },
    {
      ...still,
      inputShape: [1, 3],
      inputData: [[10, 1, 4]],
      expectedOutputShape: [1, 3],
      expectedOutput: [6, -0.5, 4],
    },
  ],
  [
    "LeakyReLU",
    {},
    { ...still, inputShape: [1, 2], inputData: [[-2, 2]], expectedOutputShape: [1, 2], expectedOutput: [-0.6, 2] },
  ],
  [
    "ELU",
    { alpha: 0.5 },
    {
      ...still,
      inputShape: [1, 2],
      inputData: [[-1, 2]],
      expectedOutputShape: [1, 2],
      expectedOutput: [0.5 * (Math.exp(-1) - 1), 2],
    },
  ],
  ["PReLU", { alphaInitializer: "ones" }, { ...still, builtAtOnce: false, trainableWeights: 1 }],
  [
    "PReLU",
    { sharedAxes: [1, 2], alphaRegularizer: "l2" },
    { ...image, builtAtOnce: false, trainableWeights: 1, losses: 1 },
  ],
  ["Softmax", {}, { ...still }],
  ["Softmax", { axis: [1, -1] }, { ...image }],
  ["Identity", {}, { ...still }],
  ["Identity", {}, { ...still, inputDType: "int32", expectedOutputDType: "int32", training: false }],
  [
    "Masking",
    { maskValue: 1 },
    {
      ...still,
      inputShape: [1, 2, 2],
      inputData: [[1, 1, 1, 3]],
      expectedOutputShape: [1, 2, 2],
      expectedOutput: [0, 0, 1, 3],
      // Not continuous where a step has the mask value.
      gradients: false,
    },
  ],
  ["Masking", {}, { ...still }],
  ["Dropout", { rate: 0.5, seed: 3 }, { ...still, seedGenerators: 1 }],
  ["Dropout", { rate: 0.5, noiseShape: [null, 1, 2, 1] }, { ...image, ...training, seedGenerators: 1 }],
  ["Dropout", { rate: 0 }, { ...still, ...training }],
  ["Dropout", { rate: 1 }, { ...still, ...training, seedGenerators: 1, expectedOutput: [0, 0, 0, 0, 0, 0] }],
  ["AlphaDropout", { rate: 0.2, noiseShape: [null, 1] }, { ...still, ...training, seedGenerators: 1 }],
  ["GaussianNoise", { stddev: 0.3 }, { ...still, ...training, seedGenerators: 1 }],
  ["GaussianDropout", { rate: 0.3 }, { ...still, ...training, seedGenerators: 1 }],
  [
    "SpatialDropout1D",
    { rate: 0.5 },
    { ...still, ...training, inputShape: [2, 3, 4], expectedOutputShape: [2, 3, 4], seedGenerators: 1 },
  ],
  ["SpatialDropout2D", { rate: 0.5 }, { ...image, ...training, seedGenerators: 1 }],
  [
    "SpatialDropout3D",
    { rate: 0.5, dataFormat: "channels_first" },
    { ...still, ...training, inputShape: [2, 3, 2, 2, 2], expectedOutputShape: [2, 3, 2, 2, 2], seedGenerators: 1 },
  ],
  ["ActivityRegularization", { l1: 0.1, l2: 0.2 }, { ...still, losses: 1 }],
  ["Flatten", {}, { inputShape: [2, 3, 4], expectedOutputShape: [2, 12] }],
  [
    "Flatten",
    { dataFormat: "channels_first" },
    {
      inputShape: [1, 2, 3],
      inputData: [[1, 2, 3, 4, 5, 6]],
      expectedOutputShape: [1, 6],
      expectedOutput: [1, 4, 2, 5, 3, 6],
    },
  ],
  ["Flatten", {}, { inputShape: [2], expectedOutputShape: [2, 1] }],
  ["Reshape", { targetShape: [2, -1] }, { inputShape: [2, 3, 4], expectedOutputShape: [2, 2, 6], builtAtOnce: true }],
  ["Reshape", { targetShape: [] }, { inputShape: [2, 1], expectedOutputShape: [2], builtAtOnce: true }],
  [
    "Permute",
    { dims: [2, 1] },
    {
      inputShape: [1, 2, 3],
      inputData: [[1, 2, 3, 4, 5, 6]],
      expectedOutputShape: [1, 3, 2],
      expectedOutput: [1, 4, 2, 5, 3, 6],
    },
  ],
  [
    "RepeatVector",
    { n: 2 },
    {
      inputShape: [2, 2],
      inputData: [[1, 2, 3, 4]],
      expectedOutputShape: [2, 2, 2],
      expectedOutput: [1, 2, 1, 2, 3, 4, 3, 4],
    },
  ],
  // The checked point has negative variances; gradients are checked in normalization.test.ts.
  ["BatchNormalization", {}, { ...normalized, nonTrainableWeights: 2, gradients: false }],
  [
    "BatchNormalization",
    { axis: 1, center: false, renorm: true, renormClipping: { rmax: 3, dmax: 5 } },
    {
      ...normalized,
      inputShape: [2, 3, 4],
      expectedOutputShape: [2, 3, 4],
      trainableWeights: 1,
      nonTrainableWeights: 5,
      gradients: false,
    },
  ],
  ["LayerNormalization", { gammaRegularizer: "l2" }, { ...normalized, losses: 1 }],
  ["LayerNormalization", { axis: [1, 2], scale: false }, { ...normalized, ...images, trainableWeights: 1 }],
  ["GroupNormalization", { groups: 2 }, { ...normalized, ...images }],
  [
    "GroupNormalization",
    { groups: -1, axis: 1, scale: false, center: false },
    { ...normalized, ...images, trainableWeights: 0 },
  ],
  ["UnitNormalization", { axis: -1 }, { ...still }],
  ["RMSNormalization", {}, { ...normalized, trainableWeights: 1, supportsMasking: false }],
  [
    "SpectralNormalization",
    { layer: layers.Dense(2, { name: "inner" }) },
    // The layer inside computes in float32. The kernel is assigned in the step, after its gradient was taken.
    {
      inputShape: [2, 3],
      expectedOutputShape: [2, 2],
      trainableWeights: 2,
      nonTrainableWeights: 1,
      gradients: false,
      training: false,
    },
  ],
  ["Conv1D", { filters: 2, kernelSize: 2 }, { ...weighted, inputShape: [2, 4, 3], expectedOutputShape: [2, 3, 2] }],
  [
    "Conv1D",
    { filters: 2, kernelSize: 2, padding: "causal", dilationRate: 2, dataFormat: "channels_first" },
    { ...weighted, inputShape: [2, 3, 4], expectedOutputShape: [2, 2, 4] },
  ],
  [
    "Conv2D",
    { filters: 2, kernelSize: [2, 3], activation: "tanh", useBias: false },
    { ...weighted, inputShape: [2, 3, 4, 2], expectedOutputShape: [2, 2, 2, 2], trainableWeights: 1 },
  ],
  [
    "Conv2D",
    { filters: 4, kernelSize: 3, strides: 2, padding: "same", groups: 2, dataFormat: "channels_first" },
    { ...weighted, inputShape: [1, 2, 3, 4], expectedOutputShape: [1, 4, 2, 2] },
  ],
  [
    "Conv2D",
    { filters: 1, kernelSize: 2, kernelRegularizer: "l2", activityRegularizer: "l1", kernelConstraint: "max_norm" },
    { ...weighted, inputShape: [2, 2, 3, 1], expectedOutputShape: [2, 1, 2, 1], losses: 2 },
  ],
  // Windows 1 + 2 + 4 + 5, 2 + 3 + 5 + 6, 4 + 5 + 7 + 8 and 5 + 6 + 8 + 9, of tenths.
  [
    "Conv2D",
    { filters: 1, kernelSize: 2, kernelInitializer: "ones" },
    {
      ...weighted,
      inputShape: [1, 3, 3, 1],
      inputData: [[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]],
      expectedOutputShape: [1, 2, 2, 1],
      expectedOutput: [1.2, 1.6, 2.4, 2.8],
    },
  ],
  [
    "Conv3D",
    { filters: 2, kernelSize: 2, padding: "same" },
    { ...weighted, inputShape: [1, 2, 2, 3, 1], expectedOutputShape: [1, 2, 2, 3, 2] },
  ],
  [
    "Conv1DTranspose",
    { filters: 2, kernelSize: 3, strides: 2, outputPadding: 1 },
    { ...weighted, inputShape: [2, 3, 2], expectedOutputShape: [2, 8, 2] },
  ],
  [
    "Conv2DTranspose",
    { filters: 2, kernelSize: 3, strides: 2, padding: "same" },
    { ...weighted, inputShape: [1, 2, 3, 2], expectedOutputShape: [1, 4, 6, 2] },
  ],
  // Every pixel reaches two: (1, 2) spread by ones is (1, 3, 2).
  [
    "Conv2DTranspose",
    { filters: 1, kernelSize: [1, 2], kernelInitializer: "ones" },
    {
      ...weighted,
      inputShape: [1, 1, 2, 1],
      inputData: [[1, 2]],
      expectedOutputShape: [1, 1, 3, 1],
      expectedOutput: [1, 3, 2],
    },
  ],
  [
    "Conv3DTranspose",
    { filters: 1, kernelSize: 2, strides: [1, 2, 1], dataFormat: "channels_first" },
    { ...weighted, inputShape: [1, 2, 2, 1, 2], expectedOutputShape: [1, 1, 3, 2, 3] },
  ],
  [
    "DepthwiseConv1D",
    { kernelSize: 2, depthMultiplier: 2 },
    { ...weighted, inputShape: [2, 3, 2], expectedOutputShape: [2, 2, 4] },
  ],
  [
    "DepthwiseConv2D",
    { kernelSize: 2, padding: "same", depthwiseRegularizer: "l2", dataFormat: "channels_first" },
    { ...weighted, inputShape: [1, 2, 3, 2], expectedOutputShape: [1, 2, 3, 2], losses: 1 },
  ],
  [
    "SeparableConv1D",
    { filters: 3, kernelSize: 2, dilationRate: 2 },
    { ...weighted, inputShape: [1, 4, 2], expectedOutputShape: [1, 2, 3], trainableWeights: 3 },
  ],
  [
    "SeparableConv2D",
    { filters: 2, kernelSize: 2, strides: 2, depthMultiplier: 2, pointwiseConstraint: "unit_norm", useBias: false },
    { ...weighted, inputShape: [1, 4, 2, 2], expectedOutputShape: [1, 2, 1, 2], trainableWeights: 2 },
  ],
  ["MaxPooling1D", {}, { ...pooled, inputShape: [2, 5, 2], expectedOutputShape: [2, 2, 2] }],
  [
    "MaxPooling2D",
    { poolSize: [1, 2], strides: 1 },
    {
      ...pooled,
      inputShape: [1, 2, 3, 1],
      inputData: [[1, 3, 2, 6, 4, 5]],
      expectedOutputShape: [1, 2, 2, 1],
      expectedOutput: [3, 3, 6, 5],
    },
  ],
  [
    "MaxPooling3D",
    { padding: "same", dataFormat: "channels_first" },
    { ...pooled, inputShape: [1, 2, 3, 2, 2], expectedOutputShape: [1, 2, 2, 1, 1] },
  ],
  // At the end only 5 is inside.
  [
    "AveragePooling1D",
    { poolSize: 2, padding: "same" },
    {
      ...pooled,
      inputShape: [1, 3, 1],
      inputData: [[1, 3, 5]],
      expectedOutputShape: [1, 2, 1],
      expectedOutput: [2, 5],
    },
  ],
  [
    "AveragePooling2D",
    { poolSize: 3, strides: 2, padding: "same" },
    { ...pooled, inputShape: [1, 4, 3, 2], expectedOutputShape: [1, 2, 2, 2] },
  ],
  [
    "AveragePooling3D",
    { poolSize: 2 },
    { ...pooled, inputShape: [1, 2, 4, 3, 1], expectedOutputShape: [1, 1, 2, 1, 1] },
  ],
  ["GlobalMaxPooling1D", {}, { ...pooled, inputShape: [2, 3, 2], expectedOutputShape: [2, 2] }],
  [
    "GlobalMaxPooling2D",
    { keepdims: true },
    { ...pooled, inputShape: [2, 2, 3, 2], expectedOutputShape: [2, 1, 1, 2] },
  ],
  [
    "GlobalMaxPooling3D",
    { dataFormat: "channels_first" },
    { ...pooled, inputShape: [1, 2, 2, 3, 2], expectedOutputShape: [1, 2] },
  ],
  [
    "GlobalAveragePooling1D",
    {},
    { ...pooled, inputShape: [2, 3, 2], expectedOutputShape: [2, 2], supportsMasking: true },
  ],
  [
    "GlobalAveragePooling2D",
    { dataFormat: "channels_first" },
    {
      ...pooled,
      inputShape: [1, 2, 1, 2],
      inputData: [[1, 3, 5, 9]],
      expectedOutputShape: [1, 2],
      expectedOutput: [2, 7],
    },
  ],
  [
    "GlobalAveragePooling3D",
    { keepdims: true },
    { ...pooled, inputShape: [1, 2, 2, 3, 2], expectedOutputShape: [1, 1, 1, 1, 2] },
  ],
  // Of five elements, cells 0-1, 1-3 and 3-4.
  [
    "AdaptiveMaxPooling1D",
    { outputSize: 3 },
    { inputShape: [1, 5, 1], inputData: [[5, 1, 2, 3, 4]], expectedOutputShape: [1, 3, 1], expectedOutput: [5, 3, 4] },
  ],
  ["AdaptiveMaxPooling2D", { outputSize: 2 }, { inputShape: [1, 3, 5, 2], expectedOutputShape: [1, 2, 2, 2] }],
  [
    "AdaptiveMaxPooling3D",
    { outputSize: [1, 2, 3], dataFormat: "channels_first" },
    { inputShape: [1, 2, 2, 3, 4], expectedOutputShape: [1, 2, 1, 2, 3] },
  ],
  [
    "AdaptiveAveragePooling1D",
    { outputSize: 3 },
    {
      inputShape: [1, 5, 1],
      inputData: [[5, 1, 2, 3, 4]],
      expectedOutputShape: [1, 3, 1],
      expectedOutput: [3, 2, 3.5],
    },
  ],
  [
    "AdaptiveAveragePooling2D",
    { outputSize: [2, 4], dataFormat: "channels_first" },
    { inputShape: [1, 2, 3, 5], expectedOutputShape: [1, 2, 2, 4] },
  ],
  [
    "AdaptiveAveragePooling3D",
    { outputSize: 2 },
    { inputShape: [1, 2, 3, 4, 1], expectedOutputShape: [1, 2, 2, 2, 1] },
  ],
  ["Resizing", { height: 3, width: 5 }, { inputShape: [2, 4, 3, 2], expectedOutputShape: [2, 3, 5, 2] }],
  [
    "Resizing",
    { height: 2, width: 2, interpolation: "bicubic", antialias: true, cropToAspectRatio: true },
    { inputShape: [1, 4, 3, 1], expectedOutputShape: [1, 2, 2, 1] },
  ],
  [
    "Resizing",
    { height: 2, width: 2, interpolation: "nearest", padToAspectRatio: true, dataFormat: "channels_first" },
    { inputShape: [1, 1, 4, 2], expectedOutputShape: [1, 1, 2, 2] },
  ],
  [
    "Resizing",
    { height: 2, width: 4 },
    {
      inputShape: [1, 4, 4, 1],
      inputDType: "uint8",
      expectedOutputShape: [1, 2, 4, 1],
      expectedOutputDType: "uint8",
      training: false,
    },
  ],
  ["Rescaling", { scale: 0.5, offset: 1 }, { ...still, builtAtOnce: false }],
  ["Rescaling", { scale: [0.5, 2, 1] }, { ...still, builtAtOnce: false, inputDType: "uint8" }],
  ["CenterCrop", { height: 2, width: 2 }, { inputShape: [2, 3, 5, 2], expectedOutputShape: [2, 2, 2, 2] }],
  [
    "CenterCrop",
    { height: 4, width: 4, dataFormat: "channels_first" },
    { inputShape: [2, 1, 2, 3], expectedOutputShape: [2, 1, 4, 4] },
  ],
  ["UpSampling1D", { size: 3 }, { inputShape: [2, 2, 3], expectedOutputShape: [2, 6, 3] }],
  ["UpSampling2D", { size: [1, 2] }, { inputShape: [2, 2, 3, 1], expectedOutputShape: [2, 2, 6, 1] }],
  [
    "UpSampling2D",
    { size: 2, interpolation: "bilinear", dataFormat: "channels_first" },
    { inputShape: [2, 1, 2, 3], expectedOutputShape: [2, 1, 4, 6] },
  ],
  ["UpSampling3D", { size: [1, 2, 3] }, { inputShape: [1, 2, 1, 2, 2], expectedOutputShape: [1, 2, 2, 6, 2] }],
  ["ZeroPadding1D", { padding: [1, 2] }, { inputShape: [2, 2, 3], expectedOutputShape: [2, 5, 3] }],
  ["ZeroPadding2D", { padding: [1, [0, 2]] }, { inputShape: [2, 2, 3, 1], expectedOutputShape: [2, 4, 5, 1] }],
  [
    "ZeroPadding3D",
    { padding: 1, dataFormat: "channels_first" },
    { inputShape: [1, 2, 1, 2, 2], expectedOutputShape: [1, 2, 3, 4, 4] },
  ],
  ["Cropping1D", { cropping: [1, 0] }, { inputShape: [2, 3, 2], expectedOutputShape: [2, 2, 2] }],
  ["Cropping2D", { cropping: [1, [0, 2]] }, { inputShape: [2, 3, 4, 1], expectedOutputShape: [2, 1, 2, 1] }],
  [
    "Cropping3D",
    { cropping: [0, 1, [0, 1]], dataFormat: "channels_first" },
    { inputShape: [1, 2, 1, 3, 2], expectedOutputShape: [1, 2, 1, 1, 1] },
  ],
  ...["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"].map((name): Row => [name, {}, merged]),
  ["Concatenate", { axis: 1 }, { ...merged, expectedOutputShape: [2, 6] }],
  ["Dot", { axes: 1, normalize: true }, { ...merged, expectedOutputShape: [2, 1] }],
  [
    "Dot",
    { axes: [1, 2] },
    {
      ...merged,
      inputShape: [
        [2, 3, 5],
        [2, 4, 3],
      ],
      expectedOutputShape: [2, 5, 4],
    },
  ],
];

describe("every layer", () => {
  it("is in the table", () => {
    const tested = new Set(ROWS.map(([name]) => name));
    const elsewhere = [...ON_HOST, ...OVER_TIME];
    const left = Object.keys(layers.CLASSES).filter((name) => !tested.has(name) && !elsewhere.includes(name));
    expect(left).toEqual(["InputLayer"]);
  });

  it.each(ROWS)("%s %j", async (name, options, expected) => {
    await runLayerTest(layers.CLASSES[name] as unknown as TestedClass, options, expected);
  });

  it.each(Object.keys(layers.CLASSES))("%s keeps its class name and module for files", (name) => {
    const cls = layers.CLASSES[name] as unknown as { className: string; modulePath: string };
    expect([cls.className, cls.modulePath]).toEqual([name, "keras.layers"]);
  });
});

describe("first arguments", () => {
  it("may be options too", () => {
    expect(layers.Dense(3, { useBias: false }).getConfig()).toMatchObject({ units: 3, use_bias: false });
    expect(new layers.Dense({ units: 3 }).units).toBe(3);
    expect(layers.Dropout(0.3, { seed: 1 }).rate).toBe(0.3);
    expect(layers.Reshape([2, -1]).targetShape).toEqual([2, -1]);
    expect(layers.Activation("relu", { name: "a" }).name).toBe("a");
    expect(layers.LeakyReLU(0.2).negativeSlope).toBe(0.2);
    expect(layers.ReLU(6).maxValue).toBe(6);
    expect(layers.ELU(0.5).alpha).toBe(0.5);
    expect(layers.Softmax(1).axis).toBe(1);
    expect(layers.Masking(2).maskValue).toBe(2);
    expect(layers.Concatenate(1).axis).toBe(1);
    expect(layers.Dot([1, 2], { normalize: true }).axes).toEqual([1, 2]);
    expect(layers.Flatten("channels_first").dataFormat).toBe("channels_first");
    expect(layers.Permute([2, 1]).dims).toEqual([2, 1]);
    expect(layers.RepeatVector(3).n).toBe(3);
    expect(layers.GaussianNoise(0.1).stddev).toBe(0.1);
    expect(layers.Conv2D(8, 3, { activation: "relu" }).getConfig()).toMatchObject({ filters: 8, kernel_size: [3, 3] });
    expect(layers.Conv2D(8, { kernelSize: [3, 2], strides: 2 }).getConfig()).toMatchObject({
      filters: 8,
      kernel_size: [3, 2],
      strides: [2, 2],
    });
    expect(layers.Conv1DTranspose({ filters: 8, kernelSize: 3 }).filters).toBe(8);
    expect(layers.DepthwiseConv2D(3, { depthMultiplier: 2 }).depthMultiplier).toBe(2);
    expect(layers.SeparableConv1D(8, 3).kernelSize).toEqual([3]);
    expect(layers.MaxPooling2D(3, { strides: 1 }).poolSize).toEqual([3, 3]);
    expect(layers.MaxPooling2D({ strides: 1 }).poolSize).toEqual([2, 2]);
    expect(layers.AveragePooling1D(3).strides).toEqual([3]);
    expect(layers.GlobalMaxPooling1D("channels_first", { keepdims: true }).getConfig()).toMatchObject({
      data_format: "channels_first",
      keepdims: true,
    });
    expect(layers.AdaptiveMaxPooling2D([2, 3]).outputSize).toEqual([2, 3]);
    expect(layers.Resizing(4, 5, { interpolation: "nearest" }).width).toBe(5);
  });
});

describe("options of layers", () => {
  const { Dense } = layers;
  const bad = (value: unknown): never => value as never;
  const REFUSED: readonly [what: string, make: () => unknown, error: RegExp][] = [
    [
      "no units",
      () => Dense(bad(undefined)),
      /^Dense "dense.*": expected `units` to be a positive integer\. Received: units=undefined/,
    ],
    [
      "fractional units",
      () => Dense(2.5),
      /^Dense "dense.*": expected `units` to be a positive integer\. Received: units=2\.5$/,
    ],
    ["no units at all", () => Dense(0), /positive integer\. Received: units=0/],
    ["units as text", () => Dense(bad("3")), /expected `units` to be a positive integer\. Received: units="3"/],
    [
      "a misspelt option",
      () => Dense(2, bad({ activaton: "relu" })),
      /unknown option `activaton`\. Did you mean "activation"\? Known options: units, activation, useBias/,
    ],
    [
      "Keras's spelling of an option",
      () => Dense(2, bad({ use_bias: false })),
      /unknown option `use_bias`\. Did you mean "useBias"\?/,
    ],
    ["an option twice", () => Dense(2, bad({ units: 3 })), /^Dense: `units` is given twice/],
    [
      "options that are none",
      () => Dense(2, bad("relu")),
      /^Dense: expected an options object after `units`\. Received: "relu"/,
    ],
    [
      "an unknown activation",
      () => Dense(2, { activation: "rellu" }),
      /unknown activation "rellu"\. Did you mean "relu"\?/,
    ],
    [
      "an unknown initializer",
      () => Dense(2, { kernelInitializer: "he_norml" }),
      /unknown initializer "he_norml"\. Did you mean "HeNormal"\?/,
    ],
    ["an unknown regularizer", () => Dense(2, { kernelRegularizer: "l3" }), /unknown regularizer "l3"/],
    ["an unknown constraint", () => Dense(2, { biasConstraint: "nonneg" }), /unknown constraint "nonneg"/],
    [
      "a bias that is no boolean",
      () => Dense(2, { useBias: bad(1) }),
      /expected `useBias` to be a boolean\. Received: useBias=1/,
    ],
    [
      "trainable that is no boolean",
      () => Dense(2, { trainable: bad("no") }),
      /expected `trainable` to be a boolean\. Received: "no"/,
    ],
    ["a name with a slash", () => Dense(2, { name: "a/b" }), /`name` to be a non-empty string without "\/"/],
    ["an unknown dtype", () => Dense(2, { dtype: "float31" }), /float31/],
    [
      "no activation",
      () => layers.Activation(bad(undefined)),
      /^Activation "activation.*": expected an activation, for example "relu"/,
    ],
    [
      "a rate above 1",
      () => layers.Dropout(1.5),
      /^Dropout "dropout.*": expected `rate` to be a number from 0 to 1\. Received: rate=1\.5/,
    ],
    ["a negative rate", () => layers.AlphaDropout(-0.1), /number from 0 to 1\. Received: rate=-0\.1/],
    [
      "a rate as text",
      () => layers.SpatialDropout2D(bad("0.5")),
      /expected `rate` to be a number from 0 to 1\. Received: rate="0\.5"/,
    ],
    ["a rate that is not a number", () => layers.Dropout(Number.NaN), /number from 0 to 1\. Received: rate=NaN/],
    ["an infinite deviation", () => layers.GaussianDropout(1), /expected `rate` to be below 1/],
    [
      "a large deviation",
      () => layers.GaussianNoise(2),
      /expected `stddev` to be a number from 0 to 1\. Received: stddev=2/,
    ],
    [
      "a noise shape of 0",
      () => layers.Dropout(0.5, { noiseShape: [null, 0] }),
      /`noiseShape` to be a list of positive integers or null\. Received: 0 at index 1/,
    ],
    [
      "a noise shape as text",
      () => layers.Dropout(0.5, { noiseShape: bad("1") }),
      /`noiseShape` to be a list .* Received: "1"/,
    ],
    [
      "a data format where there is none",
      () => layers.SpatialDropout1D(0.5, bad({ dataFormat: "channels_last" })),
      /unknown option `dataFormat`/,
    ],
    [
      "a negative limit",
      () => layers.ReLU({ maxValue: -1 }),
      /expected `maxValue` to be a number of at least 0\. Received: maxValue=-1/,
    ],
    [
      "a negative slope",
      () => layers.LeakyReLU({ negativeSlope: -1 }),
      /expected `negativeSlope` to be a number of at least 0/,
    ],
    [
      "a shared batch axis",
      () => layers.PReLU({ sharedAxes: [0] }),
      /`sharedAxes` to be a list of integers of at least 1/,
    ],
    ["an axis as text", () => layers.Softmax(bad("last")), /expected `axis` to be a list of integers/],
    ["no axis", () => layers.Softmax({ axis: [] }), /^Softmax "softmax.*": expected at least one axis/],
    [
      "two open sizes",
      () => layers.Reshape([-1, -1]),
      /^Reshape "reshape.*": at most one size in `targetShape` may be -1/,
    ],
    [
      "a size that is no integer",
      () => layers.Reshape([1.5]),
      /`targetShape` to be a list of integers of at least -1\. Received: targetShape=\[1\.5\]/,
    ],
    ["a shape that is no list", () => layers.Reshape(bad(3)), /`targetShape` to be a list of integers/],
    ["a permutation of the batch", () => layers.Permute([0, 1]), /`dims` to be a list of integers of at least 1/],
    [
      "a permutation with a gap",
      () => layers.Permute([1, 3]),
      /^Permute "permute.*": `dims` holds each of 1, 2, … once/,
    ],
    ["no repetitions", () => layers.RepeatVector(0), /expected `n` to be a positive integer\. Received: n=0/],
    [
      "a data format",
      () => layers.Flatten({ dataFormat: bad("nhwc") }),
      /data format: expected "channels_last" or "channels_first"\. Received: "nhwc"/,
    ],
    [
      "a fractional axis",
      () => layers.Concatenate(0.5),
      /^Concatenate "concatenate.*": expected `axis` to be an integer/,
    ],
    ["three axes", () => layers.Dot([1, 2, 1]), /^Dot "dot.*": expected `axes` to be an integer or a list of two/],
    [
      "axes as text",
      () => layers.Dot(bad("1")),
      /expected `axes` to be an integer or a list of two\. Received: axes="1"/,
    ],
    ["a mask value as text", () => layers.Masking(bad("0")), /expected `maskValue` to be a number/],
    [
      "a negative factor",
      () => layers.ActivityRegularization({ l1: -1 }),
      /L1L2: expected `l1` to be a finite non-negative number/,
    ],
  ];
  it.each(REFUSED)("refuse %s", (_, make, error) => {
    expect(make).toThrow(error);
  });
});

describe("calls of layers", () => {
  const ones = (...shape: number[]) => tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape);
  const list = (...shapes: number[][]) => shapes.map((shape) => ones(...shape));
  const built = layers.Dense(2);
  built(ones(2, 3));
  const REFUSED: readonly [what: string, call: () => unknown, error: RegExp][] = [
    [
      "a vector to Dense",
      () => layers.Dense(2)(ones(3)),
      /input 0 of layer "dense.*": expected rank at least 2, found rank 1\. Received: shape \(3,\)/,
    ],
    [
      "another width than built",
      () => built(ones(2, 4)),
      /input 0 of layer "dense.*": expected size 3 on axis -1\. Received: shape \(2, 4\)/,
    ],
    [
      "an unknown width",
      () => layers.Dense(2)(layers.Input({ shape: [null] })),
      /weight "kernel" needs known sizes.*give it in `Input\(\{ shape \}\)`/,
    ],
    [
      "two inputs to Dense",
      () => layers.Dense(2)(list([2, 3], [2, 3])),
      /layer "dense.*": expected 1 input\. Received: 2/,
    ],
    [
      "a list of one tensor",
      () => layers.Conv2D(2, 3)(list([1, 8, 8, 3])),
      /layer "conv2d.*": expected a tensor\. Received: a list of one\. Pass the tensor itself: layer\(x\), not layer\(\[x\]\)/,
    ],
    [
      "text",
      () => layers.Dense(2)("abc"),
      /^Dense "dense.*": inputs must be tensors or arrays of numbers\. Received: "abc"/,
    ],
    ["nothing", () => (layers.Dense(2) as unknown as () => unknown)(), /^Dense "dense.*": called without inputs/],
    ["a matrix to SpatialDropout2D", () => layers.SpatialDropout2D(0.5)(ones(2, 3)), /expected rank 4, found rank 2/],
    [
      "a noise shape of another rank",
      () => layers.Dropout(0.5, { noiseShape: [null, 1] })(ones(2, 3, 4), { training: true }),
      /^Dropout "dropout.*": `noiseShape` \(None, 1\) has 2 sizes, but the inputs have rank 3/,
    ],
    [
      "a shape that does not fit",
      () => layers.Reshape([4])(ones(2, 3)),
      /^Reshape "reshape.*": samples of shape \(3,\) have 3 elements and do not fill `targetShape` \(4,\)/,
    ],
    ["a permutation of another rank", () => layers.Permute([2, 1])(ones(2, 3)), /expected rank 3, found rank 2/],
    ["a sequence to RepeatVector", () => layers.RepeatVector(2)(ones(2, 3, 4)), /expected rank 2, found rank 3/],
    [
      "a shared axis beyond the rank",
      () => layers.PReLU({ sharedAxes: [3] })(ones(2, 3)),
      /^PReLU "p_re_lu.*": `sharedAxes` holds axis 3, but the input has rank 2/,
    ],
    [
      "a mask that does not fit",
      () => layers.Softmax()(ones(2, 3), { mask: ones(2, 4) }),
      /^Softmax "softmax.*": the mask must broadcast to the inputs\. Received: mask \(2, 4\), inputs \(2, 3\)/,
    ],
    [
      "one tensor to Add",
      () => layers.Add()(ones(2, 3) as never),
      /^Add "add.*": a merging layer is called on a list of at least 1 input\. Received: one tensor of shape \(2, 3\); pass \[a, b\]/,
    ],
    [
      "three inputs to Subtract",
      () => layers.subtract(list([2], [2], [2])),
      /^Subtract "subtract.*": .*exactly 2 inputs\. Received: 3 of shapes \(2,\), \(2,\), \(2,\)/,
    ],
    [
      "shapes that do not broadcast",
      () => layers.add(list([2, 3], [2, 4])),
      /^Add "add.*": the inputs' shapes do not broadcast.*Received: \(2, 3\), \(2, 4\)/,
    ],
    [
      "different batches",
      () => layers.multiply(list([2, 3], [4, 3])),
      /^Multiply "multiply.*": the inputs have different batch sizes\. Received: \(2, 3\), \(4, 3\)/,
    ],
    [
      "shapes that cannot be concatenated",
      () => layers.concatenate(list([2, 3, 4], [2, 5, 5])),
      /^Concatenate "concatenate.*": the inputs' shapes must agree on all axes but axis -1\. Received: \(2, 3, 4\), \(2, 5, 5\)/,
    ],
    [
      "ranks that cannot be concatenated",
      () => layers.concatenate(list([2, 3, 4], [2, 3])),
      /must agree on all axes but axis -1\. Received: \(2, 3, 4\), \(2, 3\)/,
    ],
    [
      "an axis that Concatenate does not have",
      () => layers.concatenate(list([2, 3]), { axis: 2 }),
      /^Concatenate "concatenate.*": `axis`: axis 2 is out of range for rank 2/,
    ],
    [
      "sizes that Dot cannot sum over",
      () => layers.dot(list([2, 3], [2, 4]), { axes: 1 }),
      /^Dot "dot.*": the two axes must have the same size\. Received: 3 \(axis 1 of shape \(2, 3\)\) and 4 \(axis 1/,
    ],
    [
      "the batch as Dot's axis",
      () => layers.dot(list([2, 3], [2, 3]), { axes: 0 }),
      /^Dot "dot.*": `axes` must name an axis after the batch in both inputs\. Received: axes=0 for shape \(2, 3\) of input 0/,
    ],
    [
      "an axis that Dot's input does not have",
      () => layers.dot(list([2, 3], [2, 3]), { axes: [1, 2] }),
      /axes=\[1, 2\] for shape \(2, 3\) of input 1/,
    ],
    ["one input to Dot", () => layers.dot(list([2, 3])), /exactly 2 inputs\. Received: 1 of shapes \(2, 3\)/],
  ];
  it.each(REFUSED)("refuse %s", (_, call, error) => {
    expect(call).toThrow(error);
  });
});

describe("configs", () => {
  registerAllBuiltins();
  it("with keys of features that are not here are read when the feature is off", () => {
    const config = { ...layers.Dense(2).getConfig(), lora_rank: null, quantization_config: null };
    expect(layers.Dense.fromConfig(config).units).toBe(2);
    expect(() => layers.Dense.fromConfig({ ...config, lora_rank: 4 })).toThrow(
      /key "lora_rank" of class "Dense" is not supported by this library/,
    );
  });

  it("of LeakyReLU may have the slope's old name", () => {
    expect(layers.LeakyReLU.fromConfig({ name: "a", alpha: 0.25 }).negativeSlope).toBe(0.25);
  });

  it("keep functions, objects and layers given as options", () => {
    class Double extends Regularizer {
      override call(x: Parameters<Regularizer["call"]>[0]) {
        return x.sum().mul(2);
      }
    }
    const dense = layers.Dense(2, { activation: layers.LeakyReLU(0.5), kernelRegularizer: new Double() });
    expect(dense.sublayers.map((layer) => layer.name)).toHaveLength(1);
    expect(dense.getConfig().activation).toMatchObject({ class_name: "LeakyReLU", config: { negative_slope: 0.5 } });
  });
});
