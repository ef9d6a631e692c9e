/**
 * Uses the package as somebody who installed it: packs it, installs it into an empty project, type-checks a strict program that
 * needs no cast, and runs it, on kernels of our own where they were built and on the engine's. Ends with `N passed, N failed`.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "keras-ts-package-"));
const run = (command, args, cwd = folder, environment = {}) =>
  execFileSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
/** Where our kernels are built, in this folder and in the package. */
const library = `native/build/${process.platform}-${process.arch}/keras.node`;

const PROGRAM = `import * as keras from "keras-ts";
const { layers } = keras;
const inputs = keras.Input({ shape: [2] });
const hidden = layers.Dense(8, { activation: "tanh" })(inputs);
const model = keras.Model({ inputs, outputs: layers.Dense(1)(hidden), name: "xor" });
model.compile({ optimizer: keras.optimizers.Adam(0.05), loss: "mse" });
const x = keras.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]);
const y = keras.tensor([[0], [1], [1], [0]]);
keras.utils.setRandomSeed(1);
const history = await model.fit(x, y, { epochs: 200, verbose: 0 });
const losses: readonly number[] = history.history.loss!;
const bytes: Uint8Array = await model.toBytes();
const again = await keras.models.loadModel(bytes);
const output: keras.Tensor = model(x);
const same = (await again.predict(x, { verbose: 0 })).toString() === (await model.predict(x, { verbose: 0 })).toString();
console.log(losses.at(-1)! < losses[0]! / 10, same, output.shape.join("x"));
`;

/** Runs the program with its warnings beside its words, and says whether the library of our kernels is part of the process. */
const OBSERVER = `console.warn = console.log;
await import("./program.js");
const { sharedObjects } = process.report.getReport();
console.log(sharedObjects.some((path) => path.endsWith("${library}")) ? "our kernels" : "the engine's kernels");
`;

let passed = 0;
let failed = 0;
function check(name, body) {
  try {
    body();
    passed++;
    console.log(`ok    ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}: ${error.stdout || error.stderr || error.message}`);
  }
}

try {
  run(process.execPath, ["tools/build.mjs"], root);
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder], root));
  const built = existsSync(join(root, library));
  const files = packed.files.map(({ path }) => path).filter((path) => path.startsWith("native/"));
  check(
    built ? "brings our kernels, and nothing else of native/" : "brings nothing of native/, which was not built",
    () => {
      const right = files.every((path) => /^native\/build\/[^/]+\/keras\.node$/.test(path));
      if (!right || files.includes(library) !== built) throw new Error(`it has ${files.join(", ") || "none"}`);
    },
  );
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  copyFileSync(join(root, ".npmrc"), join(folder, ".npmrc"));
  check("installs into an empty project", () => {
    run("npm", ["install", "--no-audit", "--no-fund", join(folder, packed.filename), "typescript", "@types/node"]);
  });
  writeFileSync(join(folder, "program.ts"), PROGRAM);
  check("type-checks in a strict program without a cast", () => {
    const strict = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--module", "nodenext"];
    run("npx", [
      "tsc",
      ...strict,
      "--target",
      "es2023",
      "--lib",
      "es2023,esnext.disposable,dom",
      "--types",
      "node",
      "program.ts",
    ]);
  });
  writeFileSync(join(folder, "observer.js"), OBSERVER);
  const trains = (environment, kernels) => {
    const printed = run(process.execPath, ["observer.js"], folder, environment);
    const expected = `true true 4x1\n${kernels}\n`;
    if (printed !== expected) throw new Error(`expected "${expected}". Received: ${printed}`);
  };
  check("trains, saves and loads", () => {
    trains({ KERAS_TS_KERNELS: "" }, built ? "our kernels" : "the engine's kernels");
  });
  check("does so without our kernels", () => trains({ KERAS_TS_KERNELS: "off" }, "the engine's kernels"));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
