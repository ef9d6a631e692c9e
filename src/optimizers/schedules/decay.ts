/** Schedules that fall by a power, a quotient or a polynomial of the steps, or in stairs. */
import { callable } from "../../core/callable.ts";
import { floatx } from "../../core/config.ts";
import { describe } from "../../core/errors.ts";
import { toTensor } from "../../ops/define.ts";
import * as ops from "../../ops/index.ts";
import { type Operand, scalarTensor, type Tensor } from "../../runtime/tensor.ts";
import {
  floatStep,
  LearningRateSchedule,
  namedArguments,
  numberArgument,
  stepsArgument,
} from "./learningRateSchedule.ts";

const MODULE = "keras.optimizers.schedules";

/** Options of {@link ExponentialDecay} and {@link InverseTimeDecay}. */
export interface DecayOptions {
  /** Whether the rate changes every `decaySteps` steps only, rather than every step. @defaultValue `false` */
  staircase?: boolean;
  /** @defaultValue the class's name */
  name?: string;
}

/** The arguments of {@link ExponentialDecay} and {@link InverseTimeDecay} as one object. */
export interface DecayArguments extends DecayOptions {
  initialLearningRate: number;
  decaySteps: number;
  decayRate: number;
}

type DecayParameters =
  | [initialLearningRate: number, decaySteps: number, decayRate: number, options?: DecayOptions]
  | [options: DecayArguments];

abstract class RateDecay extends LearningRateSchedule {
  static readonly configKeys: Readonly<Record<string, string>> = {
    initialLearningRate: "initial_learning_rate",
    decaySteps: "decay_steps",
    decayRate: "decay_rate",
    staircase: "staircase",
    name: "name",
  };
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  readonly decayRate: number;
  readonly staircase: boolean;
  override readonly name: string;

  constructor(where: string, args: DecayParameters) {
    super();
    const positional = ["initialLearningRate", "decaySteps", "decayRate"];
    const given = namedArguments(where, args, positional, ["staircase", "name"]);
    this.initialLearningRate = numberArgument(where, "initialLearningRate", given.initialLearningRate);
    this.decaySteps = stepsArgument(where, "decaySteps", given.decaySteps);
    this.decayRate = numberArgument(where, "decayRate", given.decayRate);
    this.staircase = Boolean(given.staircase ?? false);
    this.name = String(given.name ?? where);
  }

  /** Number of decays so far. */
  protected decays(step: Operand): Tensor {
    const periods = ops.divide(floatStep(step), this.decaySteps);
    return this.staircase ? ops.floor(periods) : periods;
  }
}

class ExponentialDecayBase extends RateDecay {
  static readonly className = "ExponentialDecay";
  static readonly modulePath = MODULE;
  constructor(...args: DecayParameters) {
    super("ExponentialDecay", args);
  }
  override call(step: Operand): Tensor {
    return ops.multiply(ops.power(scalarTensor(this.decayRate, floatx()), this.decays(step)), this.initialLearningRate);
  }
}

class InverseTimeDecayBase extends RateDecay {
  static readonly className = "InverseTimeDecay";
  static readonly modulePath = MODULE;
  constructor(...args: DecayParameters) {
    super("InverseTimeDecay", args);
  }
  override call(step: Operand): Tensor {
    return ops.divide(this.initialLearningRate, ops.add(ops.multiply(this.decays(step), this.decayRate), 1));
  }
}

/** Options of {@link PiecewiseConstantDecay}. */
export interface PiecewiseConstantDecayOptions {
  /** @defaultValue `"PiecewiseConstant"` */
  name?: string;
}

class PiecewiseConstantDecayBase extends LearningRateSchedule {
  static readonly className = "PiecewiseConstantDecay";
  static readonly modulePath = MODULE;
  static readonly configKeys = { boundaries: "boundaries", values: "values", name: "name" };
  readonly boundaries: readonly number[];
  readonly values: readonly number[];
  override readonly name: string;

