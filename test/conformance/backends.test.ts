/** What every backend promises beyond the meaning of single primitives: see src/backend/contract.ts. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Backend, BackendBuffer } from "../../src/backend/contract.ts";
import { createOnnxNodeBackend } from "../../src/backend/onnx/node.ts";
import { createOnnxWebBackend } from "../../src/backend/onnx/web.ts";
import { createReferenceBackend } from "../../src/backend/reference/index.ts";
import { convertArray, type DType, type TypedArray } from "../../src/core/dtype.ts";
import * as b from "../../src/ir/build.ts";
import { makeProgram } from "../../src/ir/program.ts";
import { randomWords } from "../../src/ir/randomBits.ts";
import { inputValue, type Value } from "../../src/ir/value.ts";
import { expectAllClose } from "../../src/testing/allClose.ts";

const FACTORIES = {
  reference: createReferenceBackend,
  onnx: createOnnxNodeBackend,
  "onnx on WebAssembly": createOnnxWebBackend,
};

const input = (shape: readonly number[], dtype: DType = "float32"): Value => inputValue({ shape, dtype }, "x");

describe.each(Object.keys(FACTORIES) as (keyof typeof FACTORIES)[])("backend %s", (name) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await FACTORIES[name]();
  });

  const upload = (value: Value, data: TypedArray): BackendBuffer => backend.upload(data, value.shape, value.dtype);

  async function run(inputs: readonly Value[], outputs: readonly Value[], data: readonly TypedArray[]) {
    const executable = await backend.compile(makeProgram(inputs, outputs));
    const results = await executable.run(inputs.map((value, i) => upload(value, data[i]!)));
    return Promise.all(results.map(async (r) => Array.from((await backend.download(r)) as Float32Array)));
  }

  it.each([
    ["float64", Float64Array.of(0.1, -2)],
    ["float32", Float32Array.of(0.1, -2)],
    ["float16", Uint16Array.of(0x3c01, 0xc000)],
    ["bfloat16", Uint16Array.of(0x3f81, 0xc000)],
    ["int8", Int8Array.of(-128, 127)],
    ["int64", BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)],
    ["uint64", BigUint64Array.of(0n, 2n ** 64n - 1n)],
    ["bool", Uint8Array.of(0, 1)],
  ] as const)("keeps %s as it was given", async (dtype, data) => {
    const buffer = backend.upload(data, [2], dtype);
    expect({ ...buffer, shape: buffer.shape, dtype: buffer.dtype, backend: buffer.backend }).toMatchObject({
      shape: [2],
      dtype,
      backend: backend.name,
    });
    expect(await backend.download(buffer)).toEqual(data);
    expect(backend.peek(buffer)).toEqual(data);
    const x = input([2], dtype);
    const executable = await backend.compile(makeProgram([x], [b.reshape(x, [2, 1])]));
    const [result] = await executable.run([buffer]);
    expect(await backend.download(result!)).toEqual(data);
  });

  it.each(["float16", "bfloat16"] as const)("reads constants of %s in a program", async (dtype) => {
    const x = input([2], dtype);
    const bits = (numbers: number[]) => convertArray(Float64Array.from(numbers), "float64", dtype);
    const [sum] = await run([x], [b.binary("add", x, b.constant(bits([0.5, -2]), [2], dtype))], [bits([1, 8])]);
    expect(sum).toEqual(Array.from(bits([1.5, 6]) as Uint16Array));
  });

  it("returns inputs, constants and one value twice", async () => {
    const x = input([2]);
    const y = b.unary("neg", x);
    const outputs = [x, y, y, b.constant(Float32Array.of(5), [], "float32"), x];
    expect(await run([x], outputs, [Float32Array.of(1, 2)])).toEqual([[1, 2], [-1, -2], [-1, -2], [5], [1, 2]]);
  });

  it("writes results where it is told, and makes the others", async () => {
    const x = input([2]);
    const executable = await backend.compile(makeProgram([x], [b.unary("neg", x), b.unary("abs", x)]));
    const target = backend.empty([2], "float32");
    const given = upload(x, Float32Array.of(-1, 2));
    for (let i = 0; i < 2; i++) {
      const results = await executable.run([given], [target, null]);
      expect(results[0]).toBe(target);
      expect(Array.from((await backend.download(target)) as Float32Array)).toEqual([1, -2]);
      expect(Array.from((await backend.download(results[1]!)) as Float32Array)).toEqual([1, 2]);
    }
    expect(Array.from((await backend.download(given)) as Float32Array)).toEqual([-1, 2]);
  });

  it("runs one program several times at once", async () => {
    const x = input([3]);
    const executable = await backend.compile(makeProgram([x], [b.unary("neg", x)]), { runs: "once" });
    const results = await Promise.all([1, 2, 3].map((n) => executable.run([upload(x, Float32Array.of(n, n, n))])));
    const read = await Promise.all(results.map(([r]) => backend.download(r!)));
    expect(read.map((data) => data[0])).toEqual([-1, -2, -3]);
  });

  it("says which program was disposed", async () => {
    const x = input([1]);
    const executable = await backend.compile(makeProgram([x], [b.unary("neg", x)]), { label: "train step" });
    executable.dispose();
    executable.dispose();
    await expect(executable.run([upload(x, Float32Array.of(1))])).rejects.toThrow(
      "train step: the program was disposed and cannot run",
    );
  });

  it("refuses strings, naming the program", async () => {
    const x = input([1], "string");
    await expect(backend.compile(makeProgram([x], [x]), { label: "lookup" })).rejects.toThrow(
      `lookup: string tensors are not computed by the ${name === "reference" ? name : "ONNX"} backend`,
    );
  });

  // A product and what is added to it: one fused operator on some engines.
  // [[1, 2], [3, 4]] · [[1, 0, -1], [2, 3, 4]] = [[5, 6, 7], [11, 12, 13]], by hand.
  it.each([
    { what: "a vector", bias: [10, 20, 30], shape: [3], expected: [15, 26, 37, 21, 32, 43] },
    { what: "a number", bias: [10], shape: [], expected: [15, 16, 17, 21, 22, 23] },
    { what: "a row", bias: [10, 20, 30], shape: [1, 3], expected: [15, 26, 37, 21, 32, 43] },
    { what: "a column", bias: [10, 20], shape: [2, 1], expected: [15, 16, 17, 31, 32, 33] },
  ])("adds $what to a product, on either side, with transposed operands", async ({ bias, shape, expected }) => {
    const [a, aSwapped, c, cSwapped, v] = [input([2, 2]), input([2, 2]), input([2, 3]), input([3, 2]), input(shape)];
    const outputs = [
      b.binary("add", b.matmul(a, c), v),
      b.binary("add", v, b.matmul(aSwapped, c, true)),
      b.binary("add", b.matmul(a, cSwapped, false, true), v),
      b.binary("add", v, b.matmul(aSwapped, cSwapped, true, true)),
    ];
    const data = [[1, 2, 3, 4], [1, 3, 2, 4], [1, 0, -1, 2, 3, 4], [1, 2, 0, 3, -1, 4], bias];
    const inputs = [a, aSwapped, c, cSwapped, v];
    const results = await run(
      inputs,
      outputs,
      data.map((d) => Float32Array.from(d)),
    );
    for (const result of results) expect(result).toEqual(expected);
  });

  it("adds a vector to a product of nothing", async () => {
    const [a, c, v] = [input([2, 0]), input([0, 3]), input([3])];
    const sum = b.binary("add", b.matmul(a, c), v);
    const data = [new Float32Array(0), new Float32Array(0), Float32Array.of(1, 2, 3)];
    expect(await run([a, c, v], [sum], data)).toEqual([[1, 2, 3, 1, 2, 3]]);
  });

  it.each([
    [0, 0],
    [1, 2],
    [0xffffffff, 0xdeadbeef],
  ])("draws the bits of ir/randomBits.ts under key (%i, %i), in any shape", async (k0, k1) => {
    const key = input([2], "uint32");
    const outputs = [[], [7], [3, 5, 2], [4099]].map((shape) => b.randomBits(key, shape));
    const results = await run([key], outputs, [Uint32Array.of(k0, k1)]);
    for (const bits of results) expect(bits).toEqual(Array.from(randomWords(k0, k1, bits.length)));
  });

  it("rounds bfloat16 and float16 results to nearest even", async () => {
    for (const [dtype, ulp] of [
      ["bfloat16", 2 ** -7],
      ["float16", 2 ** -10],
    ] as const) {
      const x = input([4], "float64");
      const halves = Float64Array.of(1 + ulp / 2, 1 + (3 * ulp) / 2, -1 - ulp / 2, 1 + ulp / 2 + ulp / 64);
      const [result] = await run([x], [b.cast(x, dtype)], [halves]);
      const numbers = convertArray(Uint16Array.from(result!), dtype, "float64");
      expectAllClose(numbers, [1, 1 + 2 * ulp, -1, 1 + ulp], { family: "exact" });
    }
  });
});
