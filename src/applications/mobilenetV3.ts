/** `keras.applications.mobilenetV3`: MobileNetV2's blocks with attention to channels, found by architecture search. */
import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import * as layers from "../layers/index.ts";
import type { KerasTensor, TensorLike } from "../ops/kerasTensor.ts";
import { type Application, type ApplicationOptions, application, type Settings } from "./application.ts";
import type { PreprocessOptions } from "./imagenetUtils.ts";
import {
  channelsOf,
  correctPad,
  factorText,
  imageShape,
  imageSize,
  lastChannelAxis,
  makeDivisible,
} from "./imageShape.ts";
import { checkFactor, checkPositive, publishedSize } from "./mobilenet.ts";
import { checkAgainstTensor } from "./mobilenetV2.ts";

export { decodePredictions } from "./imagenetUtils.ts";

/** Options of {@link MobileNetV3Small} and {@link MobileNetV3Large}. */
export interface MobileNetV3Options extends ApplicationOptions {
  /** Factor of the number of filters. @defaultValue `1` */
  alpha?: number;
  /** Whether to do without 5x5 kernels, hard swish and attention. @defaultValue `false` */
  minimalistic?: boolean;
  /** Rate of the dropout before the classifier; 0 leaves the layer out. @defaultValue `0.2` */
  dropoutRate?: number;
  /** Whether the model itself brings pixels from 0-255 to -1..1. @defaultValue `true` */
  includePreprocessing?: boolean;
}

/** Expansion, filters, whether the kernel is the large one, stride, attention to channels, hard swish instead of ReLU. */
type Row = readonly [
  expansion: number,
  filters: number,
  large: boolean,
  stride: 1 | 2,
  attention: boolean,
  swish: boolean,
];

const SMALL: readonly Row[] = [
  [1, 16, false, 2, true, false],
  [72 / 16, 24, false, 2, false, false],
  [88 / 24, 24, false, 1, false, false],
  [4, 40, true, 2, true, true],
  [6, 40, true, 1, true, true],
  [6, 40, true, 1, true, true],
  [3, 48, true, 1, true, true],
  [3, 48, true, 1, true, true],
  [6, 96, true, 2, true, true],
  [6, 96, true, 1, true, true],
  [6, 96, true, 1, true, true],
];
const LARGE: readonly Row[] = [
  [1, 16, false, 1, false, false],
  [4, 24, false, 2, false, false],
  [3, 24, false, 1, false, false],
  [3, 40, true, 2, true, false],
  [3, 40, true, 1, true, false],
  [3, 40, true, 1, true, false],
  [6, 80, false, 2, false, true],
  [2.5, 80, false, 1, false, true],
  [2.3, 80, false, 1, false, true],
  [2.3, 80, false, 1, false, true],
  [6, 112, false, 1, true, true],
  [6, 112, false, 1, true, true],
  [6, 160, true, 2, true, true],
  [6, 160, true, 1, true, true],
  [6, 160, true, 1, true, true],
];

/** MD5 of the published weights, with the classifier and without. */
const HASHES: Readonly<Record<string, readonly [string, string]>> = {
  "large_224_0.75_float": ["765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"],
  "large_224_1.0_float": ["59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"],
  "large_minimalistic_224_1.0_float": ["675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"],
  "small_224_0.75_float": ["cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"],
  "small_224_1.0_float": ["8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"],
  "small_minimalistic_224_1.0_float": ["99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"],
};

type Activate = (x: KerasTensor) => KerasTensor;
const relu: Activate = (x) => layers.ReLU()(x);
const hardSwish: Activate = (x) => layers.Activation("hard_swish")(x);
const hardSigmoid: Activate = (x) =>
  layers
    .ReLU(6)(x.add(3))
    .mul(1 / 6);

const convolution = (filters: number, name: string, useBias = false): layers.Conv2D =>
  layers.Conv2D(filters, 1, { padding: "same", useBias, name });
const normalization = (name: string): layers.BatchNormalization =>
  layers.BatchNormalization({ axis: lastChannelAxis(), epsilon: 1e-3, momentum: 0.999, name });

/** Squeeze and excite: scales each channel by what a small network makes of all their means. */
function attend(inputs: KerasTensor, filters: number, prefix: string): KerasTensor {
  const name = (part: string) => `${prefix}squeeze_excite_${part}`;
  let x = layers.GlobalAveragePooling2D({ keepdims: true, name: name("avg_pool") })(inputs);
  x = layers.ReLU({ name: name("relu") })(convolution(makeDivisible(filters * 0.25), name("conv"), true)(x));
  x = hardSigmoid(convolution(filters, name("conv_1"), true)(x));
  return layers.Multiply({ name: name("mul") })([inputs, x]);
}

