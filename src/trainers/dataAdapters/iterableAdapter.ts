/** Data that is produced while it is used: generators, async generators and other iterables of batches. */
import { floatx } from "../../core/config.ts";
import { isFloat } from "../../core/dtype.ts";
import { describe } from "../../core/errors.ts";
import { mapStructure } from "../../core/tree.ts";
import { castTensor } from "../../ops/define.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { batchSizeOf, toTensorStructure } from "./arrayAdapter.ts";
import type { Batch, DataAdapter, TensorStructure } from "./dataAdapter.ts";

/** What an iterable yields: `x`, `[x]`, `[x, y]` or `[x, y, sampleWeight]`. */
export type YieldedBatch = unknown;
export type BatchSource = Iterable<YieldedBatch> | AsyncIterable<YieldedBatch>;
/** A function that starts a new pass, so that data can be used for several epochs. */
export type BatchFactory = () => BatchSource;

export const isBatchSource = (value: unknown): value is BatchSource =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !ArrayBuffer.isView(value) &&
  !(value instanceof Tensor) &&
  (Symbol.asyncIterator in value || Symbol.iterator in value);

const floatsAsFloatx = (structure: TensorStructure): TensorStructure =>
  mapStructure((t: Tensor | null) => (t && isFloat(t.dtype) ? castTensor(t, floatx()) : t), structure);

/** A yielded value as a batch. */
export function toBatch(where: string, value: YieldedBatch, kind = "generator"): Batch {
  const parts = Array.isArray(value) ? value : [value];
  if (parts.length < 1 || parts.length > 3) {
    throw new RangeError(
      `${where}: a ${kind} yields x, [x], [x, y] or [x, y, sampleWeight]. Received: an array of ${parts.length}`,
    );
  }
  const part = (item: unknown): TensorStructure | null =>
    item === undefined || item === null ? null : floatsAsFloatx(toTensorStructure(item, where));
  const x = part(parts[0]);
  if (x === null)
    throw new TypeError(`${where}: a ${kind} yielded a batch without \`x\`. Received: ${describe(value)}`);
  return { x, y: part(parts[1]), sampleWeight: part(parts[2]), size: batchSizeOf(where, x) };
}

/** Batches from a generator or another iterable; one that is spent goes on where it stopped. */
export class IterableAdapter implements DataAdapter {
  readonly batchCount = null;
  readonly restarts: boolean;
  readonly streams = true;
  readonly #where: string;
  readonly #source: BatchSource | BatchFactory;

  constructor(where: string, source: BatchSource | BatchFactory) {
    this.#where = where;
    this.#source = source;
    this.restarts = typeof source === "function";
  }

  async *batches(): AsyncIterable<Batch> {
    const source = typeof this.#source === "function" ? this.#source() : this.#source;
    const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    try {
      for (;;) {
        const { value, done } = await iterator.next();
        if (done) return;
        yield toBatch(this.#where, value);
      }
    } finally {
      // Not one that the caller goes on with.
      if (this.restarts) await iterator.return?.();
    }
  }
}
