/** Windows on channels-last arrays become operators of our own, which take along what surrounds them. */
import { beforeAll, describe, expect, it } from "vitest";
import { sizeOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import { makeProgram, type Program } from "../../ir/program.ts";
import { inputValue, type Value } from "../../ir/value.ts";
import { closeFailure } from "../../testing/allClose.ts";
import type { Backend } from "../contract.ts";
import { createReferenceBackend } from "../reference/index.ts";
import { lower } from "./lowering.ts";
import { createOnnxNodeBackend } from "./node.ts";

const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const PLAIN = { strides: [1, 1], low: [0, 0], high: [0, 0], dilation: [1, 1], groups: 1 };
const HALVES = { window: [2, 2], strides: [2, 2], low: [0, 0], high: [0, 0] };

const add = (x: Value, y: Value): Value => b.binary("add", x, y);
const times = (x: Value, n: number): Value => b.binary("mul", x, b.scalar(n, "float32"));
const relu = (x: Value): Value => b.unary("relu", x);

const x = input(2, 6, 6, 3);
const w = input(3, 3, 3, 4);
const vector = input(4);
const whole = input(1, 1, 1, 4);
const channels = input(3);
const dy = input(2, 4, 4, 4);
const dPool = input(2, 3, 3, 3);
const line = input(2, 9, 3);
const lineKernel = input(2, 3, 4);
const conv = b.emitOne("conv_last", [x, w], PLAIN);
const transposed = b.emitOne("conv_last_input_grad", [dy, w], { ...PLAIN, inputSizes: [6, 6] });
const onLine = b.emitOne("conv_last", [line, lineKernel], {
  strides: [2],
  low: [1],
  high: [0],
  dilation: [1],
  groups: 1,
});
const sums = b.emitOne("sum_pool_last", [x], HALVES);
const sumsGrad = (v: Value): Value => b.emitOne("sum_pool_last_grad", [v], { ...HALVES, inputSizes: [6, 6] });

interface Fused {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The operators that it becomes with our kernels, and no others. */
  readonly ops: readonly string[];
}

const CASES: readonly Fused[] = [
  { name: "a bias", inputs: [x, w, vector], outputs: [add(conv, vector)], ops: ["Conv"] },
  {
    name: "a bias (1, 1, 1, O) on the left, and a relu",
    inputs: [x, w, whole],
    outputs: [relu(add(whole, conv))],
    ops: ["Conv", "Reshape"],
  },
  { name: "a relu alone", inputs: [x, w], outputs: [relu(conv)], ops: ["Conv"] },
  {
    name: "a bias and a relu of a transposed convolution",
    inputs: [dy, w, channels],
    outputs: [relu(add(transposed, channels))],
    ops: ["ConvInputGrad"],
  },
  {
    name: "a convolution over lines, as pictures of one row",
    inputs: [line, lineKernel, vector],
    outputs: [relu(add(onLine, vector))],
    ops: ["Conv", "Reshape"],
  },
  { name: "a mean of windows", inputs: [x], outputs: [times(sums, 0.25)], ops: ["SumPool"] },
  { name: "its gradient", inputs: [dPool], outputs: [sumsGrad(times(dPool, 0.25))], ops: ["SumPoolGrad"] },
  {
    name: "the gradient of a mean, of a mean",
    inputs: [x],
    outputs: [sumsGrad(times(sums, 0.25))],
    ops: ["SumPool", "SumPoolGrad"],
  },
  {
    name: "gradients",
    inputs: [x, dy, dPool],
    outputs: [
      b.emitOne("conv_last_weight_grad", [x, dy], { ...PLAIN, kernelSizes: [3, 3] }),
      b.emitOne("max_pool_last_grad", [x, dPool], HALVES),
    ],
    ops: ["ConvWeightGrad", "MaxPoolGrad"],
  },
  { name: "a sum read twice", inputs: [x, w, vector], outputs: [add(conv, vector), conv], ops: ["Conv", "Add"] },
  {
    name: "a sum with a bias read twice",
    inputs: [x, w, vector],
    outputs: [relu(add(conv, vector)), b.unary("neg", conv)],
    ops: ["Conv", "Add", "Relu", "Neg"],
  },
  {
    name: "a result before its relu",
    inputs: [x, w, vector],
    outputs: [relu(add(conv, vector)), b.unary("neg", add(conv, vector))],
    ops: ["Conv", "Add", "Relu", "Neg"],
  },
  {
    name: "an array that is added",
    inputs: [x, w, dy],
    outputs: [relu(add(conv, dy))],
    ops: ["Conv", "Add", "Relu"],
  },
];

const numbers = (value: Value): Float32Array =>
  Float32Array.from({ length: sizeOf(value.shape) }, (_, i) => (((i * 7919) % 23) - 11) / 4);

async function run(backend: Backend, program: Program): Promise<number[][]> {
  const executable = await backend.compile(program);
  const buffers = program.inputs.map((v) => backend.upload(numbers(v), v.shape, v.dtype));
  const results = await executable.run(buffers);
  const found = await Promise.all(results.map((r) => backend.download(r)));
  executable.dispose();
  return found.map((data) => Array.from(data as Float32Array));
}

const OPERATORS = ["Conv", "ConvInputGrad", "ConvWeightGrad", "MaxPool", "MaxPoolGrad", "SumPool", "SumPoolGrad"];
const OTHERS = ["Add", "Relu", "Mul", "Neg", "Transpose", "Reshape"];

/** The kinds of operators that a program becomes with our kernels: field 4 of a node of the encoded model is its name. */
function operators(program: Program): string[] {
  const text = new TextDecoder("latin1").decode(lower(program, "test", { elementwise: new Set() }).bytes);
  return [...OPERATORS, ...OTHERS].filter((op) => text.includes(`"${String.fromCharCode(op.length)}${op}`));
}

describe("windows on channels-last arrays", () => {
  let engine: Backend;
  let reference: Backend;
  beforeAll(async () => {
    [engine, reference] = await Promise.all([createOnnxNodeBackend(), createReferenceBackend()]);
  });

  it.each(CASES)("$name", async ({ inputs, outputs, ops }) => {
    const program = makeProgram(inputs, outputs);
    const [actual, expected] = [await run(engine, program), await run(reference, program)];
    expect(closeFailure(actual, expected, { family: "contraction" })).toBeNull();
    expect(operators(program).sort()).toEqual([...ops].sort());
  });

  it("of other floats are left to the engine", () => {
    const half = inputValue({ shape: [2, 6, 6, 3], dtype: "float16" }, "x");
    const program = makeProgram([half], [b.emitOne("max_pool_last", [half], HALVES)]);
    expect(operators(program)).toEqual(["MaxPool", "Transpose"]);
  });

  it("count their products as work", () => {
    // 2 · (2 · 4 · 4 · 4) results · (3 · 3 · 3) products
    for (const out of [conv, transposed]) {
      const inputs = out === conv ? [x, w] : [dy, w];
      expect(lower(makeProgram(inputs, [out]), "test").heaviest).toBe(2 * 128 * 27);
    }
  });
});
