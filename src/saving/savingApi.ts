/** Saving and loading by path: which endings mean what, and what happens to a file that exists. */
import { checkOptions, describe, SerializationError } from "../core/errors.ts";
import { type FileSystem, platform } from "../core/platform.ts";
import type { Model, ModelBase } from "../models/model.ts";
import { readH5 } from "./h5/h5File.ts";
import {
  type LoadOptions,
  loadModelFromBytes,
  readArchiveWeights,
  saveModelToBytes,
  weightsToBytes,
} from "./kerasArchive.ts";
import { isLegacy, restoreLegacyWeights } from "./legacyWeights.ts";
import { restoreState } from "./weightFile.ts";

export type { LoadOptions } from "./kerasArchive.ts";
export { loadModelFromBytes, modelFromJson, saveModelToBytes, weightsToBytes } from "./kerasArchive.ts";

/** Options of `model.save` and `model.saveWeights`. */
export interface SaveOptions {
  /** Whether an existing file is replaced; otherwise it is an error. @defaultValue `true` */
  overwrite?: boolean;
}

/** Options of `model.loadWeights`. */
export interface LoadWeightsOptions {
  /** Whether layers that do not fit keep their weights, with a warning. @defaultValue `false` */
  skipMismatch?: boolean;
  /** For files in the old `.h5` layout: whether layers are matched by name instead of by order. @defaultValue `false` */
  byName?: boolean;
}

/** A file as bytes, or where it is. */
export type FileSource = string | Uint8Array | ArrayBuffer;

function filesFor(where: string, instead: string): FileSystem {
  const { files } = platform();
  if (files) return files;
  throw new Error(`${where}: there are no files in browsers. ${instead}`);
}

function checkPath(where: string, path: unknown): asserts path is string {
  if (typeof path !== "string" || path === "") {
    throw new TypeError(`${where}: expected the path of a file. Received: ${describe(path)}`);
  }
}

async function write(
  where: string,
  path: string,
  options: SaveOptions,
  make: () => Promise<Uint8Array>,
): Promise<void> {
  const files = filesFor(where, "Use `await model.toBytes()` and offer the bytes as a download");
  if (options.overwrite === false && (await files.exists(path))) {
    throw new SerializationError(
      `${where}: ${path} exists. Choose another path, or pass \`overwrite: true\` to replace it`,
    );
  }
  await files.writeAtomic(path, await make());
}

/**
 * Saves a model as a `.keras` file. The file appears whole or not at all.
 *
 * @throws RangeError for another ending; SerializationError when the disk refuses, with an existing file as it was.
 */
export async function saveModel(model: ModelBase, path: string, options: SaveOptions = {}): Promise<void> {
  checkOptions("save", options, ["overwrite"]);
  checkPath("save", path);
  if (!path.endsWith(".keras")) {
    const old = /\.(h5|hdf5)$/.test(path) ? " The old HDF5 format is not written." : "";
    throw new RangeError(`save: the path must end in ".keras".${old} Received: ${describe(path)}`);
  }
  await write("save", path, options, () => saveModelToBytes(model));
}

/** Saves weights and optimizer state as a `.weights.h5` file. @throws as {@link saveModel}; Error for an unbuilt model. */
export async function saveWeights(model: ModelBase, path: string, options: SaveOptions = {}): Promise<void> {
  checkOptions("saveWeights", options, ["overwrite"]);
  checkPath("saveWeights", path);
  if (!path.endsWith(".weights.h5")) {
    throw new RangeError(`saveWeights: the path must end in ".weights.h5". Received: ${describe(path)}`);
  }
  checkBuilt("saveWeights", model);
  await write("saveWeights", path, options, () => weightsToBytes(model));
}

function checkBuilt(where: string, model: ModelBase): void {
  if (model.built) return;
  throw new Error(
    `${where}: model "${model.name}" is not built, so it has no weights yet. Call it on data before, or build it`,
  );
}

async function bytesOf(where: string, source: FileSource): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof source !== "string" || source === "") {
    throw new TypeError(`${where}: expected a path or the bytes of a file. Received: ${describe(source)}`);
  }
  const files = filesFor(where, "Pass the bytes: `await (await fetch(url)).arrayBuffer()`");
  return files.read(source);
}

const nameOfSource = (where: string, source: FileSource): string => (typeof source === "string" ? source : where);

/**
 * Loads a `.keras` file that this library or Python Keras 3 saved: architecture, weights and, if it was compiled, the
 * optimizer with its state.
 *
 * @param source - A path, or the bytes of the file.
 * @throws SerializationError for a missing, damaged or foreign file, for a class that is not known here (the message says
 *   how to pass it), and for weights that do not fit.
 * @example
 * const model = await keras.models.loadModel("model.keras", { customObjects: { MyLayer } });
 */
export async function loadModel(source: FileSource, options: LoadOptions = {}): Promise<Model> {
  checkOptions("loadModel", options, ["customObjects", "compile", "safeMode"]);
  const bytes = await bytesOf("loadModel", source);
  return loadModelFromBytes(bytes, options, nameOfSource("loadModel", source));
}

/**
 * Assigns the weights in a `.weights.h5`, `.keras` or old `.h5` file to a model of the same architecture; all of them, or
 * none.
 *
 * @throws SerializationError that names the layers that do not fit, with both shapes.
 */
export async function loadWeights(
  model: ModelBase,
  source: FileSource,
  options: LoadWeightsOptions = {},
): Promise<void> {
  checkOptions("loadWeights", options, ["skipMismatch", "byName"]);
  checkBuilt("loadWeights", model);
  const where = nameOfSource("loadWeights", source);
  const bytes = await bytesOf("loadWeights", source);
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  const tree = isZip ? await readArchiveWeights(bytes, where) : await readH5(bytes, where);
  if (isLegacy(tree)) {
    restoreLegacyWeights(model, tree, where, options);
    return;
  }
  if (options.byName) {
    throw new RangeError(
      `${where}: \`byName\` is for files in the old .h5 layout; this one states which weights are whose by itself`,
    );
  }
  restoreState(model, tree, where, { complete: true, skipMismatch: options.skipMismatch ?? false });
}
