/** Tables of text with separated values, as RFC 4180 describes them. */
import { checkOptions, describe, didYouMean } from "../core/errors.ts";
import { type TextSource, textPieces } from "./textSource.ts";

/** What a column holds. */
export type CsvType = "float32" | "int32" | "bool" | "string";

export interface CsvOptions {
  /** Whether the first record names the columns, or their names. @defaultValue `true` */
  header?: boolean | readonly string[];
  /** Columns to keep. @defaultValue all */
  select?: readonly string[] | null;
  /** What columns hold. @defaultValue float32 where the first hundred records are numbers, else string */
  dtypes?: Readonly<Record<string, CsvType>>;
  /** Column, or columns, that are the labels: elements become `[features, label]`. @defaultValue none */
  label?: string | readonly string[] | null;
  /** Values for empty fields. @defaultValue NaN for float32, `""` for string; other empty fields are an error */
  defaults?: Readonly<Record<string, number | boolean | string>>;
  /** @defaultValue `","` */
  delimiter?: string;
}

const OPTIONS = ["header", "select", "dtypes", "label", "defaults", "delimiter"];
const TYPES: readonly CsvType[] = ["float32", "int32", "bool", "string"];
const SAMPLE = 100;

/** A record and the line that it begins in, counted from 1. */
interface CsvRecord {
  readonly fields: readonly string[];
  readonly line: number;
}

/**
 * Records of fields. A field in quotes may hold the delimiter, line ends, and quotes written twice. Empty lines are skipped.
 *
 * @throws SyntaxError for a quote that is not closed, or text after a closing one.
 */
export async function* csvRecords(source: TextSource, delimiter = ","): AsyncGenerator<CsvRecord> {
  let fields: string[] = [];
  let [field, line, began] = ["", 1, 1];
  // start: of a field; plain: within it; quoted: within quotes; closing: after a quote within quotes.
  let state: "start" | "plain" | "quoted" | "closing" = "start";
  let returned = false;
  const endField = (): void => {
    fields.push(field);
    field = "";
    state = "start";
  };
  const endRecord = (): CsvRecord | null => {
    const empty = fields.length === 0 && state === "start";
    if (!empty) endField();
    const record = empty ? null : { fields, line: began };
    fields = [];
    return record;
  };
  for await (const piece of textPieces("fromCsv", source)) {
    for (const char of piece) {
      const second = returned && char === "\n"; // of a line end of two characters
      returned = char === "\r" && state !== "quoted";
      if (second) continue;
      if (char === "\n" || returned) line++;
      if (state === "quoted") {
        if (char === '"') state = "closing";
        else field += char;
      } else if (char === "\n" || returned) {
        const record = endRecord();
        began = line;
        if (record) yield record;
      } else if (char === delimiter) endField();
      else if (char === '"' && state !== "plain") {
        if (state === "closing") field += char;
        state = "quoted";
      } else if (state === "closing") {
        throw new SyntaxError(
          `fromCsv: line ${line} has ${describe(char)} after a closing quote; expected ${describe(delimiter)} or the end of the ` +
            "line. Inside of quotes, write a quote twice",
        );
      } else {
        field += char;
        state = "plain";
      }
    }
  }
  if (state === "quoted") {
    throw new SyntaxError(`fromCsv: a quote that is opened in the record of line ${began} is never closed`);
  }
  const record = endRecord();
  if (record) yield record;
}

/** A field of a record as a value of its column's type. */
interface Column {
  readonly name: string;
  readonly index: number;
  read(text: string, line: number): number | boolean | string;
}

const isNumber = (text: string): boolean => text.trim() !== "" && Number.isFinite(Number(text));
const isMissing = (text: string): boolean => text.trim() === "" || /^nan$/i.test(text.trim());

function reader(name: string, type: CsvType, fallback: number | boolean | string | undefined): Column["read"] {
  const refuse = (text: string, line: number): never => {
    const way =
      text.trim() === "" ? `give \`defaults: { ${name}: … }\`` : `give \`dtypes: { ${name}: "string" }\` or correct it`;
    throw new TypeError(
      `fromCsv: line ${line}, column "${name}": expected ${type}. Received: ${describe(text)}; ${way}`,
    );
  };
  const number = (text: string, line: number): number => (isNumber(text) ? Number(text) : refuse(text, line));
  const read: Record<CsvType, (text: string, line: number) => number | boolean | string> = {
    string: (text) => text,
    float32: (text, line) => (isMissing(text) ? Number.NaN : number(text, line)),
    int32: (text, line) => (Number.isInteger(number(text, line)) ? Number(text) : refuse(text, line)),
    bool: (text, line) => {
      if (/^(true|1)$/i.test(text.trim())) return true;
      return /^(false|0)$/i.test(text.trim()) ? false : refuse(text, line);
    },
  };
  return (text, line) => (fallback !== undefined && text.trim() === "" ? fallback : read[type](text, line));
}

