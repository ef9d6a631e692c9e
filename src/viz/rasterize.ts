/** From dot to SVG and from SVG to PNG, by WebAssembly that is loaded on first use. */
import { platform } from "../core/platform.ts";
import { FONT_FAMILY, fontsFor } from "./fonts.ts";

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

/** The drawing library, started. */
export const loadResvg = once(async (): Promise<Resvg> => {
  const [{ initWasm, Resvg }, wasm] = await Promise.all([
    import("@resvg/resvg-wasm"),
    platform().readPackageFile("@resvg/resvg-wasm/index_bg.wasm"),
  ]);
  try {
    await initWasm(wasm as Uint8Array<ArrayBuffer>);
  } catch (error) {
    // Somebody else in this process may have started it: it can be started only once.
    if (!/already initialized/i.test(messageOf(error))) throw error;
  }
  return Resvg;
});

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Lays a graph out.
 *
 * Right-angled edges need a deep stack: for a graph of about a thousand layers WebAssembly's is too small. Such a graph
 * gets bent lines instead.
 *
 * @throws Error with what Graphviz says when it cannot.
 */
export async function dotToSvg(dot: string): Promise<string> {
  const { Graphviz } = await import("@hpcc-js/wasm-graphviz");
  const layOut = async (text: string): Promise<string> => {
    try {
      return (await Graphviz.load()).layout(text, "svg", "dot");
    } catch (error) {
      Graphviz.unload(); // its memory is in an unknown state
      throw error;
    }
  };
  try {
    return await layOut(dot).catch((error: unknown) => {
      const simpler = dot.replace("\nsplines=ortho;\n", "\nsplines=polyline;\n");
      if (simpler === dot) throw error;
      return layOut(simpler);
    });
  } catch (cause) {
    throw new Error(`plotModel: Graphviz could not lay the graph out: ${messageOf(cause)}`, { cause });
  }
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
  const { width, height } = drawing;
  let png: Uint8Array;
  try {
    const image = drawing.render();
    png = image.asPng();
    image.free();
  } catch (cause) {
    // The drawing cannot be freed: it counts as in use for ever.
    throw new RangeError(
      `plotModel: a picture of ${width} by ${height} pixels could not be drawn. Pass a smaller \`dpi\`, or write an ` +
        'SVG ("model.svg")',
      { cause },
    );
  }
  drawing.free();
  return png;
}
