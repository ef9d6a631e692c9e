/** Datasets and PyDatasets: batches that are prepared while a step computes. */
import { ahead } from "../../data/ahead.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { PyDataset } from "../../data/pyDataset.ts";
import { hostPermutation } from "../../random/hostRandom.ts";
import { makeDefaultSeed } from "../../random/seedGenerator.ts";
import { mapHost, toHost } from "./arrayAdapter.ts";
import { takeRows } from "./batchRows.ts";
import { type ClassWeight, classWeightsToSampleWeights } from "./classWeight.ts";
import type { Batch, DataAdapter } from "./dataAdapter.ts";
import { toBatch } from "./iterableAdapter.ts";

/** Batches that are ready before their turn. Two, so that one that takes longer than others does not hold up a step. */
const AHEAD = 2;

/** Gives a batch the weights of its classes. @throws TypeError where it has weights of its own. */
async function weighted(where: string, batch: Batch, classWeight: ClassWeight | null): Promise<Batch> {
  if (classWeight === null) return batch;
  if (batch.sampleWeight !== null) {
    throw new TypeError(`${where}: the data holds sample weights; give them or \`classWeight\`, not both`);
  }
  const weights = classWeightsToSampleWeights(
    where,
    batch.y === null ? null : await toHost(batch.y, `${where} y`),
    classWeight,
  );
  return { ...batch, sampleWeight: mapHost((array) => takeRows(array, null, 0, array.shape[0]!), weights) };
}

/** Batches of a `Dataset`. */
export class DatasetAdapter implements DataAdapter {
  readonly batchCount: number | null;
  readonly restarts = true;
  readonly streams = true;
  readonly #where: string;
  readonly #dataset: Dataset<unknown>;
  readonly #classWeight: ClassWeight | null;

  constructor(where: string, dataset: Dataset<unknown>, classWeight: ClassWeight | null) {
    this.#where = where;
    this.#dataset = dataset;
    this.#classWeight = classWeight;
    this.batchCount = dataset.cardinality;
  }

  batches(): AsyncIterable<Batch> {
    return ahead(this.#dataset, AHEAD, (value) =>
      weighted(this.#where, toBatch(this.#where, value, "dataset"), this.#classWeight),
    );
  }
}

/** Batches of a `PyDataset`, in a new order in each pass. */
export class PyDatasetAdapter implements DataAdapter {
  readonly restarts = true;
  readonly streams = true;
  readonly #where: string;
  readonly #dataset: PyDataset;
  readonly #shuffle: boolean;
  readonly #classWeight: ClassWeight | null;

  constructor(where: string, dataset: PyDataset, shuffle: boolean, classWeight: ClassWeight | null) {
    this.#where = where;
    this.#dataset = dataset;
    this.#shuffle = shuffle;
    this.#classWeight = classWeight;
  }

  get batchCount(): number {
    return this.#dataset.numBatches ?? Number.POSITIVE_INFINITY;
  }

  onEpochBegin(): void | Promise<void> {
    return this.#dataset.onEpochBegin();
  }

  onEpochEnd(): void | Promise<void> {
    return this.#dataset.onEpochEnd();
  }

  async *#indices(): AsyncGenerator<number> {
    const count = this.batchCount;
    const order =
      this.#shuffle && count !== Number.POSITIVE_INFINITY ? hostPermutation(makeDefaultSeed(), count) : null;
    for (let i = 0; i < count; i++) yield order ? order[i]! : i;
  }

  batches(): AsyncIterable<Batch> {
    const { workers, maxQueueSize } = this.#dataset;
    const prepare = async (index: number): Promise<Batch> => {
      const value = await this.#dataset.getItem(index);
      return weighted(this.#where, toBatch(this.#where, value, "PyDataset"), this.#classWeight);
    };
    if (workers === 0) return onDemand(this.#indices(), prepare);
    if (workers === 1) return ahead(this.#indices(), 1, prepare);
    return ahead(ahead(this.#indices(), workers, prepare), maxQueueSize, (batch) => batch);
  }
}

async function* onDemand(
  indices: AsyncIterable<number>,
  prepare: (index: number) => Promise<Batch>,
): AsyncGenerator<Batch> {
  for await (const index of indices) yield await prepare(index);
}
