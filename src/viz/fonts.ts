/**
 * The font of PNG plots: Arimo, whose letters are as wide as Helvetica's. Graphviz lays boxes out with Helvetica's widths,
 * so text fills its box on every machine alike, whatever fonts are installed there.
 */
import { platform } from "../core/platform.ts";

export const FONT_FAMILY = "Arimo";
const PACKAGE = "@fontsource/arimo";
const MAIN_SUBSET = "latin";
/** Bold first: letters outside the main part come from the first file that has them, and names stand in bold. */
const WEIGHTS = [700, 400];

type Range = readonly [first: number, last: number];

/** `"U+0000-00FF,U+0131"` as pairs of code points. */
function parseRanges(text: string): Range[] {
  return text.split(",").map((range) => {
    const [first, last] = range
      .replace("U+", "")
      .split("-")
      .map((digits) => Number.parseInt(digits, 16));
    return [first!, last ?? first!];
  });
}

const covers = (ranges: readonly Range[], char: string): boolean =>
  ranges.some(([first, last]) => char.codePointAt(0)! >= first && char.codePointAt(0)! <= last);

/**
 * The parts of the font that a text needs, as WOFF2 files; the one with the Latin letters comes first.
 *
 * @throws RangeError for characters that the font does not have: a picture with holes is no picture.
 */
export async function fontsFor(text: string): Promise<Uint8Array[]> {
  const table = new TextDecoder().decode(await platform().readPackageFile(`${PACKAGE}/unicode.json`));
  const subsets = Object.entries(JSON.parse(table) as Record<string, string>).map(
    ([name, ranges]) => [name, parseRanges(ranges)] as const,
  );
  // The smallest set of files: a character that several parts have is taken from the main one.
  subsets.sort(([a], [b]) => Number(b === MAIN_SUBSET) - Number(a === MAIN_SUBSET));
  const needed = new Set([MAIN_SUBSET]);
  const missing = new Set<string>();
  for (const char of new Set(text)) {
    const subset = subsets.find(([, ranges]) => covers(ranges, char));
    if (subset) needed.add(subset[0]);
    else missing.add(char);
  }
  if (missing.size > 0) {
    throw new RangeError(
      `plotModel: the font of PNG plots has no ${[...missing].map((char) => JSON.stringify(char)).join(", ")}. ` +
        'Write an SVG instead ("model.svg"), which is shown with the fonts of the reader\'s machine, or rename the layers',
    );
  }
  const files = [...needed].flatMap((subset) => WEIGHTS.map((weight) => `arimo-${subset}-${weight}-normal.woff2`));
  return Promise.all(files.map((file) => platform().readPackageFile(`${PACKAGE}/files/${file}`)));
}
