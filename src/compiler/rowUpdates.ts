/**
 * Takes updates of tables by rows out of a program: a new value that is the old one with rows added, and perhaps scaled, becomes
 * the rows and where they go. Whoever holds the table adds them in place. Inside an engine the table would be copied for the
 * sum, and copied again by the binding that hands it out, however few rows a batch reads.
 */
import type { TableUpdate } from "../backend/contract.ts";
import { sizeOf } from "../core/shape.ts";
import { constantNumber } from "../ir/build.ts";
import type { PrimitiveAttributes } from "../ir/primitives.ts";
import { makeProgram, type Program } from "../ir/program.ts";
import type { Value } from "../ir/value.ts";

/**
 * Rows of more elements than this part of the table are not worth it: where JavaScript adds them, which costs about what the engine's
 * copies do, and where the engine adds them itself.
 */
const MOST_ELEMENTS = { javascript: 1 / 8, engine: 1 / 2 };

/** What happens to a table, one after another; values are numbered as outputs of the program. */
export type RowStep =
  | { readonly kind: "scale"; readonly factor: number }
  | { readonly kind: "addRows"; readonly indices: number; readonly rows: number };

/** A tensor that goes in and comes out changed: positions among the program's inputs and outputs. */
export interface State {
  readonly input: number;
  readonly output: number;
}

/** A step that names values instead of outputs. */
type ValueStep =
  | { readonly kind: "scale"; readonly factor: number }
  | { readonly kind: "addRows"; readonly indices: Value; readonly rows: Value };

/** How `value` is made of `table`, first step first, or `null` when it is made in another way. */
function stepsTo(value: Value, table: Value): ValueStep[] | null {
  const steps: ValueStep[] = [];
  for (let current = value; current !== table; ) {
    const { node } = current;
    if (node?.op === "scatter_add" && (node.attributes as PrimitiveAttributes["scatter_add"]).axis === 0) {
      const [before, indices, rows] = node.inputs as [Value, Value, Value];
      steps.unshift({ kind: "addRows", indices, rows });
      current = before;
    } else if (node?.op === "mul") {
      const scalar = node.inputs.findIndex((x) => x.shape.length === 0);
      const factor = scalar < 0 ? null : constantNumber(node.inputs[scalar]!);
      if (factor === null) return null;
      steps.unshift({ kind: "scale", factor });
      current = node.inputs[1 - scalar]!;
    } else return null;
  }
  return steps;
}

function isWorthIt(steps: readonly ValueStep[], table: Value, by: keyof typeof MOST_ELEMENTS): boolean {
  const added = steps.flatMap((step) => (step.kind === "addRows" ? [sizeOf(step.rows.shape)] : []));
  return added.length > 0 && added.every((size) => size <= sizeOf(table.shape) * MOST_ELEMENTS[by]);
}

/**
 * @param states - Tensors that may be updated in place, float32 ones.
 * @param by - Who adds the rows.
 * @returns The program with the outputs of such states left out and what their updates need appended (from output `returned` on), and
 *   the steps by state.
 */
export function separateRowUpdates(
  program: Program,
  states: readonly State[],
  by: keyof typeof MOST_ELEMENTS,
): { program: Program; returned: number; updates: ReadonlyMap<State, readonly RowStep[]> } {
  const found = new Map<State, ValueStep[]>();
  for (const state of states) {
    const table = program.inputs[state.input]!;
    const steps = table.dtype === "float32" ? stepsTo(program.outputs[state.output]!, table) : null;
    if (steps && isWorthIt(steps, table, by)) found.set(state, steps);
  }
  if (found.size === 0) return { program, returned: program.outputs.length, updates: new Map() };
  const leftOut = new Set([...found.keys()].map((state) => state.output));
  const outputs = program.outputs.filter((_, i) => !leftOut.has(i));
  const returned = outputs.length;
  const numbers = new Map<Value, number>();
  const numberOf = (value: Value): number => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    numbers.set(value, outputs.length);
    outputs.push(value);
    return numbers.get(value)!;
  };
  const updates = new Map<State, readonly RowStep[]>();
  for (const [state, steps] of found) {
    updates.set(
      state,
      steps.map((step) =>
        step.kind === "scale" ? step : { ...step, indices: numberOf(step.indices), rows: numberOf(step.rows) },
      ),
    );
  }
  return { program: makeProgram(program.inputs, outputs), returned, updates };
}

/** The same for an engine that changes tables itself; `null` where one is not scaled once at most and then added to once. */
export function asTableUpdates(updates: ReadonlyMap<State, readonly RowStep[]>): readonly TableUpdate[] | null {
  const tables: TableUpdate[] = [];
  for (const [{ input }, steps] of updates) {
    const scales = steps.slice(0, -1).flatMap((step) => (step.kind === "scale" ? [step.factor] : []));
    const last = steps.at(-1)!;
    if (last.kind !== "addRows" || scales.length !== steps.length - 1 || scales.length > 1) return null;
    tables.push({ input, factor: scales[0] ?? 1, indices: last.indices, rows: last.rows });
  }
  return tables;
}
