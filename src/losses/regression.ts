/** Losses of numbers: distances of predictions from targets. */
import { defineLoss } from "./define.ts";
import { positive } from "./functionOptions.ts";
import * as fn from "./functions.ts";

/** Mean of (y − p)². */
export const MeanSquaredError = defineLoss("MeanSquaredError", fn.meanSquaredError, "mean_squared_error");
export type MeanSquaredError = InstanceType<typeof MeanSquaredError>;

/** Mean of |y − p|. */
export const MeanAbsoluteError = defineLoss("MeanAbsoluteError", fn.meanAbsoluteError, "mean_absolute_error");
export type MeanAbsoluteError = InstanceType<typeof MeanAbsoluteError>;

/** 100 · mean of |y − p| / max(|y|, ε). */
export const MeanAbsolutePercentageError = defineLoss(
  "MeanAbsolutePercentageError",
  fn.meanAbsolutePercentageError,
  "mean_absolute_percentage_error",
);
export type MeanAbsolutePercentageError = InstanceType<typeof MeanAbsolutePercentageError>;

/** Mean of (log(y + 1) − log(p + 1))²; negative values count as 0. */
export const MeanSquaredLogarithmicError = defineLoss(
  "MeanSquaredLogarithmicError",
  fn.meanSquaredLogarithmicError,
  "mean_squared_logarithmic_error",
);
export type MeanSquaredLogarithmicError = InstanceType<typeof MeanSquaredLogarithmicError>;

/** Minus the cosine of the angle between y and p along an axis. −1 is equal direction. */
export const CosineSimilarity = defineLoss<{
  /** Axis of the vectors. @defaultValue `-1` */
  axis?: number;
}>("CosineSimilarity", fn.cosineSimilarity, "cosine_similarity", {
  axis: { key: "axis", default: -1, forgotten: true },
});
export type CosineSimilarity = InstanceType<typeof CosineSimilarity>;

/** Mean of log cosh(p − y): squared near 0, absolute far away. */
export const LogCosh = defineLoss("LogCosh", fn.logCosh, "log_cosh");
export type LogCosh = InstanceType<typeof LogCosh>;

/** Squared up to an error of δ, absolute beyond. */
export const Huber = defineLoss<{
  /** Where it changes from squared to absolute. @defaultValue `1` */
  delta?: number;
}>("Huber", fn.huber, "huber_loss", {
  delta: { key: "delta", default: 1, forgotten: true, expected: positive },
});
export type Huber = InstanceType<typeof Huber>;
