/** `keras.utils.PyDataset`: batches by their number. */
import { checkOptions, describe } from "../core/errors.ts";

export interface PyDatasetOptions {
  /** Batches that `getItem` prepares at once, where it is async. 0 prepares a batch only when its turn comes. @defaultValue `1` */
  workers?: number;
  /** Batches that may be ready before their turn, with more than one worker. @defaultValue `10` */
  maxQueueSize?: number;
  /** Kept from Keras; there are no processes here. @defaultValue `false` */
  useMultiprocessing?: boolean;
}

/**
 * A base class for data that is made batch by batch: `getItem` returns a complete batch, `length` says how many there are.
 * `fit` takes the batches in a new order in each epoch (unless `shuffle: false`) and prepares the next while a step computes.
 *
 * @example
 * class Numbers extends keras.utils.PyDataset {
 *   get length() { return 100; }
 *   async getItem(index) { return [await readInputs(index), await readLabels(index)]; }
 * }
 * await model.fit(new Numbers({ workers: 4 }), null, { epochs: 2 });
 * @see keras/src/trainers/data_adapters/py_dataset_adapter.py (Keras 3.x): `__getitem__` is `getItem`, `__len__` is `length`
 */
export class PyDataset<T = unknown> implements AsyncIterable<T> {
  readonly workers: number;
  readonly maxQueueSize: number;
  readonly useMultiprocessing: boolean;

  constructor(options: PyDatasetOptions = {}) {
    checkOptions("PyDataset", options, ["workers", "maxQueueSize", "useMultiprocessing"]);
    const { workers = 1, maxQueueSize = 10, useMultiprocessing = false } = options;
    for (const [name, value, least] of [["workers", workers, 0] as const, ["maxQueueSize", maxQueueSize, 1] as const]) {
      if (!Number.isInteger(value) || value < least) {
        throw new RangeError(
          `PyDataset: expected \`${name}\` to be an integer of at least ${least}. Received: ${describe(value)}`,
        );
      }
    }
    this.workers = workers;
    this.maxQueueSize = maxQueueSize;
    this.useMultiprocessing = useMultiprocessing;
  }

  /** The batch at a position: `[x, y]`, `[x, y, sampleWeight]` or `x`; or a promise of it. */
  getItem(_index: number): T | Promise<T> {
    throw new TypeError(`${this.constructor.name}: a PyDataset must define \`getItem(index)\`, which returns a batch`);
  }

  /** Number of batches. */
  get length(): number {
    throw new TypeError(
      `${this.constructor.name}: a PyDataset must define \`get length()\`, the number of batches; or \`get numBatches()\` that ` +
        "returns null for data without an end",
    );
  }

  /** Number of batches, or `null` for data without an end. */
  get numBatches(): number | null {
    return this.length;
  }

  /** Called before the first batch of every epoch. */
  onEpochBegin(): void | Promise<void> {}

  /** Called after the last batch of every epoch. */
  onEpochEnd(): void | Promise<void> {}

  /** The batches in order, prepared one by one. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    const count = this.numBatches ?? Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) yield await this.getItem(i);
  }
}
