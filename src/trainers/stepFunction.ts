/** A training, test or predict step as compiled programs, one per shape of batch. */

import type { BackendBuffer } from "../backend/contract.ts";
import { backend as startBackend, startedBackend } from "../backend/registry.ts";
import { fromElement } from "../core/dtype.ts";
import { flatten, mapStructure, type Nested, packSequenceAs, showStructure } from "../core/tree.ts";
import * as build from "../ir/build.ts";
import { type CompiledFunction, compileFunction, tensorBuffer } from "../runtime/compiledFunction.ts";
import { evaluate } from "../runtime/evaluate.ts";
import { Tensor } from "../runtime/tensor.ts";
import type { Batch, TensorStructure } from "./dataAdapters/dataAdapter.ts";
import { refuseEmptyAxes } from "./emptyAxes.ts";

/**
 * What a step gets: the batch, with traced tensors. A step of your own says what it expects of the data:
 * `StepData<Tensor, Tensor>`, `StepData<{ image: Tensor }>`.
 */
export interface StepData<X = unknown, Y = unknown, W = unknown> {
  readonly x: X;
  readonly y: Y;
  readonly sampleWeight: W;
}

interface CompiledStep {
  readonly key: string;
  readonly run: CompiledFunction;
  /** Steps in the program. */
  readonly steps: number;
  /** Structure of the result with leaves numbered. */
  readonly result: Nested<unknown>;
}

/**
 * Batches whose shapes keep changing need a program each, and each keeps memory in the engine. As many stay as this allows;
 * the least recently used ones are freed. Measured in docs/decisions/0006-lengths.md.
 */
const LIMITS = { programs: 256, bytes: 2 ** 30, atLeast: 8 };

type Step = (data: StepData) => Nested<Tensor>;

const partsOf = (batch: Batch): (TensorStructure | null)[] => [batch.x, batch.y, batch.sampleWeight];

/** Tensors of a part, in order. Most parts are one tensor, and this runs at every step. */
function addTensors(part: TensorStructure | null, to: Tensor[]): void {
  if (part instanceof Tensor) to.push(part);
  else if (part !== null) for (const leaf of flatten(part)) if (leaf !== null) to.push(leaf);
}

/** A step that is traced and compiled the first time a kind of batch arrives. */
export class StepFunction {
  readonly #step: Step;
  readonly #label: string;
  readonly #compiled = new Map<string, CompiledStep>();
  #last: CompiledStep | null = null;

  constructor(label: string, step: Step) {
    this.#label = label;
    this.#step = step;
  }

  /** Runs the step; the result's leaves are buffers. */
  async run(batch: Batch): Promise<{ structure: Nested<unknown>; buffers: BackendBuffer[] }> {
    const tensors: Tensor[] = [];
    for (const part of partsOf(batch)) addTensors(part, tensors);
    const key = batchKey(batch);
    const step = this.#last?.key === key ? this.#last : await this.#find(key, [batch], tensors);
    if (tensors.some((t) => t.node.node !== null)) await evaluate(tensors.map((t) => t.node));
    return { structure: step.result, buffers: await step.run.run(tensors.map(tensorBuffer)) };
  }

  /** Floating-point operations of the program that ran last, or `null` before the first. */
  get work(): number | null {
    return this.#last ? this.#last.run.work / this.#last.steps : null;
  }

  /**
   * Runs several steps as one program and returns the logs of each, or `null` when the batches are not of one kind: then
   * nothing was run.
   */
  async runGroup(batches: readonly Batch[]): Promise<Record<string, number>[] | null> {
    const keys = new Set(batches.map(batchKey));
    if (keys.size > 1) return null;
    const tensors: Tensor[] = [];
    for (const batch of batches) for (const part of partsOf(batch)) addTensors(part, tensors);
    const key = `${batches.length} of ${batchKey(batches[0]!)}`;
    const step = this.#last?.key === key ? this.#last : await this.#find(key, batches, tensors);
    if (tensors.some((t) => t.node.node !== null)) await evaluate(tensors.map((t) => t.node));
    const [all] = await step.run.run(tensors.map(tensorBuffer));
    const backend = startedBackend() ?? (await startBackend());
    const numbers = backend.peek(all!) ?? (await backend.download(all!));
    const indices = step.result as Record<string, number>;
    const names = Object.keys(indices).sort();
    const width = numbers.length / batches.length;
    return batches.map((_, k) =>
      Object.fromEntries(names.map((name) => [name, fromElement(all!.dtype, numbers[k * width + indices[name]!]!)])),
    );
  }

