/**
 * The built package in a real browser: `npm run test:browser`.
 *
 * Builds dist/, bundles the pages of test/platform as a user's bundler would (esbuild, and Vite), serves them from this machine
 * with a strict Content-Security-Policy, with and without the headers that allow threads, and opens them in Chromium.
 * One line per check; the last line says how many passed and failed; the exit code is 1 when one failed.
 *
 * Environment: CHROMIUM names the browser (default /usr/bin/chromium; Chrome will do), SCREENSHOT a file for a picture of
 * the page in which the model is drawn.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import * as bundle from "../test/platform/support/bundle.mjs";
import { openPage, PAGE_TIMEOUT } from "../test/platform/support/openPage.mjs";
import { serve } from "../test/platform/support/serve.mjs";
import { printSizes } from "../test/platform/support/sizes.mjs";

const { WASM_FILE, THREAD_FILE } = bundle;
const root = fileURLToPath(new URL("..", import.meta.url));
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** Compressed bytes that a page may load before it computes: what it is with all layers and ops that files may name, and a third as much again. */
const MOST_BYTES = 400_000;
/** Parts that a page must not load before it uses them. */
const LAZY = ["onnxruntime", "h5wasm", "@hpcc-js/wasm-graphviz", "@resvg", "@fontsource", "backend/reference"];

let passed = 0;
let failed = 0;
function result(name, error) {
  if (error) failed++;
  else passed++;
  console.log(error ? `FAILED ${name}\n       ${String(error).replaceAll("\n", "\n       ")}` : `ok     ${name}`);
}
const expect = (name, condition, received) => result(name, condition ? null : `Received: ${received}`);

const node = (...args) =>
  execFileSync(process.execPath, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

/** What a bundle holds, by esbuild's account. */
function checkBundle(entry, { metafile, warnings }) {
  expect(`${entry}: the bundler has nothing to complain about`, warnings.length === 0, warnings.join("\n"));
  const inputs = Object.keys(metafile.inputs);
  const nodeOnly = [
    ...inputs.filter((path) => /onnxruntime-node|platform\/node|dist\/node\.js/.test(path)),
    ...Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter((i) => i.external).map((i) => i.path)),
  ];
  const asPackage = inputs.includes("node_modules/keras-ts/dist/browser.js");
  expect(`${entry}: the exports map leads to the entry for browsers`, asPackage, inputs.join("\n"));
  expect(`${entry}: no module of Node is reached`, nodeOnly.length === 0, nodeOnly.join(", "));
  const eager = bundle.eagerFiles(metafile, entry).flatMap((file) => Object.keys(metafile.outputs[file].inputs));
  const heavy = eager.filter((path) => LAZY.some((name) => path.includes(name)));
  expect(`${entry}: engines, HDF5, Graphviz and fonts are loaded when needed`, heavy.length === 0, heavy.join("\n"));
}

/** The first difference between figures of the browser and of Node, or `null`. */
function differenceOf(figures, expected) {
  for (const [key, value] of Object.entries(expected)) {
    if (typeof value === "string") {
      if (figures[key] !== value) return `${key}:\n${figures[key]}\ninstead of\n${value}`;
      continue;
    }
    const [a, b] = [[figures[key]].flat(), [value].flat()];
    const wrong = b.findIndex((x, i) => !(Math.abs(x - a[i]) <= 1e-4 * Math.max(1, Math.abs(x))));
    if (wrong >= 0 || a.length !== b.length) return `${key}[${wrong}] is ${a[wrong]}, in Node ${b[wrong]}`;
  }
  return null;
}

