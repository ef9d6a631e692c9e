/** Computes once what is computed twice: nodes of equal primitive, inputs and attributes, and equal constants. */
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
    // Kept as it is: equal constants differ in identity only, and the backend stores them once anyway.
    known.set(key, node.outputs);
    return given.every((v, i) => v === node.inputs[i]) ? node.outputs : null;
  });
}
