/** Counts per axis and per side of an axis, in the forms that Keras takes. */
import type { DataFormat } from "../../core/config.ts";
import { describe } from "../../core/errors.ts";
import { classNameOf, type Operation } from "../../ops/operation.ts";

/** Counts before the first and after the last element of an axis. */
export type Sides = readonly [before: number, after: number];

const isCount =
  (low: number) =>
  (n: unknown): n is number =>
    Number.isInteger(n) && (n as number) >= low;

function refuse(layer: Operation, option: string, what: string, value: unknown): never {
  throw new RangeError(
    `${classNameOf(layer)} "${layer.name}": expected \`${option}\` to be ${what}. Received: ${option}=${describe(value)}`,
  );
}

/** One integer per axis; a lone one holds for all. @throws RangeError when one is too small. */
export function checkPerAxis(layer: Operation, option: string, value: unknown, axes: number, low: number): number[] {
  const fits = isCount(low);
  if (fits(value)) return new Array<number>(axes).fill(value);
  if (Array.isArray(value) && value.length === axes && value.every(fits)) return [...value];
  return refuse(layer, option, `an integer of at least ${low}, or a list of ${axes} of them`, value);
}

/** Both sides of one axis: a lone integer holds for both. */
export function checkSides(layer: Operation, option: string, value: unknown): Sides {
  const [before, after] = checkPerAxis(layer, option, value, 2, 0);
  return [before!, after!];
}

/** Both sides of each axis: one integer for all, or per axis an integer or `[before, after]`. */
export function checkSidesPerAxis(layer: Operation, option: string, value: unknown, axes: number): Sides[] {
  const fits = isCount(0);
  const isSides = (entry: unknown): boolean =>
    fits(entry) || (Array.isArray(entry) && entry.length === 2 && entry.every(fits));
  if (fits(value)) return Array.from({ length: axes }, () => [value, value] as const);
  if (Array.isArray(value) && value.length === axes && value.every(isSides)) {
    return value.map((entry) => checkSides(layer, option, entry));
  }
  const what = `an integer of at least 0, or a list of ${axes} of them or of pairs [before, after]`;
  return refuse(layer, option, what, value);
}

/** What holds for the axes between batch and channels, with `rest` for those two. */
export const onSpatialAxes = <T>(dataFormat: DataFormat, spatial: readonly T[], rest: T): T[] =>
  dataFormat === "channels_first" ? [rest, rest, ...spatial] : [rest, ...spatial, rest];
