/** Masks that do not fit: the message names the mask, what it must be like, and what it is for. */
import { beforeAll, describe, expect, it } from "vitest";
import * as ops from "../ops/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { Input } from "./core/inputLayer.ts";
import * as layers from "./index.ts";

beforeAll(registerAllBuiltins);

const mask = (...shape: number[]): Tensor => ops.ones(shape, { dtype: "bool" });
const x = () => ops.ones([2, 3, 4]);

describe("masks of recurrent layers", () => {
  it.each([[[2, 5]], [[2, 1]], [[3, 3]], [[2]]])("of shape %j are refused", (shape) => {
    expect(() => layers.LSTM(2, { name: "reader" })(x(), { mask: mask(...shape) })).toThrow(
      `LSTM "reader": expected a mask of shape (batch, time), here (2, 3). Received: (${shape.join(", ")}${shape.length === 1 ? "," : ""}) for sequences of shape (2, 3, 4)`,
    );
  });

  it("are refused in wrappers, for images, and in graphs", () => {
    const refused = /LSTM.*expected a mask of shape \(batch, time\), here \(2, 3\)\. Received: \(2, 5\)/;
    expect(() => layers.Bidirectional(layers.LSTM(2))(x(), { mask: mask(2, 5) })).toThrow(refused);
    expect(() => layers.ConvLSTM1D(2, 1)(ops.ones([2, 3, 5, 4]), { mask: mask(2, 5) })).toThrow(refused);
    const steps = Input({ shape: [null, 4] });
    expect(() =>
      layers.LSTM(2)(Input({ shape: [3, 4] }), { mask: Input({ shape: [5], dtype: "bool" }) as never }),
    ).toThrow(/here \(None, 3\)\. Received: \(None, 5\) for sequences of shape \(None, 3, 4\)/);
    expect(layers.LSTM(2)(steps, { mask: Input({ shape: [5], dtype: "bool" }) as never }).shape).toEqual([null, 2]);
  });

  it("may be one for all samples, or have entries within a step, of which any makes it real", async () => {
    const lstm = layers.LSTM(2);
    const sequences = tensor([1, 2, 3, 4, 5, 6], [2, 3, 1]);
    const run = async (m: Tensor) => (await lstm(sequences, { mask: m }).data()) as Float32Array;
    const each = await run(tensor([true, false, true, true, false, true], [2, 3], "bool"));
    // Another program: it may round differently.
    expectAllClose(await run(tensor([true, false, true], [1, 3], "bool")), each, { rtol: 1e-6, atol: 1e-7 });
    const within = [true, false, false, false, false, true, true, true, false, false, true, false];
    expectAllClose(await run(tensor(within, [2, 3, 2], "bool")), each, { rtol: 1e-6, atol: 1e-7 });
  });
});

describe("masks of attention", () => {
  const of = "for query (2, 3, 4) and value (2, 3, 4)";
  it.each([
    ["queryMask", [2, 5], "(batch, queries), here (2, 3)"],
    ["valueMask", [2, 5], "(batch, values), here (2, 3)"],
    ["keyMask", [3, 3], "(batch, values), here (2, 3)"],
    ["valueMask", [2, 3, 3], "(batch, values), here (2, 3)"],
    ["attentionMask", [2, 3, 5], "(batch, queries, values), here (2, 3, 3)"],
    ["attentionMask", [5, 3], "(queries, values), here (3, 3)"],
    ["attentionMask", [2, 2, 3, 5], "(batch, heads, queries, values), here (2, None, 3, 3)"],
  ])("`%s` of shape %j is refused", (name, shape, expected) => {
    const message = `expected \`${name}\` of shape ${expected}. Received: (${shape.join(", ")}) ${of}`;
    const options = { [name]: mask(...shape) };
    expect(() => layers.GroupQueryAttention(2, 2, 2, { name: "a" })(x(), x(), x(), options)).toThrow(
      `GroupQueryAttention "a": ${message}`,
    );
    // It computes without a query mask that is given.
    if (name === "queryMask") return;
    expect(() => layers.MultiHeadAttention(2, 3, { name: "a" })(x(), x(), x(), options)).toThrow(
      `MultiHeadAttention "a": ${message}`,
    );
  });

  it("may be one for all samples, heads and queries", () => {
    const mha = layers.MultiHeadAttention(2, 3);
    for (const shape of [
      [3, 3],
      [1, 3, 3],
      [2, 1, 3],
      [2, 2, 3, 3],
      [2, 1, 1, 3],
    ])
      expect(mha(x(), x(), { attentionMask: mask(...shape) }).shape).toEqual([2, 3, 4]);
    expect(mha(x(), x(), { valueMask: mask(1, 3) }).shape).toEqual([2, 3, 4]);
  });

  it.each([layers.Attention, layers.AdditiveAttention])("in a list are named by their place", (attention) => {
    const layer = attention({ name: "a" });
    expect(() => layer([x(), x()], { mask: [mask(2, 5), null] })).toThrow(
      `Attention "a": expected \`mask[0]\` of shape (batch, queries), here (2, 3). Received: (2, 5) ${of}`,
    );
    expect(() => layer([x(), x()], { mask: [null, mask(2, 5)] })).toThrow(
      `expected \`mask[1]\` of shape (batch, values), here (2, 3). Received: (2, 5) ${of}`,
    );
    expect(() => layer([x(), x()], { mask: [null, mask(2, 5, 3)] })).toThrow(
      `expected \`mask[1]\` of shape (batch, queries, values), here (2, 3, 3). Received: (2, 5, 3) ${of}`,
    );
    expect(layer([x(), x()], { mask: [mask(2, 1), mask(1, 3)] }).shape).toEqual([2, 3, 4]);
  });
});

describe("MultiHeadAttention", () => {
  it("says that it needs an axis of steps", () => {
    const samples = Input({ shape: [4] });
    expect(() => layers.MultiHeadAttention(2, 3, { name: "a" })(samples, samples)).toThrow(
      'MultiHeadAttention "a": expected inputs of at least three axes, (batch, steps, features). Received: query (None, 4), ' +
        "value (None, 4); samples of one step get an axis for it: ops.expandDims(x, 1)",
    );
    expect(() => layers.MultiHeadAttention(2, 3)(x(), ops.ones([2, 4]))).toThrow(/value \(2, 4\)/);
    expect(() => layers.MultiHeadAttention(2, 3, { attentionAxes: [], name: "a" })(x(), x())).toThrow(
      'MultiHeadAttention "a": expected `attentionAxes` to be at least one axis. Received: attentionAxes=[]',
    );
  });
});
