/**
 * Classes that are a function with options: from one table per class its options, their defaults and their keys in
 * files. Losses and metrics over functions are made this way.
 */
import { configTable } from "../serialization/configObject.ts";
import { reviveConfigKey } from "../serialization/deserialize.ts";
import { mapKeys } from "../serialization/options.ts";
import type { Config } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";

/** One option of a class over a function. */
export interface FunctionOption<V> {
  /** Key in files. */
  readonly key: string;
  readonly default: V;
  /** Says what is expected of a value, or `null` when it is fine. */
  readonly expected?: (value: V) => string | null;
  /** Keras forgets it when saving (and reads it when loading): it is written only when it differs from the default. */
  readonly forgotten?: true;
}

export type FunctionOptionTable<O> = { readonly [K in keyof O]-?: FunctionOption<Exclude<O[K], undefined>> };
type AnyTable = Readonly<Record<string, FunctionOption<unknown>>>;

/** Key in files of each option in a table. */
export const keysOf = (table: object): Record<string, string> =>
  Object.fromEntries(Object.entries(table as AnyTable).map(([option, { key }]) => [option, key]));

/**
 * Values for all options of a table, from what was given.
 *
 * @throws RangeError for a value that the table refuses.
 */
export function readFunctionOptions(where: string, table: object, given: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table as AnyTable).map(([option, spec]) => {
      const value = (given as Record<string, unknown>)[option] ?? spec.default;
      const expected = spec.expected?.(value) ?? null;
      if (expected !== null) {
        throw new RangeError(
          `${where}: expected \`${option}\` to be ${expected}. Received: ${option}=${String(value)}`,
        );
      }
      return [option, value];
    }),
  );
}

/** Config of an object of such a class: what Keras writes, and what it forgets where that matters. */
export function tableConfig(object: object, table: object): Config {
  const values = object as Record<string, unknown>;
  const forgotten = ([option]: [string, string]): boolean => {
    const spec = (table as AnyTable)[option];
    return spec?.forgotten === true && values[option] === spec.default;
  };
  const entries = configTable(object.constructor).filter((entry) => entry[0] !== "fn" && !forgotten(entry));
  return Object.fromEntries(entries.map(([option, key]) => [key, serializeObject(values[option] ?? null)]));
}

/** Options of the library's own functions that have another name in files. */
const KEYS: Readonly<Record<string, string>> = {
  fromLogits: "from_logits",
  labelSmoothing: "label_smoothing",
  ignoreClass: "ignore_class",
  applyClassBalancing: "apply_class_balancing",
  removeDiagonal: "remove_diagonal",
  fromSortedIds: "from_sorted_ids",
};
const OPTIONS = Object.fromEntries(Object.entries(KEYS).map(([option, key]) => [key, option]));

/** Options of a wrapped function as a file holds them. */
export const functionConfig = (options: Readonly<Record<string, unknown>>): Config =>
  Object.fromEntries(Object.entries(mapKeys(options, KEYS)).map(([key, value]) => [key, serializeObject(value)]));

/** Constructor options of a wrapper, which takes any option since its function may have it. */
export function wrapperOptions(cls: object, config: Config): Record<string, unknown> {
  const own = Object.fromEntries(configTable(cls).map(([option, key]) => [key, option]));
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [own[key] ?? OPTIONS[key] ?? key, reviveConfigKey(key, value)]),
  );
}

/** Checks for tables. */
export const fraction = (value: number): string | null => (value >= 0 && value <= 1 ? null : "a number from 0 to 1");
export const openFraction = (value: number): string | null =>
  value > 0 && value < 1 ? null : "a number between 0 and 1";
export const positive = (value: number): string | null => (value > 0 ? null : "a positive number");
export const positiveInteger = (value: number): string | null =>
  Number.isInteger(value) && value > 0 ? null : "a positive integer";
