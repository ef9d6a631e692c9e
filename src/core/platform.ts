/**
 * What differs between Node and browsers, behind one small interface. The package's entry for each environment installs
 * its implementation (`platform/node.ts`, `platform/browser.ts`), so that no library module imports `node:` anything.
 */

/** Standard output, as progress bars and summaries need it. */
export interface Terminal {
  /** Columns of the terminal, or `null` when output is not one. */
  readonly columns: number | null;
  /** Whether lines can be redrawn in place. */
  readonly interactive: boolean;
  write(text: string): void;
}

/** A file or folder in a folder. */
export interface FolderEntry {
  readonly name: string;
  readonly kind: "file" | "folder";
  /** Whether it is a link to such a thing. */
  readonly isLink: boolean;
}

/** Files by path. All paths are the platform's own. */
export interface FileSystem {
  exists(path: string): Promise<boolean>;
  read(path: string): Promise<Uint8Array>;
  /** The same at once, for what constructors read: small files. */
  readSync(path: string): Uint8Array;
  /** A file's bytes piece by piece, for files larger than memory. */
  readPieces(path: string): AsyncIterable<Uint8Array>;
  /** What is in a folder. @throws SerializationError when it cannot be read. */
  list(path: string): Promise<FolderEntry[]>;
  /** Writes to a temporary neighbour and renames it, so that a failure leaves an existing file as it was. */
  writeAtomic(path: string, bytes: Uint8Array): Promise<void>;
  /** Adds to the end of a file, which is created where there is none. */
  append(path: string, bytes: Uint8Array): Promise<void>;
  /** Removes a file, or a folder with all that is in it; nothing where there is neither. */
  remove(path: string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  /** The folder that a path is in. */
  dirname(path: string): string;
  join(...parts: string[]): string;
  homeDirectory(): string;
  /** MD5 in hexadecimal. Published weights state no other hash, and the hashes that every environment has leave it out. */
  md5(bytes: Uint8Array): string;
}

export interface Platform {
  readonly name: "node" | "browser";
  readonly terminal: Terminal;
  /** `null` where there are no files (browsers): callers offer bytes instead. */
  readonly files: FileSystem | null;
  /**
   * Bytes of a file inside an installed package, such as `@resvg/resvg-wasm/index_bg.wasm`.
   *
   * @throws BackendError where packages have no files (browsers), or when the package is missing.
   */
  readPackageFile(specifier: string): Promise<Uint8Array>;
  /** An environment variable; always `undefined` in browsers. */
  environment(name: string): string | undefined;
  /** Calls `handler` on Ctrl-C instead of ending the process; returns what removes it. */
  onInterrupt(handler: () => void): () => void;
  /** Lets timers, input and painting run between two steps of a long job. */
  yieldToHost(): Promise<void>;
}

let current: Platform | null = null;

export function setPlatform(platform: Platform): void {
  current = platform;
}

/** The installed platform. */
export function platform(): Platform {
  if (!current) {
    throw new Error('no platform is installed: import "keras-ts" (its entry for Node or browsers installs one)');
  }
  return current;
}
