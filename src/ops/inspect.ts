/** What a tensor is, and its numbers (`keras.ops` of module core). */
import { type DType, standardizeDType } from "../core/dtype.ts";
import { describe } from "../core/errors.ts";
import { type NestedArray, Tensor } from "../runtime/tensor.ts";
import { toTensor } from "./define.ts";
import { KerasTensor, type TensorLike } from "./kerasTensor.ts";

/** Whether x is a tensor, concrete or symbolic. Numbers, arrays and variables are not. */
export const isTensor = (x: unknown): x is Tensor | KerasTensor => x instanceof Tensor || x instanceof KerasTensor;

/** The dtype of a tensor, a variable, or what would become a tensor. */
export function dtype(x: TensorLike): DType {
  if (isTensor(x)) return x.dtype;
  if (typeof x === "object" && x !== null && "dtype" in x && typeof x.dtype === "string") {
    return standardizeDType(x.dtype);
  }
  return toTensor(x, null, "dtype").dtype;
}

/**
 * The numbers of a tensor as nested arrays, which stand where Python has NumPy's. `tensor.data()` gives a typed array.
 *
 * @returns A promise, for the tensor is computed.
 * @throws TypeError for a symbolic tensor.
 */
export async function convertToNumpy(x: TensorLike): Promise<NestedArray> {
  if (x instanceof KerasTensor) {
    throw new TypeError(
      `convertToNumpy: expected a tensor with numbers. Received: ${describe(x)}, which stands for data that a model will receive`,
    );
  }
  return toTensor(x, null, "convertToNumpy").array();
}
