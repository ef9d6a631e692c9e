/** `keras.config`: process-wide settings. */
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