function checkColumns(what: string, names: readonly string[], known: readonly string[]): void {
  const missing = names.find((name) => !known.includes(name));
  if (missing === undefined) return;
  throw new RangeError(
    `fromCsv: \`${what}\` names a column ${describe(missing)} that the table lacks.${didYouMean(missing, known)} Columns: ${known.join(", ")}`,
  );
}

/** Checks options before anything is read. */
export function checkCsvOptions(options: CsvOptions): void {
  checkOptions("fromCsv", options, OPTIONS);
  const { delimiter = ",", dtypes = {} } = options;
  if (typeof delimiter !== "string" || [...delimiter].length !== 1 || /["\r\n]/.test(delimiter)) {
    throw new RangeError(`fromCsv: expected \`delimiter\` to be one character. Received: ${describe(delimiter)}`);
  }
  for (const [name, type] of Object.entries(dtypes)) {
    if (TYPES.includes(type)) continue;
    throw new RangeError(
      `fromCsv: column "${name}": expected a dtype of ${TYPES.join(", ")}. Received: ${describe(type)}`,
    );
  }
}

/** @throws RangeError for a name that two columns share: a dict would keep only the last. */
function checkNames(names: readonly string[]): void {
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated === undefined) return;
  const places = names.flatMap((name, i) => (name === repeated ? [i + 1] : []));
  throw new RangeError(
    `fromCsv: several columns are called ${describe(repeated)}. Received: columns ${places.join(" and ")} of ${names.join(", ")}; ` +
      "rename them; for a table whose first record is data give names, or `header: false`",
  );
}

/** The names of the columns, the columns to read, and which of them are labels. */
function columnsOf(names: readonly string[], sample: readonly CsvRecord[], options: CsvOptions): [Column[], string[]] {
  const { dtypes = {}, defaults = {}, label = null } = options;
  const labels = label === null ? [] : [label].flat();
  const chosen = options.select ? [...new Set([...options.select, ...labels])] : names;
  for (const [what, given] of Object.entries({
    select: chosen,
    label: labels,
    dtypes: Object.keys(dtypes),
    defaults: Object.keys(defaults),
  })) {
    checkColumns(what, given, names);
  }
  const columns = chosen.map((name): Column => {
    const index = names.indexOf(name);
    const texts = sample.map((record) => record.fields[index] ?? "");
    const numeric = texts.every((text) => isNumber(text) || isMissing(text)) && texts.some(isNumber);
    const type = dtypes[name] ?? (numeric ? "float32" : "string");
    return { name, index, read: reader(name, type, defaults[name]) };
  });
  return [columns, labels];
}

/** Rows as dicts by column; with a label as `[features, label]`. */
export async function* csvRows(source: TextSource, options: CsvOptions): AsyncGenerator<unknown> {
  const { header = true, delimiter = ",", label = null } = options;
  let names: readonly string[] | null = Array.isArray(header) ? header : null;
  let columns: Column[] | null = null;
  let labels: string[] = [];
  let waiting: CsvRecord[] = [];
  const row = ({ fields, line }: CsvRecord): unknown => {
    if (fields.length !== names!.length) {
      throw new RangeError(
        `fromCsv: line ${line} has ${fields.length} fields; expected ${names!.length}: ${names!.join(", ")}`,
      );
    }
    const values = Object.fromEntries(columns!.map(({ name, index, read }) => [name, read(fields[index]!, line)]));
    if (label === null) return values;
    const features = Object.fromEntries(Object.entries(values).filter(([name]) => !labels.includes(name)));
    if (typeof label === "string") return [features, values[label]];
    return [features, Object.fromEntries(labels.map((name) => [name, values[name]]))];
  };
  const begin = (): void => {
    checkNames(names!);
    [columns, labels] = columnsOf(names!, waiting, options);
  };
  for await (const record of csvRecords(source, delimiter)) {
    if (!names && header === true) {
      names = record.fields;
      continue;
    }
    names ??= record.fields.map((_, i) => String(i));
    if (columns) {
      yield row(record);
      continue;
    }
    waiting.push(record);
    if (waiting.length < SAMPLE) continue;
    begin();
    for (const first of waiting) yield row(first);
    waiting = [];
  }
  if (columns || !names) return;
  begin();
  for (const first of waiting) yield row(first);
}