/** Goes through everything a user does, with one or two threads. */
async function session(browser, server, site, threads, expected, { picture, checkDownload } = {}) {
  const address = `/${site}/index.html?do=session&threads=${threads}`;
  const { report, lines, problems, downloads, page, close } = await openPage(browser, server, address);
  for (const [name, error] of Object.entries(report.checks)) result(`${site}: ${name}`, error);
  result(
    `${site}: summary, losses and predictions are Node's`,
    report.figures ? differenceOf(report.figures, expected) : "none",
  );
  const workers = page.workers().length;
  expect(`${site}: threads: ${threads}`, workers === threads - 1, `${workers} besides the page's own`);
  expect(`${site}: nothing went wrong in the console`, problems.length === 0, problems.join("\n"));
  const bar = /^19\/19 ━{20} \d+s \d+(ms|us)\/step - accuracy: 0\.\d{4} - loss: \d\.\d{4}$/;
  const readable = lines.filter((line) => bar.test(line)).length === 2 && !lines.some((line) => /\p{Cc}/u.test(line));
  expect(
    `${site}: the progress bar in the console can be read`,
    lines[0] === "Epoch 1/2" && readable,
    lines.join("\n"),
  );
  if (checkDownload) await checkDownload(downloads);
  if (picture) await page.screenshot({ path: picture, fullPage: true });
  await close();
}

/** Starts the engine only; `words` must be what the page says, or in what it says. */
async function start(browser, server, name, address, words, stop) {
  const { report, close } = await openPage(browser, server, address, stop);
  const said = report.value ?? JSON.stringify(report.checks);
  const right = words === "42" ? said === words : said.includes(words) && !said.includes("then:");
  result(name, right ? null : `expected "${words}". Received: ${said}`);
  await close();
}

async function inBrowser(browser, server, expected, checkDownload) {
  await session(browser, server, "plain", 1, expected, { picture: process.env.SCREENSHOT, checkDownload });
  const heavy = (files) => [...files.keys()].filter((path) => /hdf5|dist-/.test(path));
  const fetched = server.takeSent();
  expect("loading and drawing load HDF5's reader and Graphviz", heavy(fetched).length === 2, heavy(fetched).join(", "));
  const ofPage = [...fetched].filter(([path]) => path.startsWith("/plain"));
  printSizes("A page that trains, saves, loads and draws fetches", ofPage);
  for (const site of ["isolated", "viteIsolated"]) await session(browser, server, site, 2, expected);
  await session(browser, server, "vite", 1, expected);

  await start(browser, server, "computes: a page", "/plain/index.html?do=start", "42");
  const light = server.takeSent();
  expect("computing and saving load neither", light.size > 0 && heavy(light).length === 0, heavy(light).join(", "));
  const engine = `wasm=/engine/${WASM_FILE}`;
  for (const [name, address] of [
    ["a worker", "/plain/index.html?do=worker"],
    ["a worker with threads", "/isolated/index.html?do=worker&threads=2"],
    ["setWasmPaths with a folder", "/missing/index.html?do=start&wasm=/engine"],
    ["setWasmPaths with a file, relative to the page", `/missing/index.html?do=start&wasm=../engine/${WASM_FILE}`],
    ["one file", "/one/index.html?do=start"],
    [
      "one file, two threads, a file for threads",
      `/oneIsolated/index.html?do=start&threads=2&${engine}&mjs=/engine/${THREAD_FILE}`,
    ],
  ]) {
    await start(browser, server, `computes: ${name}`, address, "42");
  }
  const copy = `Copy node_modules/onnxruntime-web/dist/${WASM_FILE} there, or say where it is with keras.config.setWasmPaths`;
  for (const [name, address, words] of [
    ["no file", "/missing/index.html?do=start", `/missing/${WASM_FILE} (status 404). ${copy}`],
    ["a page in its place", "/astray/index.html?do=start", `/astray/${WASM_FILE} (status 200). ${copy}`],
    ["a wrong address", "/missing/index.html?do=start&wasm=/nowhere/", `/nowhere/${WASM_FILE} (status 404). ${copy}`],
    ["a policy against it", "/forbidden/index.html?do=start", "add 'wasm-unsafe-eval' to its script-src"],
  ]) {
    await start(browser, server, `no WebAssembly (${name}): the error says what to do`, address, words);
  }
  const words = "keras-ts: a thread of the engine has loaded the whole page";
  const stop = (text) => text.includes(words);
  await start(
    browser,
    server,
    "one file, two threads: the console says why",
    "/oneIsolated/index.html?do=start&threads=2",
    words,
    stop,
  );
}

