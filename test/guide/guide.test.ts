/** The guide as a document that runs: every block, small, in a process of its own. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { moduleOf } from "../../tools/guide.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TSX = pathToFileURL(join(ROOT, "node_modules", "tsx", "dist", "loader.mjs")).href;

function runGuide(): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", TSX, join(ROOT, "tools", "guide.ts")], {
      cwd: ROOT,
      env: { ...process.env, KERAS_TS_SMALL: "1", COLUMNS: "100" },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

describe("guides/functional_api.md", () => {
  it("passes the strict type check and runs from top to bottom", async () => {
    const { code, output } = await runGuide();
    expect(code, output).toBe(0);
    for (const words of [
      /shape: \[ null, 784 \]\ndtype: float32/,
      /Model: "mnist_model"[\s\S]*Total params: 55,050/,
      /Test accuracy: 0\.[6-9]/,
      /Test loss and accuracy, reloaded: \[ \d/,
      /Model: "encoder"[\s\S]*Total params: 18,672[\s\S]*Model: "autoencoder"[\s\S]*Total params: 28,241/,
      /Of one sample: \[ \[ -?\d/,
      /Model: "toy_resnet"[\s\S]*Total params: 223,242/,
      /Calls: 2 weights: 1\nResults: \[ null, null, 128 \]/,
      /Feature: \[ 1, 4, 4, 512 \]/,
      /custom_dense_1 \(CustomDense\)[\s\S]*Total params: 50[\s\S]*Reloaded: true\nunits: 7/,
      /Model: "mlp"[\s\S]*Total params: 2,762/,
      /Shape of the features: \[ 1, 10, 32 \]/,
      /custom_rnn_in_graph +│ \(16, 8, 1\) +│ +2,145/,
      /all 35 blocks ran\.\s*$/,
    ]) {
      expect(output).toMatch(words);
    }
  }, 180_000);

  it("has no casts and no `any` in its code", () => {
    const { code } = moduleOf(readFileSync(join(ROOT, "guides", "functional_api.md"), "utf8"), join(ROOT, "guides"));
    expect(code).not.toMatch(/\bas (const|unknown|never|number|keras\.|[A-Z])|: any\b|@ts-|[\w)\]]!\.|biome-ignore/);
  });
});

describe("the module of a document", () => {
  const guide = [
    "# Title",
    "## One",
    "```ts",
    'import * as keras from "keras-ts";',
    'import { a } from "./a.ts";',
    "const x = 1;",
    "```",
    "```sh",
    "## no heading, and not run",
    "```",
    "## Two",
    "```ts",
    "const y = x + 1;",
    "```",
    "## Three",
    "```ts",
    "const y = x + 2;",
    "```",
  ];

  it("keeps the number of every line, and gives each heading a scope of its own in which the first one is seen", () => {
    const { code, blocks } = moduleOf(guide.join("\n"), "/docs");
    const lines = code.split("\n");
    expect(blocks).toBe(3);
    expect(lines[0]).toMatch(/^import \* as keras from ".*src\/node\.ts"; import \{ a \} from "\/docs\/a\.ts"; $/);
    expect([lines[5], lines[12], lines[16]]).toEqual(["const x = 1;", "const y = x + 1;", "const y = x + 2;"]);
    expect(lines[7]).toBe("");
    expect(lines[10]).toBe('console.log("\\n## Two\\n"); {');
    expect(lines[14]).toBe('} console.log("\\n## Three\\n"); {');
  });

  it("says what it cannot take", () => {
    expect(() => moduleOf("```ts\nconst x = 1;", "/docs")).toThrow("the last block is not closed");
    expect(() => moduleOf("```ts\nimport {\n  a,\n} from 'b';\n```", "/docs")).toThrow(
      "line 2: an import must fit in one line: import {",
    );
  });
});
