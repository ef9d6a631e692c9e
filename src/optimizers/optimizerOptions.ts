/** Options that every optimizer takes: reading and checking them. */
import { checkOptions, describe } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import type { LearningRateSchedule } from "./schedules/learningRateSchedule.ts";

/** A fixed rate, a schedule over the steps, a variable that others may change, or a function that gives the rate. */
export type LearningRate = number | LearningRateSchedule | Variable | (() => Tensor | number);

/** Options of every optimizer. */
export interface OptimizerOptions {
  /** @defaultValue `0.001` */
  learningRate?: LearningRate;
  /** Decoupled decay: each update first shrinks a weight by the factor `1 - weightDecay · learningRate`. @defaultValue `null` */
  weightDecay?: number | null;
  /** Largest norm of each weight's gradient. @defaultValue `null` */
  clipnorm?: number | null;
  /** Largest magnitude of each element of a gradient. @defaultValue `null` */
  clipvalue?: number | null;
  /** Largest norm of all gradients together. @defaultValue `null` */
  globalClipnorm?: number | null;
  /** Whether moving averages of the weights are kept, and become the weights at the end of `fit`. @defaultValue `false` */
  useEma?: boolean;
  /** Share of the old average in the new one. @defaultValue `0.99` */
  emaMomentum?: number;
  /** Steps after which the averages become the weights; `null` for the end of `fit` only. @defaultValue `null` */
  emaOverwriteFrequency?: number | null;
  /** The loss is multiplied, and gradients are divided, by it: half floats underflow less. @defaultValue `null` */
  lossScaleFactor?: number | null;
  /** Steps whose gradients are averaged into one update. @defaultValue `null` (every step updates) */
  gradientAccumulationSteps?: number | null;
  /** @defaultValue the class in snake case, made unique */
  name?: string | null;
}

export const OPTIMIZER_OPTIONS = [
  "learningRate",
  "weightDecay",
  "clipnorm",
  "clipvalue",
  "globalClipnorm",
  "useEma",
  "emaMomentum",
  "emaOverwriteFrequency",
  "lossScaleFactor",
  "gradientAccumulationSteps",
  "name",
] as const;

/** A rate followed by options, or options alone, as one options object. */
export function optionsOf<O extends OptimizerOptions>(learningRate: LearningRate | O | undefined, options: O): O {
  if (learningRate === undefined) return options;
  return isPlainObject(learningRate) ? (learningRate as O) : { ...options, learningRate: learningRate as LearningRate };
}

/**
 * @throws TypeError for an unknown option or one of a wrong kind; RangeError for a value outside its range, or for more
 *   than one way of clipping.
 */
export function checkOptimizerOptions(where: string, options: OptimizerOptions, known: readonly string[]): void {
  checkOptions(where, options, [...OPTIMIZER_OPTIONS, ...known]);
  const { learningRate, gradientAccumulationSteps: accumulation, name } = options;
  if (!isLearningRate(learningRate ?? 0)) {
    throw new TypeError(
      `${where}: expected \`learningRate\` to be a number, a LearningRateSchedule, a Variable or a function that returns ` +
        `the rate. Received: ${describe(learningRate)}`,
    );
  }
  if (name !== undefined && name !== null && (typeof name !== "string" || name.includes("/"))) {
    throw new TypeError(`${where}: expected \`name\` to be a string without "/". Received: ${describe(name)}`);
  }
  for (const key of ["weightDecay", "clipnorm", "clipvalue", "globalClipnorm", "lossScaleFactor"] as const) {
    checkNumber(where, key, options[key] ?? 0);
  }
  if (accumulation && !(Number.isInteger(accumulation) && accumulation >= 2)) {
    throw new RangeError(
      `${where}: expected \`gradientAccumulationSteps\` to be an integer from 2. Received: ${describe(accumulation)}`,
    );
  }
  const clips = (["clipnorm", "clipvalue", "globalClipnorm"] as const).filter((key) => (options[key] ?? null) !== null);
  if (clips.length > 1) {
    throw new RangeError(
      `${where}: only one of \`clipnorm\`, \`clipvalue\` and \`globalClipnorm\` can be set. ` +
        `Received: ${clips.map((key) => `${key}=${describe(options[key])}`).join(", ")}`,
    );
  }
  if (options.useEma) checkAverages(where, options);
}

function checkAverages(where: string, options: OptimizerOptions): void {
  const { emaMomentum, emaOverwriteFrequency: frequency } = options;
  checkNumber(where, "emaMomentum", emaMomentum ?? 0.99, 0, 1);
  if (frequency && !(Number.isInteger(frequency) && frequency >= 1)) {
    throw new RangeError(
      `${where}: expected \`emaOverwriteFrequency\` to be an integer from 1, or null. Received: ${describe(frequency)}`,
    );
  }
}

const isLearningRate = (value: unknown): value is LearningRate =>
  typeof value === "number" || typeof value === "function" || value instanceof Variable;

/** @throws TypeError when `value` is no number, RangeError when it lies outside `low` to `high`. */
export function checkNumber(
  where: string,
  option: string,
  value: unknown,
  low = Number.NEGATIVE_INFINITY,
  high = Number.POSITIVE_INFINITY,
): number {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new TypeError(`${where}: expected \`${option}\` to be a number. Received: ${describe(value)}`);
  }
  if (value < low || value > high) {
    const range =
      high === Number.POSITIVE_INFINITY
        ? `at least ${low}`
        : low === Number.NEGATIVE_INFINITY
          ? `at most ${high}`
          : `from ${low} to ${high}`;
    throw new RangeError(`${where}: expected \`${option}\` to be ${range}. Received: ${value}`);
  }
  return value;
}
