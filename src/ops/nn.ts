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
export { polar } from "./complex.ts";
export { conv, convTranspose, depthwiseConv, separableConv } from "./convolution.ts";
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  moments,
  normalize,
  sparseCategoricalCrossentropy,
} from "./crossentropy.ts";
export { multiHot, oneHot } from "./indexing.ts";
export { adaptiveAveragePool, adaptiveMaxPool, averagePool, maxPool } from "./pooling.ts";
