/** Expected numbers are worked by hand from the runs written here. */
import { describe, expect, it } from "vitest";
import { bestWay } from "../../bench/jobs/predict.ts";
import { type Entry, formatNumber, formatTable, ratios, summarize, toJson } from "../../bench/report.ts";

const entry = (better: "lower" | "higher", subjects: Entry["subjects"], more: Partial<Entry> = {}): Entry => ({
  job: "fit",
  what: "an epoch",
  unit: "ms",
  better,
  subjects,
  ...more,
});

describe("summarize", () => {
  it("gives the middle run, the spread, and the runs in their order", () => {
    expect(summarize([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, runs: [3, 1, 2] });
  });

  it("gives the mean of the two middle runs of an even number", () => {
    expect(summarize([10, 1, 4, 2]).median).toBe(3);
  });

  it("wants a run", () => {
    expect(() => summarize([])).toThrow("expected at least one run");
  });
});

describe("ratios", () => {
  const subjects = { "keras-ts": summarize([100]), "keras-jax": summarize([50]), "tfjs-wasm": summarize([400]) };

  it("says how many times better we are when lower is better", () => {
    expect(ratios(entry("lower", subjects))).toEqual({ "keras-jax": 0.5, "tfjs-wasm": 4 });
  });

  it("turns round when higher is better", () => {
    expect(ratios(entry("higher", subjects))).toEqual({ "keras-jax": 2, "tfjs-wasm": 0.25 });
  });

  it("compares medians, not extremes", () => {
    const noisy = { "keras-ts": summarize([10, 10, 90]), "keras-jax": summarize([20, 20, 20]) };
    expect(ratios(entry("lower", noisy))).toEqual({ "keras-jax": 2 });
  });

  it("leaves out who has no figure", () => {
    const some = {
      "keras-ts": summarize([100]),
      "keras-jax": { missing: "not installed" },
      "tfjs-cpu": { error: "x" },
    };
    expect(ratios(entry("lower", some))).toEqual({});
    expect(ratios(entry("lower", { ...subjects, "keras-ts": { error: "x" } }))).toEqual({});
  });

  it("has none for figures around zero", () => {
    expect(ratios(entry("lower", subjects, { ratios: false }))).toEqual({});
    const signs = { "keras-ts": summarize([-1]), "keras-jax": summarize([4]), "tfjs-wasm": summarize([0]) };
    expect(ratios(entry("lower", signs))).toEqual({});
  });
});

describe("formatTable", () => {
  it("aligns figures and says who is missing or failed, and why", () => {
    const table = formatTable(
      entry("lower", {
        "keras-ts": summarize([500, 400, 450]),
        "keras-jax": { ...summarize([900, 1800]), note: "by call" },
        "keras-tensorflow": { missing: "not installed" },
        "tfjs-wasm": { error: "Error: no wasm" },
      }),
    );
    expect(table.split("\n")).toEqual([
      "fit: an epoch",
      "(ms, lower is better)",
      "                    median  min    max  runs  ours better by",
      "  keras-ts             450  400    500     3",
      "  keras-jax          1,350  900  1,800     2           3.00x  by call",
      "  keras-tensorflow  missing: not installed",
      "  tfjs-wasm         failed: Error: no wasm",
    ]);
  });

  it("has no column of ratios where they say nothing", () => {
    expect(formatTable(entry("lower", { "keras-ts": summarize([1]) }, { ratios: false }))).not.toContain("better by");
  });
});

it.each([
  [12_345.6, "12,346"],
  [100, "100"],
  [45.678, "45.7"],
  [1.234, "1.23"],
  [0.1234, "0.123"],
  [0.01234, "0.0123"],
  [0, "0.00"],
  [-2.5, "-2.50"],
])("formatNumber(%d) is %s", (x, text) => {
  expect(formatNumber(x)).toBe(text);
});

it("writes JSON that holds what the table shows", () => {
  const entries = [entry("lower", { "keras-ts": summarize([1, 2, 3]), "keras-jax": { missing: "not installed" } })];
  expect(JSON.parse(toJson(entries))).toEqual([
    {
      job: "fit",
      what: "an epoch",
      unit: "ms",
      better: "lower",
      subjects: {
        "keras-ts": { median: 2, min: 1, max: 3, runs: [1, 2, 3] },
        "keras-jax": { missing: "not installed" },
      },
    },
  ]);
});

it("a subject predicts by its fastest way", () => {
  expect(bestWay({ ms: { predict: 2, predictOnBatch: 0.5, call: 1 } })).toEqual(["predictOnBatch", 0.5]);
});
