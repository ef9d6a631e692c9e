/** A training, test or predict step as compiled programs, one per shape of batch. */

import type { BackendBuffer } from "../backend/contract.ts";
import { backend as startBackend } from "../backend/registry.ts";
import { fromElement } from "../core/dtype.ts";
import { flatten, isPlainObject, mapStructure, type Nested, packSequenceAs, showStructure } from "../core/tree.ts";
import { evaluate } from "../runtime/evaluate.ts";
import { type CompiledFunction, compileFunction, tensorBuffer } from "../runtime/jit.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Batch, TensorStructure } from "./dataAdapters/dataAdapter.ts";

/** What a step gets: the batch, with traced tensors. */
export interface StepData {
  readonly x: unknown;
  readonly y: unknown;
  readonly sampleWeight: unknown;
}

interface CompiledStep {
  readonly run: CompiledFunction;
  /** Structure of the result with leaves numbered. */
  readonly result: Nested<unknown>;
}

/** Batches whose shapes keep changing keep this many programs; the least recently used one is freed. */
const MAX_PROGRAMS = 64;

type Step = (data: StepData) => Nested<Tensor>;

const partsOf = (batch: Batch): Nested<Tensor | null>[] =>
  [batch.x, batch.y, batch.sampleWeight] as Nested<Tensor | null>[];

/** A step that is traced and compiled the first time a kind of batch arrives. */
export class StepFunction {
  readonly #step: Step;
  readonly #label: string;
  readonly #compiled = new Map<string, CompiledStep>();

  constructor(label: string, step: Step) {
    this.#label = label;
    this.#step = step;
  }

  /** Runs the step; the result's leaves are buffers. */
  async run(batch: Batch): Promise<{ structure: Nested<unknown>; buffers: BackendBuffer[] }> {
    const leaves = partsOf(batch).flatMap((part) => flatten(part));
    const tensors = leaves.filter((t) => t !== null);
    const structures = partsOf(batch).map((part) => (part === null ? "-" : shapeKey(part)));
    const key = structures.join(" ");
    let step = this.#compiled.get(key);
    if (step) {
      if (this.#compiled.size > 1) this.#compiled.delete(key);
    } else step = await this.#compile(batch, tensors);
    this.#compiled.set(key, step);
    if (this.#compiled.size > MAX_PROGRAMS) {
      const [oldest, evicted] = this.#compiled.entries().next().value!;
      this.#compiled.delete(oldest);
      evicted.run.dispose();
    }
    await evaluate(tensors.map((t) => t.node));
    return { structure: step.result, buffers: await step.run.run(tensors.map(tensorBuffer)) };
  }

  async #compile(batch: Batch, tensors: readonly Tensor[]): Promise<CompiledStep> {
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
    return { run, result };
  }
}

function shapeKey(part: TensorStructure): string {
  if (part !== null && !Array.isArray(part) && !isPlainObject(part))
    return `${(part as Tensor).dtype}[${(part as Tensor).node.shape}]`;
  return showStructure(part, (leaf) => (leaf === null ? "-" : `${(leaf as Tensor).dtype}[${(leaf as Tensor).shape}]`));
}

/** Scalars of a step's result as numbers under their names. */
export async function readLogs(
  structure: Nested<unknown>,
  buffers: readonly BackendBuffer[],
): Promise<Record<string, number>> {
  const backend = await startBackend(buffers[0]?.backend);
  const logs: Record<string, number> = {};
  for (const [name, index] of Object.entries(structure as Record<string, number>)) {
    const buffer = buffers[index]!;
    const data = backend.peek(buffer) ?? (await backend.download(buffer));
    logs[name] = fromElement(buffer.dtype, data[0]!);
  }
  return logs;
}
