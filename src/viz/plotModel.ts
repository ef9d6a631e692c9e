/** Pictures of models: SVG text for pages, files for everything else. */
import { checkOptions, describe } from "../core/errors.ts";
import { platform } from "../core/platform.ts";
import { isPlainObject } from "../core/tree.ts";
import type { ModelBase } from "../models/model.ts";
import { checkDotArguments, DOT_OPTIONS, dotOf, type ModelToDotOptions } from "./modelToDot.ts";
import { dotToSvg, svgToPng } from "./rasterize.ts";

/** Options of {@link modelToSvg}. */
export interface ModelToSvgOptions extends Omit<ModelToDotOptions, "subgraph" | "showLayerNames" | "dpi"> {
  /** Whether boxes state the layer's name besides its class. @defaultValue `false` */
  showLayerNames?: boolean;
  /** Size of the drawing: points per inch of the layout. @defaultValue `72` (its natural size) */
  dpi?: number;
}

/** Options of {@link plotModel}. */
export interface PlotModelOptions extends Omit<ModelToSvgOptions, "dpi"> {
  /** Where to write, unless it is given as an argument of its own; `null`: nowhere. @defaultValue `"model.png"` */
  toFile?: string | null;
  /** Resolution in dots per inch: the size of the picture is proportional to it. @defaultValue `200`, `72` without a file */
  dpi?: number;
}

/** How notebooks ask an object for what to show: the data by media type. The kernel of Deno does. */
const DISPLAY = Symbol.for("Jupyter.display");

/** What {@link plotModel} made. As the last value of a notebook's cell it shows itself. */
export class Plot {
  /** The file that was written, if one was. */
  readonly path: string | null;
  /** The picture as SVG text, to be shown in a page or a notebook. */
  readonly svg: string;
  /** The graph in the language of Graphviz. */
  readonly dot: string;

  constructor(path: string | null, svg: string, dot: string) {
    this.path = path;
    this.svg = svg;
    this.dot = dot;
  }

  [DISPLAY](): Record<string, string> {
    return { "image/svg+xml": this.svg, "text/plain": this.dot };
  }
}

/** A {@link Plot} that was written. */
export type SavedPlot = Plot & { readonly path: string };

const SVG_OPTIONS = DOT_OPTIONS.filter((option) => option !== "subgraph");
const FORMATS: Readonly<Record<string, (plot: Plot) => Promise<Uint8Array> | Uint8Array>> = {
  png: (plot) => svgToPng(plot.svg),
  svg: (plot) => new TextEncoder().encode(plot.svg),
  dot: (plot) => new TextEncoder().encode(plot.dot),
};

/** Format by the end of a file's name; without one it is `png`. @throws RangeError for a format that is not made here. */
function formatOf(path: string): string {
  const extension = /[^/\\]\.([^./\\]*)$/.exec(path)?.[1] ?? "png";
  const format = extension.toLowerCase();
  if (Object.hasOwn(FORMATS, format)) return format;
  throw new RangeError(
    `plotModel: cannot write files of the format ".${extension}". Received: toFile=${describe(path)}. ` +
      'Use ".png", ".svg" or ".dot"; other programs turn an SVG into anything else',
  );
}

/**
 * A model as SVG text, for pages and notebooks. Needs no files; works in browsers.
 *
 * Graphviz is loaded on first use.
 *
 * @throws Error for a model that is not built; TypeError, RangeError for options.
 * @example
 * element.innerHTML = await keras.utils.modelToSvg(model, { showShapes: true });
 */
export async function modelToSvg(model: ModelBase, options: ModelToSvgOptions = {}): Promise<string> {
  checkOptions("modelToSvg", options, SVG_OPTIONS);
  checkDotArguments("modelToSvg", model, options);
  return dotToSvg(dotOf(model, { showLayerNames: false, dpi: 72, ...options }));
}

/**
 * Draws a model to a file: `.png`, `.svg`, or `.dot` for Graphviz. The same picture on every machine: Graphviz and the
 * font come with the package, nothing needs to be installed.
 *
 * @param toFile - Path; its ending is the format. Written whole or not at all; `null` writes nothing. @defaultValue `"model.png"`
 * @returns The path, the picture as SVG and the graph as dot. A notebook shows the picture where this is a cell's last value.
 * @throws Error for a model that is not built, and where there are no files (browsers: pass `null`).
 * @throws TypeError for an unknown option; RangeError for a format that is not known.
 * @throws SerializationError when the file cannot be written.
 * @example
 * await keras.utils.plotModel(model, "model.png", { showShapes: true, showLayerNames: true });
 * @see keras/src/utils/model_visualization.py (Keras 3.x)
 */
export async function plotModel(model: ModelBase, toFile?: string, options?: PlotModelOptions): Promise<SavedPlot>;
export async function plotModel(model: ModelBase, toFile: null, options?: PlotModelOptions): Promise<Plot>;
export async function plotModel(
  model: ModelBase,
  options?: PlotModelOptions & { readonly toFile?: string },
): Promise<SavedPlot>;
export async function plotModel(model: ModelBase, options: PlotModelOptions): Promise<Plot>;
export async function plotModel(
  model: ModelBase,
  second: string | null | PlotModelOptions = {},
  third: PlotModelOptions = {},
): Promise<Plot> {
  const given = isPlainObject(second) ? (second as PlotModelOptions) : { ...third, toFile: second as string | null };
  checkOptions("plotModel", given, ["toFile", ...SVG_OPTIONS]);
  const { toFile: path = "model.png", ...options } = given;
  if (path !== null && (typeof path !== "string" || path === "")) {
    throw new TypeError(`plotModel: expected \`toFile\` to be a path or null. Received: ${describe(path)}`);
  }
  checkDotArguments("plotModel", model, options);
  const write = path === null ? null : fileWriter(path);
  // What is only shown has its natural size.
  const dot = dotOf(model, { showLayerNames: false, ...(path === null && { dpi: 72 }), ...options });
  const plot = new Plot(path, await dotToSvg(dot), dot);
  await write?.(plot);
  return plot;
}

/** Checks where a picture is to go before it is drawn. */
function fileWriter(path: string): (plot: Plot) => Promise<void> {
  const format = formatOf(path);
  const { files } = platform();
  if (!files) {
    throw new Error(
      "plotModel: there are no files in a browser. Use `await plotModel(model, null)` and put the `svg` of what it returns into the page",
    );
  }
  return async (plot) => files.writeAtomic(path, await FORMATS[format]!(plot));
}