function block(inputs: KerasTensor, row: Row, filters: number, id: number, minimalistic: boolean): KerasTensor {
  const [expansion, , large, strides, attention, swish] = row;
  const activate = swish && !minimalistic ? hardSwish : relu;
  const kernel = large && !minimalistic ? 5 : 3;
  const channels = channelsOf(inputs);
  const wide = makeDivisible(channels * expansion);
  const prefix = id === 0 ? "expanded_conv_" : `expanded_conv_${id}_`;
  let x = inputs;
  if (id > 0) x = activate(normalization(`${prefix}expand_bn`)(convolution(wide, `${prefix}expand`)(x)));
  if (strides === 2) x = layers.ZeroPadding2D(correctPad(x, kernel), { name: `${prefix}depthwise_pad` })(x);
  const padding = strides === 1 ? "same" : "valid";
  x = layers.DepthwiseConv2D(kernel, { strides, padding, useBias: false, name: `${prefix}depthwise` })(x);
  x = activate(normalization(`${prefix}depthwise_bn`)(x));
  if (attention && !minimalistic) x = attend(x, wide, prefix);
  x = normalization(`${prefix}project_bn`)(convolution(filters, `${prefix}project`)(x));
  return strides === 1 && channels === filters ? layers.Add({ name: `${prefix}add` })([inputs, x]) : x;
}

/** Unlike the other families, the shape stays open where none is given. */
function inputShapeOf(where: string, settings: Settings): Shape {
  checkAgainstTensor(where, settings);
  const { inputShape, inputTensor } = settings;
  const shape = inputShape ?? (inputTensor ? inputTensor.shape.slice(1) : imageShape(null, null, 3));
  const [rows, columns] = imageSize(shape);
  if (rows !== null && columns !== null && Math.min(rows, columns) < 32) {
    throw new ShapeError(`${where}: expected images of at least 32 x 32. Received: ${formatShape(shape)}`);
  }
  return shape;
}

function mobileNetV3(
  type: "Small" | "Large",
  rows: readonly Row[],
  pointFilters: number,
): Application<MobileNetV3Options> {
  const className = `MobileNetV3${type}`;
  const own = ["alpha", "minimalistic", "dropoutRate", "includePreprocessing"] as const;
  return application<MobileNetV3Options>(className, own, (settings) => {
    const { alpha = 1, minimalistic = false, dropoutRate = 0.2, includePreprocessing = true, includeTop } = settings;
    checkPositive(className, "alpha", alpha);
    const inputShape = inputShapeOf(className, settings);
    if (settings.weights === "imagenet") {
      checkFactor(className, alpha, minimalistic ? [1] : [0.75, 1]);
      publishedSize(className, ...imageSize(inputShape), [224]);
    }
    const activate = minimalistic ? relu : hardSwish;
    return {
      name: className,
      inputShape,
      poolingNames: { avg: "avg_pool", max: "max_pool" },
      body(images) {
        let x = includePreprocessing ? layers.Rescaling(1 / 127.5, { offset: -1 })(images) : images;
        x = layers.Conv2D(16, 3, { strides: 2, padding: "same", useBias: false, name: "conv" })(x);
        x = activate(normalization("conv_bn")(x));
        rows.forEach((row, id) => {
          x = block(x, row, makeDivisible(row[1] * alpha), id, minimalistic);
        });
        return activate(normalization("conv_1_bn")(convolution(makeDivisible(channelsOf(x) * 6), "conv_1")(x)));
      },
      top(features) {
        let x = layers.GlobalAveragePooling2D({ keepdims: true })(features);
        x = activate(convolution(alpha > 1 ? makeDivisible(pointFilters * alpha) : pointFilters, "conv_2", true)(x));
        if (dropoutRate > 0) x = layers.Dropout(dropoutRate)(x);
        x = layers.Flatten()(convolution(settings.classes, "logits", true)(x));
        return layers.Activation(settings.classifierActivation, { name: "predictions" })(x);
      },
      published() {
        const variant = `${type.toLowerCase()}${minimalistic ? "_minimalistic" : ""}_224_${factorText(alpha)}_float`;
        return {
          folder: "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v3/",
          file: `weights_mobilenet_v3_${variant}${includeTop ? "" : "_no_top_v2"}.h5`,
          hash: HASHES[variant]![includeTop ? 0 : 1],
        };
      },
    };
  });
}

/**
 * MobileNetV3Small: 2.6 million parameters at full width, images of any size from 32 x 32.
 *
 * Takes pixels from 0 to 255 as they are; with `includePreprocessing: false`, numbers from -1 to 1.
 *
 * @see Howard et al.: Searching for MobileNetV3, arXiv:1905.02244;
 *   keras/src/applications/mobilenet_v3.py (Keras 3.x): same layers, names and weights.
 */
export const MobileNetV3Small = mobileNetV3("Small", SMALL, 1024);

/** MobileNetV3Large: 5.5 million parameters at full width. See {@link MobileNetV3Small}. */
export const MobileNetV3Large = mobileNetV3("Large", LARGE, 1280);

/** The pixels as they are: these models rescale them themselves. */
export const preprocessInput = <X extends TensorLike>(x: X, _options: PreprocessOptions = {}): X => x;
