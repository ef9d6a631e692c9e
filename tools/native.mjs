/**
 * Builds our kernels and their binding to ONNX Runtime into native/build/<platform>-<arch>/keras.node.
 *
 *   node tools/native.mjs                 builds what has changed, for the processor at hand
 *   node tools/native.mjs --all           the same for all processors of its kind, as a published package needs it
 *   node tools/native.mjs --if-possible   the same; without a compiler it says so and succeeds
 *   node tools/native.mjs --test          builds and runs native/test, once for each instruction set
 *
 * Kernels are compiled once for each instruction set; at run time the processor's is chosen (native/src/kernels.cc).
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const source = join(root, "native/src");
const target = join(root, `native/build/${process.platform}-${process.arch}`);
const library = join(target, "keras.node");
/** Names the instruction sets that the library was built for. */
const builtSets = join(target, "sets");
const ifPossible = process.argv.includes("--if-possible");

/** Flags of each instruction set, by the name of its namespace. */
const INSTRUCTION_SETS = {
  x64: {
    avx512: ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mavx2", "-mfma", "-mprefer-vector-width=512"],
    avx2: ["-mavx2", "-mfma"],
    sse2: ["-O2"], // for few machines, and little faster with more
  },
  arm64: { neon: [] },
}[process.arch];

/** What the processor at hand needs. */
function setsHere() {
  const all = Object.keys(INSTRUCTION_SETS);
  if (process.argv.includes("--all") || !existsSync("/proc/cpuinfo") || process.arch !== "x64") return all;
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1].split(" "));
  const has = (...names) => names.every((name) => flags.has(name));
  const has2 = has("avx2", "fma");
  if (has2 && has("avx512f", "avx512vl", "avx512dq", "avx512bw")) return ["avx512"];
  return [has2 ? "avx2" : "sse2"];
}

const COMMON = ["-std=c++17", "-fPIC", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden", "-Wall", "-Wextra"];
// Products and sums become one instruction wherever they meet: g++ does that by itself, clang++ only within an expression.
// Vectors wider than the instruction set's own cross no boundary between files.
const KERNELS = [...COMMON, "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-Wno-psabi"];
const GLUE = [...COMMON, "-O2"];

/** Ends with a sentence. Where the build was only wished for that is no failure, and a library of older sources goes. */
function giveUp(why) {
  console.error(`native kernels: ${why}${ifPossible ? "; the engine's own kernels are used" : ""}`);
  if (ifPossible) rmSync(library, { force: true });
  process.exit(ifPossible ? 0 : 1);
}

const runs = (command) => spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;

function findCompiler() {
  const compiler = [process.env.CXX, "g++", "clang++"].find((command) => command && runs(command));
  return compiler ?? giveUp("no C++ compiler was found (g++ or clang++, or set CXX)");
}

function headers() {
  try {
    return createRequire(import.meta.url)("node-api-headers").include_dir;
  } catch {
    return giveUp("the package node-api-headers is not installed");
  }
}

const filesIn = (folder, ending) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .filter((name) => name.endsWith(ending))
        .map((name) => join(folder, name))
    : [];
const changed = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** What a program of several files is made of: `[object, source, flags]`, and the newest header. */
function objects(sets) {
  const kernels = sets.flatMap((set) =>
    filesIn(join(source, "kernels"), ".cc").map((path) => [
      join(target, "objects", set, `${basename(path, ".cc")}.o`),
      path,
      [...KERNELS, ...INSTRUCTION_SETS[set], `-DKERAS_ISA=${set}`],
    ]),
  );
  const include = `-I${headers()}`;
  const glue = filesIn(source, ".cc")
    .filter((path) => dirname(path) !== join(source, "kernels"))
    .map((path) => [
      join(target, "objects", dirname(path) === source ? "." : basename(dirname(path)), `${basename(path, ".cc")}.o`),
      path,
      [...GLUE, include],
    ]);
  return { kernels, glue };
}

function execute(command, args) {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, args, { cwd: root });
    child.stdout.on("data", (text) => {
      output += text;
    });
    child.stderr.on("data", (text) => {
      output += text;
    });
    child.on("error", (error) => resolve({ status: 1, output: error.message }));
    child.on("close", (status) => resolve({ status, output }));
  });
}

/** Runs a command; its words are shown when it fails, and so are warnings. */
async function must(command, args) {
  const { status, output } = await execute(command, args);
  if (output) console.error(output.trimEnd());
  if (status !== 0) giveUp(`${command} failed on ${args.find((arg) => arg.endsWith(".cc")) ?? "linking"}`);
}

