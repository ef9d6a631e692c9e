/** Lowering of loops and branches to the operators that hold graphs. What a body captures it reads by name. */
import type { PrimitiveAttributes as Attributes } from "../../../ir/primitives.ts";
import type { ValueType } from "../../../ir/value.ts";
import { engineDType, type OnnxModel, type OnnxValue } from "../model.ts";
import { NATIVE_DOMAIN } from "../nativeKernels.ts";
import { nativeScan } from "./nativeScan.ts";
import type { OnnxRule } from "./rule.ts";
import { reshape, sliceAxes, transpose } from "./shaping.ts";

const engineType = ({ shape, dtype }: ValueType): ValueType => ({ shape, dtype: engineDType(dtype) });

const scan: OnnxRule<Attributes["scan"]> = (model, inputs, attributes, outputs) => {
  const { body, length, reverse, carries, sequences } = attributes;
  const native = model.kernels && nativeScan(attributes, model.kernels);
  if (native) {
    const { constants, ...texts } = native;
    const arrays = constants.map(({ data, shape, dtype }) => model.constant(data, shape, dtype));
    const shapes = outputs.map(({ shape }) => shape.join("x")).join(" ");
    const settings = { length, reverse: reverse ? 1 : 0, carries, sequences, shapes };
    return model.emitAll("Scan", [...inputs, ...arrays], outputs, { ...settings, ...texts }, NATIVE_DOMAIN);
  }
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

/** Gates as the operator has them, input, output, forget, candidate, on the first axis: (…, 4U) → (1, 4U, …). */
function gatesFirst(model: OnnxModel, kernel: OnnxValue): OnnxValue {
  const [rows, columns] = kernel.shape as [number, number];
  const units = columns / 4;
  const swapped = transpose(model, kernel, [1, 0]);
  const [i, f, g, o] = [0, 1, 2, 3].map((k) =>
    sliceAxes(model, swapped, [0], [k * units], [(k + 1) * units], [1], [units, rows]),
  ) as [OnnxValue, OnnxValue, OnnxValue, OnnxValue];
  const joined = model.emit("Concat", [i, o, f, g], kernel.dtype, [columns, rows], { axis: 0 });
  return reshape(model, joined, [1, columns, rows]);
}

const lstm: OnnxRule<Attributes["lstm"]> = (model, inputs, { reverse }, [every, last]) => {
  const [x, kernel, recurrent, bias, h, c] = inputs as OnnxValue[];
  const { dtype } = x!;
  const [length, batch, units] = every!.shape as [number, number, number];
  // The operator adds a bias of each product.
  const both = model.emit(
    "Concat",
    [
      reshape(model, gatesFirst(model, reshape(model, bias!, [1, 4 * units])), [1, 4 * units]),
      model.constant(new Float32Array(4 * units), [1, 4 * units], dtype),
    ],
    dtype,
    [1, 8 * units],
    { axis: 1 },
  );
  const directed = (state: OnnxValue): OnnxValue => reshape(model, state, [1, batch, units]);
  const results = model.emitAll(
    "LSTM",
    [x!, gatesFirst(model, kernel!), gatesFirst(model, recurrent!), both, null, directed(h!), directed(c!)],
    [{ dtype, shape: [length, 1, batch, units] }, ...[0, 1].map(() => ({ dtype, shape: [1, batch, units] }))],
    { hidden_size: units, direction: reverse ? "reverse" : "forward" },
  );
  const shapes = [every!.shape, last!.shape, last!.shape];
  return results.map((result, i) => reshape(model, result, shapes[i]!));
};

/** `simplify` takes these out; this is for programs that have not seen it. */
const customGradient: OnnxRule<Attributes["custom_gradient"]> = (_, inputs, { results }) => inputs.slice(0, results);

export const loopRules = { scan, while: whileLoop, cond, lstm, custom_gradient: customGradient };
