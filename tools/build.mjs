/**
 * Builds the package into dist/: type declarations file by file, code bundled into one file an entry plus what they share. Loading
 * 250 modules one by one takes twice as long as loading a bundle, and that is most of the time to a first result. Dependencies
 * stay imports of their own, and what is imported on first use stays so.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = new URL("../", import.meta.url);
rmSync(new URL("dist/", root), { recursive: true, force: true });
const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

await build({
  absWorkingDir: fileURLToPath(root),
  entryPoints: { node: "src/node.ts", browser: "src/browser.ts" },
  outdir: "dist",
  bundle: true,
  splitting: true,
  chunkNames: "shared/[name]-[hash]",
  format: "esm",
  platform: "neutral",
  packages: "external",
  external: ["node:*"],
  target: "es2023",
  // Names of classes are part of messages and files.
  keepNames: true,
  sourcemap: true,
  logLevel: "warning",
});

const { exports } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
const promised = Object.values(exports["."]).flatMap((entry) => Object.values(entry));
const missing = promised.filter((path) => !existsSync(new URL(path, root)));
if (missing.length > 0) {
  console.error(`build: package.json promises files that are not there: ${missing.join(", ")}`);
  process.exit(1);
}
const loaded = await import(new URL("dist/node.js", root));
console.log(`built dist/: ${Object.keys(loaded).length} public names`);
