/** Making the closed programs that loops and branches run, and putting such programs back into their surroundings. */
import { constantNumber, emit } from "./build.ts";
import { freeLeaves, makeProgram, type Program } from "./program.ts";
import { inputValue, nextValueId, type Value } from "./value.ts";

/** A program with the values that it is to be given for its last inputs. */
export interface ClosedBody {
  readonly program: Program;
  /** What it uses of its surroundings, each the value of one of its last inputs. */
  readonly captured: readonly Value[];
}

/** Number that every value made from now on is at or above; given to `closeBody` it saves looking at what is older. */
export const bodyStart = nextValueId;

/** What of the values that `outputs` were computed from depends on `inputs`, those included. */
export function dependents(inputs: readonly Value[], outputs: readonly Value[], start: number): Set<Value> {
  const inner = new Set(inputs);
  const seen = new Set<Value>(inputs);
  const stack = outputs.map((value) => ({ value, entered: false }));
  while (stack.length > 0) {
    const { value, entered } = stack.pop()!;
    const { node } = value;
    if (!node) continue;
    if (entered) {
      if (node.inputs.some((input) => inner.has(input))) for (const output of node.outputs) inner.add(output);
      continue;
    }
    if (seen.has(value) || value.id < start) continue;
    seen.add(value);
    stack.push({ value, entered: true });
    for (const input of node.inputs) stack.push({ value: input, entered: false });
  }
  return inner;
}

/**
 * Cuts what was recorded for the body of a loop out of its surroundings. Whatever does not depend on `inputs` is captured and
 * stays outside, computed once; single numbers come along, so that the body can be simplified.
 *
 * @param inputs - What the body was recorded on.
 * @param start - `bodyStart()` as it was before the recording: nothing older depends on the inputs.
 */
export function closeBody(inputs: readonly Value[], outputs: readonly Value[], start: number): ClosedBody {
  const inner = dependents(inputs, outputs, start);
  return close(inputs, outputs, (value) => inner.has(value));
}

/**
 * Cuts what was recorded for a branch out of its surroundings: all of it stays inside, to be computed only when the branch is
 * taken.
 */
export const closeBranch = (outputs: readonly Value[], start: number): ClosedBody =>
  close([], outputs, (value) => value.node !== null && value.id >= start);

/** Closes what was built on `inputs` and on nothing else but constants, all of it. */
export const closeAll = (inputs: readonly Value[], outputs: readonly Value[]): Program => {
  const own = new Set(inputs);
  return close(inputs, outputs, (value) => value.node !== null || own.has(value)).program;
};

function close(inputs: readonly Value[], outputs: readonly Value[], isInner: (value: Value) => boolean): ClosedBody {
  const captured = new Set<Value>();
  const visited = new Set<Value>();
  const queue = [...outputs];
  while (queue.length > 0) {
    const value = queue.pop()!;
    if (visited.has(value)) continue;
    visited.add(value);
    if (isInner(value)) {
      // What a body is cut at may itself be computed by something.
      if (!inputs.includes(value)) queue.push(...value.node!.inputs);
    } else if (constantNumber(value) === null) captured.add(value);
  }
  const list = [...captured];
  const cut = [...inputs, ...list];
  const fresh = cut.map((value) => inputValue(value, value.source.kind === "input" ? value.source.name : "captured"));
  const program = makeProgram(cut, outputs);
  return { program: makeProgram(fresh, instantiate(program, fresh)), captured: list };
}

/** The outputs of a program as values that depend on `inputs`. */
export function instantiate(program: Program, inputs: readonly Value[]): Value[] {
  const mapped = new Map<Value, Value>(program.inputs.map((value, i) => [value, inputs[i]!]));
  const of = (value: Value): Value => mapped.get(value) ?? value;
  for (const node of program.nodes) {
    // Copied even where nothing changes: whoever else holds a node's value may turn it into data.
    const results = emit(node.op, node.inputs.map(of), node.attributes);
    node.outputs.forEach((output, i) => {
      mapped.set(output, results[i]!);
    });
  }
  return program.outputs.map(of);
}

/** Values as they would be if others stood in place of some that they depend on. */
export function substitute(values: readonly Value[], replacements: ReadonlyMap<Value, Value>): Value[] {
  const leaves = [...replacements.keys()];
  const free = freeLeaves(values, new Set(leaves));
  const program = makeProgram([...leaves, ...free], values);
  return instantiate(program, [...replacements.values(), ...free]);
}
