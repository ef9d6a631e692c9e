/** `keras.data.Dataset`: data that is read and prepared while it is used. */
import { checkOptions, describe } from "../core/errors.ts";
import { makeDefaultSeed } from "../random/seedGenerator.ts";
import { ahead } from "./ahead.ts";
import {
  type BucketOptions,
  batched,
  bucketed,
  combine,
  type PaddedBatchOptions,
  padder,
  unbatched,
} from "./batching.ts";
import { type CsvOptions, checkCsvOptions, csvRows } from "./csv.ts";
import { type Batched, mapData, partText, type Sliced } from "./element.ts";
import { concatenated, counted, filtered, mapped, repeated, shuffled, skipped, taken, zipped } from "./passes.ts";
import { Slices } from "./slices.ts";
import { type TextSource, textLines } from "./textSource.ts";

/** The elements of datasets in a structure. */
export type Zipped<S> =
  S extends Dataset<infer T> ? T : { -readonly [K in keyof S]: S[K] extends Dataset<infer T> ? T : Zipped<S[K]> };

type Source<T> = AsyncIterable<T> | Iterable<T>;

function checkCount(where: string, name: string, value: unknown, least: number): void {
  if (Number.isInteger(value) && (value as number) >= least) return;
  const kind = least === 1 ? "a positive" : "a non-negative";
  throw new RangeError(`${where}: expected \`${name}\` to be ${kind} integer. Received: ${describe(value)}`);
}

function checkFunction(where: string, fn: unknown): void {
  if (typeof fn !== "function") throw new TypeError(`${where}: expected a function. Received: ${describe(fn)}`);
}

/** Counts with `null` for unknown. */
const onCount = (count: number | null, fn: (n: number) => number): number | null => (count === null ? null : fn(count));

/**
 * A sequence of elements that is made anew each time somebody iterates over it: one sample, or one batch, at a time. `fit`,
 * `evaluate` and `predict` take datasets of batches: `[x, y]`, `[x, y, sampleWeight]` or `x`; they prepare the next batches
 * while a step computes.
 *
 * Elements are tensors, numbers, strings, or dicts and arrays of them; an array at the top is a tuple, such as `[x, y]`.
 * Transformations return a new dataset and compute nothing until it is iterated over.
 *
 * @example
 * const train = keras.data.Dataset.fromTensorSlices([x, y]).shuffle(1024).batch(32).prefetch(2);
 * await model.fit(train, null, { epochs: 3 });
 * @see https://www.tensorflow.org/api_docs/python/tf/data/Dataset, whose names these are; Keras takes those
 */
export class Dataset<T> implements AsyncIterable<T> {
  readonly #open: () => AsyncIterable<T>;
  /** Number of elements; `Infinity` without an end, `null` where only iterating tells. */
  readonly cardinality: number | null;

  /** @internal Use `Dataset.from…`. */
  constructor(open: () => AsyncIterable<T>, cardinality: number | null) {
    this.#open = open;
    this.cardinality = cardinality;
  }

