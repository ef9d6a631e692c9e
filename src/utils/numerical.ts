/** `keras.utils`: labels and data in other forms. */
import { floatx } from "../core/config.ts";
import { fromElement } from "../core/dtype.ts";
import { describe } from "../core/errors.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Result, TensorLike } from "../ops/kerasTensor.ts";
import { peekValue } from "../runtime/evaluate.ts";
import type { Tensor } from "../runtime/tensor.ts";

/**
 * Class numbers as one-hot rows. (…) → (…, numClasses); a last axis of size 1 is dropped first, as in Keras. Negative numbers count
 * from the last class.
 *
 * @param numClasses - @defaultValue the largest label + 1, for labels that are computed already
 * @throws RangeError for labels beyond `numClasses`, when they are at hand.
 * @see keras/src/utils/numerical_utils.py (Keras 3.x)
 */
export function toCategorical(x: TensorLike, numClasses?: number | null): Tensor {
  let labels = toTensor(x, null, "toCategorical");
  if (labels.ndim > 1 && labels.shape.at(-1) === 1) labels = ops.reshape(labels, labels.shape.slice(0, -1)) as Tensor;
  const data = peekValue(labels.node);
  let count = numClasses ?? null;
  if (data) {
    let [smallest, largest] = [0, -1];
    for (const element of data) {
      const label = fromElement(labels.dtype, element);
      if (label < smallest) smallest = label;
      if (label > largest) largest = label;
    }
    count ??= largest + 1;
    if (largest >= count || smallest < -count) {
      throw new RangeError(
        `toCategorical: label ${largest >= count ? largest : smallest} is beyond the ${count} classes, numbered 0 to ${count - 1}`,
      );
    }
  }
  if (count === null) {
    throw new TypeError(
      "toCategorical: give `numClasses`; the labels are not computed yet, so their largest is not known",
    );
  }
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(
      `toCategorical: expected \`numClasses\` to be a positive integer. Received: ${describe(count)}`,
    );
  }
  const numbers = ops.cast(labels, "int32") as Tensor;
  const fromStart = ops.where(ops.less(numbers, 0), ops.add(numbers, count), numbers);
  return ops.oneHot(fromStart, count, { dtype: floatx() }) as Tensor;
}

/** x scaled to norm 1 along an axis. @param options - @defaultValue `{ axis: -1, order: 2 }` */
export function normalize<A extends TensorLike>(x: A, options: { axis?: number; order?: number } = {}): Result<A> {
  return ops.normalize(x, options);
}
