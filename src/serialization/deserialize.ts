/** Objects from their descriptions. What runs is only code that the program holds already: no code comes from a file. */
import { describe, didYouMean, SerializationError } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import { OP_DEFINITIONS, OpOperation } from "../ops/define.ts";
import {
  builtinClass,
  builtinFunction,
  builtinsNamed,
  type Config,
  type CustomObjects,
  customObjectScope,
  getCustomObjects,
  getRegisteredObject,
  isClass,
  knownNames,
  type SerializableClass,
} from "./registry.ts";
import { ELLIPSIS, Slice, symbolicFromConfig, tensorFromConfig } from "./values.ts";

/** Options of {@link deserializeObject}. */
export interface DeserializeOptions {
  /** Classes and functions of the user, by name. */
  customObjects?: CustomObjects;
  /** Whether Python lambdas in the config are refused. They cannot run here in any case. @defaultValue `true` */
  safeMode?: boolean;
  /** Where the value stands, for messages: from the object whose `fromConfig` is running, `config.layers[2]`. */
  path?: string;
}

interface Context {
  readonly path: string;
  readonly safeMode: boolean;
  readonly shared: Map<unknown, object>;
  /** Name of the innermost object being read: how a replacement for its lambda is given. */
  readonly owner: string | null;
  /** Module of classes in entries that state none, from what they are used for. */
  readonly preferred: string | null;
}

let current: Context | null = null;

/** Which object is being read, as a place inside the whole: `config.layers[2]`. Empty for the outermost one. */
export const currentConfigPath = (): string => current?.path ?? "";

/** Whether a file is being read that nobody vouched for: it must not make the library open other files. */
export const inSafeMode = (): boolean => current?.safeMode ?? false;

const joinPath = (outer: string, inner: string): string =>
  outer === "" || inner === "" || inner.startsWith("[") ? outer + inner : `${outer}.${inner}`;

function within<T>(change: Partial<Context>, fn: () => T): T {
  const outer = current;
  current = { path: "", safeMode: true, shared: new Map(), owner: null, preferred: null, ...outer, ...change };
  try {
    return fn();
  } finally {
    current = outer;
  }
}

/** The place being read and, when known, what was found there. */
const here = (): string => currentConfigPath() || "config";

/**
 * Revives what `serializeObject` described, and what Python Keras wrote: any version 3, and most of version 2.
 *
 * Arrays and plain objects are revived part by part. Inside `fromConfig` methods it takes over the custom objects, the
 * safe mode and the place of the enclosing call.
 *
 * @throws SerializationError for an unknown class or function, a Python lambda, or a class that rejects its config; the
 *   message names the place in the config and how to supply what is missing.
 * @see keras/src/saving/serialization_lib.py (Keras 3.x)
 */
export function deserializeObject(value: unknown, options: DeserializeOptions = {}): unknown {
  const { customObjects, safeMode, path = "" } = options;
  const change: Partial<Context> = { path: joinPath(currentConfigPath(), path) };
  const read = (): unknown => within(safeMode === undefined ? change : { ...change, safeMode }, () => revive(value));
  if (!customObjects || Object.keys(customObjects).length === 0) return read();
  return customObjectScope({ ...customObjects, ...getCustomObjects() }, read);
}

function reviveMember(value: unknown, step: string, preferred: string | null = null): unknown {
  return within({ path: joinPath(currentConfigPath(), step), preferred }, () => revive(value));
}

/** Revives the value of one key of an object's config. */
export const reviveConfigKey = (key: string, value: unknown): unknown =>
  reviveMember(value, `config.${key}`, moduleForKey(key));

function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item, i) => reviveMember(item, `[${i}]`, current?.preferred));
  if (!isPlainObject(value)) return value;
  const className = value.class_name;
  if (typeof className !== "string") return reviveMembers(value);
  if (className === "__tuple__" || className === "TensorShape") {
    return Array.isArray(value.items) ? revive(value.items) : revive((value.config as Config | undefined)?.value ?? []);
  }
  if (!("config" in value)) return reviveMembers(value);
  const special = Object.hasOwn(SPECIAL, className) ? SPECIAL[className] : undefined;
  if (special) return special(value, isPlainObject(value.config) ? value.config : {});
  if (className === "function") return reviveFunction(value);
  return reviveInstance(className, value);
}

const reviveMembers = (value: Config): Config =>
  Object.fromEntries(Object.entries(value).map(([key, item]) => [key, reviveMember(item, key)]));

