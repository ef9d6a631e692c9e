/** Products of matrices and sums of columns become operators of our own where those are faster than the engine's. */
import { beforeAll, describe, expect, it } from "vitest";
import { sizeOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import { makeProgram, type Program } from "../../ir/program.ts";
import { constantValue, inputValue, type Value } from "../../ir/value.ts";
import { closeFailure } from "../../testing/allClose.ts";
import type { Backend } from "../contract.ts";
import { lower } from "./lowering.ts";
import { NATIVE_DOMAIN } from "./nativeKernels.ts";
import { createOnnxNodeBackend } from "./node.ts";
import { OnnxBackend, type OrtModule } from "./session.ts";

const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");

interface Case {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The operator that it becomes with our kernels. */
  readonly op: string;
}

const sum = (x: Value, axes: readonly number[], keepDims = false): Value =>
  b.emitOne("reduce_sum", [x], { axes, keepDims });
const mean = (x: Value, axes: readonly number[], keepDims = false): Value =>
  b.emitOne("reduce_mean", [x], { axes, keepDims });

const matrix = input(300, 40);
const picture = input(4, 9, 9, 10);
const few = input(4, 5);
const single = input(1, 300, 40);

const SUMS: readonly Case[] = [
  { name: "of a matrix", inputs: [matrix], outputs: [sum(matrix, [0])], op: "our ColumnSum" },
  { name: "of channels", inputs: [picture], outputs: [sum(picture, [0, 1, 2])], op: "our ColumnSum" },
  {
    name: "as means that keep axes",
    inputs: [picture],
    outputs: [mean(picture, [0, 1, 2], true)],
    op: "our ColumnSum",
  },
  { name: "of everything", inputs: [matrix], outputs: [mean(matrix, [0, 1])], op: "our ColumnSum" },
  { name: "behind an axis of one", inputs: [single], outputs: [sum(single, [1])], op: "our ColumnSum" },
  { name: "of rows", inputs: [matrix], outputs: [sum(matrix, [1])], op: "ReduceSum" },
  { name: "of inner axes", inputs: [picture], outputs: [mean(picture, [1, 2])], op: "ReduceMean" },
  { name: "of few numbers", inputs: [few], outputs: [sum(few, [0])], op: "ReduceSum" },
];

const left = input(300, 200);
const right = input(200, 128);
const turned = input(128, 200);
const upright = input(200, 300);
const offsets = input(128);
const offset = input();
const batch = input(2, 3, 70, 128);
const others = input(2, 3, 90, 128);
const times = (x: Value, n: number): Value => b.binary("mul", x, b.scalar(n, "float32"));
const narrow = input(128, 90);
const product = b.matmul(left, right);
const frozen = constantValue(
  Float32Array.from({ length: 200 * 128 }, (_, i) => (i % 9) - 4),
  { shape: [200, 128], dtype: "float32" },
);
const short = input(60, 200);
const scalarSum = b.binary("add", product, offset);

const PRODUCTS: readonly Case[] = [
  { name: "alone", inputs: [left, right], outputs: [product], op: "our MatMul" },
  {
    name: "with a bias",
    inputs: [left, right, offsets],
    outputs: [b.binary("add", product, offsets)],
    op: "our MatMul",
  },
  { name: "with a factor", inputs: [left, right], outputs: [times(product, 0.25)], op: "our MatMul" },
  {
    name: "with the right one transposed",
    inputs: [left, turned],
    outputs: [b.matmul(left, turned, false, true)],
    op: "our MatMul",
  },
  {
    name: "with the left one transposed",
    inputs: [upright, right],
    outputs: [b.matmul(upright, right, true)],
    op: "our MatMul",
  },
  {
    name: "with both transposed",
    inputs: [upright, turned],
    outputs: [b.matmul(upright, turned, true, true)],
    op: "our MatMul",
  },
  { name: "in batches", inputs: [batch, others], outputs: [b.matmul(batch, others, false, true)], op: "our MatMul" },
  { name: "in batches with one", inputs: [batch, narrow], outputs: [b.matmul(batch, narrow)], op: "our MatMul" },
  { name: "with a number added, by the engine", inputs: [left, right, offset], outputs: [scalarSum], op: "Gemm" },
  { name: "with constants", inputs: [left], outputs: [b.matmul(left, frozen)], op: "our MatMul" },
  {
    name: "of few rows with constants, by the engine",
    inputs: [short],
    outputs: [b.matmul(short, frozen)],
    op: "MatMul",
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

const OPERATORS = ["ColumnSum", "ReduceSum", "ReduceMean", "MatMul", "Gemm", "FusedMatMul"];

/** The operator of a program that becomes one: field 4 of a node of the encoded model, and field 7 is its domain. */
function operatorOf(program: Program): string {
  const text = new TextDecoder("latin1").decode(lower(program, "test", { elementwise: new Set() }).bytes);
  const has = (tag: string, name: string): boolean => text.includes(`${tag}${String.fromCharCode(name.length)}${name}`);
  return `${has(":", NATIVE_DOMAIN) ? "our " : ""}${OPERATORS.filter((op) => has('"', op)).join(", ")}`;
}

describe("matrices", () => {
  let engine: Backend;
  let plain: Backend;
  beforeAll(async () => {
    engine = await createOnnxNodeBackend();
    // The engine's own products: the reference backend takes seconds for those that are large enough for ours.
    plain = new OnnxBackend((await import("onnxruntime-node")) as unknown as OrtModule, {
      threads: 1,
      writesOutputs: true,
    });
  });

  const behaves = async ({ inputs, outputs, op }: Case): Promise<void> => {
    const program = makeProgram(inputs, outputs);
    const [actual, expected] = [await run(engine, program), await run(plain, program)];
    expect(closeFailure(actual, expected, { family: "contraction" })).toBeNull();
    expect(operatorOf(program)).toBe(op);
  };

  it.each(SUMS)("have sums $name", behaves);
  it.each(PRODUCTS)("have products $name", behaves);
});
