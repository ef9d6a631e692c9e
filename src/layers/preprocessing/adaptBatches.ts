/** What `adapt` accepts: all data at once, or batches from an iterable, an async one, or a function that makes one. */
import { describe } from "../../core/errors.ts";
import type { Operation } from "../../ops/operation.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { Variable } from "../../runtime/variable.ts";
import { placeOf } from "../errorTrail.ts";

/** A batch: strings or numbers, nested arrays of them, a tensor. */
export type AdaptBatch = string | number | bigint | boolean | Tensor | ArrayBufferView | readonly AdaptBatch[];

type Batches = Iterable<AdaptBatch> | AsyncIterable<AdaptBatch>;

/** Data to adapt to: all at once, or batches from an iterable or from a function that makes one. */
export type AdaptData = AdaptBatch | Batches | (() => Batches);

const isIterable = (data: unknown): data is Iterable<unknown> | AsyncIterable<unknown> =>
  typeof data === "object" && data !== null && (Symbol.iterator in data || Symbol.asyncIterator in data);

/** Whether data is there as a whole; a list of tensors is a list of batches. */
const isWhole = (data: unknown): boolean =>
  (Array.isArray(data) && !(data[0] instanceof Tensor)) ||
  ArrayBuffer.isView(data) ||
  data instanceof Tensor ||
  data instanceof Variable;

/**
 * Hands data to `update`: all at once to `whole`, or batch by batch.
 *
 * @param steps - How many batches are used at most.
 * @returns Number of batches.
 * @throws TypeError for data that is neither.
 */
export async function forEachBatch(
  layer: Operation,
  data: unknown,
  steps: number | null,
  whole: (data: unknown) => void | Promise<void>,
  update: (batch: unknown) => void | Promise<void>,
): Promise<number> {
  const where = `adapt of ${placeOf(layer)}`;
  if (steps !== null && (!Number.isInteger(steps) || steps < 1)) {
    throw new RangeError(`${where}: expected \`steps\` to be a positive integer. Received: ${describe(steps)}`);
  }
  if (isWhole(data)) {
    if (steps !== null) {
      throw new TypeError(
        `${where}: \`steps\` counts batches of an iterable; the data given is one array. Leave it out`,
      );
    }
    await whole(data);
    return 1;
  }
  const source: unknown = typeof data === "function" ? (data as () => unknown)() : data;
  if (!isIterable(source)) {
    throw new TypeError(
      `${where}: expected an array, a tensor, or batches from an iterable, an async iterable or a function that returns one. ` +
        `Received: ${describe(source)}`,
    );
  }
  let count = 0;
  for await (const batch of source as AsyncIterable<unknown>) {
    await update(batch);
    count++;
    if (count === steps) break;
  }
  return count;
}
