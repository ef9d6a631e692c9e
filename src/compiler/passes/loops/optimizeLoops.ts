/** Optimises loops: their bodies as programs of their own, and what of them need not be done turn by turn. */
import { emit } from "../../../ir/build.ts";
import type { Scan } from "../../../ir/loops.ts";
import { bodiesOf, isProgram, type Program } from "../../../ir/program.ts";
import type { Node, Value } from "../../../ir/value.ts";
import { rewriteProgram } from "../../rewrite.ts";
import { describeLoop, openLoop } from "./loop.ts";
import { hoist, sink } from "./moveOut.ts";
import { regroupProducts } from "./regroup.ts";
import { tidyLoop } from "./tidyLoop.ts";

/** @param optimize - All passes, for bodies. */
export function optimizeLoops(program: Program, optimize: (body: Program) => Program): Program {
  if (program.nodes.every((node) => bodiesOf(node).length === 0)) return program;
  const read = new Set<Value>([...program.outputs, ...program.nodes.flatMap((node) => node.inputs)]);
  return rewriteProgram(program, (node, inputs) => {
    if (node.op !== "scan") return bodiesOf(node).length === 0 ? null : withBodies(node, inputs, optimize);
    const scan = node.attributes as Scan;
    const used = node.outputs.map((output) => read.has(output));
    const loop = openLoop(inputs, { ...scan, body: regroupProducts(optimize(scan.body), scan.carries) });
    const { loop: inner, used: innerUsed, finish } = sink(openLoop(...describeLoop(hoist(loop))), used);
    return finish(tidyLoop(inner, innerUsed));
  });
}

/** A node with its bodies optimised. */
function withBodies(node: Node, inputs: readonly Value[], optimize: (body: Program) => Program): readonly Value[] {
  const attributes = Object.entries(node.attributes as Record<string, unknown>).map(
    ([key, value]) => [key, isProgram(value) ? optimize(value) : value] as const,
  );
  return emit(node.op, inputs, Object.fromEntries(attributes) as Node["attributes"]);
}
