/** Base of objects that are a function with options: initializers, regularizers, constraints, losses, schedules. */
import { CallableObject } from "../core/callable.ts";
import { describe, didYouMean } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import type { Config, CustomObjects } from "./registry.ts";
import { ownStatic } from "./registry.ts";
import { deserializeObject, optionsFromConfig, serializeObject } from "./serialize.ts";

type KeyTable = Readonly<Record<string, string>>;

/** Option name → file key of a class and its ancestors, ancestors first. */
export function configTable(cls: object): [option: string, key: string][] {
  const tables: [string, string][][] = [];
  for (let c: unknown = cls; typeof c === "function" && c !== Function.prototype; c = Object.getPrototypeOf(c)) {
    const table = ownStatic<KeyTable>(c, "configKeys");
    if (table) tables.unshift(Object.entries(table));
  }
  return [...new Map(tables.flat().map(([option, key]) => [key, [option, key] as [string, string]])).values()];
}

/** Values of the options in the class's tables, read from the object's properties of the same names. */
export function configOf(object: object): Config {
  const values = object as Record<string, unknown>;
  return Object.fromEntries(
    configTable(object.constructor).map(([option, key]) => [key, serializeObject(values[option] ?? null)]),
  );
}

/** An object that is called, and that its class's `configKeys` describe completely. */
export abstract class ConfigObject extends CallableObject {
  getConfig(): Config {
    return configOf(this);
  }

  static fromConfig(config: Config, _customObjects?: CustomObjects): object {
    const cls = this as unknown as new (options: Record<string, unknown>) => object;
    return new cls(optionsFromConfig(cls, config));
  }
}

/** How one family of objects is found from what users write. */
export interface Family<T> {
  /** For messages: `initializer`. */
  readonly what: string;
  /** Everything that a string may be. */
  readonly byName: Readonly<Record<string, () => T>>;
  /** Recognises what is one already: an instance, or a function of the user. */
  readonly accepts: (value: unknown) => value is T;
}

/**
 * The object that a name, a config or an object stands for.
 *
 * @throws RangeError for an unknown name, with the nearest one; TypeError for anything else.
 */
export function resolveObject<T>(family: Family<T>, identifier: unknown): T {
  const { what, byName, accepts } = family;
  if (typeof identifier === "string") {
    if (Object.hasOwn(byName, identifier)) return byName[identifier]!();
    throw new RangeError(
      `unknown ${what} ${describe(identifier)}.${didYouMean(identifier, Object.keys(byName))} ` +
        `Known: ${Object.keys(byName).join(", ")}`,
    );
  }
  if (isPlainObject(identifier) && "class_name" in identifier) {
    const revived = deserializeObject(identifier);
    if (accepts(revived)) return revived;
    throw new TypeError(`expected the config of ${article(what)}. Received: the config of ${describe(revived)}`);
  }
  if (accepts(identifier)) return identifier;
  throw new TypeError(
    `expected ${article(what)}: a name, a config, an object or a function. Received: ${describe(identifier)}`,
  );
}

const article = (what: string): string => `${/^[aeiou]/.test(what) ? "an" : "a"} ${what}`;
