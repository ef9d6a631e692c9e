/**
 * Primitives that run programs of their own: loops and branches. A body is a closed program: what it uses of its surroundings
 * is an input of the node, so that nothing needs to look into a body to know what a node depends on.
 */
import { DTypeError, ShapeError } from "../core/errors.ts";
import { formatShape, type StaticShape, shapesCompatible } from "../core/shape.ts";
import type { TypeRule } from "./primitives.ts";
import type { Program } from "./program.ts";
import type { ValueType } from "./value.ts";

/**
 * A loop of known length. The body is (carries…, elements of sequences…, captured…) → (new carries…, ys…).
 */
export interface Scan {
  readonly body: Program;
  /** Number of turns. */
  readonly length: number;
  /** Starts at the last element of the sequences; results are at the places of the elements they come from. */
  readonly reverse: boolean;
  /** How many of the inputs are carried from turn to turn. */
  readonly carries: number;
  /** How many of the inputs after them have the turns on axis 0. */
  readonly sequences: number;
}

/**
 * A loop that ends when its body says so. The body is (carries…, captured…) → (whether to go on: bool, new carries…).
 */
export interface While {
  readonly body: Program;
  readonly carries: number;
  /** Ends the loop after so many turns in any case. */
  readonly maximumIterations: number | null;
}

/** Two ways to compute results of equal types, each from (captured…). */
export interface Cond {
  readonly whenTrue: Program;
  readonly whenFalse: Program;
}

/** Values whose gradient somebody wrote. */
export interface CustomGradient {
  /** (gradients of the results…, captured…) → gradients of the arguments. */
  readonly gradient: Program;
  /** How many of the inputs are handed through. */
  readonly results: number;
  /** How many of the inputs after them get gradients. */
  readonly arguments: number;
}

/** Direction of a recurrent layer. */
export interface Lstm {
  readonly reverse: boolean;
}

export interface LoopPrimitives {
  /**
   * (x: (T, B, D), kernel: (D, 4U), recurrent: (U, 4U), bias: (4U), h: (B, U), c: (B, U)) → (every h: (T, B, U), last h, last c):
   * the LSTM of Hochreiter and Schmidhuber with sigmoid and tanh, gates in the order input, forget, candidate, output. A pass
   * makes it of loops in float32 that compute it (`recognizeLstm`), when gradients are taken already.
   */
  lstm: Lstm;
  /** (carries…, sequences…, captured…) → (last carries…, ys of all turns stacked on a new axis 0…). */
  scan: Scan;
  /** (whether to begin: bool, carries…, captured…) → the last carries. */
  while: While;
  /** (condition: bool, captured…) → the results of the one program that is run. */
  cond: Cond;
  /**
   * (results…, arguments…, captured…) → the results. Only gradients see more in it: those of the results become, by the program,
   * gradients of the arguments, and none go further back from the results.
   */
  custom_gradient: CustomGradient;
}

const typeText = ({ shape, dtype }: ValueType): string => `${dtype} ${formatShape(shape)}`;

function expectType(name: string, what: string, actual: ValueType, expected: ValueType): void {
  if (!shapesCompatible(expected.shape, actual.shape)) {
    throw new ShapeError(`${name}: ${what} is ${typeText(actual)}; expected ${typeText(expected)}`);
  }
  if (actual.dtype !== expected.dtype) {
    throw new DTypeError(`${name}: ${what} is ${typeText(actual)}; expected ${typeText(expected)}`);
  }
}

const stacked = ({ shape, dtype }: ValueType, length: number): { shape: StaticShape; dtype: ValueType["dtype"] } => ({
  shape: [length, ...shape],
  dtype,
});

const FLAG: ValueType = { shape: [], dtype: "bool" };
const typeOf = ({ shape, dtype }: ValueType): ValueType => ({ shape, dtype });

function expectInputs(name: string, inputs: readonly ValueType[], body: Program): void {
  if (inputs.length !== body.inputs.length) {
    throw new ShapeError(`${name}: ${inputs.length} inputs for a body of ${body.inputs.length}`);
  }
  inputs.forEach((input, i) => {
    expectType(name, `input ${i}`, input, body.inputs[i]!);
  });
}

export const LOOP_TYPE_RULES: { readonly [P in keyof LoopPrimitives]: TypeRule<LoopPrimitives[P]> } = {
  scan: (inputs, { body, length, carries, sequences }) => {
    if (inputs.length !== body.inputs.length || body.outputs.length < carries) {
      throw new ShapeError(
        `scan: ${inputs.length} inputs for a body of ${body.inputs.length} inputs and ${body.outputs.length} outputs`,
      );
    }
    inputs.forEach((input, i) => {
      const inner = body.inputs[i]!;
      const isSequence = i >= carries && i < carries + sequences;
      expectType("scan", `input ${i}`, input, isSequence ? stacked(inner, length) : inner);
    });
    return body.outputs.map((output, i) => {
      if (i >= carries) return stacked(output, length);
      expectType("scan", `the new carry ${i}`, output, body.inputs[i]!);
      return typeOf(output);
    });
  },
  lstm: ([x, kernel, recurrent, bias, h, c]) => {
    const [length, batch, width] = x!.shape as [number, number, number];
    const [units] = recurrent!.shape as [number];
    const dtype = "float32" as const;
    expectType("lstm", "x", x!, { shape: x!.shape, dtype });
    expectType("lstm", "the kernel", kernel!, { shape: [width, 4 * units], dtype });
    expectType("lstm", "the recurrent kernel", recurrent!, { shape: [units, 4 * units], dtype });
    expectType("lstm", "the bias", bias!, { shape: [4 * units], dtype });
    const state = { shape: [batch, units], dtype };
    expectType("lstm", "h", h!, state);
    expectType("lstm", "c", c!, state);
    return [{ shape: [length, batch, units], dtype }, state, state];
  },
  while: ([begin, ...inputs], { body }) => {
    expectType("while_loop", "the condition", begin!, FLAG);
    const [goOn, ...outputs] = body.outputs;
    expectType("while_loop", "the next condition", goOn!, FLAG);
    expectInputs("while_loop", inputs, body);
    return outputs.map((output, i) => {
      expectType("while_loop", `the new carry ${i}`, output, body.inputs[i]!);
      return typeOf(inputs[i]!);
    });
  },
  cond: ([condition, ...inputs], { whenTrue, whenFalse }) => {
    expectType("cond", "the condition", condition!, FLAG);
    expectInputs("cond", inputs, whenTrue);
    expectInputs("cond", inputs, whenFalse);
    return whenTrue.outputs.map((output, i) => {
      expectType("cond", `result ${i} of the second branch`, whenFalse.outputs[i]!, output);
      return typeOf(output);
    });
  },
  custom_gradient: (inputs, { gradient, results, arguments: count }) => {
    const [own, given] = [inputs.slice(0, results), inputs.slice(results, results + count)];
    expectInputs("custom_gradient", [...own, ...inputs.slice(results + count)], gradient);
    given.forEach((argument, i) => {
      expectType("custom_gradient", `the gradient of argument ${i}`, gradient.outputs[i]!, argument);
    });
    return own.map(typeOf);
  },
};
