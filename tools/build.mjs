/** Builds the package into dist/ and checks that everything package.json promises is there. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";

const root = new URL("../", import.meta.url);
rmSync(new URL("dist/", root), { recursive: true, force: true });
const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

const { exports } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
const promised = Object.values(exports["."]).flatMap((entry) => Object.values(entry));
const missing = promised.filter((path) => !existsSync(new URL(path, root)));
if (missing.length > 0) {
  console.error(`build: package.json promises files that are not there: ${missing.join(", ")}`);
  process.exit(1);
}
const loaded = await import(new URL("dist/node.js", root));
console.log(`built dist/: ${Object.keys(loaded).length} public names`);
