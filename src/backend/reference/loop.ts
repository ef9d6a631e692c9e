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

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const lstm: ReferenceRule<Attributes["lstm"]> = ([x, kernel, recurrent, bias, h0, c0], { reverse }) => {
  const [length, batch, width] = x!.shape as [number, number, number];
  const [units] = recurrent!.shape as [number];
  const at = (tensor: ReferenceTensor, row: number, column: number): number =>
    Number(tensor.data[row * tensor.shape.at(-1)! + column]);
  const all: number[] = new Array(length * batch * units);
  const [h, c] = [h0!.data.map(Number), c0!.data.map(Number)];
  for (let turn = 0; turn < length; turn++) {
    const t = reverse ? length - 1 - turn : turn;
    for (let n = 0; n < batch; n++) {
      const before = h.slice(n * units, (n + 1) * units);
      const gate = (column: number): number => {
        let sum = Number(bias!.data[column]);
        for (let d = 0; d < width; d++) sum += Number(x!.data[(t * batch + n) * width + d]) * at(kernel!, d, column);
        for (let u = 0; u < units; u++) sum += before[u]! * at(recurrent!, u, column);
        return sum;
      };
      for (let u = 0; u < units; u++) {
        const [i, f, g, o] = [0, 1, 2, 3].map((k) => gate(k * units + u)) as [number, number, number, number];
        const place = n * units + u;
        c[place] = sigmoid(f) * c[place]! + sigmoid(i) * Math.tanh(g);
        h[place] = sigmoid(o) * Math.tanh(c[place]!);
        all[t * batch * units + place] = h[place]!;
      }
    }
  }
  return [all, h, c];
};

const customGradient: ReferenceRule<Attributes["custom_gradient"]> = (inputs, { results }) =>
  inputs.slice(0, results).map((input) => input.data);

export const loopRules = { scan, while: whileLoop, cond, lstm, custom_gradient: customGradient };
