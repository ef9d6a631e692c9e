/** Writes the logs of every epoch to a table in a file. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe } from "../core/errors.ts";
import type { FileSystem } from "../core/platform.ts";
import { Callback, type Logs } from "./callback.ts";
import { bytesOfText, checkPath, filesFor } from "./files.ts";
import { pythonFloat } from "./pythonFormat.ts";

/** Options of {@link CSVLogger}. */
export interface CSVLoggerOptions {
  filename?: string;
  /** One character between two values. @defaultValue `","` */
  separator?: string;
  /** Whether to add to a file that exists, to go on with an earlier training, or to replace it. @defaultValue `false` */
  append?: boolean;
}

class CSVLoggerBase extends Callback {
  static readonly className = "CSVLogger";

  readonly filename: string;
  readonly separator: string;
  readonly append: boolean;
  readonly #files: FileSystem;
  /** Names of the columns after the epoch; `null` before the first epoch of a run. */
  #keys: string[] | null = null;
  #writesHeader = true;

  constructor(filename: string | CSVLoggerOptions, options: CSVLoggerOptions = {}) {
    super();
    const given = typeof filename === "object" && filename !== null ? filename : { ...options, filename };
    checkOptions("CSVLogger", given, ["filename", "separator", "append"]);
    checkPath("CSVLogger", "filename", given.filename);
    this.filename = given.filename;
    this.separator = given.separator ?? ",";
    this.append = given.append ?? false;
    if (typeof this.separator !== "string" || [...this.separator].length !== 1) {
      throw new TypeError(
        `CSVLogger: expected \`separator\` to be one character, such as ",". Received: ${describe(this.separator)}`,
      );
    }
    this.#files = filesFor("CSVLogger", "Read the record that `fit` returns: (await model.fit(…)).history");
  }

  override async onTrainBegin(): Promise<void> {
    this.#keys = null;
    if (!this.append) await this.#files.writeAtomic(this.filename, new Uint8Array());
    else if (await this.#files.exists(this.filename)) this.#writesHeader = await this.#isEmpty();
  }

  async #isEmpty(): Promise<boolean> {
    for await (const piece of this.#files.readPieces(this.filename)) if (piece.length > 0) return false;
    return true;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    let text = "";
    if (this.#keys === null) {
      this.#keys = columnsFor(logs);
      if (this.#writesHeader) text = this.#row(["epoch", ...this.#keys]);
    }
    const values = this.#keys.map((key) => (logs[key] === undefined ? "NA" : pythonFloat(logs[key])));
    text += this.#row([String(epoch), ...values]);
    await this.#files.append(this.filename, bytesOfText(text));
  }

  /** A line as Python's `csv` writes it: quotes only where they are needed. */
  #row(cells: readonly string[]): string {
    const needsQuotes = (cell: string): boolean => /["\r\n]/.test(cell) || cell.includes(this.separator);
    const quoted = cells.map((cell) => (needsQuotes(cell) ? `"${cell.replaceAll('"', '""')}"` : cell));
    return `${quoted.join(this.separator)}\r\n`;
  }
}

/** The first epoch decides: its logs by name, and those of a validation that may come later. */
function columnsFor(logs: Logs): string[] {
  const keys = Object.keys(logs).sort();
  return keys.some((key) => key.startsWith("val_")) ? keys : [...keys, ...keys.map((key) => `val_${key}`)];
}

/**
 * Writes the logs of every epoch as a row of a CSV file, at the end of the epoch.
 *
 * Columns: `epoch` (from 0), then the logs of the first epoch by name, and those of a validation. A log that an epoch does not
 * have stands as `NA`; one that the first epoch did not have has no column.
 *
 * @param filename - Its folder must exist.
 * @throws TypeError for a separator that is not one character; Error where there are no files.
 * @example
 * await model.fit(x, y, { epochs: 10, callbacks: [CSVLogger("training.csv")] });
 * @see keras/src/callbacks/csv_logger.py (Keras 3.x)
 */
export const CSVLogger = callable(CSVLoggerBase);
export type CSVLogger = CSVLoggerBase;
