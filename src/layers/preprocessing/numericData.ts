/** Numbers to adapt to, on the host. */
import { fromElement } from "../../core/dtype.ts";
import { toTensor } from "../../ops/define.ts";

/** Elements and shape of an array or tensor of numbers; a tensor is computed if need be. */
export async function numbersOf(
  data: unknown,
  where: string,
): Promise<{ values: Float64Array; shape: readonly number[] }> {
  const t = toTensor(data, null, where);
  const elements = await t.data();
  const values = Float64Array.from(elements as ArrayLike<number | bigint>, (x) => fromElement(t.dtype, x));
  return { values, shape: t.shape };
}
