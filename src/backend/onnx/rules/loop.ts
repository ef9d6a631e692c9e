/** Lowering of loops and branches to the operators that hold graphs. What a body captures it reads by name. */
import type { PrimitiveAttributes as Attributes } from "../../../ir/primitives.ts";
import { engineDType } from "../model.ts";
import type { OnnxRule } from "./rule.ts";

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
  return model.emitAll(
    "Scan",
    [...inputs.slice(0, own), ...turns],
    outputs.map(({ shape, dtype }) => ({ shape, dtype: engineDType(dtype) })),
    {
      body: { graph },
      num_scan_inputs: sequences + turns.length,
      scan_input_directions: directions(sequences + turns.length),
      scan_output_directions: directions(outputs.length - carries),
    },
  );
};

export const loopRules = { scan };
