import { describe, expect, it } from "vitest";
import { gradients } from "../../../autodiff/gradients.ts";
import * as b from "../../../ir/build.ts";
import type { Scan } from "../../../ir/loops.ts";
import { makeProgram, printProgram, verifyProgram } from "../../../ir/program.ts";
import { inputValue, type Value } from "../../../ir/value.ts";
import { optimize } from "../../pipeline.ts";
import { regroupProducts } from "./regroup.ts";

const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const mul = (...values: Value[]): Value => values.reduce((product, value) => b.binary("mul", product, value));

describe("regroupProducts", () => {
  const [carry, s, t, u] = [input(3), input(3), input(3), input(3)];
  const regrouped = (output: Value, ...more: Value[]) => {
    const body = regroupProducts(makeProgram([carry, s, t, u], [output, ...more]), 1);
    verifyProgram(body);
    return body;
  };

  it("brings factors together that do not wait for the turn before", () => {
    const { outputs, nodes } = regrouped(mul(carry, s, t, u));
    expect(nodes.length).toBe(3);
    expect(outputs[0]!.node!.inputs[0]).toBe(carry);
    const factor = outputs[0]!.node!.inputs[1]!;
    expect(factor.node!.inputs[0]!.node!.inputs).toEqual([s, t]);
    expect(factor.node!.inputs[1]).toBe(u);
  });

  it("leaves a product that is read elsewhere", () => {
    const product = mul(carry, s);
    const { outputs } = regrouped(mul(product, t), product);
    expect(outputs[0]!.node!.inputs).toEqual([outputs[1], t]);
  });

  it("leaves factors that broadcast, and products of two that wait", () => {
    const scalar = input();
    const body = makeProgram([carry, scalar, s], [mul(carry, scalar, s), mul(carry, carry, s)]);
    expect(printProgram(regroupProducts(body, 1))).toBe(printProgram(body));
  });
});

describe("the backward loop of an LSTM", () => {
  it("does nothing in a turn that need not wait for the turn before", () => {
    const [batch, units, length] = [4, 8, 20];
    const [h, c, x, kernel] = [
      input(batch, units),
      input(batch, units),
      input(batch, 4 * units),
      input(units, 4 * units),
    ];
    const gates = b.binary("add", x, b.matmul(h, kernel));
    const [i, f, g, o] = [0, 1, 2, 3].map((n) => b.slice(gates, [0, n * units], [batch, (n + 1) * units])) as Value[];
    const sigmoid = (value: Value): Value => b.unary("sigmoid", value);
    const kept = b.binary("add", mul(sigmoid(f!), c), mul(sigmoid(i!), b.unary("tanh", g!)));
    const output = mul(sigmoid(o!), b.unary("tanh", kept));
    const body = makeProgram([h, c, x, kernel], [output, kept]);
    const inputs = [input(batch, units), input(batch, units), input(length, batch, 4 * units), input(units, 4 * units)];
    const [last] = b.scan(inputs, { body, length, reverse: false, carries: 2, sequences: 1 });
    const loss = b.reduce("reduce_sum", last!, [0, 1]);
    const found = gradients([loss], [b.scalar(1, "float32")], [inputs[2]!, inputs[3]!]);
    const step = optimize(makeProgram(inputs, [loss, ...found.map((value) => value!)]), { verify: true });
    const loops = step.nodes.filter((node) => node.op === "scan").map((node) => (node.attributes as Scan).body);
    const backward = loops.find((loop) => loop.nodes.every((node) => node.op !== "sigmoid"))!;
    // By hand: dc' = dc + dh·(o·(1 − tanh²c)); four gates from dc' and dh; their product with the kernel; dc'·f.
    expect(backward.nodes.map((node) => node.op).sort()).toEqual(
      ["add", "concat", "matmul", "mul", "mul", "mul", "mul", "mul", "mul"].sort(),
    );
  });
});
