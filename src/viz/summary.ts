/** The table of a model's layers with their shapes and sizes, laid out as Keras does. */
import { checkOptions, describe } from "../core/errors.ts";
import { platform } from "../core/platform.ts";
import type { ModelBase } from "../models/model.ts";
import type { Operation } from "../ops/operation.ts";
import { isModel, verticesOf } from "./modelKind.ts";
import { readableCount, readableMemorySize, sizesOfModel } from "./modelSize.ts";
import { ansiText, join, plainText, type StyledText, styled, wrap } from "./styledText.ts";
import { BOLD, isChain, number, rowsOf } from "./summaryRows.ts";
import { type Column, renderTable } from "./table.ts";

/** Options of `model.summary()`. */
export interface SummaryOptions {
  /** Width of the table in characters. @defaultValue what fits the terminal, at most 88 (108 with connections) */
  lineLength?: number | null;
  /** Where each column ends, as fractions of the width. @defaultValue `[0.45, 0.8, 1]`, with connections `[0.3, 0.56, 0.74, 1]` */
  positions?: readonly number[] | null;
  /** Called once with the whole text, instead of printing. @defaultValue `null` */
  printFn?: ((text: string) => void) | null;
  /** Whether the layers inside nested models get rows. @defaultValue `false` */
  expandNested?: boolean;
  /** Whether a column says which layers are trainable. @defaultValue `false` */
  showTrainable?: boolean;
  /** Names, or regular expressions that match from the start, of the first and the last layer to show. @defaultValue all */
  layerRange?: readonly [string, string] | null;
}

const OPTIONS = ["lineLength", "positions", "printFn", "expandNested", "showTrainable", "layerRange"] as const;
/** Where output goes to no terminal, Keras lays out for this width. */
const FALLBACK_COLUMNS = 80;

function checkSummaryOptions(options: SummaryOptions): void {
  checkOptions("summary", options, OPTIONS);
  const { lineLength, positions, printFn } = options;
  if (lineLength !== undefined && lineLength !== null && !(Number.isInteger(lineLength) && lineLength > 0)) {
    throw new RangeError(
      `summary: expected \`lineLength\` to be a positive integer. Received: ${describe(lineLength)}`,
    );
  }
  if (positions && !(Array.isArray(positions) && positions.every((p) => Number.isFinite(p)))) {
    throw new TypeError(`summary: expected \`positions\` to be an array of numbers. Received: ${describe(positions)}`);
  }
  if (printFn !== undefined && printFn !== null && typeof printFn !== "function") {
    throw new TypeError(`summary: expected \`printFn\` to be a function. Received: ${describe(printFn)}`);
  }
}

/** Columns whose widths follow from where each ends. */
function columnsOf(model: ModelBase, options: SummaryOptions, lineLength: number): Column[] {
  const columns: Omit<Column, "width">[] = [
    { header: "Layer (type)", align: "left" },
    { header: "Output Shape", align: "left" },
    { header: "Param #", align: "right" },
  ];
  const chain = isChain(model);
  if (!chain) columns.push({ header: "Connected to", align: "left" });
  let positions = options.positions ?? (chain ? [0.45, 0.8, 1] : [0.3, 0.56, 0.74, 1]);
  if (positions.length !== columns.length) {
    throw new RangeError(
      `summary: expected \`positions\` to have ${columns.length} numbers, one for each of the columns ` +
        `${columns.map((c) => `"${c.header}"`).join(", ")}. Received: ${describe(positions)}`,
    );
  }
  if (options.showTrainable) {
    positions = [...positions.map((p) => p * 0.9), 1];
    columns.push({ header: "Trainable", align: "center" });
  }
  let start = 0;
  return columns.map((column, i) => {
    const width = Math.trunc(positions[i]! * lineLength) - start;
    start += width;
    if (width >= 4) return { ...column, width };
    throw new RangeError(
      `summary: the table is too narrow: column "${column.header}" would be ${width} characters wide and needs 4. ` +
        `Received: lineLength=${lineLength}, positions=[${positions.join(", ")}]. Pass a larger \`lineLength\``,
    );
  });
}

