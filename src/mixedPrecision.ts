/** `keras.mixedPrecision`: older names of what computing in 16 bits with float32 weights needs. */
export {
  DTypePolicy,
  DTypePolicy as Policy,
  dtypePolicy,
  dtypePolicy as globalPolicy,
  setDtypePolicy,
  setDtypePolicy as setGlobalPolicy,
} from "./core/dtypePolicy.ts";
export { LossScaleOptimizer } from "./optimizers/lossScaleOptimizer.ts";
