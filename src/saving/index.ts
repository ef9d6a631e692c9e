/** `keras.saving`. */
export {
  customObjectScope,
  getCustomObjects,
  getRegisteredName,
  getRegisteredObject,
  registerKerasSerializable,
} from "../serialization/registry.ts";
export {
  deserializeObject as deserializeKerasObject,
  serializeObject as serializeKerasObject,
} from "../serialization/serialize.ts";
export {
  type FileSource,
  type LoadOptions,
  type LoadWeightsOptions,
  loadModel,
  loadWeights,
  type SaveOptions,
  saveModel,
  saveWeights,
  weightsToBytes,
} from "./savingApi.ts";
