/** Maximum-margin losses. Labels are −1 and 1; labels 0 and 1 are converted. */
import { defineLoss } from "./define.ts";
import * as fn from "./functions.ts";

/** Mean of max(1 − y · p, 0). */
export const Hinge = defineLoss("Hinge", fn.hinge, "hinge");
export type Hinge = InstanceType<typeof Hinge>;

/** Mean of max(1 − y · p, 0)². */
export const SquaredHinge = defineLoss("SquaredHinge", fn.squaredHinge, "squared_hinge");
export type SquaredHinge = InstanceType<typeof SquaredHinge>;

/** max(max((1 − y) · p) − Σ y · p + 1, 0) of one-hot labels. */
export const CategoricalHinge = defineLoss("CategoricalHinge", fn.categoricalHinge, "categorical_hinge");
export type CategoricalHinge = InstanceType<typeof CategoricalHinge>;
