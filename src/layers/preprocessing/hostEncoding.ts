/** Indices as vectors of the size of a vocabulary, computed on the host. The twin on tensors is categoricalEncoding.ts. */
import type { DType } from "../../core/dtype.ts";
import type { Shape } from "../../core/shape.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { hostTensor } from "./hostLayer.ts";
import { flatValues, type Rows } from "./tokenRows.ts";

/** How categories become numbers. */
export type OutputMode = "int" | "one_hot" | "multi_hot" | "count" | "tf_idf";

/** An index that counts nowhere: that of the mask where masked values are dropped. */
export const DROPPED = -1;

/**
 * What an encoding makes of a shape. One sample is one axis; without any, or with a last axis of 1, `one_hot` adds none.
 */
export function encodedShape(shape: Shape, mode: OutputMode, depth: number | null): Shape {
  if (mode === "int") return [...shape];
  if (shape.length === 0) return mode === "one_hot" ? [1, depth] : [depth];
  if (mode === "one_hot")
    return shape.length > 1 && shape.at(-1) === 1 ? [...shape.slice(0, -1), depth] : [...shape, depth];
  return [...shape.slice(0, -1), depth];
}

/** Encodes indices in rows; every row of ragged ones is a sample, where the mode has samples. */
export function encodeOnHost(
  indices: Rows<number>,
  mode: Exclude<OutputMode, "int">,
  depth: number,
  dtype: DType,
  weights: ArrayLike<number> | null,
  where: string,
): Tensor {
  if (mode === "one_hot") {
    const { flat, shape } = flatValues(indices, where);
    const out = new Float64Array(flat.length * depth);
    for (let i = 0; i < flat.length; i++) {
      const index = flat[i]!;
      if (index >= 0 && index < depth) out[i * depth + index] = 1;
    }
    return hostTensor(out, encodedShape(shape, mode, depth) as number[], dtype);
  }
  const outer = indices.outer ?? [];
  const out = new Float64Array(sizeOf(outer) * depth);
  indices.rows.forEach((row, r) => {
    for (const index of row) {
      if (index < 0 || index >= depth) continue;
      if (mode === "multi_hot") out[r * depth + index] = 1;
      else out[r * depth + index]! += 1;
    }
  });
  if (mode === "tf_idf") for (let i = 0; i < out.length; i++) out[i]! *= weights![i % depth]!;
  return hostTensor(out, [...outer, depth], dtype);
}
