/**
 * Regroups products in a body, (a · s) · t to a · (s · t), where s and t do not wait for the turn before and a does: then s · t
 * can move out of the loop. The gradient of a recurrent layer consists of such products: what comes back from the turn
 * after, times a value of the forward pass, times the slope of an activation.
 */
import { shapesEqual } from "../../../core/shape.ts";
import * as b from "../../../ir/build.ts";
import type { Program } from "../../../ir/program.ts";
import type { Value } from "../../../ir/value.ts";
import { resultsOn, rewriteProgram } from "../../rewrite.ts";

/** @param carries - Number of inputs that are carried from turn to turn. */
export function regroupProducts(body: Program, carries: number): Program {
  const uses = new Map<Value, number>();
  const use = (value: Value): void => void uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of body.nodes) node.inputs.forEach(use);
  body.outputs.forEach(use);
  /** Values that depend on a carry. */
  const waits = new Set<Value>(body.inputs.slice(0, carries));
  /** Products in the rewritten body of one factor that waits, read once: that factor, and the other. */
  const products = new Map<Value, readonly [waiting: Value, early: Value]>();
  return rewriteProgram(body, (node, inputs) => {
    const [output] = node.outputs;
    const late = inputs.filter((x) => waits.has(x));
    const isProduct = node.op === "mul" && late.length === 1 && shapesEqual(inputs[0]!.shape, inputs[1]!.shape);
    if (!isProduct) {
      const results = resultsOn(node, inputs);
      if (late.length > 0) for (const value of results) waits.add(value);
      return results;
    }
    const [waiting] = late as [Value];
    const early = inputs[0] === waiting ? inputs[1]! : inputs[0]!;
    const inner = products.get(waiting);
    const [a, factor] = inner ? [inner[0], b.binary("mul", inner[1], early)] : [waiting, early];
    const result = inner ? b.binary("mul", a, factor) : resultsOn(node, inputs)[0]!;
    waits.add(result);
    if (uses.get(output!) === 1) products.set(result, [a, factor]);
    return [result];
  });
}
