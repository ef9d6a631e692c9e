/** Files that callbacks write. */
import { describe } from "../core/errors.ts";
import { type FileSystem, platform } from "../core/platform.ts";

/**
 * @param instead - The way out where there are no files.
 * @throws Error in browsers.
 */
export function filesFor(where: string, instead: string): FileSystem {
  const { files } = platform();
  if (files) return files;
  throw new Error(`${where}: there are no files in browsers. ${instead}`);
}

/** @throws TypeError for what is no path. */
export function checkPath(where: string, name: string, path: unknown): asserts path is string {
  if (typeof path === "string" && path !== "") return;
  throw new TypeError(`${where}: expected \`${name}\` to be a path. Received: ${describe(path)}`);
}

/** Makes the folder that a file is to be written to, where it does not exist. */
export async function makeFolderOf(files: FileSystem, path: string): Promise<void> {
  const folder = files.dirname(path);
  if (!(await files.exists(folder))) await files.makeDirectory(folder);
}

export const bytesOfText = (text: string): Uint8Array => new TextEncoder().encode(text);
