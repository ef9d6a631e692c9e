/** Reduces the learning rate when a logged number no longer gets better. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { Callback, type Logs } from "./callback.ts";
import { learningRateOf, optimizerOf } from "./learningRate.ts";
import { Monitor, type MonitorMode } from "./monitor.ts";
import { say } from "./print.ts";
import { pythonFloat } from "./pythonFormat.ts";

/** Options of {@link ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions {
  /** Name of the log to watch. @defaultValue `"val_loss"` */
  monitor?: string;
  /** The new rate is the old one times this; below 1. @defaultValue `0.1` */
  factor?: number;
  /** Epochs without improvement after which the rate is reduced. @defaultValue `10` */
  patience?: number;
  /** 1 prints when it acts. @defaultValue `0` */
  verbose?: number;
  /** Which direction is better; auto decides by the metric. @defaultValue `"auto"` */
  mode?: MonitorMode;
  /** A smaller change counts as no improvement. @defaultValue `1e-4` */
  minDelta?: number;
  /** Epochs after a reduction in which nothing is counted. @defaultValue `0` */
  cooldown?: number;
  /** The rate never falls below. @defaultValue `0` */
  minLr?: number;
}

const DEFAULTS: Required<ReduceLROnPlateauOptions> = {
  monitor: "val_loss",
  factor: 0.1,
  patience: 10,
  verbose: 0,
  mode: "auto",
  minDelta: 1e-4,
  cooldown: 0,
  minLr: 0,
};

/** @throws RangeError when a number of the options makes no sense. */
function checkNumbers(options: Required<ReduceLROnPlateauOptions>): void {
  const where = "ReduceLROnPlateau";
  const { factor } = options;
  if (typeof factor !== "number" || !(factor < 1) || factor < 0) {
    throw new RangeError(
      `${where}: expected \`factor\`, by which the rate is multiplied, to be at least 0 and below 1. ` +
        `Received: ${describe(factor)}`,
    );
  }
  for (const key of ["patience", "cooldown", "minDelta", "minLr"] as const) {
    const value: unknown = options[key];
    const isEpochs = key === "patience" || key === "cooldown";
    if (typeof value === "number" && value >= (isEpochs ? 0 : Number.NEGATIVE_INFINITY)) continue;
    throw new RangeError(
      `${where}: expected \`${key}\` to be a number${isEpochs ? " of epochs" : ""}. Received: ${describe(value)}`,
    );
  }
}

class ReduceLROnPlateauBase extends Callback {
  static readonly className = "ReduceLROnPlateau";

  readonly monitor: string;
  readonly #options: Required<ReduceLROnPlateauOptions>;
  readonly #monitor: Monitor;
  /** Best value so far, or `null`. */
  best: number | null = null;
  /** Epochs since the last improvement or reduction. */
  wait = 0;
  /** Epochs of the cooldown that are left. */
  cooldownCounter = 0;

  constructor(options: ReduceLROnPlateauOptions = {}) {
    super();
    checkOptions("ReduceLROnPlateau", options, Object.keys(DEFAULTS));
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const all = { ...DEFAULTS, ...given };
    checkNumbers(all);
    this.#options = all;
    this.monitor = all.monitor;
    this.#monitor = new Monitor("ReduceLROnPlateau", all.monitor, all.mode, all.minDelta);
  }

  get inCooldown(): boolean {
    return this.cooldownCounter > 0;
  }

  override onTrainBegin(): void {
    this.#monitor.reset();
    this.best = null;
    this.wait = 0;
    this.cooldownCounter = 0;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    logs.learning_rate = await learningRateOf(optimizerOf("ReduceLROnPlateau", this.model));
    const current = this.#monitor.valueIn(logs);
    if (current === null) return;
    if (this.inCooldown) {
      this.cooldownCounter--;
      this.wait = 0;
    }
    if (this.#monitor.isBetter(current, this.best, this.model)) {
      this.best = current;
      this.wait = 0;
      return;
    }
    if (this.inCooldown) return;
    this.wait++;
    if (this.wait >= this.#options.patience && this.#reduce(epoch, logs.learning_rate)) {
      this.cooldownCounter = this.#options.cooldown;
      this.wait = 0;
    }
  }

  /** Whether the rate was above its lower bound still. */
  #reduce(epoch: number, rate: number): boolean {
    const { factor, minLr, verbose } = this.#options;
    // The rate is a float32, so it may stand just below the bound that it was set to.
    if (!(rate > Math.fround(minLr))) return false;
    const next = Math.max(rate * factor, minLr);
    optimizerOf("ReduceLROnPlateau", this.model).learningRate = next;
    say(verbose, `\nEpoch ${epoch + 1}: ReduceLROnPlateau reducing learning rate to ${pythonFloat(next)}.`);
    return true;
  }
}

/**
 * Multiplies the learning rate by a factor when a logged number has not got better for a while. The rate is logged as
 * `learning_rate`: the one that the epoch had.
 *
 * @throws RangeError for an unknown `mode` or a `factor` from 1; in the first epoch when `"auto"` cannot tell which direction
 *   is better. TypeError in the run when a schedule gives the optimizer's rate.
 * @example
 * const slower = ReduceLROnPlateau({ monitor: "val_loss", factor: 0.2, patience: 5, minLr: 0.001 });
 * await model.fit(x, y, { validationSplit: 0.1, epochs: 100, callbacks: [slower] });
 * @see keras/src/callbacks/reduce_lr_on_plateau.py (Keras 3.x)
 */
export const ReduceLROnPlateau = callable(ReduceLROnPlateauBase);
export type ReduceLROnPlateau = ReduceLROnPlateauBase;
