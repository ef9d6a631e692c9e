/** `keras.applications.resnet`: residual networks with normalization after each convolution. */
import * as layers from "../layers/index.ts";
import type { KerasTensor, Result, TensorLike } from "../ops/kerasTensor.ts";
import { type PreprocessOptions, preprocessInput as preprocess } from "./imagenetUtils.ts";
import { normalization, type ResidualVersion, relu, residual } from "./residual.ts";

export { decodePredictions } from "./imagenetUtils.ts";

/** relu(shortcut + conv1x1 · conv3x3 · conv1x1), each convolution followed by normalization. */
function block(x: KerasTensor, filters: number, stride: number, convolved: boolean, name: string): KerasTensor {
  const convolve = (input: KerasTensor, part: string, width: number, kernel: number, options: object) =>
    normalization(`${name}_${part}_bn`)(
      layers.Conv2D(width, kernel, { ...options, name: `${name}_${part}_conv` })(input),
    );
  const shortcut = convolved ? convolve(x, "0", 4 * filters, 1, { strides: stride }) : x;
  let y = relu(`${name}_1_relu`)(convolve(x, "1", filters, 1, { strides: stride }));
  y = relu(`${name}_2_relu`)(convolve(y, "2", filters, 3, { padding: "same" }));
  y = convolve(y, "3", 4 * filters, 1, {});
  return relu(`${name}_out`)(layers.Add({ name: `${name}_add` })([shortcut, y]));
}

const VERSION: ResidualVersion = { suffix: "", block, preActivation: false, shrinks: "first", strides: [1, 2, 2, 2] };

/**
 * ResNet50: 50 layers with weights, 26 million parameters, images of 224 x 224.
 *
 * Images go through `resnet.preprocessInput` first.
 *
 * @see He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, arXiv:1512.03385;
 *   keras/src/applications/resnet.py (Keras 3.x): same layers, names and weights.
 */
export const ResNet50 = residual(VERSION, {
  layers: 50,
  hashes: ["2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"],
});

/** ResNet101: 45 million parameters. See {@link ResNet50}. */
export const ResNet101 = residual(VERSION, {
  layers: 101,
  hashes: ["f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"],
});

/** ResNet152: 60 million parameters. See {@link ResNet50}. */
export const ResNet152 = residual(VERSION, {
  layers: 152,
  hashes: ["100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"],
});

/** RGB pixels from 0 to 255 become BGR, minus ImageNet's mean. */
export const preprocessInput = <X extends TensorLike>(x: X, options: PreprocessOptions = {}): Result<X> =>
  preprocess(x, { ...options, mode: "caffe" });
