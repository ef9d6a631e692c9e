/**
 * Whether the config of a user's object says how to make it. JavaScript does not show what a constructor was called with, so
 * where a class takes arguments and has no `getConfig`, an object is made from the config, as a load would, and compared with
 * the one that is to be saved.
 */
import { describe, SerializationError } from "../core/errors.ts";
import { rememberNames } from "../core/names.ts";
import { isPlainObject } from "../core/tree.ts";
import type { Config } from "../ops/operation.ts";
import { rememberSeeds } from "../random/seedGenerator.ts";
import { Tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import { builtinFunctionName } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";
import { classesWithoutConfig, hidesState, seesNoArguments } from "./constructorArguments.ts";
import { placeOf } from "./errorTrail.ts";
import type { LayerBase } from "./layer.ts";
import { isSeedGenerator } from "./layerState.ts";
import { StatefulOperation } from "./statefulOperation.ts";

type Properties = Readonly<Record<string, unknown>>;

/** Properties of objects as their constructors left them. */
const made = new WeakMap<object, Properties>();
/** Objects whose configs are known to be enough. */
const proven = new WeakSet<object>();
/** Whether configs are being compared, and not asked for. */
let comparing = false;

const isLayer = (value: unknown): value is LayerBase => value instanceof StatefulOperation;

/** Keeps the properties of an object that is about to be built: building and calls change them. */
export function rememberProperties(layer: LayerBase): void {
  if (!made.has(layer) && classesWithoutConfig(layer).length > 0) made.set(layer, copyOf({ ...layer }) as Properties);
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, copyOf(item)]));
  if (value instanceof Set) return new Set(value);
  if (isPlainObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyOf(item)]));
  return value;
}

/**
 * Checks that the config of a layer tells what its constructor was given.
 *
 * @param again - Makes a layer from the layer's config.
 * @throws SerializationError naming what would be lost, with the `getConfig` to write.
 */
export function checkConfigTells(layer: LayerBase, again: (config: Config) => object): void {
  if (comparing || proven.has(layer) || classesWithoutConfig(layer).length === 0) return;
  const undo = [rememberNames(), rememberSeeds()];
  comparing = true;
  try {
    const hidden = hidesState(layer);
    if (hidden)
      throw lost(layer, `what it keeps in ${hidden} cannot be compared with that of an object made without them`);
    const config = layer.getConfig();
    let twin: object;
    try {
      twin = again(config);
    } catch (error) {
      throw lost(layer, `without them no object can be made (${(error as Partial<Error>).message})`, undefined, error);
    }
    const difference = new Comparison().layers(layer, twin as LayerBase, "");
    if (difference) throw lost(layer, difference.words, difference.path.match(/[A-Za-z_$][\w$]*(?=[^.]*$)/)?.[0]);
  } finally {
    comparing = false;
    for (const reset of undo) reset();
  }
  proven.add(layer);
}

function lost(layer: LayerBase, what: string, property = "units", cause?: unknown): SerializationError {
  return new SerializationError(
    `${placeOf(layer)}: the class has constructor arguments but no \`getConfig\`, so they would be lost in a file: ${what}. ` +
      `Define \`getConfig() { return { ...super.getConfig(), ${property}: this.${property} }; }\` with the options of its ` +
      `constructor, which gets all of them as one object: constructor({ ${property}, ...options }) { super(options); … }`,
    cause === undefined ? undefined : { cause },
  );
}

interface Difference {
  readonly path: string;
  readonly words: string;
}

const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

/** Objects whose contents only their own class knows. */
const isOpaque = (value: object): boolean => {
  const cls = value.constructor;
  return typeof cls !== "function" || /\{\s*\[native code\]\s*\}\s*$|#/.test(Function.prototype.toString.call(cls));
};

/** Looks for a difference between an object and one that was made from its config. */
class Comparison {
  readonly #seen = new Map<object, object>();

