/** Computes lazy values: cuts the graph at what is known, compiles it once per structure, runs it, keeps the results. */
import type { Backend, BackendBuffer } from "../backend/contract.ts";
import { backend as startBackend, startedBackend } from "../backend/registry.ts";
import { ExecutableCache } from "../compiler/executableCache.ts";
import { optimize } from "../compiler/pipeline.ts";
import { isFloat, type TypedArray } from "../core/dtype.ts";
import { invariant } from "../core/errors.ts";
import { freeLeaves, makeProgram, type Program, structuralKey } from "../ir/program.ts";
import type { Value } from "../ir/value.ts";
import { TensorBuffer } from "./buffer.ts";
import { rowsAtHand, rowsOf } from "./rowsAtHand.ts";
import { activeTrace } from "./trace.ts";
import { tracedRead } from "./tracedRead.ts";

const cache = new ExecutableCache();

/** Values that must not stay lazy for long (assigned variables): computed with whatever is computed next. */
const pending = new Set<{ readonly pendingValue: Value | null }>();

export const addPending = (holder: { readonly pendingValue: Value | null }): void => void pending.add(holder);
export const removePending = (holder: { readonly pendingValue: Value | null }): void => void pending.delete(holder);

/** Host data of a computed value if it can be had without waiting. */
export function peekValue(value: Value): TypedArray | null {
  const { source } = value;
  if (source.kind === "constant") return source.data;
  if (source.kind !== "buffer") return null;
  return (source.buffer as TensorBuffer).peek(startedBackend());
}

/** Buffers in the memory of `backend`, moving what lives elsewhere. */
export async function buffersOn(backend: Backend, buffers: readonly TensorBuffer[]): Promise<BackendBuffer[]> {
  const moves = buffers.filter((b) => b.needsMove(backend));
  if (moves.length > 0) await Promise.all(moves.map((b) => b.host()));
  return buffers.map((b) => b.on(backend));
}

/** Runs a program through the cache of executables: made in little time first, and made well when it keeps coming back. */
function runProgram(backend: Backend, program: Program, inputs: readonly BackendBuffer[]): Promise<BackendBuffer[]> {
  const key = `${backend.name}\n${structuralKey(program)}`;
  return cache.use(
    key,
    (runs) => backend.compile(optimize(program, backend), { runs }),
    (executable) => executable.run(inputs),
  );
}

/** Scalars of float dtype differ from call to call in eager code, so they are arguments rather than structure. */
const isLiteral = (constant: Value): boolean => constant.shape.length === 0 && isFloat(constant.dtype);

/** Settled when no evaluation is under way. */
let turn: Promise<void> = Promise.resolve();

/** Evaluations that are asked for and not finished. */
let underWay = 0;

/**
 * Computes values, so that each becomes a leaf that holds its data. Evaluations take turns: one that needs what another is
 * computing waits and uses it, and no graph changes while it is compiled.
 *
 * @throws Error when a value depends on an input of a function that is being traced.
 */
export async function evaluate(values: readonly Value[]): Promise<void> {
  // What is asked for while something is recorded is looked at now, when it is known who asks.
  for (const value of activeTrace() ? freeLeaves(values) : values) assertConcrete(value);
  if (isComputed(values)) return;
  underWay++;
  const result = turn.then(() => computeWithPending(values)).finally(() => underWay--);
  turn = result.catch(() => undefined);
  return result;
}

/**
 * Whether the values hold their data. Batches cut out of arrays in host memory come to hold theirs here: a loop of one's own makes
 * two of them per step, and waiting for a turn costs more than the cut.
 */
export function isComputed(values: readonly Value[]): boolean {
  if (values.every((v) => v.node === null)) return true;
  const backend = startedBackend();
  // What is under way may pass through these values; it must find the graph as it was.
  if (underWay > 0 || backend === null) return false;
  for (const value of values) {
    if (value.node === null) continue;
    const rows = rowsOf(value, backend);
    if (rows) value.materialize(rows);
  }
  return values.every((v) => v.node === null);
}

async function computeWithPending(values: readonly Value[]): Promise<void> {
  const asked = new Set(values.filter((v) => v.node !== null));
  const waiting: Value[] = [];
  for (const { pendingValue } of pending) {
    if (pendingValue?.node && !asked.has(pendingValue)) waiting.push(pendingValue);
  }
  if (waiting.length > 0) {
    try {
      await compute([...asked, ...waiting]);
      return;
    } catch {
      // A variable that cannot be computed is the trouble of whoever reads it, not of everybody.
    }
  }
  await compute([...asked]);
}

async function compute(asked: readonly Value[]): Promise<void> {
  if (asked.length === 0) return;
  const backend = await startBackend();
  const rows = rowsAtHand(asked, backend);
  for (const value of asked) if (rows.has(value)) value.materialize(rows.get(value)!);
  const outputs = asked.filter((value) => value.node !== null);
  if (outputs.length === 0) return;
  const cut = [...rows.keys()].filter((value) => value.node !== null);
  const leaves = [...cut, ...freeLeaves(outputs, new Set(cut))];
  leaves.forEach(assertConcrete);
  const whole = makeProgram(leaves, outputs);
  const lifted = whole.constants.filter(isLiteral);
  const constants = whole.constants.filter((constant) => !isLiteral(constant));
  const program: Program = { ...whole, inputs: [...leaves, ...lifted], constants };
  const buffers = leaves.map((leaf) => {
    const given = rows.get(leaf);
    if (given) return given;
    const { source } = leaf;
    invariant(source.kind === "buffer", "a concrete leaf holds a buffer");
    return source.buffer as TensorBuffer;
  });
  const literalBuffers = lifted.map((leaf) => {
    const { source } = leaf;
    invariant(source.kind === "constant", "a literal is a constant");
    return TensorBuffer.fromHost(source.data, leaf.shape, leaf.dtype);
  });
  const inputs = await buffersOn(backend, [...buffers, ...literalBuffers]);
  const results = await runProgram(backend, program, inputs);
  outputs.forEach((value, i) => {
    if (value.node !== null) value.materialize(TensorBuffer.fromDevice(results[i]!));
  });
}

/** @throws Error when a value stands for an input of a function that is being traced. */
export function assertConcrete(value: Value): void {
  if (value.source.kind === "input") {
    throw tracedRead();
  }
}
