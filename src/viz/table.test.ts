import { describe, expect, it } from "vitest";
import { type Alignment, cellWidth, fitLine, plainText, styled, wrap } from "./styledText.ts";
import { columnWidths, renderTable } from "./table.ts";

const column = (width: number, align: Alignment = "left", header = "h") => ({ header, align, width });

describe("columnWidths", () => {
  // Hand calculation: wished = width + 2 each, available = tableWidth - (columns + 1), the difference taken evenly from
  // the left with halves rounded to even.
  it.each<[string, number[], number, number[]]>([
    ["takes what is too much evenly", [34, 26, 16], 76, [33, 24, 15]], // 82 → 72: round(10/3) = 3, round(7/2) = 4, 3
    ["rounds halves to even", [10, 10], 22, [10, 9]], // 24 → 19: round(5/2) = 2, 3
    ["gives what is left in proportion", [4, 4, 4], 28, [8, 8, 8]],
    ["wishes for no more than there is", [4000, 3000, 3000], 100, [32, 32, 32]],
  ])("%s", (_, widths, tableWidth, expected) => {
    expect(
      columnWidths(
        widths.map((width) => column(width)),
        tableWidth,
      ),
    ).toEqual(expected);
  });
});

describe("wrap", () => {
  const lines = (text: string, width: number, long: "fold" | "ellipsis") =>
    wrap(styled(text), width, long).map(plainText);
  // What rich.text.Text.wrap of Python's rich 15 gives.
  it.each<[string, number, "fold" | "ellipsis", string[]]>([
    ["input_layer (InputLayer)", 20, "ellipsis", ["input_layer ", "(InputLayer)"]],
    ["a_word_too_long next", 6, "ellipsis", ["a_word_too_long", "next"]],
    ["   └ nested (Dense)", 12, "ellipsis", ["   └ nested ", "(Dense)"]],
    ["abcdefgh ij", 3, "fold", ["abc", "def", "gh ", "ij"]],
    ["", 5, "ellipsis", [""]],
  ])("breaks %j at %i cells", (text, width, long, expected) => {
    expect(lines(text, width, long)).toEqual(expected);
  });
});

describe("fitLine", () => {
  it.each<[string, number, Alignment, string]>([
    ["ab", 5, "left", "ab   "],
    ["ab ", 5, "right", "   ab"],
    ["ab", 5, "center", " ab  "],
    ["abcdef", 5, "left", "abcd…"],
    ["層層層", 5, "left", "層層…"],
    ["層層層", 4, "left", "層 …"], // half a wide character is a space
  ])("%j in %i cells, %s", (text, width, align, expected) => {
    const line = fitLine(styled(text), width, align);
    expect(plainText(line)).toBe(expected);
    expect(cellWidth(line)).toBe(width);
  });
});

describe("renderTable", () => {
  // Drawn by rich 15.0: Table(Column("head er", width=6), Column("b", justify="right", width=4), width=17, show_lines=True).
  it("puts headers at the bottom and rules between rows", () => {
    const rows = [
      ["one two", "1"],
      ["x", "22"],
    ].map((row) => row.map((cell) => styled(cell)));
    const text = renderTable([column(6, "left", "head er"), column(4, "right", "b")], rows, 17).map(plainText);
    expect(text).toEqual([
      "┏━━━━━━━━┳━━━━━━┓",
      "┃ head   ┃      ┃",
      "┃ er     ┃    b ┃",
      "┡━━━━━━━━╇━━━━━━┩",
      "│ one    │    1 │",
      "│ two    │      │",
      "├────────┼──────┤",
      "│ x      │   22 │",
      "└────────┴──────┘",
    ]);
  });
});
