/** Which values of a loop's turns its gradient reads: they are kept for all turns, so the fewer and smaller the better. */
import type { Primitive } from "../../ir/primitives.ts";
import type { Node, Value } from "../../ir/value.ts";

/** Primitives that only show their operand in another way: to do them again costs nothing worth keeping their result for. */
const VIEWS: ReadonlySet<Primitive> = new Set(["reshape", "broadcast_to", "cast", "transpose", "neg", "logical_not"]);

/** Primitives that are done again where their operands are at hand anyway. */
const CHEAP: ReadonlySet<Primitive> = new Set([
  ...(["add", "sub", "mul", "max", "min", "where", "equal", "less", "less_equal", "greater", "greater_equal"] as const),
  ...(["logical_and", "logical_or", "abs", "sign", "relu", "slice", "concat", "reverse"] as const),
]);

export interface Residuals {
  /** Values of the body, carries among them, in no particular order. */
  readonly residuals: readonly Value[];
  /** Inputs of the body that are sequences and read. */
  readonly sequences: readonly number[];
}

/**
 * Finds what values that were built on a body read of it.
 *
 * @param results - Values that depend on the body's.
 */
export function chooseResiduals(node: Node<"scan">, results: readonly Value[]): Residuals {
  const { body, carries, sequences: sequenceCount } = node.attributes;
  const computed = new Set(body.nodes.flatMap((n) => n.outputs));
  const place = new Map(body.inputs.map((value, i) => [value, i]));
  const used = new Set<Value>();
  const seen = new Set<Value>();
  const stack = [...results];
  while (stack.length > 0) {
    const value = stack.pop()!;
    if (seen.has(value)) continue;
    seen.add(value);
    if (place.has(value) || computed.has(value)) used.add(value);
    else if (value.node) stack.push(...value.node.inputs);
  }
  const isOperand = (value: Value): boolean => place.has(value) || computed.has(value);
  // Consumers first: what a view shows may itself be a view.
  for (const { op, inputs, outputs } of body.nodes.toReversed()) {
    const [output] = outputs;
    if (!used.has(output!) || outputs.length !== 1) continue;
    const needed = inputs.filter(isOperand);
    const free = (value: Value): boolean => used.has(value) || (place.get(value) ?? -1) >= carries;
    if (!VIEWS.has(op) && !(CHEAP.has(op) && needed.every(free))) continue;
    used.delete(output!);
    for (const value of needed) used.add(value);
  }
  const residuals = [...used].filter((value) => (place.get(value) ?? -1) < carries);
  const sequences = [...used].flatMap((value) => {
    const i = place.get(value);
    return i !== undefined && i >= carries && i < carries + sequenceCount ? [i] : [];
  });
  return { residuals, sequences };
}
