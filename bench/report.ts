/** From runs to what is printed and written: medians, spreads, ratios, a table, JSON. */
import type { Measure } from "./jobs/job.ts";
import { OURS, SUBJECTS, type SubjectName } from "./subjects/subject.ts";

/** The figures of a subject, or why there are none. */
export type SubjectResult =
  | { median: number; min: number; max: number; runs: number[]; version?: string; note?: string }
  | Unmeasured;

/** A rival that is not installed, or a subject that could not do the job. */
export type Unmeasured = { missing: string } | { error: string; version?: string };

/** One measure with the results of all subjects: an element of the JSON file. */
export interface Entry extends Pick<Measure, "what" | "unit" | "better" | "ratios"> {
  readonly job: string;
  readonly subjects: Partial<Record<SubjectName, SubjectResult>>;
  readonly machine?: Machine;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
}

/** Median, spread and the runs themselves. @throws RangeError when there are no runs. */
export function summarize(runs: readonly number[]): { median: number; min: number; max: number; runs: number[] } {
  const sorted = [...runs].sort((a, b) => a - b);
  if (sorted.length === 0) throw new RangeError("summarize: expected at least one run. Received: none");
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)!, runs: [...runs] };
}

/**
 * How many times better we are than each rival, by the medians: 2 is twice as fast, twice the throughput or half the
 * memory, whichever way the measure counts. Rivals without a figure, or of the other sign, have no ratio.
 */
export function ratios(entry: Entry): Partial<Record<SubjectName, number>> {
  const ours = medianOf(entry.subjects[OURS]);
  if (ours === null || entry.ratios === false) return {};
  const result: Partial<Record<SubjectName, number>> = {};
  for (const name of SUBJECTS) {
    const theirs = medianOf(entry.subjects[name]);
    if (name === OURS || theirs === null) continue;
    const ratio = entry.better === "lower" ? theirs / ours : ours / theirs;
    if (Number.isFinite(ratio) && ratio > 0) result[name] = ratio;
  }
  return result;
}

const medianOf = (result: SubjectResult | undefined): number | null =>
  result && "median" in result ? result.median : null;

/** The table of a measure: a row per subject, rivals that are missing or failed with the reason. */
export function formatTable(entry: Entry): string {
  const better = ratios(entry);
  const head = ["", "median", "min", "max", "runs", ...(entry.ratios === false ? [] : ["ours better by"])];
  const rows = SUBJECTS.flatMap((name) => {
    const result = entry.subjects[name];
    if (!result) return [];
    if (!("median" in result)) return [{ cells: [name], text: formatReason(result) }];
    const figures = [result.median, result.min, result.max].map(formatNumber);
    const ratio = better[name];
    const cells = [name, ...figures, String(result.runs.length)];
    if (entry.ratios !== false) cells.push(ratio === undefined ? "" : `${formatNumber(ratio)}x`);
    return [{ cells, text: result.note ?? "" }];
  });
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], text: string): string => {
    const padded = cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
    return `  ${[...padded, text].join("  ")}`.trimEnd();
  };
  return [
    `${entry.job}: ${entry.what}`,
    `(${entry.unit}, ${entry.better} is better)`,
    line(head, ""),
    ...rows.map(({ cells, text }) => line(cells, text)),
  ].join("\n");
}

/** Why a subject has no figures. */
export const formatReason = (result: Unmeasured): string =>
  "missing" in result ? `missing: ${result.missing}` : `failed: ${result.error}`;

/** Three significant digits at least, whole numbers from a hundred on, thousands apart. */
export function formatNumber(x: number): string {
  const size = Math.abs(x);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 || size === 0 ? 2 : size >= 0.1 ? 3 : 4;
  return x.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The file that `--json` writes. */
export function toJson(entries: readonly Entry[]): string {
  return `${JSON.stringify(entries, null, 2)}\n`;
}
