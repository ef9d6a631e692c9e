/**
 * Runs a guide: takes the ```ts blocks of a Markdown document in order, joins them into one module, checks its types strictly
 * and runs it. Every line of code keeps its number, so errors point into the document.
 *
 *     tsx tools/guide.ts [guides/functional_api.md]
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const PACKAGE = "keras-ts";

const IMPORT = /^import .* from "([^"]+)";$/;

/**
 * The module that a document is. Blocks under one `##` heading share a scope; those before the second heading are
 * visible in all of them.
 *
 * @param folder - Where the document lies, from which its relative imports start.
 */
export function moduleOf(document: string, folder: string): { code: string; blocks: number } {
  const imports: string[] = [];
  let blocks = 0;
  let headings = 0;
  let inside: "prose" | "code" | "other" = "prose";
  const lines = document.split("\n").map((line, i) => {
    if (line.startsWith("```")) {
      inside = inside !== "prose" ? "prose" : /^```(ts|typescript)$/.test(line) ? "code" : "other";
      if (inside === "code") blocks++;
      return "";
    }
    if (inside === "code") {
      const from = IMPORT.exec(line)?.[1];
      if (from === undefined) {
        if (/^\s*(import|export) /.test(line))
          throw new Error(`line ${i + 1}: an import must fit in one line: ${line}`);
        return line;
      }
      const target =
        from === PACKAGE ? join(ROOT, "src", "node.ts") : from.startsWith(".") ? resolve(folder, from) : from;
      imports.push(line.replace(`"${from}"`, JSON.stringify(target)));
      return "";
    }
    if (inside === "other" || !line.startsWith("## ")) return "";
    headings++;
    const say = `console.log(${JSON.stringify(`\n${line}\n`)});`;
    return headings === 1 ? say : headings === 2 ? `${say} {` : `} ${say} {`;
  });
  if (inside !== "prose") throw new Error("the last block is not closed");
  return { code: `${imports.join(" ")} ${lines.join("\n")}${headings > 1 ? "}" : ""}\nexport {};\n`, blocks };
}

/** Errors of types in the document's own lines. The library's files have a check of their own: `npm run types`. */
function typeErrors(path: string, folder: string): string[] {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const run = spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { cwd: folder, encoding: "utf8" });
  if (run.error) throw run.error;
  const lines = run.stdout.split("\n");
  if (run.status !== 0 && !lines.some((line) => /error TS/.test(line))) throw new Error(run.stdout + run.stderr);
  return lines.filter((line) => line.startsWith("guide.ts(")).map((line) => line.replace("guide.ts", path));
}

/** @returns Whether all of it ran. */
function runGuide(path: string): boolean {
  const { code, blocks } = moduleOf(readFileSync(path, "utf8"), dirname(resolve(path)));
  const folder = mkdtempSync(join(tmpdir(), "keras-ts-guide-"));
  try {
    writeFileSync(join(folder, "guide.ts"), code);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    // The imports of the module are absolute paths.
    const compilerOptions = {
      rewriteRelativeImportExtensions: false,
      typeRoots: [join(ROOT, "node_modules", "@types")],
    };
    const tsconfig = { extends: join(ROOT, "tsconfig.json"), compilerOptions, include: [], files: ["guide.ts"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
    console.log(`${path}: ${blocks} blocks. Checking their types …`);
    const errors = typeErrors(path, folder);
    for (const error of errors) console.error(error);
    if (errors.length > 0) return false;
    // Files that the guide writes go where nobody keeps them.
    const work = join(folder, "files");
    mkdirSync(work);
    const loader = pathToFileURL(join(ROOT, "node_modules", "tsx", "dist", "loader.mjs")).href;
    const run = spawnSync(process.execPath, ["--import", loader, join(folder, "guide.ts")], {
      cwd: work,
      stdio: "inherit",
    });
    if (run.error) throw run.error;
    if (run.status === 0) console.log(`\n${path}: all ${blocks} blocks ran.`);
    else console.error(`\n${path} ended with ${run.signal ?? run.status}. Lines of guide.ts above are its lines.`);
    return run.status === 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const path = process.argv[2] ?? relative(process.cwd(), join(ROOT, "guides", "functional_api.md"));
  if (!runGuide(path)) process.exitCode = 1;
}
