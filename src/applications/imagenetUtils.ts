/** `keras.applications.imagenetUtils`: pixels as the models expect them, and what their classes are called. */
import { type DataFormat, floatx, standardizeDataFormat } from "../core/config.ts";
import { isFloat } from "../core/dtype.ts";
import { checkOptions, describe, ShapeError } from "../core/errors.ts";
import { platform } from "../core/platform.ts";
import { formatShape } from "../core/shape.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { KerasTensor, type Result, type TensorLike } from "../ops/kerasTensor.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { download, getFile } from "../utils/getFile.ts";

/** Options of `preprocessInput`. */
export interface PreprocessOptions {
  /** Where the channels are. @defaultValue `imageDataFormat()` */
  dataFormat?: DataFormat | null;
}

/** `"caffe"`: BGR, minus ImageNet's mean. `"tf"`: -1 to 1. `"torch"`: 0 to 1, then ImageNet's mean and deviation. */
export type PreprocessMode = "caffe" | "tf" | "torch";

const MEAN = { caffe: [103.939, 116.779, 123.68], torch: [0.485, 0.456, 0.406] } as const;
const DEVIATION = [0.229, 0.224, 0.225];

/**
 * Pixels from 0 to 255 as a family of models expects them.
 *
 * @param x - One image or a batch, of three channels, RGB; concrete or symbolic.
 * @param options - `mode` and `dataFormat`. @defaultValue `{ mode: "caffe" }`
 * @returns Floats of the same shape.
 * @throws RangeError for another mode.
 * @see keras/src/applications/imagenet_utils.py (Keras 3.x)
 */
export function preprocessInput<X extends TensorLike>(
  x: X,
  options: PreprocessOptions & { mode?: PreprocessMode } = {},
): Result<X> {
  checkOptions("preprocessInput", options, ["dataFormat", "mode"]);
  const mode: string = options.mode ?? "caffe";
  if (mode !== "caffe" && mode !== "tf" && mode !== "torch") {
    throw new RangeError(
      `preprocessInput: expected \`mode\` to be "caffe", "tf" or "torch". Received: ${describe(mode)}`,
    );
  }
  const first = standardizeDataFormat(options.dataFormat) === "channels_first";
  const images: Tensor | KerasTensor = x instanceof KerasTensor ? x : toTensor(x, null, "preprocessInput");
  const pixels = isFloat(images.dtype) ? images : ops.cast(images, floatx());
  return normalize(pixels, mode, first) as Result<X>;
}

function normalize(x: Tensor | KerasTensor, mode: PreprocessMode, channelsFirst: boolean): Tensor | KerasTensor {
  if (mode === "tf") return ops.subtract(ops.divide(x, 127.5), 1);
  const axis = channelsFirst ? x.ndim - 3 : x.ndim - 1;
  if (x.shape[axis] !== 3) {
    throw new ShapeError(
      `preprocessInput: expected 3 channels on axis ${axis}. Received: shape ${formatShape(x.shape)}`,
    );
  }
  const perChannel = (values: readonly number[]): Tensor =>
    ops.reshape(
      toTensor([...values], "float32"),
      Array.from({ length: x.ndim }, (_, i) => (i === axis ? 3 : 1)),
    );
  if (mode === "caffe") return ops.subtract(ops.flip(x, { axis }), perChannel(MEAN.caffe));
  return ops.divide(ops.subtract(ops.divide(x, 255), perChannel(MEAN.torch)), perChannel(DEVIATION));
}

const CLASS_INDEX = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json";
const CLASS_INDEX_MD5 = "c2c37ea517e94d9795004a39431a14cb";

/** WordNet's number of a class, its English name, and the score. */
export type Prediction = [wordnetId: string, description: string, score: number];

let classIndex: Promise<Readonly<Record<string, readonly [string, string]>>> | null = null;

async function readClassIndex(): Promise<Readonly<Record<string, readonly [string, string]>>> {
  const { files } = platform();
  const bytes = files
    ? await files.read(await getFile({ origin: CLASS_INDEX, cacheSubdir: "models", fileHash: CLASS_INDEX_MD5 }))
    : await download(CLASS_INDEX, undefined, "read the names of the classes with your page's own code");
  return JSON.parse(new TextDecoder().decode(bytes));
}

/**
 * The likeliest classes of each image, by the names that ImageNet gives them.
 *
 * @param predictions - What a model with the classifier gave: (images, 1000).
 * @param options - How many classes per image. @defaultValue `{ top: 5 }`
 * @returns For each image a list of `[wordnetId, description, score]`, best first.
 * @throws ShapeError for another shape; Error when the list of names can be neither found nor downloaded.
 */
export async function decodePredictions(predictions: Operand, options: { top?: number } = {}): Promise<Prediction[][]> {
  checkOptions("decodePredictions", options, ["top"]);
  const { top = 5 } = options;
  const scores = toTensor(predictions, null, "decodePredictions");
  const [images, classes] = scores.shape;
  if (scores.ndim !== 2 || classes !== 1000) {
    throw new ShapeError(
      `decodePredictions: expected predictions of shape (images, 1000). Received: shape ${formatShape(scores.shape)}`,
    );
  }
  classIndex ??= readClassIndex().catch((error: unknown) => {
    classIndex = null;
    throw error;
  });
  const names = await classIndex;
  const values = Array.from(await scores.data(), Number);
  return Array.from({ length: images! }, (_, image) => {
    const row = values.slice(image * 1000, (image + 1) * 1000);
    const best = row.map((_score, i) => i).sort((a, b) => row[b]! - row[a]!);
    return best.slice(0, top).map((i): Prediction => [...names[i]!, row[i]!]);
  });
}
