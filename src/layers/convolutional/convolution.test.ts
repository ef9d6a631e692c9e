/** Convolutions against real Keras, what they do at the edges of their options, and what they refuse. */
import { afterEach, describe, expect, it } from "vitest";
import { setImageDataFormat } from "../../core/config.ts";
import * as ops from "../../ops/index.ts";
import { tensor } from "../../runtime/tensor.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { describeLayerCases } from "../../testing/layerCases.ts";
import * as layers from "../index.ts";

describeLayerCases("convolution");
describeLayerCases("convolution_transpose");

describe("convolutions", () => {
  afterEach(() => setImageDataFormat("channels_last"));

  it("causal sees no later step", async () => {
    const layer = layers.Conv1D(1, 2, { padding: "causal", dilationRate: 2, kernelInitializer: "ones" });
    // y[t] = x[t - 2] + x[t]
    expectAllClose(await layer(tensor([1, 2, 3, 4], [1, 4, 1])).data(), [1, 2, 4, 6]);
  });

  it("with groups are convolutions of the parts", async () => {
    const [both, ...parts] = [layers.Conv2D(4, 2, { groups: 2 }), layers.Conv2D(2, 2), layers.Conv2D(2, 2)];
    const x = ops.reshape(ops.cos(ops.arange(36)), [1, 3, 3, 4]);
    const halves = ops.split(x, 2, { axis: -1 });
    const outputs = parts.map((part, i) => part(halves[i]!));
    both!.build([1, 3, 3, 4]);
    const joined = (name: "kernel" | "bias") =>
      ops.concatenate(
        parts.map((part) => part[name]!.value),
        { axis: -1 },
      );
    both!.setWeights([joined("kernel"), joined("bias")]);
    expectAllClose(await both!(x).data(), await ops.concatenate(outputs, { axis: -1 }).data());
  });

  it("separable are depthwise, then of size 1", async () => {
    const separable = layers.SeparableConv2D(3, 2, { depthMultiplier: 2, biasInitializer: "ones" });
    const depthwise = layers.DepthwiseConv2D(2, { depthMultiplier: 2, useBias: false });
    const pointwise = layers.Conv2D(3, 1, { biasInitializer: "ones" });
    const x = ops.reshape(ops.sin(ops.arange(18)), [1, 3, 3, 2]);
    const y = pointwise(depthwise(x));
    separable.build([1, 3, 3, 2]);
    separable.setWeights([depthwise.kernel!.value, pointwise.kernel!.value, pointwise.bias!.value]);
    expectAllClose(await separable(x).data(), await y.data());
  });

  it("take their data format from the configuration, and keep it", () => {
    setImageDataFormat("channels_first");
    const layer = layers.Conv2D(5, 3);
    setImageDataFormat("channels_last");
    expect(layer.dataFormat).toBe("channels_first");
    expect(layer(layers.Input({ shape: [2, 8, 9] })).shape).toEqual([null, 5, 6, 7]);
  });

  it("take images of unknown size, and read configs that state LoRA's keys without using it", () => {
    const config = { ...layers.Conv2D(4, 3, { strides: 2 }).getConfig(), lora_rank: null, lora_alpha: null };
    const layer = layers.Conv2D.fromConfig(config);
    expect(layer(layers.Input({ shape: [null, 9, 3] })).shape).toEqual([null, null, 4, 4]);
    expect(layer.lora.rank).toBe(null);
  });

  it("have Keras's other names", () => {
    expect(layers.Convolution2D).toBe(layers.Conv2D);
    expect(layers.Convolution1DTranspose).toBe(layers.Conv1DTranspose);
    expect(layers.SeparableConvolution2D).toBe(layers.SeparableConv2D);
    expect(layers.Convolution3D(2, 3).getConfig().name).toMatch(/^conv3d/);
  });
});

