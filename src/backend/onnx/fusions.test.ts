/** What is computed by one operator gives the same numbers, and is one operator. */
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
const THIRDS = { window: [3, 3], strides: [2, 2], low: [1, 1], high: [1, 1] };

const add = (x: Value, y: Value): Value => b.binary("add", x, y);
const times = (x: Value, n: number): Value => b.binary("mul", x, b.scalar(n, "float32"));
const x = input(2, 3, 6, 6);
const w = input(4, 3, 3, 3);
const y = b.conv(x, w, PLAIN);
const wide = input(2, 9, 6, 6);
const dWide = input(2, 4, 4, 4);
const kernelGrad = (from: Value, kernelSizes = [3, 3], how = PLAIN, dy = dWide): Value =>
  b.transpose(b.convWeightGrad(from, dy, { ...how, kernelSizes }), [2, 3, 1, 0]);

interface Fused {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Operators that the engine must see none of. */
  readonly without: readonly string[];
}

const vector = input(4);
const channels = input(3);
const tail = input(4, 1, 1);
const whole = input(1, 4, 1, 1);
const dx = input(2, 4, 4, 4);
const maxima = b.maxPool(x, HALVES);
const overlapping = b.maxPool(x, THIRDS);
const dMaxima = input(2, 3, 3, 3);

const CASES: readonly Fused[] = [
  { name: "a bias (O, 1, 1)", inputs: [x, w, tail], outputs: [add(y, tail)], without: ["Add"] },
  { name: "a bias (1, O, 1, 1), on the left", inputs: [x, w, whole], outputs: [add(whole, y)], without: ["Add"] },
  {
    name: "a bias vector, reshaped",
    inputs: [x, w, vector],
    outputs: [add(y, b.reshape(vector, [4, 1, 1]))],
    without: ["Add"],
  },
  {
    name: "a bias of a transposed convolution",
    inputs: [dx, w, channels],
    outputs: [add(b.convInputGrad(dx, w, { ...PLAIN, inputSizes: [6, 6] }), b.reshape(channels, [3, 1, 1]))],
    without: ["Add"],
  },
  { name: "a kernel's gradient, thin", inputs: [x, dWide], outputs: [kernelGrad(x)], without: ["Transpose"] },
  { name: "a kernel's gradient", inputs: [wide, dWide], outputs: [kernelGrad(wide)], without: ["Transpose"] },
  {
    name: "a kernel's gradient with strides, thin",
    inputs: [x, dMaxima],
    outputs: [kernelGrad(x, [2, 2], { ...PLAIN, strides: [2, 2] }, dMaxima)],
    without: [],
  },
  { name: "a mean of windows", inputs: [x], outputs: [times(b.sumPool(x, HALVES), 0.25)], without: ["Mul"] },
  { name: "sums of windows times a number", inputs: [x], outputs: [times(b.sumPool(x, HALVES), 3)], without: [] },
  {
    name: "maxima with their places",
    inputs: [x, dMaxima],
    outputs: [maxima, b.maxPoolGrad(x, maxima, dMaxima, HALVES)],
    without: ["ScatterElements"],
  },
  {
    name: "maxima of overlapping windows",
    inputs: [x, dMaxima],
    outputs: [overlapping, b.maxPoolGrad(x, overlapping, dMaxima, THIRDS)],
    without: ["MaxUnpool"],
  },
];

/** Not alike enough to be one operator. */
const APART: readonly Fused[] = [
  { name: "a sum used twice", inputs: [x, w, tail], outputs: [add(y, tail), y], without: [] },
  { name: "a number per column", inputs: [x, w, vector], outputs: [add(y, vector)], without: [] },
  { name: "a sum that is wider", inputs: [x, w, dx], outputs: [add(b.conv(x, w, PLAIN), dx)], without: [] },
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

/** How often an operator occurs: as field 4 of a node of the encoded model. */
const count = (program: Program, op: string): number =>
  new TextDecoder("latin1").decode(lower(program, "test").bytes).split(`"${String.fromCharCode(op.length)}${op}`)
    .length - 1;

describe("fusions", () => {
  let engine: Backend;
  let reference: Backend;
  beforeAll(async () => {
    [engine, reference] = await Promise.all([createOnnxNodeBackend(), createReferenceBackend()]);
  });

  it.each([...CASES, ...APART])("$name", async ({ inputs, outputs, without }) => {
    const program = makeProgram(inputs, outputs);
    const [actual, expected] = [await run(engine, program), await run(reference, program)];
    expect(closeFailure(actual, expected, { family: "contraction" })).toBeNull();
    for (const op of without) expect(count(program, op), op).toBe(0);
  });

  it("finds maxima once for a result and its gradient", () => {
    const program = makeProgram([x, dMaxima], [maxima, b.maxPoolGrad(x, maxima, dMaxima, HALVES)]);
    expect(count(program, "MaxPool")).toBe(1);
  });

  it("keeps what else is read", () => {
    expect(count(makeProgram([x, w, tail], [add(y, tail), y]), "Add")).toBe(1);
  });

  it("counts the products of convolutions as work", () => {
    // 2 · (2 · 4 · 4 · 4) results · (3 · 3 · 3) products
    expect(lower(makeProgram([x, w], [y]), "test").heaviest).toBe(2 * 128 * 27);
    expect(lower(makeProgram([wide, dWide], [kernelGrad(wide)]), "test").heaviest).toBe(2 * 128 * 81);
  });
});
