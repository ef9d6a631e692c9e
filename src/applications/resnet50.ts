/** `keras.applications.resnet50`. */
export { decodePredictions, preprocessInput, ResNet50 } from "./resnet.ts";
