/** `keras.applications.vgg16`. */
import { vgg } from "./vgg.ts";

export { decodePredictions } from "./imagenetUtils.ts";
export { preprocessInput } from "./vgg.ts";

/**
 * VGG16: 16 layers with weights, 138 million parameters, images of 224 x 224.
 *
 * Images go through `vgg16.preprocessInput` first.
 *
 * @see Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, arXiv:1409.1556;
 *   keras/src/applications/vgg16.py (Keras 3.x): same layers, names and weights.
 */
export const VGG16 = vgg(
  "VGG16",
  [2, 2, 3, 3, 3],
  ["64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"],
);
