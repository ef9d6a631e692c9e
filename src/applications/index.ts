/**
 * `keras.applications`: well-known image models, with Keras's published weights or fresh ones.
 *
 * With `weights: null` a model is there at once; otherwise the functions return a promise, for the weights are downloaded
 * into Keras's cache, or read from the file that is named.
 */
export type { Application, ApplicationOptions } from "./application.ts";
export * as imagenetUtils from "./imagenetUtils.ts";
export * as mobilenet from "./mobilenet.ts";
export { MobileNet, type MobileNetOptions } from "./mobilenet.ts";
export * as mobilenetV2 from "./mobilenetV2.ts";
export { MobileNetV2, type MobileNetV2Options } from "./mobilenetV2.ts";
export * as mobilenetV3 from "./mobilenetV3.ts";
export { MobileNetV3Large, type MobileNetV3Options, MobileNetV3Small } from "./mobilenetV3.ts";
export * as resnet from "./resnet.ts";
export { ResNet50, ResNet101, ResNet152 } from "./resnet.ts";
export * as resnet50 from "./resnet50.ts";
export * as resnetV2 from "./resnetV2.ts";
export { ResNet50V2, ResNet101V2, ResNet152V2 } from "./resnetV2.ts";
export * as vgg16 from "./vgg16.ts";
export { VGG16 } from "./vgg16.ts";
export * as vgg19 from "./vgg19.ts";
export { VGG19 } from "./vgg19.ts";
