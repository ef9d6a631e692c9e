/** What the residual networks share: the stem, the head, and stacks of blocks in between. */
import * as layers from "../layers/index.ts";
import type { KerasTensor } from "../ops/kerasTensor.ts";
import { type Application, type ApplicationOptions, application } from "./application.ts";
import { channelAxis, obtainInputShape } from "./imageShape.ts";

/** A block: input, filters of its narrow part, stride, whether the shortcut has a convolution, and the prefix of its names. */
export type ResidualBlock = (
  x: KerasTensor,
  filters: number,
  stride: number,
  convolved: boolean,
  name: string,
) => KerasTensor;

/** What makes one version of the architecture. */
export interface ResidualVersion {
  /** Ends the names of models: `ResNet50V2`. */
  readonly suffix: string;
  readonly block: ResidualBlock;
  /** Whether normalization and activation stand before the convolutions instead of after them. */
  readonly preActivation: boolean;
  /** In which block of a stack the image gets smaller. */
  readonly shrinks: "first" | "last";
  /** Strides of the four stacks. */
  readonly strides: readonly number[];
}

/** Number of blocks in the four stacks, and MD5 of the published weights with the classifier and without. */
export interface ResidualDepth {
  readonly layers: 50 | 101 | 152;
  readonly hashes: readonly [string, string];
}

const BLOCKS = { 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3] } as const;
const FILTERS = [64, 128, 256, 512];

export const normalization = (name: string): layers.BatchNormalization =>
  layers.BatchNormalization({ axis: channelAxis(), epsilon: 1.001e-5, name });
export const relu = (name: string): layers.Activation => layers.Activation("relu", { name });

function body(images: KerasTensor, version: ResidualVersion, blocks: readonly number[]): KerasTensor {
  const { preActivation, shrinks, strides, block } = version;
  let x = layers.ZeroPadding2D(3, { name: "conv1_pad" })(images);
  x = layers.Conv2D(64, 7, { strides: 2, name: "conv1_conv" })(x);
  if (!preActivation) x = relu("conv1_relu")(normalization("conv1_bn")(x));
  x = layers.ZeroPadding2D(1, { name: "pool1_pad" })(x);
  x = layers.MaxPooling2D(3, { strides: 2, name: "pool1_pool" })(x);
  blocks.forEach((count, i) => {
    const shrinking = shrinks === "first" ? 1 : count;
    for (let j = 1; j <= count; j++) {
      const stride = j === shrinking ? strides[i]! : 1;
      x = block(x, FILTERS[i]!, stride, j === 1, `conv${i + 2}_block${j}`);
    }
  });
  return preActivation ? relu("post_relu")(normalization("post_bn")(x)) : x;
}

/** The function of one version and depth. */
export function residual(version: ResidualVersion, depth: ResidualDepth): Application<ApplicationOptions> {
  const className = `ResNet${depth.layers}${version.suffix}`;
  const name = className.toLowerCase();
  return application<ApplicationOptions>(className, [], (settings) => ({
    name,
    inputShape: obtainInputShape(className, settings, 224),
    poolingNames: { avg: "avg_pool", max: "max_pool" },
    body: (images) => body(images, version, BLOCKS[depth.layers]),
    top(features) {
      const x = layers.GlobalAveragePooling2D({ name: "avg_pool" })(features);
      return layers.Dense(settings.classes, { activation: settings.classifierActivation, name: "predictions" })(x);
    },
    published: () => ({
      folder: "https://storage.googleapis.com/tensorflow/keras-applications/resnet/",
      file: `${name}_weights_tf_dim_ordering_tf_kernels${settings.includeTop ? "" : "_notop"}.h5`,
      hash: depth.hashes[settings.includeTop ? 0 : 1],
    }),
  }));
}