  /** A new pass. */
  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#open()[Symbol.asyncIterator]();
  }

  // ---------------------------------------------------------------- sources

  /**
   * Rows of arrays along their first axis, in the structure of the arrays. Tensors and typed arrays give tensors; lists give
   * their items, where longer rows become tensors, each of its own length. Lists of one depth in a list are the rows of one
   * array; of different depths, as in `[[[1, 2], [3, 4]], [0, 1]]`, they are a tuple. For a tuple of lists of one depth make
   * them tensors: `[tensor(a), tensor(b)]`.
   *
   * @throws RangeError for arrays of different lengths; TypeError for a list that could be either.
   * @example Dataset.fromTensorSlices([{ title: [[3, 1], [4]], tags }, labels])
   */
  static fromTensorSlices<const S>(arrays: S): Dataset<Sliced<S>> {
    const slices = new Slices(arrays);
    return new Dataset(() => slices.elements() as AsyncIterable<Sliced<S>>, slices.count);
  }

  /** What a generator yields. @param make - Called for each pass. */
  static fromGenerator<T>(make: () => Source<T>, options: { cardinality?: number | null } = {}): Dataset<T> {
    checkFunction("fromGenerator", make);
    checkOptions("fromGenerator", options, ["cardinality"]);
    return new Dataset(() => mapped(make() as AsyncIterable<T>, (element) => element), options.cardinality ?? null);
  }

  /** What an iterable gives, in each pass anew. @throws Error in the second pass of an iterator, which can be read once. */
  static fromAsyncIterable<T>(source: Source<T>): Dataset<T> {
    const isSource = typeof source === "object" && source !== null;
    if (!isSource || !(Symbol.asyncIterator in source || Symbol.iterator in source)) {
      throw new TypeError(`fromAsyncIterable: expected an iterable. Received: ${describe(source)}`);
    }
    let used = false;
    const open = (): AsyncIterable<T> => {
      if (used && "next" in source) {
        throw new Error(
          "fromAsyncIterable: this iterator was read and cannot start again. Use fromGenerator(() => …), which makes one for " +
            "each pass, or cache()",
        );
      }
      used = true;
      return mapped(source as AsyncIterable<T>, (element) => element);
    };
    return new Dataset(open, Array.isArray(source) ? source.length : null);
  }

  /** Numbers from `start` up to `stop`, without it. `range(stop)` starts at 0. */
  static range(start: number, stop?: number, step = 1): Dataset<number> {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    if (![from, to, step].every(Number.isInteger) || step === 0) {
      throw new RangeError(
        `range: expected integers and a step other than 0. Received: ${[from, to, step].map(describe).join(", ")}`,
      );
    }
    const count = Math.max(0, Math.ceil((to - from) / step));
    return new Dataset(async function* () {
      for (let i = 0; i < count; i++) yield from + i * step;
    }, count);
  }

  /** Elements of several datasets side by side, in their structure: `zip([a, b])`, `zip({ a, b })`. Ends with the shortest. */
  static zip<const S>(datasets: S): Dataset<Zipped<S>> {
    const parts: Dataset<unknown>[] = [];
    const structure = mapData(datasets, (part, path) => {
      if (!(part instanceof Dataset)) {
        throw new TypeError(`zip: expected datasets. Received for ${partText(path)}: ${describe(part)}`);
      }
      parts.push(part);
      return part;
    });
    const counts = parts.map((part) => part.cardinality);
    const count = counts.includes(null) ? null : Math.min(...(counts as number[]));
    const open = () =>
      mapped(zipped(parts), (elements) => {
        let next = 0;
        return mapData(structure, () => elements[next++]) as Zipped<S>;
      });
    return new Dataset(open, count);
  }

  /**
   * Rows of a table of comma-separated values (RFC 4180) as dicts by column: numbers, strings or booleans. With `label`,
   * elements are `[features, label]`.
   *
   * @param source - A path (in Node), an address, bytes, a `File`, or pieces of text.
   * @example Dataset.fromCsv("titanic.csv", { select: ["age", "sex"], label: "survived" })
   */
  // biome-ignore lint/suspicious/noExplicitAny: what a table holds is known when it is read, so callers say what they expect
  static fromCsv<T = any>(source: TextSource, options: CsvOptions = {}): Dataset<T> {
    checkCsvOptions(options);
    return new Dataset(() => csvRows(source, options) as AsyncIterable<T>, null);
  }

  /** Lines of a text, without their ends. */
  static fromTextLines(source: TextSource): Dataset<string> {
    return new Dataset(() => textLines(source), null);
  }

  // ---------------------------------------------------------------- elements

  /**
   * Applies a function to each element.
   *
   * @param options - `numParallelCalls`: elements that an async function works on at once; they keep their order.
   *   `@defaultValue 1`
   */
  map<U>(fn: (element: T, index: number) => U | Promise<U>, options: { numParallelCalls?: number } = {}): Dataset<U> {
    checkFunction("map", fn);
    checkOptions("map", options, ["numParallelCalls"]);
    const { numParallelCalls = 1 } = options;
    checkCount("map", "numParallelCalls", numParallelCalls, 1);
    const open = () => (numParallelCalls === 1 ? mapped(this, fn) : ahead(this, numParallelCalls, fn));
    return new Dataset(open, this.cardinality);
  }

  /** Keeps the elements for which `keep` is true. */
  filter(keep: (element: T, index: number) => boolean | Promise<boolean>): Dataset<T> {
    checkFunction("filter", keep);
    return new Dataset(() => filtered(this, keep), this.cardinality === 0 ? 0 : null);
  }

  /** `[index, element]`. */
  enumerate(start = 0): Dataset<[number, T]> {
    return new Dataset(() => counted(this, start), this.cardinality);
  }

  // ---------------------------------------------------------------- order and amount

  /**
   * A random order, as far as a buffer allows: each element is drawn from the `bufferSize` that come next. For a perfect
   * shuffle make it as large as the data.
   *
   * @param options - `seed`, `@defaultValue` from the source that `setRandomSeed` seeds; `reshuffleEachIteration`: whether
   *   each pass has an order of its own, `@defaultValue true`
   */
  shuffle(bufferSize: number, options: { seed?: number | null; reshuffleEachIteration?: boolean } = {}): Dataset<T> {
    checkCount("shuffle", "bufferSize", bufferSize, 1);
    checkOptions("shuffle", options, ["seed", "reshuffleEachIteration"]);
    const { seed = null, reshuffleEachIteration = true } = options;
    if (seed !== null) checkCount("shuffle", "seed", seed, 0);
    let kept: number | null = seed;
    let passes = 0;
    const open = () => {
      const turn = reshuffleEachIteration ? passes++ : 0;
      if (seed === null && (reshuffleEachIteration || kept === null)) kept = makeDefaultSeed();
      return shuffled(this, bufferSize, kept!, turn);
    };
    return new Dataset(open, this.cardinality);
  }

  /** Several passes. @param count - @defaultValue without an end */
  repeat(count: number | null = null): Dataset<T> {
    if (count !== null) checkCount("repeat", "count", count, 0);
    const times = count ?? Number.POSITIVE_INFINITY;
    const total = onCount(this.cardinality, (n) => (n === 0 || times === 0 ? 0 : n * times));
    return new Dataset(() => repeated(this, times), total);
  }

  /** The first `count` elements. */
  take(count: number): Dataset<T> {
    checkCount("take", "count", count, 0);
    return new Dataset(
      () => taken(this, count),
      count === 0 ? 0 : onCount(this.cardinality, (n) => Math.min(n, count)),
    );
  }

  /** All but the first `count` elements. */
  skip(count: number): Dataset<T> {
    checkCount("skip", "count", count, 0);
    return new Dataset(
      () => skipped(this, count),
      onCount(this.cardinality, (n) => Math.max(0, n - count)),
    );
  }

  /** The elements of this dataset, then those of others. */
  concatenate(...others: readonly Dataset<T>[]): Dataset<T> {
    const wrong = others.find((other) => !(other instanceof Dataset));
    if (wrong !== undefined) throw new TypeError(`concatenate: expected datasets. Received: ${describe(wrong)}`);
    const all: readonly Dataset<T>[] = [this, ...others];
    const total = all.reduce<number | null>(
      (sum, { cardinality }) => (sum === null || cardinality === null ? null : sum + cardinality),
      0,
    );
    return new Dataset(() => concatenated(all), total);
  }

  // ---------------------------------------------------------------- batches

  /**
   * Batches of `batchSize` elements: data is stacked along a new first axis.
   *
   * @param options - `dropRemainder`: whether to leave out a last batch that is smaller. `@defaultValue false`
   * @throws ShapeError (while iterating) for elements of different shapes; `paddedBatch` takes those.
   */
  batch(batchSize: number, options: { dropRemainder?: boolean } = {}): Dataset<Batched<T>> {
    checkCount("batch", "batchSize", batchSize, 1);
    checkOptions("batch", options, ["dropRemainder"]);
    return this.#batches(batchSize, options.dropRemainder ?? false, (elements) => combine(elements));
  }

  /**
   * Batches of sequences of different lengths, filled up to the longest of the batch, or to given lengths.
   *
   * @throws RangeError (while iterating) for a sequence longer than all lengths of `padTo`.
   * @example sentences.paddedBatch(32, { padTo: [16, 32, 64] })
   */
  paddedBatch(batchSize: number, options: PaddedBatchOptions = {}): Dataset<Batched<T>> {
    checkCount("paddedBatch", "batchSize", batchSize, 1);
    checkOptions("paddedBatch", options, ["padTo", "paddingValues", "padding", "dropRemainder"]);
    return this.#batches(batchSize, options.dropRemainder ?? false, padder("paddedBatch", options));
  }

  #batches(size: number, dropRemainder: boolean, join: Parameters<typeof batched>[3]): Dataset<Batched<T>> {
    const count = onCount(this.cardinality, (n) => (dropRemainder ? Math.floor(n / size) : Math.ceil(n / size)));
    return new Dataset(() => batched(this, size, dropRemainder, join) as AsyncIterable<Batched<T>>, count);
  }

  /**
   * Batches of elements of about the same length, padded as `paddedBatch` does: little is wasted on padding, and there are
   * few lengths.
   */
  bucketBySequenceLength(options: BucketOptions<T>): Dataset<Batched<T>> {
    checkBuckets(options);
    return new Dataset(() => bucketed(this, options) as AsyncIterable<Batched<T>>, this.cardinality === 0 ? 0 : null);
  }

  /** Elements of batches, one by one, as tensors. */
  unbatch(): Dataset<T> {
    return new Dataset(() => unbatched(this) as AsyncIterable<T>, this.cardinality === 0 ? 0 : null);
  }

  // ---------------------------------------------------------------- how it is computed

  /** Prepares up to `bufferSize` elements while others are in use. */
  prefetch(bufferSize: number): Dataset<T> {
    checkCount("prefetch", "bufferSize", bufferSize, 1);
    return new Dataset(() => ahead(this, bufferSize, (element) => element), this.cardinality);
  }

  /** Keeps the elements of the first complete pass in memory for all others. */
  cache(): Dataset<T> {
    let kept: readonly T[] | null = null;
    const source: AsyncIterable<T> = this;
    const open = async function* (): AsyncGenerator<T> {
      if (kept) {
        yield* kept;
        return;
      }
      const seen: T[] = [];
      for await (const element of source) {
        seen.push(element);
        yield element;
      }
      kept = seen;
    };
    return new Dataset(open, this.cardinality);
  }

  // ---------------------------------------------------------------- reading

  /** Combines all elements to one value. */
  async reduce<U>(initial: U, fn: (state: U, element: T) => U | Promise<U>): Promise<U> {
    this.#needEnd("reduce");
    let state = initial;
    for await (const element of this) state = await fn(state, element);
    return state;
  }

  /** All elements. */
  async toArray(): Promise<T[]> {
    this.#needEnd("toArray");
    const elements: T[] = [];
    for await (const element of this) elements.push(element);
    return elements;
  }

  #needEnd(where: string): void {
    if (this.cardinality === Number.POSITIVE_INFINITY) {
      throw new RangeError(`${where}: the dataset has no end. Use take(count) before`);
    }
  }
}

