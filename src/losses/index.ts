/** `keras.losses`. */
import { callable } from "../core/callable.ts";
import { type Family, resolveObject } from "../serialization/configObject.ts";
import type { Config, SerializableClass } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";
import * as fn from "./functions.ts";
import { CategoricalHinge, Hinge, SquaredHinge } from "./hinge.ts";
import { LossFunctionWrapper as FunctionWrapper, type Loss, type LossFunction } from "./loss.ts";
import * as probabilistic from "./probabilistic.ts";
import * as regression from "./regression.ts";
import * as similarity from "./similarity.ts";

export {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  categoricalGeneralizedCrossEntropy,
  categoricalHinge,
  circle,
  cosineSimilarity,
  ctc,
  dice,
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
  tversky,
} from "./functions.ts";
export * from "./hinge.ts";
export { Loss, type LossFunction, type LossOptions } from "./loss.ts";
export * from "./probabilistic.ts";
export type { Reduction } from "./reduction.ts";
export * from "./regression.ts";
export * from "./similarity.ts";

/** A function of (yTrue, yPred) as a loss. */
export const LossFunctionWrapper = callable(FunctionWrapper);
export type LossFunctionWrapper = FunctionWrapper;

/** A loss by name, config, object or function. */
export type LossLike = string | Config | Loss | LossFunction;

/** Classes by their name in files. */
export const CLASSES = {
  ...probabilistic,
  ...regression,
  Hinge,
  SquaredHinge,
  CategoricalHinge,
  ...similarity,
  LossFunctionWrapper,
} as unknown as Readonly<Record<string, SerializableClass>>;

/** Functions by their name in files; short names after the one that is written. */
export const FUNCTIONS = {
  kl_divergence: fn.klDivergence,
  poisson: fn.poisson,
  binary_crossentropy: fn.binaryCrossentropy,
  binary_focal_crossentropy: fn.binaryFocalCrossentropy,
  categorical_crossentropy: fn.categoricalCrossentropy,
  categorical_focal_crossentropy: fn.categoricalFocalCrossentropy,
  categorical_generalized_cross_entropy: fn.categoricalGeneralizedCrossEntropy,
  sparse_categorical_crossentropy: fn.sparseCategoricalCrossentropy,
  mean_squared_error: fn.meanSquaredError,
  mean_absolute_error: fn.meanAbsoluteError,
  mean_absolute_percentage_error: fn.meanAbsolutePercentageError,
  mean_squared_logarithmic_error: fn.meanSquaredLogarithmicError,
  cosine_similarity: fn.cosineSimilarity,
  ctc: fn.ctc,
  log_cosh: fn.logCosh,
  huber: fn.huber,
  hinge: fn.hinge,
  squared_hinge: fn.squaredHinge,
  categorical_hinge: fn.categoricalHinge,
  dice: fn.dice,
  tversky: fn.tversky,
  circle: fn.circle,
  bce: fn.binaryCrossentropy,
  BCE: fn.binaryCrossentropy,
  kld: fn.klDivergence,
  KLD: fn.klDivergence,
  mae: fn.meanAbsoluteError,
  MAE: fn.meanAbsoluteError,
  mse: fn.meanSquaredError,
  MSE: fn.meanSquaredError,
  mape: fn.meanAbsolutePercentageError,
  MAPE: fn.meanAbsolutePercentageError,
  msle: fn.meanSquaredLogarithmicError,
  MSLE: fn.meanSquaredLogarithmicError,
} as unknown as Readonly<Record<string, LossFunction>>;

const byName: Record<string, () => Loss | LossFunction> = {};
for (const [name, loss] of Object.entries(FUNCTIONS)) byName[name] = () => loss;
for (const [name, cls] of Object.entries(CLASSES)) {
  if (cls !== (LossFunctionWrapper as unknown)) byName[name] = () => new (cls as unknown as new () => Loss)();
}

const family: Family<Loss | LossFunction> = {
  what: "loss",
  byName,
  accepts: (value): value is Loss | LossFunction => typeof value === "function",
};

/**
 * The loss that a name, a config, an object or a function stands for. Names of functions give the function, names of
 * classes an object with default options.
 *
 * @throws RangeError for an unknown name, with the nearest one.
 */
export function get(identifier: LossLike): Loss | LossFunction;
export function get(identifier: LossLike | null): Loss | LossFunction | null;
export function get(identifier: LossLike | null): Loss | LossFunction | null {
  return identifier === null ? null : resolveObject(family, identifier);
}

export const serialize = (loss: Loss | LossFunction): unknown => serializeObject(loss);
export const deserialize = (config: Config | string): Loss | LossFunction => resolveObject(family, config);
