import { beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../backend/contract.ts";
import { createReferenceBackend } from "../../backend/reference/index.ts";
import { sizeOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import { makeProgram, type Program, printProgram } from "../../ir/program.ts";
import { inputValue, type Value } from "../../ir/value.ts";
import { closeFailure } from "../../testing/allClose.ts";
import { optimize } from "../pipeline.ts";
import { foldScales } from "./foldScales.ts";

const PLAIN = { strides: [1, 1], low: [0, 0], high: [0, 0], dilation: [1, 1], groups: 1 };
const numbers = (n: number, seed = 0): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(1 + 1.7 * i + seed));
const fixed = (shape: readonly number[], seed = 0): Value => b.constant(numbers(sizeOf(shape), seed), shape, "float32");
const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const number = (n: number): Value => b.scalar(n, "float32");

const x = input(2, 5, 5, 4);
const conv = (w: Value, how = PLAIN): Value => b.emitOne("conv_last", [x, w], how);
/** By fixed statistics, as BatchNormalization computes it when it does not train. */
function normalized(y: Value, channels: number): Value {
  const variance = b.constant(numbers(channels, 5).map(Math.abs), [channels], "float32");
  const deviation = b.unary("sqrt", b.binary("add", variance, number(1e-3)));
  const scale = b.binary("mul", fixed([channels], 2), b.unary("reciprocal", deviation));
  return b.binary(
    "add",
    b.binary("mul", y, scale),
    b.binary("sub", fixed([channels], 3), b.binary("mul", fixed([channels], 4), scale)),
  );
}

async function run(backend: Backend, program: Program): Promise<Float32Array[]> {
  const executable = await backend.compile(program);
  const buffers = program.inputs.map((v) => backend.upload(numbers(sizeOf(v.shape)), v.shape, v.dtype));
  const results = await executable.run(buffers);
  return Promise.all(results.map(async (r) => (await backend.download(r)) as Float32Array));
}

const ops = (program: Program): string[] => program.nodes.map(({ op }) => op);

describe("foldScales", () => {
  let reference: Backend;
  beforeAll(async () => {
    reference = await createReferenceBackend();
  });

  const kernel = fixed([3, 3, 4, 6]);
  const plain = conv(kernel);
  const varying = input(3, 3, 4, 6);
  const grouped = conv(fixed([3, 3, 1, 8]), { ...PLAIN, groups: 4 });
  const dy = input(2, 3, 3, 6);
  const transposed = b.emitOne("conv_last_input_grad", [dy, kernel], { ...PLAIN, inputSizes: [5, 5] });

  it.each<[string, Value, Value]>([
    ["a normalization", x, normalized(plain, 6)],
    ["a normalization after a bias", x, normalized(b.binary("add", plain, fixed([6], 1)), 6)],
    ["one of channels on their own", x, normalized(grouped, 8)],
    ["one of a transposed convolution", dy, normalized(b.binary("add", transposed, fixed([1, 1, 1, 4])), 4)],
    ["a factor and an offset for all", x, b.binary("sub", b.binary("mul", number(0.3), plain), number(2))],
    ["two normalizations", x, normalized(normalized(plain, 6), 6)],
  ])("makes one convolution and one sum of %s", async (_, from, to) => {
    const program = makeProgram([from], [to]);
    const folded = foldScales(program);
    expect(ops(folded), printProgram(folded)).toEqual([from === dy ? "conv_last_input_grad" : "conv_last", "add"]);
    const [actual, expected] = [await run(reference, folded), await run(reference, program)];
    expect(closeFailure(actual[0]!, expected[0]!, { dtype: "float32", family: "contraction" })).toBeNull();
  });

  it.each<[string, readonly Value[], Value]>([
    ["kernels that vary", [x, varying], b.binary("mul", conv(varying), fixed([6]))],
    ["factors that vary", [x, dy], b.binary("mul", plain, dy)],
    ["factors by place", [x], b.binary("mul", plain, fixed([3, 1]))],
    ["factors that widen the result", [x], b.binary("mul", conv(fixed([3, 3, 4, 1])), fixed([6]))],
    ["what is subtracted from", [x], b.binary("sub", fixed([6]), plain)],
    [
      "groups of transposed convolutions",
      [dy],
      b.binary(
        "mul",
        b.emitOne("conv_last_input_grad", [dy, fixed([3, 3, 2, 6])], { ...PLAIN, groups: 2, inputSizes: [5, 5] }),
        fixed([4]),
      ),
    ],
  ])("leaves %s alone", (_, inputs, output) => {
    const program = makeProgram(inputs, [output]);
    expect(ops(foldScales(program))).toEqual(ops(program));
  });

  it("leaves a convolution alone that something else reads", () => {
    const program = makeProgram([x], [b.binary("mul", plain, fixed([6])), b.unary("relu", plain)]);
    expect(ops(foldScales(program))).toEqual(ops(program));
  });

  it("finds predictions that are computed channels last: of channels on their own, and by three times three", () => {
    const first = b.transpose(x, [0, 3, 1, 2]);
    const optimized = (size: number, groups: number): string[] => {
      const kernel = b.transpose(fixed([size, size, 4 / groups, 8]), [3, 2, 0, 1]);
      const y = b.transpose(b.conv(first, kernel, { ...PLAIN, groups }), [0, 2, 3, 1]);
      return ops(optimize(makeProgram([x], [normalized(y, 8)]), { channelsLast: true, verify: true }));
    };
    expect(optimized(2, 4)).toEqual(["conv_last", "add"]);
    expect(optimized(3, 1)).toEqual(["conv_last", "add"]);
    expect(optimized(2, 1)).toContain("conv");
    expect(optimized(2, 2)).toContain("conv");
  });
});
