/** `keras.utils`. */
export { PyDataset, type PyDatasetOptions } from "../data/pyDataset.ts";
export { setRandomSeed } from "../random/index.ts";
export {
  customObjectScope,
  getCustomObjects,
  getRegisteredName,
  getRegisteredObject,
  registerKerasSerializable,
} from "../serialization/registry.ts";
export {
  deserializeObject as deserializeKerasObject,
  serializeObject as serializeKerasObject,
} from "../serialization/serialize.ts";
export { type ModelToDotOptions, modelToDot } from "../viz/modelToDot.ts";
export {
  type ModelToSvgOptions,
  modelToSvg,
  type Plot,
  type PlotModelOptions,
  plotModel,
  type SavedPlot,
} from "../viz/plotModel.ts";
export { type SummaryOptions, summaryText } from "../viz/summary.ts";
export type { DecodedImage, ImageDecoder } from "./decodeImage.ts";
export { type GetFileOptions, getFile } from "./getFile.ts";
export { type ImageDirectoryOptions, imageDatasetFromDirectory } from "./imageDataset.ts";
export type { DirectoryDataset, DirectoryOptions, FromDirectory, LabelMode } from "./indexDirectory.ts";
export { normalize, toCategorical } from "./numerical.ts";
export { Progbar } from "./progbar.ts";
export { type PadSequencesOptions, padSequences, type SequenceLike } from "./sequences.ts";
export { clearSession } from "./session.ts";
export { type SplitDatasetOptions, splitDataset } from "./splitDataset.ts";
export { type TextDirectoryOptions, textDatasetFromDirectory } from "./textDataset.ts";
export { type TimeseriesOptions, timeseriesDatasetFromArray } from "./timeseries.ts";
export { packXYSampleWeight, unpackXYSampleWeight } from "./xySampleWeight.ts";
