/** Turns what users pass to fit, evaluate and predict into sources of batches. */
import { describe } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import { Dataset } from "../data/dataset.ts";
import { PyDataset } from "../data/pyDataset.ts";
import type { Tensor } from "../runtime/tensor.ts";
import {
  ArrayAdapter,
  batchSizeOf,
  type HostStructure,
  isArrayData,
  mapHost,
  type Shuffle,
  sampleCount,
  sliceHost,
  toHost,
} from "./dataAdapters/arrayAdapter.ts";
import { takeRows } from "./dataAdapters/batchRows.ts";
import { type ClassWeight, classWeightsToSampleWeights } from "./dataAdapters/classWeight.ts";
import type { Batch, DataAdapter } from "./dataAdapters/dataAdapter.ts";
import { type BatchFactory, type BatchSource, IterableAdapter, isBatchSource } from "./dataAdapters/iterableAdapter.ts";
import { type InputPreparation, PreparedAdapter } from "./dataAdapters/preparedAdapter.ts";
import { DatasetAdapter, PyDatasetAdapter } from "./dataAdapters/streamAdapters.ts";

/**
 * Data of a run: arrays or tensors in any structure, or batches: a `keras.data.Dataset`, a
 * `keras.utils.PyDataset`, a generator, an iterable, or a function that makes one.
 */
export type FitData =
  | Tensor
  | ArrayBufferView
  | readonly unknown[]
  | { readonly [name: string]: FitData | null }
  | Dataset<unknown>
  | PyDataset
  | BatchSource
  | BatchFactory;

/** Options that shape the data. */
export interface DataOptions {
  readonly batchSize?: number | null;
  readonly shuffle?: Shuffle;
  readonly sampleWeight?: FitData | null;
  readonly classWeight?: ClassWeight | null;
  readonly validationSplit?: number;
  readonly validationData?: FitData | null;
  readonly validationBatchSize?: number | null;
  readonly stepsPerEpoch?: number | null;
  /** After how many further batches a batch may be overwritten: never where somebody may keep its tensors. */
  readonly reuseAfter?: number | null;
  /** What becomes of the inputs of every batch, before a step sees them. */
  readonly prepare?: InputPreparation | null;
}

export interface AdaptedData {
  readonly adapter: DataAdapter;
  /** All inputs, when they are in memory; checked once before the run. */
  readonly inputs: HostStructure | null;
  /** All labels, likewise. */
  readonly labels: HostStructure | null;
  readonly validation: Omit<AdaptedData, "validation"> | null;
}

const DEFAULT_BATCH_SIZE = 32;

/** Data that comes batch by batch. */
type Stream = Dataset<unknown> | PyDataset | BatchSource | BatchFactory;

const isStream = (x: unknown): x is Stream => typeof x === "function" || isBatchSource(x);

/** What messages call data that comes batch by batch. */
const kindOf = (x: Stream): string =>
  x instanceof Dataset ? "dataset" : x instanceof PyDataset ? "PyDataset" : "generator";

function streamAdapter(where: string, x: Stream, shuffle: boolean, classWeight: ClassWeight | null): DataAdapter {
  if (x instanceof Dataset) return new DatasetAdapter(where, x, classWeight);
  if (x instanceof PyDataset) return new PyDatasetAdapter(where, x, shuffle, classWeight);
  return new IterableAdapter(where, x);
}

/** Labels that go with samples are the last of the arrays; the split keeps all parts aligned. */
function splitOff(
  parts: readonly (HostStructure | null)[],
  count: number,
  fraction: number,
): { train: (HostStructure | null)[]; validation: (HostStructure | null)[] } {
  if (!(fraction > 0 && fraction < 1)) {
    throw new RangeError(`fit: expected \`validationSplit\` to be between 0 and 1. Received: ${describe(fraction)}`);
  }
  const at = Math.floor(count * (1 - fraction));
  if (at === 0 || at === count) {
    throw new RangeError(
      `fit: ${count} samples cannot be split with validationSplit=${fraction}: one side would be empty. Use more samples or another fraction`,
    );
  }
  return {
    train: parts.map((part) => sliceHost(part, 0, at)),
    validation: parts.map((part) => sliceHost(part, at, count)),
  };
}

function checkClassWeight(where: string, classWeight: unknown): void {
  if (classWeight === null || isPlainObject(classWeight)) return;
  throw new TypeError(
    `${where}: expected \`classWeight\` to be a dict of class numbers. Received: ${describe(classWeight)}`,
  );
}

/** Validation data given as `[x, y]`, `[x, y, sampleWeight]` or a generator. */
async function adaptValidation(data: FitData, batchSize: number): Promise<AdaptedData["validation"]> {
  const where = "fit (validationData)";
  if (isStream(data)) return { adapter: streamAdapter(where, data, false, null), inputs: null, labels: null };
  if (!Array.isArray(data) || data.length < 1 || data.length > 3) {
    throw new TypeError(
      `${where}: expected [x, y], [x, y, sampleWeight], a dataset or a generator. Received: ${describe(data)}`,
    );
  }
  const [x, y, weight] = await Promise.all(
    data.map((part, i) => toHost(part, `${where} ${["x", "y", "sampleWeight"][i]}`)),
  );
  const adapter = new ArrayAdapter(where, x!, y ?? null, weight ?? null, {
    batchSize,
    shuffle: false,
    reuseAfter: null,
  });
  return { adapter, inputs: x!, labels: y ?? null };
}

/**
 * Makes the source of batches for a run.
 *
 * @throws TypeError, RangeError for data that is not readable, of different lengths, empty, or combined with options
 *   that do not apply to it.
 */