const SPECIAL: Readonly<Record<string, (value: Config, config: Config) => unknown>> = {
  __keras_tensor__: (_, config) => symbolicFromConfig(config.shape, config.dtype, here()),
  __tensor__: (_, config) => tensorFromConfig(config, here()),
  __numpy__: (_, config) => tensorFromConfig(config, here()),
  __bytes__: (_, config) => new TextEncoder().encode(String(config.value)),
  __ellipsis__: () => ELLIPSIS,
  __slice__: (_, config) =>
    new Slice(revive(config.start ?? null), revive(config.stop ?? null), revive(config.step ?? null)),
  __lambda__: reviveLambda,
  __typespec__: (value) => {
    const fields = value.config;
    return Array.isArray(fields) ? symbolicFromConfig(fields[0], fields[1], here()) : revive(fields);
  },
};

/** A Python lambda is bytecode: only a replacement that the user gives can stand in for it. */
function reviveLambda(): unknown {
  const owner = current?.owner ?? null;
  for (const name of [owner, "<lambda>"]) {
    const replacement = name === null ? null : getRegisteredObject(name);
    if (typeof replacement === "function" && !isClass(replacement)) return replacement;
  }
  const key = JSON.stringify(owner ?? "<lambda>");
  const reason = current?.safeMode
    ? "Python lambdas are bytecode, which is refused"
    : "Python lambdas are bytecode, which cannot run here even with `safeMode: false`";
  throw new SerializationError(
    `${here()}: the file holds a Python lambda. ${reason}. Pass a replacement, ` +
      `customObjects: { ${key}: (x) => … }, or save the model with a named function or a layer instead of the lambda.`,
  );
}

function reviveFunction(value: Config): unknown {
  const name = value.config;
  if (typeof name !== "string") {
    throw new SerializationError(`${here()}: a function is given by its name. Received: ${describe(name)}`);
  }
  const custom = findCustom(name);
  if (custom) return custom;
  const builtin = builtinFunction(name);
  if (builtin) return builtin;
  const short = name.slice(name.lastIndexOf(">") + 1);
  throw new SerializationError(
    `${here()}: unknown function "${name}".${didYouMean(short, knownNames())} It is not part of Keras: pass it when ` +
      `loading, ${customObjectsHint(short)}, or register it before with registerKerasSerializable.`,
  );
}

const customObjectsHint = (name: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(name) ? `customObjects: { ${name} }` : `customObjects: { ${JSON.stringify(name)}: … }`;

/** A custom object by its registered name, by its bare name, or by a registered name that ends in it. */
function findCustom(...names: readonly string[]): unknown {
  for (const name of names) {
    const found = getRegisteredObject(name) ?? getRegisteredObject(name.slice(name.lastIndexOf(">") + 1));
    if (found) return found;
  }
  const known = getCustomObjects();
  const key = Object.keys(known).find((candidate) => names.some((name) => candidate.endsWith(`>${name}`)));
  return key === undefined ? null : known[key];
}

function reviveInstance(className: string, value: Config): unknown {
  const sharedId = value.shared_object_id;
  const shared = sharedId === undefined ? undefined : current?.shared.get(sharedId);
  if (shared) return shared;
  const config = value.config ?? {};
  if (!isPlainObject(config)) {
    throw new SerializationError(
      `${here()}: the config of class "${className}" must be an object. Received: ${describe(config)}`,
    );
  }
  const { module } = value;
  const operation = typeof module === "string" && /^keras\.src\.ops\./.test(module);
  const custom = findCustom(...(typeof value.registered_name === "string" ? [value.registered_name] : []), className);
  const object =
    !custom && operation ? reviveOperation(className, module, config) : construct(className, value, config, custom);
  if (sharedId !== undefined && isObject(object)) current?.shared.set(sharedId, object);
  return object;
}

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function";

/** What an instance may offer for being restored further than its constructor does. */
interface Restorable {
  built?: boolean;
  buildFromConfig?(config: Config): void;
  compileFromConfig?(config: Config): void;
}

function construct(className: string, value: Config, config: Config, custom: unknown): unknown {
  if (custom !== null && !isClass(custom)) return custom;
  const cls = custom ?? findClass(className, value);
  const { fromConfig } = cls as SerializableClass;
  if (typeof fromConfig !== "function") {
    throw new SerializationError(
      `${here()}: class "${className}" has no static method \`fromConfig(config)\`, so its objects cannot be revived`,
    );
  }
  const owner = typeof config.name === "string" ? config.name : className;
  const path = currentConfigPath();
  const object = within({ owner, preferred: null }, () =>
    explain(className, "could not be made from its config", () => fromConfig.call(cls, config, getCustomObjects())),
  );
  const restorable = object as Restorable;
  const { build_config: buildConfig, compile_config: compileConfig } = value;
  if (hasKeys(buildConfig) && restorable.buildFromConfig && !restorable.built) {
    within({ path: joinPath(path, "build_config") }, () =>
      explain(className, "could not be built from its build config", () => restorable.buildFromConfig!(buildConfig)),
    );
  }
  if (hasKeys(compileConfig) && restorable.compileFromConfig) {
    within({ path: joinPath(path, "compile_config") }, () =>
      explain(className, "could not be compiled from its compile config", () =>
        restorable.compileFromConfig!(compileConfig),
      ),
    );
  }
  return object;
}

const hasKeys = (value: unknown): value is Config => isPlainObject(value) && Object.keys(value).length > 0;

/** Runs code of a class and adds to its error which class and which place of the config it was about. */
function explain<T>(className: string, what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof SerializationError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new SerializationError(`${here()}: class "${className}" ${what}: ${message}`, { cause: error });
  }
}

