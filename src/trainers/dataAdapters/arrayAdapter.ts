/** Data held in memory: tensors, typed arrays and nested arrays, in any structure. */
import { floatx } from "../../core/config.ts";
import { convertArray, isFloat } from "../../core/dtype.ts";
import { describe } from "../../core/errors.ts";
import { flatten, isPlainObject, mapStructure, type Nested, packSequenceAs } from "../../core/tree.ts";
import { hostPermutation } from "../../random/hostRandom.ts";
import { makeDefaultSeed } from "../../random/seedGenerator.ts";
import { evaluate } from "../../runtime/evaluate.ts";
import { fromNumbers, Tensor } from "../../runtime/tensor.ts";
import { Variable } from "../../runtime/variable.ts";
import { BatchStorage, type HostArray, takeRows } from "./batchRows.ts";
import type { Batch, DataAdapter, TensorStructure } from "./dataAdapter.ts";

/** How the order of samples changes from epoch to epoch. */
export type Shuffle = boolean | "batch";

/** A structure of host arrays; `null` leaves are absent optional inputs. */
export type HostStructure = Nested<HostArray | null>;

const isHostArray = (value: unknown): value is HostArray =>
  isPlainObject(value) && "data" in value && "shape" in value && "dtype" in value;

/** Whether a value is an array of numbers (of any depth) and not a list of arrays. */
function isNumeric(value: unknown): boolean {
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return true;
  return Array.isArray(value) && value.length > 0 && value.every(isNumeric);
}

/** The same for an array of strings. */
const isText = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string" || isText(item));

const isElements = (value: unknown): boolean => isNumeric(value) || isText(value);

/** Whether everything in a structure is data in memory. */
export function isArrayData(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (value instanceof Tensor || value instanceof Variable || ArrayBuffer.isView(value) || isElements(value))
    return true;
  if (Array.isArray(value)) return value.every(isArrayData);
  return isPlainObject(value) && Object.values(value).every(isArrayData);
}

/** Tensors in a structure of data; lists of numbers become tensors. */
export function toTensorStructure(value: unknown, where: string): TensorStructure {
  if (value === null || value === undefined) return null;
  if (value instanceof Tensor) return value;
  if (value instanceof Variable) return value.value;
  if (ArrayBuffer.isView(value) || isElements(value)) return fromNumbers(value, null, null, where);
  if (Array.isArray(value)) return value.map((item) => toTensorStructure(item, where));
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, toTensorStructure(v, where)]));
  }
  throw new TypeError(
    `${where}: expected tensors, typed arrays or nested arrays of numbers. Received: ${describe(value)}`,
  );
}

/** Computes a structure of data and brings it to the host; floats become floatx, as in Keras. */
export async function toHost(value: unknown, where: string): Promise<HostStructure> {
  const tensors = toTensorStructure(value, where);
  const leaves = flatten(tensors);
  await evaluate(leaves.flatMap((t) => (t ? [t.node] : [])));
  const arrays = await Promise.all(
    leaves.map(async (t): Promise<HostArray | null> => {
      if (!t) return null;
      if (t.ndim === 0)
        throw new RangeError(`${where}: arrays need at least one axis, the samples. Received: a scalar`);
      const data = await t.data();
      const dtype = isFloat(t.dtype) ? floatx() : t.dtype;
      return { data: convertArray(data, t.dtype, dtype), shape: t.shape, dtype };
    }),
  );
  return packSequenceAs(tensors as Nested<unknown>, arrays);
}

/** Host arrays of a structure in the order of `flatten`, without the absent ones. */
export function hostLeaves(structure: HostStructure | null): HostArray[] {
  const out: HostArray[] = [];
  const visit = (value: unknown): void => {
    if (isHostArray(value)) out.push(value);
    else if (Array.isArray(value)) value.forEach(visit);
    else if (isPlainObject(value)) for (const key of Object.keys(value).sort()) visit(value[key]);
  };
  visit(structure);
  return out;
}

/** Applies `fn` to every host array of a structure. */
export function mapHost<T>(fn: (array: HostArray) => T, structure: HostStructure): Nested<T | null> {
  if (structure === null) return null;
  if (isHostArray(structure)) return fn(structure);
  if (Array.isArray(structure)) return structure.map((item) => mapHost(fn, item));
  return Object.fromEntries(
    Object.entries(structure as Record<string, HostStructure>).map(([k, v]) => [k, mapHost(fn, v)]),
  );
}

