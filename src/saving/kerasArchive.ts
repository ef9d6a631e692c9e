/** `.keras` files in memory: architecture, compile configuration, weights and optimizer state in one zip archive. */
import { describe, SerializationError } from "../core/errors.ts";
import { flatten, isPlainObject, type Nested } from "../core/tree.ts";
import type { Model, ModelBase } from "../models/model.ts";
import { Tensor } from "../runtime/tensor.ts";
import {
  type Config,
  type CustomObjects,
  type CustomObjectsArgument,
  nameOf,
  readCustomObjects,
} from "../serialization/registry.ts";
import { deserializeObject, objectSharingScope, serializeObject } from "../serialization/serialize.ts";
import { readArchive, writeArchive } from "./archive.ts";
import { collectAssets, restoreAssets } from "./assets.ts";
import { type H5Group, readH5, writeH5 } from "./h5/h5File.ts";
import { parsePythonJson, toPythonJson } from "./pythonJson.ts";
import { restoreState, stateTree } from "./weightFile.ts";

/** The version of Keras whose format the files have. */
const FORMAT_VERSION = "3.15.1";
const METADATA = "metadata.json";
const CONFIG = "config.json";
export const WEIGHTS = "model.weights.h5";
const NPZ_WEIGHTS = "model.weights.npz";

