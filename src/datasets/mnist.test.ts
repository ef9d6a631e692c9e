import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setPlatform } from "../core/platform.ts";
import { browserPlatform } from "../platform/browser.ts";
import { nodePlatform } from "../platform/node.ts";
import { writeArchive } from "../saving/archive.ts";
import { loadMnistArrays } from "./mnist.ts";

/** A `.npy` file of version 1, by NumPy's format description: magic, header length, header, data. */
function npy(data: Uint8Array, shape: readonly number[]): Uint8Array {
  const dict = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const header = `${dict.padEnd(117)}\n`;
  return Buffer.concat([Buffer.from("\x93NUMPY\x01\x00v\x00", "latin1"), Buffer.from(header), data]);
}

const counting = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);
const zip = writeArchive([
  ["x_train.npy", npy(counting(3 * 784), [3, 28, 28])],
  ["y_train.npy", npy(Uint8Array.of(5, 0, 4), [3])],
  ["x_test.npy", npy(counting(2 * 784), [2, 28, 28])],
  ["y_test.npy", npy(Uint8Array.of(7, 2), [2])],
]);
const fileHash = createHash("sha256").update(zip).digest("hex");

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "keras-ts-"));
  vi.stubEnv("KERAS_HOME", home);
  setPlatform({ ...nodePlatform, terminal: { columns: null, interactive: false, write: () => undefined } });
});
afterEach(() => {
  rmSync(home, { recursive: true });
  vi.unstubAllEnvs();
  setPlatform(nodePlatform);
});

async function served<T>(use: (origin: string) => Promise<T>): Promise<T> {
  const server = createServer((_, response) => response.end(zip));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mnist.npz`);
  } finally {
    server.close();
  }
}

describe("loadMnistArrays", () => {
  it("downloads, caches and reads the four arrays", async () => {
    const arrays = await served((origin) => loadMnistArrays("digits.npz", { origin, fileHash }));
    expect(arrays.xTrain).toEqual({ data: counting(3 * 784), shape: [3, 28, 28], dtype: "uint8" });
    expect(arrays.yTrain).toEqual({ data: Uint8Array.of(5, 0, 4), shape: [3], dtype: "uint8" });
    expect(arrays.xTest.shape).toEqual([2, 28, 28]);
    expect(arrays.yTest.data).toEqual(Uint8Array.of(7, 2));
    // The server is gone: this comes from the cache.
    expect(readFileSync(join(home, "datasets", "digits.npz")).equals(zip)).toBe(true);
    const again = await loadMnistArrays("digits.npz", { origin: "http://127.0.0.1:9/mnist.npz", fileHash });
    expect(again).toEqual(arrays);
  });

  it("downloads into memory where there are no files", async () => {
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    setPlatform(browserPlatform);
    const arrays = await served((origin) => loadMnistArrays("mnist.npz", { origin, fileHash }));
    expect(arrays.yTrain.data).toEqual(Uint8Array.of(5, 0, 4));
    vi.restoreAllMocks();
  });

  it("asks Keras's server for Keras's file, and says where to put it when offline", async () => {
    const fetched = vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("fetch failed"));
    await expect(loadMnistArrays()).rejects.toThrow(
      "getFile: cannot download https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz. Received: fetch " +
        `failed. To work offline, get that file by other means and put it at ${join(home, "datasets", "mnist.npz")}.`,
    );
    expect(fetched).toHaveBeenCalledTimes(1);
    fetched.mockRestore();
  });

  it("names the array that a file lacks", async () => {
    const bare = writeArchive([["x.npy", npy(Uint8Array.of(1), [1])]]);
    mkdirSync(join(home, "datasets"));
    writeFileSync(join(home, "datasets", "bare.npz"), bare);
    const hash = createHash("sha256").update(bare).digest("hex");
    await expect(loadMnistArrays("bare.npz", { fileHash: hash })).rejects.toThrow(
      'bare.npz: expected an array of numbers called "x_train". Received: x.',
    );
  });
});
