/** Sets the learning rate at the beginning of every epoch. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { Callback, type Logs } from "./callback.ts";
import { learningRateOf, optimizerOf } from "./learningRate.ts";
import { say } from "./print.ts";
import { pythonFloat } from "./pythonFormat.ts";

/**
 * The learning rate of an epoch.
 *
 * @param epoch - Counted from 0.
 * @param learningRate - The rate so far.
 */
export type EpochSchedule = (epoch: number, learningRate: number) => number;

/** Options of {@link LearningRateScheduler}. */
export interface LearningRateSchedulerOptions {
  schedule?: EpochSchedule;
  /** 1 prints the rate of every epoch. @defaultValue `0` */
  verbose?: number;
}

class LearningRateSchedulerBase extends Callback {
  static readonly className = "LearningRateScheduler";

  readonly schedule: EpochSchedule;
  readonly #verbose: number;

  constructor(schedule: EpochSchedule | LearningRateSchedulerOptions, options: LearningRateSchedulerOptions = {}) {
    super();
    const given = typeof schedule === "object" && schedule !== null ? schedule : { ...options, schedule };
    checkOptions("LearningRateScheduler", given, ["schedule", "verbose"]);
    if (typeof given.schedule !== "function") {
      throw new TypeError(
        "LearningRateScheduler: expected `schedule` to be a function of the epoch and the learning rate, such as " +
          `(epoch, rate) => (epoch < 10 ? rate : rate * 0.9). Received: ${describe(given.schedule)}`,
      );
    }
    this.schedule = given.schedule;
    this.#verbose = given.verbose ?? 0;
  }

  override async onEpochBegin(epoch: number): Promise<void> {
    const optimizer = optimizerOf("LearningRateScheduler", this.model);
    const rate: unknown = this.schedule(epoch, await learningRateOf(optimizer));
    if (typeof rate !== "number" || Number.isNaN(rate)) {
      throw new TypeError(
        `LearningRateScheduler: expected \`schedule\` to return the learning rate of epoch ${epoch} (counted from 0), ` +
          `a number. Received: ${describe(rate)}`,
      );
    }
    optimizer.learningRate = rate;
    say(this.#verbose, `\nEpoch ${epoch + 1}: LearningRateScheduler setting learning rate to ${pythonFloat(rate)}.`);
  }

  override async onEpochEnd(_epoch: number, logs: Logs): Promise<void> {
    logs.learning_rate = await learningRateOf(optimizerOf("LearningRateScheduler", this.model));
  }
}

/**
 * Sets the learning rate at the beginning of every epoch, and logs it as `learning_rate`. For a rate that changes with every
 * step give the optimizer a schedule from `optimizers.schedules`.
 *
 * @param schedule - Gives the rate for an epoch (from 0) and the rate so far.
 * @throws TypeError in the run when the schedule returns no number, or when the optimizer has a schedule of its own.
 * @example
 * const slower = LearningRateScheduler((epoch, rate) => (epoch < 10 ? rate : rate * Math.exp(-0.1)));
 * await model.fit(x, y, { epochs: 15, callbacks: [slower] });
 * @see keras/src/callbacks/learning_rate_scheduler.py (Keras 3.x)
 */
export const LearningRateScheduler = callable(LearningRateSchedulerBase);
export type LearningRateScheduler = LearningRateSchedulerBase;
