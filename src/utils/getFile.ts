/** Downloads that are kept: `keras.utils.get_file`, with the same cache folders and checks. */
import { checkOptions, describe } from "../core/errors.ts";
import { type FileSystem, platform } from "../core/platform.ts";
import { Progbar } from "./progbar.ts";

export interface GetFileOptions {
  /** Name of the file in the cache. @defaultValue the last part of `origin`'s path */
  fname?: string;
  /** URL of the file. */
  origin: string;
  /** Expected SHA-256 (64 hexadecimal digits) or MD5 (32), checked at every use. @defaultValue not checked */
  fileHash?: string;
  /** Folder inside of the cache folder. @defaultValue `"datasets"` */
  cacheSubdir?: string;
  /** Cache folder. @defaultValue the environment variable `KERAS_HOME`, else `.keras` in the home folder */
  cacheDir?: string;
  /** Downloads even when the cache has the file. @defaultValue `false` */
  forceDownload?: boolean;
}

const OPTIONS = ["fname", "origin", "fileHash", "cacheSubdir", "cacheDir", "forceDownload"];

/**
 * The path of a file that is downloaded once and kept in Keras's cache folder.
 *
 * A cached file whose hash differs from `fileHash` is downloaded again. A download appears in the cache only when it is
 * complete and its hash is right. Archives are not unpacked.
 *
 * @throws Error when the file cannot be downloaded; the message says where to put it by hand.
 * @see keras/src/utils/file_utils.py (Keras 3.x)
 */
export async function getFile(options: GetFileOptions): Promise<string> {
  checkOptions("getFile", options, OPTIONS);
  const { origin, fileHash, cacheSubdir = "datasets", forceDownload = false } = options;
  checkHash(fileHash);
  const files = platform().files;
  if (!files) {
    throw new Error("getFile: there are no files in a browser. Use fetch(url) and pass the bytes to what needs them.");
  }
  const path = files.join(cacheFolder(files, options.cacheDir), cacheSubdir, fileName(options));
  if (!forceDownload && (await files.exists(path))) {
    if (fileHash === undefined || (await hash(await files.read(path), fileHash)) === fileHash.toLowerCase())
      return path;
    platform().terminal.write(
      "A local file was found, but it seems to be incomplete or outdated because the " +
        `${algorithmOf(fileHash!)} file hash does not match the original value of ${fileHash} so we will re-download the data.\n`,
    );
  }
  const place = files.join(cacheFolder(files, options.cacheDir), cacheSubdir);
  await files.makeDirectory(place);
  await files.writeAtomic(path, await download(origin, fileHash, `put it at ${path}`));
  return path;
}

/**
 * Downloads a file into memory, with a progress bar.
 *
 * @param wayOut - What to do with the file when somebody has to fetch it by other means, for the error message.
 */
export async function download(origin: string, fileHash: string | undefined, wayOut: string): Promise<Uint8Array> {
  platform().terminal.write(`Downloading data from ${origin}\n`);
  let bytes: Uint8Array;
  try {
    bytes = await fetchAll(origin);
  } catch (cause) {
    throw new Error(
      `getFile: cannot download ${origin}. Received: ${reason(cause)}. To work offline, get that file by other means ` +
        `and ${wayOut}.`,
      { cause },
    );
  }
  if (fileHash !== undefined) {
    const found = await hash(bytes, fileHash);
    const name = algorithmOf(fileHash);
    if (found !== fileHash.toLowerCase()) {
      throw new Error(
        `getFile: incomplete or corrupted file from ${origin}. Received: ${bytes.length} bytes with ${name}=${found}; ` +
          `expected ${name}=${fileHash}. Try again, or get the right file by other means and ${wayOut}.`,
      );
    }
  }
  return bytes;
}

async function fetchAll(origin: string): Promise<Uint8Array> {
  const response = await fetch(origin);
  if (!response.ok || !response.body) throw new Error(`HTTP ${response.status} ${response.statusText}`.trim());
  // A compressed answer is unpacked on the way, so its length says nothing about the bytes that arrive.
  const declared = response.headers.has("content-encoding") ? null : response.headers.get("content-length");
  const total = declared === null ? null : Number(declared);
  const bar = new Progbar(total);
  const parts: Uint8Array[] = [];
  let length = 0;
  bar.update(0);
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    bar.update(length, [], false);
  }
  if (total !== null && length !== total) throw new Error(`${length} of ${total} bytes, then the connection ended`);
  bar.update(length, [], true);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The text of an error and of what caused it: fetch says only "fetch failed", its cause says why. */
function reason(error: unknown): string {
  const { message, cause } = error as Error;
  const inner = cause as (Error & { code?: string }) | undefined;
  return inner ? `${message} (${inner.message || inner.code || String(inner)})` : message;
}

function cacheFolder(files: FileSystem, cacheDir: string | undefined): string {
  return cacheDir ?? platform().environment("KERAS_HOME") ?? files.join(files.homeDirectory(), ".keras");
}

function fileName({ fname, origin }: GetFileOptions): string {
  if (typeof origin !== "string" || !URL.canParse(origin)) {
    throw new TypeError(`getFile: expected \`origin\` to be the URL of a file. Received: ${describe(origin)}`);
  }
  const name = fname || decodeURIComponent(new URL(origin).pathname.split("/").at(-1)!);
  if (name === "") throw new Error(`getFile: ${origin} names no file; give its name in the cache as \`fname\`.`);
  if (/[\\/]/.test(name) || name === "..") {
    throw new Error(
      `getFile: expected \`fname\` to be a name without folders. Received: ${JSON.stringify(name)}; name the folder ` +
        "with `cacheDir` and `cacheSubdir`.",
    );
  }
  return name;
}

function checkHash(fileHash: string | undefined): void {
  if (fileHash === undefined || /^([0-9a-f]{32}|[0-9a-f]{64})$/i.test(fileHash)) return;
  throw new RangeError(
    "getFile: expected `fileHash` to be a SHA-256 of 64 hexadecimal digits, or an MD5 of 32. Received: " +
      describe(fileHash),
  );
}

/** Which hash an expected value is, by its length. */
const algorithmOf = (fileHash: string): "md5" | "sha256" => (fileHash.length === 32 ? "md5" : "sha256");

/** The hash of the kind that is expected. */
async function hash(bytes: Uint8Array, expected: string): Promise<string> {
  if (algorithmOf(expected) === "md5") {
    const { files } = platform();
    if (files) return files.md5(bytes);
    throw new Error(`getFile: MD5 hashes are not checked in a browser. Received: ${expected}; use a SHA-256.`);
  }
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
