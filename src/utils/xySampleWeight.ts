/** `keras.utils`: batches as training steps see them. */
import { describe } from "../core/errors.ts";

/**
 * `[x, y, sampleWeight]` of what a dataset yields, with `null` for what is not there.
 *
 * @throws RangeError for more than three parts.
 * @see keras/src/trainers/data_adapters/data_adapter_utils.py (Keras 3.x)
 */
export function unpackXYSampleWeight(data: unknown): [x: unknown, y: unknown, sampleWeight: unknown] {
  if (!Array.isArray(data)) return [data, null, null];
  if (data.length >= 1 && data.length <= 3) return [data[0], data[1] ?? null, data[2] ?? null];
  throw new RangeError(
    `unpackXYSampleWeight: expected x, [x], [x, y] or [x, y, sampleWeight]. Received: ${describe(data)}`,
  );
}

/** The shortest form of a batch: `x` (`[x]` if it is a list), `[x, y]` or `[x, y, sampleWeight]`. */
export function packXYSampleWeight(x: unknown, y: unknown = null, sampleWeight: unknown = null): unknown {
  if (y === null) return Array.isArray(x) ? [x] : x;
  return sampleWeight === null ? [x, y] : [x, y, sampleWeight];
}