describe("what convolutions refuse", () => {
  const bad = (value: unknown): never => value as never;
  const { Input } = layers;
  const REFUSED: readonly [what: string, make: () => unknown, error: RegExp][] = [
    [
      "fractional filters",
      () => layers.Conv2D(2.5, 3),
      /^Conv2D "conv2d.*": expected `filters` to be a positive integer\. Received: filters=2\.5$/,
    ],
    ["no filters", () => layers.Conv1DTranspose(0, 3), /^Conv1DTranspose "conv1d_transpose.*": expected `filters`/],
    [
      "no kernel size",
      () => layers.Conv2D(2),
      /^Conv2D "conv2d.*": expected `kernelSize` to be an integer of at least 1, or a list of 2 of them\. Received: kernelSize=undefined/,
    ],
    [
      "a kernel of size 0",
      () => layers.Conv3D(2, [1, 0, 1]),
      /expected `kernelSize` to be an integer of at least 1, or/,
    ],
    [
      "a kernel of another rank",
      () => layers.Conv2D(2, bad([3, 3, 3])),
      /or a list of 2 of them\. Received: kernelSize=\[3, 3, 3\]/,
    ],
    ["fractional strides", () => layers.Conv1D(2, 3, { strides: 1.5 }), /expected `strides`.*Received: strides=1\.5/],
    [
      "dilation by 0",
      () => layers.SeparableConv1D(2, 3, { dilationRate: 0 }),
      /^SeparableConv1D "separable_conv1d.*": expected `dilationRate` to be an integer of at least 1/,
    ],
    [
      "an unknown padding",
      () => layers.Conv2D(2, 3, { padding: bad("samee") }),
      /^Conv2D "conv2d.*": expected `padding` to be "valid" or "same"\. Did you mean "same"\? Received: padding="samee"/,
    ],
    [
      "causal images",
      () => layers.Conv2D(2, 3, { padding: bad("causal") }),
      /expected `padding` to be "valid" or "same"\. Received: padding="causal"/,
    ],
    [
      "a padding that is none",
      () => layers.Conv1D(2, 3, { padding: bad(1) }),
      /expected `padding` to be "valid" or "same" or "causal"\. Received: padding=1/,
    ],
    [
      "a wrong data format",
      () => layers.DepthwiseConv2D(3, { dataFormat: bad("nhwc") }),
      /^DepthwiseConv2D "depthwise_conv2d.*": data format: expected "channels_last" or "channels_first"\. Received: "nhwc"/,
    ],
    [
      "strides and dilation",
      () => layers.Conv2D(2, 3, { strides: 2, dilationRate: [1, 2] }),
      /^Conv2D "conv2d.*": `strides` and `dilationRate` cannot both be larger than 1\. Received: strides=\(2, 2\), dilationRate=\(1, 2\); leave one of them out/,
    ],
    [
      "filters that groups do not divide",
      () => layers.Conv2D(3, 3, { groups: 2 }),
      /^Conv2D "conv2d.*": `filters` must be divisible by `groups`\. Received: filters=3, groups=2/,
    ],
    ["no groups", () => layers.Conv1D(2, 3, { groups: 0 }), /expected `groups` to be a positive integer/],
    [
      "channels that groups do not divide",
      () => layers.Conv2D(4, 3, { groups: 4 })(Input({ shape: [8, 8, 6] })),
      /^Conv2D "conv2d.*": the number of channels must be divisible by `groups`\. Received: groups=4, input of shape \(None, 8, 8, 6\) with 6 channels \(dataFormat "channels_last"\)/,
    ],
    [
      "a kernel larger than the input",
      () => layers.Conv2D(4, 3)(Input({ shape: [8, 2, 3] })),
      /^Conv2D "conv2d.*": the kernel of size \(3, 3\) is larger than the input on axis 2, so nothing would be left of that axis\. Received: input of shape \(None, 8, 2, 3\), dataFormat "channels_last"; use padding "same", a smaller kernel or a larger input/,
    ],
    [
      "a kernel that dilation makes larger than the input",
      () => layers.SeparableConv1D(4, 3, { dilationRate: 4, dataFormat: "channels_first" })(ops.ones([1, 3, 8])),
      /^SeparableConv1D "separable_conv1d.*": the kernel of size \(3,\) is larger than the input on axis 2, which dilation by 4 makes 9 wide, so nothing/,
    ],
    [
      "a small image after a large one",
      () => {
        const layer = layers.DepthwiseConv2D(3);
        layer(ops.ones([1, 4, 4, 1]));
        return layer(ops.ones([1, 4, 2, 1]));
      },
      /^DepthwiseConv2D "depthwise_conv2d.*": the kernel of size \(3, 3\) is larger than the input on axis 2.*Received: input of shape \(1, 4, 2, 1\)/,
    ],
    [
      "images without channels",
      () => layers.Conv2D(4, 3)(Input({ shape: [28, 28] })),
      /input 0 of layer "conv2d.*": expected rank 4, found rank 3\. Received: shape \(None, 28, 28\)/,
    ],
    [
      "other channels than built",
      () => {
        const layer = layers.Conv2D(4, 3, { dataFormat: "channels_first" });
        layer(Input({ shape: [3, 8, 8] }));
        return layer(Input({ shape: [4, 8, 8] }));
      },
      /layer "conv2d.*": expected size 3 on axis 1\. Received: shape \(None, 4, 8, 8\)/,
    ],
    [
      "an unknown number of channels",
      () => layers.Conv2DTranspose(4, 3)(Input({ shape: [8, 8, null] })),
      /^Conv2DTranspose "conv2d_transpose.*": the number of channels, axis -1 for dataFormat "channels_last", must be known\. Received: input of shape \(None, 8, 8, None\); state it in `Input\(\{ shape \}\)`/,
    ],
    [
      "output padding of a stride",
      () => layers.Conv2DTranspose(4, 3, { strides: [2, 3], outputPadding: 2 }),
      /^Conv2DTranspose "conv2d_transpose.*": `outputPadding` must be smaller than `strides` on every axis\. Received: outputPadding=\(2, 2\), strides=\(2, 3\)/,
    ],
    [
      "output padding where there is none",
      () => layers.Conv2D(4, 3, bad({ outputPadding: 1 })),
      /^Conv2D "conv2d.*": unknown option `outputPadding`\. .*Known options: .*kernelSize/,
    ],
    [
      "Keras's spelling of an option",
      () => layers.Conv2D(4, bad({ kernel_size: 3 })),
      /unknown option `kernel_size`\. Did you mean "kernelSize"\?/,
    ],
    [
      "the padding as a third argument",
      () => layers.Conv2D(4, 3, bad("same")),
      /^Conv2D: expected an options object after `kernelSize`\. Received: "same"/,
    ],
    [
      "a multiplier of 0",
      () => layers.DepthwiseConv1D(3, { depthMultiplier: 0 }),
      /^DepthwiseConv1D "depthwise_conv1d.*": expected `depthMultiplier` to be a positive integer/,
    ],
    ["a bias that is no boolean", () => layers.Conv1D(2, 3, { useBias: bad(1) }), /expected `useBias` to be a boolean/],
  ];
  it.each(REFUSED)("refuse %s", (_, make, error) => {
    expect(make).toThrow(error);
  });
});
