/** Files of layers inside an archive: vocabularies, under `assets/` and the path that the layer has in weight files. */
import { SerializationError } from "../core/errors.ts";
import type { AssetStore } from "../serialization/assetStore.ts";
import { nameOf } from "../serialization/registry.ts";
import { type Saveable, walkSaveables } from "./saveables.ts";

const FOLDER = "assets";

/** Something that has files of its own. */
interface AssetOwner extends Saveable {
  saveAssets(store: AssetStore): void;
  loadAssets(store: AssetStore): void;
}

const hasAssets = (saveable: Saveable): saveable is AssetOwner => "saveAssets" in saveable && "loadAssets" in saveable;

const folderOf = (path: string): string => (path === "" ? FOLDER : `${FOLDER}/${path}`);

/** All files that a model's layers write, by their names in the archive. */
export function collectAssets(model: Saveable): [name: string, bytes: Uint8Array][] {
  const files: [string, Uint8Array][] = [];
  walkSaveables(model, ({ saveable, path }) => {
    if (hasAssets(saveable)) {
      const own = new Map<string, Uint8Array>();
      const get = (name: string): Uint8Array | null => own.get(name) ?? null;
      saveable.saveAssets({ set: (name, bytes) => void own.set(name, bytes), get });
      for (const [name, bytes] of own) files.push([`${folderOf(path)}/${name}`, bytes]);
    }
    return true;
  });
  return files;
}

/**
 * Gives layers the files that an archive holds for them.
 *
 * @param files - The archive's entries by name.
 * @throws SerializationError that names the layer which refused its file.
 */
export function restoreAssets(model: Saveable, files: ReadonlyMap<string, Uint8Array>, where: string): void {
  walkSaveables(model, ({ saveable, path }) => {
    if (!hasAssets(saveable)) return true;
    const folder = folderOf(path);
    const set = (): never => {
      throw new SerializationError(`${where}: "${folder}" is being read, nothing can be set`);
    };
    try {
      // Keras on Windows may have written backslashes.
      const get = (name: string): Uint8Array | null =>
        files.get(`${folder}/${name}`) ?? files.get(`${folder}/${name}`.replaceAll("/", "\\")) ?? null;
      saveable.loadAssets({ set, get });
    } catch (cause) {
      throw new SerializationError(
        `${where}: ${folder} does not fit "${saveable.name}" (${nameOf(saveable.constructor)}): ${(cause as Error).message}`,
        { cause },
      );
    }
    return true;
  });
}
