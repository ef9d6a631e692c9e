/** The base of schedules, and what they share. */
import { floatx } from "../../core/config.ts";
import { checkOptions, describe } from "../../core/errors.ts";
import { isPlainObject } from "../../core/tree.ts";
import { toTensor } from "../../ops/define.ts";
import type { Operand, Tensor } from "../../runtime/tensor.ts";
import { ConfigObject } from "../../serialization/configObject.ts";

export interface LearningRateSchedule {
  /** The rate at a step, counted from 0. */
  (step: Operand): Tensor;
}

/**
 * Base of learning rate schedules: functions from the number of steps so far to the rate.
 *
 * To write one, override `call`, which runs while a training step is recorded: compute with `ops`; and state the options
 * in `configKeys` or override `getConfig`, so that optimizers with it can be saved.
 *
 * @example
 * class Halving extends keras.optimizers.schedules.LearningRateSchedule {
 *   call(step) { return ops.multiply(0.1, ops.power(0.5, ops.cast(step, "float32"))); }
 * }
 * @see keras/src/optimizers/schedules/learning_rate_schedule.py (Keras 3.x)
 */
export abstract class LearningRateSchedule extends ConfigObject {
  abstract override call(step: Operand): Tensor;
}

/** The step as a float scalar. */
export const floatStep = (step: Operand): Tensor => toTensor(step, floatx(), "schedule");

/** Arguments by position up to an options object, as one options object. */
export function namedArguments(
  where: string,
  args: readonly unknown[],
  positional: readonly string[],
  options: readonly string[],
): Readonly<Record<string, unknown>> {
  const named: Record<string, unknown> = {};
  args.forEach((arg, i) => {
    if (isPlainObject(arg)) Object.assign(named, arg);
    else if (i < positional.length) named[positional[i]!] = arg;
  });
  checkOptions(where, named, [...positional, ...options]);
  for (const key of positional) {
    if (named[key] === undefined) {
      throw new TypeError(`${where}: \`${key}\` is missing. Expected ${where}(${positional.join(", ")}, { … })`);
    }
  }
  return named;
}

/** @throws TypeError when an argument is no number. */
export function numberArgument(where: string, key: string, value: unknown): number {
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  throw new TypeError(`${where}: expected \`${key}\` to be a number. Received: ${describe(value)}`);
}

/** @throws RangeError when a number of steps is not positive. */
export function stepsArgument(where: string, key: string, value: unknown): number {
  const steps = numberArgument(where, key, value);
  if (steps > 0) return steps;
  throw new RangeError(`${where}: expected \`${key}\` to be above 0. Received: ${steps}`);
}
