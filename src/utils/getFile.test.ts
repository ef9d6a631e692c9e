import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { platform, setPlatform } from "../core/platform.ts";
import { nodePlatform } from "../platform/node.ts";
import { type GetFileOptions, getFile } from "./getFile.ts";

const CONTENT = Buffer.from("digits ".repeat(50_000));
const HASH = createHash("sha256").update(CONTENT).digest("hex");

let server: Server;
let base = "";
let requests = 0;
let home = "";
let written = "";

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "keras-ts-"));
  vi.stubEnv("KERAS_HOME", home);
  requests = 0;
  written = "";
  const write = (text: string): void => {
    written += text;
  };
  setPlatform({ ...nodePlatform, terminal: { columns: null, interactive: true, write } });
  server = createServer((request, response) => {
    requests++;
    if (request.url === "/missing.npz") response.writeHead(404).end();
    else if (request.url === "/cut.npz") {
      response.writeHead(200, { "content-length": CONTENT.length });
      response.write(CONTENT.subarray(0, 1000), () => response.destroy());
    } else if (request.url === "/packed.npz") {
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(CONTENT));
    } else response.writeHead(200, { "content-length": CONTENT.length }).end(CONTENT);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(home, { recursive: true });
  vi.unstubAllEnvs();
  setPlatform(nodePlatform);
});

const words = (options: GetFileOptions) =>
  getFile(options).then(
    () => "",
    (error: Error) => error.message,
  );

describe("getFile", () => {
  it("checks MD5 hashes, which Keras states for weights", async () => {
    const md5 = createHash("md5").update(CONTENT).digest("hex");
    const options = { origin: `${base}/w.h5`, cacheSubdir: "models", fileHash: md5.toUpperCase() };
    const path = await getFile(options);
    expect(path).toBe(join(home, "models", "w.h5"));
    await getFile(options);
    expect(requests).toBe(1);
    writeFileSync(path, "cut");
    await getFile(options);
    expect(written).toContain(`because the md5 file hash does not match the original value of ${options.fileHash}`);
    expect(requests).toBe(2);
    expect(await words({ ...options, forceDownload: true, fileHash: "0".repeat(32) })).toContain(
      `350000 bytes with md5=${md5}; expected md5=0000`,
    );
  });

  it("downloads once into KERAS_HOME/datasets, showing what it does", async () => {
    const path = await getFile({ fname: "d.npz", origin: `${base}/digits.npz`, fileHash: HASH });
    expect(path).toBe(join(home, "datasets", "d.npz"));
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
    expect(written).toContain(`Downloading data from ${base}/digits.npz\n`);
    expect(written).toContain("\x1b[1m350000/350000\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m");
    expect(written.endsWith("\n")).toBe(true);
    written = "";
    expect(await getFile({ fname: "d.npz", origin: `${base}/digits.npz`, fileHash: HASH.toUpperCase() })).toBe(path);
    expect(requests).toBe(1);
    expect(written).toBe("");
  });

  it("takes the name from the URL, other folders, and downloads again when told to", async () => {
    const options = { origin: `${base}/a/digits%20set.npz?x=1`, cacheDir: join(home, "mine"), cacheSubdir: "models" };
    const path = await getFile(options);
    expect(path).toBe(join(home, "mine", "models", "digits set.npz"));
    await getFile({ ...options, forceDownload: true });
    expect(requests).toBe(2);
  });

  it("downloads a cached file with a wrong hash again", async () => {
    mkdirSync(join(home, "datasets"));
    writeFileSync(join(home, "datasets", "digits.npz"), "stale");
    const path = await getFile({ origin: `${base}/digits.npz`, fileHash: HASH });
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
    expect(written).toContain("A local file was found, but it seems to be incomplete or outdated");
  });

  it("shows the size of a compressed answer as unknown", async () => {
    const path = await getFile({ origin: `${base}/packed.npz`, fileHash: HASH });
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
    expect(written).toMatch(/ 350000\/Unknown .*\n$/);
  });

  it("says which file to put where when the network fails", async () => {
    const place = join(home, "datasets", "missing.npz");
    expect(await words({ origin: `${base}/missing.npz` })).toBe(
      `getFile: cannot download ${base}/missing.npz. Received: HTTP 404 Not Found. To work offline, get that file by ` +
        `other means and put it at ${place}.`,
    );
    expect(await words({ origin: "http://127.0.0.1:9/x.npz" })).toMatch(
      /cannot download http:\/\/127\.0\.0\.1:9\/x\.npz\. Received: fetch failed \(.+\)\. .* put it at .*x\.npz\./,
    );
    expect(await words({ origin: `${base}/cut.npz` })).toMatch(/cut\.npz\. Received: .*put it at .*cut\.npz\./);
    expect(readdirSync(join(home, "datasets"))).toEqual([]);
  });

  it("keeps nothing of a download with a wrong hash", async () => {
    expect(await words({ origin: `${base}/digits.npz`, fileHash: "0".repeat(64) })).toMatch(
      new RegExp(`incomplete or corrupted file from .*350000 bytes with sha256=${HASH}; expected sha256=0000`),
    );
    expect(readdirSync(join(home, "datasets"))).toEqual([]);
  });

  it("checks its arguments", async () => {
    expect(await words({ origin: `${base}/x`, fileHash: "abc" })).toContain(
      'expected `fileHash` to be a SHA-256 of 64 hexadecimal digits, or an MD5 of 32. Received: "abc"',
    );
    expect(await words({ origin: `${base}/x`, fname: "a/b" })).toContain("name the folder with `cacheDir`");
    expect(await words({ origin: "x.npz" })).toContain('expected `origin` to be the URL of a file. Received: "x.npz"');
    expect(await words({ origin: base })).toContain("give its name in the cache as `fname`");
    expect(await words({ origin: `${base}/x`, filehash: "" } as GetFileOptions)).toContain('Did you mean "fileHash"?');
    setPlatform({ ...platform(), files: null });
    expect(await words({ origin: `${base}/x` })).toContain("there are no files in a browser");
  });
});
