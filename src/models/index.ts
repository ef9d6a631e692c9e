/** `keras.models`. */
export { loadModel, modelFromJson, saveModel } from "../saving/savingApi.ts";
export { Model } from "./model.ts";
export { Sequential } from "./sequential.ts";
