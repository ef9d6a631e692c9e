/** `keras.utils`: windows of a time series. */

import { allocate } from "../core/dtype.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { Dataset } from "../data/dataset.ts";
import { makeDefaultSeed } from "../random/seedGenerator.ts";
import { fromNumbers, Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { numpyShuffle } from "./numpyRandom.ts";

export interface TimeseriesOptions {
  /** Steps between the beginnings of windows. @defaultValue `1` */
  sequenceStride?: number;
  /** Steps between the entries of a window. @defaultValue `1` */
  samplingRate?: number;
  /** Windows in a batch; `null` for windows one by one. @defaultValue `128` */
  batchSize?: number | null;
  /** @defaultValue `false` */
  shuffle?: boolean;
  seed?: number | null;
  /** First and last (exclusive) entry to use. @defaultValue all */
  startIndex?: number | null;
  endIndex?: number | null;
}

const OPTIONS = ["sequenceStride", "samplingRate", "batchSize", "shuffle", "seed", "startIndex", "endIndex"];

type Series = Tensor | ArrayBufferView | readonly unknown[];

/**
 * Windows of a series, each of `sequenceLength` entries, as a dataset of batches: of `[windows, targets]`, or of windows
 * alone without targets. `targets[i]` belongs to the window that begins at entry `i`.
 *
 * @throws RangeError for numbers that do not fit the length of the data.
 * @see keras/src/utils/timeseries_dataset_utils.py (Keras 3.x): windows and targets are the same; the order of a shuffle is
 *   NumPy's for the windows, then that of `Dataset.shuffle` for each pass
 */
export function timeseriesDatasetFromArray(
  data: Series,
  targets: Series,
  sequenceLength: number,
  options?: TimeseriesOptions,
): Dataset<[Tensor, Tensor]>;
export function timeseriesDatasetFromArray(
  data: Series,
  targets: null,
  sequenceLength: number,
  options?: TimeseriesOptions,
): Dataset<Tensor>;
export function timeseriesDatasetFromArray(
  data: Series,
  targets: Series | null,
  sequenceLength: number,
  options?: TimeseriesOptions,
): Dataset<[Tensor, Tensor] | Tensor>;
export function timeseriesDatasetFromArray(
  data: Series,
  targets: Series | null,
  sequenceLength: number,
  options: TimeseriesOptions = {},
): Dataset<unknown> {
  const where = "timeseriesDatasetFromArray";
  checkOptions(where, options, OPTIONS);
  const { sequenceStride = 1, samplingRate = 1, batchSize = 128, shuffle = false, seed = null } = options;
  const [series, labels] = [
    seriesOf(data, `${where}: data`),
    targets === null ? null : seriesOf(targets, `${where}: targets`),
  ];
  const length = series.shape[0]!;
  const { startIndex, endIndex } = checkRange(where, options, length);
  for (const [name, value] of Object.entries({ sequenceStride, samplingRate, sequenceLength })) {
    if (Number.isInteger(value) && value > 0 && (value < length || name === "sequenceLength")) continue;
    throw new RangeError(
      `${where}: expected \`${name}\` to be a positive integer below the length of the data, ${length}. Received: ${describe(value)}`,
    );
  }
  let windows = endIndex - startIndex - (sequenceLength - 1) * samplingRate;
  if (labels) windows = Math.min(windows, labels.shape[0]!);
  let starts: number[] = [];
  for (let i = 0; i < windows; i += sequenceStride) starts.push(i);
  if (starts.length === 0) {
    throw new RangeError(
      `${where}: no window fits. Received: ${endIndex - startIndex} entries; a window spans ${(sequenceLength - 1) * samplingRate + 1}`,
    );
  }
  const chosenSeed = seed ?? makeDefaultSeed();
  if (shuffle) starts = numpyShuffle(starts, chosenSeed);
  const windowAt = (start: number): Promise<Tensor> =>
    entries(series, startIndex + start, samplingRate, [sequenceLength]);
  let dataset: Dataset<unknown> = Dataset.fromAsyncIterable(starts).map(async (start) =>
    labels ? [await windowAt(start), await entries(labels, startIndex + start, 1, [])] : windowAt(start),
  );
  if (shuffle) dataset = dataset.shuffle(batchSize === null ? 1024 : batchSize * 8, { seed: chosenSeed });
  return batchSize === null ? dataset : dataset.batch(batchSize);
}

function seriesOf(data: Series, where: string): Tensor {
  const tensor = data instanceof Tensor ? data : fromNumbers(data, null, null, where);
  if (tensor.ndim > 0) return tensor;
  throw new RangeError(`${where}: expected at least one axis, the time. Received: a scalar`);
}

/** Entries from `start` on, every `rate`-th, as many as `shape` says. */
async function entries(series: Tensor, start: number, rate: number, shape: readonly number[]): Promise<Tensor> {
  const rest = series.shape.slice(1);
  const width = sizeOf(rest);
  const count = sizeOf(shape);
  const [source, out] = [await series.data(), allocate(series.dtype, count * width)];
  for (let i = 0; i < count; i++) {
    const at = (start + i * rate) * width;
    (out as Float32Array).set(source.subarray(at, at + width) as Float32Array, i * width);
  }
  return tensorFromHost(out, [...shape, ...rest], series.dtype);
}

/** The part of the series to use. @throws RangeError as Keras does. */
function checkRange(
  where: string,
  options: TimeseriesOptions,
  length: number,
): { startIndex: number; endIndex: number } {
  const { startIndex = null, endIndex = null } = options;
  if (startIndex !== null && !(Number.isInteger(startIndex) && startIndex >= 0 && startIndex < length)) {
    throw new RangeError(
      `${where}: expected \`startIndex\` to be an integer from 0 to ${length - 1}, the last entry. Received: ${describe(startIndex)}`,
    );
  }
  const least = (startIndex ?? 0) + 1;
  if (endIndex !== null && !(Number.isInteger(endIndex) && endIndex >= least && endIndex < length)) {
    throw new RangeError(
      `${where}: expected \`endIndex\` to be an integer from ${least} to ${length - 1}. Received: ${describe(endIndex)}; leave it ` +
        "out to use all entries",
    );
  }
  return { startIndex: startIndex ?? 0, endIndex: endIndex ?? length };
}
