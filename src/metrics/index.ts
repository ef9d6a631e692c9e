/** `keras.metrics`. */
import { callable, type Uncalled } from "../core/callable.ts";
import { toSnakeCase } from "../core/names.ts";
import { type Family, resolveObject } from "../serialization/configObject.ts";
import type { Config, SerializableClass } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";
import * as accuracyFunctions from "./accuracyFunctions.ts";
import * as accuracyMetrics from "./accuracyMetrics.ts";
import { AUC } from "./auc.ts";
import { FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives } from "./confusionMetrics.ts";
import {
  PrecisionAtRecall,
  RecallAtPrecision,
  SensitivityAtSpecificity,
  SpecificityAtSensitivity,
} from "./constrainedMetrics.ts";
import * as correlation from "./correlationMetrics.ts";
import { F1Score, FBetaScore } from "./fScoreMetrics.ts";
import * as hingeMetrics from "./hingeMetrics.ts";
import { BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU } from "./iouMetrics.ts";
import type { Metric } from "./metric.ts";
import * as probabilistic from "./probabilisticMetrics.ts";
import { R2Score } from "./r2Score.ts";
import {
  Mean as MeanBase,
  type MetricFunction,
  Sum as SumBase,
  MeanMetricWrapper as Wrapper,
} from "./reductionMetrics.ts";
import * as regression from "./regressionMetrics.ts";

export {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  categoricalHinge,
  hinge,
  huber,
  klDivergence,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
  sparseCategoricalCrossentropy,
  squaredHinge,
} from "../losses/index.ts";
export {
  binaryAccuracy,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
} from "./accuracyFunctions.ts";
export * from "./accuracyMetrics.ts";
export { AUC, type AUCOptions } from "./auc.ts";
export {
  FalseNegatives,
  FalsePositives,
  Precision,
  type PrecisionOptions,
  Recall,
  type ThresholdOptions,
  TrueNegatives,
  TruePositives,
} from "./confusionMetrics.ts";
export * from "./constrainedMetrics.ts";
export * from "./correlationMetrics.ts";
export * from "./fScoreMetrics.ts";
export * from "./hingeMetrics.ts";
export {
  BinaryIoU,
  IoU,
  type IoUOptions,
  MeanIoU,
  OneHotIoU,
  OneHotMeanIoU,
  type OneHotOptions,
} from "./iouMetrics.ts";
export { type Direction, Metric, type MetricOptions, type MetricVariableOptions } from "./metric.ts";
export * from "./probabilisticMetrics.ts";
export * from "./r2Score.ts";
export type { MetricFunction } from "./reductionMetrics.ts";
export * from "./regressionMetrics.ts";

/** Weighted mean of values over batches. */
export const Mean = callable(MeanBase);
export type Mean = MeanBase;
/** Weighted sum of values over batches. */
export const Sum = callable(SumBase);
export type Sum = SumBase;
/** Mean over batches of a function of (yTrue, yPred). */
export const MeanMetricWrapper = callable(Wrapper);
export type MeanMetricWrapper = Wrapper;

/** A metric by name, config, object or function. */
export type MetricLike = string | Config | Uncalled<Metric> | MetricFunction;

const { pearsonCorrelation, concordanceCorrelation, ...correlationMetrics } = correlation;

/** Classes by their name in files. */
export const CLASSES = {
  Mean,
  Sum,
  MeanMetricWrapper,
  ...accuracyMetrics,
  ...probabilistic,
  ...regression,
  ...hingeMetrics,
  ...correlationMetrics,
  R2Score,
  TruePositives,
  TrueNegatives,
  FalsePositives,
  FalseNegatives,
  Precision,
  Recall,
  AUC,
  SensitivityAtSpecificity,
  SpecificityAtSensitivity,
  PrecisionAtRecall,
  RecallAtPrecision,
  F1Score,
  FBetaScore,
  IoU,
  MeanIoU,
  OneHotIoU,
  OneHotMeanIoU,
  BinaryIoU,
} as unknown as Readonly<Record<string, SerializableClass>>;

/** Functions by their name in files, besides those of losses. */
export const FUNCTIONS = {
  accuracy: accuracyFunctions.accuracy,
  binary_accuracy: accuracyFunctions.binaryAccuracy,
  categorical_accuracy: accuracyFunctions.categoricalAccuracy,
  sparse_categorical_accuracy: accuracyFunctions.sparseCategoricalAccuracy,
  top_k_categorical_accuracy: accuracyFunctions.topKCategoricalAccuracy,
  sparse_top_k_categorical_accuracy: accuracyFunctions.sparseTopKCategoricalAccuracy,
  pearson_correlation: pearsonCorrelation,
  concordance_correlation: concordanceCorrelation,
} as unknown as Readonly<Record<string, MetricFunction>>;

/** Names that mean a class, by the function that it is the mean of. */
const SHORT: Readonly<Record<string, string>> = {
  bce: "BinaryCrossentropy",
  mse: "MeanSquaredError",
  mae: "MeanAbsoluteError",
  mape: "MeanAbsolutePercentageError",
  msle: "MeanSquaredLogarithmicError",
};

const byName: Record<string, () => Metric> = {};
const makers = Object.entries(CLASSES).map(
  ([name, cls]) => [name, () => new (cls as unknown as new () => Metric)()] as const,
);
for (const [name, make] of makers) byName[toSnakeCase(name)] = make;
for (const [name, make] of makers) byName[name] = make;
for (const [short, name] of Object.entries(SHORT)) {
  byName[short] = byName[name]!;
  byName[short.toUpperCase()] = byName[name]!;
}

const family: Family<Metric | MetricFunction> = {
  what: "metric",
  byName,
  accepts: (value): value is Metric | MetricFunction => typeof value === "function",
};

/**
 * The metric that a name, a config, an object or a function stands for. Names give an object with default options.
 *
 * @throws RangeError for an unknown name, with the nearest one.
 */
export function get(identifier: MetricLike): Metric | MetricFunction;
export function get(identifier: MetricLike | null): Metric | MetricFunction | null;
export function get(identifier: MetricLike | null): Metric | MetricFunction | null {
  return identifier === null ? null : resolveObject(family, identifier);
}

export const serialize = (metric: Metric | MetricFunction): unknown => serializeObject(metric);
export const deserialize = (config: Config | string): Metric | MetricFunction => resolveObject(family, config);
