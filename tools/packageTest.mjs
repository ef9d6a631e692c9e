/**
 * Uses the package as somebody who installed it: packs it, installs it into an empty project, type-checks a strict program that
 * needs no cast, and runs it. Ends with `N passed, N failed`.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "keras-ts-package-"));
const run = (command, args, cwd = folder) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

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
  const [{ filename }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder], root));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  copyFileSync(join(root, ".npmrc"), join(folder, ".npmrc"));
  check("installs into an empty project", () => {
    run("npm", ["install", "--no-audit", "--no-fund", join(folder, filename), "typescript", "@types/node"]);
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
  check("trains, saves and loads", () => {
    const printed = run(process.execPath, ["program.js"]);
    if (printed.trim() !== "true true 4x1") throw new Error(`expected "true true 4x1". Received: ${printed}`);
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
