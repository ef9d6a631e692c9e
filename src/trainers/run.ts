/** What the loops of `fit`, `evaluate` and `predict` have in common: their view of a model, and how a run begins and ends. */
import type { Logs } from "../callbacks/callback.ts";
import type { CallbackLike, CallbackList, CallbackListOptions } from "../callbacks/callbackList.ts";
import type { History } from "../callbacks/history.ts";
import type { Metric } from "../metrics/index.ts";
import type { Optimizer } from "../optimizers/index.ts";
import type { Variable } from "../runtime/variable.ts";
import type { Compiled } from "./compiled.ts";
import type { InputPreparation } from "./dataAdapters/preparedAdapter.ts";
import { type AdaptedData, adaptData, type FitData } from "./dataInput.ts";
import { EpochIterator } from "./epochIterator.ts";
import type { ModelSteps } from "./modelSteps.ts";
import { RunGuard } from "./runGuard.ts";
import type { EvaluateOptions, RunOptions } from "./trainerOptions.ts";

/** A model as the loops see it: they neither know its layers nor what a step computes. */
export interface RunModel {
  readonly name: string;
  readonly outputNames: readonly string[] | null;
  readonly optimizer: Optimizer | null;
  readonly metrics: readonly Metric[];
  readonly trainableVariables: readonly Variable[];
  readonly inputPreparation: InputPreparation | null;
  stopTraining: boolean;
  stopEvaluating: boolean;
  stopPredicting: boolean;
  /** Epoch to go on with, from a callback that restored an earlier run in `onTrainBegin`. */
  restoredEpoch: number | null;
  history: History | null;
  resetMetrics(): void;
}

/** A model with what the loops need besides. */
export interface Runner {
  readonly model: RunModel;
  readonly steps: ModelSteps;
  /** What `compile` made. @throws Error where it was not called, naming the method that needs it. */
  readonly compiled: (method: string) => Compiled;
  /** Makes the list of callbacks of a run, which get the whole model. */
  readonly callbacks: (where: string, given: CallbackLike | null, options: CallbackListOptions) => CallbackList;
}

/** What a loop goes through, and who watches it. */
export interface Run {
  readonly batches: EpochIterator;
  readonly callbacks: CallbackList;
  readonly guard: RunGuard;
}

export const verbosity = (verbose: RunOptions["verbose"]): number =>
  verbose === undefined || verbose === "auto" ? 1 : verbose;

/** Makes the callbacks of a run. */
export function callbacksOf(
  runner: Runner,
  where: "fit" | "evaluate" | "predict",
  options: RunOptions,
  { epochs, steps }: { readonly epochs: number; readonly steps: number | null },
): CallbackList {
  const verbose = verbosity(options.verbose);
  return runner.callbacks(where, options.callbacks ?? null, {
    addHistory: where === "fit",
    addProgbar: verbose !== 0,
    params: { verbose, epochs, steps },
  });
}

/** Begins a run that goes through its data once and leaves the weights as they are. */
export async function openRun(
  runner: Runner,
  where: "evaluate" | "predict",
  x: FitData,
  y: FitData | null,
  options: EvaluateOptions,
): Promise<Run & { readonly data: AdaptedData }> {
  const prepare = runner.model.inputPreparation;
  const data = await adaptData(where, x, y, { ...options, shuffle: false, prepare });
  const batches = new EpochIterator(data.adapter, options.steps ?? null, "steps");
  const callbacks = callbacksOf(runner, where, options, { epochs: 1, steps: batches.steps });
  return { data, batches, callbacks, guard: new RunGuard(where, options.signal ?? null, false) };
}

/**
 * Values in Keras's order: loss, metrics in the order of `compile`, then what is logged under other names. A name that
 * two metrics have stands twice, as there.
 *
 * @see keras/src/trainers/trainer.py `_flatten_metrics_in_order` (Keras 3.x)
 */
export function listOfLogs(logs: Logs, metrics: readonly Metric[]): number[] {
  const order = metrics.map((m) => m.name).filter((name) => name in logs);
  const rest = Object.keys(logs).filter((name) => !order.includes(name));
  return [...order, ...rest.sort()].map((name) => logs[name]!);
}