async function inDevelopment(browser, project) {
  const server = await bundle.developWithVite(project);
  const page = await browser.newPage();
  await page.goto(server.address);
  await page.waitForFunction(() => document.title, null, { timeout: PAGE_TIMEOUT });
  const title = await page.title();
  expect("computes: Vite's development server", title === "42", title);
  await page.close();
  await server.close();
}

async function main(folder) {
  if (!existsSync(executablePath)) {
    throw new Error(
      `there is no browser at ${executablePath}. Install one (Debian: apt-get install chromium), or name yours: ` +
        "CHROMIUM=/path/to/chrome npm run test:browser",
    );
  }
  node("tools/build.mjs");
  const inside = (...parts) => join(folder, ...parts);
  for (const name of ["data", "pages", "one", "small", "engine", "vite", "project"]) await mkdir(inside(name));
  const digits = inside("data/digits.json");
  node("--import", "tsx", "test/platform/makeDigits.ts", digits);
  const expected = JSON.parse(node("--import", "tsx", "test/platform/nodeSide.ts", digits));
  for (const file of ["mlp_adam.keras", "mlp_adam.json"]) {
    await copyFile(join(root, "test/fixtures/keras", file), inside("data", file));
  }

  const project = inside("project");
  await bundle.makeProject(project);
  checkBundle("page", await bundle.bundleWithEsbuild(project, inside("pages"), ["page", "worker"]));
  await bundle.bundleWithEsbuild(project, inside("one"), ["page"], { splitting: false });
  const small = await bundle.bundleWithEsbuild(project, inside("small"), ["small"]);
  checkBundle("small", small);
  const eager = bundle.eagerFiles(small.metafile, "small").map((file) => join(project, file));
  const read = (file) => readFile(file).then((bytes) => [basename(file), bytes]);
  const title = "A page that imports { Input, Model, layers } fetches";
  const size = printSizes(title, await Promise.all(eager.map(read)));
  expect(`small: at most ${MOST_BYTES} bytes compressed`, size <= MOST_BYTES, size);
  for (const site of ["pages", "one", "engine"]) await copyFile(bundle.engineFile(WASM_FILE), inside(site, WASM_FILE));
  await copyFile(bundle.engineFile(THREAD_FILE), inside("engine", THREAD_FILE));
  const warnings = await bundle.bundleWithVite(project, inside("vite"), "page");
  expect("Vite has nothing to complain about", warnings.length === 0, warnings.join("\n"));

  const server = await serve({
    data: { folder: inside("data") },
    engine: { folder: inside("engine"), isolated: true },
    plain: { folder: inside("pages") },
    isolated: { folder: inside("pages"), isolated: true },
    vite: { folder: inside("vite") },
    viteIsolated: { folder: inside("vite"), isolated: true },
    one: { folder: inside("one") },
    oneIsolated: { folder: inside("one"), isolated: true },
    missing: { folder: inside("pages"), missing: "404" },
    astray: { folder: inside("pages"), missing: "page" },
    forbidden: { folder: inside("pages"), wasmForbidden: true },
  });
  const browser = await chromium.launch({
    executablePath,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
  try {
    await inBrowser(browser, server, expected, async ([download]) => {
      const path = inside("model.keras");
      await download?.saveAs(path);
      const there = download ? JSON.parse(node("--import", "tsx", "test/platform/nodeSide.ts", digits, path)) : {};
      result(
        "the downloaded model predicts the same in Node",
        differenceOf(there, { predictions: expected.predictions }),
      );
    });
    await inDevelopment(browser, project);
  } finally {
    await browser.close();
    server.close();
  }
}

const folder = await mkdtemp(join(tmpdir(), "keras-browser-"));
try {
  await main(folder);
} catch (error) {
  result("the test ran to its end", error.stack ?? error);
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
