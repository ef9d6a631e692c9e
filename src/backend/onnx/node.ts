/**
 * ONNX Runtime in Node: through our own binding where it was built, else through onnxruntime-node's, or WebAssembly where the
 * native package is missing.
 */
import { BackendError } from "../../core/errors.ts";
import type { Backend } from "../contract.ts";
import { loadNative } from "./native.ts";
import { OnnxBackend, type OrtModule } from "./session.ts";

/** Names a folder: each session then writes the times of its nodes there. Chrome's tracing and `npm run bench:profile` read them. */
const PROFILE_VARIABLE = "KERAS_TS_PROFILE";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message.split("\n")[0]! : String(error));

/** A package's exports, whichever way it was bundled. */
const exportsOf = (module: unknown): OrtModule => ((module as { default?: OrtModule }).default ?? module) as OrtModule;

/** Starts the engine. @throws BackendError saying what to install when there is none. */
export async function createOnnxNodeBackend(): Promise<Backend> {
  const { availableParallelism } = await import("node:os");
  const options = { threads: availableParallelism(), writesOutputs: true };
  const folder = process.env[PROFILE_VARIABLE];
  const profile = folder ? await import("./profile.ts") : null;
  // The engine writes nothing, and says nothing, where there is no such folder.
  if (folder) (await import("node:fs")).mkdirSync(folder, { recursive: true });
  const backend = (ort: OrtModule) => new OnnxBackend(profile ? profile.profiled(ort, folder!) : ort, options);
  const native = await loadNative();
  if (native) return backend(native);
  try {
    return backend(exportsOf(await import("onnxruntime-node")));
  } catch (nativeError) {
    try {
      const web = exportsOf(await import("onnxruntime-web"));
      console.warn(
        `keras-ts: the native engine did not load (${messageOf(nativeError)}); running on WebAssembly, which is slower`,
      );
      return new OnnxBackend(web, { threads: 1, writesOutputs: false });
    } catch (webError) {
      throw new BackendError(
        `no ONNX engine could be loaded. onnxruntime-node: ${messageOf(nativeError)}; onnxruntime-web: ${messageOf(webError)}. ` +
          "Install one: npm install onnxruntime-node",
        { cause: webError },
      );
    }
  }
}
