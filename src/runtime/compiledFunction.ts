/**
 * Compiled functions: recorded once, optimised, compiled, and run with the variables' buffers in place. A training step compiled
 * this way is one program: no op is dispatched from JavaScript while it runs.
 */
import type { Backend, BackendBuffer, Executable } from "../backend/contract.ts";
import { backend as startBackend } from "../backend/registry.ts";
import { isWritten, packProgram } from "../compiler/packing.ts";
import { optimize } from "../compiler/pipeline.ts";
import { rewriteProgram } from "../compiler/rewrite.ts";
import { asTableUpdates, separateRowUpdates } from "../compiler/rowUpdates.ts";
import { byteSize } from "../core/dtype.ts";
import { invariant } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { freeLeaves, makeProgram, type Program } from "../ir/program.ts";
import { constantValue, inputValue, type Value, type ValueType } from "../ir/value.ts";
import type { TensorBuffer } from "./buffer.ts";
import { TensorBuffer as Buffers } from "./buffer.ts";
import { flushDenormals, RUNS_BETWEEN_FLUSHES } from "./denormals.ts";
import { assertConcrete, buffersOn } from "./evaluate.ts";
import { FrozenProgram, freezableInputs } from "./frozenProgram.ts";
import { adoptTables, applyRows, checkRows, explainRowError, type RowUpdate, type UpdatedTable } from "./rowUpdates.ts";
import { Tensor } from "./tensor.ts";
import { Trace, type TraceableVariable, withTrace } from "./trace.ts";
import { materializeVariables, Variable } from "./variable.ts";
import { choosePacks, sharesMemory, type VariablePack } from "./variablePack.ts";

const nothing = (): void => undefined;

/** Captured tensors of up to so many elements become part of the program. */
const LARGEST_CONSTANT = 64;

/** Rough number of floating-point operations of a function that is worth a second form. */
const LEAST_WORK_TO_FREEZE = 2e6;

/** Settled when no run that reads or writes variables is under way: buffers of a step are recycled by the next. */
let turn: Promise<void> = Promise.resolve();

/** What a compiled function is made of. */
interface Compiled {
  readonly backend: Backend;
  /** For messages. */
  readonly label: string;
  readonly executable: Executable;
  readonly captured: readonly TensorBuffer[];
  /** Variables that are handed over one by one: large ones. */
  readonly reads: readonly Variable[];
  readonly writes: readonly Variable[];
  readonly packs: readonly VariablePack[];
  readonly writtenPacks: readonly VariablePack[];
  /** Variables that JavaScript changes in place after a run. */
  readonly rowUpdates: readonly RowUpdate[];
  /** Variables that the program changes in place. */
  readonly tables: readonly UpdatedTable[];
  /** All variables of the packs and `reads`. */
  readonly state: readonly Variable[];
  readonly resultCount: number;
  readonly workspace: number;
  readonly frozen: FrozenForm | null;
}

/** The form of a function with weights as constants. */
interface FrozenForm {
  readonly program: FrozenProgram;
  /** Variables that are handed over all the same. */
  readonly reads: readonly Variable[];
}

/** Bytes of everything that a program computes on the way. Engines reuse memory within a run, and keep it between runs. */
const workspaceOf = (program: Program): number =>
  program.nodes.reduce(
    (sum, node) => sum + node.outputs.reduce((n, value) => n + sizeOf(value.shape) * byteSize(value.dtype), 0),
    0,
  );

/** A traced and compiled function of tensors. */
export class CompiledFunction {
  readonly #parts: Compiled;
  #runs = 0;
  /** Where the last run wrote rows, for the next one to write to. */
  #rows: readonly BackendBuffer[] = [];

  constructor(parts: Compiled) {
    this.#parts = parts;
  }

