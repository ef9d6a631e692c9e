/** The walk itself; the rules are checked in test/conformance/gradients.test.ts. */
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "../backend/reference/index.ts";
import * as b from "../ir/build.ts";
import { makeProgram } from "../ir/program.ts";
import { inputValue, type Value } from "../ir/value.ts";
import { gradients } from "./gradients.ts";

const x = inputValue({ shape: [2], dtype: "float64" }, "x");
const y = inputValue({ shape: [2], dtype: "float64" }, "y");
const ones = b.full(1, [2], "float64");

/** Values at x = [2, 3], y = [5, 7]. */
async function at(values: readonly (Value | null)[]): Promise<(number[] | null)[]> {
  const backend = await createReferenceBackend();
  const known = values.flatMap((v) => (v ? [v] : []));
  const executable = await backend.compile(makeProgram([x, y], known));
  const inputs = [Float64Array.of(2, 3), Float64Array.of(5, 7)];
  const results = await executable.run(inputs.map((data) => backend.upload(data, [2], "float64")));
  const numbers = await Promise.all(results.map(async (r) => Array.from((await backend.download(r)) as Float64Array)));
  return values.map((v) => (v ? numbers.shift()! : null));
}

describe("gradients", () => {
  it("adds up what arrives on several ways", async () => {
    const square = b.binary("mul", x, x);
    const out = b.binary("add", b.binary("mul", square, y), b.binary("add", square, x));
    // d/dx = 2xy + 2x + 1, d/dy = x²
    expect(await at(gradients([out], [ones], [x, y]))).toEqual([
      [25, 49],
      [4, 9],
    ]);
  });

  it.each<[string, (v: Value) => Value]>([
    ["x · x", (v) => b.binary("mul", v, v)],
    ["x²", (v) => b.binary("pow", v, b.scalar(2, "float64"))],
  ])("differentiates %s by one product of the size of x", async (_, square) => {
    const mean = b.reduce("reduce_mean", square(x), [0]);
    const found = gradients([mean], [b.full(1, [], "float64")], [x])[0]!;
    expect(await at([found])).toEqual([[2, 3]]);
    // What is spread is doubled before, so that the compiler can leave the spreading to the product.
    const large = makeProgram([x], [found]).nodes.filter((node) => node.outputs[0]!.shape[0] === 2);
    expect(large.map((node) => node.op)).toEqual(["broadcast_to", "mul"]);
  });

  it("gives the gradient of a value in between and of what it was made from", async () => {
    const between = b.binary("mul", x, y);
    const out = b.binary("mul", between, between);
    expect(await at(gradients([out], [ones], [between, x, out]))).toEqual([
      [20, 42],
      [100, 294],
      [1, 1],
    ]);
  });

  it("weighs several outputs by their own gradients, null as zero", async () => {
    const outputs = [b.binary("mul", x, y), b.unary("neg", x), b.unary("exp", x)];
    const weights = [b.full(3, [2], "float64"), ones, null];
    expect(await at(gradients(outputs, weights, [x, y]))).toEqual([
      [14, 20],
      [6, 9],
    ]);
  });

  it("is null without a way, through stop_gradient, integers, and what is constant in steps", async () => {
    const through = (f: (v: Value) => Value) => gradients([f(x)], [ones], [x])[0];
    expect(gradients([x], [ones], [y])).toEqual([null]);
    expect(through((v) => b.unary("stop_gradient", v))).toBeNull();
    expect(through((v) => b.unary("floor", v))).toBeNull();
    expect(through((v) => b.cast(b.cast(v, "int32"), "float64"))).toBeNull();
  });

  it("follows one result of several", async () => {
    const [values] = b.topK(x, 1);
    expect(await at(gradients([values!], [b.full(5, [1], "float64")], [x]))).toEqual([[0, 5]]);
  });

  it("does not overflow the stack on a long chain", () => {
    let long: Value = x;
    for (let i = 0; i < 20_000; i++) long = b.unary("sin", long);
    expect(gradients([long], [ones], [x])[0]).not.toBeNull();
  });
});
