/** Schedules that fall along half a cosine wave. */
import { callable } from "../../core/callable.ts";
import * as ops from "../../ops/index.ts";
import type { Operand, Tensor } from "../../runtime/tensor.ts";
import {
  floatStep,
  LearningRateSchedule,
  namedArguments,
  numberArgument,
  stepsArgument,
} from "./learningRateSchedule.ts";

const MODULE = "keras.optimizers.schedules";

/** From 1 to 0 along a cosine, while `done` goes from 0 to 1. */
const halfWave = (done: Tensor): Tensor => ops.multiply(ops.add(ops.cos(ops.multiply(done, Math.PI)), 1), 0.5);

/** From 1 to `alpha` while `wave` goes from 1 to 0. */
const aboveFloor = (wave: Tensor, alpha: number): Tensor => ops.add(ops.multiply(wave, 1 - alpha), alpha);

/** Options of {@link CosineDecay}. */
export interface CosineDecayOptions {
  /** The lowest rate, as a fraction of the highest. @defaultValue `0` */
  alpha?: number;
  /** @defaultValue the class's name */
  name?: string;
  /** Rate to rise to, in a straight line, before the decay; `null` for none. @defaultValue `null` */
  warmupTarget?: number | null;
  /** Steps of the rise. @defaultValue `0` */
  warmupSteps?: number;
}

class CosineDecayBase extends LearningRateSchedule {
  static readonly className = "CosineDecay";
  static readonly modulePath = MODULE;
  static readonly configKeys = {
    initialLearningRate: "initial_learning_rate",
    decaySteps: "decay_steps",
    alpha: "alpha",
    name: "name",
    warmupTarget: "warmup_target",
    warmupSteps: "warmup_steps",
  };
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  readonly alpha: number;
  override readonly name: string;
  readonly warmupTarget: number | null;
  readonly warmupSteps: number;

  constructor(
    ...args:
      | [initialLearningRate: number, decaySteps: number, options?: CosineDecayOptions]
      | [options: CosineDecayOptions & { initialLearningRate: number; decaySteps: number }]
  ) {
    super();
    const where = "CosineDecay";
    const positional = ["initialLearningRate", "decaySteps"];
    const given = namedArguments(where, args, positional, ["alpha", "name", "warmupTarget", "warmupSteps"]);
    this.initialLearningRate = numberArgument(where, "initialLearningRate", given.initialLearningRate);
    this.decaySteps = stepsArgument(where, "decaySteps", given.decaySteps);
    this.alpha = numberArgument(where, "alpha", given.alpha ?? 0);
    this.name = String(given.name ?? where);
    const target = given.warmupTarget ?? null;
    this.warmupTarget = target === null ? null : numberArgument(where, "warmupTarget", target);
    this.warmupSteps = numberArgument(where, "warmupSteps", given.warmupSteps ?? 0);
  }

  override call(step: Operand): Tensor {
    const at = floatStep(step);
    const { initialLearningRate: start, warmupTarget: target, warmupSteps } = this;
    const decayed = (steps: Tensor, from: number): Tensor =>
      ops.multiply(aboveFloor(halfWave(ops.divide(steps, this.decaySteps)), this.alpha), from);
    if (target === null) return decayed(ops.minimum(at, this.decaySteps), start);
    const capped = ops.minimum(at, this.decaySteps + warmupSteps);
    const falling = decayed(ops.subtract(capped, warmupSteps), target);
    if (warmupSteps <= 0) return falling;
    const rising = ops.add(ops.multiply(ops.divide(capped, warmupSteps), target - start), start);
    return ops.where(ops.less(capped, warmupSteps), rising, falling);
  }
}

/** Options of {@link CosineDecayRestarts}. */
export interface CosineDecayRestartsOptions {
  /** Length of each period, as a multiple of the one before. @defaultValue `2` */
  tMul?: number;
  /** Height of each period, as a multiple of the one before. @defaultValue `1` */
  mMul?: number;
  /** The lowest rate, as a fraction of the initial one. @defaultValue `0` */
  alpha?: number;
  /** @defaultValue `"SGDRDecay"` */
  name?: string;
}

class CosineDecayRestartsBase extends LearningRateSchedule {
  static readonly className = "CosineDecayRestarts";
  static readonly modulePath = MODULE;
  static readonly configKeys = {
    initialLearningRate: "initial_learning_rate",
    firstDecaySteps: "first_decay_steps",
    tMul: "t_mul",
    mMul: "m_mul",
    alpha: "alpha",
    name: "name",
  };
  readonly initialLearningRate: number;
  readonly firstDecaySteps: number;
  readonly tMul: number;
  readonly mMul: number;
  readonly alpha: number;
  override readonly name: string;

  constructor(
    ...args:
      | [initialLearningRate: number, firstDecaySteps: number, options?: CosineDecayRestartsOptions]
      | [options: CosineDecayRestartsOptions & { initialLearningRate: number; firstDecaySteps: number }]
  ) {
    super();
    const where = "CosineDecayRestarts";
    const positional = ["initialLearningRate", "firstDecaySteps"];
    const given = namedArguments(where, args, positional, ["tMul", "mMul", "alpha", "name"]);
    this.initialLearningRate = numberArgument(where, "initialLearningRate", given.initialLearningRate);
    this.firstDecaySteps = stepsArgument(where, "firstDecaySteps", given.firstDecaySteps);
    this.tMul = numberArgument(where, "tMul", given.tMul ?? 2);
    this.mMul = numberArgument(where, "mMul", given.mMul ?? 1);
    this.alpha = numberArgument(where, "alpha", given.alpha ?? 0);
    this.name = String(given.name ?? "SGDRDecay");
  }

  override call(step: Operand): Tensor {
    const { period, done } = this.#position(ops.divide(floatStep(step), this.firstDecaySteps));
    const wave = halfWave(done);
    const scaled = this.mMul === 1 ? wave : ops.multiply(wave, ops.power(this.mMul, period));
    return ops.multiply(aboveFloor(scaled, this.alpha), this.initialLearningRate);
  }

  /** Which period it is, from 0, and the share of it that is over; `elapsed` is in lengths of the first period. */
  #position(elapsed: Tensor): { period: Tensor; done: Tensor } {
    const t = this.tMul;
    if (t === 1) {
      const period = ops.floor(elapsed);
      return { period, done: ops.subtract(elapsed, period) };
    }
    // Period i starts after 1 + t + … + t^(i-1) = (1 - t^i) / (1 - t) lengths.
    const reached = ops.log(ops.subtract(1, ops.multiply(elapsed, 1 - t)));
    const period = ops.floor(ops.divide(reached, Math.log(t)));
    const length = ops.power(t, period);
    const start = ops.divide(ops.subtract(1, length), 1 - t);
    return { period, done: ops.divide(ops.subtract(elapsed, start), length) };
  }
}

/**
 * `initialLearningRate · ((1-α)·½(1 + cos(π·step/decaySteps)) + α)`, constant afterwards; with `warmupTarget` it first
 * rises to that rate and falls from there.
 *
 * @see Loshchilov and Hutter 2016
 */
export const CosineDecay = callable(CosineDecayBase);
export type CosineDecay = CosineDecayBase;
/** Cosine decay that starts again, each period `tMul` times as long and `mMul` times as high as the one before. */
export const CosineDecayRestarts = callable(CosineDecayRestartsBase);
export type CosineDecayRestarts = CosineDecayRestartsBase;
