/** Random programs compute the same before and after the compiler's passes, and on both backends. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import type { Backend } from "../../src/backend/contract.ts";
import { createOnnxNodeBackend } from "../../src/backend/onnx/node.ts";
import { createReferenceBackend } from "../../src/backend/reference/index.ts";
import { optimize } from "../../src/compiler/pipeline.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import * as b from "../../src/ir/build.ts";
import { makeProgram, type Program, printProgram, verifyProgram } from "../../src/ir/program.ts";
import { inputValue, type Value } from "../../src/ir/value.ts";
import { closeFailure } from "../../src/testing/allClose.ts";

const ROWS = 3;
const COLUMNS = 2;
const DTYPE = "float64";

/** One step of a random program: which rule, which earlier values, and a number for constants and attributes. */
type Step = readonly [rule: number, left: number, right: number, constant: number];

/** Numbers at which simplifications bite. */
const CONSTANTS = [0, 1, -1, 2, 0.5, -4, 3, 0.1];
/** Shapes that broadcast with each other and with (3, 2). */
const SHAPES: readonly (readonly number[])[] = [[], [1], [COLUMNS], [ROWS, 1], [1, COLUMNS], [ROWS, COLUMNS]];

const table = (x: Value): Value => b.broadcastTo(x, [ROWS, COLUMNS]);
const swap = (x: Value): Value => b.transpose(x, [1, 0]);
const number = (i: number, shape: readonly number[] = []): Value =>
  b.full(CONSTANTS[i % CONSTANTS.length]!, shape, DTYPE);
const shapeOf = (i: number): readonly number[] => SHAPES[i % SHAPES.length]!;

/** What a step may do with two values of shape (3, 2); results are widened to that shape. */
const RULES: readonly ((x: Value, y: Value, k: number) => Value)[] = [
  (x, y) => b.binary("add", x, y),
  (x, y) => b.binary("sub", x, y),
  (x, y) => b.binary("mul", x, y),
  (x, y) => b.binary("max", x, y),
  (x, y) => b.binary("min", x, y),
  (x, _, k) => b.binary("add", x, number(k, shapeOf(k))),
  (x, _, k) => b.binary("add", number(k, shapeOf(k + 1)), x),
  (x, _, k) => b.binary("sub", x, number(k, shapeOf(k))),
  (x, _, k) => b.binary("sub", number(k, shapeOf(k)), x),
  (x, _, k) => b.binary("mul", x, number(k, shapeOf(k))),
  (x, _, k) => b.binary("mul", number(k), x),
  (x, _, k) => b.binary("div", x, number(k + (k % CONSTANTS.length === 0 ? 1 : 0), shapeOf(k))),
  (x, _, k) => b.binary("pow", x, number([1, 3, 6][k % 3]!, shapeOf(k))),
  (x, y) => b.binary("add", x, b.unary("neg", y)),
  (x, y) => b.binary("sub", b.unary("neg", x), b.unary("neg", y)),
  (x) => b.unary("neg", b.unary("neg", x)),
  (x) => b.unary("tanh", x),
  (x) => b.unary("abs", x),
  (x) => b.unary("stop_gradient", x),
  (x, y) => b.where(b.binary("less", x, y), x, y),
  (x, y, k) => b.where(b.full(k % 2, shapeOf(k), "bool"), x, y),
  (x, y) => swap(b.binary("mul", swap(x), swap(y))),
  (x, y) => b.matmul(b.matmul(x, y, false, true), x),
  (x, y) => b.matmul(x, b.matmul(swap(y), x)),
  (x, y) => swap(b.matmul(swap(y), b.matmul(x, swap(y)))),
  (x, _, k) => b.reduce("reduce_sum", x, [k % 2], true),
  (x) => b.reduce("reduce_mean", b.reshape(x, [ROWS, 1, COLUMNS]), [1]),
  (x) => b.reshape(b.reshape(x, [ROWS * COLUMNS]), [ROWS, COLUMNS]),
  (x, y) => b.slice(b.concat([x, y], 0), [1, 0], [1 + ROWS, COLUMNS]),
  (x) => b.reverse(x, [0]),
  (x) => b.cast(b.cast(x, DTYPE), DTYPE),
  (x, _, k) => b.slice(b.pad(x, [1, 0], [0, 0], [0, 0], k % 2 ? 1 : -1), [0, 0], [ROWS, COLUMNS]),
  (x) => b.softmax(x, 1),
];

