import { describe, expect, it } from "vitest";
import { gradients } from "../../autodiff/gradients.ts";
import * as b from "../../ir/build.ts";
import { freeLeaves, makeProgram, type Program, printProgram } from "../../ir/program.ts";
import { inputValue, type Value } from "../../ir/value.ts";
import { optimize } from "../pipeline.ts";
import { reshapeGroups } from "./layout/layoutRules.ts";
import { sinkTransposes } from "./sinkTransposes.ts";

const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const toFirst = (x: Value): Value => b.transpose(x, [0, 3, 1, 2]);
const toLast = (x: Value): Value => b.transpose(x, [0, 2, 3, 1]);
const SAME = { strides: [1, 1], low: [1, 1], high: [1, 1], dilation: [1, 1], groups: 1 };

/** What each transpose of a program moves, as text. */
const transposes = (program: Program): string[] =>
  program.nodes.flatMap((node) =>
    node.op === "transpose" ? [`${node.inputs[0]!.node?.op ?? "input"} ${node.inputs[0]!.shape.join("x")}`] : [],
  );

/** A channels-last convolution, its kernel [height, width, channels, filters]. */
const conv = (x: Value, kernel: Value): Value => toLast(b.conv(toFirst(x), b.transpose(kernel, [3, 2, 0, 1]), SAME));

/** Statistics of the batch, scale and offset per channel, as BatchNormalization computes them when it trains. */
function normalize(x: Value, gamma: Value, beta: Value): Value {
  const centred = b.binary("sub", x, b.reduce("reduce_mean", x, [0, 1, 2], true));
  const variance = b.reduce("reduce_mean", b.binary("mul", centred, centred), [0, 1, 2], true);
  const deviation = b.unary("sqrt", b.binary("add", variance, b.scalar(1e-3, "float32")));
  return b.binary("add", b.binary("mul", b.binary("div", centred, deviation), gamma), beta);
}

