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
  /** Where to write, unless it is given as an argument of its own. @defaultValue `"model.png"` */
  toFile?: string;
  /** Resolution in dots per inch: the size of the picture is proportional to it. @defaultValue `200` */
  dpi?: number;
}

/** What {@link plotModel} made. */
export interface Plot {
  /** The file that was written. */
  readonly path: string;
  /** The picture as SVG text, to be shown in a page or a notebook. */
  readonly svg: string;
  /** The graph in the language of Graphviz. */
  readonly dot: string;
}

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
 * @param toFile - Path; its ending is the format. Written whole or not at all. @defaultValue `"model.png"`
 * @returns The path, the picture as SVG and the graph as dot.
 * @throws Error for a model that is not built, and where there are no files (browsers: use {@link modelToSvg}).
 * @throws TypeError for an unknown option; RangeError for a format that is not known.
 * @throws SerializationError when the file cannot be written.
 * @example
 * await keras.utils.plotModel(model, "model.png", { showShapes: true, showLayerNames: true });
 * @see keras/src/utils/model_visualization.py (Keras 3.x)
 */
export async function plotModel(model: ModelBase, toFile?: string, options?: PlotModelOptions): Promise<Plot>;
export async function plotModel(model: ModelBase, options?: PlotModelOptions): Promise<Plot>;
export async function plotModel(
  model: ModelBase,
  second: string | PlotModelOptions = {},
  third: PlotModelOptions = {},
): Promise<Plot> {
  const given = isPlainObject(second) ? (second as PlotModelOptions) : { ...third, toFile: second as string };
  checkOptions("plotModel", given, ["toFile", ...SVG_OPTIONS]);
  const { toFile: path = "model.png", ...options } = given;
  if (typeof path !== "string" || path === "") {
    throw new TypeError(`plotModel: expected \`toFile\` to be a path. Received: ${describe(path)}`);
  }
  checkDotArguments("plotModel", model, options);
  const format = formatOf(path);
  const { files } = platform();
  if (!files) {
    throw new Error(
      "plotModel: there are no files in a browser. Use `await modelToSvg(model)` and put the text into the page",
    );
  }
  const dot = dotOf(model, { showLayerNames: false, ...options });
  const plot: Plot = { path, dot, svg: await dotToSvg(dot) };
  await files.writeAtomic(path, await FORMATS[format]!(plot));
  return plot;
}