/** Options of {@link loadModelFromBytes}. */
export interface LoadOptions {
  /** Classes and functions of yours that the file names. */
  customObjects?: CustomObjects;
  /** Whether to compile the model as it was when saved. @defaultValue `true` */
  compile?: boolean;
  /** Whether Python lambdas are refused. They cannot run here in any case. @defaultValue `true` */
  safeMode?: boolean;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Local time as Keras writes it: `2026-01-31@09:05:00`. */
function timestamp(now: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("-");
  return `${date}@${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(":")}`;
}

/** The bytes of a `.keras` file. @throws SerializationError for a part that cannot be written, naming it. */
export async function saveModelToBytes(model: ModelBase): Promise<Uint8Array<ArrayBuffer>> {
  if (!model.built) {
    console.warn(
      `save: model "${model.name}" is not built, so the file holds no weights. Call the model on data before, or build it`,
    );
  }
  // Numbers first: a config tells the learning rate and the constants of calls, at hand only once they are computed.
  const weights = await weightsToBytes(model);
  await computeConstants(model);
  const config = objectSharingScope(() => serializeObject(model));
  const metadata = { keras_version: FORMAT_VERSION, date_saved: timestamp(new Date()) };
  return writeArchive([
    [METADATA, encode(toPythonJson(metadata))],
    [CONFIG, encode(toPythonJson(config))],
    [WEIGHTS, weights],
    ...collectAssets(model),
  ]);
}

/** Computes the tensors that calls in the graphs of a model got beside symbolic ones. */
async function computeConstants(model: ModelBase): Promise<void> {
  const graphs = model.flattenLayers().filter((layer) => "graph" in layer && layer.graph) as ModelBase[];
  const calls = graphs.flatMap((graph) => graph.operations.flatMap((operation) => operation.inboundNodes));
  const leaves = calls.flatMap((call) => flatten(call.args as Nested<unknown>));
  await Promise.all(leaves.filter((leaf) => leaf instanceof Tensor).map((tensor) => tensor.data()));
}

/** The bytes of a `.weights.h5` file: weights and optimizer state. */
export async function weightsToBytes(model: ModelBase): Promise<Uint8Array> {
  return writeH5(await stateTree(model));
}

/**
 * A model from its JSON text, with fresh weights: what `model.toJson()` or Python's `model.to_json()` gave.
 *
 * @param customObjects - Classes and functions of yours that the text names: `{ MLP }` or `{ customObjects: { MLP } }`.
 */
export function modelFromJson(text: string, customObjects?: CustomObjectsArgument): Model {
  const given = readCustomObjects(customObjects);
  return modelFromConfigText(text, "modelFromJson", given ? { customObjects: given } : {});
}

/**
 * A model from the bytes of a `.keras` file.
 *
 * @param where - Names the file in messages.
 * @throws SerializationError when the bytes are no intact `.keras` file, or when it names something that is not known here.
 */
export async function loadModelFromBytes(
  bytes: Uint8Array,
  options: LoadOptions = {},
  where = "loadModel",
): Promise<Model> {
  const files = readKerasArchive(bytes, where);
  const config = files.get(CONFIG);
  if (!config) {
    throw new SerializationError(
      `${where}: a zip archive, but not of a Keras model: it has no ${CONFIG}. It holds: ${listNames(files)}`,
    );
  }
  const weights = await weightsIn(files, where);
  const model = modelFromConfigText(new TextDecoder().decode(config), `${where}: ${CONFIG}`, options);
  try {
    restoreState(model, weights, where);
  } catch (error) {
    throw model.built ? error : unbuilt(model, error);
  }
  restoreAssets(model, files, where);
  return model;
}

/** A file holds the shape of the first input of a model with a `call` of its own, which may be too little to build it. */
function unbuilt({ name, constructor: cls }: ModelBase, error: unknown): unknown {
  if (!(error instanceof SerializationError)) return error;
  return new SerializationError(
    `${error.message}\nThe cause: model "${name}" has no \`build\`, and its \`call\` could not be tried on what the file says of ` +
      `its first input. Define \`build(inputShape)\` in ${nameOf(cls)}, with a parameter for each input, and build the layers ` +
      "inside there",
    { cause: error },
  );
}

/** The weights inside the bytes of a `.keras` file. */
export async function readArchiveWeights(bytes: Uint8Array, where: string): Promise<H5Group> {
  return weightsIn(readKerasArchive(bytes, where), where);
}

/** The zip's files; an HDF5 file is told apart, because Keras 2 models are often named `.keras` too. */
function readKerasArchive(bytes: Uint8Array, where: string): Map<string, Uint8Array> {
  if (bytes[0] === 0x89 && bytes[1] === 0x48 && bytes[2] === 0x44 && bytes[3] === 0x46) {
    throw new SerializationError(
      `${where}: an HDF5 file: a whole model in the old .h5 format, or weights alone. Models are read from .keras files. ` +
        'Convert it once in Python: keras.models.load_model("model.h5").save("model.keras"). Weights alone are loaded into ' +
        "a model: model.loadWeights(path)",
    );
  }
  return readArchive(bytes, where);
}

function listNames(files: ReadonlyMap<string, unknown>): string {
  const names = [...files.keys()];
  return names.length === 0 ? "nothing" : names.slice(0, 8).join(", ") + (names.length > 8 ? ", …" : "");
}

async function weightsIn(files: ReadonlyMap<string, Uint8Array>, where: string): Promise<H5Group> {
  const weights = files.get(WEIGHTS);
  if (weights) return readH5(weights, `${where}: ${WEIGHTS}`);
  const hint = files.has(NPZ_WEIGHTS)
    ? ` Weights in ${NPZ_WEIGHTS} are not read: save the model with weights in HDF5.`
    : "";
  throw new SerializationError(
    `${where}: the archive has no ${WEIGHTS}.${hint} It holds: ${listNames(files)}. Save or download it again`,
  );
}

function modelFromConfigText(text: string, where: string, options: LoadOptions): Model {
  let config: unknown;
  try {
    config = parsePythonJson(text);
  } catch (cause) {
    throw new SerializationError(`${where}: not readable as JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isPlainObject(config) || typeof config.class_name !== "string") {
    throw new SerializationError(
      `${where}: expected the description of a model, {"class_name": …, "config": …}. Received: ${describe(config)}`,
    );
  }
  const wanted: Config = options.compile === false ? { ...config, compile_config: null } : config;
  let model: unknown;
  try {
    model = deserializeObject(wanted, {
      safeMode: options.safeMode ?? true,
      ...(options.customObjects ? { customObjects: options.customObjects } : {}),
    });
  } catch (cause) {
    if (!(cause instanceof SerializationError)) throw cause;
    throw new SerializationError(`${where}: ${cause.message}`, { cause });
  }
  if (typeof model !== "function" || !("predict" in model) || !("loadOwnVariables" in model)) {
    throw new SerializationError(`${where}: it describes no model. Received: ${describe(model)}`);
  }
  return model as unknown as Model;
}
