/**
 * Runs loops together that do the same and return different values of it. The gradient of a loop is such a case: it asks the
 * forward loop for values that the forward pass itself does not return.
 */
import * as b from "../../../ir/build.ts";
import type { Scan } from "../../../ir/loops.ts";
import { makeProgram, type Program } from "../../../ir/program.ts";
import type { Node, Value } from "../../../ir/value.ts";
import { rewriteProgram } from "../../rewrite.ts";

const attributesOf = (node: Node): Scan => node.attributes as Scan;

/** Equal for loops whose bodies were built on the same values. */
function identity(node: Node): string {
  const { body, length, reverse, carries, sequences } = attributesOf(node);
  const ids = (values: readonly Value[]): string => values.map((v) => v.id).join(",");
  return [
    length,
    reverse,
    carries,
    sequences,
    ids(node.inputs),
    ids(body.inputs),
    ids(body.outputs.slice(0, carries)),
  ].join(";");
}

export function mergeScans(program: Program): Program {
  const groups = new Map<string, Node[]>();
  for (const node of program.nodes) {
    if (node.op !== "scan") continue;
    const key = identity(node);
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  const merged = new Map<Node, { readonly ys: readonly Value[]; results: readonly Value[] | null }>();
  for (const nodes of groups.values()) {
    if (nodes.length < 2) continue;
    const ys = nodes.flatMap((node) => attributesOf(node).body.outputs.slice(attributesOf(node).carries));
    const group = { ys: [...new Set(ys)], results: null };
    for (const node of nodes) merged.set(node, group);
  }
  if (merged.size === 0) return program;
  return rewriteProgram(program, (node, inputs) => {
    const group = merged.get(node);
    if (!group) return null;
    const { body, carries } = attributesOf(node);
    group.results ??= b.scan(inputs, {
      ...attributesOf(node),
      body: makeProgram(body.inputs, [...body.outputs.slice(0, carries), ...group.ys]),
    });
    const { ys, results } = group;
    return body.outputs.map((output, i) => results[i < carries ? i : carries + ys.indexOf(output)]!);
  });
}