/** @throws SerializationError when no class of this name is known. */
function findClass(className: string, value: Config): SerializableClass {
  const { module, registered_name: registeredName } = value;
  if (typeof module === "string") {
    const builtin = builtinClass(module, className);
    if (builtin) {
      if (typeof registeredName === "string" && registeredName !== "" && registeredName !== className) {
        throw new SerializationError(
          `${here()}: class "${className}" of ${module} is one of Keras's and has no registered name. ` +
            `Received: registered_name="${registeredName}"`,
        );
      }
      return builtin;
    }
  } else if (!("module" in value)) {
    const [builtin] = builtinsNamed(className, current?.preferred ?? undefined);
    if (builtin) return builtin;
  }
  const isKeras = typeof module === "string" && /^(keras|tf_keras|tensorflow)\b/.test(module);
  const key =
    typeof registeredName === "string" && registeredName !== className ? ` (registered as "${registeredName}")` : "";
  if (isKeras && className === "Lambda") throw unknownLambda(value);
  const origin = isKeras ? `This library has no such class in ${module}.` : "It is not part of Keras.";
  const name = typeof registeredName === "string" ? registeredName : className;
  const [prefix] = name.includes(">") ? name.split(">") : [];
  const registration = prefix
    ? `registerKerasSerializable(${className}, { package: "${prefix}" })`
    : `registerKerasSerializable(${className})`;
  throw new SerializationError(
    `${here()}: unknown class "${className}"${key}.${didYouMean(className, knownNames())} ${origin} Pass your own when ` +
      `loading, ${customObjectsHint(className)}, or call ${registration} before.`,
  );
}

/** A layer around a Python function: for a bare lambda the file holds bytecode, for others only a name. */
function unknownLambda({ config }: Config): SerializationError {
  const { name, function: fn } = (config ?? {}) as { name?: string; function?: unknown };
  const isCode = isPlainObject(fn) && fn.class_name !== "function";
  const what = isCode
    ? "a Python lambda as bytecode, which is refused and cannot run here even with `safeMode: false`"
    : `the Python function ${describe(isPlainObject(fn) ? fn.config : fn)}, whose code is not in the file`;
  return new SerializationError(
    `${here()}: unknown class "Lambda": layer ${describe(name ?? null)} wraps ${what}. Pass a layer that computes the same, ` +
      "customObjects: { Lambda: MyLayer }, or save the model with layers or ops in its place.",
  );
}

function reviveOperation(className: string, module: string, config: Config): OpOperation {
  const definition = OP_DEFINITIONS.get(className);
  if (!definition) {
    throw new SerializationError(
      `${here()}: unknown operation "${className}" of ${module}.${didYouMean(className, OP_DEFINITIONS.keys())} ` +
        "This library does not have it.",
    );
  }
  const statics: Record<string, unknown> = {};
  for (const [option, key] of Object.entries(definition.statics)) {
    if (key in config) statics[option] = reviveConfigKey(key, config[key]);
  }
  return new OpOperation(definition, statics, typeof config.name === "string" ? config.name : undefined);
}

/** Where Keras 2 files, which state no modules, mean a class to be looked for. */
function moduleForKey(key: string): string | null {
  if (key.endsWith("initializer")) return "keras.initializers";
  if (key.endsWith("regularizer")) return "keras.regularizers";
  if (key.endsWith("constraint")) return "keras.constraints";
  if (key === "optimizer" || key === "inner_optimizer") return "keras.optimizers";
  if (key === "learning_rate") return "keras.optimizers.schedules";
  if (key === "loss") return "keras.losses";
  if (key.endsWith("metrics")) return "keras.metrics";
  return null;
}