  constructor(
    ...args:
      | [boundaries: readonly number[], values: readonly number[], options?: PiecewiseConstantDecayOptions]
      | [options: PiecewiseConstantDecayOptions & { boundaries: readonly number[]; values: readonly number[] }]
  ) {
    super();
    const where = "PiecewiseConstantDecay";
    const given = namedArguments(where, args, ["boundaries", "values"], ["name"]);
    for (const key of ["boundaries", "values"] as const) {
      const list = given[key];
      if (!Array.isArray(list) || !list.every((x) => typeof x === "number")) {
        throw new TypeError(`${where}: expected \`${key}\` to be an array of numbers. Received: ${describe(list)}`);
      }
    }
    this.boundaries = given.boundaries as number[];
    this.values = given.values as number[];
    this.name = String(given.name ?? "PiecewiseConstant");
    if (this.values.length !== this.boundaries.length + 1) {
      throw new RangeError(
        `${where}: expected one value more than boundaries. ` +
          `Received: ${this.boundaries.length} boundaries, ${this.values.length} values`,
      );
    }
  }

  override call(step: Operand): Tensor {
    const at = toTensor(step, null, "schedule");
    const value = (i: number): Tensor => scalarTensor(this.values[i]!, floatx());
    return this.boundaries.reduceRight(
      (later, boundary, i) => ops.where(ops.lessEqual(at, boundary), value(i), later),
      value(this.boundaries.length),
    );
  }
}

/** Options of {@link PolynomialDecay}. */
export interface PolynomialDecayOptions {
  /** The lowest rate. @defaultValue `0.0001` */
  endLearningRate?: number;
  /** @defaultValue `1` (a straight line) */
  power?: number;
  /** Whether the rate rises again after `decaySteps`, to fall over 2, 3, … times as many in all. @defaultValue `false` */
  cycle?: boolean;
  /** @defaultValue the class's name */
  name?: string;
}

class PolynomialDecayBase extends LearningRateSchedule {
  static readonly className = "PolynomialDecay";
  static readonly modulePath = MODULE;
  static readonly configKeys = {
    initialLearningRate: "initial_learning_rate",
    decaySteps: "decay_steps",
    endLearningRate: "end_learning_rate",
    power: "power",
    cycle: "cycle",
    name: "name",
  };
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  readonly endLearningRate: number;
  readonly power: number;
  readonly cycle: boolean;
  override readonly name: string;

  constructor(
    ...args:
      | [initialLearningRate: number, decaySteps: number, options?: PolynomialDecayOptions]
      | [options: PolynomialDecayOptions & { initialLearningRate: number; decaySteps: number }]
  ) {
    super();
    const where = "PolynomialDecay";
    const positional = ["initialLearningRate", "decaySteps"];
    const given = namedArguments(where, args, positional, ["endLearningRate", "power", "cycle", "name"]);
    this.initialLearningRate = numberArgument(where, "initialLearningRate", given.initialLearningRate);
    this.decaySteps = stepsArgument(where, "decaySteps", given.decaySteps);
    this.endLearningRate = numberArgument(where, "endLearningRate", given.endLearningRate ?? 0.0001);
    this.power = numberArgument(where, "power", given.power ?? 1);
    this.cycle = Boolean(given.cycle ?? false);
    this.name = String(given.name ?? where);
  }

  override call(step: Operand): Tensor {
    const at = floatStep(step);
    let done = ops.divide(ops.minimum(at, this.decaySteps), this.decaySteps);
    if (this.cycle) {
      const cycles = ops.where(ops.equal(at, 0), 1, ops.ceil(ops.divide(at, this.decaySteps)));
      done = ops.divide(at, ops.multiply(cycles, this.decaySteps));
    }
    const left = ops.power(ops.subtract(1, done), this.power);
    return ops.add(ops.multiply(left, this.initialLearningRate - this.endLearningRate), this.endLearningRate);
  }
}

/**
 * `initialLearningRate · decayRate^(step / decaySteps)`.
 *
 * @example
 * const optimizer = optimizers.SGD(schedules.ExponentialDecay(0.1, 1000, 0.96, { staircase: true }));
 */
export const ExponentialDecay = callable(ExponentialDecayBase);
export type ExponentialDecay = ExponentialDecayBase;
/** `initialLearningRate / (1 + decayRate · step / decaySteps)`. */
export const InverseTimeDecay = callable(InverseTimeDecayBase);
export type InverseTimeDecay = InverseTimeDecayBase;
/** `values[0]` up to and with step `boundaries[0]`, then `values[1]` up to `boundaries[1]`, … */
export const PiecewiseConstantDecay = callable(PiecewiseConstantDecayBase);
export type PiecewiseConstantDecay = PiecewiseConstantDecayBase;
/** `(initialLearningRate - endLearningRate)·(1 - step / decaySteps)^power + endLearningRate`. */
export const PolynomialDecay = callable(PolynomialDecayBase);
export type PolynomialDecay = PolynomialDecayBase;
