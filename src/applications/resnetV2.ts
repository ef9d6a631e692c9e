/** `keras.applications.resnetV2`: residual networks with normalization before each convolution. */
import * as layers from "../layers/index.ts";
import type { KerasTensor, Result, TensorLike } from "../ops/kerasTensor.ts";
import { type PreprocessOptions, preprocessInput as preprocess } from "./imagenetUtils.ts";
import { normalization, type ResidualVersion, relu, residual } from "./residual.ts";

export { decodePredictions } from "./imagenetUtils.ts";

/** shortcut + conv1x1 · conv3x3 · conv1x1 of the normalized and activated input. */
function block(x: KerasTensor, filters: number, stride: number, convolved: boolean, name: string): KerasTensor {
  const active = relu(`${name}_preact_relu`)(normalization(`${name}_preact_bn`)(x));
  let shortcut = x;
  if (convolved) shortcut = layers.Conv2D(4 * filters, 1, { strides: stride, name: `${name}_0_conv` })(active);
  else if (stride > 1) shortcut = layers.MaxPooling2D(1, { strides: stride })(x);
  let y = layers.Conv2D(filters, 1, { useBias: false, name: `${name}_1_conv` })(active);
  y = relu(`${name}_1_relu`)(normalization(`${name}_1_bn`)(y));
  y = layers.ZeroPadding2D(1, { name: `${name}_2_pad` })(y);
  y = layers.Conv2D(filters, 3, { strides: stride, useBias: false, name: `${name}_2_conv` })(y);
  y = relu(`${name}_2_relu`)(normalization(`${name}_2_bn`)(y));
  y = layers.Conv2D(4 * filters, 1, { name: `${name}_3_conv` })(y);
  return layers.Add({ name: `${name}_out` })([shortcut, y]);
}

const VERSION: ResidualVersion = { suffix: "V2", block, preActivation: true, shrinks: "last", strides: [2, 2, 2, 1] };

/**
 * ResNet50V2: 50 layers with weights, 26 million parameters, images of 224 x 224.
 *
 * Images go through `resnetV2.preprocessInput` first.
 *
 * @see He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, arXiv:1603.05027;
 *   keras/src/applications/resnet_v2.py (Keras 3.x): same layers, names and weights.
 */
export const ResNet50V2 = residual(VERSION, {
  layers: 50,
  hashes: ["3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"],
});

/** ResNet101V2: 45 million parameters. See {@link ResNet50V2}. */
export const ResNet101V2 = residual(VERSION, {
  layers: 101,
  hashes: ["6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"],
});

/** ResNet152V2: 60 million parameters. See {@link ResNet50V2}. */
export const ResNet152V2 = residual(VERSION, {
  layers: 152,
  hashes: ["a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"],
});

/** Pixels from 0 to 255 become numbers from -1 to 1. */
export const preprocessInput = <X extends TensorLike>(x: X, options: PreprocessOptions = {}): Result<X> =>
  preprocess(x, { ...options, mode: "tf" });
