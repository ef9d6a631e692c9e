/** Sums of columns become operators of our own where those are faster than the engine's. */
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

interface Case {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The operators that it becomes with our kernels, and no others. */
  readonly ops: readonly string[];
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
  { name: "of a matrix", inputs: [matrix], outputs: [sum(matrix, [0])], ops: ["ColumnSum"] },
  { name: "of channels", inputs: [picture], outputs: [sum(picture, [0, 1, 2])], ops: ["ColumnSum"] },
  { name: "as means that keep axes", inputs: [picture], outputs: [mean(picture, [0, 1, 2], true)], ops: ["ColumnSum"] },
  { name: "of everything", inputs: [matrix], outputs: [mean(matrix, [0, 1])], ops: ["ColumnSum"] },
  { name: "behind an axis of one", inputs: [single], outputs: [sum(single, [1])], ops: ["ColumnSum"] },
  { name: "of rows", inputs: [matrix], outputs: [sum(matrix, [1])], ops: ["ReduceSum"] },
  { name: "of inner axes", inputs: [picture], outputs: [mean(picture, [1, 2])], ops: ["ReduceMean"] },
  { name: "of few numbers", inputs: [few], outputs: [sum(few, [0])], ops: ["ReduceSum"] },
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

const OPERATORS = ["ColumnSum", "ReduceSum", "ReduceMean"];

/** The kinds of operators that a program becomes with our kernels: field 4 of a node of the encoded model is its name. */
function operators(program: Program): string[] {
  const text = new TextDecoder("latin1").decode(lower(program, "test", { elementwise: new Set() }).bytes);
  return OPERATORS.filter((op) => text.includes(`"${String.fromCharCode(op.length)}${op}`));
}

describe("matrices", () => {
  let engine: Backend;
  let reference: Backend;
  beforeAll(async () => {
    [engine, reference] = await Promise.all([createOnnxNodeBackend(), createReferenceBackend()]);
  });

  const behaves = async ({ inputs, outputs, ops }: Case): Promise<void> => {
    const program = makeProgram(inputs, outputs);
    const [actual, expected] = [await run(engine, program), await run(reference, program)];
    expect(closeFailure(actual, expected, { family: "contraction" })).toBeNull();
    expect(operators(program)).toEqual(ops);
  };

  it.each(SUMS)("have sums $name", behaves);
});
