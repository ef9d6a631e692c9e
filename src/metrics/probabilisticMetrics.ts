/** Means of losses of probabilities. */
import { fraction } from "../losses/functionOptions.ts";
import * as losses from "../losses/index.ts";
import { defineMeanMetric } from "./define.ts";

interface Crossentropy {
  /** Whether predictions are logits rather than probabilities. @defaultValue `false` */
  fromLogits?: boolean;
  /** Moves labels towards uniform by this fraction. @defaultValue `0` */
  labelSmoothing?: number;
}

const CROSSENTROPY = {
  fromLogits: { key: "from_logits", default: false },
  labelSmoothing: { key: "label_smoothing", default: 0, expected: fraction },
} as const;
const AXIS = { key: "axis", default: -1 } as const;

/** Mean crossentropy of yes-or-no labels. */
export const BinaryCrossentropy = defineMeanMetric<Crossentropy>(
  "BinaryCrossentropy",
  losses.binaryCrossentropy,
  "binary_crossentropy",
  "down",
  CROSSENTROPY,
);
export type BinaryCrossentropy = InstanceType<typeof BinaryCrossentropy>;

/** Mean crossentropy of one-hot labels. */
export const CategoricalCrossentropy = defineMeanMetric<
  Crossentropy & {
    /** Axis of the classes. @defaultValue `-1` */
    axis?: number;
  }
>("CategoricalCrossentropy", losses.categoricalCrossentropy, "categorical_crossentropy", "down", {
  ...CROSSENTROPY,
  axis: AXIS,
});
export type CategoricalCrossentropy = InstanceType<typeof CategoricalCrossentropy>;

/** Mean crossentropy of integer labels. */
export const SparseCategoricalCrossentropy = defineMeanMetric<{
  /** Whether predictions are logits rather than probabilities. @defaultValue `false` */
  fromLogits?: boolean;
  /** Label whose positions count as 0. @defaultValue `null` */
  ignoreClass?: number | null;
  /** Axis of the classes. @defaultValue `-1` */
  axis?: number;
}>("SparseCategoricalCrossentropy", losses.sparseCategoricalCrossentropy, "sparse_categorical_crossentropy", "down", {
  fromLogits: CROSSENTROPY.fromLogits,
  ignoreClass: { key: "ignore_class", default: null },
  axis: AXIS,
});
export type SparseCategoricalCrossentropy = InstanceType<typeof SparseCategoricalCrossentropy>;

/** Mean of Σ y · log(y / p) of distributions. */
export const KLDivergence = defineMeanMetric("KLDivergence", losses.klDivergence, "kl_divergence", "down");
export type KLDivergence = InstanceType<typeof KLDivergence>;

/** Mean of p − y · log p. */
export const Poisson = defineMeanMetric("Poisson", losses.poisson, "poisson", "down");
export type Poisson = InstanceType<typeof Poisson>;
