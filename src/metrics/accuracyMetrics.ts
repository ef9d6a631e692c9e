/** Fractions of predictions that are right. */
import { positiveInteger } from "../losses/functionOptions.ts";
import * as fn from "./accuracyFunctions.ts";
import { defineMeanMetric } from "./define.ts";

/** Fraction of predictions that equal the labels. What `metrics: ["accuracy"]` means depends on the shapes instead. */
export const Accuracy = defineMeanMetric("Accuracy", fn.accuracy, "accuracy", "up");
export type Accuracy = InstanceType<typeof Accuracy>;

/** Fraction of predictions on the right side of a threshold. */
export const BinaryAccuracy = defineMeanMetric<{
  /** What is larger is a yes. @defaultValue `0.5` */
  threshold?: number;
}>("BinaryAccuracy", fn.binaryAccuracy, "binary_accuracy", "up", {
  threshold: {
    key: "threshold",
    default: 0.5,
    expected: (value) => (typeof value === "number" && !Number.isNaN(value) ? null : "a number"),
  },
});
export type BinaryAccuracy = InstanceType<typeof BinaryAccuracy>;

/** Fraction of samples whose largest prediction is that of the one-hot label. */
export const CategoricalAccuracy = defineMeanMetric(
  "CategoricalAccuracy",
  fn.categoricalAccuracy,
  "categorical_accuracy",
  "up",
);
export type CategoricalAccuracy = InstanceType<typeof CategoricalAccuracy>;

/** Fraction of samples whose largest prediction is that of the integer label. */
export const SparseCategoricalAccuracy = defineMeanMetric(
  "SparseCategoricalAccuracy",
  fn.sparseCategoricalAccuracy,
  "sparse_categorical_accuracy",
  "up",
);
export type SparseCategoricalAccuracy = InstanceType<typeof SparseCategoricalAccuracy>;

/** Fraction of samples whose one-hot label is among the k largest predictions. */
export const TopKCategoricalAccuracy = defineMeanMetric<{
  /** How many of the largest count. @defaultValue `5` */
  k?: number;
}>("TopKCategoricalAccuracy", fn.topKCategoricalAccuracy, "top_k_categorical_accuracy", "up", {
  k: { key: "k", default: 5, expected: positiveInteger },
});
export type TopKCategoricalAccuracy = InstanceType<typeof TopKCategoricalAccuracy>;

/** Fraction of samples whose integer label is among the k largest predictions. */
export const SparseTopKCategoricalAccuracy = defineMeanMetric<fn.SparseTopKOptions>(
  "SparseTopKCategoricalAccuracy",
  fn.sparseTopKCategoricalAccuracy,
  "sparse_top_k_categorical_accuracy",
  "up",
  {
    k: { key: "k", default: 5, expected: positiveInteger },
    fromSortedIds: { key: "from_sorted_ids", default: false, forgotten: true },
  },
);
export type SparseTopKCategoricalAccuracy = InstanceType<typeof SparseTopKCategoricalAccuracy>;
