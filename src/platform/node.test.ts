import { spawn } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BackendError, SerializationError } from "../core/errors.ts";
import { nodePlatform } from "./node.ts";

const files = nodePlatform.files!;
const text = (value: string) => new TextEncoder().encode(value);
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keras-ts-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

async function words(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(SerializationError);
  return (error as Error).message;
}

describe("files", () => {
  it("writes and reads back, also over an existing file, and leaves nothing else behind", async () => {
    const path = files.join(folder, "a.bin");
    await files.writeAtomic(path, text("one"));
    await files.writeAtomic(path, text("second"));
    expect(await files.read(path)).toEqual(text("second"));
    expect(await files.exists(path)).toBe(true);
    expect(readdirSync(folder)).toEqual(["a.bin"]);
  });

  it("keeps the mode of the file it replaces, and a symbolic link to it", async () => {
    const path = join(folder, "a.bin");
    writeFileSync(path, "old");
    chmodSync(path, 0o600);
    symlinkSync(path, join(folder, "link"));
    await files.writeAtomic(join(folder, "link"), text("new"));
    expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
    expect(await files.read(path)).toEqual(text("new"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("leaves the old file and no temporary one when the new one cannot be written", async () => {
    const path = join(folder, "a.bin");
    await files.writeAtomic(path, text("old"));
    const broken = { length: 5 } as unknown as Uint8Array; // fails inside the write, after the temporary file exists
    const message = await words(files.writeAtomic(path, broken));
    expect(message).toContain(`cannot write ${path}: `);
    expect(message).toContain("The file that was there before is unchanged.");
    expect(await files.read(path)).toEqual(text("old"));
    expect(readdirSync(folder)).toEqual(["a.bin"]);
  });

  it("says why a file cannot be written or read", async () => {
    const missing = join(folder, "no", "a.bin");
    expect(await words(files.writeAtomic(missing, text("x")))).toBe(
      `cannot write ${missing}: the folder ${join(folder, "no")} does not exist. Create it first. (ENOENT) Nothing was written.`,
    );
    expect(await words(files.writeAtomic(folder, text("x")))).toContain("it is a folder. Name a file inside of it.");
    expect(await words(files.read(missing))).toMatch(
      /cannot read .*: it does not exist\. Check the path; .*\(ENOENT\)/,
    );
    writeFileSync(join(folder, "file"), "");
    expect(await words(files.makeDirectory(join(folder, "file")))).toContain("a file of that name exists");
    expect(await words(files.read(join(folder, "file", "x")))).toContain("is a file. Check the path.");
  });

  it("makes folders, also those that exist", async () => {
    await files.makeDirectory(join(folder, "a", "b"));
    await files.makeDirectory(join(folder, "a", "b"));
    expect(statSync(join(folder, "a", "b")).isDirectory()).toBe(true);
    mkdirSync(join(folder, "c"));
    expect(await files.exists(join(folder, "c"))).toBe(true);
  });

  it("adds to a file, and makes one where there is none", async () => {
    const path = files.join(folder, "log.txt");
    await files.append(path, text("one\n"));
    await files.append(path, text("two\n"));
    expect(await files.read(path)).toEqual(text("one\ntwo\n"));
    const missing = join(folder, "no", "log.txt");
    expect(await words(files.append(missing, text("x")))).toBe(
      `cannot write ${missing}: the folder ${join(folder, "no")} does not exist. Create it first. (ENOENT) Its end may be missing.`,
    );
    expect(await words(files.append(folder, text("x")))).toContain("it is a folder. Name a file inside of it.");
  });

  it("removes files and whole folders, and does not mind their absence", async () => {
    const inner = join(folder, "a", "b");
    await files.makeDirectory(inner);
    writeFileSync(join(inner, "file"), "");
    expect(files.dirname(join(inner, "file"))).toBe(inner);
    await files.remove(join(inner, "file"));
    expect(readdirSync(inner)).toEqual([]);
    await files.remove(join(folder, "a"));
    await files.remove(join(folder, "a"));
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(join(folder, "file"), "");
    expect(await words(files.remove(join(folder, "file", "x")))).toContain("cannot remove ");
  });
});

describe("files of packages", () => {
  it("are found through the package's exports", async () => {
    const bytes = await nodePlatform.readPackageFile("@resvg/resvg-wasm/index_bg.wasm");
    expect([...bytes.subarray(0, 4)]).toEqual([0, 0x61, 0x73, 0x6d]); // the magic of WebAssembly: "\0asm"
  });

  it("name the package to install when it is missing", async () => {
    const error = await nodePlatform.readPackageFile("@keras-ts/absent/font.ttf").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BackendError);
    expect((error as Error).message).toContain('the package "@keras-ts/absent" is not installed');
    expect((error as Error).message).toContain("npm install @keras-ts/absent");
  });
});

describe("terminal", () => {
  it("takes its width from COLUMNS first", () => {
    vi.stubEnv("COLUMNS", "123");
    expect(nodePlatform.terminal.columns).toBe(123);
    vi.stubEnv("COLUMNS", "wide");
    expect(nodePlatform.terminal.columns).toBe(process.stdout.columns ?? null);
    expect(nodePlatform.environment("COLUMNS")).toBe("wide");
  });
});

describe("interrupts and turns", () => {
  it("calls the handler at the first Ctrl-C and ends at the second", async () => {
    const module = new URL("./node.ts", import.meta.url).href;
    const script = `import { nodePlatform } from ${JSON.stringify(module)};
      nodePlatform.onInterrupt(() => console.log("stopping"));
      setInterval(() => {}, 1000); console.log("ready");`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script]);
    let output = "";
    const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on("exit", (_, signal) => resolve(signal)));
    child.stdout.on("data", (chunk) => {
      output += chunk;
      if (/(ready|stopping)\n$/.test(output)) child.kill("SIGINT");
    });
    expect(await ended).toBe("SIGINT");
    expect(output).toBe("ready\nstopping\n");
  });

  it("removes the handler", () => {
    const before = process.listenerCount("SIGINT");
    const remove = nodePlatform.onInterrupt(() => undefined);
    expect(process.listenerCount("SIGINT")).toBe(before + 1);
    remove();
    expect(process.listenerCount("SIGINT")).toBe(before);
  });

  it("lets timers run between two steps", async () => {
    let ran = false;
    setTimeout(() => {
      ran = true;
    });
    const start = Date.now();
    while (!ran && Date.now() - start < 2000) await nodePlatform.yieldToHost();
    expect(ran).toBe(true);
  });
});
