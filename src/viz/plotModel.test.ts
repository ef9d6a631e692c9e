import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { platform, setPlatform } from "../core/platform.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model, type ModelBase } from "../models/model.ts";
import { mnistMlp, nestedModel, ticketModel } from "../testing/exampleModels.ts";
import { modelToDot } from "./modelToDot.ts";
import { modelToSvg, type PlotModelOptions, plotModel } from "./plotModel.ts";
import { svgToPng } from "./rasterize.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "keras-ts-plot-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Width and height as the header of a PNG states them. */
function pngSize(bytes: Uint8Array): [width: number, height: number] {
  expect([...bytes.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}

function svgSize(svg: string): [width: number, height: number] {
  const [, width, height] = /<svg width="(\d+)pt" height="(\d+)pt"/.exec(svg)!;
  return [Number(width), Number(height)];
}

const TEXT = /<text[^>]*>([^<]*)<\/text>/g;
const textsOf = (svg: string): string[] => [...svg.matchAll(TEXT)].map((match) => match[1]!.trim());

const named = (name: string): ModelBase => {
  const inputs = Input({ shape: [2], name });
  return Model({ inputs, outputs: layers.Dense(1, { name: "out" })(inputs), name: "m" });
};

describe("plotModel", () => {
  it("writes a PNG whose size follows the dpi, and returns what it drew", async () => {
    const model = mnistMlp();
    const path = join(folder, "a.png");
    const sizes: [number, number][] = [];
    for (const dpi of [50, 100]) {
      const plot = await plotModel(model, path, { showShapes: true, dpi });
      expect(plot.path).toBe(path);
      expect(plot.dot).toBe(modelToDot(model, { showShapes: true, showLayerNames: false, dpi }));
      sizes.push(pngSize(readFileSync(path)));
      expect(sizes.at(-1)).toEqual(svgSize(plot.svg));
    }
    // Sizes are rounded up to whole points.
    expect(Math.abs(sizes[1]![0] - 2 * sizes[0]![0])).toBeLessThanOrEqual(2);
    expect(Math.abs(sizes[1]![1] - 2 * sizes[0]![1])).toBeLessThanOrEqual(2);
  });

  it("draws every piece of text", async () => {
    const options = { showShapes: true, showDtype: true, showLayerNames: true, showTrainable: true } as const;
    const svg = await modelToSvg(named("größe"), { ...options, showLayerActivations: true, dpi: 50 });
    const whole = await svgToPng(svg);
    const texts = [...svg.matchAll(TEXT)].filter((match) => match[1]!.trim() !== "");
    expect(texts.length).toBeGreaterThan(10);
    for (const [text] of texts) {
      const without = await svgToPng(svg.replace(text, ""));
      expect(Buffer.compare(without, whole), `without ${text} the picture is the same`).not.toBe(0);
    }
  });

  it("writes SVG and dot by the ending of the name, PNG without one", async () => {
    const model = ticketModel();
    const svg = await plotModel(model, { toFile: join(folder, "b.SVG"), showLayerNames: true });
    expect(readFileSync(svg.path, "utf8")).toBe(svg.svg);
    for (const text of ["title", "tags", "concatenate", "priority", "department"]) {
      expect(textsOf(svg.svg)).toContain(text);
    }
    const dot = await plotModel(model, join(folder, "b.dot"));
    expect(readFileSync(dot.path, "utf8")).toBe(dot.dot);
    const bare = await plotModel(model, join(folder, "b"), { dpi: 20 });
    pngSize(readFileSync(bare.path));
  });

  it("shows itself in a notebook, without a file", async () => {
    const plot = await plotModel(ticketModel(), null, { showShapes: true });
    expect(plot.path).toBe(null);
    expect(plot.svg).toBe(await modelToSvg(ticketModel(), { showShapes: true }));
    // The protocol of Deno's kernel: data by media type, from a method under this symbol.
    const display = (plot as unknown as Record<symbol, () => unknown>)[Symbol.for("Jupyter.display")]!;
    expect(display.call(plot)).toEqual({ "image/svg+xml": plot.svg, "text/plain": plot.dot });
    expect(await plotModel(ticketModel(), { toFile: null, showShapes: true })).toEqual(plot);
  });

  it("lays out a model of 2000 layers", async () => {
    const inputs = Input({ shape: [2], name: "x" });
    let x = inputs;
    for (let i = 0; i < 2000; i++) x = layers.Identity()(x);
    const svg = await modelToSvg(Model({ inputs, outputs: x, name: "deep" }));
    expect(textsOf(svg)).toHaveLength(2001);
    // The failed attempt leaves nothing broken behind.
    expect(textsOf(await modelToSvg(mnistMlp()))).toHaveLength(4);
  });

  it("hides names by default, as Keras does", async () => {
    const texts = textsOf(await modelToSvg(mnistMlp()));
    expect(texts).toEqual(["InputLayer", "Dense", "Dense", "Dense"]);
  });

  it("frames nested models", async () => {
    const texts = textsOf(await modelToSvg(nestedModel(), { expandNested: true, showLayerNames: true }));
    for (const text of ["encoder", "head", "features", "hidden", "head_b"]) expect(texts).toContain(text);
  });

  it("draws other alphabets that the font has", async () => {
    const before = await svgToPng(await modelToSvg(named("weight"), { showLayerNames: true }));
    expect(before.length).toBeGreaterThan(0);
    for (const name of ["вес", "βάρος", "משקל", "ağırlık"]) {
      const svg = await modelToSvg(named(name), { showLayerNames: true });
      const text = [...svg.matchAll(TEXT)][0]![0];
      expect(Buffer.compare(await svgToPng(svg.replace(text, "")), await svgToPng(svg))).not.toBe(0);
    }
  });

  it("refuses a PNG with text that the font lacks, and writes the SVG", async () => {
    const path = join(folder, "c.png");
    await expect(plotModel(named("重み"), path, { showLayerNames: true })).rejects.toThrow(
      'the font of PNG plots has no "重", "み". Write an SVG instead',
    );
    expect(readdirSync(folder)).not.toContain("c.png");
    const { svg } = await plotModel(named("重み"), join(folder, "c.svg"), { showLayerNames: true });
    expect(textsOf(svg)).toContain("重み");
  });

  it("refuses a picture that is too large to draw, and goes on drawing others", async () => {
    const path = join(folder, "large.png");
    const model = mnistMlp();
    await expect(plotModel(model, path, { dpi: 50_000 })).rejects.toThrow(
      /a picture of \d{5,} by \d{5,} pixels could not be drawn. Pass a smaller `dpi`/,
    );
    await plotModel(model, path, { dpi: 20 });
    pngSize(readFileSync(path));
  });

  it.each<[string, string, unknown, string]>([
    ["a format", "model.pdf", {}, 'cannot write files of the format ".pdf". Received: toFile="model.pdf". Use ".png"'],
    ["an empty name", "", {}, 'expected `toFile` to be a path or null. Received: ""'],
    ["an unknown option", "m.png", { showShape: true }, 'unknown option `showShape`. Did you mean "showShapes"?'],
    ["a cluster as a picture", "m.png", { subgraph: true }, "unknown option `subgraph`"],
    ["a direction", "m.png", { rankdir: "up" }, 'plotModel: expected `rankdir` to be one of "TB"'],
  ])("refuses %s", async (_, path, options, words) => {
    await expect(plotModel(mnistMlp(), path, options as PlotModelOptions)).rejects.toThrow(words);
  });

  it("refuses a model that is not built", async () => {
    class Unbuilt extends Model {}
    await expect(plotModel(new Unbuilt({ name: "u" }), "u.png")).rejects.toThrow("has not yet been built");
    await expect(modelToSvg(new Unbuilt({ name: "u" }))).rejects.toThrow("modelToSvg: Unbuilt");
  });

  it("says why a file cannot be written", async () => {
    const path = join(folder, "absent", "m.svg");
    await expect(plotModel(mnistMlp(), path)).rejects.toThrow("does not exist. Create it first.");
  });

  it("says what to do where there are no files", async () => {
    const real = platform();
    setPlatform({ ...real, files: null });
    try {
      await expect(plotModel(mnistMlp(), "m.svg")).rejects.toThrow("Use `await plotModel(model, null)`");
      expect(await modelToSvg(mnistMlp())).toContain("<svg");
    } finally {
      setPlatform(real);
    }
  });
});
