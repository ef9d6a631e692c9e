/** What Node gives the library: standard output, files, environment variables, Ctrl-C. */
import { createHash } from "node:crypto";
import { constants, readFileSync } from "node:fs";
import { access, appendFile, mkdir, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { BackendError, SerializationError } from "../core/errors.ts";
import type { FileSystem, FolderEntry, Platform, Terminal } from "../core/platform.ts";

const terminal: Terminal = {
  get columns() {
    const asked = Number(process.env.COLUMNS);
    if (Number.isInteger(asked) && asked > 0) return asked;
    return process.stdout.columns > 0 ? process.stdout.columns : null;
  },
  get interactive() {
    return process.stdout.isTTY === true;
  },
  write(text) {
    process.stdout.write(text);
  },
};

/** What an error code of the system means for somebody who reads or writes `path`, and the way out. */
function explain(code: string | undefined, path: string): string {
  const folder = dirname(path);
  switch (code) {
    case "ENOENT":
      return "it does not exist. Check the path; a relative one starts at " + process.cwd() + ".";
    case "ENOTDIR":
      return `a part of the folder ${folder} is a file. Check the path.`;
    case "EISDIR":
    case "ENOTEMPTY":
      return "it is a folder. Name a file inside of it.";
    case "EACCES":
    case "EPERM":
      return `this process has no permission for it. Choose another folder or change the permissions of ${folder}.`;
    case "EROFS":
      return `the disk of ${folder} is read-only. Choose another folder.`;
    case "ENOSPC":
    case "EDQUOT":
      return `the disk of ${folder} is full. Free some space or choose another folder.`;
    case "EMFILE":
    case "ENFILE":
      return "too many files are open. Close some and try again.";
    default:
      return "the system refused.";
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

async function read(path: string): Promise<Uint8Array> {
  try {
    // Not readFile: that one stops at 2 GiB.
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const bytes = new Uint8Array(size);
      let at = 0;
      while (at < size) {
        const { bytesRead } = await file.read(bytes, at, Math.min(size - at, 2 ** 30), at);
        if (bytesRead === 0) break; // it shrank meanwhile
        at += bytesRead;
      }
      return at === size ? bytes : bytes.slice(0, at);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

function cannotRead(path: string, cause: unknown): SerializationError {
  const code = codeOf(cause);
  const said = `${explain(code, path)} (${code ?? (cause as Error).message})`;
  return new SerializationError(`cannot read ${path}: ${said}`, { cause });
}

function readSync(path: string): Uint8Array {
  try {
    const bytes = readFileSync(path);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

const PIECE_BYTES = 2 ** 18;

async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  let file: Awaited<ReturnType<typeof open>> | null = null;
  try {
    file = await open(path, "r");
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(PIECE_BYTES), 0, PIECE_BYTES, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (cause) {
    const code = codeOf(cause);
    if (code === undefined) throw cause;
    throw new SerializationError(`cannot read ${path}: ${explain(code, path)} (${code})`, { cause });
  } finally {
    await file?.close();
  }
}

async function list(path: string): Promise<FolderEntry[]> {
  try {
    const entries: FolderEntry[] = [];
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const isLink = entry.isSymbolicLink();
      const isFolder = isLink ? await isFolderAt(join(path, entry.name)) : entry.isDirectory();
      entries.push({ name: entry.name, kind: isFolder ? "folder" : "file", isLink });
    }
    return entries;
  } catch (cause) {
    const code = codeOf(cause);
    const file = code === "ENOTDIR" ? "it is no folder. Name the folder that holds the files." : null;
    throw new SerializationError(`cannot read the folder ${path}: ${file ?? explain(code, path)} (${code})`, { cause });
  }
}

const isFolderAt = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false, // a link to nothing
  );

async function writeAtomic(path: string, bytes: Uint8Array): Promise<void> {
  let target = path;
  let mode = 0o666;
  let temporary: string | null = null;
  const replaced = await exists(path);
  try {
    if (replaced) {
      target = await realpath(path); // a symbolic link stays one
      const now = await stat(target);
      if (now.isDirectory()) throw Object.assign(new Error("is a directory"), { code: "EISDIR" });
      mode = now.mode & 0o777;
    }
    const name = join(dirname(target), `.${basename(target)}.${process.pid}-${crypto.randomUUID()}.tmp`);
    const file = await open(name, "wx", mode);
    temporary = name;
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(name, target);
    temporary = null;
  } catch (cause) {
    if (temporary) await rm(temporary, { force: true });
    const kept = replaced && codeOf(cause) !== "EISDIR";
    throw cannotWrite(path, cause, kept ? "The file that was there before is unchanged." : "Nothing was written.");
  }
}

function cannotWrite(path: string, cause: unknown, outcome: string): SerializationError {
  const code = codeOf(cause);
  const missingFolder = code === "ENOENT" ? `the folder ${dirname(path)} does not exist. Create it first.` : null;
  const said = `${missingFolder ?? explain(code, path)} (${code ?? (cause as Error).message})`;
  return new SerializationError(`cannot write ${path}: ${said} ${outcome}`, { cause });
}

async function append(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await appendFile(path, bytes);
  } catch (cause) {
    throw cannotWrite(path, cause, "Its end may be missing.");
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (cause) {
    const code = codeOf(cause);
    const said = `${explain(code, path)} (${code ?? (cause as Error).message})`;
    throw new SerializationError(`cannot remove ${path}: ${said}`, { cause });
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    const code = codeOf(cause);
    const occupied = code === "EEXIST" ? "a file of that name exists. Choose another folder." : null;
    throw new SerializationError(
      `cannot create the folder ${path}: ${occupied ?? explain(code, path)} (${code ?? (cause as Error).message})`,
      { cause },
    );
  }
}

async function readPackageFile(specifier: string): Promise<Uint8Array> {
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve(specifier);
  } catch (cause) {
    const [scope, name] = specifier.split("/");
    const owner = specifier.startsWith("@") ? `${scope}/${name}` : scope;
    throw new BackendError(
      `cannot find ${specifier}: the package "${owner}" is not installed, or was left out of a bundle. ` +
        `Install it: npm install ${owner}; in a bundle, mark it as external.`,
      { cause },
    );
  }
  return read(path);
}

const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

const files: FileSystem = {
  exists,
  read,
  readSync,
  readPieces,
  list,
  writeAtomic,
  append,
  remove,
  makeDirectory,
  dirname,
  join,
  homeDirectory: homedir,
  md5,
};

/** Node's platform; the package's entry for Node installs it. */
export const nodePlatform: Platform = {
  name: "node",
  terminal,
  files,
  readPackageFile,
  environment: (name) => process.env[name],
  onInterrupt(handler) {
    // Once: the second Ctrl-C finds no listener and ends the process as usual.
    process.once("SIGINT", handler);
    return () => process.removeListener("SIGINT", handler);
  },
  yieldToHost: () => new Promise((resolve) => setImmediate(resolve)),
};
