/**
 * libhdf5 in WebAssembly, and the memory-only file system it sees. Loaded on first use, because it weighs 4 MB.
 * The `h5wasm` build used here is the browser's, in Node too: it has no way to reach a file of the host.
 */
import { SerializationError } from "../../core/errors.ts";

type H5Wasm = typeof import("h5wasm");
export type H5Module = Awaited<H5Wasm["default"]["ready"]>;

/** What the emscripten file system has and its published types leave out. */
interface SandboxFileSystem {
  writeFile(path: string, data: Uint8Array): void;
  unlink(path: string): void;
  readdir(path: string): string[];
  streams: (object | null | undefined)[];
  close(stream: object): void;
}

let loading: Promise<H5Module> | null = null;

async function load(): Promise<H5Module> {
  const { default: h5wasm } = await import("h5wasm");
  const module = await h5wasm.ready;
  // A hostile file could name these as external storage; standard input would be the host's.
  const fs = module.FS as unknown as SandboxFileSystem;
  for (const device of ["stdin", "stdout", "stderr"]) {
    if (fs.readdir("/dev").includes(device)) fs.unlink(`/dev/${device}`);
  }
  return module;
}

function sandbox(where: string): Promise<H5Module> {
  loading ??= load().catch((cause: unknown) => {
    loading = null; // the next call tries again
    throw new SerializationError(
      `${where}: the HDF5 reader did not start. Received: ${(cause as Error).message}; ` +
        "expected the npm package h5wasm to be installed and WebAssembly to be allowed.",
      { cause },
    );
  });
  return loading;
}

let count = 0;

/**
 * Opens `bytes` as an HDF5 file inside the sandbox while `use` runs, then closes and deletes it.
 * `use` must be synchronous, so that two files are never open at once.
 */
export async function withH5Module<T>(
  bytes: Uint8Array,
  where: string,
  use: (module: H5Module, file: bigint) => T,
): Promise<T> {
  const module = await sandbox(where);
  const fs = module.FS as unknown as SandboxFileSystem;
  const path = `/${Math.random().toString(36).slice(2)}-${count++}.h5`;
  const openBefore = new Set(fs.streams);
  let file = -1n;
  fs.writeFile(path, bytes);
  module.activate_throwing_error_handler();
  try {
    file = restoringStack(module, () => BigInt(module.open(path, module.H5F_ACC_RDONLY, false, -1, -1)));
    return restoringStack(module, () => use(module, file));
  } finally {
    module.deactivate_throwing_error_handler();
    if (file > 0n) module.close_file(file);
    // An error that libhdf5 throws leaves its own scratch files open.
    for (const stream of fs.streams) if (stream && !openBefore.has(stream)) fs.close(stream);
    fs.unlink(path);
  }
}

/**
 * Runs calls into libhdf5 that may throw. A JavaScript error leaves WebAssembly's own stack where it was, and after some
 * hundred damaged files it would grow into the data below. `ccall` puts it back when it has had a text to pass, so
 * the calls go through it.
 */
function restoringStack<T>(module: H5Module, run: () => T): T {
  const outcome: { value?: T; error?: unknown; failed: boolean } = { failed: false };
  const functions = module as unknown as Record<string, () => number>;
  functions._kerasGuard = () => {
    try {
      outcome.value = run();
    } catch (error) {
      outcome.failed = true;
      outcome.error = error;
    }
    return 0;
  };
  module.ccall("kerasGuard", "number", ["string"], [""]);
  if (outcome.failed) throw outcome.error;
  return outcome.value as T;
}

/** The innermost reason in libhdf5's error stack, in one line. */
export function h5Reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = [...text.matchAll(/#\d+: .*? line \d+ in \w+\(\): (.*)/g)];
  return lines.at(-1)?.[1] ?? text.split("\n")[0]!.slice(0, 200);
}
