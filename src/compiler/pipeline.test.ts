import { describe, expect, it } from "vitest";
import * as b from "../ir/build.ts";
import { makeProgram, printProgram } from "../ir/program.ts";
import { inputValue, type Value } from "../ir/value.ts";
import { optimize } from "./pipeline.ts";

const input = (shape: readonly number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const ops = (inputs: readonly Value[], ...outputs: readonly Value[]): string[] =>
  optimize(makeProgram(inputs, outputs), { verify: true }).nodes.map((n) => n.op);

describe("optimize", () => {
  const x = input([2, 3]);
  const y = input([2, 3]);
  const number = (n: number): Value => b.scalar(n, "float32");

  it("computes once what is written twice, however long the copies are", () => {
    const chain = (): Value => b.unary("exp", b.unary("tanh", b.transpose(b.unary("sin", x), [1, 0])));
    // Two copies of the same chain, used at several places each.
    const [left, right] = [chain(), chain()];
    const out = b.binary("add", b.binary("mul", left, right), b.binary("max", right, left));
    expect(ops([x], out)).toEqual(["sin", "transpose", "tanh", "exp", "mul", "max", "add"]);
  });

  it.each<[string, Value, string[]]>([
    ["x + 0", b.binary("add", x, number(0)), []],
    ["x + x", b.binary("add", x, x), ["mul"]],
    ["x · 1", b.binary("mul", number(1), x), []],
    ["x · −1", b.binary("mul", x, number(-1)), ["neg"]],
    ["−−x", b.unary("neg", b.unary("neg", x)), []],
    ["x + −y", b.binary("add", x, b.unary("neg", y)), ["sub"]],
    ["x − −y", b.binary("sub", x, b.unary("neg", y)), ["add"]],
    ["x / 4", b.binary("div", x, number(4)), ["mul"]],
    ["x / 3", b.binary("div", x, number(3)), ["div"]],
    ["x / the smallest float", b.binary("div", x, number(2 ** -149)), ["div"]],
    ["x²", b.binary("pow", x, number(2)), ["mul"]],
    ["stop_gradient", b.unary("stop_gradient", b.unary("exp", x)), ["exp"]],
    ["x · broadcast", b.binary("mul", x, b.broadcastTo(number(3), [2, 3])), ["mul"]],
    ["a product with a transpose", b.matmul(x, b.transpose(y, [1, 0])), ["matmul"]],
  ])("simplifies %s", (_, value, expected) => {
    expect(ops([x, y], value)).toEqual(expected);
  });

  it("keeps a broadcast that gives the result its shape", () => {
    const row = input([3]);
    const wide = b.broadcastTo(row, [2, 3]);
    for (const out of [b.binary("div", wide, b.full(4, [2, 3], "float32")), b.binary("add", wide, number(0))]) {
      const program = optimize(makeProgram([row], [out]), { verify: true });
      expect(program.outputs[0]!.shape, printProgram(program)).toEqual([2, 3]);
    }
  });
});
