/** The package in browsers: ONNX Runtime Web, bytes in place of files. */
import { createOnnxWebBackend } from "./backend/onnx/web.ts";
import { install } from "./install.ts";
import { browserPlatform } from "./platform/browser.ts";

install(browserPlatform, createOnnxWebBackend);

export * from "./index.ts";