  layers(a: LayerBase, b: LayerBase, path: string): Difference | null {
    if (a === b || this.#seen.get(a) === b) return null;
    this.#seen.set(a, b);
    if (a.constructor !== b.constructor) return differ(path, a, b);
    if (classesWithoutConfig(a).length > 0) {
      const hidden = path === "" ? null : hidesState(a);
      if (hidden) return cannotTell(path, a);
      return this.#members(made.get(a) ?? { ...a }, made.get(b) ?? { ...b }, path, a) ?? this.#parts(a, b, path);
    }
    return configsDiffer(a, b, path) ?? this.#functions(a, b, path) ?? this.#parts(a, b, path);
  }

  /** Layers inside that the constructor made: those of a graph or a stack, and held ones. Building may add more. */
  #parts(a: LayerBase, b: LayerBase, path: string): Difference | null {
    const theirs = partsOf(b);
    const ours = partsOf(a);
    if (theirs.length > ours.length) return differ(path, a, b);
    return first(theirs.map((layer, i) => () => this.layers(ours[i]!, layer, join(path, `layers[${i}]`))));
  }

  /** Functions among the options of one of Keras's layers: configs have their names only. */
  #functions(a: LayerBase, b: LayerBase, path: string): Difference | null {
    const [left, right] = [a, b] as unknown as [Properties, Properties];
    const keys = Object.keys(b).filter((key) => isFunction(left[key]) && isFunction(right[key]));
    return first(keys.map((key) => () => this.#functionsAlike(left[key], right[key], join(path, key), a)));
  }

  #functionsAlike(a: unknown, b: unknown, path: string, owner: object | null): Difference | null {
    if (a === b) return null;
    const [left, right] = [a, b] as [object, object];
    const name = builtinFunctionName(left);
    if (name !== null && name === builtinFunctionName(right)) return null;
    const sources = [left, right].map((fn) => Function.prototype.toString.call(fn));
    if (sources[0] !== sources[1]) return differ(path, a, b);
    return owner && seesNoArguments(left, owner) ? null : cannotTell(path, a);
  }

  #members(a: Properties, b: Properties, path: string, owner: object | null): Difference | null {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => !(owner && key === "name"));
    return first(keys.map((key) => () => this.values(a[key], b[key], join(path, key), owner)));
  }

  #items(a: readonly unknown[], b: readonly unknown[], path: string, owner: object | null): Difference | null {
    if (a.length !== b.length) return differ(path, a, b);
    return first(a.map((item, i) => () => this.values(item, b[i], `${path}[${i}]`, owner)));
  }

  values(a: unknown, b: unknown, path: string, owner: object | null = null): Difference | null {
    if (Object.is(a, b)) return null;
    if (!isObject(a) || !isObject(b)) return differ(path, a, b);
    if (isLayer(a) && isLayer(b)) return this.layers(a, b, path);
    if (this.#seen.get(a) === b) return null;
    this.#seen.set(a, b);
    if (isFunction(a) && isFunction(b)) return this.#functionsAlike(a, b, path, owner);
    if (a.constructor !== b.constructor) return differ(path, a, b);
    if (a instanceof Variable && b instanceof Variable) return this.#variables(a, b, path);
    if (isSeedGenerator(a) && isSeedGenerator(b)) return null;
    if (a instanceof Tensor) return cannotTell(path, a);
    if ("getConfig" in a) return configsDiffer(a, b, path);
    if (Array.isArray(a)) return this.#items(a, b as unknown[], path, owner);
    if (a instanceof Set) return this.#items([...a], [...(b as Set<unknown>)], path, owner);
    if (a instanceof Map) return this.#items([...a], [...(b as Map<unknown, unknown>)], path, owner);
    if (isPlainObject(a)) return this.#members(a, b as Properties, path, null);
    if (ArrayBuffer.isView(a) && "length" in a) {
      return this.#items(
        [...(a as never as ArrayLike<unknown> & Iterable<unknown>)],
        [...(b as never as Iterable<unknown>)],
        path,
        null,
      );
    }
    if (a instanceof Date || a instanceof RegExp)
      return String(+a || a) === String(+b || b) ? null : differ(path, a, b);
    return isOpaque(a) ? cannotTell(path, a) : this.#members(a as Properties, b as Properties, path, null);
  }

  /** Their numbers are in the file. */
  #variables(a: Variable, b: Variable, path: string): Difference | null {
    const alike =
      a.dtype === b.dtype && String(a.shape) === String(b.shape) && a.createdTrainable === b.createdTrainable;
    if (!alike) return differ(path, a, b);
    return this.values(a.regularizer, b.regularizer, path) ?? this.values(a.constraint, b.constraint, path);
  }
}

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function";

