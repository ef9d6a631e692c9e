/** Kernels of our own, which native sessions offer beside the engine's as operators of a domain (native/src/operators). */

/** The domain of their operators in ONNX graphs. */
export const NATIVE_DOMAIN = "keras";

/** Their operators; a library that lacks one of them is not used for any. */
export const NATIVE_OPERATORS = [
  "Conv",
  "ConvInputGrad",
  "ConvWeightGrad",
  "MaxPool",
  "MaxPoolGrad",
  "SumPool",
  "SumPoolGrad",
  "MatMul",
  "ColumnSum",
  "Elementwise",
  "Scan",
  "GatherRows",
  "AddRows",
  "UpdateRows",
  "LastEqual",
] as const;

/** What the native library offers. */
export interface NativeKernels {
  /** Names of the operations that programs of `Elementwise` and `Scan` may consist of. */
  readonly elementwise: ReadonlySet<string>;
}
