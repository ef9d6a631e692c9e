/** Batches whose inputs pass through the part of a model that runs on the host. */
import type { Batch, DataAdapter, TensorStructure } from "./dataAdapter.ts";

/** What a model's host part makes of the inputs of a batch. */
export type InputPreparation = (x: TensorStructure) => TensorStructure;

export class PreparedAdapter implements DataAdapter {
  readonly #source: DataAdapter;
  readonly #prepare: InputPreparation;

  constructor(source: DataAdapter, prepare: InputPreparation) {
    this.#source = source;
    this.#prepare = prepare;
  }

  get batchCount(): number | null {
    return this.#source.batchCount;
  }

  get restarts(): boolean {
    return this.#source.restarts;
  }

  get streams(): boolean {
    return this.#source.streams;
  }

  batches(epoch: number): AsyncIterable<Batch> | Iterable<Batch> {
    const source = this.#source.batches(epoch);
    const prepared = (batch: Batch): Batch => ({ ...batch, x: this.#prepare(batch.x) });
    return Symbol.asyncIterator in source ? mapAsync(source, prepared) : map(source, prepared);
  }

  onEpochBegin(): void | Promise<void> {
    return this.#source.onEpochBegin?.();
  }

  onEpochEnd(): void | Promise<void> {
    return this.#source.onEpochEnd?.();
  }
}

function* map(source: Iterable<Batch>, fn: (batch: Batch) => Batch): Generator<Batch> {
  for (const batch of source) yield fn(batch);
}

async function* mapAsync(source: AsyncIterable<Batch>, fn: (batch: Batch) => Batch): AsyncGenerator<Batch> {
  for await (const batch of source) yield fn(batch);
}
