/** What programs become where the session has kernels of our own. */
import { describe, expect, it } from "vitest";
import { lower } from "../../src/backend/onnx/lowering.ts";
import * as b from "../../src/ir/build.ts";
import { makeProgram, type Program } from "../../src/ir/program.ts";
import { inputValue, type Value } from "../../src/ir/value.ts";
import { OPERATION_NAMES } from "./interpreter.ts";

const KERNELS = { elementwise: OPERATION_NAMES };
const x = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");

/** How often an operator occurs: as field 4 of a node of the encoded model. */
const count = (bytes: Uint8Array, op: string): number =>
  new TextDecoder("latin1").decode(bytes).split(`"${String.fromCharCode(op.length)}${op}`).length - 1;

/** h ← tanh(h · w + x), over 10 turns. */
function recurrent(rows: number): Program {
  const [h, w, input] = [x(rows, 8), x(8, 8), x(rows, 8)];
  const next = b.unary("tanh", b.binary("add", b.matmul(h, w), input));
  const body = makeProgram([h, input, w], [next]);
  const outer = [x(rows, 8), x(10, rows, 8), x(8, 8)];
  return makeProgram(outer, b.scan(outer, { body, length: 10, reverse: false, carries: 1, sequences: 1 }));
}

describe("programs with kernels of our own", () => {
  it("have loops and runs as one operator each", () => {
    const { bytes } = lower(recurrent(8), "test", KERNELS);
    expect(count(bytes, "MatMul")).toBe(0);
    expect(count(bytes, "Scan")).toBe(1);
    const a = x(4, 6);
    const run = makeProgram([a], [b.unary("tanh", b.binary("mul", a, a))]);
    expect(count(lower(run, "test", KERNELS).bytes, "Elementwise")).toBe(1);
    expect(count(lower(run, "test", KERNELS).bytes, "Tanh")).toBe(0);
    expect(count(lower(run, "test").bytes, "Tanh")).toBe(1);
  });

  it("have what products take along computed by those", () => {
    const [a, w, bias] = [x(4, 6), x(6, 6), x(6)];
    const sum = b.binary("add", b.matmul(a, w), bias);
    const { bytes } = lower(makeProgram([a, w, bias], [b.unary("tanh", b.binary("mul", sum, sum))]), "test", KERNELS);
    expect([count(bytes, "Gemm"), count(bytes, "Elementwise")]).toEqual([1, 1]);
  });

  it("have runs in bodies of the engine's loops", () => {
    const [n, h] = [inputValue({ shape: [], dtype: "int32" }, "n"), x(4)];
    const next = b.unary("tanh", b.binary("mul", h, h));
    const body = makeProgram([n, h], [b.binary("add", n, b.scalar(1, "int32")), next]);
    const outer = [n, h].map((v) => inputValue(v, "x"));
    const program = makeProgram(outer, b.scan(outer, { body, length: 3, reverse: false, carries: 2, sequences: 0 }));
    const { bytes } = lower(program, "test", KERNELS);
    expect([count(bytes, "Scan"), count(bytes, "Elementwise")]).toEqual([1, 1]);
  });

  it("count a loop whose samples are spread over threads as one operation", () => {
    // 10 turns of 2 · (rows · 8) · 8 for the product, rows · 8 for the sum, the same for tanh
    const whole = (rows: number): number => 10 * (2 * rows * 64 + 2 * rows * 8);
    expect(lower(recurrent(8), "test", KERNELS).heaviest).toBe(whole(8));
    expect(lower(recurrent(8), "test").heaviest).toBe(2 * 8 * 64);
    expect(lower(recurrent(1), "test", KERNELS).heaviest).toBe(2 * 64);
  });
});
