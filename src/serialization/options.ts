/**
 * Between our option names and the keys of files. Each class states its pairs once, in a static `configKeys`; values
 * are never touched.
 */
import { describe, didYouMean, SerializationError } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import { currentConfigPath, reviveConfigKey } from "./deserialize.ts";
import { type Config, isBuiltin, nameOf, ownStatic } from "./registry.ts";

type KeyTable = Readonly<Record<string, string>>;

/** The same values under the keys of files; keys that the table lacks stay. */
export function mapKeys(values: Readonly<Record<string, unknown>>, table: KeyTable): Config {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [Object.hasOwn(table, key) ? table[key]! : key, value]),
  );
}

/** A class and those that it extends, nearest first. */
function lineage(cls: object): object[] {
  const classes: object[] = [];
  for (let c: unknown = cls; typeof c === "function" && c !== Function.prototype; c = Object.getPrototypeOf(c)) {
    classes.push(c);
  }
  return classes;
}

/** File key → option name, of the class and those that it extends. */
function optionsByKey(classes: readonly object[]): Map<string, string> {
  const options = new Map<string, string>();
  for (const cls of classes.toReversed()) {
    for (const [option, key] of Object.entries(ownStatic<KeyTable>(cls, "configKeys") ?? {})) options.set(key, option);
  }
  return options;
}

/** Keys that Keras 2 wrote and Keras 3 reads without using them. */
const UNUSED_KEYS: ReadonlySet<string> = new Set([
  "batch_input_shape",
  "implementation",
  "input_length",
  "is_legacy_optimizer",
  "jit_compile",
]);

/** Values that say the same as leaving the key out. */
const saysNothing = (value: unknown): boolean => value === null || value === false;

/**
 * The constructor options that a config stands for: keys translated by the `configKeys` of the class and its ancestors,
 * nested objects revived.
 *
 * Keys in a static `ignoredConfigKeys` are dropped when null or false. Keys that no table has are passed on unchanged
 * to classes of the user, and are an error for Keras's own unless null or false.
 *
 * @throws SerializationError for a key with a value that Keras's class does not know.
 */
export function optionsFromConfig(cls: object, config: Config): Record<string, unknown> {
  if (!isPlainObject(config)) {
    throw new SerializationError(
      `${currentConfigPath() || "config"}: expected the config of class "${nameOf(cls)}" to be an object of options, which its ` +
        `\`getConfig\` returns. Received: ${describe(config)}`,
    );
  }
  const classes = lineage(cls);
  const table = optionsByKey(classes);
  const ignored = new Set(classes.flatMap((c) => ownStatic<readonly string[]>(c, "ignoredConfigKeys") ?? []));
  const strict = isBuiltin(cls);
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    const option = table.get(key);
    if (option !== undefined) options[option] = reviveConfigKey(key, value);
    else if (saysNothing(value) && (strict || ignored.has(key))) continue;
    else if (strict && UNUSED_KEYS.has(key)) continue;
    else if (!strict) options[key] = reviveConfigKey(key, value);
    else {
      const reason = ignored.has(key) ? "is not supported by this library" : "is unknown";
      const hint = ignored.has(key) ? "" : didYouMean(key, table.keys());
      throw new SerializationError(
        `${currentConfigPath() || "config"}: key "${key}" of class "${nameOf(cls)}" ${reason}.${hint} ` +
          `Received: ${describe(value)}; known keys: ${[...table.keys()].join(", ")}.`,
      );
    }
  }
  return options;
}
