/**
 * Text with terminal styles, measured and wrapped in terminal cells. Follows the wrapping rules of Python's `rich`, which
 * draws Keras's tables, so that the same text falls into the same lines.
 */

/** Parameters of an SGR escape sequence, such as `1` (bold) or `38;5;34`; empty for plain text. */
export type Style = string;

interface Glyph {
  readonly char: string;
  readonly style: Style;
}

/** Characters with their styles. */
export type StyledText = readonly Glyph[];

export type Alignment = "left" | "right" | "center";

export const styled = (text: string, style: Style = ""): StyledText => Array.from(text, (char) => ({ char, style }));

/** Pieces in a row; strings are plain. */
export const join = (...pieces: readonly (string | StyledText)[]): StyledText =>
  pieces.flatMap((piece) => (typeof piece === "string" ? styled(piece) : piece));

export const plainText = (text: StyledText): string => text.map((glyph) => glyph.char).join("");

/** With escape sequences around each run of one style. */
export function ansiText(text: StyledText): string {
  let out = "";
  let style = "";
  for (const glyph of text) {
    if (glyph.style !== style) {
      if (style !== "") out += "\x1b[0m";
      if (glyph.style !== "") out += `\x1b[${glyph.style}m`;
      style = glyph.style;
    }
    out += glyph.char;
  }
  return style === "" ? out : `${out}\x1b[0m`;
}

const COMBINING = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]$/u;
const WIDE =
  /^[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{a960}-\u{a97f}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]$/u;

function glyphWidth({ char }: Glyph): number {
  if (char <= "~") return 1;
  if (COMBINING.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}

/** Terminal cells that a text takes: East Asian characters take two. */
export const cellWidth = (text: StyledText): number => text.reduce((sum, glyph) => sum + glyphWidth(glyph), 0);

const isSpace = (glyph: Glyph | undefined): boolean => glyph !== undefined && /\s/.test(glyph.char);

function trimEnd(text: StyledText): StyledText {
  const end = text.findLastIndex((glyph) => !isSpace(glyph));
  return text.slice(0, end + 1);
}

/** As many characters as fit. */
function crop(text: StyledText, width: number): StyledText {
  let used = 0;
  const end = text.findIndex((glyph) => {
    used += glyphWidth(glyph);
    return used > width;
  });
  return end < 0 ? text : text.slice(0, end);
}

/** Words with the white space after them; white space at the very start belongs to the first word. */
function words(text: StyledText): StyledText[] {
  const found: StyledText[] = [];
  let start = 0;
  while (start < text.length) {
    let end = start;
    while (isSpace(text[end])) end++;
    if (end === text.length) break;
    while (end < text.length && !isSpace(text[end])) end++;
    while (isSpace(text[end])) end++;
    found.push(text.slice(start, end));
    start = end;
  }
  return found;
}

/** A word in pieces that fit. */
function fold(word: StyledText, width: number): StyledText[] {
  const pieces: StyledText[] = [];
  let rest = word;
  while (rest.length > 0) {
    const piece = crop(rest, width);
    pieces.push(piece.length > 0 ? piece : rest.slice(0, 1));
    rest = rest.slice(pieces.at(-1)!.length);
  }
  return pieces;
}

/**
 * Breaks text at white space into lines of at most `width` cells.
 *
 * @param long - What happens to a word longer than a line: `"fold"` continues it on the next line, `"ellipsis"` cuts it.
 */
export function wrap(text: StyledText, width: number, long: "fold" | "ellipsis"): StyledText[] {
  const lines: StyledText[] = [[]];
  let offset = 0;
  const open = (line: StyledText): void => {
    if (lines.at(-1)!.length > 0) lines.push(line);
    else lines[lines.length - 1] = line;
  };
  for (const word of words(text)) {
    const length = cellWidth(trimEnd(word));
    if (length <= width - offset) {
      lines[lines.length - 1] = [...lines.at(-1)!, ...word];
      offset += cellWidth(word);
      continue;
    }
    const pieces = length > width && long === "fold" ? fold(word, width) : [word];
    for (const piece of pieces) open(piece);
    offset = cellWidth(pieces.at(-1)!);
  }
  // White space that sticks out is no reason to cut.
  return lines.map((line) => {
    const excess = cellWidth(line) - width;
    const trailing = line.length - trimEnd(line).length;
    return excess > 0 ? line.slice(0, line.length - Math.min(excess, trailing)) : line;
  });
}

/** One line, cut with `…` or padded to exactly `width` cells. */
export function fitLine(line: StyledText, width: number, align: Alignment): StyledText {
  let content = align === "left" ? line : trimEnd(line);
  if (cellWidth(content) > width) {
    const kept = crop(content, width - 1);
    const gap = " ".repeat(Math.max(0, width - 1 - cellWidth(kept)));
    content = join(kept, styled(`${gap}…`, content[kept.length]?.style));
  }
  const space = Math.max(0, width - cellWidth(content));
  const before = align === "left" ? 0 : align === "right" ? space : Math.floor(space / 2);
  return join(" ".repeat(before), content, " ".repeat(space - before));
}
