/** Definitions of loops and branches: their bodies are interpreted, turn by turn. */
import { sizeOf } from "../../core/shape.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Element, ReferenceRule, ReferenceTensor } from "./rule.ts";

/** One element of the first axis. */
function element(x: ReferenceTensor, index: number): ReferenceTensor {
  const shape = x.shape.slice(1);
  const size = sizeOf(shape);
  return { shape, dtype: x.dtype, data: x.data.slice(index * size, (index + 1) * size) };
}

/** Every turn the body gets the carries of the turn before and the next element of each sequence. */
const scan: ReferenceRule<Attributes["scan"]> = (inputs, attributes, outputs, interpret) => {
  const { body, length, reverse, carries, sequences } = attributes;
  let carried = inputs.slice(0, carries);
  const sequence = inputs.slice(carries, carries + sequences);
  const captured = inputs.slice(carries + sequences);
  const rows: Element[][][] = outputs.slice(carries).map(() => []);
  for (let turn = 0; turn < length; turn++) {
    const at = reverse ? length - 1 - turn : turn;
    const results = interpret(body, [...carried, ...sequence.map((s) => element(s, at)), ...captured]);
    carried = results.slice(0, carries);
    results.slice(carries).forEach((y, i) => {
      rows[i]![at] = [...y.data];
    });
  }
  return [...carried.map((c) => c.data), ...rows.map((row) => row.flat())];
};

export const loopRules = { scan };
