/** Masks that come to a layer with its inputs: which there are, and whether a call gets them without being told. */
import { flatten, isNested, mapStructure, type Nested } from "../core/tree.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { Tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import type { CallOptions, Mask } from "./callArguments.ts";

/** Masks that came with an argument, in its structure. */
export function attachedMasks(argument: unknown): Mask {
  const maskOf = (t: unknown) => (t instanceof Tensor || t instanceof KerasTensor ? (t.mask as Tensor | null) : null);
  return isNested(argument) ? (mapStructure(maskOf, argument as Nested<unknown>) as Mask) : maskOf(argument);
}

export const hasMask = (mask: Mask): boolean =>
  isNested(mask) ? flatten(mask as Nested<Tensor | null>).some((m) => m !== null) : mask !== null;

const isTensor = (value: unknown): boolean =>
  value instanceof Tensor || value instanceof KerasTensor || value instanceof Variable || ArrayBuffer.isView(value);

/** Whether an argument is a tensor, or a structure of tensors in which some may be absent. */
function isTensorArgument(value: unknown): boolean {
  if (!isNested(value)) return isTensor(value);
  const leaves = flatten(value as Nested<unknown>);
  return leaves.length > 0 && leaves.every((leaf) => leaf === null || isTensor(leaf));
}

/** The argument that is the only one with tensors, options among them; `null` where there are none or several. */
export function onlyTensorArgument(inputs: readonly unknown[], options: CallOptions): unknown {
  const [only = null, ...more] = [...inputs, ...Object.values(options)].filter(isTensorArgument);
  return more.length > 0 ? null : only;
}

/**
 * What a call gets as `mask` that is given none: the mask of its only tensor argument. As in Keras, a layer that is called on
 * several, such as a recurrent layer on sequences and states, computes without the masks that came with them.
 *
 * @see keras/src/layers/layer.py, `Layer.__call__`, step 6 (Keras 3.x)
 */
export const implicitMask = (inputs: readonly unknown[], options: CallOptions): Mask =>
  attachedMasks(onlyTensorArgument(inputs, options));
