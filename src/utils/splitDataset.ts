/** `keras.utils`: two parts of a dataset. */
import { checkOptions, describe } from "../core/errors.ts";
import { Dataset } from "../data/dataset.ts";
import type { Sliced } from "../data/element.ts";
import { makeDefaultSeed } from "../random/seedGenerator.ts";
import { pythonShuffle } from "./numpyRandom.ts";

export interface SplitDatasetOptions {
  /** Elements of the left part: an integer of at least 1, or a fraction below 1. @defaultValue what is right over */
  leftSize?: number | null;
  rightSize?: number | null;
  /** Whether to shuffle before. @defaultValue `false` */
  shuffle?: boolean;
  seed?: number | null;
}

/**
 * A dataset, or arrays of the same length, as a left and a right dataset of elements (train and test, for example). All
 * elements are read into memory. A dataset of batches is split by batches.
 *
 * @throws RangeError for sizes that do not fit the number of elements.
 * @see keras/src/utils/dataset_utils.py (Keras 3.x): same sizes and same order, shuffled too
 */
export function splitDataset<T>(dataset: Dataset<T>, options: SplitDatasetOptions): Promise<[Dataset<T>, Dataset<T>]>;
export function splitDataset<const S>(
  arrays: S,
  options: SplitDatasetOptions,
): Promise<[Dataset<Sliced<S>>, Dataset<Sliced<S>>]>;
export async function splitDataset(
  data: unknown,
  options: SplitDatasetOptions,
): Promise<[Dataset<unknown>, Dataset<unknown>]> {
  checkOptions("splitDataset", options, ["leftSize", "rightSize", "shuffle", "seed"]);
  const { leftSize = null, rightSize = null, shuffle = false, seed = null } = options;
  if (leftSize === null && rightSize === null) {
    throw new TypeError("splitDataset: give `leftSize`, `rightSize` or both");
  }
  const source = data instanceof Dataset ? data : Dataset.fromTensorSlices(data);
  let elements: unknown[] = await source.toArray();
  if (shuffle) elements = pythonShuffle(elements, seed ?? makeDefaultSeed());
  const [left, right] = sizesOf(leftSize, rightSize, elements.length);
  return [elements.slice(0, left), elements.slice(-right)].map((part) => Dataset.fromAsyncIterable(part)) as [
    Dataset<unknown>,
    Dataset<unknown>,
  ];
}

function sizesOf(left: number | null, right: number | null, total: number): [number, number] {
  const count = (name: string, size: number | null): number | null => {
    if (size === null) return null;
    const isCount = Number.isInteger(size) && size > 0 && size < total;
    if (!isCount && !(size > 0 && size < 1)) {
      throw new RangeError(
        `splitDataset: expected \`${name}\` to be an integer from 1 to ${total - 1}, or a fraction between 0 and 1. Received: ` +
          `${describe(size)}; there are ${total} elements`,
      );
    }
    return isCount ? size : halfToEven(size * total);
  };
  const [given, other] = [count("leftSize", left), count("rightSize", right)];
  const sizes: [number, number] = [given ?? total - other!, other ?? total - given!];
  if (sizes[0] + sizes[1] > total || sizes.includes(0)) {
    throw new RangeError(
      `splitDataset: ${total} elements do not split into ${sizes[0]} and ${sizes[1]}; expected two parts that are not empty, of at most ` +
        `${total} together`,
    );
  }
  return sizes;
}

/** Python's `round`. */
function halfToEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}
