/** PNG and BMP files against TensorFlow: test/fixtures/image_files.json. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../runtime/tensor.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import { decodeImage } from "./decodeImage.ts";
import { imageDatasetFromDirectory } from "./imageDataset.ts";

interface Case {
  readonly name: string;
  readonly file: EncodedArray;
  readonly rgba: EncodedArray;
  readonly grey: EncodedArray | null;
}

const { cases } = loadFixture<{ cases: readonly Case[] }>("image_files");
const bytesOf = (file: EncodedArray): Uint8Array => decode(file).data as Uint8Array;
const named = (name: string): Uint8Array => bytesOf(cases.find((test) => test.name === name)!.file);
const words = async (bytes: Uint8Array): Promise<string> =>
  Promise.resolve(decodeImage(bytes, "x.png")).then(
    () => "",
    (error: Error) => error.message,
  );

describe("decodeImage", () => {
  it.each(cases)("reads a $name", async ({ file, rgba }) => {
    const image = await decodeImage(bytesOf(file), "x");
    expect([image.height, image.width]).toEqual(rgba.shape.slice(0, 2));
    expect([...image.data]).toEqual(decodeNumbers(rgba));
  });

  it("reads files that lie within larger memory", async () => {
    const bytes = named("png of kind 2, 8 bits");
    const padded = new Uint8Array(bytes.length + 7);
    padded.set(bytes, 3);
    const image = await decodeImage(padded.subarray(3, 3 + bytes.length), "x");
    expect(image.data).toEqual((await decodeImage(bytes, "x")).data);
  });

  it("says what is wrong with a file, and how to read it otherwise", async () => {
    const good = named("png of kind 2, 8 bits");
    const changed = (at: number, value: number): Uint8Array => good.slice().fill(value, at, at + 1);
    const own = "Replace it, or give `decoder: (bytes, path) => ({ width, height, data })`";
    expect(await words(changed(60, good[60]! ^ 1))).toContain(
      `cannot read the image x.png: its part IDAT is damaged. ${own}`,
    );
    expect(await words(good.slice(0, 60))).toContain("cannot read the image x.png: ");
    expect(await words(good.slice(0, 20))).toContain("its header is none of a PNG");
    const bmp = named("bmp of 24 bits, upwards");
    expect(await words(bmp.slice(0, 100))).toContain(
      `cannot read the image x.png: it ends before its last row. ${own}`,
    );
    expect(await words(bmp.slice().fill(16, 28, 29))).toContain(
      "it is a bitmap of 16 bits in compression 0; 8, 24 and 32 bits without any are read",
    );
    expect(await words(Uint8Array.of(1, 2, 3))).toContain("which is no PNG, BMP, JPEG or GIF; give `decoder");
  });

  it("shows the colours of a palette in a bitmap", async () => {
    // By hand: index 1 of a palette of two colours, blue first: 30, 20, 10.
    const bytes = new Uint8Array(54 + 8 + 4);
    const view = new DataView(bytes.buffer);
    bytes.set([0x42, 0x4d]);
    view.setUint32(10, 62, true);
    view.setUint32(14, 40, true);
    view.setInt32(18, 1, true);
    view.setInt32(22, 1, true);
    view.setUint16(28, 8, true);
    bytes.set([30, 20, 10, 0], 58);
    bytes[62] = 1;
    expect([...(await decodeImage(bytes, "x.bmp")).data]).toEqual([10, 20, 30, 255]);
  });
});

it.each(cases.filter(({ grey }) => grey))(
  "imageDatasetFromDirectory makes grey of a $name",
  async ({ name, file, grey }) => {
    const folder = mkdtempSync(join(tmpdir(), "keras-ts-"));
    writeFileSync(join(folder, "a.png"), bytesOf(file));
    const imageSize = grey!.shape.slice(0, 2) as [number, number];
    const options = { labels: null, colorMode: "grayscale", imageSize, verbose: false, batchSize: null } as const;
    const [image] = (await (await imageDatasetFromDirectory(folder, options)).toArray()) as [Tensor];
    rmSync(folder, { recursive: true });
    const expected = decodeNumbers(grey!);
    const differences = Array.from((await image.data()) as Float32Array, (x, i) => Math.abs(x - expected[i]!));
    // Colours of 16 bits are mixed before the lower eight are cut off there.
    expect(Math.max(...differences)).toBeLessThanOrEqual(/kind 2, 16|kind 6, 16/.test(name) ? 1 : 0);
  },
);
