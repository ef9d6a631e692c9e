/** Batches: what every source of data is turned into before it reaches a training step. */

import type { Nested } from "../../core/tree.ts";
import type { Tensor } from "../../runtime/tensor.ts";

/** A tensor, or a structure of tensors; `null` for an absent optional input. */
export type TensorStructure = Nested<Tensor | null>;

/** One batch. */
export interface Batch {
  readonly x: TensorStructure;
  readonly y: TensorStructure | null;
  readonly sampleWeight: TensorStructure | null;
  /** Number of samples. */
  readonly size: number;
}

/** A source of batches that can be run through several times. */
export interface DataAdapter {
  /** Batches in one pass: `Infinity` without an end, or `null` when it is not known before the pass ends. */
  readonly batchCount: number | null;
  /** Whether another pass begins from the beginning. A generator goes on where it stopped. */
  readonly restarts: boolean;
  /** Whether batches are read or prepared while steps run, which needs time between the steps. */
  readonly streams: boolean;
  /** Batches of pass `epoch`; the order may depend on it. */
  batches(epoch: number): AsyncIterable<Batch> | Iterable<Batch>;
  /** Before the first batch of an epoch. */
  onEpochBegin?(): void | Promise<void>;
  /** After the last batch of an epoch. */
  onEpochEnd?(): void | Promise<void>;
}

/** What users may pass as one array of data. */
export type ArrayLike = Tensor | ArrayBufferView | readonly unknown[];
