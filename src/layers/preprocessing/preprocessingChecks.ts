/** Checks of options that several layers for text and tables take. */
import { describe } from "../../core/errors.ts";
import type { Operation } from "../../ops/operation.ts";
import { placeOf } from "../errorTrail.ts";

/** @throws TypeError when it is no number, RangeError when it is not an integer of at least `low`. */
export function checkCount(layer: Operation, option: string, value: unknown, low: number): number {
  const message = `${placeOf(layer)}: expected \`${option}\` to be an integer of at least ${low}. Received: ${option}=${describe(value)}`;
  if (typeof value !== "number") throw new TypeError(message);
  if (!Number.isInteger(value) || value < low) throw new RangeError(message);
  return value;
}

/** @throws RangeError when it is none of the choices. */
export function checkChoice<T extends string>(
  layer: Operation,
  option: string,
  value: unknown,
  choices: readonly T[],
): T {
  if (choices.includes(value as T)) return value as T;
  const known = choices.map((choice) => `"${choice}"`).join(", ");
  throw new RangeError(
    `${placeOf(layer)}: expected \`${option}\` to be one of ${known}. Received: ${option}=${describe(value)}`,
  );
}

/** An output mode, under its old names too. */
export function outputMode<T extends string>(layer: Operation, value: unknown, choices: readonly T[]): T {
  const renamed = value === "binary" ? "multi_hot" : value === "tf-idf" ? "tf_idf" : value;
  return checkChoice(layer, "outputMode", renamed, choices);
}

/** @throws RangeError for `true`: there are no sparse tensors. */
export function refuseSparse(layer: Operation, sparse: unknown): void {
  if (sparse === false || sparse === null) return;
  throw new RangeError(
    `${placeOf(layer)}: there are no sparse tensors here. Received: sparse=${describe(sparse)}. Leave it out: the result is dense`,
  );
}
