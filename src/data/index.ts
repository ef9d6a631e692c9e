/** `keras.data`. */
export type { BucketOptions, PaddedBatchOptions, PaddingOptions, PadValue } from "./batching.ts";
export type { CsvOptions, CsvType } from "./csv.ts";
export { Dataset } from "./dataset.ts";
export type { Batched, Sliced } from "./element.ts";
export type { PadLength } from "./rows.ts";
export type { TextSource } from "./textSource.ts";
