/** When to save: at the end of every epoch, or every so many batches, however epochs and runs of several steps divide them. */
import { describe } from "../core/errors.ts";

/** `"epoch"`, or a number of batches. */
export type SaveFreq = "epoch" | number;

/** @throws RangeError for anything else. */
export function checkSaveFreq(where: string, saveFreq: unknown): asserts saveFreq is SaveFreq {
  if (saveFreq === "epoch" || (Number.isInteger(saveFreq) && (saveFreq as number) > 0)) return;
  throw new RangeError(
    `${where}: expected \`saveFreq\` to be "epoch" or a number of batches from 1. Received: ${describe(saveFreq)}`,
  );
}

/** Counts batches, across epochs. */
export class BatchCounter {
  readonly #every: number;
  #since = 0;
  /** The last batch that was counted; `null` before the first. */
  last: number | null = null;

  constructor(every: number) {
    this.#every = every;
  }

  /** Whether it is time, after the batch of this number in its epoch. A step over several batches counts them all. */
  isTime(batch: number): boolean {
    const isNewEpoch = this.last === null || batch <= this.last;
    this.#since += isNewEpoch ? batch + 1 : batch - this.last!;
    this.last = batch;
    if (this.#since < this.#every) return false;
    this.#since = 0;
    return true;
  }
}
