/** `keras.ops`: one function per op, the same for concrete tensors, while tracing, and for symbolic tensors. */
import "./methods.ts";

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
export * from "./arithmetic.ts";
export { type DotProductAttentionOptions, dotProductAttention } from "./attention.ts";
export * from "./bits.ts";
export { depthToSpace, extractSequences, fold, rearrange, spaceToDepth, unfold } from "./blocks.ts";
export * from "./comparison.ts";
export {
  angle,
  type Complex,
  conj,
  conjugate,
  imag,
  isreal,
  polar,
  real,
  viewAsComplex,
  viewAsReal,
} from "./complex.ts";
export * from "./controlFlow.ts";
export { conv, convTranspose, depthwiseConv, separableConv } from "./convolution.ts";
export {
  arange,
  array,
  convertToTensor,
  diag,
  diagflat,
  diagonal,
  empty,
  emptyLike,
  eye,
  full,
  fullLike,
  identity,
  meshgrid,
  ones,
  onesLike,
  trace,
  tri,
  tril,
  triu,
  zeros,
  zerosLike,
} from "./creation.ts";
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  moments,
  normalize,
  sparseCategoricalCrossentropy,
} from "./crossentropy.ts";
export { ctcDecode, ctcLoss } from "./ctc.ts";
export { type CustomGradientFunction, type CustomGradients, customGradient } from "./customGradient.ts";
export { cholesky, eig, eigh, luFactor, qr, svd } from "./decompositions.ts";
export * from "./elementwise.ts";
export { type FrameWindow, fft, fft2, ifft2, irfft, istft, rfft, stft } from "./fft.ts";
export * as image from "./image.ts";
export {
  getItem,
  multiHot,
  oneHot,
  scatter,
  scatterUpdate,
  slice,
  sliceUpdate,
  take,
  takeAlongAxis,
  unravelIndex,
} from "./indexing.ts";
export { convertToNumpy, dtype, isTensor } from "./inspect.ts";
export { gcd, lcm } from "./integers.ts";
export * from "./joining.ts";
export { jvp } from "./jvp.ts";
export * as linalg from "./linalg.ts";
export {
  cdist,
  cross,
  dot,
  einsum,
  inner,
  kron,
  matmul,
  outer,
  tensordot,
  trapezoid,
  vdot,
} from "./linear.ts";
export {
  nanargmax,
  nanargmin,
  nancumprod,
  nancumsum,
  nanmedian,
  nanpercentile,
  nanquantile,
  nanstd,
  nanvar,
} from "./nanStatistics.ts";
export * as nn from "./nn.ts";
export { type NormOrder, norm } from "./norm.ts";
export { batchNormalization, layerNormalization, rmsNormalization } from "./normalization.ts";
export * as numpy from "./numpy.ts";
export { adaptiveAveragePool, adaptiveMaxPool, averagePool, maxPool } from "./pooling.ts";
export { psnr } from "./quality.ts";
export {
  all,
  amax,
  amin,
  any,
  argmax,
  argmin,
  average,
  countNonzero,
  cumprod,
  cumsum,
  logsumexp,
  max,
  mean,
  min,
  nanmax,
  nanmean,
  nanmin,
  nanprod,
  nansum,
  prod,
  ptp,
  segmentMax,
  segmentMin,
  segmentProd,
  segmentSum,
  std,
  sum,
  var,
  variance,
} from "./reduction.ts";
export { nonzero, unique } from "./sets.ts";
export * from "./shaping.ts";
export { corrcoef, correlate, histogram, vander } from "./signal.ts";
export {
  choleskyInverse,
  det,
  inv,
  logdet,
  lstsq,
  matrixRank,
  pinv,
  slogdet,
  solve,
  solveTriangular,
} from "./solving.ts";
export {
  argpartition,
  argsort,
  bincount,
  diff,
  digitize,
  inTopK,
  median,
  percentile,
  type QuantileMethod,
  quantile,
  searchsorted,
  sort,
  topK,
} from "./sorting.ts";
export { geomspace, linspace, logspace } from "./spaces.ts";
export { erf, erfc, erfinv } from "./special.ts";
export { bartlett, blackman, hamming, hanning, i0, kaiser } from "./taper.ts";
