/** Changes variables in place by what a program says about their rows (`compiler/rowUpdates.ts`): in JavaScript, or in the program. */
import type { Backend, BackendBuffer } from "../backend/contract.ts";
import type { RowStep } from "../compiler/rowUpdates.ts";
import type { TypedArray } from "../core/dtype.ts";
import { BackendError, invariant } from "../core/errors.ts";
import { flushDenormals } from "./denormals.ts";
import type { Variable } from "./variable.ts";

/** A variable that a program updates by rows. */
export interface RowUpdate {
  readonly variable: Variable;
  readonly steps: readonly RowStep[];
}

/** A variable that the program itself changes. */
export interface UpdatedTable {
  readonly variable: Variable;
  /** Its place among the inputs. */
  readonly input: number;
}

const dataOf = (backend: Backend, buffer: BackendBuffer): TypedArray => {
  const data = backend.peek(buffer);
  invariant(data, "rows are added in place where the engine's memory is the host's");
  return data;
};

const rowMessage = (label: string, variable: Variable, index: number): string =>
  `${label}: an update of variable "${variable.path}" names row ${index}, and it has ${variable.shape[0]} rows`;

/** An engine's error if it is about a row that is not there, with the variable's name; else the error as it is. */
export function explainRowError(error: unknown, tables: readonly UpdatedTable[], label: string): unknown {
  const found = error instanceof BackendError ? /table (\d+) has no row (-?\d+)/.exec(error.message) : null;
  const table = found && tables[Number(found[1])];
  return table ? new BackendError(rowMessage(label, table.variable, Number(found[2])), { cause: error }) : error;
}

/** Lets the variables have what a run left in their memory, also when it failed before it wrote there. */
export function adoptTables(
  tables: readonly UpdatedTable[],
  backend: Backend,
  inputs: readonly BackendBuffer[],
  flush: boolean,
): void {
  for (const { variable, input } of tables) {
    const buffer = inputs[input]!;
    if (flush) flushDenormals(dataOf(backend, buffer), variable.dtype);
    variable.wasRewritten(buffer);
  }
}

/** @throws BackendError when a row is not in its table; nothing has been written then. */
export function checkRows(
  updates: readonly RowUpdate[],
  backend: Backend,
  results: readonly BackendBuffer[],
  label: string,
): void {
  for (const { variable, steps } of updates) {
    const height = variable.shape[0]!;
    for (const step of steps) {
      if (step.kind === "scale") continue;
      const indices = dataOf(backend, results[step.indices]!);
      for (let i = 0; i < indices.length; i++) {
        const index = Number(indices[i]!);
        if (index >= -height && index < height) continue;
        throw new BackendError(rowMessage(label, variable, index));
      }
    }
  }
}

/** @param flush - Whether to look for denormal numbers afterwards. */
export function applyRows(
  { variable, steps }: RowUpdate,
  backend: Backend,
  results: readonly BackendBuffer[],
  flush: boolean,
): void {
  const buffer = variable.ownBuffer(backend);
  const data = dataOf(backend, buffer);
  for (const step of steps) {
    if (step.kind === "scale") scale(data as Float32Array, step.factor);
    else {
      const rows = dataOf(backend, results[step.rows]!) as Float32Array;
      addRows(data as Float32Array, dataOf(backend, results[step.indices]!), rows, variable.shape[0]!);
    }
  }
  if (flush) flushDenormals(data, variable.dtype);
  variable.wasRewritten(buffer);
}

function scale(data: Float32Array, factor: number): void {
  for (let i = 0; i < data.length; i++) data[i] = data[i]! * factor;
}

/** A row that is named several times gets all that is for it, in order, as the engine adds it. */
function addRows(data: Float32Array, indices: TypedArray, rows: Float32Array, height: number): void {
  const width = data.length / height;
  for (let i = 0; i < indices.length; i++) {
    const index = Number(indices[i]!);
    const to = (index < 0 ? index + height : index) * width;
    const from = i * width;
    for (let k = 0; k < width; k++) data[to + k] = data[to + k]! + rows[from + k]!;
  }
}
