/** Options of `compile`, `fit`, `evaluate` and `predict`. */
import type { CallbackLike } from "../callbacks/callbackList.ts";
import type * as optimizers from "../optimizers/index.ts";
import type { LossArgument, LossWeights } from "./compileLoss.ts";
import type { MetricsArgument } from "./compileMetrics.ts";
import type { ClassWeight } from "./dataAdapters/classWeight.ts";
import type { FitData } from "./dataInput.ts";

export interface CompileOptions {
  /** Name, config or object; `null` for a model that is not trained. @defaultValue `"rmsprop"` */
  optimizer?: optimizers.OptimizerLike | null;
  /** @defaultValue `null` */
  loss?: LossArgument;
  /** Factors of the losses of several outputs. @defaultValue `null` (all 1) */
  lossWeights?: LossWeights | null;
  /** @defaultValue `[]` */
  metrics?: MetricsArgument | null;
  /** Metrics that see sample weights. @defaultValue `[]` */
  weightedMetrics?: MetricsArgument | null;
  /** Runs the steps op by op, for debugging. @defaultValue `false` */
  runEagerly?: boolean;
  /** Batches between callbacks. @defaultValue `1` */
  stepsPerExecution?: number;
  /** Kept for files; steps are always compiled. @defaultValue `"auto"` */
  jitCompile?: boolean | "auto";
  /** Puts a `LossScaleOptimizer` around the optimizer of a model with the policy `"mixed_float16"`. @defaultValue `true` */
  autoScaleLoss?: boolean;
}

export const COMPILE_OPTIONS = [
  "optimizer",
  "loss",
  "lossWeights",
  "metrics",
  "weightedMetrics",
  "runEagerly",
  "stepsPerExecution",
  "jitCompile",
  "autoScaleLoss",
] as const;

/** Options that all runs share. */
export interface RunOptions {
  /** Samples per step. @defaultValue `32` */
  batchSize?: number | null;
  /** 0 silent, 1 progress bar, 2 one line an epoch. @defaultValue `"auto"` (1) */
  verbose?: "auto" | 0 | 1 | 2;
  callbacks?: readonly CallbackLike[] | CallbackLike | null;
  /** Stops the run between two steps; it then rejects with the signal's reason. */
  signal?: AbortSignal | null;
}

export interface FitOptions extends RunOptions {
  /** Where to stop, counted from 0. @defaultValue `1` */
  epochs?: number;
  /** Fraction of the data, taken from its end before shuffling, that is kept for validation. @defaultValue `0` */
  validationSplit?: number;
  /** `[x, y]`, `[x, y, sampleWeight]` or a generator. */
  validationData?: FitData | null;
  /** New order of samples in every epoch; `"batch"` shuffles inside batches only. @defaultValue `true` */
  shuffle?: boolean | "batch";
  /** Weight of the samples of each class. */
  classWeight?: ClassWeight | null;
  /** Weight of each sample. */
  sampleWeight?: FitData | null;
  /** Epoch to start from, to go on with an earlier run. @defaultValue `0` */
  initialEpoch?: number;
  /** Batches per epoch. @defaultValue all */
  stepsPerEpoch?: number | null;
  validationSteps?: number | null;
  /** @defaultValue `batchSize` */
  validationBatchSize?: number | null;
  /** Epochs between validations, or the 1-based epochs after which to validate. @defaultValue `1` */
  validationFreq?: number | readonly number[];
}

export const RUN_OPTIONS = ["batchSize", "verbose", "callbacks", "signal"] as const;
export const FIT_OPTIONS = [
  ...RUN_OPTIONS,
  "epochs",
  "validationSplit",
  "validationData",
  "shuffle",
  "classWeight",
  "sampleWeight",
  "initialEpoch",
  "stepsPerEpoch",
  "validationSteps",
  "validationBatchSize",
  "validationFreq",
] as const;

export interface EvaluateOptions extends RunOptions {
  sampleWeight?: FitData | null;
  /** Batches to use. @defaultValue all */
  steps?: number | null;
  /** Whether to return names with the values. @defaultValue `false` */
  returnDict?: boolean;
}

export interface PredictOptions extends RunOptions {
  /** Batches to use. @defaultValue all */
  steps?: number | null;
}

export interface OnBatchOptions {
  sampleWeight?: FitData | null;
  classWeight?: ClassWeight | null;
  /** Whether to return names with the values. @defaultValue `false` */
  returnDict?: boolean;
}

export const EVALUATE_OPTIONS = [...RUN_OPTIONS, "sampleWeight", "steps", "returnDict"] as const;
export const PREDICT_OPTIONS = [...RUN_OPTIONS, "steps"] as const;
