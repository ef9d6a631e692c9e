/** What both entries of the package do when they load: install the platform, register engines and Keras's classes. */
import type { Backend } from "./backend/contract.ts";
import { registerBackend } from "./backend/registry.ts";
import { type Platform, setPlatform } from "./core/platform.ts";
import { registerAllBuiltins } from "./registerBuiltins.ts";

export function install(platform: Platform, createOnnxBackend: () => Promise<Backend>): void {
  setPlatform(platform);
  registerBackend("onnx", createOnnxBackend);
  registerBackend("reference", async () => {
    const { createReferenceBackend } = await import("./backend/reference/index.ts");
    return createReferenceBackend();
  });
  registerAllBuiltins();
}
