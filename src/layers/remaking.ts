/** Objects of the user's classes from their configs. The constructor gets all that `getConfig` returned as one object. */
import type { DTypePolicy } from "../core/dtypePolicy.ts";
import { rememberNames } from "../core/names.ts";
import { rememberSeeds } from "../random/seedGenerator.ts";
import { classItself } from "../serialization/registry.ts";
import { firstParameter, takesArguments } from "./constructorArguments.ts";
import { hide } from "./statefulOperation.ts";

/** Options that every layer takes. */
export const BASE_OPTIONS: readonly string[] = ["name", "trainable", "dtype", "activityRegularizer", "autocast"];

type UserClass = new (options?: Record<string, unknown>) => object;

/** Options that tell when they are read. */
interface Watched {
  readonly options: Record<string, unknown>;
  /** Names of those that nobody read. */
  readonly unread: Set<string>;
  /** Ends the watch: the object has plain properties then. */
  readonly settle: () => void;
}

function watch(options: Readonly<Record<string, unknown>>): Watched {
  const unread = new Set(Object.keys(options));
  const watched: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    const get = (): unknown => {
      unread.delete(key);
      return value;
    };
    Object.defineProperty(watched, key, { get, enumerable: true, configurable: true });
  }
  const settle = (): void => {
    for (const [key, value] of Object.entries(options)) Object.defineProperty(watched, key, { value, writable: true });
  };
  return { options: watched, unread, settle };
}

/**
 * Makes an object of a class of the user from the options in a config, and sees to it that its constructor took every one:
 * one that reads other arguments would make an object that computes something else.
 *
 * A class without a config of its own may have a constructor that takes no options object: it is called without arguments,
 * and the object gets the name, dtype and so on afterwards.
 */
export function remake(cls: UserClass, options: Readonly<Record<string, unknown>>): object {
  const watched = watch(options);
  const { unread, settle } = watched;
  const undo = [rememberNames(), rememberSeeds()];
  let made = attempt(() => new cls(watched.options));
  const positional = "failure" in made ? firstParameter(classItself(cls)) : null;
  const lost = Object.keys(options).filter(
    (key) => !BASE_OPTIONS.includes(key) && (unread.has(key) || key === positional),
  );
  if (lost.length > 0) throw lostOptions(cls, lost, made);
  const takesOptions = unread.size < Object.keys(options).length;
  const baseOnly = Object.keys(options).every((key) => BASE_OPTIONS.includes(key));
  if (baseOnly && ("failure" in made || (!takesOptions && takesArguments(made.object)))) {
    for (const reset of undo) reset();
    const again = attempt(() => new cls());
    if ("object" in again) {
      for (const key of Object.keys(options)) unread.add(key);
      made = again;
    }
  }
  if ("failure" in made) throw made.failure;
  settle();
  giveBase(made.object, options, unread);
  return made.object;
}

type Attempt = { readonly object: object } | { readonly failure: unknown };

function attempt(make: () => object): Attempt {
  try {
    return { object: make() };
  } catch (failure) {
    return { failure };
  }
}

function lostOptions(cls: UserClass, lost: readonly string[], made: Attempt): TypeError {
  const names = lost.map((key) => `\`${key}\``).join(", ");
  const failure = "failure" in made ? made.failure : null;
  const failed = failure instanceof Error ? ` (it failed: ${failure.message})` : "";
  return new TypeError(
    `the constructor of ${classItself(cls).name} does not take ${names} of its config${failed}. It gets all ` +
      `that \`getConfig\` returns as one object: constructor({ ${lost[0]}, ...options }) { super(options); … }; or define ` +
      "`static fromConfig(config)`",
    failure === null ? undefined : { cause: failure },
  );
}

/** Options of all layers that the constructor did not look at. */
function giveBase(object: object, options: Readonly<Record<string, unknown>>, unread: ReadonlySet<string>): void {
  const layer = object as { name?: string; trainable?: boolean; dtypePolicy?: DTypePolicy };
  const { name, trainable, dtype } = options;
  if (unread.has("name") && typeof name === "string" && layer.name !== name) layer.name = name;
  if (unread.has("trainable") && trainable === false && layer.trainable) layer.trainable = false;
  const policy = layer.dtypePolicy;
  const wanted = dtype as DTypePolicy | null | undefined;
  if (unread.has("dtype") && policy && typeof wanted?.name === "string" && wanted.name !== policy.name) {
    hide(layer, { dtypePolicy: wanted });
  }
}
