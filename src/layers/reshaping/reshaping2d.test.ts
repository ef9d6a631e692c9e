/** Layers that enlarge, pad, cut and scale, against real Keras, and what they refuse. */
import { afterEach, describe, expect, it } from "vitest";
import { setImageDataFormat } from "../../core/config.ts";
import * as ops from "../../ops/index.ts";
import { tensor } from "../../runtime/tensor.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { describeLayerCases } from "../../testing/layerCases.ts";
import * as layers from "../index.ts";
import { resizeMatrix } from "./interpolation.ts";

describeLayerCases("reshaping2d");

describe("resizeMatrix", () => {
  it("weighs pixels by their distance from the point", () => {
    // Points at -0.25, 0.25, 0.75 and 1.25 between pixels 0 and 1; the outer ones only see the border.
    expect([...resizeMatrix(2, 4, "bilinear")]).toEqual([1, 0, 0.75, 0.25, 0.25, 0.75, 0, 1]);
  });

  it.each(["bilinear", "bicubic", "lanczos3", "lanczos5"] as const)("%s keeps a constant", (interpolation) => {
    for (const [from, to] of [
      [1, 3],
      [5, 2],
      [4, 9],
    ] as const) {
      const matrix = resizeMatrix(from, to, interpolation);
      const sums = Array.from({ length: to }, (_, i) => matrix.slice(i * from, (i + 1) * from).reduce((a, b) => a + b));
      expectAllClose(sums, new Array<number>(to).fill(1));
    }
  });
});

describe("Rescaling", () => {
  afterEach(() => setImageDataFormat("channels_last"));

  it("scales channels where they are", async () => {
    setImageDataFormat("channels_first");
    const layer = layers.Rescaling([2, 3], { offset: [0, 1] });
    // (1, 2, 1, 2): channels 2x and 3x + 1
    expectAllClose(await layer(tensor([1, 2, 3, 4], [1, 2, 1, 2])).data(), [2, 4, 10, 13]);
  });

  it("takes arrays from files that Python wrote", async () => {
    const array = { class_name: "__numpy__", config: { value: [2, 3], dtype: "float32" } };
    const layer = layers.Rescaling.fromConfig({ name: "scale", scale: array, offset: 0 });
    expectAllClose(await layer(tensor([1, 1], [1, 2])).data(), [2, 3]);
    expect(layer.getConfig().scale).toEqual({ ...array, class_name: "__tensor__" });
  });
});

describe("first arguments", () => {
  it("may be options too", () => {
    expect(layers.ZeroPadding2D({ padding: [[1, 2], 3] }).padding).toEqual([
      [1, 2],
      [3, 3],
    ]);
    expect(layers.Cropping1D(2).cropping).toEqual([2, 2]);
    expect(layers.UpSampling2D([2, 3], { interpolation: "bilinear" }).size).toEqual([2, 3]);
    expect(layers.UpSampling3D({ size: 3 }).size).toEqual([3, 3, 3]);
    expect(layers.CenterCrop({ height: 2, width: 3 }).width).toBe(3);
    expect(layers.CenterCrop(2, 3, { dataFormat: "channels_first" }).dataFormat).toBe("channels_first");
    expect(layers.Rescaling(0.5, { offset: 1 }).offset).toBe(1);
  });
});

describe("what these layers refuse", () => {
  const bad = (value: unknown): never => value as never;
  const image = ops.ones([1, 4, 4, 1]);
  const REFUSED: readonly [what: string, make: () => unknown, error: RegExp][] = [
    [
      "a fractional size",
      () => layers.UpSampling1D(1.5),
      /^UpSampling1D "up_sampling1d.*": expected `size` to be a positive integer\. Received: size=1\.5/,
    ],
    [
      "three factors for images",
      () => layers.UpSampling2D(bad([1, 2, 3])),
      /^UpSampling2D "up_sampling2d.*": expected `size` to be an integer of at least 1, or a list of 2 of them\. Received: size=\[1, 2, 3\]/,
    ],
    ["a factor of 0", () => layers.UpSampling3D([1, 0, 1]), /expected `size` to be an integer of at least 1/],
    [
      "an interpolation that nobody knows",
      () => layers.UpSampling2D(2, { interpolation: bad("bilinaer") }),
      /unknown `interpolation`.*bilinear.*Received: "bilinaer"; known: nearest, bilinear, bicubic, lanczos3, lanczos5/,
    ],
    [
      "negative padding",
      () => layers.ZeroPadding1D(-1),
      /^ZeroPadding1D "zero_padding1d.*": expected `padding` to be an integer of at least 0, or a list of 2 of them/,
    ],
    [
      "padding of three axes for images",
      () => layers.ZeroPadding2D(bad([1, 2, 3])),
      /expected `padding` to be an integer of at least 0, or a list of 2 of them or of pairs \[before, after\]\. Received: padding=\[1, 2, 3\]/,
    ],
    ["sides of three counts", () => layers.ZeroPadding3D(bad([[1, 2, 3], 1, 1])), /or of pairs \[before, after\]/],
    ["padding as text", () => layers.ZeroPadding2D(bad("same")), /expected `padding`.*Received: padding="same"/],
    ["a volume as an image", () => layers.ZeroPadding2D(1)(ops.ones([1, 2, 2, 2, 1])), /expected rank 4, found rank 5/],
    [
      "cropping that leaves nothing",
      () => layers.Cropping2D([2, 0])(image),
      /^Cropping2D "cropping2d.*": `cropping` must leave something of each axis\. Received: shape \(1, 4, 4, 1\), of whose axes \[0, 0\], \[2, 2\], \[0, 0\], \[0, 0\] would be cut off/,
    ],
    [
      "cropping that leaves nothing of a symbolic axis",
      () => layers.Cropping1D(2)(layers.Input({ shape: [4, 3] })),
      /must leave something/,
    ],
    [
      "no width",
      () => layers.CenterCrop(2),
      /^CenterCrop "center_crop.*": expected `width` to be a positive integer\. Received: width=undefined/,
    ],
    [
      "a matrix to CenterCrop",
      () => layers.CenterCrop(2, 2)(ops.ones([4, 4])),
      /expected one image or a batch of images, of rank 3 or 4\. Received: shape \(4, 4\)/,
    ],
    [
      "images with labels",
      () => layers.CenterCrop(2, 2)(bad({ images: image, labels: ops.ones([1]) })),
      /only images can be cropped here, without labels or boxes/,
    ],
    [
      "no scale",
      () => layers.Rescaling(bad(undefined)),
      /^Rescaling "rescaling.*": expected `scale` to be a number, or a list of one per channel\. Received: scale=undefined/,
    ],
    ["an offset as text", () => layers.Rescaling(1, { offset: bad("1") }), /expected `offset` to be a number/],
  ];
  it.each(REFUSED)("refuse %s", (_, make, error) => {
    expect(make).toThrow(error);
  });
});
