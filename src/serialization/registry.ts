/**
 * By which names classes and functions are known in files: Keras's own under their module, those of users by
 * registration, by a scope, or as an argument of the call that loads.
 */
import { checkOptions, describe, SerializationError } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";

/** JSON-ready description of an object, with the keys that Keras's files use. */
export type Config = Record<string, unknown>;

/** A class whose instances can be written to a file and revived from it. */
export interface SerializableClass {
  new (...args: never[]): object;
  /** Name in files; the class's own name when absent. */
  readonly className?: string;
  /** Module in files, such as `keras.layers`; only Keras's classes have one. */
  readonly modulePath?: string;
  fromConfig?(config: Config, customObjects?: CustomObjects): object;
}

type AnyFunction = (...args: never[]) => unknown;
type AnyClass = abstract new (...args: never[]) => object;

/** Classes and functions of the user, by class name, registered name or function name. */
export type CustomObjects = Readonly<Record<string, SerializableClass | AnyFunction>>;

/** Custom objects as an argument that follows others: alone, or as an option as everywhere else. */
export type CustomObjectsArgument = CustomObjects | { readonly customObjects?: CustomObjects };

/** The custom objects of an argument, in either form. */
export function readCustomObjects(given: CustomObjectsArgument | undefined): CustomObjects | undefined {
  const inside: unknown = given && Object.hasOwn(given, "customObjects") ? given.customObjects : null;
  return isPlainObject(inside) ? (inside as CustomObjects) : (given as CustomObjects | undefined);
}

/** Options of {@link registerKerasSerializable}. */
export interface RegisterOptions {
  /** Prefix that keeps names of different libraries apart. @defaultValue `"Custom"` */
  package?: string;
  /** @defaultValue the name of the class or function */
  name?: string;
}

const registered = new Map<string, SerializableClass | AnyFunction>();
const registeredNames = new Map<unknown, string>();
const scopes: CustomObjects[] = [];
const builtins = new Map<string, Map<string, SerializableClass>>();
const builtinFunctions = new Map<string, AnyFunction>();
const builtinFunctionNames = new Map<unknown, string>();

/** The class behind a class that may be called without `new`. */
export function classItself(cls: object): { name: string } & Record<string, unknown> {
  const prototype = (cls as { prototype?: { constructor?: unknown } }).prototype;
  const own = prototype && Object.hasOwn(prototype, "constructor") ? prototype.constructor : null;
  return (typeof own === "function" ? own : cls) as { name: string } & Record<string, unknown>;
}

/** A static that the class itself states; one that it inherits says nothing about it. */
export function ownStatic<T>(cls: object, key: string): T | undefined {
  const itself = classItself(cls);
  return Object.hasOwn(itself, key) ? (itself[key] as T) : undefined;
}

/** Name of a class or function in files. */
export const nameOf = (object: object): string =>
  ownStatic<string>(object, "className") ?? (classItself(object) as { name: string }).name;

/** Whether a class is one of Keras's, by stating its module itself. */
export const isBuiltin = (cls: object): boolean => ownStatic<string>(cls, "modulePath") !== undefined;

/** Whether a value was made with the `class` keyword, or has instances that can be saved. */
export function isClass(value: unknown): value is SerializableClass {
  if (typeof value !== "function") return false;
  const itself = classItself(value);
  return (
    "fromConfig" in itself ||
    (typeof itself.prototype === "object" && "getConfig" in (itself.prototype as object)) ||
    /^class\b/.test(Function.prototype.toString.call(itself))
  );
}

/**
 * Makes a class or a function known by name, so that files which contain it can be opened without naming it again.
 *
 * Files carry `package>name`; Python finds the object by the same key when it is registered alike there.
 *
 * @returns The class, so that it can be used as a decorator: `@registerKerasSerializable` or, with options,
 *   `@registerKerasSerializable({ package: "mine" })`.
 * @throws SerializationError for a class without `getConfig`.
 * @example
 * class Squeeze extends layers.Layer { … }
 * registerKerasSerializable(Squeeze, { package: "mine" });
 * @see keras/src/saving/object_registration.py (Keras 3.x)
 */
export function registerKerasSerializable<C extends AnyClass | AnyFunction>(cls: C, options?: RegisterOptions): C;
export function registerKerasSerializable<C extends AnyClass>(cls: C, context: ClassDecoratorContext): C;
export function registerKerasSerializable(options?: RegisterOptions): <C extends object>(cls: C) => C;
export function registerKerasSerializable(first?: unknown, second?: unknown): unknown {
  if (typeof first !== "function") {
    const options = (first ?? {}) as RegisterOptions;
    return (cls: object) => register(cls, options);
  }
  // As a decorator without parentheses it receives the decorator's context second.
  const isContext = typeof second === "object" && second !== null && "addInitializer" in second;
  return register(first, isContext ? {} : ((second ?? {}) as RegisterOptions));
}

function register(cls: object, options: RegisterOptions): object {
  checkOptions("registerKerasSerializable", options, ["package", "name"]);
  if (typeof cls !== "function") {
    throw new TypeError(`registerKerasSerializable: expected a class or a function. Received: ${describe(cls)}`);
  }
  const name = options.name ?? nameOf(cls);
  if (!name) {
    throw new SerializationError(
      "registerKerasSerializable: the function has no name. Give it one, or pass it: registerKerasSerializable(fn, { name: … })",
    );
  }
  if (isClass(cls) && !("getConfig" in (classItself(cls).prototype as object))) {
    throw new SerializationError(
      `registerKerasSerializable: class "${name}" has no \`getConfig\` method, so it cannot be saved. ` +
        "Let it return the constructor's options.",
    );
  }
  const key = `${options.package ?? "Custom"}>${name}`;
  registered.set(key, cls as AnyFunction);
  registeredNames.set(classItself(cls), key);
  return cls;
}

