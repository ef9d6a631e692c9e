/** Hands out batches epoch by epoch: counts steps, goes on where a short epoch stopped, restarts spent data. */
import { describe } from "../core/errors.ts";
import type { Batch, DataAdapter } from "./dataAdapters/dataAdapter.ts";

/** @see keras/src/trainers/epoch_iterator.py (Keras 3.x) */
export class EpochIterator {
  readonly #adapter: DataAdapter;
  readonly #stepsPerEpoch: number | null;
  /** The pass in progress when epochs are shorter than the data. */
  #pass: AsyncIterator<Batch> | Iterator<Batch> | null = null;
  /** Epoch whose order the pass in progress has. */
  #openedFor = -1;
  #peeked: Batch | null = null;
  #learnedSteps: number | null = null;

  constructor(adapter: DataAdapter, stepsPerEpoch: number | null) {
    if (stepsPerEpoch !== null && (!Number.isInteger(stepsPerEpoch) || stepsPerEpoch < 1)) {
      throw new RangeError(
        `expected the number of steps to be a positive integer. Received: ${describe(stepsPerEpoch)}`,
      );
    }
    this.#adapter = adapter;
    this.#stepsPerEpoch = stepsPerEpoch;
  }

  /** Batches per epoch, or `null` before the first epoch over data of unknown length has ended. */
  get steps(): number | null {
    return this.#stepsPerEpoch ?? this.#adapter.batchCount ?? this.#learnedSteps;
  }

  #open(epoch: number): void {
    const batches = this.#adapter.batches(epoch);
    this.#pass = Symbol.asyncIterator in batches ? batches[Symbol.asyncIterator]() : batches[Symbol.iterator]();
    this.#openedFor = epoch;
    this.#peeked = null;
  }

  /** The first batch, which stays in line. @throws RangeError when there is none. */
  async peek(): Promise<Batch> {
    if (this.#peeked) return this.#peeked;
    if (!this.#pass) this.#open(0);
    const { value, done } = await this.#pass!.next();
    if (done) throw new RangeError("the data is empty: the generator ended before it yielded a batch");
    this.#peeked = value;
    return value;
  }

  /** Makes the next epoch start from the beginning, where the data allows it. */
  restart(): void {
    if (this.#adapter.batchCount !== null) this.#pass = null;
  }

  async #next(): Promise<Batch | null> {
    if (this.#peeked) {
      const batch = this.#peeked;
      this.#peeked = null;
      return batch;
    }
    const result = this.#pass!.next();
    const { value, done } = result instanceof Promise ? await result : result;
    return done ? null : (value as Batch);
  }

  /** Batches of one epoch in groups; `groupSize` is asked at the start of each. */
  async *epoch(epoch: number, groupSize: () => number): AsyncGenerator<Batch[]> {
    const limit = this.#stepsPerEpoch;
    // Short epochs go on in the pass in progress; a peeked batch of data that cannot restart must not be lost.
    const goOn =
      limit !== null || this.#openedFor === epoch || (this.#peeked !== null && this.#adapter.batchCount === null);
    if (!this.#pass || !goOn) this.#open(epoch);
    let group: Batch[] = [];
    let size = groupSize();
    let count = 0;
    while (limit === null || count < limit) {
      let batch = await this.#next();
      // The last epoch ended with the data: this one begins with a new pass.
      if (!batch && limit !== null && count === 0) {
        this.#open(this.#openedFor + 1);
        batch = await this.#next();
      }
      if (!batch) {
        if (limit !== null) {
          // As in Keras, an epoch that runs out of data is short, and the next one starts from the beginning.
          this.#pass = null;
          console.warn(
            `the data ran out after ${count} of ${limit} steps of the epoch. Make sure the generator can yield at least ` +
              "stepsPerEpoch * epochs batches, or pass a function that returns a new generator",
          );
        }
        break;
      }
      count++;
      group.push(batch);
      if (group.length === size) {
        yield group;
        group = [];
        size = groupSize();
      }
    }
    if (group.length > 0) yield group;
    if (limit === null) {
      this.#learnedSteps = count;
      this.#pass = null;
    }
  }
}
