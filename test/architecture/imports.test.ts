/** The house stays liveable: value imports run downwards only, in no circle, and library code never imports from Node. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SRC = fileURLToPath(new URL("../../src/", import.meta.url));

/** Rooms from the ground up; a room may import from its own floor's other rooms only where they stand to its left. */
const FLOORS: readonly string[] = [
  "core",
  "ir",
  "backend/contract",
  "backend/registry",
  "compiler",
  "runtime",
  "autodiff",
  "ops",
  "serialization",
  "random",
  "data",
  "activations",
  "initializers",
  "regularizers",
  "constraints",
  "losses",
  "metrics",
  "optimizers",
  "layers",
  "utils/progbar",
  "callbacks",
  "trainers",
  "saving/h5",
  "saving/archive",
  "viz/text",
  "models",
  "saving",
  "viz",
  "utils",
  "datasets",
  "applications",
  "registerBuiltins",
  "backend",
  "platform",
  "config",
  "dtypePolicies",
  "mixedPrecision",
  "index",
  "install",
  "node",
  "browser",
];

/**
 * Where the rule has a reason to bend, with the reason: a model offers `save` and `summary` as methods, so it calls the rooms
 * that know how; they in turn only know models by the interfaces of lower rooms.
 */
const EXCEPTIONS: readonly (readonly [from: string, to: string])[] = [
  ["models", "saving"],
  ["models", "viz"],
];

function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesOf(path);
    return entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts") ? [path] : [];
  });
}

const files = filesOf(SRC).filter((file) => !relative(SRC, file).startsWith("testing/"));
const nameOf = (file: string): string => relative(SRC, file).replace(/\.ts$/, "");

/** The most specific floor that a module belongs to. */
function floorOf(name: string): string {
  const fits = FLOORS.filter((floor) => name === floor || name.startsWith(`${floor}/`));
  const floor = fits.sort((a, b) => b.length - a.length)[0];
  if (!floor) throw new Error(`src/${name}.ts stands in no room of test/architecture/imports.test.ts`);
  return floor;
}

/** Modules that a file imports at load time; types and dynamic imports do not count. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const found: string[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(?!type\b)([^;]*?)from\s+"([^"]+)"|^import\s+"([^"]+)"/gm)) {
    const [, names, from, bare] = match;
    const inner = names?.match(/^\{([^}]*)\}\s*$/)?.[1];
    const onlyTypes = inner?.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type "));
    if (!onlyTypes) found.push((from ?? bare)!);
  }
  return found;
}

const graph = new Map(
  files.map((file) => [
    nameOf(file),
    importsOf(file)
      .filter((path) => path.startsWith("."))
      .map((path) => nameOf(resolve(dirname(file), path))),
  ]),
);

describe("imports", () => {
  it("run downwards", () => {
    const wrong: string[] = [];
    for (const [name, targets] of graph) {
      const from = floorOf(name);
      for (const target of targets) {
        const to = floorOf(target);
        const allowed = EXCEPTIONS.some(([a, b]) => a === from && b === to);
        if (FLOORS.indexOf(to) > FLOORS.indexOf(from) && !allowed) wrong.push(`${name} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("form no circle", () => {
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (name: string, path: readonly string[]): void => {
      if (path.includes(name)) {
        circles.push([...path.slice(path.indexOf(name)), name].join(" → "));
        return;
      }
      if (done.has(name)) return;
      for (const target of graph.get(name) ?? []) visit(target, [...path, name]);
      done.add(name);
    };
    for (const name of graph.keys()) visit(name, []);
    expect(circles).toEqual([]);
  });

  it("reach Node only from its own platform folder", () => {
    const wrong = files.filter((file) => {
      if (nameOf(file).startsWith("platform/node")) return false;
      return importsOf(file).some((path) => path.startsWith("node:"));
    });
    expect(wrong.map(nameOf)).toEqual([]);
  });
});
