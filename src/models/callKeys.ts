/**
 * Names of call options: ours in code (`returnState`), Keras's in files (`return_state`). A class's table says which is which.
 * What a user's own class takes and no table names is written in snake case, for the Python twin of the class, and beside it
 * stands how it was called here. Names only, never values.
 */
import { isPlainObject } from "../core/tree.ts";
import { allCallKeys, callInputsOf, callKeysOf, callsAsKeras, callTaken } from "../layers/callCheck.ts";
import type { LayerBase } from "../layers/layer.ts";
import type { Config } from "../ops/operation.ts";

export const toSnakeKey = (key: string): string => key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
const toCamelCase = (key: string): string =>
  key.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, c: string) => c.toUpperCase());

/** Where a recorded call says how the options that no table names were called. Python does not look there. */
const OPTION_NAMES = "option_names";

/** Options of a call as a file has them, and what the record of the call says besides. */
export function fileOptions(
  layer: LayerBase,
  options: Readonly<Record<string, unknown>>,
): { kwargs: Config; names: Config } {
  const table = allCallKeys(layer);
  const names: Record<string, string> = {};
  const kwargs: Config = {};
  for (const [option, value] of Object.entries(options)) {
    if (Object.hasOwn(table, option)) {
      kwargs[table[option]!] = value;
      continue;
    }
    const snake = toSnakeKey(option);
    // Two options must not become one.
    const isFree = !Object.hasOwn(options, snake) && !Object.values(table).includes(snake);
    const key = isFree ? snake : option;
    names[key] = option;
    kwargs[key] = value;
  }
  return { kwargs, names: Object.keys(names).length > 0 ? { [OPTION_NAMES]: names } : {} };
}

/** What a file calls an option of a layer's call, as the layer calls it. */
function optionName(layer: LayerBase, key: string, names: Readonly<Record<string, unknown>>, inputs: number): string {
  const remembered = Object.hasOwn(names, key) ? names[key] : undefined;
  if (typeof remembered === "string") return remembered;
  const stated = Object.entries(allCallKeys(layer)).find(([, argument]) => argument === key);
  if (stated) return stated[0];
  if (callsAsKeras(layer)) return key;
  // Python wrote it. A class that takes it under this very name is not asked for another.
  return callTaken(layer, inputs).options?.includes(key) ? key : toCamelCase(key);
}

/** Inputs and options of a call from what a file has, with the record that they are from. */
export function callFromFile(
  layer: LayerBase,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  record: unknown,
): { inputs: unknown[]; options: Record<string, unknown> } {
  const given = isPlainObject(record) ? record[OPTION_NAMES] : null;
  const names = isPlainObject(given) ? given : {};
  const options = Object.fromEntries(
    Object.entries(kwargs).map(([key, value]) => [optionName(layer, key, names, args.length), value]),
  );
  if (!callsAsKeras(layer)) return { inputs: [...args], options };
  // In Python, inputs may be given by name, and options by their places after the inputs.
  const count = Math.max(callTaken(layer, args.length).inputs, 1);
  const inputs = args.slice(0, count);
  for (const name of callInputsOf(layer).slice(inputs.length)) {
    if (!Object.hasOwn(options, name)) break;
    inputs.push(options[name]);
    delete options[name];
  }
  const places = Object.keys(callKeysOf(layer));
  const placed = args.slice(count).map((value, i): [string, unknown] => [places[i] ?? `argument ${count + i}`, value]);
  const known = callTaken(layer, count).options ?? [];
  const all = Object.entries({ ...Object.fromEntries(placed), ...options });
  // `None` for what is not known here is what the call means without it.
  return {
    inputs,
    options: Object.fromEntries(all.filter(([name, value]) => value !== null || known.includes(name))),
  };
}
