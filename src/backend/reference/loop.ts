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

/** As long as the body, asked the turn before, says to go on. */
const whileLoop: ReferenceRule<Attributes["while"]> = (inputs, { body, carries, maximumIterations }, _, interpret) => {
  let goOn = inputs[0]!.data[0] === 1;
  let carried = inputs.slice(1, 1 + carries);
  const captured = inputs.slice(1 + carries);
  for (let turn = 0; goOn && turn < (maximumIterations ?? Number.POSITIVE_INFINITY); turn++) {
    const [flag, ...next] = interpret(body, [...carried, ...captured]);
    goOn = flag!.data[0] === 1;
    carried = next;
  }
  return carried.map((c) => c.data);
};

const cond: ReferenceRule<Attributes["cond"]> = ([condition, ...captured], { whenTrue, whenFalse }, _, interpret) =>
  interpret(condition!.data[0] === 1 ? whenTrue : whenFalse, captured).map((result) => result.data);

export const loopRules = { scan, while: whileLoop, cond };
