/** Runs before every test file: installs what the package's entry for Node installs, without loading the whole library. */
import { createOnnxNodeBackend } from "../backend/onnx/node.ts";
import { registerBackend } from "../backend/registry.ts";
import { setPlatform } from "../core/platform.ts";
import { nodePlatform } from "../platform/node.ts";

setPlatform(nodePlatform);
registerBackend("onnx", createOnnxNodeBackend);
registerBackend("reference", async () => (await import("../backend/reference/index.ts")).createReferenceBackend());