/** The files that an object was made of, from the rule that the compiler left beside it. */
function sourcesOf(object) {
  const rule = object.replace(/\.o$/, ".d");
  if (!existsSync(rule)) return [];
  const text = readFileSync(rule, "utf8").replaceAll("\\\n", " ");
  return text
    .slice(text.indexOf(": ") + 2)
    .split(/\s+/)
    .filter(Boolean)
    .map((path) => resolve(root, path));
}

/** Whether an object is younger than its sources, and than this file, which has its flags. */
function isCurrent(object) {
  const time = changed(object);
  if (changed(fileURLToPath(import.meta.url)) > time) return false;
  const sources = sourcesOf(object);
  return sources.length > 0 && sources.every((path) => existsSync(path) && changed(path) < time);
}

/** Compiles objects, as many at a time as there are cores. */
async function compile(compiler, stale) {
  for (const [object] of stale) mkdirSync(dirname(object), { recursive: true });
  const queue = [...stale].sort((a, b) => statSync(b[1]).size - statSync(a[1]).size);
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [object, path, flags] = next;
      await must(compiler, [...flags, "-MMD", "-c", path, "-o", object]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

const objectsOf = (parts) => parts.map(([object]) => object);
const isStale = (result, parts) => parts.some((part) => changed(part) > changed(result));

/** Silent, and without a look for a compiler, where nothing has changed: tests and examples call it first. */
async function buildLibrary() {
  const sets = setsHere();
  const { kernels, glue } = objects(sets);
  const parts = objectsOf([...kernels, ...glue]);
  const stale = [...kernels, ...glue].filter(([object]) => !isCurrent(object));
  const built = existsSync(builtSets) ? readFileSync(builtSets, "utf8").split(" ") : [];
  if (stale.length === 0 && !isStale(library, parts) && sets.every((set) => built.includes(set))) return;
  const compiler = findCompiler();
  const start = performance.now();
  await compile(compiler, stale);
  // The C++ library goes into ours on Linux: another machine's may be older. Node's functions are found when it loads.
  const link =
    process.platform === "darwin"
      ? ["-bundle", "-undefined", "dynamic_lookup"]
      : ["-shared", "-s", "-static-libstdc++", "-static-libgcc", "-Wl,--exclude-libs,ALL", "-pthread", "-ldl"];
  await must(compiler, [...parts, ...link, "-o", library]);
  writeFileSync(builtSets, sets.join(" "));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.error(`native kernels: compiled ${stale.length} files in ${seconds} s`);
}

/** Builds each program of native/test with the kernels and runs it; prints the sum of their `N passed, N failed`. */
async function test() {
  const compiler = findCompiler();
  const { kernels, glue } = objects(Object.keys(INSTRUCTION_SETS));
  const engine = new Set(["ort", "session", "module"]);
  const plain = glue.filter(([, path]) => dirname(path) === source && !engine.has(basename(path, ".cc")));
  const programs = filesIn(join(root, "native/test"), ".cc").map((path) => [
    join(target, "objects/test", `${basename(path, ".cc")}.o`),
    path,
    [...GLUE, `-I${source}`],
  ]);
  await compile(
    compiler,
    [...kernels, ...plain, ...programs].filter(([object]) => !isCurrent(object)),
  );
  let passed = 0;
  let failed = 0;
  for (const [object, path] of programs) {
    const program = join(target, "test", basename(path, ".cc"));
    const parts = objectsOf([...kernels, ...plain]).concat(object);
    mkdirSync(dirname(program), { recursive: true });
    if (isStale(program, parts)) await must(compiler, [...parts, "-pthread", "-ldl", "-o", program]);
    for (const set of Object.keys(INSTRUCTION_SETS)) {
      const run = spawnSync(program, [], { encoding: "utf8", env: { ...process.env, KERAS_TS_ISA: set } });
      const counts = /(\d+) passed, (\d+) failed\s*$/.exec(run.stdout ?? "");
      const right = run.status === 0 && counts !== null;
      console.log(
        `${right ? "ok   " : "FAIL "} ${basename(path, ".cc")}, ${set}${counts ? `: ${counts[0].trim()}` : ""}`,
      );
      if (!right) console.log(`${run.stdout}${run.stderr}${run.signal ?? ""}`);
      passed += Number(counts?.[1] ?? 0);
      failed += Number(counts?.[2] ?? 0);
      if (!right && !(Number(counts?.[2]) > 0)) failed++;
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

if (process.platform === "win32") giveUp("building on Windows is not supported yet");
if (!INSTRUCTION_SETS) giveUp(`processors of type "${process.arch}" are not supported yet`);
await (process.argv.includes("--test") ? test() : buildLibrary());
