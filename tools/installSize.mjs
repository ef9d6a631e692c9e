/**
 * Counts what an install brings: packs the library, installs it into an empty project, and adds up files and packages.
 *
 *   node tools/installSize.mjs            what a Node user gets
 *   node tools/installSize.mjs --browser  what a browser user gets (no native engine, onnxruntime-web instead)
 *   node tools/installSize.mjs --python   what `pip install keras tensorflow` brings on this machine, for comparison
 */
import { execFileSync } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const browser = process.argv.includes("--browser");
const npm = (args, cwd) => execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

function sizeOf(path) {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

if (process.argv.includes("--python")) {
  const folder = mkdtempSync(join(tmpdir(), "keras-python-size-"));
  try {
    execFileSync("python3", ["-m", "venv", folder], { stdio: "inherit" });
    const before = sizeOf(folder);
    const python = join(folder, "bin", "python");
    execFileSync(python, ["-m", "pip", "install", "--quiet", "keras", "tensorflow"], { stdio: "inherit" });
    const listed = execFileSync(python, ["-m", "pip", "list", "--format=json"], { encoding: "utf8" });
    const packages = JSON.parse(listed).filter(({ name }) => !["pip", "setuptools"].includes(name));
    console.log(
      `${((sizeOf(folder) - before) / 1e6).toFixed(1)} MB  in ${packages.length} packages (pip install keras tensorflow)`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit();
}

execFileSync(process.execPath, ["tools/build.mjs"], { cwd: root, stdio: "inherit" });
const folder = mkdtempSync(join(tmpdir(), "keras-ts-size-"));
try {
  const [{ filename }] = JSON.parse(npm(["pack", "--json", "--pack-destination", folder], root));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  // The native engine's script fetches CUDA libraries on Linux; a Node user on the CPU needs none.
  writeFileSync(join(folder, ".npmrc"), readFileSync(join(root, ".npmrc")));
  const extra = browser ? ["--omit=optional", "onnxruntime-web"] : [];
  npm(["install", "--no-audit", "--no-fund", "--ignore-scripts", join(folder, filename), ...extra], folder);
  const modules = join(folder, "node_modules");
  const names = readdirSync(modules).flatMap((name) =>
    name.startsWith("@")
      ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`)
      : name.startsWith(".")
        ? []
        : [name],
  );
  const sizes = names.map((name) => [name, sizeOf(join(modules, name))]).sort((a, b) => b[1] - a[1]);
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1).padStart(7);
  for (const [name, bytes] of sizes) console.log(`${megabytes(bytes)} MB  ${name}`);
  const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(`${megabytes(total)} MB  in ${names.length} packages (${browser ? "browser" : "Node"} user)`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