function checkBuckets<T>(options: BucketOptions<T>): void {
  const where = "bucketBySequenceLength";
  checkOptions(where, options, [
    "elementLengthFn",
    "bucketBoundaries",
    "bucketBatchSizes",
    "padToBucketBoundary",
    "dropRemainder",
    "padTo",
    "paddingValues",
    "padding",
  ]);
  const { bucketBoundaries: boundaries, bucketBatchSizes: sizes } = options;
  const ascending =
    Array.isArray(boundaries) && boundaries.every((b, i) => Number.isInteger(b) && b > (boundaries[i - 1] ?? 0));
  if (!ascending || boundaries.length === 0) {
    throw new RangeError(
      `${where}: expected \`bucketBoundaries\` to be growing positive integers. Received: ${describe(boundaries)}`,
    );
  }
  const fits = typeof sizes === "number" || (Array.isArray(sizes) && sizes.length === boundaries.length + 1);
  if (!fits || ![sizes].flat().every((size) => Number.isInteger(size) && size > 0)) {
    throw new RangeError(
      `${where}: expected \`bucketBatchSizes\` to be a positive integer, or ${boundaries.length + 1} of them, one per bucket. ` +
        `Received: ${describe(sizes)}`,
    );
  }
  if (options.padToBucketBoundary && options.padTo) {
    throw new TypeError(`${where}: give \`padTo\` or \`padToBucketBoundary\`, not both`);
  }
}
