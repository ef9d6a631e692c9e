/** `keras.ops.nn`: what neural networks are made of. */
export {
  celu,
  elu,
  gelu,
  glu,
  hardShrink,
  hardSigmoid,
  hardSilu,
  hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softShrink,
  softsign,
  sparsemax,
  sparsePlus,
  sparseSigmoid,
  squareplus,
  swish,
  tanhShrink,
  threshold,
} from "./activation.ts";
export { dotProductAttention } from "./attention.ts";
export { depthToSpace, fold, spaceToDepth, unfold } from "./blocks.ts";
export { polar } from "./complex.ts";
export { conv, convTranspose, depthwiseConv, separableConv } from "./convolution.ts";
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  moments,
  normalize,
  sparseCategoricalCrossentropy,
} from "./crossentropy.ts";
export { ctcDecode, ctcLoss } from "./ctc.ts";
export { multiHot, oneHot } from "./indexing.ts";
export { batchNormalization, layerNormalization, rmsNormalization } from "./normalization.ts";
export { adaptiveAveragePool, adaptiveMaxPool, averagePool, maxPool } from "./pooling.ts";
export { psnr } from "./quality.ts";
