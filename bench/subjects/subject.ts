/** Who is measured, and how to ask: each subject is a process that is given a task and answers with one line of JSON. */
import { spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const SUBJECTS = ["keras-ts", "keras-jax", "keras-tensorflow", "tfjs-wasm", "tfjs-cpu"] as const;
export type SubjectName = (typeof SUBJECTS)[number];

/** The one the others are compared with. */
export const OURS: SubjectName = "keras-ts";

/** What a subject's process printed, or why it printed nothing usable. */
export type Answer = { values: Record<string, unknown>; startedAt: number } | { error: string };

interface Command {
  readonly program: string;
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("../../", import.meta.url));
const python = `${root}.bench/venv/${process.platform === "win32" ? "Scripts/python.exe" : "bin/python"}`;
const keras = (backend: string): Command => ({
  program: python,
  script: `${root}bench/subjects/pythonKeras.py`,
  environment: { KERAS_BACKEND: backend, TF_CPP_MIN_LOG_LEVEL: "2", JAX_PLATFORMS: "cpu" },
});
const tfjs = (backend: string): Command => ({
  program: process.execPath,
  script: `${root}bench/subjects/tfjs.mjs`,
  environment: { TFJS_BACKEND: backend },
});

const COMMANDS: Readonly<Record<SubjectName, Command>> = {
  "keras-ts": { program: process.execPath, script: `${root}.bench/build/kerasTs.mjs`, environment: {} },
  "keras-jax": keras("jax"),
  "keras-tensorflow": keras("tensorflow"),
  "tfjs-wasm": tfjs("wasm"),
  "tfjs-cpu": tfjs("cpu"),
};

/** Builds the package as it is published, and our subject on top of it: what starts is what users start. */
export async function compileOurs(): Promise<void> {
  rmSync(`${root}.bench/build`, { recursive: true, force: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, ["tools/build.mjs"], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`bench: building keras-ts failed\n${stdout}${stderr}`);
  await build({
    entryPoints: { kerasTs: `${root}bench/subjects/kerasTs.ts` },
    outdir: `${root}.bench/build`,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    plugins: [
      {
        name: "the built package",
        setup: ({ onResolve }) =>
          onResolve({ filter: /\/src\/node\.ts$/ }, () => ({ path: "../../dist/node.js", external: true })),
      },
    ],
  });
}

/** Runs one task of a subject in a fresh process, with `extra` variables in its environment. */
export function ask(
  name: SubjectName,
  task: string,
  parameters: object,
  timeoutMs: number,
  extra: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { program, script, environment } = COMMANDS[name];
  return new Promise((resolve) => {
    const startedAt = performance.timeOrigin + performance.now();
    const child = spawn(program, [script, task, JSON.stringify(parameters)], {
      cwd: root,
      env: { ...commonEnvironment(), ...environment, ...extra },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let errors = "";
    let late = false;
    child.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      errors += text;
    });
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ error: error.message });
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (late) resolve({ error: `no answer within ${timeoutMs / 1000} s` });
      else if (code !== 0) resolve({ error: errorLine(errors) ?? `ended with ${signal ?? `status ${code}`}` });
      else resolve(parse(out, startedAt));
    });
  });
}

/** Threads as many as there are cores, for whoever listens to such variables; nothing that bends a rival's kernels. */
function commonEnvironment(): NodeJS.ProcessEnv {
  const { OPENBLAS_CORETYPE: _, NODE_OPTIONS: __, ...inherited } = process.env;
  const threads = String(availableParallelism());
  const names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"];
  return { ...inherited, ...Object.fromEntries(names.map((name) => [name, threads])) };
}

/** The answer is the last line: libraries greet and warn on standard output too. */
function parse(out: string, startedAt: number): Answer {
  const line = out.trimEnd().split("\n").at(-1) ?? "";
  try {
    return { values: JSON.parse(line) as Record<string, unknown>, startedAt };
  } catch {
    return { error: `expected one line of JSON. Received: ${JSON.stringify(line.slice(0, 200))}` };
  }
}

/** The line of a stack trace, of Python or of Node, that says what went wrong. */
function errorLine(errors: string): string | null {
  const lines = errors.split("\n").map((line) => line.trim());
  const said = lines.filter((line) => /^(Uncaught )?[\w.]*(Error|Exception|NotFound)\b.*:/.test(line)).at(-1);
  return (said ?? lines.filter(Boolean).at(-1))?.slice(0, 300) ?? null;
}
