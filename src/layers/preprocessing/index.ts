/** Layers that prepare data. Every value exported here is a layer class. */
export type { AdaptBatch, AdaptData } from "./adaptBatches.ts";

export { CategoryEncoding, type CategoryEncodingOptions } from "./categoryEncoding.ts";
export { CenterCrop, type CenterCropOptions } from "./centerCrop.ts";
export { Discretization, type DiscretizationOptions } from "./discretization.ts";
export { HashedCrossing, type HashedCrossingOptions } from "./hashedCrossing.ts";
export { Hashing, type HashingOptions } from "./hashing.ts";
export { IntegerLookup, type IntegerLookupOptions } from "./integerLookup.ts";
export { Normalization, type NormalizationOptions } from "./normalization.ts";
export { Rescaling, type RescalingOptions } from "./rescaling.ts";
export { Resizing, type ResizingOptions } from "./resizing.ts";
export { StringLookup, type StringLookupOptions } from "./stringLookup.ts";
export { TextVectorization, type TextVectorizationOptions } from "./textVectorization.ts";
export type { AdaptOptions, IdfWeights } from "./vocabularyLayer.ts";
