/** Resizing beyond the fixture (reshaping2d.test.ts runs that): dtypes, unknown sizes, and what it refuses. */
import { describe, expect, it } from "vitest";
import * as ops from "../../ops/index.ts";
import { tensor } from "../../runtime/tensor.ts";
import * as layers from "../index.ts";

describe("Resizing", () => {
  it("rounds integers, and keeps them inside their dtype", async () => {
    // 0, 63.75, 191.25, 255; halves would go to even.
    const line = tensor([0, 255], [1, 2, 1], "uint8");
    expect([...(await layers.Resizing(1, 4)(line).data())]).toEqual([0, 64, 191, 255]);
    // Keys's kernel overshoots beside an edge: −17.9 and 272.9 are cut to 0 and 255.
    const edge = tensor([0, 0, 0, 255, 255, 255], [1, 6, 1], "uint8");
    const y = layers.Resizing(1, 12, { interpolation: "bicubic" })(edge);
    expect(y.dtype).toBe("uint8");
    const found = [...(await y.data())].map(Number);
    expect(found.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
    expect(found.slice(7)).toEqual([255, 255, 255, 255, 255]);
  });

  it("pads integers with numbers between them", async () => {
    // Rows of 0.8, 8 and 0.8 become two of 0.75 · 0.8 + 0.25 · 8 = 2.6; filled with 0 they would be 2.
    const layer = layers.Resizing(2, 1, { padToAspectRatio: true, fillValue: 0.8 });
    const y = layer(tensor([8, 8], [1, 2, 1], "uint8"));
    expect(y.dtype).toBe("uint8");
    expect([...(await y.data())].map(Number)).toEqual([3, 3]);
  });

  it("takes images of unknown size, cropped and padded too", () => {
    for (const options of [{}, { cropToAspectRatio: true }, { padToAspectRatio: true }]) {
      const layer = layers.Resizing(4, 5, options);
      expect(layer(layers.Input({ shape: [null, null, 3] })).shape).toEqual([null, 4, 5, 3]);
      expect(layer.computeOutputShape([8, null, 3])).toEqual([4, 5, 3]);
    }
  });

  const bad = (value: unknown): never => value as never;
  const REFUSED: readonly [what: string, make: () => unknown, error: RegExp][] = [
    [
      "no width",
      () => layers.Resizing(2),
      /^Resizing "resizing.*": expected `width` to be a positive integer\. Received: width=undefined/,
    ],
    ["a fractional height", () => layers.Resizing(2.5, 2), /expected `height` to be a positive integer/],
    [
      "an interpolation that nobody knows",
      () => layers.Resizing(2, 2, { interpolation: bad("area") }),
      /^Resizing "resizing.*": unknown `interpolation`\..*Received: "area"; known: nearest, bilinear, bicubic, lanczos3, lanczos5/,
    ],
    [
      "cropping and padding",
      () => layers.Resizing(2, 2, { cropToAspectRatio: true, padToAspectRatio: true }),
      /^Resizing "resizing.*": only one of `cropToAspectRatio` and `padToAspectRatio` can be true/,
    ],
    [
      "another way to fill",
      () => layers.Resizing(2, 2, { fillMode: bad("reflect") }),
      /expected `fillMode` to be "constant"\. Received: fillMode="reflect"/,
    ],
    [
      "a wrong data format",
      () => layers.Resizing(2, 2, { dataFormat: bad("nhwc") }),
      /^Resizing "resizing.*": data format: expected "channels_last" or "channels_first"/,
    ],
    [
      "a matrix",
      () => layers.Resizing(2, 2)(ops.ones([4, 4])),
      /^Resizing "resizing.*": expected one image or a batch of images, of rank 3 or 4\. Received: shape \(4, 4\)/,
    ],
    [
      "images with labels",
      () => layers.Resizing(2, 2)(bad({ images: ops.ones([1, 4, 4, 1]), labels: ops.ones([1]) })),
      /only images can be resized here, without labels or boxes/,
    ],
  ];
  it.each(REFUSED)("refuses %s", (_, make, error) => {
    expect(make).toThrow(error);
  });
});
