/** `keras.ops.image`: ops on images, (height, width, channels) or batches of them, in either data format. */
export { hsvToRgb, type ImageOptions, rgbToGrayscale, rgbToHsv } from "./imageColor.ts";
export { gaussianBlur, sobelEdges, ssim } from "./imageFilters.ts";
export {
  type CropImagesOptions,
  cropImages,
  extractPatches,
  extractPatches3d,
  type PadImagesOptions,
  padImages,
} from "./imagePatches.ts";
export { type Interpolation, resize, scaleAndTranslate } from "./imageResize.ts";
export {
  affineTransform,
  elasticTransform,
  type FillMode,
  mapCoordinates,
  type NoiseSeed,
  perspectiveTransform,
} from "./imageWarp.ts";