const steps = fc.array(fc.tuple(fc.nat(RULES.length - 1), fc.nat(50), fc.nat(50), fc.nat(50)), {
  minLength: 1,
  maxLength: 12,
});
const numbers = fc.array(fc.constantFrom(0, 1, -1, 0.5, -0.3, 2, -2.5, 0.7), { minLength: 6, maxLength: 6 });

/** The program of some steps: the last value, and its gradients when asked. */
function programOf(given: readonly Step[], withGradients: boolean): Program {
  const inputs = [
    inputValue({ shape: [ROWS, COLUMNS], dtype: DTYPE }, "x"),
    inputValue({ shape: [COLUMNS], dtype: DTYPE }, "y"),
  ];
  const values = inputs.map(table);
  for (const [rule, left, right, constant] of given) {
    const at = (i: number): Value => values[values.length - 1 - (i % values.length)]!;
    values.push(table(RULES[rule]!(at(left), at(right), constant)));
  }
  // Bounded, so that powers of powers stay comparable.
  const last = b.unary("tanh", values.at(-1)!);
  if (!withGradients) return makeProgram(inputs, [last]);
  const found = gradients([last], [b.full(1, last.shape, DTYPE)], inputs);
  return makeProgram(inputs, [last, ...found.flatMap((g) => (g ? [g] : []))]);
}

async function run(backend: Backend, program: Program, data: readonly TypedArray[]): Promise<TypedArray[]> {
  const executable = await backend.compile(program);
  const buffers = data.map((d, i) => backend.upload(d, program.inputs[i]!.shape, program.inputs[i]!.dtype));
  const results = await executable.run(buffers);
  executable.dispose();
  return Promise.all(results.map((r) => backend.download(r)));
}

let reference: Backend;
let onnx: Backend;

beforeAll(async () => {
  [reference, onnx] = await Promise.all([createReferenceBackend(), createOnnxNodeBackend()]);
});

/** Relative to the largest number: sums of products cancel. */
function differs(actual: readonly TypedArray[], expected: readonly TypedArray[]): string | null {
  for (const [i, want] of expected.entries()) {
    const finite = Array.from(want as Float64Array, Math.abs).filter(Number.isFinite);
    const scale = Math.max(1, ...finite);
    const failure = closeFailure(actual[i]!, want, { dtype: DTYPE, atol: 1e-9 * scale, rtol: 1e-9 });
    if (failure) return `output ${i}: ${failure}`;
  }
  return null;
}

describe("random programs", () => {
  it.each([
    { what: "values", withGradients: false },
    { what: "values and gradients", withGradients: true },
  ])("$what are the same after optimize", async ({ withGradients }) => {
    await fc.assert(
      fc.asyncProperty(steps, numbers, numbers, async (given, x, y) => {
        const program = programOf(given, withGradients);
        verifyProgram(program);
        const optimized = optimize(program, { verify: true });
        const data = [Float64Array.from(x), Float64Array.from(y.slice(0, COLUMNS))];
        const failure = differs(await run(reference, optimized, data), await run(reference, program, data));
        expect(failure && `${failure}\n${printProgram(program)}\nbecame\n${printProgram(optimized)}`).toBeNull();
        const grown = optimized.nodes.length > program.nodes.length;
        expect(grown ? `${printProgram(program)}\nbecame\n${printProgram(optimized)}` : "").toBe("");
      }),
      { numRuns: 300 },
    );
  });

  it("compute on onnx what they mean", async () => {
    await fc.assert(
      fc.asyncProperty(steps, numbers, numbers, async (given, x, y) => {
        const program = optimize(programOf(given, false));
        const data = [Float64Array.from(x), Float64Array.from(y.slice(0, COLUMNS))];
        const failure = differs(await run(onnx, program, data), await run(reference, program, data));
        expect(failure && `${failure}\n${printProgram(program)}`).toBeNull();
      }),
      // One stream: kernels round differently, and a program may be found in which that is amplified without bound.
      { numRuns: 100, seed: 20 },
    );
  });
});
