/** Bundles pages the way users do: the package is installed in a project, and found there through its exports map. */
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const pages = fileURLToPath(new URL("../", import.meta.url));

/** The file that holds the engine, and the one that its threads can be started from. */
export const WASM_FILE = "ort-wasm-simd-threaded.wasm";
export const THREAD_FILE = "ort-wasm-simd-threaded.mjs";
const { resolve } = createRequire(join(root, "package.json"));
export const engineFile = (name) => resolve(`onnxruntime-web/${name}`);

/** A project with the built package and what it needs among its node_modules, as `npm install` leaves it. */
export async function makeProject(folder) {
  const modules = join(folder, "node_modules");
  const installed = join(modules, "keras-ts");
  await mkdir(installed, { recursive: true });
  await cp(join(root, "dist"), join(installed, "dist"), { recursive: true });
  await cp(join(root, "package.json"), join(installed, "package.json"));
  const { dependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  for (const name of [...Object.keys(dependencies), "onnxruntime-web"]) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(root, "node_modules", name), join(modules, name), "junction");
  }
}

/** Pages import the source, for its types; what is bundled is the package under its name. */
const SOURCE = /src\/browser\.ts$/;
const vitePlugin = (project) => ({
  name: "keras-ts-as-package",
  enforce: "pre",
  resolveId(id) {
    return SOURCE.test(id) ? this.resolve("keras-ts", join(project, "main.js")) : null;
  },
});

/** @returns esbuild's metafile, and its warnings as text */
export async function bundleWithEsbuild(project, outdir, names, { splitting = true } = {}) {
  const { metafile, warnings } = await build({
    absWorkingDir: project,
    entryPoints: names.map((name) => join(pages, `${name}.ts`)),
    outdir,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2023",
    charset: "utf8",
    minify: true,
    splitting,
    metafile: true,
    logLevel: "silent",
    plugins: [
      {
        name: "keras-ts-as-package",
        setup(bundler) {
          bundler.onResolve({ filter: SOURCE }, ({ kind }) =>
            bundler.resolve("keras-ts", { kind, resolveDir: project }),
          );
        },
      },
    ],
  });
  return { metafile, warnings: warnings.map(({ text, location }) => `${location?.file ?? ""}: ${text}`) };
}

/** Bundles with Vite (which vitest brings), and copies nothing: Vite finds the engine's file itself. @returns warnings */
export async function bundleWithVite(project, outDir, name) {
  const vite = await import("vite");
  const warnings = [];
  await vite.build({
    root: pages,
    base: "./",
    configFile: false,
    logLevel: "silent",
    plugins: [vitePlugin(project)],
    worker: { format: "es", plugins: () => [vitePlugin(project)] },
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2023",
      chunkSizeWarningLimit: 10_000,
      rolldownOptions: {
        input: join(pages, `${name}.ts`),
        output: { entryFileNames: "[name].js" },
        onwarn({ code, message }) {
          // How long plugins took says more about the machine than about the bundle.
          if (code !== "PLUGIN_TIMINGS") warnings.push(message);
        },
      },
    },
  });
  return warnings;
}

/** Starts Vite's development server on a page that shows one computed number as its title. */
export async function developWithVite(project) {
  const vite = await import("vite");
  await writeFile(join(project, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
  await writeFile(
    join(project, "main.js"),
    `import * as keras from "keras-ts";
const data = keras.tensor([20]).add(1).mul(2).data();
document.title = await data.then(String, (error) => error.message);`,
  );
  const server = await vite.createServer({
    root: project,
    configFile: false,
    logLevel: "silent",
    // The packages of the project are links to this repository's.
    server: { host: "127.0.0.1", port: 0, fs: { strict: false } },
  });
  await server.listen();
  return { address: server.resolvedUrls.local[0], close: () => server.close() };
}

/** Output files that load together with the page's own, by esbuild's metafile: what is imported statically from it. */
export function eagerFiles({ outputs }, entry) {
  const [first] = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(`/${entry}.ts`));
  const found = new Set([first]);
  for (const file of found) {
    for (const { path, kind, external } of outputs[file].imports) {
      if (kind === "import-statement" && !external) found.add(path);
    }
  }
  return [...found];
}
