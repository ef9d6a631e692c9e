/** How text becomes terms: standardized, split, joined to n-grams. Whitespace, case and punctuation are those of ASCII, as in TensorFlow. */
import type { HostValue, Rows } from "./tokenRows.ts";

/** Makes texts alike. */
export type Standardize = "lower_and_strip_punctuation" | "lower" | "strip_punctuation" | ((text: string) => string);
/** Cuts a text into terms. */
export type Split = "whitespace" | "character" | ((text: string) => readonly string[]);

const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
const stripPunctuation = (text: string): string => text.replace(/[!-/:-@[-`{-~]/g, "");

const STANDARDIZE: Readonly<Record<string, (text: string) => string>> = {
  lower,
  strip_punctuation: stripPunctuation,
  lower_and_strip_punctuation: (text) => stripPunctuation(lower(text)),
};

const SPLIT: Readonly<Record<string, (text: string) => readonly string[]>> = {
  whitespace: (text) => text.match(/[^ \t\n\v\f\r]+/g) ?? [],
  // Code points; half of a surrogate pair alone is no character.
  character: (text) => [...text].filter((character) => !/^[\ud800-\udfff]$/.test(character)),
};

export const standardizeFunction = (standardize: Standardize): ((text: string) => string) =>
  typeof standardize === "function" ? standardize : STANDARDIZE[standardize]!;

export const splitFunction = (split: Split): ((text: string) => readonly string[]) =>
  typeof split === "function" ? split : SPLIT[split]!;

/** For each width, the runs of so many terms, joined by spaces. */
export function ngramsOf(terms: readonly string[], widths: readonly number[]): string[] {
  return widths.flatMap((width) =>
    Array.from({ length: Math.max(0, terms.length - width + 1) }, (_, i) => terms.slice(i, i + width).join(" ")),
  );
}

/** Each text as a row of terms; a last axis of 1 becomes that of the terms. `null` when the last axis is longer. */
export function splitRows(texts: Rows<string>, split: (text: string) => readonly string[]): Rows<string> | null {
  const { outer, rows } = texts;
  if (outer === null) return { outer: [], rows: [split(rows[0]![0]!)] };
  if (outer.length === 0) return { outer: [rows[0]!.length], rows: rows[0]!.map(split) };
  if (rows.some((row) => row.length !== 1)) return null;
  return { outer, rows: rows.map((row) => split(row[0]!)) };
}

/** Rows cut and filled up with `filler` to one length: that given, or that of the longest. */
export function padRows({ outer, rows }: Rows<number>, length: number | null, filler: number): Rows<number> {
  const width = length ?? rows.reduce((longest, row) => Math.max(longest, row.length), 0);
  const padded = rows.map((row) => {
    if (row.length === width) return row;
    return row.length > width ? row.slice(0, width) : [...row, ...new Array<number>(width - row.length).fill(filler)];
  });
  return { outer, rows: padded };
}

/** Whether all values are text. */
export const isText = (values: Rows<HostValue>): values is Rows<string> =>
  values.rows.every((row) => row.every((value) => typeof value === "string"));