describe("sinkTransposes", () => {
  it("leaves the image and the kernels to transpose in a training step of a residual block", () => {
    const image = input(8, 16, 16, 3);
    const kernels = [input(3, 3, 3, 8), input(3, 3, 8, 8), input(3, 3, 8, 8)];
    const vectors = Array.from({ length: 6 }, () => input(8));
    const dense = input(8, 10);
    const stem = b.unary("relu", normalize(conv(image, kernels[0]!), vectors[0]!, vectors[1]!));
    const inner = b.unary("relu", normalize(conv(stem, kernels[1]!), vectors[2]!, vectors[3]!));
    const outer = normalize(conv(inner, kernels[2]!), vectors[4]!, vectors[5]!);
    const block = b.unary("relu", b.binary("add", stem, outer));
    const pooled = toLast(b.maxPool(toFirst(block), { window: [2, 2], strides: [2, 2], low: [0, 0], high: [0, 0] }));
    const logits = b.matmul(b.reduce("reduce_mean", pooled, [1, 2]), dense);
    const loss = b.reduce("reduce_mean", b.logSoftmax(logits, 1), [0, 1]);
    const weights = [...kernels, ...vectors, dense];
    const found = gradients([loss], [b.scalar(1, "float32")], weights);
    const step = makeProgram([image, ...weights], [loss, ...found.map((g) => g!)]);
    expect(step.nodes.filter((node) => node.op === "transpose").length).toBeGreaterThan(20);
    const text = transposes(optimize(step, { verify: true })).sort();
    expect(text).toEqual([
      "conv_weight_grad 8x3x3x3",
      "conv_weight_grad 8x8x3x3",
      "conv_weight_grad 8x8x3x3",
      "input 3x3x3x8",
      "input 3x3x8x8",
      "input 3x3x8x8",
      "input 8x16x16x3",
    ]);
  });

  it("reads and adds rows of a table in the order of time that loops want", () => {
    const [table, kernel] = [input(1000, 64), input(64, 128)];
    const ids = inputValue({ shape: [32, 100], dtype: "int32" }, "ids");
    const rows = b.transpose(b.gather(table, ids, 0), [1, 0, 2]);
    const products = b.matmul(b.reshape(rows, [3200, 64]), kernel);
    const loss = b.reduce("reduce_sum", b.reshape(products, [100, 32, 128]), [0, 1, 2]);
    const found = gradients([loss], [b.scalar(1, "float32")], [table, kernel]);
    const step = makeProgram([ids, table, kernel], [loss, ...found.map((g) => g!)]);
    expect(transposes(optimize(step, { verify: true }))).toEqual(["input 32x100"]);
  });

  const x = input(8, 16, 16, 32);
  it.each<[string, (first: Value) => Value]>([
    ["an activation", (v) => b.unary("tanh", v)],
    ["a bias per channel", (v) => b.binary("add", v, input(32))],
    ["a scale per sample", (v) => b.binary("mul", v, input(8, 1, 1, 1))],
    ["a mask", (v) => b.where(b.binary("less", v, b.scalar(0, "float32")), b.scalar(0, "float32"), v)],
    ["the mean per channel", (v) => b.binary("sub", v, b.reduce("reduce_mean", v, [0, 1, 2], true))],
    ["concatenation", (v) => b.concat([v, b.unary("exp", v)], 3)],
    ["padding and cropping", (v) => b.slice(b.pad(v, [0, 1, 1, 0], [0, 1, 1, 0]), [0, 1, 0, 0], [8, 17, 18, 32])],
    ["mirroring", (v) => b.reverse(v, [2])],
    [
      "squeezing and widening a vector",
      (v) => b.binary("mul", v, b.reshape(b.reduce("reduce_max", v, [1, 2]), [8, 1, 1, 32])),
    ],
    [
      "doubling rows and columns",
      (v) => b.reshape(b.broadcastTo(b.reshape(v, [8, 16, 1, 16, 1, 32]), [8, 16, 2, 16, 2, 32]), [8, 32, 32, 32]),
    ],
    ["an index along an axis", (v) => b.binary("mul", v, b.cast(b.iota(v.shape, 2, "int32"), "float32"))],
  ])("removes a transpose and its inverse around %s", (_, between) => {
    const pool = { window: [3, 3], strides: [1, 1], low: [1, 1], high: [1, 1] };
    const middle = toFirst(between(toLast(b.sumPool(toFirst(x), pool))));
    const program = optimize(makeProgram(freeLeaves([middle]), [b.sumPool(middle, pool)]), { verify: true });
    expect(transposes(program), printProgram(program)).toEqual(["input 8x16x16x32"]);
  });

  it("keeps a softmax on the last axis, where its kernel is fast", () => {
    const program = makeProgram(
      [x],
      [
        toFirst(
          b.softmax(toLast(b.sumPool(toFirst(x), { window: [1, 1], strides: [1, 1], low: [0, 0], high: [0, 0] })), 3),
        ),
      ],
    );
    const [softmax] = sinkTransposes(program, 0).nodes.filter((node) => node.op === "softmax");
    expect(softmax!.attributes).toEqual({ axis: 3 });
  });

  it("transposes constants itself", () => {
    const table = b.constant(
      Float32Array.from({ length: 6 }, (_, i) => i),
      [2, 3],
      "float32",
    );
    const y = input(3, 2);
    const program = makeProgram([y], [b.binary("add", y, b.transpose(table, [1, 0]))]);
    const moved = sinkTransposes(program, 0);
    expect(transposes(moved)).toEqual([]);
    const { source } = moved.constants[0]!;
    expect(source.kind === "constant" && [...(source.data as Float32Array)]).toEqual([0, 3, 1, 4, 2, 5]);
  });

  it("leaves a program alone in which nothing can be saved", () => {
    const program = makeProgram([x], [b.unary("exp", toFirst(x))]);
    expect(sinkTransposes(program, 0)).toBe(program);
  });
});

describe("reshapeGroups", () => {
  it.each<[string, number[], number[], { from: number[]; to: number[] }[] | null]>([
    [
      "joined",
      [2, 3, 4],
      [2, 12],
      [
        { from: [0], to: [0] },
        { from: [1, 2], to: [1] },
      ],
    ],
    [
      "split",
      [6, 4],
      [2, 3, 4],
      [
        { from: [0], to: [0, 1] },
        { from: [1], to: [2] },
      ],
    ],
    [
      "regrouped",
      [4, 3, 5],
      [2, 6, 5],
      [
        { from: [0, 1], to: [0, 1] },
        { from: [2], to: [2] },
      ],
    ],
    [
      "with ones",
      [1, 2, 1, 3, 1],
      [2, 3, 1],
      [
        { from: [0, 1], to: [0] },
        { from: [2, 3, 4], to: [1, 2] },
      ],
    ],
    ["all ones", [1, 1], [1], [{ from: [0, 1], to: [0] }]],
    ["empty", [0, 2], [2, 0], null],
  ])("%s", (_, from, to, expected) => {
    expect(reshapeGroups(from, to)).toEqual(expected);
  });
});
