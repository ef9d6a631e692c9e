/** `keras.config`: process-wide settings. */
export { setWasmPaths, setWasmThreads, type WasmFiles, type WasmPaths } from "./backend/onnx/wasmSettings.ts";
export { backendName as backend, setBackend } from "./backend/registry.ts";
export {
  type DataFormat,
  epsilon,
  floatx,
  imageDataFormat,
  setEpsilon,
  setFloatx,
  setImageDataFormat,
} from "./core/config.ts";
export { dtypePolicy, setDtypePolicy } from "./core/dtypePolicy.ts";
