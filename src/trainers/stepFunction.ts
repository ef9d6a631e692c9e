/** A training, test or predict step as compiled programs, one per shape of batch. */

import type { BackendBuffer } from "../backend/contract.ts";
import { backend as startBackend, startedBackend } from "../backend/registry.ts";
import { fromElement } from "../core/dtype.ts";
import { flatten, mapStructure, type Nested, packSequenceAs, showStructure } from "../core/tree.ts";
import { evaluate } from "../runtime/evaluate.ts";
import { type CompiledFunction, compileFunction, tensorBuffer } from "../runtime/jit.ts";
import { Tensor } from "../runtime/tensor.ts";
import type { Batch, TensorStructure } from "./dataAdapters/dataAdapter.ts";

/** What a step gets: the batch, with traced tensors. */
export interface StepData {
  readonly x: unknown;
  readonly y: unknown;
  readonly sampleWeight: unknown;
}

interface CompiledStep {
  readonly key: string;
  readonly run: CompiledFunction;
  /** Structure of the result with leaves numbered. */
  readonly result: Nested<unknown>;
}

/** Batches whose shapes keep changing keep this many programs; the least recently used one is freed. */
const MAX_PROGRAMS = 64;

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
    const key = `${shapeKey(batch.x)} ${shapeKey(batch.y)} ${shapeKey(batch.sampleWeight)}`;
    const step = this.#last?.key === key ? this.#last : await this.#find(key, batch, tensors);
    if (tensors.some((t) => t.node.node !== null)) await evaluate(tensors.map((t) => t.node));
    return { structure: step.result, buffers: await step.run.run(tensors.map(tensorBuffer)) };
  }

  /** The program for a kind of batch, which becomes the most recently used one. */
  async #find(key: string, batch: Batch, tensors: readonly Tensor[]): Promise<CompiledStep> {
    const step = this.#compiled.get(key) ?? (await this.#compile(key, batch, tensors));
    this.#compiled.delete(key);
    this.#compiled.set(key, step);
    this.#last = step;
    if (this.#compiled.size > MAX_PROGRAMS) {
      const [oldest, evicted] = this.#compiled.entries().next().value!;
      this.#compiled.delete(oldest);
      evicted.run.dispose();
    }
    return step;
  }

  async #compile(key: string, batch: Batch, tensors: readonly Tensor[]): Promise<CompiledStep> {
    let result: Nested<unknown> = null;
    const run = await compileFunction(
      (inputs) => {
        let next = 0;
        const [x, y, sampleWeight] = partsOf(batch).map((part) =>
          mapStructure((leaf: Tensor | null) => (leaf === null ? null : inputs[next++]!), part),
        );
        const output = this.#step({ x, y, sampleWeight });
        const leaves = flatten(output);
        result = packSequenceAs(
          output as Nested<unknown>,
          leaves.map((_, i) => i),
        );
        return leaves;
      },
      tensors.map((t) => ({ shape: t.shape, dtype: t.dtype })),
      this.#label,
    );
    return { key, run, result };
  }
}

const typeKey = (t: Tensor | null): string => (t === null ? "-" : `${t.node.dtype}[${t.node.shape}]`);

function shapeKey(part: TensorStructure | null): string {
  if (part === null || part instanceof Tensor) return typeKey(part);
  return showStructure(part, (leaf) => typeKey(leaf as Tensor | null));
}

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
