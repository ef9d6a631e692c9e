/** The package in Node: native ONNX Runtime, files, terminal. */
import { createOnnxNodeBackend } from "./backend/onnx/node.ts";
import { install } from "./install.ts";
import { nodePlatform } from "./platform/node.ts";

install(nodePlatform, createOnnxNodeBackend);

export * from "./index.ts";
