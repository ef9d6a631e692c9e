/** Rebuilds a program node by node: the frame in which passes work. */
import { invariant } from "../core/errors.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { emit } from "../ir/build.ts";
import { makeProgram, type Program } from "../ir/program.ts";
import type { Node, Value } from "../ir/value.ts";

/** What becomes of a node: its outputs' replacements, or `null` to keep it (on its rewritten inputs). */
export type RewriteRule = (node: Node, inputs: readonly Value[]) => readonly Value[] | null;

/** The results of a node on rewritten inputs: its own where these are the old ones. */
export function resultsOn(node: Node, inputs: readonly Value[]): readonly Value[] {
  return inputs.every((input, i) => input === node.inputs[i]) ? node.outputs : emit(node.op, inputs, node.attributes);
}

/**
 * Applies `rule` to every node, producers first. The number of inputs and of outputs stays.
 *
 * @param replacements - Values to use in place of inputs of the program.
 * @param newInputs - Inputs of the result, when they are not the old ones or their replacements.
 */
export function rewriteProgram(
  program: Program,
  rule: RewriteRule,
  replacements: ReadonlyMap<Value, Value> = new Map(),
  newInputs: readonly Value[] | null = null,
): Program {
  const mapped = new Map(replacements);
  const of = (value: Value): Value => mapped.get(value) ?? value;
  for (const node of program.nodes) {
    const inputs = node.inputs.map(of);
    const results = rule(node, inputs) ?? resultsOn(node, inputs);
    node.outputs.forEach((output, i) => {
      const result = results[i]!;
      const fits = result.dtype === output.dtype && shapesEqual(result.shape, output.shape);
      invariant(
        fits,
        `a rewrite of ${node.op} changes ${output.dtype} ${formatShape(output.shape)} to ${result.dtype} ${formatShape(result.shape)}`,
      );
      if (result !== output) mapped.set(output, result);
    });
  }
  return makeProgram(newInputs ?? program.inputs.map(of), program.outputs.map(of));
}
