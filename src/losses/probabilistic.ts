/** Losses of probabilities and of scores of classes. */
import { defineLoss } from "./define.ts";
import { fraction, openFraction } from "./functionOptions.ts";
import * as fn from "./functions.ts";

const CROSSENTROPY = {
  fromLogits: { key: "from_logits", default: false },
  labelSmoothing: { key: "label_smoothing", default: 0, expected: fraction },
  axis: { key: "axis", default: -1 },
} as const;
const FOCAL = {
  alpha: { key: "alpha", default: 0.25 },
  gamma: { key: "gamma", default: 2 },
} as const;

/** Crossentropy of independent yes-or-no labels; predictions have the shape of the labels. */
export const BinaryCrossentropy = defineLoss<fn.CrossentropyOptions>(
  "BinaryCrossentropy",
  fn.binaryCrossentropy,
  "binary_crossentropy",
  CROSSENTROPY,
);
export type BinaryCrossentropy = InstanceType<typeof BinaryCrossentropy>;

/** Binary crossentropy that discounts what is classified well: · (1 − p_t)^γ. */
export const BinaryFocalCrossentropy = defineLoss<
  fn.FocalOptions & {
    /** Whether positives weigh α and negatives 1 − α. @defaultValue `false` */
    applyClassBalancing?: boolean;
  }
>("BinaryFocalCrossentropy", fn.binaryFocalCrossentropy, "binary_focal_crossentropy", {
  ...CROSSENTROPY,
  applyClassBalancing: { key: "apply_class_balancing", default: false },
  ...FOCAL,
});
export type BinaryFocalCrossentropy = InstanceType<typeof BinaryFocalCrossentropy>;

/** Crossentropy of one-hot labels. For integer labels see {@link SparseCategoricalCrossentropy}. */
export const CategoricalCrossentropy = defineLoss<fn.CrossentropyOptions>(
  "CategoricalCrossentropy",
  fn.categoricalCrossentropy,
  "categorical_crossentropy",
  CROSSENTROPY,
);
export type CategoricalCrossentropy = InstanceType<typeof CategoricalCrossentropy>;

/** Categorical crossentropy that discounts what is classified well: · α (1 − p)^γ. */
export const CategoricalFocalCrossentropy = defineLoss<fn.FocalOptions>(
  "CategoricalFocalCrossentropy",
  fn.categoricalFocalCrossentropy,
  "categorical_focal_crossentropy",
  { ...CROSSENTROPY, ...FOCAL },
);
export type CategoricalFocalCrossentropy = InstanceType<typeof CategoricalFocalCrossentropy>;

/** Crossentropy of integer labels: the number of the class. For one-hot labels see {@link CategoricalCrossentropy}. */
export const SparseCategoricalCrossentropy = defineLoss<fn.SparseCrossentropyOptions>(
  "SparseCategoricalCrossentropy",
  fn.sparseCategoricalCrossentropy,
  "sparse_categorical_crossentropy",
  {
    fromLogits: { key: "from_logits", default: false },
    ignoreClass: { key: "ignore_class", default: null },
    axis: { key: "axis", default: -1, forgotten: true },
  },
);
export type SparseCategoricalCrossentropy = InstanceType<typeof SparseCategoricalCrossentropy>;

/** (1 − p^q) / q of the true class: crossentropy for q near 0, absolute error for q near 1. For noisy labels. */
export const CategoricalGeneralizedCrossEntropy = defineLoss<{
  /** Between 0 and 1. @defaultValue `0.5` */
  q?: number;
}>(
  "CategoricalGeneralizedCrossEntropy",
  fn.categoricalGeneralizedCrossEntropy,
  "categorical_generalized_cross_entropy",
  { q: { key: "q", default: 0.5, expected: openFraction } },
);
export type CategoricalGeneralizedCrossEntropy = InstanceType<typeof CategoricalGeneralizedCrossEntropy>;

/** Σ y · log(y / p) of distributions. */
export const KLDivergence = defineLoss("KLDivergence", fn.klDivergence, "kl_divergence");
export type KLDivergence = InstanceType<typeof KLDivergence>;

/** Mean of p − y · log p, for counts. */
export const Poisson = defineLoss("Poisson", fn.poisson, "poisson");
export type Poisson = InstanceType<typeof Poisson>;

/** For labels without known places in a sequence, as in speech: integers filled up with 0, the blank, and logits over time. */
export const CTC = defineLoss("CTC", fn.ctc, "ctc");
export type CTC = InstanceType<typeof CTC>;
