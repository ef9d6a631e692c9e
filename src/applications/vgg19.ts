/** `keras.applications.vgg19`. */
import { vgg } from "./vgg.ts";

export { decodePredictions } from "./imagenetUtils.ts";
export { preprocessInput } from "./vgg.ts";

/**
 * VGG19: 19 layers with weights, 144 million parameters, images of 224 x 224.
 *
 * Images go through `vgg19.preprocessInput` first.
 *
 * @example
 * const vgg19 = await keras.applications.VGG19();
 * const features = keras.Model({ inputs: vgg19.inputs[0], outputs: vgg19.layers.map((layer) => layer.output) });
 * @see Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, arXiv:1409.1556;
 *   keras/src/applications/vgg19.py (Keras 3.x): same layers, names and weights.
 */
export const VGG19 = vgg(
  "VGG19",
  [2, 2, 4, 4, 4],
  ["cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"],
);
