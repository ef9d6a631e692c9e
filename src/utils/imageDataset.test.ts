/** Folders of images against real Keras: test/fixtures/image_folders.json. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Tensor } from "../runtime/tensor.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import { type ImageDirectoryOptions, imageDatasetFromDirectory } from "./imageDataset.ts";
import { resizePixels } from "./resizeImage.ts";

interface Fixture {
  readonly files: Readonly<Record<string, EncodedArray>>;
  readonly cases: readonly { options: Record<string, unknown>; images: EncodedArray[]; labels: unknown[] }[];
  readonly nearest: readonly { from: number; to: number; places: number[] }[];
}

const fixture = loadFixture<Fixture>("image_folders");
const camel = (options: Record<string, unknown>): ImageDirectoryOptions =>
  Object.fromEntries(
    Object.entries(options).map(([k, v]) => [k.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()), v]),
  );

describe("imageDatasetFromDirectory", () => {
  let root = "";
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "keras-ts-"));
    for (const [name, bytes] of Object.entries(fixture.files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), decode(bytes).data as Uint8Array);
    }
  });
  afterAll(() => rmSync(root, { recursive: true }));
  const quiet = { verbose: false, batchSize: null, shuffle: false } as const;

  it.each(fixture.cases)("with $options", async ({ options, images, labels }) => {
    const dataset = await imageDatasetFromDirectory(root, { ...quiet, ...camel(options) });
    expect(dataset.classNames).toEqual(["cats", "dogs"]);
    const elements = (await dataset.toArray()) as [Tensor, Tensor][];
    expect(await Promise.all(elements.map(([, label]) => label.array()))).toEqual(labels);
    for (const [i, [image]] of elements.entries()) {
      expect(image.shape).toEqual(images[i]!.shape);
      const expected = decodeNumbers(images[i]!);
      const differences = Array.from((await image.data()) as Float32Array, (x, k) => Math.abs(x - expected[k]!));
      // The last is a JPEG, whose numbers depend on the decoder.
      const isJpeg = dataset.filePaths[i]!.endsWith("jpg");
      expect(Math.max(...differences), dataset.filePaths[i]!).toBeLessThan(isJpeg ? 9 : 1e-3);
    }
  });

  it.each(fixture.nearest)("takes the nearest pixels of $from for $to", ({ from, to, places }) => {
    const data = Float32Array.from({ length: from }, (_, i) => i);
    const { data: taken } = resizePixels({ width: 1, height: from, channels: 1, data }, to, 1, "nearest");
    expect([...taken]).toEqual(places);
  });

  it("makes batches, takes decoders, and says what it cannot read", async () => {
    const [batch] = (await (
      await imageDatasetFromDirectory(root, { ...quiet, batchSize: 3, imageSize: 4 })
    ).toArray()) as [[Tensor, Tensor]];
    expect(batch[0].shape).toEqual([3, 4, 4, 3]);
    writeFileSync(join(root, "dogs", "e.bmp"), "BM and so on");
    const failing = await imageDatasetFromDirectory(root, quiet);
    await expect(failing.toArray()).rejects.toThrow(
      /cannot read the image .*e\.bmp.*no PNG, BMP, JPEG or GIF; give `decoder/,
    );
    const decoder = () => ({ width: 1, height: 1, data: Uint8Array.of(10, 20, 30, 40) });
    const own = await imageDatasetFromDirectory(root, {
      ...quiet,
      decoder,
      colorMode: "rgba",
      imageSize: [1, 2],
      labels: null,
    });
    const [first] = (await own.toArray()) as Tensor[];
    expect(await first!.array()).toEqual([[[10, 20, 30, 40], [10, 20, 30, 40]]]); // biome-ignore format: short
    rmSync(join(root, "dogs", "e.bmp"));
    const words = (options: object) =>
      imageDatasetFromDirectory(root, { ...quiet, ...options }).then(
        () => "",
        (error: Error) => error.message,
      );
    expect(await words({ colorMode: "bgr" })).toContain('"grayscale", "rgb" or "rgba". Received: "bgr"');
    expect(await words({ imageSize: [0, 3] })).toContain("`imageSize` to be two positive integers. Received: [0, 3]");
    expect(await words({ interpolation: "areas" })).toContain(
      '"bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic". Received: "areas"',
    );
    expect(await words({ cropToAspectRatio: true, padToAspectRatio: true })).toContain("not both");
  });
});
