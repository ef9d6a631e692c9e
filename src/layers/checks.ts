/** Checks of layer options, with messages that name the layer. */
import { describe } from "../core/errors.ts";
import { classNameOf, type Operation } from "../ops/operation.ts";

const expected = (layer: Operation, option: string, what: string, value: unknown): string =>
  `${classNameOf(layer)} "${layer.name}": expected \`${option}\` to be ${what}. Received: ${option}=${describe(value)}`;

/** @throws TypeError when it is no number, RangeError when it is not a positive integer. */
export function checkPositiveInteger(layer: Operation, option: string, value: unknown): number {
  if (typeof value !== "number") throw new TypeError(expected(layer, option, "a positive integer", value));
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(expected(layer, option, "a positive integer", value));
  }
  return value;
}

/** @throws TypeError when it is no number, RangeError when it is outside [low, high]. */
export function checkNumber(
  layer: Operation,
  option: string,
  value: unknown,
  low = Number.NEGATIVE_INFINITY,
  high = Number.POSITIVE_INFINITY,
): number {
  const range =
    high < Number.POSITIVE_INFINITY
      ? `a number from ${low} to ${high}`
      : low > Number.NEGATIVE_INFINITY
        ? `a number of at least ${low}`
        : "a number";
  if (typeof value !== "number") throw new TypeError(expected(layer, option, range, value));
  if (!(value >= low && value <= high)) throw new RangeError(expected(layer, option, range, value));
  return value;
}

/** @throws TypeError when it is no boolean. */
export function checkBoolean(layer: Operation, option: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError(expected(layer, option, "a boolean", value));
  return value;
}

/** A copy of a list of integers. @throws TypeError when it is no list, RangeError when one is no integer or too small. */
export function checkIntegers(layer: Operation, option: string, value: unknown, low: number): number[] {
  const what = low === Number.NEGATIVE_INFINITY ? "a list of integers" : `a list of integers of at least ${low}`;
  if (!Array.isArray(value)) throw new TypeError(expected(layer, option, what, value));
  if (value.some((d) => !Number.isInteger(d) || d < low)) throw new RangeError(expected(layer, option, what, value));
  return [...value];
}
