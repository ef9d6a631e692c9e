import { describe, expect, it } from "vitest";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { describeWindowOps } from "../testing/windowOps.ts";
import * as ops from "./index.ts";
import { KerasTensor } from "./kerasTensor.ts";

describe("convolutions against Keras", () => {
  describeWindowOps("convolution");
  describeWindowOps("convolution_transpose");
});

/** One sample, one channel, one spatial axis. */
const line = (...numbers: number[]) => tensor(Float32Array.from(numbers), [1, numbers.length, 1]);
const kernel = (...numbers: number[]) => tensor(Float32Array.from(numbers), [numbers.length, 1, 1]);

const numbersOf = async (y: Tensor): Promise<number[]> => Array.from((await y.data()) as Float32Array);

describe("convolutions by hand", () => {
  it("slides the kernel without turning it", async () => {
    // 1·1 + 2·10, 2·1 + 3·10, 3·1 + 4·10
    expect(await numbersOf(ops.conv(line(1, 2, 3, 4), kernel(1, 10)))).toEqual([21, 32, 43]);
  });

  it('pads after the end first with "same"', async () => {
    expect(await numbersOf(ops.conv(line(1, 2, 3), kernel(1, 10), { padding: "SAME" }))).toEqual([21, 32, 3]);
  });

  it("spreads each element over the kernel when transposed", async () => {
    // 1·(1, 10) at 0, 2·(1, 10) at 2
    const y = ops.convTranspose(line(1, 2), kernel(1, 10), { strides: 2 });
    expect(await numbersOf(y)).toEqual([1, 10, 2, 20]);
  });

  it("adds zeros beyond the last window for a large output padding", async () => {
    const y = ops.convTranspose(line(1, 2), kernel(1, 10), { strides: 2, outputPadding: 3 });
    expect(await numbersOf(y)).toEqual([1, 10, 2, 20, 0, 0, 0]);
  });

  it("makes integers floats", () => {
    expect(ops.conv([[[1], [2]]], [[[1]]]).dtype).toBe("float32");
  });
});

describe("symbolic convolutions", () => {
  const symbolic = (...shape: (number | null)[]) => new KerasTensor(shape, { dtype: "float32" });
  const three = tensor(new Float32Array(3 * 3 * 4 * 8), [3, 3, 4, 8]);

  it.each([
    ["valid", [null, null, 4], [null, null, 8]],
    ["same", [null, 17, 4], [null, 9, 8]],
    ["valid", [9, null, 4], [4, null, 8]],
  ] as const)("with padding %s turn %j into %j", (padding, [height, width, channels], expected) => {
    const y = ops.conv(symbolic(null, height, width, channels), three, { padding, strides: 2 });
    expect(y.shape).toEqual([null, ...expected]);
  });

  it("keep sizes unknown through many strides", () => {
    let y: KerasTensor = symbolic(null, null, null, 4);
    for (let i = 0; i < 8; i++) y = ops.maxPool(y, 2);
    expect(y.shape).toEqual([null, null, null, 4]);
  });

  it("are recorded as Keras's operation", () => {
    const y = ops.conv(symbolic(null, 5, 5, 4), three, { strides: 2 });
    expect(y.kerasHistory!.operation.getConfig()).toMatchObject({
      strides: 2,
      padding: "valid",
      data_format: null,
      dilation_rate: 1,
    });
  });
});

describe("convolutions say what is wrong", () => {
  const image = ops.zeros([2, 5, 5, 3]);
  const small = ops.zeros([3, 3, 3, 4]);
  it.each([
    ["rank", () => ops.conv(ops.zeros([2, 3]), small), /conv: expected inputs with a batch axis.*\(2, 3\)/],
    ["kernel rank", () => ops.conv(image, ops.zeros([3, 3, 4])), /kernel with 2 spatial axes.*\(3, 3, 4\)/],
    ["channels", () => ops.conv(image, ops.zeros([3, 3, 2, 4])), /3 channels in .*2 channels and 4 filters/],
    ["groups", () => ops.conv(image, ops.zeros([3, 3, 1, 4])), /filters a multiple of that many groups/],
    ["size", () => ops.conv(image, ops.zeros([6, 3, 3, 4])), /kernel reaches over 6 elements.*which has 5.*"same"/],
    [
      "strides",
      () => ops.conv(image, small, { strides: [1, 2, 3] }),
      /`strides` to be a positive integer or a list of 2/,
    ],
    ["padding", () => ops.conv(image, small, { padding: "causal" }), /"valid" or "same".*"causal"/],
    ["option", () => ops.conv(image, small, { stride: 2 } as object), /unknown option `stride`.*strides/],
    ["format", () => ops.conv(image, small, { dataFormat: "last" as "channels_last" }), /"channels_last"/],
    [
      "depthwise channels",
      () => ops.depthwiseConv(image, ops.zeros([3, 3, 2, 1])),
      /as many channels in the depthwise/,
    ],
    ["transposed channels", () => ops.convTranspose(image, ops.zeros([3, 3, 4, 2])), /\[...sizes, filters, channels\]/],
    ["output padding", () => ops.convTranspose(image, ops.zeros([3, 3, 4, 3]), { outputPadding: -1 }), /non-negative/],
    ["window", () => ops.maxPool(image, 6), /window reaches over 6 elements/],
  ])("about %s", (_, run, message) => {
    expect(run).toThrow(message);
  });
});
