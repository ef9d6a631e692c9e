/**
 * Files in both directions between keras-ts and real Python Keras: `npm run test:interop`.
 *
 * Saves models here and loads them there, saves models there and loads them here; compares predictions, weights, optimizer
 * state and further training steps. Makes `.venv` with the pinned packages of tools/fixtures/requirements.txt the first time.
 * One line per file; the last line says how many passed and failed; the exit code is 1 when one failed.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const venv = join(root, ".venv");
const python = join(venv, ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
const requirements = join("tools", "fixtures", "requirements.txt");
const environment = { ...process.env, KERAS_BACKEND: "jax", JAX_PLATFORMS: "cpu", TF_CPP_MIN_LOG_LEVEL: "3" };

/** Runs a program in the repository's root; its output is returned and, unless `quiet`, shown. */
function run(command, args, quiet = false) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let problems = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      // The programs' own totals are left out: the one at the end counts both directions.
      if (!quiet) process.stdout.write(text.replace(/^\d+ passed, \d+ failed\n/m, ""));
    });
    // Libraries chatter on standard error; it matters when something failed.
    child.stderr.setEncoding("utf8").on("data", (text) => {
      problems += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== 0) process.stderr.write(problems);
      resolve({ code, output });
    });
  });
}

function mustSucceed(what, { code }) {
  if (code !== 0) throw new Error(`${what} failed with exit code ${code}`);
}

async function preparePython() {
  if (!existsSync(python)) {
    const base = process.platform === "win32" ? "python" : "python3";
    mustSucceed(`${base} -m venv`, await run(base, ["-m", "venv", ".venv"]));
  }
  const probe = "import keras, jax, h5py; print(keras.__version__)";
  const { status } = spawnSync(python, ["-c", probe], { cwd: root, env: environment });
  if (status === 0) return;
  console.log(`Installing ${requirements} into .venv`);
  mustSucceed("pip install", await run(python, ["-m", "pip", "install", "--quiet", "--requirement", requirements]));
}

/** Numbers of the line that ends a checker's output; a checker that died counts as one failure. */
function totals({ code, output }) {
  const [, passed, failed] = /(\d+) passed, (\d+) failed\s*$/.exec(output) ?? [null, 0, 1];
  return { passed: Number(passed), failed: Math.max(Number(failed), code === 0 ? 0 : 1) };
}

const typescript = (file, ...args) => run(process.execPath, ["--import", "tsx", file, ...args]);

const folder = await mkdtemp(join(tmpdir(), "keras-interop-"));
try {
  await preparePython();
  const [ours, theirs] = [join(folder, "ours"), join(folder, "theirs")];
  console.log("Saved here, loaded by Python Keras:");
  mustSucceed("saving here", await typescript("test/interop/saveOurs.ts", ours));
  const there = totals(await run(python, ["test/interop/check_ours.py", ours]));
  console.log("Saved by Python Keras, loaded here:");
  mustSucceed("saving in Python", await run(python, ["test/interop/make_theirs.py", theirs], true));
  const here = totals(await typescript("test/interop/checkTheirs.ts", theirs));
  console.log("Image models with weights that Python Keras wrote:");
  const images = join(folder, "applications");
  mustSucceed("writing weights in Python", await run(python, ["test/interop/make_applications.py", images], true));
  const applications = totals(await typescript("test/interop/checkApplications.ts", images));
  console.log("A model for text and tables, both ways:");
  const [ourTexts, theirTexts] = [join(folder, "our-texts"), join(folder, "their-texts")];
  mustSucceed("saving here", await typescript("test/interop/textModels.ts", "make", ourTexts));
  const textsThere = totals(await run(python, ["test/interop/text_models.py", "check", ourTexts]));
  mustSucceed("saving in Python", await run(python, ["test/interop/text_models.py", "make", theirTexts], true));
  const textsHere = totals(await typescript("test/interop/textModels.ts", "check", theirTexts));
  console.log("The models of examples for texts, both ways:");
  const [ourExamples, theirExamples] = [join(folder, "our-examples"), join(folder, "their-examples")];
  mustSucceed("saving here", await typescript("test/interop/exampleModels.ts", "make", ourExamples));
  const examplesThere = totals(await run(python, ["test/interop/example_models.py", "check", ourExamples]));
  mustSucceed("saving in Python", await run(python, ["test/interop/example_models.py", "make", theirExamples], true));
  const examplesHere = totals(await typescript("test/interop/exampleModels.ts", "check", theirExamples));
  console.log("Layers and models of the user, both ways:");
  const [ourCustom, theirCustom] = [join(folder, "our-custom"), join(folder, "their-custom")];
  mustSucceed("saving here", await typescript("test/interop/customModels.ts", "make", ourCustom));
  const customThere = totals(await run(python, ["test/interop/custom_models.py", "check", ourCustom]));
  mustSucceed("saving in Python", await run(python, ["test/interop/custom_models.py", "make", theirCustom], true));
  const customHere = totals(await typescript("test/interop/customModels.ts", "check", theirCustom));
  console.log("Models of mixed precision, both ways:");
  const [ourPrecision, theirPrecision] = [join(folder, "our-precision"), join(folder, "their-precision")];
  mustSucceed("saving here", await typescript("test/interop/precisionModels.ts", "make", ourPrecision));
  const precisionThere = totals(await run(python, ["test/interop/precision_models.py", "check", ourPrecision]));
  mustSucceed(
    "saving in Python",
    await run(python, ["test/interop/precision_models.py", "make", theirPrecision], true),
  );
  const precisionHere = totals(await typescript("test/interop/precisionModels.ts", "check", theirPrecision));
  const texts = [textsThere, textsHere, examplesThere, examplesHere];
  const all = [there, here, applications, ...texts, customThere, customHere, precisionThere, precisionHere];
  const failed = all.reduce((sum, part) => sum + part.failed, 0);
  console.log(`${all.reduce((sum, part) => sum + part.passed, 0)} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}
