/** ONNX Runtime in browsers: WebAssembly with SIMD, and threads where the page is cross-origin isolated. */
import { BackendError } from "../../core/errors.ts";
import type { Backend } from "../contract.ts";
import { encodeModel } from "./encode.ts";
import { OnnxBackend, type OrtModule } from "./session.ts";
import { takeWasmSettings, WASM_FILE } from "./wasmSettings.ts";

interface OrtWebModule extends OrtModule {
  readonly env: { readonly wasm: { wasmPaths?: unknown; numThreads?: number } };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function importOrt(): Promise<OrtWebModule> {
  try {
    // The build without WebGL and WebGPU: a sixth of the code, half of the WebAssembly.
    const module = (await import("onnxruntime-web/wasm")) as unknown as OrtWebModule & { default?: OrtWebModule };
    return module.default ?? module;
  } catch (cause) {
    throw new BackendError(
      `onnxruntime-web could not be loaded: ${messageOf(cause)}. Install it: npm install onnxruntime-web`,
      { cause },
    );
  }
}

/** The smallest program: the engine loads its WebAssembly when it gets its first one. */
function identity(): Uint8Array {
  const value = (name: string) => ({ name, dtype: "float32", shape: [1] }) as const;
  return encodeModel({
    name: "start",
    nodes: [{ op: "Identity", domain: "", inputs: ["x"], outputs: ["y"], attributes: {} }],
    inputs: [value("x")],
    outputs: [value("y")],
    initializers: [],
  });
}

/** Browsers note a request shortly after it has failed: looked for so many times, with so many milliseconds between. */
const LOOKS = { times: 10, pause: 20 };

/** Where the WebAssembly was looked for last, and what the server answered, as the browser remembers it. */
async function lastRequest(): Promise<string> {
  const { performance } = globalThis;
  if (!performance?.getEntriesByType) return "";
  const look = () =>
    (performance.getEntriesByType("resource") as PerformanceResourceTiming[]).findLast(({ name }) =>
      new URL(name).pathname.endsWith(".wasm"),
    );
  let entry = look();
  for (let i = 1; i < LOOKS.times && !entry; i++) {
    await new Promise((resolve) => setTimeout(resolve, LOOKS.pause));
    entry = look();
  }
  if (!entry) return "";
  return ` from ${entry.name}${entry.responseStatus ? ` (status ${entry.responseStatus})` : ""}`;
}

async function startFailure(cause: unknown): Promise<BackendError> {
  // The package tries twice and lists both; the second time it only says that the first one failed.
  const reason = /\[wasm\] (.*?)(?:, \[cpu\].*)?$/s.exec(messageOf(cause))?.[1] ?? messageOf(cause);
  const wayOut = reason.includes("Content Security Policy")
    ? "The page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src"
    : `Copy node_modules/onnxruntime-web/dist/${WASM_FILE} there, or say where it is with ` +
      "keras.config.setWasmPaths(address) before anything is computed";
  return new BackendError(
    `the WebAssembly of onnxruntime-web could not be loaded${await lastRequest()}. ${wayOut}; then reload the page. ` +
      `Received: ${reason}`,
    { cause },
  );
}

/** The package does not start again once it has failed, so the first reason stays the true one. */
let failure: BackendError | null = null;

/** Starts the engine. @throws BackendError saying what to install, to copy or to allow. */
export async function createOnnxWebBackend(): Promise<Backend> {
  if (failure) throw failure;
  const ort = await importOrt();
  const { files, threads } = takeWasmSettings(globalThis.location?.href ?? import.meta.url);
  if (files) ort.env.wasm.wasmPaths = files;
  ort.env.wasm.numThreads = threads;
  try {
    const session = await ort.InferenceSession.create(identity());
    await session.release();
  } catch (cause) {
    failure = await startFailure(cause);
    throw failure;
  }
  // How many threads a session may use is of no concern here: all share the ones above.
  return new OnnxBackend(ort, { threads: 1, writesOutputs: false });
}
