/** Pooling against real Keras, sizes that Keras cannot do, and what pooling refuses. */
import { describe, expect, it } from "vitest";
import * as ops from "../../ops/index.ts";
import { jit } from "../../runtime/jit.ts";
import { type Tensor, tensor } from "../../runtime/tensor.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { describeLayerCases } from "../../testing/layerCases.ts";
import * as layers from "../index.ts";

describeLayerCases("pooling");

describe("pooling layers", () => {
  it.each([7, 13, 14, 15])("adaptive to %i cells has the windows that are defined", async (cells) => {
    const [n, x] = [20, ops.square(ops.arange(20, null, 1, { dtype: "float32" }))];
    const window = (i: number) => {
      const [start, end] = [Math.floor((i * n) / cells), Math.ceil(((i + 1) * n) / cells)];
      return Array.from({ length: end - start }, (_, j) => (start + j) ** 2);
    };
    const windows = Array.from({ length: cells }, (_, i) => window(i));
    const sequence = ops.reshape(x, [1, n, 1]);
    expectAllClose(
      await layers.AdaptiveMaxPooling1D(cells)(sequence).data(),
      windows.map((w) => Math.max(...w)),
    );
    expectAllClose(
      await layers.AdaptiveAveragePooling1D(cells)(sequence).data(),
      windows.map((w) => w.reduce((a, b) => a + b) / w.length),
    );
  });

  it("count zeros of the padding before them, in compiled programs too", async () => {
    const first = { dataFormat: "channels_first" } as const;
    const x = ops.negative(ops.ones([1, 1, 4, 4]));
    const pooled = (layer: (x: Tensor) => Tensor, padding: number) =>
      jit((x: Tensor) => layer(layers.ZeroPadding2D(padding, first)(x)))(x);
    // All windows but the last touch the border.
    const maxima = await pooled(layers.MaxPooling2D(3, { ...first, strides: 2 }), 1);
    expectAllClose(await maxima.data(), [0, 0, 0, -1]);
    // Windows that lie in the padding altogether.
    const means = await pooled(layers.AveragePooling2D(2, first), 2);
    expectAllClose(await means.data(), [0, 0, 0, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, 0, 0, 0]);
  });

  it("global average over steps follows the mask of the layers before, and gives none", async () => {
    const x = tensor([1, 2, 0, 0, 3, 6], [1, 3, 2]);
    const y = layers.GlobalAveragePooling1D()(layers.Masking()(x));
    expectAllClose(await y.data(), [2, 4]);
    expect(y.mask).toBeNull();
  });

  it("of integers gives floats where means are taken", () => {
    expect(layers.GlobalAveragePooling2D()(ops.ones([1, 2, 2, 1], { dtype: "int32" })).dtype).toBe("float32");
  });

  it("take images of unknown size", () => {
    const images = layers.Input({ shape: [null, null, 3] });
    expect(layers.MaxPooling2D()(images).shape).toEqual([null, null, null, 3]);
    expect(layers.AdaptiveAveragePooling2D([2, 3])(images).shape).toEqual([null, 2, 3, 3]);
    expect(layers.GlobalMaxPooling2D()(images).shape).toEqual([null, 3]);
  });

  it("have Keras's other names", () => {
    expect(layers.MaxPool2D).toBe(layers.MaxPooling2D);
    expect(layers.AvgPool3D).toBe(layers.AveragePooling3D);
    expect(layers.GlobalMaxPool1D).toBe(layers.GlobalMaxPooling1D);
    expect(layers.GlobalAvgPool2D).toBe(layers.GlobalAveragePooling2D);
  });
});

describe("what pooling layers refuse", () => {
  const bad = (value: unknown): never => value as never;
  const REFUSED: readonly [what: string, make: () => unknown, error: RegExp][] = [
    [
      "a fractional window",
      () => layers.MaxPooling2D(2.5),
      /^MaxPooling2D "max_pooling2d.*": expected `poolSize` to be an integer of at least 1, or a list of 2 of them\. Received: poolSize=2\.5/,
    ],
    [
      "no window for means",
      () => layers.AveragePooling2D(bad(undefined)),
      /^AveragePooling2D "average_pooling2d.*": expected `poolSize`.*Received: poolSize=undefined/,
    ],
    [
      "a window of another rank",
      () => layers.MaxPooling3D(bad([2, 2])),
      /or a list of 3 of them\. Received: poolSize=\[2, 2\]/,
    ],
    ["strides of 0", () => layers.MaxPooling1D(2, { strides: 0 }), /expected `strides` to be an integer of at least 1/],
    [
      "strides as a second argument",
      () => layers.MaxPooling2D(2, bad(2)),
      /^MaxPooling2D: expected an options object after `poolSize`\. Received: 2/,
    ],
    [
      "causal padding",
      () => layers.AveragePooling1D(2, { padding: bad("causal") }),
      /^AveragePooling1D "average_pooling1d.*": expected `padding` to be "valid" or "same"\. Received: padding="causal"/,
    ],
    [
      "a wrong data format",
      () => layers.GlobalMaxPooling2D({ dataFormat: bad("channel_last") }),
      /^GlobalMaxPooling2D "global_max_pooling2d.*": data format: expected "channels_last" or "channels_first"/,
    ],
    [
      "a window larger than the input",
      () => layers.MaxPooling2D(3)(layers.Input({ shape: [2, 8, 3] })),
      /^MaxPooling2D "max_pooling2d.*": the pooling window of size \(3, 3\) is larger than the input on axis 1, so nothing would be left of that axis\. Received: input of shape \(None, 2, 8, 3\).*use padding "same", a smaller pooling window or a larger input/,
    ],
    [
      "a sequence as images",
      () => layers.GlobalAveragePooling2D()(layers.Input({ shape: [8, 3] })),
      /layer "global_average_pooling2d.*": expected rank 4, found rank 3\. Received: shape \(None, 8, 3\)/,
    ],
    ["a matrix", () => layers.AdaptiveMaxPooling1D(2)(ops.ones([2, 3])), /expected rank 3, found rank 2/],
    [
      "keepdims that is no boolean",
      () => layers.GlobalMaxPooling1D({ keepdims: bad(1) }),
      /expected `keepdims` to be a boolean/,
    ],
    [
      "no output size",
      () => layers.AdaptiveAveragePooling2D(bad(undefined)),
      /^AdaptiveAveragePooling2D "adaptive_average_pooling2d.*": expected `outputSize` to be an integer of at least 1, or a list of 2/,
    ],
    [
      "an unknown option",
      () => layers.MaxPooling2D(2, bad({ stride: 1 })),
      /^MaxPooling2D "max_pooling2d.*": unknown option `stride`\. Did you mean "strides"\? Known options: poolSize, padding, strides, dataFormat/,
    ],
  ];
  it.each(REFUSED)("refuse %s", (_, make, error) => {
    expect(make).toThrow(error);
  });
});