/**
 * Makes classes and functions known by name while `fn` runs; until it settles, when it is async.
 *
 * @example
 * const model = await customObjectScope({ Squeeze }, () => loadModel("model.keras"));
 */
export function customObjectScope<T>(objects: CustomObjects, fn: () => T): T {
  const scope = { ...objects };
  const leave = (): void => {
    const at = scopes.lastIndexOf(scope);
    if (at >= 0) scopes.splice(at, 1);
  };
  scopes.push(scope);
  let result: T;
  try {
    result = fn();
  } catch (error) {
    leave();
    throw error;
  }
  if (typeof (result as PromiseLike<unknown> | null)?.then === "function") {
    return Promise.resolve(result as PromiseLike<unknown>).finally(leave) as T;
  }
  leave();
  return result;
}

/** Everything known by name now: registrations, overridden by the scopes in effect, inner ones last. */
export function getCustomObjects(): CustomObjects {
  return Object.assign({}, Object.fromEntries(registered), ...scopes);
}

/** `package>name` of a registered class or function, else its own name. */
export function getRegisteredName(object: object): string {
  return registeredNames.get(classItself(object)) ?? nameOf(object);
}

/** Whether a class or function was registered, so that a file which names it can be opened without naming it again. */
export const isRegistered = (object: object): boolean => registeredNames.has(classItself(object));

/** What is known under a name: in the innermost scope first, then by registration, then in `customObjects`. */
export function getRegisteredObject(
  name: string,
  customObjects: CustomObjects = {},
): SerializableClass | AnyFunction | null {
  const scope = scopes.findLast((objects) => Object.hasOwn(objects, name));
  if (scope) return scope[name]!;
  return registered.get(name) ?? (Object.hasOwn(customObjects, name) ? customObjects[name]! : null);
}

/** Makes Keras's classes known under their module. Called by the package's entry. */
export function registerBuiltins(modulePath: string, classes: Readonly<Record<string, SerializableClass>>): void {
  const known = builtins.get(modulePath) ?? new Map<string, SerializableClass>();
  for (const [name, cls] of Object.entries(classes)) known.set(name, cls);
  builtins.set(modulePath, known);
}

/** Makes Keras's functions known by name: activations, losses, metrics. Called by the package's entry. */
export function registerBuiltinFunctions(functions: Readonly<Record<string, AnyFunction>>): void {
  for (const [name, fn] of Object.entries(functions)) {
    builtinFunctions.set(name, fn);
    if (!builtinFunctionNames.has(fn)) builtinFunctionNames.set(fn, name);
  }
}

export const builtinFunction = (name: string): AnyFunction | null => builtinFunctions.get(name) ?? null;

/** Name of one of Keras's functions in files, or `null`. */
export const builtinFunctionName = (fn: object): string | null => builtinFunctionNames.get(fn) ?? null;

/** Names that older versions of Keras gave to classes. */
const OLD_CLASS_NAMES: Readonly<Record<string, string>> = {
  OrthogonalInitializer: "Orthogonal",
  IdentityInitializer: "Identity",
  STFTInitializer: "STFT",
  BatchNormalizationV1: "BatchNormalization",
  BatchNormalizationV2: "BatchNormalization",
  Policy: "DTypePolicy",
  PolicyV1: "DTypePolicy",
  FloatDTypePolicy: "DTypePolicy",
};

/**
 * One of Keras's classes, by any spelling of its module: `keras.layers`, `keras.src.layers.core.dense`,
 * `keras.layers.core.dense`, `tensorflow.keras.layers`, `keras.engine.functional`.
 *
 * @returns `null` when there is no such class, or when only the name fits and several modules have it.
 */
export function builtinClass(modulePath: string, className: string): SerializableClass | null {
  for (const name of [className, OLD_CLASS_NAMES[className]]) {
    if (name === undefined) continue;
    const found = findBuiltin(modulePath, name);
    if (found) return found;
  }
  return null;
}

function findBuiltin(modulePath: string, name: string): SerializableClass | null {
  const exact = builtins.get(modulePath)?.get(name);
  if (exact) return exact;
  const plain = modulePath
    .replace(/^tensorflow\.(python\.)?/, "")
    .replace(/^tf_keras\b/, "keras")
    .replace(/^keras\.(src|api|_tf_keras\.keras)\b/, "keras");
  if (plain !== "keras" && !plain.startsWith("keras.")) return null;
  for (let path = plain; path !== ""; path = path.slice(0, Math.max(0, path.lastIndexOf(".")))) {
    const found = builtins.get(path)?.get(name);
    if (found) return found;
  }
  const everywhere = builtinsNamed(name);
  return everywhere.length === 1 ? everywhere[0]! : null;
}

/** Keras's classes of one name in all modules, those of `preferred` first, then layers. For files that state no module. */
export function builtinsNamed(name: string, preferred?: string): SerializableClass[] {
  const modules = [...new Set([...(preferred ? [preferred] : []), "keras.layers", ...builtins.keys()])];
  const names = [name, OLD_CLASS_NAMES[name] ?? name];
  return [
    ...new Set(
      modules.flatMap((module) => {
        const classes = builtins.get(module);
        const found = classes?.get(names[0]!) ?? classes?.get(names[1]!);
        return found ? [found] : [];
      }),
    ),
  ];
}

/** Every name that a class or function is known by, for suggestions. */
export function knownNames(customObjects: CustomObjects = {}): string[] {
  return [
    ...Object.keys(getCustomObjects()),
    ...Object.keys(customObjects),
    ...[...builtins.values()].flatMap((classes) => [...classes.keys()]),
  ];
}
