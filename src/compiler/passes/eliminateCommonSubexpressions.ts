/** Computes once what is computed twice: nodes of equal primitive, inputs and attributes, and equal constants. */
import { emit } from "../../ir/build.ts";
import { attributesText, type Program } from "../../ir/program.ts";
import type { Value } from "../../ir/value.ts";
import { rewriteProgram } from "../rewrite.ts";

export function eliminateCommonSubexpressions(program: Program): Program {
  const known = new Map<string, readonly Value[]>();
  const constants = new Map<string, Value>();
  const canonical = new Map<Value, Value>();
  for (const constant of program.constants) {
    const { source } = constant;
    if (source.kind !== "constant" || source.data.byteLength > 256) continue;
    const bytes = new Uint8Array(source.data.buffer, source.data.byteOffset, source.data.byteLength);
    const key = `${constant.dtype}[${constant.shape}]${bytes.join(",")}`;
    const first = constants.get(key);
    if (first) canonical.set(constant, first);
    else constants.set(key, constant);
  }
  return rewriteProgram(program, (node, given) => {
    const inputs = given.map((v) => canonical.get(v) ?? v);
    const key = `${node.op}(${inputs.map((v) => v.id)})${attributesText(node.attributes)}`;
    const found = known.get(key);
    if (found) return found;
    // What later copies become must be the rewritten node: the original still hangs on the copies among its inputs.
    // Equal constants stay as they are: they differ in identity only, and the backend stores them once anyway.
    const unchanged = given.every((v, i) => v === node.inputs[i]);
    const results = unchanged ? node.outputs : emit(node.op, given, node.attributes);
    known.set(key, results);
    return results;
  });
}
