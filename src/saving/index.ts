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
export { loadModel, loadWeights, saveModel, saveWeights } from "./savingApi.ts";
