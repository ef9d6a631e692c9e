/** ONNX Runtime in browsers: WebAssembly with SIMD, and threads where the page is cross-origin isolated. */
import { BackendError } from "../../core/errors.ts";
import type { Backend } from "../contract.ts";
import { OnnxBackend, type OrtModule } from "./session.ts";

/** Starts the engine. @throws BackendError saying what to install when the package is missing. */
export async function createOnnxWebBackend(): Promise<Backend> {
  try {
    const module = (await import("onnxruntime-web")) as unknown as OrtModule & { default?: OrtModule };
    const threads = globalThis.crossOriginIsolated ? (globalThis.navigator?.hardwareConcurrency ?? 1) : 1;
    return new OnnxBackend(module.default ?? module, { threads, writesOutputs: false });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError(`onnxruntime-web could not be loaded: ${reason}. Install it: npm install onnxruntime-web`, {
      cause,
    });
  }
}