/** Number of samples. @throws RangeError listing the sizes when arrays disagree, or when there is no data. */
export function sampleCount(where: string, parts: Readonly<Record<string, HostStructure | null>>): number {
  const sizes = Object.entries(parts).map(([name, part]) => [name, hostLeaves(part).map((a) => a.shape[0]!)] as const);
  const all = new Set(sizes.flatMap(([, list]) => list));
  if (all.size > 1) {
    const text = sizes.filter(([, list]) => list.length > 0).map(([name, list]) => `${name}: ${list.join(", ")}`);
    throw new RangeError(
      `${where}: data cardinality is ambiguous. Make sure all arrays hold the same number of samples. Received: ${text.join("; ")}`,
    );
  }
  const [count] = all;
  if (count === undefined) throw new RangeError(`${where}: no data was given; \`x\` holds no array`);
  if (count === 0) throw new RangeError(`${where}: the data is empty. Received: 0 samples`);
  return count;
}

/** Rows of all arrays from `start` to `end`, as views. */
export function sliceHost(structure: HostStructure | null, start: number, end: number): HostStructure | null {
  if (structure === null) return null;
  return mapHost((array) => {
    const width = array.shape.slice(1).reduce((n, d) => n * d, 1);
    const data = array.data.subarray(start * width, end * width);
    return { data, shape: [end - start, ...array.shape.slice(1)], dtype: array.dtype };
  }, structure) as HostStructure;
}

export interface ArrayAdapterOptions {
  readonly batchSize: number;
  readonly shuffle: Shuffle;
  /** After how many further batches a batch may be overwritten; `null` for never. */
  readonly reuseAfter: number | null;
}

/** Batches of arrays in memory. The last batch may be smaller. */
export class ArrayAdapter implements DataAdapter {
  readonly count: number;
  readonly batchCount: number;
  readonly restarts = true;
  readonly streams = false;
  readonly #x: HostStructure;
  readonly #y: HostStructure | null;
  readonly #sampleWeight: HostStructure | null;
  readonly #options: ArrayAdapterOptions;
  /** One for all passes: storage of a pass of its own would pile up until the garbage collector sees large arrays. */
  readonly #storage: BatchStorage | null;
  #made = 0;

  constructor(
    where: string,
    x: HostStructure,
    y: HostStructure | null,
    sampleWeight: HostStructure | null,
    options: ArrayAdapterOptions,
  ) {
    const { batchSize } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new RangeError(
        `${where}: expected \`batchSize\` to be a positive integer. Received: ${describe(batchSize)}`,
      );
    }
    this.#x = x;
    this.#y = y;
    this.#sampleWeight = sampleWeight;
    this.#options = options;
    this.#storage = options.reuseAfter === null ? null : new BatchStorage(batchSize, options.reuseAfter);
    this.count = sampleCount(where, { x, y, sampleWeight });
    this.batchCount = Math.ceil(this.count / batchSize);
  }

  /** A new order for each pass, drawn from the source that `setRandomSeed` seeds. */
  #permutation(): Int32Array | null {
    const { shuffle, batchSize } = this.#options;
    if (shuffle === false) return null;
    if (shuffle === true) return hostPermutation(makeDefaultSeed(), this.count);
    const order = new Int32Array(this.count);
    for (let start = 0; start < this.count; start += batchSize) {
      const size = Math.min(batchSize, this.count - start);
      hostPermutation(makeDefaultSeed(), size).forEach((k, i) => {
        order[start + i] = start + k;
      });
    }
    return order;
  }

  *batches(): Iterable<Batch> {
    const permutation = this.#permutation();
    const { batchSize } = this.#options;
    for (let start = 0; start < this.count; start += batchSize) {
      const number = this.#made++;
      const end = Math.min(start + batchSize, this.count);
      const take = (part: HostStructure | null): TensorStructure | null =>
        part === null
          ? null
          : mapHost(
              (array) => takeRows(array, permutation, start, end, this.#storage?.for(array, number) ?? null),
              part,
            );
      yield { x: take(this.#x), y: take(this.#y), sampleWeight: take(this.#sampleWeight), size: end - start };
    }
  }
}

/** The number of samples in a batch of tensors. */
export function batchSizeOf(where: string, x: TensorStructure): number {
  const sizes: number[] = [];
  mapStructure((t: Tensor | null) => {
    if (t && t.ndim > 0) sizes.push(t.shape[0]!);
    return t;
  }, x);
  if (sizes.length === 0) throw new RangeError(`${where}: the batch holds no array`);
  return sizes[0]!;
}
