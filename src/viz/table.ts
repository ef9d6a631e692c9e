/** Tables drawn with box characters, with the widths that Python's `rich` gives to the columns of Keras's summaries. */
import { type Alignment, fitLine, join, type StyledText, styled, wrap } from "./styledText.ts";

export interface Column {
  readonly header: string;
  readonly align: Alignment;
  /** Cells that the content would like to have; columns shrink or grow together to fill the table. */
  readonly width: number;
}

const BOLD = "1";

/** Rounds half to even, as Python does. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Takes `excess` evenly from all widths, the leftmost first. */
function shrink(widths: readonly number[], excess: number): number[] {
  let left = excess;
  return widths.map((width, i) => {
    const share = Math.min(width, roundHalfEven(left / (widths.length - i)));
    left -= share;
    return width - share;
  });
}

/** Adds `space` to all widths in proportion to them. */
function grow(widths: readonly number[], space: number): number[] {
  let left = space;
  let total = widths.reduce((a, b) => a + b, 0);
  return widths.map((width) => {
    const share = total > 0 ? Math.ceil((width * left) / total) : left;
    total -= width;
    left -= share;
    return width + share;
  });
}

/** Widths of the columns including one space on either side, so that the table with its borders is `tableWidth` wide. */
export function columnWidths(columns: readonly Column[], tableWidth: number): number[] {
  const available = tableWidth - (columns.length + 1);
  const wished = columns.map((column) => Math.min(column.width + 2, available));
  const excess = wished.reduce((a, b) => a + b, 0) - available;
  return excess > 0 ? shrink(wished, excess) : grow(wished, -excess);
}

/** The lines of a row: as many as its tallest cell. Headers stand at the bottom of theirs. */
function renderRow(
  cells: readonly StyledText[],
  columns: readonly Column[],
  widths: readonly number[],
  bar: string,
  vertical: "top" | "bottom",
): StyledText[] {
  const inner = widths.map((width) => width - 2);
  // A column that is all padding shows nothing.
  const wrapped = cells.map((cell, i) => (inner[i]! > 0 ? wrap(cell, inner[i]!, "ellipsis") : [[]]));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, k) => {
    const pieces = wrapped.flatMap((lines, i) => {
      if (inner[i]! <= 0) return [" ".repeat(widths[i]!), bar];
      const line = lines[vertical === "top" ? k : k - (height - lines.length)] ?? [];
      return [" ", fitLine(line, inner[i]!, columns[i]!.align), ` ${bar}`];
    });
    return join(bar, ...pieces);
  });
}

const rule = (widths: readonly number[], left: string, line: string, cross: string, right: string): StyledText =>
  styled(left + widths.map((width) => line.repeat(width)).join(cross) + right);

/** The table's lines: a heavy header, and a thin rule between every two rows. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly StyledText[])[],
  tableWidth: number,
): StyledText[] {
  const widths = columnWidths(columns, tableWidth);
  const headers = columns.map((column) => styled(column.header, BOLD));
  const lines = [
    rule(widths, "┏", "━", "┳", "┓"),
    ...renderRow(headers, columns, widths, "┃", "bottom"),
    rule(widths, "┡", "━", "╇", "┩"),
  ];
  rows.forEach((row, i) => {
    if (i > 0) lines.push(rule(widths, "├", "─", "┼", "┤"));
    lines.push(...renderRow(row, columns, widths, "│", "top"));
  });
  lines.push(rule(widths, "└", "─", "┴", "┘"));
  return lines;
}
