/** `keras.applications.mobilenetV2`: narrow layers joined by shortcuts, wide depthwise convolutions between them. */
import { ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as layers from "../layers/index.ts";
import type { KerasTensor, Result, TensorLike } from "../ops/kerasTensor.ts";
import { type ApplicationOptions, application, type Settings } from "./application.ts";
import { type PreprocessOptions, preprocessInput as preprocess } from "./imagenetUtils.ts";
import {
  channelsOf,
  correctPad,
  factorText,
  imageSize,
  lastChannelAxis,
  makeDivisible,
  obtainInputShape,
} from "./imageShape.ts";
import { checkFactor, checkPositive, publishedSize, usualSize } from "./mobilenet.ts";

export { decodePredictions } from "./imagenetUtils.ts";

/** Options of {@link MobileNetV2}. */
export interface MobileNetV2Options extends ApplicationOptions {
  /** Factor of the number of filters. @defaultValue `1` */
  alpha?: number;
}

/** Filters and stride of the seventeen blocks. */
const BLOCKS: readonly (readonly [filters: number, stride: 1 | 2])[] = [
  [16, 1],
  [24, 2],
  [24, 1],
  [32, 2],
  [32, 1],
  [32, 1],
  [64, 2],
  [64, 1],
  [64, 1],
  [64, 1],
  [96, 1],
  [96, 1],
  [96, 1],
  [160, 2],
  [160, 1],
  [160, 1],
  [320, 1],
];
const EXPANSION = 6;
const SIZES = [96, 128, 160, 192, 224];
const FACTORS = [0.35, 0.5, 0.75, 1, 1.3, 1.4];

const normalization = (name: string): layers.BatchNormalization =>
  layers.BatchNormalization({ axis: lastChannelAxis(), epsilon: 1e-3, momentum: 0.999, name });
const relu6 = (name: string): layers.ReLU => layers.ReLU(6, { name });
const pointwise = (filters: number, name: string): layers.Conv2D =>
  layers.Conv2D(filters, 1, { padding: "same", useBias: false, name });

/** Expand, filter each channel, project; plus the input where the shapes allow it. */
function block(inputs: KerasTensor, filters: number, strides: 1 | 2, id: number): KerasTensor {
  const channels = channelsOf(inputs);
  const prefix = id === 0 ? "expanded_conv_" : `block_${id}_`;
  let x = inputs;
  if (id > 0) {
    x = normalization(`${prefix}expand_BN`)(pointwise(EXPANSION * channels, `${prefix}expand`)(x));
    x = relu6(`${prefix}expand_relu`)(x);
  }
  if (strides === 2) x = layers.ZeroPadding2D(correctPad(x, 3), { name: `${prefix}pad` })(x);
  const padding = strides === 1 ? "same" : "valid";
  x = layers.DepthwiseConv2D(3, { strides, useBias: false, padding, name: `${prefix}depthwise` })(x);
  x = relu6(`${prefix}depthwise_relu`)(normalization(`${prefix}depthwise_BN`)(x));
  x = normalization(`${prefix}project_BN`)(pointwise(filters, `${prefix}project`)(x));
  return channels === filters && strides === 1 ? layers.Add({ name: `${prefix}add` })([inputs, x]) : x;
}

function body(images: KerasTensor, alpha: number): KerasTensor {
  const first = { strides: 2, padding: "same", useBias: false, name: "Conv1" } as const;
  let x = layers.Conv2D(makeDivisible(32 * alpha), 3, first)(images);
  x = relu6("Conv1_relu")(normalization("bn_Conv1")(x));
  BLOCKS.forEach(([filters, strides], id) => {
    x = block(x, makeDivisible(Math.trunc(filters * alpha)), strides, id);
  });
  const last = alpha > 1 ? makeDivisible(1280 * alpha) : 1280;
  x = layers.Conv2D(last, 1, { useBias: false, name: "Conv_1" })(x);
  return relu6("out_relu")(normalization("Conv_1_bn")(x));
}

/** The given shape must be that of the given tensor; without one, the tensor's size decides the default. */
export function checkAgainstTensor(where: string, { inputShape, inputTensor }: Settings): void {
  if (!inputShape || !inputTensor) return;
  const given = imageSize(inputShape);
  const actual = imageSize(inputTensor.shape.slice(1));
  if (given[0] === actual[0] && given[1] === actual[1]) return;
  throw new ShapeError(
    `${where}: \`inputShape\` and \`inputTensor\` differ. Received: inputShape=${formatShape(inputShape)}, a tensor of ` +
      `shape ${formatShape(inputTensor.shape)}; give one of them`,
  );
}

/**
 * MobileNetV2: 3.5 million parameters at full width, images of 224 x 224.
 *
 * Images go through `mobilenetV2.preprocessInput` first.
 *
 * @see Sandler et al.: MobileNetV2: Inverted Residuals and Linear Bottlenecks, arXiv:1801.04381;
 *   keras/src/applications/mobilenet_v2.py (Keras 3.x): same layers, names and weights.
 */
export const MobileNetV2 = application<MobileNetV2Options>("MobileNetV2", ["alpha"], (settings) => {
  const { alpha = 1, includeTop, inputTensor } = settings;
  checkPositive("MobileNetV2", "alpha", alpha);
  checkAgainstTensor("MobileNetV2", settings);
  const sized = settings.inputShape ?? inputTensor?.shape.slice(1) ?? null;
  const inputShape = obtainInputShape("MobileNetV2", settings, usualSize({ inputShape: sized }, SIZES));
  let [rows, columns] = imageSize(inputShape);
  if (settings.weights === "imagenet") {
    checkFactor("MobileNetV2", alpha, FACTORS);
    rows = publishedSize("MobileNetV2", rows, columns, SIZES);
  }
  return {
    name: `mobilenetv2_${alpha.toFixed(2)}_${rows ?? "None"}`,
    inputShape,
    body: (images) => body(images, alpha),
    top(features) {
      const x = layers.GlobalAveragePooling2D()(features);
      return layers.Dense(settings.classes, { activation: settings.classifierActivation, name: "predictions" })(x);
    },
    published: () => ({
      folder: "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/",
      file:
        `mobilenet_v2_weights_tf_dim_ordering_tf_kernels_${factorText(alpha)}_${rows}` +
        `${includeTop ? "" : "_no_top"}.h5`,
    }),
  };
});

/** Pixels from 0 to 255 become numbers from -1 to 1. */
export const preprocessInput = <X extends TensorLike>(x: X, options: PreprocessOptions = {}): Result<X> =>
  preprocess(x, { ...options, mode: "tf" });
