/** Indices as vectors, computed by ops. The twin on the host is hostEncoding.ts. */
import { type DType, isInteger } from "../../core/dtype.ts";
import { castTensor } from "../../ops/define.ts";
import * as ops from "../../ops/index.ts";
import { type Tensor, tensorFromHost } from "../../runtime/tensor.ts";
import type { OutputMode } from "./hostEncoding.ts";

export interface EncodingOptions {
  /** What each occurrence counts, in the shape of the indices. */
  readonly countWeights?: Tensor | null;
  /** Factor per index, for `"tf_idf"`. */
  readonly weights?: Float32Array | null;
  /** The axis along which the values of a sample are. @defaultValue `-1` */
  readonly sampleAxis?: number;
}

/** Encodes indices; one outside of `0 … depth − 1` gives nothing. */
export function encodeTensor(
  indices: Tensor,
  mode: OutputMode,
  depth: number | null,
  dtype: DType,
  { countWeights = null, weights = null, sampleAxis = -1 }: EncodingOptions = {},
): Tensor {
  if (mode === "int" || depth === null) return castTensor(indices, dtype);
  // Without any axis there is one sample of one value.
  const values = indices.ndim === 0 ? ops.reshape(indices, [1]) : indices;
  const whole = isInteger(values.dtype) ? values : ops.cast(values, "int32");
  if (mode === "one_hot") {
    const merged = values.ndim > 1 && values.shape.at(-1) === 1;
    return ops.oneHot(merged ? ops.squeeze(whole, { axis: -1 }) : whole, depth, { dtype });
  }
  const hot = ops.oneHot(whole, depth, { dtype });
  const axis = sampleAxis < 0 ? values.ndim + sampleAxis : Math.min(sampleAxis, values.ndim - 1);
  if (mode === "multi_hot") return ops.max(hot, { axis });
  const scaled = countWeights === null ? hot : ops.multiply(hot, ops.expandDims(castTensor(countWeights, dtype), -1));
  const counts = ops.sum(scaled, { axis });
  return weights === null ? counts : ops.multiply(counts, tensorFromHost(weights.slice(), [weights.length], "float32"));
}
