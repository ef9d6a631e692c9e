/** What `compile` makes of its options, and how these come to files and back. */
import { Mean } from "../metrics/index.ts";
import type { Config } from "../ops/operation.ts";
import * as optimizers from "../optimizers/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import { CompileLoss, type LossArgument, type LossWeights } from "./compileLoss.ts";
import { CompileMetrics, type MetricsArgument } from "./compileMetrics.ts";
import type { LabelPlan } from "./labelCheck.ts";
import type { StepData, StepFunction } from "./stepFunction.ts";
import type { CompileOptions } from "./trainerOptions.ts";

/** The methods of a model that compute what is logged. */
export type LoggedMethod = "trainStep" | "testStep";

/** Such a step, ready to run. */
export interface LoggedStep {
  readonly program: StepFunction;
  /** The step op by op, where `compile` asked for it. */
  readonly eager: ((data: StepData) => Record<string, Tensor>) | null;
  /** The variables that were there when the step was made, and whether it trains them. */
  readonly trained: ReadonlyMap<Variable, boolean>;
}

/** What a model knows since `compile`, except its optimizer, which users may replace. */
export interface Compiled {
  readonly options: CompileOptions;
  /** The optimizer that `compile` was given, where it made another one around it. */
  readonly wrapped: optimizers.Optimizer | null;
  readonly loss: CompileLoss | null;
  readonly metrics: CompileMetrics;
  readonly lossTracker: Mean;
  /** Created at the first step, so that changes of `trainable` after compile count. */
  readonly steps: { [M in LoggedMethod]?: LoggedStep };
  /** Created with the first batch. */
  labelPlan: LabelPlan | null;
}

/** @param mixedFloat16 - Whether gradients may vanish in float16, so that the loss is scaled. */
export function compiledFrom(
  options: CompileOptions,
  mixedFloat16: boolean,
): { optimizer: optimizers.Optimizer | null; compiled: Compiled } {
  const loss = options.loss ?? null;
  const given = options.optimizer === null ? null : optimizers.get(options.optimizer ?? "rmsprop");
  const scaled = (options.autoScaleLoss ?? true) && mixedFloat16;
  const optimizer =
    scaled && given && !(given instanceof optimizers.LossScaleOptimizer)
      ? optimizers.LossScaleOptimizer(given, { name: "loss_scale_optimizer" })
      : given;
  const compiled: Compiled = {
    options,
    wrapped: optimizer === given ? null : given,
    loss: loss === null ? null : new CompileLoss(loss, options.lossWeights ?? null),
    metrics: new CompileMetrics(options.metrics ?? null, options.weightedMetrics ?? null),
    lossTracker: new Mean({ name: "loss" }),
    steps: {},
    labelPlan: null,
  };
  return { optimizer, compiled };
}

/** The options with the keys of Keras's files. */
export function compileConfig({ options, wrapped }: Compiled, optimizer: optimizers.Optimizer | null): Config {
  const plain = (value: unknown): unknown => (value === undefined ? null : serializeObject(value));
  return {
    optimizer: optimizer ? serializeObject(wrapped ?? optimizer) : null,
    loss: plain(options.loss),
    loss_weights: plain(options.lossWeights),
    metrics: plain(options.metrics),
    weighted_metrics: plain(options.weightedMetrics),
    run_eagerly: options.runEagerly ?? false,
    steps_per_execution: options.stepsPerExecution ?? 1,
    jit_compile: options.jitCompile === "auto" || options.jitCompile === undefined ? true : options.jitCompile,
  };
}

/** The options that `compileConfig` wrote. */
export function compileOptionsOf(config: Config): CompileOptions {
  const revived = deserializeObject(config) as Config;
  return {
    optimizer: (revived.optimizer ?? null) as optimizers.OptimizerLike | null,
    loss: (revived.loss ?? null) as LossArgument,
    lossWeights: (revived.loss_weights ?? null) as LossWeights | null,
    metrics: (revived.metrics ?? null) as MetricsArgument | null,
    weightedMetrics: (revived.weighted_metrics ?? null) as MetricsArgument | null,
    runEagerly: Boolean(revived.run_eagerly),
    stepsPerExecution: (revived.steps_per_execution ?? 1) as number,
  };
}
