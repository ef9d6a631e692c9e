/**
 * Reverse-mode differentiation on the IR. Gradients are ordinary values, built by the rules in `gradientRules.ts`, so they
 * can be differentiated again.
 */
import { isFloat } from "../core/dtype.ts";
import * as build from "../ir/build.ts";
import type { Primitive, PrimitiveAttributes } from "../ir/primitives.ts";
import type { Node, Value } from "../ir/value.ts";
import { GRADIENT_RULES, type GradientRule } from "./gradientRules.ts";
import type { Differentiate } from "./rules/rule.ts";

/** Nodes between `wrt` and `outputs`, producers first; what `cut` was computed from and what is older is not looked at. */
function nodesBetween(
  outputs: readonly Value[],
  wrt: ReadonlySet<Value>,
  cut: ReadonlySet<Value>,
  since: number,
): { order: Node[]; reaches: ReadonlySet<Value> } {
  const order: Node[] = [];
  const reaches = new Set<Value>(wrt);
  const finished = new Set<Node>();
  const stack: { node: Node; entered: boolean }[] = [];
  const enter = (value: Value): void => {
    if (value.node && value.id >= since && !finished.has(value.node) && !cut.has(value))
      stack.push({ node: value.node, entered: false });
  };
  for (const output of outputs) {
    enter(output);
    while (stack.length > 0) {
      const frame = stack.at(-1)!;
      if (finished.has(frame.node)) {
        stack.pop();
        continue;
      }
      if (!frame.entered) {
        frame.entered = true;
        for (const input of frame.node.inputs) enter(input);
        continue;
      }
      stack.pop();
      finished.add(frame.node);
      if (!frame.node.inputs.some((input) => reaches.has(input))) continue;
      order.push(frame.node);
      for (const result of frame.node.outputs) reaches.add(result);
    }
  }
  return { order, reaches };
}

/**
 * Gradients of Σ outputs · outputGradients with respect to values the outputs were computed from.
 *
 * @param outputGradients - One per output; `null` counts as zero.
 * @param options - `independent`: what entries of `wrt` were computed from does not matter, so that each gradient is a partial
 *   derivative with the other entries held fixed. Otherwise an entry also gets what reaches it through another one. `since`:
 *   values with a smaller id are constants, unless they stand in `wrt`.
 * @returns One per entry of `wrt`; `null` where the outputs do not depend on it, or only through what has no gradient.
 */
export function gradients(
  outputs: readonly Value[],
  outputGradients: readonly (Value | null)[],
  wrt: readonly Value[],
  options: { independent?: boolean; since?: number } = {},
): (Value | null)[] {
  const targets = new Set(wrt);
  const { order, reaches } = nodesBetween(
    outputs,
    targets,
    options.independent ? targets : new Set(),
    options.since ?? 0,
  );
  const found = new Map<Value, Value>();
  const accumulate = (value: Value, gradient: Value): void => {
    const sum = found.get(value);
    found.set(value, sum ? build.binary("add", sum, gradient) : gradient);
  };
  outputs.forEach((output, i) => {
    const gradient = outputGradients[i];
    if (gradient) accumulate(output, gradient);
  });
  for (const node of order.toReversed()) {
    const incoming = node.outputs.map((output) => found.get(output) ?? null);
    if (incoming.every((g) => g === null)) continue;
    const rule = GRADIENT_RULES[node.op] as GradientRule<PrimitiveAttributes[Primitive]> | null;
    if (!rule) continue;
    const wanted = node.inputs.map((input) => reaches.has(input) && isFloat(input.dtype));
    const results = rule(node as Node<Primitive>, incoming, wanted, partials);
    node.inputs.forEach((input, i) => {
      const gradient = results[i];
      if (gradient && wanted[i]) accumulate(input, gradient);
    });
  }
  return wrt.map((value) => found.get(value) ?? null);
}

/** For rules: with respect to placeholders, of which none is computed from another. */
const partials: Differentiate = (outputs, outputGradients, wrt) =>
  gradients(outputs, outputGradients, wrt, { independent: true });
