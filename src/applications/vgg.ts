/** The VGG networks: blocks of 3x3 convolutions, each halving the image by max pooling. */
import * as layers from "../layers/index.ts";
import type { KerasTensor, Result, TensorLike } from "../ops/kerasTensor.ts";
import { type Application, type ApplicationOptions, application } from "./application.ts";
import { type PreprocessOptions, preprocessInput as preprocess } from "./imagenetUtils.ts";
import { obtainInputShape } from "./imageShape.ts";

const FILTERS = [64, 128, 256, 512, 512];

/**
 * Makes the function of one depth.
 *
 * @param convolutions - How many each block has.
 * @param hashes - MD5 of the published weights, with the classifier and without.
 */
export function vgg(
  className: string,
  convolutions: readonly number[],
  hashes: readonly [string, string],
): Application<ApplicationOptions> {
  const name = className.toLowerCase();
  const body = (images: KerasTensor): KerasTensor => {
    let x = images;
    convolutions.forEach((count, i) => {
      const block = `block${i + 1}`;
      for (let j = 1; j <= count; j++) {
        const options = { activation: "relu", padding: "same", name: `${block}_conv${j}` } as const;
        x = layers.Conv2D(FILTERS[i]!, 3, options)(x);
      }
      x = layers.MaxPooling2D(2, { strides: 2, name: `${block}_pool` })(x);
    });
    return x;
  };
  return application<ApplicationOptions>(className, [], (settings) => ({
    name,
    inputShape: obtainInputShape(className, settings, 224),
    body,
    top(features) {
      let x = layers.Flatten({ name: "flatten" })(features);
      x = layers.Dense(4096, { activation: "relu", name: "fc1" })(x);
      x = layers.Dense(4096, { activation: "relu", name: "fc2" })(x);
      return layers.Dense(settings.classes, { activation: settings.classifierActivation, name: "predictions" })(x);
    },
    published: () => ({
      folder: `https://storage.googleapis.com/tensorflow/keras-applications/${name}/`,
      file: `${name}_weights_tf_dim_ordering_tf_kernels${settings.includeTop ? "" : "_notop"}.h5`,
      hash: hashes[settings.includeTop ? 0 : 1],
    }),
  }));
}

/** RGB pixels from 0 to 255 become BGR, minus ImageNet's mean. */
export const preprocessInput = <X extends TensorLike>(x: X, options: PreprocessOptions = {}): Result<X> =>
  preprocess(x, { ...options, mode: "caffe" });
