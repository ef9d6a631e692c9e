/** Stops training when a logged number no longer gets better. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe } from "../core/errors.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { Callback, type Logs } from "./callback.ts";
import { Monitor, type MonitorMode } from "./monitor.ts";
import { say } from "./print.ts";

/** Options of {@link EarlyStopping}. */
export interface EarlyStoppingOptions {
  /** Name of the log to watch. @defaultValue `"val_loss"` */
  monitor?: string;
  /** A smaller change counts as no improvement. @defaultValue `0` */
  minDelta?: number;
  /** Epochs without improvement after which training stops. @defaultValue `0` */
  patience?: number;
  /** 1 prints when it acts. @defaultValue `0` */
  verbose?: number;
  /** Which direction is better; auto decides by the metric. @defaultValue `"auto"` */
  mode?: MonitorMode;
  /** Value to be better than; improvement below it does not reset the wait. @defaultValue `null` */
  baseline?: number | null;
  /** Puts the best epoch's weights back when training ends. @defaultValue `false` */
  restoreBestWeights?: boolean;
  /** Epochs before watching starts. @defaultValue `0` */
  startFromEpoch?: number;
}

const OPTIONS = [
  "monitor",
  "minDelta",
  "patience",
  "verbose",
  "mode",
  "baseline",
  "restoreBestWeights",
  "startFromEpoch",
] as const;

/** @throws RangeError when a number of the options makes no sense. */
function checkNumbers(options: Required<EarlyStoppingOptions>): void {
  for (const key of ["patience", "startFromEpoch"] as const) {
    if (!(options[key] >= 0)) {
      throw new RangeError(
        `EarlyStopping: expected \`${key}\` to be a number of epochs. Received: ${describe(options[key])}`,
      );
    }
  }
  for (const key of ["minDelta", "baseline"] as const) {
    const value = options[key];
    if (value !== null && (typeof value !== "number" || Number.isNaN(value))) {
      throw new RangeError(`EarlyStopping: expected \`${key}\` to be a number. Received: ${describe(value)}`);
    }
  }
}

class EarlyStoppingBase extends Callback {
  static readonly className = "EarlyStopping";

  readonly monitor: string;
  readonly #options: Required<EarlyStoppingOptions>;
  readonly #watched: Monitor;
  /** Epoch at which training was stopped; 0 when it was not. */
  stoppedEpoch = 0;
  /** Best value so far, or `null`. */
  best: number | null = null;
  bestEpoch = 0;
  /** Epochs since the last improvement. */
  wait = 0;
  #bestWeights: Tensor[] | null = null;

  constructor(options: EarlyStoppingOptions = {}) {
    super();
    checkOptions("EarlyStopping", options, OPTIONS);
    this.monitor = options.monitor ?? "val_loss";
    this.#options = {
      monitor: this.monitor,
      minDelta: options.minDelta ?? 0,
      patience: options.patience ?? 0,
      verbose: options.verbose ?? 0,
      mode: options.mode ?? "auto",
      baseline: options.baseline ?? null,
      restoreBestWeights: options.restoreBestWeights ?? false,
      startFromEpoch: options.startFromEpoch ?? 0,
    };
    checkNumbers(this.#options);
    this.#watched = new Monitor("EarlyStopping", this.monitor, this.#options.mode, this.#options.minDelta);
  }

  override onTrainBegin(): void {
    this.#watched.reset();
    this.wait = 0;
    this.stoppedEpoch = 0;
    this.best = null;
    this.bestEpoch = 0;
    this.#bestWeights = null;
  }

  #isBetter(value: number, reference: number | null): boolean {
    return this.#watched.isBetter(value, reference, this.model);
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const current = this.#watched.valueIn(logs);
    if (current === null) return;
    const { restoreBestWeights, startFromEpoch, patience, baseline } = this.#options;
    if (epoch < startFromEpoch) return;
    if (restoreBestWeights && this.#bestWeights === null) {
      this.#bestWeights = this.model.getWeights();
      this.bestEpoch = epoch;
    }
    this.wait++;
    if (this.#isBetter(current, this.best)) {
      this.best = current;
      this.bestEpoch = epoch;
      if (restoreBestWeights) this.#bestWeights = this.model.getWeights();
      if (baseline === null || this.#isBetter(current, baseline)) this.wait = 0;
      return;
    }
    if (this.wait >= patience && epoch > 0) {
      this.stoppedEpoch = epoch;
      this.model.stopTraining = true;
    }
  }

  override onTrainEnd(): void {
    const { verbose, restoreBestWeights } = this.#options;
    if (this.stoppedEpoch > 0) say(verbose, `Epoch ${this.stoppedEpoch + 1}: early stopping`);
    if (restoreBestWeights && this.#bestWeights !== null) {
      say(verbose, `Restoring model weights from the end of the best epoch: ${this.bestEpoch + 1}.`);
      this.model.setWeights(this.#bestWeights);
    }
  }
}

/**
 * Ends `fit` when a logged number has not got better for a while.
 *
 * @throws RangeError for an unknown `mode`, or in the first epoch when `"auto"` cannot tell which direction is better.
 * @example
 * await model.fit(x, y, {
 *   validationSplit: 0.1,
 *   epochs: 100,
 *   callbacks: [EarlyStopping({ patience: 3, restoreBestWeights: true })],
 * });
 * @see keras/src/callbacks/early_stopping.py (Keras 3.x)
 */
export const EarlyStopping = callable(EarlyStoppingBase);
export type EarlyStopping = EarlyStoppingBase;
