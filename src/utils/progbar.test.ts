import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Terminal } from "../core/platform.ts";
import { Progbar, type ProgbarOptions } from "./progbar.ts";

interface Case {
  name: string;
  steps: [time: number, current: number, values: [string, number | string][], finalize: boolean | null][];
  target: number | null;
  options: { verbose: 0 | 1 | 2; width?: number; interval?: number; stateful_metrics?: string[]; unit_name?: string };
  interactive: boolean;
  written: string[];
}
// What real Keras wrote (tools/fixtures/h5_files.py).
const cases = JSON.parse(
  readFileSync(new URL("../../test/fixtures/h5/progbar.json", import.meta.url), "utf8"),
) as Case[];

function recorder(interactive: boolean): { terminal: Terminal; written: string[] } {
  const written: string[] = [];
  return {
    written,
    terminal: { columns: interactive ? 80 : null, interactive, write: (text) => void written.push(text) },
  };
}

const SPECIAL: Record<string, number> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
};

function run({ steps, target, options, interactive }: Case): string[] {
  const { terminal, written } = recorder(interactive);
  let time = 1000;
  const given: ProgbarOptions = { verbose: options.verbose, terminal, now: () => time };
  if (options.width !== undefined) given.width = options.width;
  if (options.interval !== undefined) given.interval = options.interval;
  if (options.stateful_metrics) given.statefulMetrics = options.stateful_metrics;
  if (options.unit_name) given.unitName = options.unit_name;
  const bar = new Progbar(target, given);
  for (const [at, current, values, finalize] of steps) {
    time = 1000 + at;
    const numbers = values.map(([name, value]) => [name, typeof value === "string" ? SPECIAL[value]! : value] as const);
    bar.update(current, numbers, finalize ?? undefined);
  }
  return written;
}

const label = (c: Case) => `${c.name}, verbose ${c.options.verbose}, ${c.interactive ? "terminal" : "pipe"}`;

describe("Progbar writes what Keras writes", () => {
  it.each(cases.filter((c) => c.interactive || c.options.verbose !== 1).map((c) => [label(c), c] as const))(
    "%s",
    (_, c) => {
      expect(run(c)).toEqual(c.written);
    },
  );

  // Keras pads a piped line to the length of the one before; alone it needs no padding.
  it.each(cases.filter((c) => !c.interactive && c.options.verbose === 1).map((c) => [label(c), c] as const))(
    "%s: the last line only",
    (_, c) => {
      expect(run(c)).toEqual(
        c.written.filter((line) => line.endsWith("\n")).map((line) => line.replace(/ +\n$/, "\n")),
      );
    },
  );
});

describe("Progbar", () => {
  it("counts with add", () => {
    const { terminal, written } = recorder(true);
    const bar = new Progbar(4, { terminal, now: () => 5, interval: 0 });
    bar.add(1, [["loss", 2]]);
    bar.add(3);
    expect(written.at(-1)).toContain("4/4");
    expect(written.at(-1)).toMatch(/ - loss: 2\.0000 *\n$/);
  });

  it("uses the platform's terminal and clock", () => {
    new Progbar(3, { verbose: 0 }).update(3);
  });

  it("refuses a target that is no number of steps, and unknown options", () => {
    expect(() => new Progbar(-1)).toThrow("Progbar: expected `target` to be a number of steps or null. Received: -1");
    expect(() => new Progbar(1, { statefulMetric: [] } as ProgbarOptions)).toThrow('Did you mean "statefulMetrics"?');
  });
});
