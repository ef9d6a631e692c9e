/**
 * docs/coverage.md: which public names of Keras this package has. The names are those that real Keras exports
 * (`test/fixtures/names.json`, made by tools/fixtures/names.py); ours are what `src/index.ts` exports.
 *
 * npm run coverage
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as keras from "../src/index.ts";

const PAGE = new URL("../docs/coverage.md", import.meta.url);
const NAMES = new URL("../test/fixtures/names.json", import.meta.url);

/** Keras's name as ours: functions and namespaces in camelCase, classes as they are. */
export const ourName = (name: string): string => {
  if (/^[A-Z]/.test(name)) return name;
  return name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
};

/** What exists but needs more than a compiled program, with the reason. */
const HOST_ONLY: Readonly<Record<string, string>> = {
  "keras.ops.convert_to_numpy": "reads numbers, so it gives a promise",
  "keras.ops.eig":
    "computed on the host (the eigenvalues of a general matrix need iterations of unknown length); gives a promise",
  "keras.ops.nonzero": "the result's length is a fact of the data; gives a promise",
  "keras.ops.unique":
    "without `size` the result's length is a fact of the data and it gives a promise; with `size` it is compiled",
  "keras.ops.ctc_decode": '"beam_search" is computed on the host and gives a promise; "greedy" is compiled',
};

interface Section {
  readonly namespace: string;
  readonly here: readonly string[];
  readonly missing: readonly string[];
}

function lookUp(path: readonly string[]): unknown {
  let value: unknown = keras;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[ourName(part)];
  }
  return value;
}

function sections(): Section[] {
  const { public: names } = JSON.parse(readFileSync(NAMES, "utf8")) as { public: Record<string, string[]> };
  return Object.entries(names).flatMap(([namespace, list]) => {
    if (list.length === 0) return [];
    const path = namespace.split(".").slice(1);
    const has = (name: string): boolean => lookUp([...path, name]) !== undefined;
    return [{ namespace, here: list.filter(has), missing: list.filter((name) => !has(name)) }];
  });
}

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

/** The page's text. */
export function coveragePage(): string {
  const all = sections();
  const total = all.reduce((n, { here, missing }) => n + here.length + missing.length, 0);
  const have = all.reduce((n, { here }) => n + here.length, 0);
  const lines = [
    "# Coverage of Keras's public names",
    "",
    "Made by `npm run coverage` from the names that Keras 3.15.1 exports; do not edit. A test fails when it is out of date.",
    "Functions are camelCase here (`keras.ops.logical_and` is `keras.ops.logicalAnd`), classes keep their names.",
    "",
    `${have} of ${total} names.`,
    "",
    "| namespace | here | missing |",
    "|---|---:|---:|",
    ...all.map(({ namespace, here, missing }) => `| \`${namespace}\` | ${here.length} | ${missing.length} |`),
    "",
    "## Names that are there",
    "",
    ...all.filter(({ here }) => here.length > 0).map(({ namespace, here }) => `- \`${namespace}\`: ${code(here)}`),
    "",
    "## Names that are missing",
    "",
    ...all
      .filter(({ missing }) => missing.length > 0)
      .map(({ namespace, missing }) => `- \`${namespace}\`: ${code(missing)}`),
    "",
    "## Ops that no compiled program computes",
    "",
    ...Object.entries(HOST_ONLY)
      .filter(([name]) => lookUp(name.split(".").slice(1)) !== undefined)
      .map(([name, why]) => `- \`${name}\`: ${why}`),
    "",
  ];
  return lines.join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, coveragePage());
  console.log(fileURLToPath(PAGE));
}
