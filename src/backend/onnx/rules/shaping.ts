/** The three movements that lowerings of other primitives are built with. */
import type { OnnxModel, OnnxValue } from "../model.ts";

export function reshape(model: OnnxModel, x: OnnxValue, shape: readonly number[]): OnnxValue {
  // A size of 0 in Reshape means "as before" unless allowed.
  return model.emit("Reshape", [x, model.ints(shape)], x.dtype, shape, { allowzero: 1 });
}

export function transpose(model: OnnxModel, x: OnnxValue, permutation: readonly number[]): OnnxValue {
  return model.emit(
    "Transpose",
    [x],
    x.dtype,
    permutation.map((axis) => x.shape[axis]!),
    { perm: permutation },
  );
}

export function sliceAxes(
  model: OnnxModel,
  x: OnnxValue,
  axes: readonly number[],
  starts: readonly number[],
  limits: readonly number[],
  strides: readonly number[],
  shape: readonly number[],
): OnnxValue {
  return model.emit(
    "Slice",
    [x, model.ints(starts), model.ints(limits), model.ints(axes), model.ints(strides)],
    x.dtype,
    shape,
  );
}
