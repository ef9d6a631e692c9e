/** Means of maximum-margin losses. */
import * as losses from "../losses/index.ts";
import { defineMeanMetric } from "./define.ts";

/** Mean of max(1 − y · p, 0). */
export const Hinge = defineMeanMetric("Hinge", losses.hinge, "hinge", "down");
export type Hinge = InstanceType<typeof Hinge>;

/** Mean of max(1 − y · p, 0)². */
export const SquaredHinge = defineMeanMetric("SquaredHinge", losses.squaredHinge, "squared_hinge", "down");
export type SquaredHinge = InstanceType<typeof SquaredHinge>;

/** Mean of max(max((1 − y) · p) − Σ y · p + 1, 0). */
export const CategoricalHinge = defineMeanMetric(
  "CategoricalHinge",
  losses.categoricalHinge,
  "categorical_hinge",
  "down",
);
export type CategoricalHinge = InstanceType<typeof CategoricalHinge>;