  /**
   * Runs on the current values of the variables, updates them, and returns the results. Runs that are started without
   * waiting for each other take turns; one that fails leaves the variables as they were.
   */
  run(args: readonly TensorBuffer[]): Promise<BackendBuffer[]> {
    const { state, writes, writtenPacks } = this.#parts;
    if (state.length === 0 && writes.length === 0 && writtenPacks.length === 0) return this.#run(args);
    const result = turn.then(() => this.#run(args));
    turn = result.then(nothing, nothing);
    return result;
  }

  async #run(args: readonly TensorBuffer[]): Promise<BackendBuffer[]> {
    const {
      backend,
      executable,
      captured,
      reads,
      writes,
      packs,
      writtenPacks,
      rowUpdates,
      tables,
      state,
      resultCount,
    } = this.#parts;
    if (state.some(isLazy)) await materializeVariables(state);
    const constantForm = this.#parts.frozen?.program.current();
    const handedOver = constantForm ? this.#parts.frozen!.reads : reads;
    const given = [...args, ...captured, ...handedOver.map((v) => v.buffer)];
    if (given.some((buffer) => buffer.needsMove(backend))) await buffersOn(backend, given);
    const inputs = given.map((buffer) => buffer.on(backend));
    if (constantForm) return constantForm.run(inputs);
    for (const pack of packs) inputs.push(await pack.current(backend));
    for (const { variable, input } of tables) inputs[input] = variable.ownBuffer(backend);
    const outputs: (BackendBuffer | null)[] = new Array(resultCount).fill(null);
    for (const v of writes) outputs.push(v.takeSpare(backend.name) ?? backend.empty(v.shape, v.dtype));
    for (const pack of writtenPacks) outputs.push(pack.target(backend));
    const stateEnd = outputs.length;
    let results: BackendBuffer[];
    try {
      results = await executable.run(inputs, [...outputs, ...this.#rows]);
    } catch (error) {
      adoptTables(tables, backend, inputs, false);
      throw explainRowError(error, tables, this.#parts.label);
    }
    this.#rows = results.slice(stateEnd);
    checkRows(rowUpdates, backend, results, this.#parts.label);
    const flush = ++this.#runs % RUNS_BETWEEN_FLUSHES === 0;
    if (flush) {
      for (const buffer of results.slice(resultCount, stateEnd)) {
        const data = backend.peek(buffer);
        if (data) flushDenormals(data, buffer.dtype);
      }
    }
    let next = resultCount;
    for (const variable of writes) variable.swap(results[next++]!);
    for (const pack of writtenPacks) pack.adopt(backend, results[next++]!);
    for (const update of rowUpdates) applyRows(update, backend, results, flush);
    adoptTables(tables, backend, inputs, flush);
    results.length = resultCount;
    return results;
  }

  /** Rough number of floating-point operations of one run. */
  get work(): number {
    return this.#parts.executable.work;
  }

  /** At most so many bytes of memory does the engine keep for it. */
  get workspace(): number {
    return this.#parts.workspace;
  }

  dispose(): void {
    this.#parts.executable.dispose();
    this.#parts.frozen?.program.dispose();
  }
}

/**
 * Records `fn` on placeholders of the given types and compiles what it did.
 *
 * @param fn - Gets one traced tensor per type and returns tensors; reads and assigns variables as it likes.
 * @param label - Names the program in messages and profiles.
 */
export async function compileFunction(
  fn: (inputs: Tensor[]) => readonly Tensor[],
  types: readonly ValueType[],
  label: string,
): Promise<CompiledFunction> {
  const trace = new Trace();
  const placeholders = types.map((type, i) => inputValue(type, `argument ${i}`));
  const results = withTrace(trace, () => fn(placeholders.map((value) => new Tensor(value)))).map((t) => t.node);
  // From here to the end of `optimize` nothing may compute a value that the graph passes through: no waiting in between.
  const backend = await startBackend();
  const reads = [...trace.reads.keys()];
  const writes = [...trace.writes.keys()];
  const outputs = [...results, ...writes.map((v) => trace.writes.get(v)!)];
  const bound = [...placeholders, ...trace.reads.values()];
  const captured = freeLeaves(outputs, new Set(bound));
  captured.forEach(assertConcrete);
  const buffers = captured.map((leaf) => {
    const { source } = leaf;
    invariant(source.kind === "buffer", `${label}: a captured tensor is not concrete`);
    return source.buffer as TensorBuffer;
  });
  // Small captured tensors never change: as constants they cost nothing to hand over and can be folded.
  const constants = new Map<Value, Value>();
  captured.forEach((leaf, i) => {
    const data = sizeOf(leaf.shape) <= LARGEST_CONSTANT ? buffers[i]!.peek(backend) : null;
    if (data) constants.set(leaf, constantValue(data.slice(), leaf));
  });
  const given = captured.filter((leaf) => !constants.has(leaf));
  const inputs = [...placeholders, ...given, ...trace.reads.values()];
  const traced = makeProgram([...inputs, ...constants.keys()], outputs);
  const program = constants.size > 0 ? rewriteProgram(traced, () => null, constants, inputs) : traced;
  const [readVariables, writtenVariables] = [reads.map(asVariable), writes.map(asVariable)];
  const packs = sharesMemory(backend) ? choosePacks(readVariables, writtenVariables) : [];
  const packed = new Set(packs.flatMap((pack) => pack.variables));
  const plans = packs.map((pack) => ({
    members: pack.variables.map((v) => {
      const output = writtenVariables.indexOf(v);
      return { type: v, input: trace.reads.get(v) ?? null, output: output < 0 ? null : results.length + output };
    }),
  }));
  const freeReads = readVariables.filter((v) => !packed.has(v));
  const freeWrites = writtenVariables.filter((v) => !packed.has(v));
  const states = freeWrites.flatMap((variable, i) => {
    const read = sharesMemory(backend) ? freeReads.indexOf(variable) : -1;
    if (read < 0) return [];
    return [{ variable, input: placeholders.length + given.length + read, output: results.length + i }];
  });
  const by = backend.updatesTables ? "engine" : "javascript";
  const separated = separateRowUpdates(optimize(packProgram(program, plans), backend), states, by);
  const { program: optimized, returned, updates } = separated;
  const tableUpdates = by === "engine" && updates.size > 0 ? asTableUpdates(updates) : null;
  const tables = tableUpdates && { results: returned, updates: tableUpdates };
  const executable = await backend.compile(optimized, { runs: "many", label, ...(tables && { tables }) });
  const updated = states.filter((state) => updates.has(state));
  const freeze = writes.length === 0 && executable.work >= LEAST_WORK_TO_FREEZE;
  return new CompiledFunction({
    backend,
    executable,
    workspace: workspaceOf(optimized),
    captured: buffers.filter((_, i) => !constants.has(captured[i]!)),
    label,
    reads: freeReads,
    writes: freeWrites.filter((v) => !updated.some(({ variable }) => variable === v)),
    rowUpdates: tables ? [] : updated.map((state) => ({ variable: state.variable, steps: updates.get(state)! })),
    tables: tables ? updated : [],
    packs,
    writtenPacks: packs.filter((_, i) => isWritten(plans[i]!)),
    state: [...new Set([...readVariables, ...packed])],
    resultCount: results.length,
    frozen: freeze
      ? frozenForm(backend, program, new Map(reads.map((v, i) => [trace.reads.get(v)!, readVariables[i]!])), label)
      : null,
  });
}

/** @param variables - Those the program reads, by the inputs that stand for them. */
function frozenForm(
  backend: Backend,
  program: Program,
  variables: ReadonlyMap<Value, Variable>,
  label: string,
): FrozenForm | null {
  const frozen = freezableInputs(program, [...variables.keys()]);
  if (frozen.size === 0) return null;
  const compile = async (): Promise<Executable> => {
    const constants = new Map<Value, Value>();
    for (const input of frozen) {
      const data = variables.get(input)!.peekData();
      // Engines with a memory of their own: the weights would have to be fetched first.
      if (!data) throw new Error(`${label}: a weight is not in host memory`);
      constants.set(input, constantValue(data, input));
    }
    const inputs = program.inputs.filter((value) => !frozen.has(value));
    const rewritten = rewriteProgram(program, () => null, constants, inputs);
    return backend.compile(optimize(rewritten, backend), { runs: "many", label });
  };
  const [held, handedOver] = [[...frozen], [...variables.keys()].filter((value) => !frozen.has(value))];
  return {
    program: new FrozenProgram(
      held.map((value) => variables.get(value)!),
      compile,
    ),
    reads: handedOver.map((value) => variables.get(value)!),
  };
}

const isLazy = (variable: Variable): boolean => variable.pendingValue?.node != null;

function asVariable(variable: TraceableVariable): Variable {
  invariant(variable instanceof Variable, `"${variable.path}" is traced like a variable but is none`);
  return variable;
}

/** A leaf tensor over an engine's buffer. */
export function tensorFromDevice(buffer: BackendBuffer): Tensor {
  const value: Value = inputValue(buffer, "result");
  value.materialize(Buffers.fromDevice(buffer));
  return new Tensor(value);
}

/** Computed buffer of a tensor; `evaluate` it before. */
export function tensorBuffer(t: Tensor): TensorBuffer {
  const { source } = t.node;
  if (source.kind === "constant") return Buffers.fromHost(source.data, t.shape, t.dtype);
  invariant(source.kind === "buffer", "an argument is not computed");
  return source.buffer as TensorBuffer;
}
