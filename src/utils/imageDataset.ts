/** `keras.utils`: image files in folders. */
import { type DataFormat, standardizeDataFormat } from "../core/config.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { type DecodedImage, decodeImage, type ImageDecoder } from "./decodeImage.ts";
import {
  DIRECTORY_OPTIONS,
  type DirectoryOptions,
  type FromDirectory,
  filesToDataset,
  needFiles,
} from "./indexDirectory.ts";
import {
  cropToAspectRatio,
  INTERPOLATIONS,
  type Interpolation,
  type Pixels,
  resizePixels,
  resizeWithPad,
} from "./resizeImage.ts";

export interface ImageDirectoryOptions extends DirectoryOptions {
  /** Channels of the images: 1, 3 or 4. @defaultValue `"rgb"` */
  colorMode?: "grayscale" | "rgb" | "rgba";
  /** Height and width that images are resized to; a number for both. @defaultValue `[256, 256]` */
  imageSize?: number | readonly [height: number, width: number];
  /** How sizes are changed, as TensorFlow does it without antialiasing. @defaultValue `"bilinear"` */
  interpolation?: Interpolation;
  /** Whether to cut off what does not have the proportions of `imageSize`. @defaultValue `false` */
  cropToAspectRatio?: boolean;
  /** Whether to fill up with black instead. @defaultValue `false` */
  padToAspectRatio?: boolean;
  /** @defaultValue `keras.config.imageDataFormat()` */
  dataFormat?: DataFormat | null;
  /** Reads files of other kinds. @defaultValue PNG, BMP, JPEG and GIF */
  decoder?: ImageDecoder | null;
}

const OPTIONS = [
  ...DIRECTORY_OPTIONS,
  "colorMode",
  "imageSize",
  "interpolation",
  "cropToAspectRatio",
  "padToAspectRatio",
  "dataFormat",
  "decoder",
];
const FORMATS = [".bmp", ".gif", ".jpeg", ".jpg", ".png"];
const CHANNELS = { grayscale: 1, rgb: 3, rgba: 4 } as const;

/**
 * Images of the files in a folder, whose folders are the classes, as batches of `[images, labels]`, or of images alone with
 * `labels: null`; float32 from 0 to 255.
 *
 * @returns A dataset with `classNames` and `filePaths`; two of them for subset "both".
 * @throws RangeError, TypeError for options that do not fit, or when there are no files.
 * @see keras/src/utils/image_dataset_utils.py (Keras 3.x): same classes, labels and order of files, split and shuffled too
 *   (NumPy's)
 */
export const imageDatasetFromDirectory = (async (directory: string, options: ImageDirectoryOptions = {}) => {
  const where = "imageDatasetFromDirectory";
  checkOptions(where, options, OPTIONS);
  const { colorMode = "rgb", imageSize = [256, 256], interpolation = "bilinear" } = options;
  if (!(colorMode in CHANNELS)) {
    throw new RangeError(
      `${where}: expected \`colorMode\` to be "grayscale", "rgb" or "rgba". Received: ${describe(colorMode)}`,
    );
  }
  const size = typeof imageSize === "number" ? [imageSize, imageSize] : imageSize;
  if (!Array.isArray(size) || size.length !== 2 || !size.every((n) => Number.isInteger(n) && n > 0)) {
    throw new RangeError(
      `${where}: expected \`imageSize\` to be two positive integers. Received: ${describe(imageSize)}`,
    );
  }
  if (!INTERPOLATIONS.includes(interpolation)) {
    throw new RangeError(
      `${where}: expected \`interpolation\` to be one of ${INTERPOLATIONS.map(describe).join(", ")}. Received: ${describe(interpolation)}`,
    );
  }
  if (options.cropToAspectRatio && options.padToAspectRatio) {
    throw new TypeError(`${where}: give \`cropToAspectRatio\` or \`padToAspectRatio\`, not both`);
  }
  const [height, width] = size as [number, number];
  const format = standardizeDataFormat(options.dataFormat);
  const decode = options.decoder ?? decodeImage;
  const files = needFiles(where);
  return filesToDataset(where, directory, FORMATS, options, async (path) => {
    const pixels = toChannels(await decode(await files.read(path), path), CHANNELS[colorMode]);
    const fitted = options.padToAspectRatio
      ? resizeWithPad(pixels, height, width, interpolation)
      : resizePixels(
          options.cropToAspectRatio ? cropToAspectRatio(pixels, height, width) : pixels,
          height,
          width,
          interpolation,
        );
    return toTensor(fitted, format);
  });
}) as FromDirectory<ImageDirectoryOptions>;

/** What red, green and blue weigh in grey (ITU-R BT.601), of 2^15, as libpng rounds it. */
const [RED, GREEN, BLUE] = [9797, 19234, 3737] as const;

/** Levels 0 to 255 raised to a power. */
const curve = (power: number): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, i) => Math.floor(255 * (i / 255) ** power + 0.5));

/** Grey of colours. @see png_do_rgb_to_gray of libpng, which TensorFlow reads PNGs with */
function greyMixer(gamma: number | undefined): (r: number, g: number, b: number) => number {
  if (gamma === undefined || Math.abs(gamma - 1) < 0.05) return (r, g, b) => (RED * r + GREEN * g + BLUE * b) >> 15;
  const [toLight, fromLight] = [curve(1 / gamma), curve(gamma)];
  return (r, g, b) => {
    if (r === g && g === b) return r;
    return fromLight[(RED * toLight[r]! + GREEN * toLight[g]! + BLUE * toLight[b]! + 16384) >> 15]!;
  };
}

/** The channels asked for. */
function toChannels({ width, height, data, gamma }: DecodedImage, channels: 1 | 3 | 4): Pixels {
  const out = new Float32Array(width * height * channels);
  const grey = greyMixer(gamma);
  for (let i = 0; i < width * height; i++) {
    const at = 4 * i;
    if (channels === 1) out[i] = grey(data[at]!, data[at + 1]!, data[at + 2]!);
    else for (let c = 0; c < channels; c++) out[i * channels + c] = data[at + c]!;
  }
  return { width, height, channels, data: out };
}

function toTensor({ width, height, channels, data }: Pixels, format: DataFormat): Tensor {
  if (format === "channels_last") return tensorFromHost(data, [height, width, channels], "float32");
  const size = width * height;
  const planes = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) for (let i = 0; i < size; i++) planes[c * size + i] = data[i * channels + c]!;
  return tensorFromHost(planes, [channels, height, width], "float32");
}
