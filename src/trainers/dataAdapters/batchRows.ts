/** Copies rows of host arrays into batches: the only work that fitting does in JavaScript per sample. */
import { allocate, type DType, type TypedArray } from "../../core/dtype.ts";
import { type StaticShape, sizeOf } from "../../core/shape.ts";
import { type Tensor, tensorFromHost } from "../../runtime/tensor.ts";

/** Host data of which batches are made. */
export interface HostArray {
  readonly data: TypedArray;
  readonly shape: StaticShape;
  readonly dtype: DType;
}

/** Rows `start` to `end` of the order given by `permutation`; without one, a view of the array and no copy. */
export function takeRows(array: HostArray, permutation: Int32Array | null, start: number, end: number): Tensor {
  const rowShape = array.shape.slice(1);
  const width = sizeOf(rowShape);
  const shape = [end - start, ...rowShape];
  const source = array.data as Float32Array;
  if (!permutation) return tensorFromHost(source.subarray(start * width, end * width), shape, array.dtype);
  const target = allocate(array.dtype, (end - start) * width) as Float32Array;
  if (width === 1) {
    for (let i = start; i < end; i++) target[i - start] = source[permutation[i]!]!;
  } else {
    for (let i = start; i < end; i++) {
      const row = permutation[i]! * width;
      target.set(source.subarray(row, row + width), (i - start) * width);
    }
  }
  return tensorFromHost(target, shape, array.dtype);
}
