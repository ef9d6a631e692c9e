/** What a page says about the engine's WebAssembly before anything is computed: where its files are, how many threads. */
import { describe } from "../../core/errors.ts";
import { isPlainObject } from "../../core/tree.ts";

/** The file that holds the engine, as the npm package onnxruntime-web names it. */
export const WASM_FILE = "ort-wasm-simd-threaded.wasm";

/** Addresses of the engine's files, absolute or relative to the page. */
export interface WasmFiles {
  /** Address of `ort-wasm-simd-threaded.wasm`. */
  readonly wasm: string | URL;
  /**
   * Address of `ort-wasm-simd-threaded.mjs`, which threads are started from. Needed only by pages with threads whose
   * whole code is bundled into one file: without it each thread would run that file.
   */
  readonly mjs?: string | URL;
}

/** One address (a folder, or the `.wasm` file itself), or one per file. */
export type WasmPaths = string | URL | WasmFiles;

let paths: WasmPaths | null = null;
let threads: number | null = null;
let inUse = false;

function checkNotInUse(where: string): void {
  if (!inUse) return;
  throw new Error(`${where}: the engine has already been loaded. Call it before anything is computed`);
}

const isAddress = (value: unknown): value is string | URL =>
  value instanceof URL || (typeof value === "string" && value !== "");

function isWasmFiles(value: unknown): value is WasmFiles {
  if (!isPlainObject(value)) return false;
  const { wasm, mjs, ...rest } = value;
  return isAddress(wasm) && (mjs === undefined || isAddress(mjs)) && Object.keys(rest).length === 0;
}

/**
 * Says where browsers find the engine's WebAssembly, a file of the npm package onnxruntime-web.
 *
 * Without this call it is looked for where the bundler put it (Vite does), or beside the bundle's own files (esbuild leaves
 * it to be copied there). In Node it has no effect.
 *
 * @param address - Address of the folder that holds `ort-wasm-simd-threaded.wasm`, or of the file; relative ones start at the page.
 * @throws TypeError for anything that is no address; Error once the engine has been loaded.
 * @example
 * keras.config.setWasmPaths("/static/ort/");
 */
export function setWasmPaths(address: WasmPaths): void {
  if (!isAddress(address) && !isWasmFiles(address)) {
    throw new TypeError(
      "setWasmPaths: expected the address of a folder or a .wasm file, or an object { wasm, mjs } of addresses. " +
        `Received: ${describe(address)}`,
    );
  }
  checkNotInUse("setWasmPaths");
  paths = address;
}

/**
 * Says how many threads compute in browsers. Only cross-origin isolated pages have any; elsewhere it stays at one.
 * In Node it has no effect.
 *
 * @param count - Without this call, half of the machine's, at most four: small models gain nothing from more.
 * @throws RangeError for anything but a positive integer; Error once the engine has been loaded.
 */
export function setWasmThreads(count: number): void {
  if (!(Number.isInteger(count) && count > 0)) {
    throw new RangeError(`setWasmThreads: expected a positive integer. Received: ${describe(count)}`);
  }
  checkNotInUse("setWasmThreads");
  threads = count;
}

const MOST_THREADS_UNASKED = 4;

/** The settings with absolute addresses; `null` leaves addresses to the package. From here on nothing can be changed. */
export function takeWasmSettings(base: string): { files: { wasm: string; mjs?: string } | null; threads: number } {
  inUse = true;
  const half = Math.ceil((globalThis.navigator?.hardwareConcurrency ?? 1) / 2);
  return {
    files: paths === null ? null : filesAt(paths, base),
    threads: globalThis.crossOriginIsolated ? (threads ?? Math.min(half, MOST_THREADS_UNASKED)) : 1,
  };
}

function filesAt(address: WasmPaths, base: string): { wasm: string; mjs?: string } {
  if (!isAddress(address)) {
    const { wasm, mjs } = address;
    return { wasm: new URL(wasm, base).href, ...(mjs && { mjs: new URL(mjs, base).href }) };
  }
  const url = new URL(address, base);
  if (url.pathname.endsWith(".wasm")) return { wasm: url.href };
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return { wasm: new URL(WASM_FILE, url).href };
}
