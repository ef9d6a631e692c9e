/**
 * Replaces the inputs of a program by values that nothing is known of. A program may be cut at values that somebody computed
 * or at numbers that vary from run to run: a pass that looked behind them would compile one run's numbers into the program.
 */
import type { Program } from "../../ir/program.ts";
import { inputValue, type Value } from "../../ir/value.ts";
import { rewriteProgram } from "../rewrite.ts";

export function bindInputs(program: Program): Program {
  const known = program.inputs.filter((value) => value.source.kind === "node" || value.source.kind === "constant");
  if (known.length === 0) return program;
  const replacements = new Map<Value, Value>(known.map((value) => [value, inputValue(value, "bound")]));
  return rewriteProgram(program, () => null, replacements);
}
