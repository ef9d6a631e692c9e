/** Constants beyond the size from which they stay outside of the model's bytes, in the program and in the body of a loop. */
import { describe, expect, it } from "vitest";
import * as build from "../../ir/build.ts";
import { makeProgram } from "../../ir/program.ts";
import { constantValue, inputValue } from "../../ir/value.ts";
import * as ops from "../../ops/index.ts";
import { jit } from "../../runtime/jit.ts";
import { Tensor, tensor } from "../../runtime/tensor.ts";
import { lower } from "./lowering.ts";

const N = 20_000;
const large = (): Tensor =>
  new Tensor(
    constantValue(
      Float32Array.from({ length: N }, (_, i) => i % 7),
      { shape: [N], dtype: "float32" },
    ),
  );

describe("large constants", () => {
  it("stay outside of the model", () => {
    const x = inputValue({ shape: [N], dtype: "float32" }, "x");
    const lowered = lower(makeProgram([x], [build.binary("add", x, large().node)]), "test");
    expect(lowered.external.map(({ data }) => data.byteLength)).toEqual([4 * N]);
    expect(lowered.bytes.length).toBeLessThan(1000);
  });

  it("reach the engine", async () => {
    const sum = jit((x: Tensor) => ops.sum(ops.multiply(x, large())));
    // Σ over 20,000 numbers that run through 0 … 6: 2857 rounds of 21, and 0 for the one left over.
    expect(await (await sum(ops.ones([N]))).array()).toBe(2857 * 21);
  });

  it("reach the body of a loop", async () => {
    const loop = jit((x: Tensor) => {
      const [carry] = ops.scan(
        (c: Tensor, step: Tensor) => [ops.add(c, ops.multiply(step, ops.sum(large()))), c],
        ops.sum(x),
        x,
      );
      return carry;
    });
    // 2857 · 21 for each of 30 ones, and their sum before.
    expect(await (await loop(ops.ones([30]))).array()).toBe(30 * 2857 * 21 + 30);
    expect(await (await loop(tensor([1]))).array()).toBe(2857 * 21 + 1);
  });
});
