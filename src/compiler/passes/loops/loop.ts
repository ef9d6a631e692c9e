/** A scan while it is taken apart: its body's inputs and outputs by kind, and what stands for them outside. */
import * as b from "../../../ir/build.ts";
import type { Scan } from "../../../ir/loops.ts";
import { makeProgram } from "../../../ir/program.ts";
import { inputValue, type Value } from "../../../ir/value.ts";
import { rewriteProgram } from "../../rewrite.ts";

/** An input of a body with the value that it is given. */
export interface Binding {
  readonly inner: Value;
  readonly outer: Value;
}

/** A value that is carried, with its next one. */
export interface Carry extends Binding {
  readonly next: Value;
}

export interface Loop {
  readonly carries: readonly Carry[];
  readonly sequences: readonly Binding[];
  readonly captured: readonly Binding[];
  /** Values of the body that are returned of every turn. */
  readonly ys: readonly Value[];
  readonly length: number;
  readonly reverse: boolean;
}

export function openLoop(inputs: readonly Value[], scan: Scan): Loop {
  const { body, carries, sequences, length, reverse } = scan;
  const bindings = body.inputs.map((inner, i): Binding => ({ inner, outer: inputs[i]! }));
  return {
    carries: bindings.slice(0, carries).map((binding, i) => ({ ...binding, next: body.outputs[i]! })),
    sequences: bindings.slice(carries, carries + sequences),
    captured: bindings.slice(carries + sequences),
    ys: body.outputs.slice(carries),
    length,
    reverse,
  };
}

/**
 * Builds a loop.
 *
 * @param replacements - Values to use in the body in place of some of its inputs.
 * @returns The last carries, and the values of all turns, in order.
 */
export function closeLoop(loop: Loop, replacements: ReadonlyMap<Value, Value> = new Map()): Value[] {
  const [inputs, scan] = describeLoop(loop, replacements);
  return b.scan(inputs, scan);
}

/** The inputs and attributes of a loop. Its body's inputs are made anew where something computes them. */
export function describeLoop(
  loop: Loop,
  replacements: ReadonlyMap<Value, Value> = new Map(),
): [inputs: Value[], scan: Scan] {
  const bindings = [...loop.carries, ...loop.sequences, ...loop.captured];
  const fresh = bindings.map(({ inner }) => (inner.node ? inputValue(inner, "moved") : inner));
  const all = new Map(replacements);
  bindings.forEach(({ inner }, i) => {
    if (inner !== fresh[i]) all.set(inner, fresh[i]!);
  });
  const inputs = bindings.map(({ inner }) => inner);
  const cut = makeProgram(
    [...new Set([...inputs, ...all.keys()])],
    [...loop.carries.map(({ next }) => next), ...loop.ys],
  );
  const body = rewriteProgram(cut, () => null, all, fresh);
  const { length, reverse, carries, sequences } = loop;
  return [
    bindings.map(({ outer }) => outer),
    { body, length, reverse, carries: carries.length, sequences: sequences.length },
  ];
}

/** A value that is the same at every turn, as it is for all turns. */
export function repeated(value: Value, length: number): Value {
  return b.broadcastTo(b.reshape(value, [1, ...value.shape]), [length, ...value.shape]);
}

/** Values by which a body is cut, reached from `outputs`: which of its inputs they need. */
export function reachedFrom(outputs: readonly Value[]): Set<Value> {
  const seen = new Set<Value>();
  const stack = [...outputs];
  while (stack.length > 0) {
    const value = stack.pop()!;
    if (seen.has(value)) continue;
    seen.add(value);
    if (value.node) stack.push(...value.node.inputs);
  }
  return seen;
}
