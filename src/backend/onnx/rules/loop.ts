/** Lowering of loops and branches to the operators that hold graphs. What a body captures it reads by name. */
import type { PrimitiveAttributes as Attributes } from "../../../ir/primitives.ts";
import type { ValueType } from "../../../ir/value.ts";
import { engineDType } from "../model.ts";
import type { OnnxRule } from "./rule.ts";

const engineType = ({ shape, dtype }: ValueType): ValueType => ({ shape, dtype: engineDType(dtype) });

const scan: OnnxRule<Attributes["scan"]> = (model, inputs, attributes, outputs) => {
  const { body, length, reverse, carries, sequences } = attributes;
  const own = carries + sequences;
  // The operator wants something to go along.
  const turns = sequences > 0 ? [] : [model.constant(new Uint8Array(length), [length], "uint8")];
  const graph = model.body(
    body,
    inputs.map((input, i) => (i < own ? null : input)),
    turns.map(({ dtype }) => ({ dtype, shape: [] })),
  );
  const directions = (count: number): number[] => new Array<number>(count).fill(reverse ? 1 : 0);
  return model.emitAll("Scan", [...inputs.slice(0, own), ...turns], outputs.map(engineType), {
    body: { graph },
    num_scan_inputs: sequences + turns.length,
    scan_input_directions: directions(sequences + turns.length),
    scan_output_directions: directions(outputs.length - carries),
  });
};

const whileLoop: OnnxRule<Attributes["while"]> = (model, inputs, { body, carries, maximumIterations }, outputs) => {
  const [begin, ...given] = inputs;
  const most =
    maximumIterations === null ? null : model.constant(BigInt64Array.of(BigInt(maximumIterations)), [], "int64");
  const graph = model.body(
    body,
    given.map((input, i) => (i < carries ? null : input)),
    [],
    [
      { dtype: "int64", shape: [] }, // the turn's number
      { dtype: "bool", shape: [] }, // what the body before said
    ],
  );
  return model.emitAll("Loop", [most, begin!, ...given.slice(0, carries)], outputs.map(engineType), {
    body: { graph },
  });
};

const cond: OnnxRule<Attributes["cond"]> = (model, [condition, ...captured], { whenTrue, whenFalse }, outputs) =>
  model.emitAll("If", [condition!], outputs.map(engineType), {
    then_branch: { graph: model.body(whenTrue, captured) },
    else_branch: { graph: model.body(whenFalse, captured) },
  });

export const loopRules = { scan, while: whileLoop, cond };
