/** From dot to SVG and from SVG to PNG, by WebAssembly that is loaded on first use. */
import { platform } from "../core/platform.ts";
import { FONT_FAMILY, fontsFor } from "./fonts.ts";

type Graphviz = Awaited<ReturnType<typeof import("@viz-js/viz")["instance"]>>;
type Resvg = typeof import("@resvg/resvg-wasm")["Resvg"];

/** Loads once; a failure is not remembered, so that a later call tries again. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | null = null;
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  };
}

const loadGraphviz = once(async (): Promise<Graphviz> => (await import("@viz-js/viz")).instance());

const loadResvg = once(async (): Promise<Resvg> => {
  const [{ initWasm, Resvg }, wasm] = await Promise.all([
    import("@resvg/resvg-wasm"),
    platform().readPackageFile("@resvg/resvg-wasm/index_bg.wasm"),
  ]);
  try {
    await initWasm(wasm as Uint8Array<ArrayBuffer>);
  } catch (error) {
    // Somebody else in this process may have started it: it can be started only once.
    if (!/already initialized/i.test(String(error))) throw error;
  }
  return Resvg;
});

/** Lays a graph out. @throws Error with what Graphviz says when it cannot. */
export async function dotToSvg(dot: string): Promise<string> {
  const graphviz = await loadGraphviz();
  const result = graphviz.render(dot, { format: "svg" });
  if (result.status === "success") return result.output;
  const reasons = result.errors.map((error) => error.message).join("; ");
  throw new Error(`plotModel: Graphviz could not lay the graph out: ${reasons}`);
}

/** Characters that an SVG shows. */
function shownText(svg: string): string {
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]!);
  return texts
    .join("")
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&#x([\da-f]+);/gi, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)));
}

/**
 * Draws an SVG. One point of the SVG becomes one pixel, because Graphviz has already scaled the graph by its `dpi`.
 *
 * @throws RangeError for text that the font lacks, or a picture that is too large to draw.
 */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  const [Resvg, fontBuffers] = await Promise.all([loadResvg(), fontsFor(shownText(svg))]);
  const font = { fontBuffers, defaultFontFamily: FONT_FAMILY, sansSerifFamily: FONT_FAMILY, serifFamily: FONT_FAMILY };
  const drawing = new Resvg(svg, { dpi: 72, font });
  try {
    const image = drawing.render();
    try {
      return image.asPng();
    } finally {
      image.free();
    }
  } catch (cause) {
    throw new RangeError(
      `plotModel: a picture of ${drawing.width} by ${drawing.height} pixels could not be drawn. Pass a smaller \`dpi\`, ` +
        'or write an SVG ("model.svg")',
      { cause },
    );
  } finally {
    drawing.free();
  }
}