  /** The program for a kind of batch, which becomes the most recently used one. */
  async #find(key: string, batches: readonly Batch[], tensors: readonly Tensor[]): Promise<CompiledStep> {
    const step = this.#compiled.get(key) ?? (await this.#compile(key, batches, tensors));
    this.#compiled.delete(key);
    this.#compiled.set(key, step);
    this.#last = step;
    this.#evict();
    return step;
  }

  #evict(): void {
    const { programs, bytes, atLeast } = LIMITS;
    let total = 0;
    for (const { run } of this.#compiled.values()) total += run.workspace;
    for (const [oldest, evicted] of this.#compiled) {
      const { size } = this.#compiled;
      if (size <= atLeast || (size <= programs && total <= bytes)) return;
      this.#compiled.delete(oldest);
      total -= evicted.run.workspace;
      evicted.run.dispose();
    }
  }

  /** Several steps give one vector, the numbers of the first step before those of the second. */
  async #compile(key: string, batches: readonly Batch[], tensors: readonly Tensor[]): Promise<CompiledStep> {
    for (const batch of batches) refuseEmptyAxes(this.#label, batch);
    let result: Nested<unknown> = null;
    const run = await compileFunction(
      (inputs) => {
        let next = 0;
        const leaves = batches.flatMap((batch) => {
          const [x, y, sampleWeight] = partsOf(batch).map((part) =>
            mapStructure((leaf: Tensor | null) => (leaf === null ? null : inputs[next++]!), part),
          );
          const output = this.#step({ x, y, sampleWeight });
          const own = flatten(output);
          result = packSequenceAs(
            output as Nested<unknown>,
            own.map((_, i) => i),
          );
          return own;
        });
        return batches.length === 1 ? leaves : [joinScalars(leaves)];
      },
      tensors.map((t) => ({ shape: t.shape, dtype: t.dtype })),
      this.#label,
    );
    return { key, run, result, steps: batches.length };
  }
}

/** Scalars as one float32 vector. */
const joinScalars = (scalars: readonly Tensor[]): Tensor =>
  new Tensor(
    build.concat(
      scalars.map((t) => build.reshape(build.cast(t.node, "float32"), [1])),
      0,
    ),
  );

const typeKey = (t: Tensor | null): string => (t === null ? "-" : `${t.node.dtype}[${t.node.shape}]`);

function shapeKey(part: TensorStructure | null): string {
  if (part === null || part instanceof Tensor) return typeKey(part);
  return showStructure(part, (leaf) => typeKey(leaf as Tensor | null));
}

const batchKey = ({ x, y, sampleWeight }: Batch): string => `${shapeKey(x)} ${shapeKey(y)} ${shapeKey(sampleWeight)}`;

/** Scalars of a step's result as numbers under their names, in alphabetical order as callbacks see them. */
export async function readLogs(
  structure: Nested<unknown>,
  buffers: readonly BackendBuffer[],
): Promise<Record<string, number>> {
  const backend = startedBackend() ?? (await startBackend());
  const indices = structure as Record<string, number>;
  const logs: Record<string, number> = {};
  for (const name of Object.keys(indices).sort()) {
    const buffer = buffers[indices[name]!]!;
    const data = backend.peek(buffer) ?? (await backend.download(buffer));
    logs[name] = fromElement(buffer.dtype, data[0]!);
  }
  return logs;
}
