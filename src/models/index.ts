/** `keras.models`. */
export { loadModel, modelFromJson, saveModel } from "../saving/savingApi.ts";
export { type CloneModelOptions, cloneModel } from "./cloning.ts";
export { Model } from "./model.ts";
export { Sequential } from "./sequential.ts";
