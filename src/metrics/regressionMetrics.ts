/** Distances of predictions from numbers. */
import { callable } from "../core/callable.ts";
import * as losses from "../losses/index.ts";
import { alignRanks } from "../losses/reduction.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { defineMeanMetric } from "./define.ts";
import type { MetricOptions } from "./metric.ts";
import { Mean } from "./reductionMetrics.ts";

/** Mean of (y − p)². */
export const MeanSquaredError = defineMeanMetric(
  "MeanSquaredError",
  losses.meanSquaredError,
  "mean_squared_error",
  "down",
);
export type MeanSquaredError = InstanceType<typeof MeanSquaredError>;

/** Mean of |y − p|. */
export const MeanAbsoluteError = defineMeanMetric(
  "MeanAbsoluteError",
  losses.meanAbsoluteError,
  "mean_absolute_error",
  "down",
);
export type MeanAbsoluteError = InstanceType<typeof MeanAbsoluteError>;

/** 100 · mean of |y − p| / max(|y|, ε). */
export const MeanAbsolutePercentageError = defineMeanMetric(
  "MeanAbsolutePercentageError",
  losses.meanAbsolutePercentageError,
  "mean_absolute_percentage_error",
  "down",
);
export type MeanAbsolutePercentageError = InstanceType<typeof MeanAbsolutePercentageError>;

/** Mean of (log(y + 1) − log(p + 1))². */
export const MeanSquaredLogarithmicError = defineMeanMetric(
  "MeanSquaredLogarithmicError",
  losses.meanSquaredLogarithmicError,
  "mean_squared_logarithmic_error",
  "down",
);
export type MeanSquaredLogarithmicError = InstanceType<typeof MeanSquaredLogarithmicError>;

/** Mean of log cosh(p − y). */
export const LogCoshError = defineMeanMetric("LogCoshError", losses.logCosh, "logcosh", "down");
export type LogCoshError = InstanceType<typeof LogCoshError>;

/** Mean cosine of the angle between y and p; of the opposite sign of the loss. */
export const CosineSimilarity = defineMeanMetric<{
  /** Axis of the vectors. @defaultValue `-1` */
  axis?: number;
}>(
  "CosineSimilarity",
  (y, p, { axis }) => ops.negative(losses.cosineSimilarity(y, p, { axis })),
  "cosine_similarity",
  "up",
  { axis: { key: "axis", default: -1, forgotten: true } },
);
export type CosineSimilarity = InstanceType<typeof CosineSimilarity>;

class RootMeanSquaredErrorBase extends Mean {
  static override readonly className = "RootMeanSquaredError";
  static override readonly modulePath = "keras.metrics";

  constructor(options: MetricOptions = {}) {
    super({ ...options, name: options.name ?? "root_mean_squared_error" });
    this.direction = "down";
  }

  override updateState(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): void {
    const where = `metric "${this.name}"`;
    const [y, p] = alignRanks(toTensor(yTrue, this.dtype, where), toTensor(yPred, this.dtype, where));
    super.updateState(ops.square(ops.subtract(p, y)), sampleWeight);
  }

  override result(): Tensor {
    return ops.sqrt(super.result());
  }
}

/** √ of the mean of (y − p)². */
export const RootMeanSquaredError = callable(RootMeanSquaredErrorBase);
export type RootMeanSquaredError = RootMeanSquaredErrorBase;
