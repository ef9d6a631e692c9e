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
  #begun = false;

  /** @param option - What the option for the number of steps is called, for messages. */
  constructor(adapter: DataAdapter, stepsPerEpoch: number | null, option: string) {
    if (stepsPerEpoch !== null && (!Number.isInteger(stepsPerEpoch) || stepsPerEpoch < 1)) {
      throw new RangeError(`expected \`${option}\` to be a positive integer. Received: ${describe(stepsPerEpoch)}`);
    }
    if (adapter.batchCount === 0) throw new RangeError("the data is empty: it has no batches");
    if (stepsPerEpoch === null && adapter.batchCount === Number.POSITIVE_INFINITY) {
      throw new RangeError(`the data has no end: say with \`${option}\` how many batches to take`);
    }
    this.#adapter = adapter;
    this.#stepsPerEpoch = stepsPerEpoch;
  }

  /** Batches per epoch, or `null` before the first epoch over data of unknown length has ended. */
  get steps(): number | null {
    return this.#stepsPerEpoch ?? this.#adapter.batchCount ?? this.#learnedSteps;
  }

  /** Whether there is work for the time between two steps. */
  get streams(): boolean {
    return this.#adapter.streams;
  }

  async #begin(): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    await this.#adapter.onEpochBegin?.();
  }

  async #end(): Promise<void> {
    if (!this.#begun) return;
    this.#begun = false;
    await this.#adapter.onEpochEnd?.();
  }

  /** Lets go of what a pass in progress holds: files, batches prepared ahead. */
  async close(): Promise<void> {
    const pass = this.#pass;
    this.#pass = null;
    this.#peeked = null;
    await pass?.return?.();
    await this.#end();
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
    await this.#begin();
    if (!this.#pass) this.#open(0);
    const { value, done } = await this.#pass!.next();
    if (done) {
      throw new RangeError(
        "the data is empty: it ended before it yielded a batch" +
          (this.#adapter.restarts ? "" : ". A generator that was read to its end gives nothing more: make a new one"),
      );
    }
    this.#peeked = value;
    return value;
  }

  /** Whether there is a batch for epoch `epoch`; it stays in line. Data that cannot be read twice is used up after its pass. */
  async hasMore(epoch: number): Promise<boolean> {
    if (this.#peeked) return true;
    await this.#begin();
    const goesOn = this.#pass !== null && (this.#stepsPerEpoch !== null || this.#openedFor === epoch);
    if (!goesOn) this.#open(epoch);
    let batch = await this.#next();
    // The last epoch ended with the data: this one begins with a new pass.
    if (!batch && goesOn) {
      this.#open(this.#openedFor + 1);
      batch = await this.#next();
    }
    this.#peeked = batch;
    return batch !== null;
  }

  /** Makes the next epoch start from the beginning, where the data allows it. */
  async restart(): Promise<void> {
    if (this.#peeked === null && this.#adapter.restarts) await this.close();
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
    await this.#begin();
    try {
      yield* this.#epoch(epoch, groupSize);
    } finally {
      await this.#end();
    }
  }

  async *#epoch(epoch: number, groupSize: () => number): AsyncGenerator<Batch[]> {
    const limit = this.#stepsPerEpoch;
    if (!(await this.hasMore(epoch))) return;
    let group: Batch[] = [];
    let size = groupSize();
    let count = 0;
    while (limit === null || count < limit) {
      const batch = await this.#next();
      if (!batch) {
        if (limit !== null) {
          // As in Keras, an epoch that runs out of data is short, and the next one starts from the beginning.
          this.#pass = null;
          console.warn(
            `the data ran out after ${count} of ${limit} steps of the epoch. Make sure the data can yield at least ` +
              "stepsPerEpoch * epochs batches (repeat() of a dataset), or pass a function that returns a new generator",
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
