/**
 * Installs the rivals that `npm run bench` measures us against, into `.bench/` (ignored by git): a Python virtual
 * environment with Keras, JAX and TensorFlow, and TensorFlow.js. They are no dependencies of the project: nothing here
 * touches its package.json. What is there already is brought up to the pins; deleting `.bench/` uninstalls everything.
 *
 *     npm run bench:setup                        # PYTHON=python3.12 names another interpreter
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const home = `${root}.bench`;

/** The last release of TensorFlow.js; the union package is left out because it brings WebGL and the converter along. */
const TFJS = "4.22.0";

const steps = [
  ["Keras with JAX and TensorFlow", installKeras],
  ["TensorFlow.js", installTfjs],
];

const failed = [];
mkdirSync(home, { recursive: true });
for (const [what, install] of steps) {
  console.log(`\n== ${what}`);
  try {
    install();
  } catch (error) {
    failed.push(what);
    console.error(`${what}: ${error.message}`);
  }
}
if (failed.length > 0) {
  console.error(`\nNot installed: ${failed.join(", ")}. The benchmark runs without them and names them as missing.`);
  process.exitCode = 1;
} else {
  console.log("\nAll rivals are installed. Run: npm run bench");
}

/** The pins are those of the fixtures' generators, so that the Keras we are fast against is the Keras we agree with. */
function installKeras() {
  const python = process.platform === "win32" ? `${home}/venv/Scripts/python.exe` : `${home}/venv/bin/python`;
  if (!existsSync(python)) run(process.env.PYTHON ?? "python3", ["-m", "venv", `${home}/venv`]);
  run(python, ["-m", "pip", "install", "--requirement", `${root}tools/fixtures/requirements.txt`]);
}

function installTfjs() {
  mkdirSync(`${home}/tfjs`, { recursive: true });
  const dependencies = Object.fromEntries(
    ["core", "layers", "backend-wasm", "backend-cpu"].map((part) => [`@tensorflow/tfjs-${part}`, TFJS]),
  );
  const manifest = { name: "keras-ts-bench-tfjs", private: true, type: "module", dependencies };
  writeFileSync(`${home}/tfjs/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
  run("npm", ["install", "--no-audit", "--no-fund"], `${home}/tfjs`);
}

function run(command, args, cwd = root) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit", shell: process.platform === "win32" });
  if (error) throw error;
  if (status !== 0) throw new Error(`"${command} ${args.join(" ")}" ended with status ${status}`);
}
