/** `keras.applications.mobilenet`: depthwise separable convolutions. */
import { describe } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as layers from "../layers/index.ts";
import type { KerasTensor, Result, TensorLike } from "../ops/kerasTensor.ts";
import { type ApplicationOptions, application, type Settings } from "./application.ts";
import { type PreprocessOptions, preprocessInput as preprocess } from "./imagenetUtils.ts";
import { imageSize, lastChannelAxis, obtainInputShape } from "./imageShape.ts";

export { decodePredictions } from "./imagenetUtils.ts";

/** Options of {@link MobileNet}. */
export interface MobileNetOptions extends ApplicationOptions {
  /** Factor of the number of filters. @defaultValue `1` */
  alpha?: number;
  /** Outputs per channel of the depthwise convolutions. @defaultValue `1` */
  depthMultiplier?: number;
  /** Rate of the dropout before the classifier. @defaultValue `0.001` */
  dropout?: number;
}

/** Filters and stride of the thirteen blocks. */
const BLOCKS: readonly (readonly [filters: number, stride: number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
];
const SIZES = [128, 160, 192, 224];
const FACTORS = [0.25, 0.5, 0.75, 1];
const FACTOR_TEXTS = ["2_5", "5_0", "7_5", "1_0"];

const normalized = (x: KerasTensor, name: string): KerasTensor =>
  layers.ReLU(6, { name: `${name}_relu` })(
    layers.BatchNormalization({ axis: lastChannelAxis(), name: `${name}_bn` })(x),
  );

function body(images: KerasTensor, alpha: number, depthMultiplier: number): KerasTensor {
  const first = { strides: 2, padding: "same", useBias: false, name: "conv1" } as const;
  let x = normalized(layers.Conv2D(Math.trunc(32 * alpha), 3, first)(images), "conv1");
  BLOCKS.forEach(([filters, strides], i) => {
    const id = i + 1;
    const padding = strides === 1 ? "same" : "valid";
    if (strides > 1) {
      const sides: [number, number] = [0, 1];
      x = layers.ZeroPadding2D([sides, sides], { name: `conv_pad_${id}` })(x);
    }
    const depthwise = { padding, depthMultiplier, strides, useBias: false, name: `conv_dw_${id}` } as const;
    x = normalized(layers.DepthwiseConv2D(3, depthwise)(x), `conv_dw_${id}`);
    const pointwise = { padding: "same", useBias: false, name: `conv_pw_${id}` } as const;
    x = normalized(layers.Conv2D(Math.trunc(filters * alpha), 1, pointwise)(x), `conv_pw_${id}`);
  });
  return x;
}

/** The size whose published weights are taken: the images' own, if there are weights for it. */
export function publishedSize(
  where: string,
  rows: number | null,
  columns: number | null,
  sizes: readonly number[],
): number {
  if (rows !== null && rows === columns && sizes.includes(rows)) return rows;
  console.warn(
    `${where}: there are published weights for images of ${sizes.join(", ")} pixels. Received: ` +
      `${formatShape([rows, columns])}; those for 224 are loaded`,
  );
  return 224;
}

/** Refuses factors that no weights are published for. */
/** @throws TypeError for what is no positive number. */
export function checkPositive(where: string, name: string, value: unknown): void {
  if (typeof value === "number" && value > 0 && Number.isFinite(value)) return;
  throw new TypeError(`${where}: expected \`${name}\` to be a positive number. Received: ${describe(value)}`);
}

export function checkFactor(where: string, alpha: number, factors: readonly number[]): void {
  if (factors.includes(alpha)) return;
  throw new RangeError(
    `${where}: with \`weights: "imagenet"\`, \`alpha\` is one of ${factors.join(", ")}. Received: ${describe(alpha)}`,
  );
}

/** The size of square images that some weights are published for, else 224. */
export const usualSize = ({ inputShape }: Pick<Settings, "inputShape">, sizes: readonly number[]): number => {
  const [rows, columns] = inputShape ? imageSize(inputShape) : [null, null];
  return rows !== null && rows === columns && sizes.includes(rows) ? rows : 224;
};

/**
 * MobileNet: 4.3 million parameters at full width, images of 224 x 224.
 *
 * Images go through `mobilenet.preprocessInput` first.
 *
 * @see Howard et al.: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications, arXiv:1704.04861;
 *   keras/src/applications/mobilenet.py (Keras 3.x): same layers, names and weights.
 */
export const MobileNet = application<MobileNetOptions>(
  "MobileNet",
  ["alpha", "depthMultiplier", "dropout"],
  (settings) => {
    const { alpha = 1, depthMultiplier = 1, dropout = 1e-3, classes, includeTop } = settings;
    checkPositive("MobileNet", "alpha", alpha);
    checkPositive("MobileNet", "depthMultiplier", depthMultiplier);
    const inputShape = obtainInputShape("MobileNet", settings, usualSize(settings, SIZES));
    let [rows, columns] = imageSize(inputShape);
    if (settings.weights === "imagenet") {
      if (depthMultiplier !== 1) {
        throw new RangeError(
          `MobileNet: with \`weights: "imagenet"\`, \`depthMultiplier\` is 1. Received: ${describe(depthMultiplier)}`,
        );
      }
      checkFactor("MobileNet", alpha, FACTORS);
      rows = publishedSize("MobileNet", rows, columns, SIZES);
    }
    return {
      name: `mobilenet_${alpha.toFixed(2)}_${rows ?? "None"}`,
      inputShape,
      body: (images) => body(images, alpha, depthMultiplier),
      top(features) {
        let x = layers.GlobalAveragePooling2D({ keepdims: true })(features);
        x = layers.Dropout(dropout, { name: "dropout" })(x);
        x = layers.Conv2D(classes, 1, { padding: "same", name: "conv_preds" })(x);
        x = layers.Reshape([classes], { name: "reshape_2" })(x);
        return layers.Activation(settings.classifierActivation, { name: "predictions" })(x);
      },
      published: () => ({
        folder: "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/",
        file: `mobilenet_${FACTOR_TEXTS[FACTORS.indexOf(alpha)]}_${rows}_tf${includeTop ? "" : "_no_top"}.h5`,
      }),
    };
  },
);

/** Pixels from 0 to 255 become numbers from -1 to 1. */
export const preprocessInput = <X extends TensorLike>(x: X, options: PreprocessOptions = {}): Result<X> =>
  preprocess(x, { ...options, mode: "tf" });