/** Layers and other callable objects are no functions here. */
const isFunction = (value: unknown): value is (...args: never[]) => unknown =>
  typeof value === "function" && !("getConfig" in value);

function first(checks: readonly (() => Difference | null)[]): Difference | null {
  for (const check of checks) {
    const found = check();
    if (found) return found;
  }
  return null;
}

const show = (value: unknown): string => (isLayer(value) ? placeOf(value) : describe(value));

const shown = (path: string): string => (path === "" ? "the object" : `\`${path}\``);

function differ(path: string, a: unknown, b: unknown): Difference {
  const [found, other] = [show(a), show(b)];
  const words =
    found === other ? `${shown(path)} would be another` : `${shown(path)} is ${found} and would be ${other}`;
  return { path, words: `${words} in an object made from the file` };
}

const cannotTell = (path: string, a: unknown): Difference => ({
  path,
  words: `${shown(path)}, ${show(a)}, cannot be compared with that of an object made without them`,
});

/** Layers of a graph or a stack, and layers held in properties. */
const partsOf = (layer: LayerBase): readonly LayerBase[] =>
  "layers" in layer && Array.isArray(layer.layers) ? (layer.layers as LayerBase[]) : layer.sublayers;

/** The first key in which two configs differ, besides names and the shapes that a stack came to know. */
function configsDiffer(a: object, b: object, path: string): Difference | null {
  const walk = (x: unknown, y: unknown, at: string): Difference | null => {
    if (Array.isArray(x) && Array.isArray(y) && x.length === y.length) {
      return first(x.map((item, i) => () => walk(item, y[i], `${at}[${i}]`)));
    }
    if (!isPlainObject(x) || !isPlainObject(y))
      return JSON.stringify(x) === JSON.stringify(y) ? null : differ(at, x, y);
    const keys = [...new Set([...Object.keys(x), ...Object.keys(y)])];
    return first(keys.map((key) => () => walk(x[key], y[key], key === "config" ? at : join(at, key))));
  };
  const [left, right] = [canonical(a), canonical(b)];
  return left === right ? null : walk(JSON.parse(left), JSON.parse(right), path);
}

const UNCOMPARED: ReadonlySet<string> = new Set([
  "name",
  "build_config",
  "compile_config",
  "build_input_shape",
  "shared_object_id",
]);

function canonical(object: object): string {
  const names = new Map<unknown, string>();
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(collect);
    else if (isPlainObject(value)) {
      if (typeof value.name === "string" && !names.has(value.name)) names.set(value.name, `<${names.size}>`);
      Object.values(value).forEach(collect);
    }
  };
  const replace = (key: string, value: unknown): unknown => {
    if (UNCOMPARED.has(key)) return undefined;
    if (key === "layers" && Array.isArray(value)) return value.filter((entry) => entry?.class_name !== "InputLayer");
    return typeof value === "string" ? (names.get(value) ?? value) : value;
  };
  const config = serializeObject(object);
  collect(config);
  return JSON.stringify(config, (key, value) => (typeof value === "bigint" ? `${value}n` : replace(key, value)));
}
