/** The package in browsers: ONNX Runtime Web, bytes in place of files. */
import { createOnnxWebBackend } from "./backend/onnx/web.ts";
import { install } from "./install.ts";
import { browserPlatform } from "./platform/browser.ts";

// Threads of the engine run the file that holds the engine. If that is the page's only file, they would run the page.
if (globalThis.self?.name === "em-pthread") {
  throw new Error(
    "keras-ts: a thread of the engine has loaded the whole page, because all code is bundled into one file. Let the bundler " +
      "split dynamic imports (esbuild: splitting), or give threads a file of their own: " +
      "keras.config.setWasmPaths({ wasm, mjs })",
  );
}

install(browserPlatform, createOnnxWebBackend);

export * from "./index.ts";
