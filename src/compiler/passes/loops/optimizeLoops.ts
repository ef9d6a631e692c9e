/** Optimises loops: their bodies as programs of their own, and what of them need not be done turn by turn. */
import type { Scan } from "../../../ir/loops.ts";
import type { Program } from "../../../ir/program.ts";
import type { Value } from "../../../ir/value.ts";
import { rewriteProgram } from "../../rewrite.ts";
import { describeLoop, openLoop } from "./loop.ts";
import { hoist, sink } from "./moveOut.ts";
import { tidyLoop } from "./tidyLoop.ts";

/** @param optimize - All passes, for bodies. */
export function optimizeLoops(program: Program, optimize: (body: Program) => Program): Program {
  if (!program.nodes.some((node) => node.op === "scan")) return program;
  const read = new Set<Value>([...program.outputs, ...program.nodes.flatMap((node) => node.inputs)]);
  return rewriteProgram(program, (node, inputs) => {
    if (node.op !== "scan") return null;
    const scan = node.attributes as Scan;
    const used = node.outputs.map((output) => read.has(output));
    const loop = openLoop(inputs, { ...scan, body: optimize(scan.body) });
    const { loop: inner, used: innerUsed, finish } = sink(openLoop(...describeLoop(hoist(loop))), used);
    return finish(tidyLoop(inner, innerUsed));
  });
}