export async function adaptData(
  where: string,
  x: FitData,
  y: FitData | null,
  options: DataOptions,
): Promise<AdaptedData> {
  const data = await adaptRaw(where, x, y, options);
  const { prepare = null } = options;
  if (!prepare) return data;
  const prepared = ({ adapter, labels }: Omit<AdaptedData, "validation">): Omit<AdaptedData, "validation"> => ({
    adapter: new PreparedAdapter(adapter, prepare),
    // What steps get is not known before it is made.
    inputs: null,
    labels,
  });
  return { ...prepared(data), validation: data.validation && prepared(data.validation) };
}

async function adaptRaw(where: string, x: FitData, y: FitData | null, options: DataOptions): Promise<AdaptedData> {
  const { validationData = null, validationSplit = 0, classWeight = null } = options;
  if (x === null || x === undefined) throw new TypeError(`${where}: \`x\` is missing. Received: ${describe(x)}`);
  const validationBatchSize = options.validationBatchSize ?? options.batchSize ?? DEFAULT_BATCH_SIZE;
  if (isStream(x)) {
    const kind = kindOf(x);
    // Where labels come batch by batch, so can weights of their classes.
    const own = kind === "generator" ? { classWeight } : {};
    const given = Object.entries({ y, sampleWeight: options.sampleWeight, ...own }).find(
      ([, v]) => v !== null && v !== undefined,
    );
    if (given) {
      throw new TypeError(
        `${where}: with a ${kind}, \`${given[0]}\` must be part of what it yields: [x, y] or [x, y, sampleWeight]`,
      );
    }
    if (validationSplit) {
      throw new TypeError(
        `${where}: \`validationSplit\` works on arrays only. Pass \`validationData\` with a ${kind}` +
          (kind === "dataset" ? ", such as one of take(n) and skip(n), or of keras.utils.splitDataset" : ""),
      );
    }
    checkClassWeight(where, classWeight);
    const validation = validationData === null ? null : await adaptValidation(validationData, validationBatchSize);
    const shuffle = (options.shuffle ?? true) !== false;
    return { adapter: streamAdapter(where, x, shuffle, classWeight), inputs: null, labels: null, validation };
  }
  for (const [name, part] of Object.entries({ x, y, sampleWeight: options.sampleWeight ?? null })) {
    if (!isArrayData(part)) {
      throw new TypeError(
        `${where}: cannot read \`${name}\` as data. Expected tensors, typed arrays, nested arrays of numbers, lists or dicts of ` +
          `them, a dataset, or a generator. Received: ${describe(part)}`,
      );
    }
  }
  if (classWeight && options.sampleWeight)
    throw new TypeError(`${where}: give \`classWeight\` or \`sampleWeight\`, not both`);
  checkClassWeight(where, classWeight);
  const hostX = await toHost(x, `${where} x`);
  const hostY = y === null ? null : await toHost(y, `${where} y`);
  let weights: HostStructure | null = options.sampleWeight
    ? await toHost(options.sampleWeight, `${where} sampleWeight`)
    : null;
  const count = sampleCount(where, { x: hostX, y: hostY, sampleWeight: weights });
  if (classWeight) weights = classWeightsToSampleWeights(where, hostY, classWeight);
  const batchSize =
    options.batchSize ?? (options.stepsPerEpoch ? Math.ceil(count / options.stepsPerEpoch) : DEFAULT_BATCH_SIZE);
  const shuffle = options.shuffle ?? true;
  let train: readonly (HostStructure | null)[] = [hostX, hostY, weights];
  let validation: AdaptedData["validation"] = null;
  if (validationData !== null) validation = await adaptValidation(validationData, validationBatchSize);
  else if (validationSplit) {
    const split = splitOff(train, count, validationSplit);
    train = split.train;
    const [vx, vy, vw] = split.validation;
    const adapter = new ArrayAdapter(where, vx!, vy!, vw!, {
      batchSize: validationBatchSize,
      shuffle: false,
      reuseAfter: null,
    });
    validation = { adapter, inputs: vx!, labels: vy! };
  }
  const [tx, ty, tw] = train;
  return {
    adapter: new ArrayAdapter(where, tx!, ty!, tw!, { batchSize, shuffle, reuseAfter: options.reuseAfter ?? null }),
    inputs: tx!,
    labels: ty!,
    validation,
  };
}

/** All given data as one batch. */
export async function toSingleBatch(
  where: string,
  x: FitData,
  y: FitData | null,
  options: { sampleWeight?: FitData | null; classWeight?: ClassWeight | null; prepare?: InputPreparation | null },
): Promise<Batch> {
  if (options.sampleWeight && options.classWeight) {
    throw new TypeError(`${where}: give \`classWeight\` or \`sampleWeight\`, not both`);
  }
  const hostX = await toHost(x, `${where} x`);
  const hostY = y === null ? null : await toHost(y, `${where} y`);
  let weights: HostStructure | null = options.sampleWeight
    ? await toHost(options.sampleWeight, `${where} sampleWeight`)
    : null;
  if (options.classWeight) weights = classWeightsToSampleWeights(where, hostY, options.classWeight);
  const count = sampleCount(where, { x: hostX, y: hostY, sampleWeight: weights });
  const whole = (part: HostStructure | null) =>
    part === null ? null : mapHost((array) => takeRows(array, null, 0, count), part);
  const batch = { x: whole(hostX), y: whole(hostY), sampleWeight: whole(weights) };
  return { ...batch, x: options.prepare?.(batch.x) ?? batch.x, size: batchSizeOf(where, batch.x) };
}