/** The layers from the first that matches one end of the range to the last that matches the other. */
function selectRange(layers: readonly Operation[], range: SummaryOptions["layerRange"]): readonly Operation[] {
  if (!range) return layers;
  if (!Array.isArray(range) || range.length !== 2 || range.some((name) => typeof name !== "string")) {
    throw new TypeError(`summary: expected \`layerRange\` to be two layer names. Received: ${describe(range)}`);
  }
  const [lower, upper] = range.map((pattern) => {
    const matcher = new RegExp(`^(?:${pattern})`);
    return layers.flatMap((layer, i) => (matcher.test(layer.name) ? [i] : []));
  }) as [number[], number[]];
  if (lower.length === 0 || upper.length === 0) {
    throw new RangeError(
      `summary: no layer matches ${lower.length === 0 ? describe(range[0]) : describe(range[1])} of \`layerRange\`. ` +
        `The model has: ${layers.map((layer) => layer.name).join(", ")}`,
    );
  }
  return lower[0]! <= upper.at(-1)!
    ? layers.slice(lower[0], upper.at(-1)! + 1)
    : layers.slice(upper[0], lower.at(-1)! + 1);
}

function summaryLines(model: ModelBase, options: SummaryOptions): StyledText[] {
  if (!isModel(model)) throw new TypeError(`summary: expected a model. Received: ${describe(model)}`);
  checkSummaryOptions(options);
  const { showTrainable = false, expandNested = false } = options;
  const chain = isChain(model);
  const terminalColumns = platform().terminal.columns ?? FALLBACK_COLUMNS;
  const widest = (chain ? 88 : 108) + (showTrainable ? 12 : 0);
  const lineLength = options.lineLength ?? Math.min(widest, terminalColumns - 4);
  const columns = columnsOf(model, options, lineLength);
  const form = { showConnections: !chain, showTrainable, expandNested };
  const rows = selectRange(verticesOf(model), options.layerRange).flatMap((layer) => rowsOf(model, layer, form));
  const sizes = sizesOfModel(model).map(([label, { count, bytes }]) =>
    join(styled(` ${label} params: `, BOLD), number(readableCount(count)), ` (${readableMemorySize(bytes)})`),
  );
  return [
    ...wrap(styled(`Model: "${model.name}"`, BOLD), Math.max(terminalColumns, lineLength), "fold"),
    ...renderTable(columns, rows, lineLength),
    ...sizes,
  ];
}

const withBreaks = (lines: readonly StyledText[], print: (line: StyledText) => string): string =>
  lines.map((line) => `${print(line)}\n`).join("");

/**
 * The table of a model's layers as text.
 *
 * @returns Lines without colours, the last with its line break: character for character what Keras gives to `print_fn`,
 *   except that a `lineLength` beyond the terminal's width is kept and not cut off.
 * @throws TypeError for an unknown option or an argument of a wrong kind.
 * @throws RangeError when the table is too narrow, `positions` has a wrong length, or `layerRange` matches no layer.
 * @see keras/src/utils/summary_utils.py (Keras 3.x)
 */
export function summaryText(model: ModelBase, options: SummaryOptions = {}): string {
  return withBreaks(summaryLines(model, options), plainText);
}

/** Prints the table of a model's layers, with Keras's colours on a terminal; or hands it to `printFn`. */
export function printSummary(model: ModelBase, options: SummaryOptions = {}): void {
  const lines = summaryLines(model, options);
  const { terminal, environment } = platform();
  if (options.printFn) {
    options.printFn(withBreaks(lines, plainText));
    return;
  }
  const coloured = terminal.interactive && !environment("NO_COLOR") && environment("TERM") !== "dumb";
  terminal.write(withBreaks(lines, coloured ? ansiText : plainText));
}
