/**
 * Objects as JSON-ready descriptions with the structure of Keras's files: `{module, class_name, config, registered_name}`.
 * The way back is in deserialize.ts.
 */
import { describe, SerializationError } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import { OpOperation } from "../ops/define.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { Tensor } from "../runtime/tensor.ts";
import {
  builtinFunctionName,
  type Config,
  getRegisteredName,
  isClass,
  isRegistered,
  nameOf,
  ownStatic,
} from "./registry.ts";
import { arrayConfig, ELLIPSIS, kerasTensorConfig, Slice, tensorConfig } from "./values.ts";

export { type DeserializeOptions, deserializeObject } from "./deserialize.ts";
export { mapKeys, optionsFromConfig } from "./options.ts";

/** What an object needs for being written to a file. */
interface Serializable {
  getConfig(): Config;
  getBuildConfig?(): Config | null;
  getCompileConfig?(): Config | null;
}

interface SeenObject {
  readonly id: number;
  readonly config: Config;
}

/** Objects written so far inside a sharing scope. */
let seen: Map<object, SeenObject> | null = null;
/** Functions written so far inside a sharing scope by a name that nobody registered. */
let named = new Map<string, object>();

/**
 * Lets an object that occurs several times in what `fn` serializes be revived as one object: its descriptions carry
 * a common `shared_object_id`.
 */
export function objectSharingScope<T>(fn: () => T): T {
  if (seen) return fn();
  seen = new Map();
  try {
    return fn();
  } finally {
    seen = null;
    named = new Map();
  }
}

/**
 * Describes a value with JSON values.
 *
 * Numbers, strings, booleans, `null`, arrays and plain objects stay what they are, part by part; an object with
 * `getConfig` becomes `{module, class_name, config, registered_name}`; a named function becomes a reference by name.
 *
 * @throws SerializationError for anything else, naming the place inside `value`.
 * @see keras/src/saving/serialization_lib.py (Keras 3.x): same format.
 */
export function serializeObject(value: unknown): unknown {
  return serializeAt(value, "");
}

const at = (path: string, fallback = "serialize"): string => (path === "" ? fallback : `serialize: \`${path}\``);
const member = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

function serializeAt(value: unknown, path: string): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map((item, i) => serializeAt(item, `${path}[${i}]`));
  if (isPlainObject(value)) return serializeMembers(value, path);
  if (value === ELLIPSIS) return { class_name: "__ellipsis__", config: {} };
  if (value instanceof KerasTensor) return kerasTensorConfig(value);
  if (value instanceof Tensor) return tensorConfig(value, at(path));
  if (value instanceof Slice) {
    const { start, stop, step } = value;
    return { class_name: "__slice__", config: serializeMembers({ start, stop, step }, path) };
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return arrayConfig(value);
  if (value instanceof OpOperation) return serializeOp(value, path);
  if ((typeof value === "object" || typeof value === "function") && !isClass(value)) {
    if ("getConfig" in value && typeof value.getConfig === "function") return serializeInstance(value as never, path);
    if (typeof value === "function") return serializeFunction(value, path);
    if ("value" in value && value.value instanceof Tensor) return tensorConfig(value.value, at(path));
  }
  throw new SerializationError(
    `${at(path)}: cannot be written to a file. Received: ${describe(value)}; expected numbers, strings, arrays, plain ` +
      "objects, tensors, named functions, or objects with a `getConfig` method",
  );
}

function serializeMembers(object: Readonly<Record<string, unknown>>, path: string): Config {
  return Object.fromEntries(
    Object.entries(object)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, serializeAt(value, member(path, key))]),
  );
}

function serializeInstance(object: Serializable & object, path: string): Config {
  const cls = object.constructor;
  const className = nameOf(cls);
  if (!className) {
    throw new SerializationError(
      `${at(path)}: an object of a class without a name cannot be found again. Name the class, or register it with ` +
        "registerKerasSerializable(cls, { name: … })",
    );
  }
  const modulePath = ownStatic<string>(cls, "modulePath") ?? null;
  const isPublic = modulePath !== null && !modulePath.includes(".src.");
  const within = path === "" ? className : `${path} (${className})`;
  const config: unknown = object.getConfig();
  if (!isPlainObject(config)) {
    const { name } = object as { name?: unknown };
    const which = typeof name === "string" ? `${className} ${JSON.stringify(name)}` : className;
    throw new SerializationError(
      `${at(path)}: expected \`getConfig\` of ${which} to return an object of options. Received: ${describe(config)}; ` +
        "is a `return` missing?",
    );
  }
  const description: Config = {
    module: modulePath,
    class_name: className,
    config: serializeMembers(config, `${within}.config`),
    registered_name: isPublic ? null : getRegisteredName(cls),
  };
  const buildConfig = object.getBuildConfig?.() ?? null;
  if (buildConfig) description.build_config = serializeMembers(buildConfig, `${within}.build_config`);
  const compileConfig = object.getCompileConfig?.() ?? null;
  if (compileConfig) description.compile_config = serializeMembers(compileConfig, `${within}.compile_config`);
  return share(object, description);
}

function serializeOp(operation: OpOperation, path: string): Config {
  const { className, file, statics } = operation.definition;
  if (typeof operation.statics.run === "function" && !("run" in statics)) {
    const op = `ops.${className[0]!.toLowerCase()}${className.slice(1)}`;
    throw new SerializationError(
      `${at(path)}: ${op} in a graph (operation "${operation.name}") cannot be written to a file, for a file holds no functions. ` +
        `Put it into a layer: class MyLayer extends layers.Layer { call(x) { return ${op}(…); } }, and pass MyLayer in ` +
        "`customObjects` when loading",
    );
  }
  return share(operation, {
    module: `keras.src.ops.${file}`,
    class_name: className,
    config: serializeMembers(operation.getConfig(), `${path}.config`),
    registered_name: className,
  });
}

function serializeFunction(fn: { readonly name: string } & object, path: string): Config {
  const name = builtinFunctionName(fn) ?? getRegisteredName(fn);
  if (!name) {
    throw new SerializationError(
      `${at(path)}: a function without a name cannot be found again when the file is opened. Give it a name ` +
        "(`function myActivation(x) { … }`) or register it: registerKerasSerializable(fn, { name: … })",
    );
  }
  checkOwnName(fn, name, path);
  return share(fn, { module: "builtins", class_name: "function", config: name, registered_name: "function" });
}

/** A name by which two functions are written would give one of them in both places. */
function checkOwnName(fn: object, name: string, path: string): void {
  if (!seen || builtinFunctionName(fn) || isRegistered(fn)) return;
  const other = named.get(name) ?? fn;
  named.set(name, other);
  if (other === fn) return;
  throw new SerializationError(
    `${at(path)}: two functions are called "${name}", so a file could not tell them apart. Give each a name of its own ` +
      "(`function myActivation(x) { … }`) or register them: registerKerasSerializable(fn, { name: … })",
  );
}

/** Inside a sharing scope, gives this description and the first one of the same object a common id. */
function share(object: object, description: Config): Config {
  if (!seen) return description;
  const first = seen.get(object);
  if (!first) seen.set(object, { id: seen.size + 1, config: description });
  else {
    first.config.shared_object_id = first.id;
    description.shared_object_id = first.id;
  }
  return description;
}
