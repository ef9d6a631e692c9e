/** An archive that Python made in the form of the real one, and what is said of damaged ones. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setImageDataFormat } from "../core/config.ts";
import { SerializationError } from "../core/errors.ts";
import { setPlatform } from "../core/platform.ts";
import { nodePlatform } from "../platform/node.ts";
import { loadCifar10Arrays } from "./cifar10.ts";
import { type PickledArray, readPickle } from "./pickle.ts";
import { readTarGz } from "./tarGz.ts";

const archive = readFileSync(new URL("../../test/fixtures/cifar10.tar.gz", import.meta.url));
/** What Keras's `load_batch` made of each file, channels last. */
const expected = JSON.parse(
  readFileSync(new URL("../../test/fixtures/cifar10.json", import.meta.url), "utf8"),
) as Record<string, { x: string; y: number[] }>;
const TRAIN = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}`);
const pixels = (names: string[]) => Buffer.concat(names.map((name) => Buffer.from(expected[name]!.x, "base64")));
const labels = (names: string[]) => names.flatMap((name) => expected[name]!.y);

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
  setImageDataFormat("channels_last");
});

/** Loads an archive that lies in Keras's cache already. */
function load(bytes: Uint8Array) {
  mkdirSync(join(home, "datasets"), { recursive: true });
  writeFileSync(join(home, "datasets", "cifar-10-batches-py-target_archive"), bytes);
  return loadCifar10Arrays({ fileHash: createHash("sha256").update(bytes).digest("hex") });
}

describe("loadCifar10Arrays", () => {
  it("reads what Keras reads", async () => {
    const { train, test } = await load(archive);
    expect([train.xShape, train.yShape]).toEqual([
      [10, 32, 32, 3],
      [10, 1],
    ]);
    expect(Buffer.from(train.x).equals(pixels(TRAIN))).toBe(true);
    expect([...train.y]).toEqual(labels(TRAIN));
    expect(test.xShape).toEqual([2, 32, 32, 3]);
    expect(Buffer.from(test.x).equals(pixels(["test_batch"]))).toBe(true);
    expect([...test.y]).toEqual(labels(["test_batch"]));
  });

  it("leaves channels first where that is the format of images", async () => {
    setImageDataFormat("channels_first");
    const { test } = await load(archive);
    expect(test.xShape).toEqual([2, 3, 32, 32]);
    const last = pixels(["test_batch"]);
    // Image 1, channel 2, row 3, column 4.
    expect(test.x[((1 * 3 + 2) * 32 + 3) * 32 + 4]).toBe(last[((1 * 32 + 3) * 32 + 4) * 3 + 2]);
  });

  it("asks Keras's server for Keras's file, and says where to put it when offline", async () => {
    const fetched = vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("fetch failed"));
    await expect(loadCifar10Arrays()).rejects.toThrow(
      "getFile: cannot download https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz. Received: fetch failed. To work " +
        `offline, get that file by other means and put it at ${join(home, "datasets", "cifar-10-batches-py-target_archive")}.`,
    );
    fetched.mockRestore();
  });

  const tar = gunzipSync(archive);
  const renamed = Buffer.from(tar);
  // "test_batch" → "rest_batch", and the checksum of its header to match.
  const at = renamed.indexOf("cifar-10-batches-py/test_batch");
  renamed.write("r", at + "cifar-10-batches-py/".length);
  const sum =
    Number.parseInt(renamed.toString("latin1", at + 148, at + 154), 8) + "r".charCodeAt(0) - "t".charCodeAt(0);
  renamed.write(sum.toString(8).padStart(6, "0"), at + 148);
  const wrongLabel = Buffer.from(tar);
  // The two labels follow the list's MARK, memo and MARK, each as BININT1.
  wrongLabel[wrongLabel.indexOf("labels") + "labels".length + 7] = 99;

  const DAMAGED: readonly [what: string, bytes: Uint8Array, words: RegExp][] = [
    [
      "a page",
      Buffer.from("<!doctype html><p>404"),
      /_archive: expected a \.tar\.gz archive\. Received: an HTML or XML page/,
    ],
    [
      "half of it",
      archive.subarray(0, 700),
      /_archive: the archive is damaged or cut short\. Received: .*Download or copy it again/,
    ],
    ["no tar inside", gzipSync(Buffer.alloc(600, 7)), /damaged or cut short\. Received: no header of a file at byte 0/],
    [
      "half a tar",
      gzipSync(tar.subarray(0, 4000)),
      /damaged or cut short\. Received: file "cifar-10-batches-py\/.*" without its end/,
    ],
    [
      "nothing in it",
      gzipSync(Buffer.alloc(1024)),
      /expected a file called "cifar-10-batches-py\/data_batch_1"\. Received: no files/,
    ],
    [
      "a file that is missing",
      gzipSync(renamed),
      /expected a file called "cifar-10-batches-py\/test_batch"\. Received: .*rest_batch/,
    ],
    [
      "a label that is no class",
      gzipSync(wrongLabel),
      /"data_batch_1": expected `data` of shape \(samples, 3072\) and as many `labels` from 0 to 9/,
    ],
  ];
  it.each(DAMAGED)("says what is wrong: %s", async (_, bytes, words) => {
    const failed = load(bytes);
    await expect(failed).rejects.toThrow(SerializationError);
    await expect(failed).rejects.toThrow(words);
  });
});

describe("readPickle", () => {
  const code = (...parts: (string | number)[]): Uint8Array =>
    Buffer.concat([
      Buffer.of(0x80, 2),
      ...parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.of(part))),
    ]);

  it("reads the real form of a batch", async () => {
    const files = await readTarGz(archive, "a");
    const dict = readPickle(files.get("cifar-10-batches-py/data_batch_1")!, "b") as Map<string, unknown>;
    expect([...dict.keys()]).toEqual(["batch_label", "labels", "data", "filenames"]);
    expect((dict.get("data") as PickledArray).shape).toEqual([2, 3072]);
  });

  // By hand, from the list of instructions in CPython's pickletools.
  const READ: readonly [what: string, bytes: Uint8Array, value: unknown][] = [
    ["None", code("N."), null],
    ["booleans in a tuple", code("(\x88\x89t."), [true, false]],
    ["numbers", code("K\xffM\x01\x02J\xfe\xff\xff\xff\x87."), [255, 513, -2]],
    ["lists", code("](K\x01K\x02eK\x03a."), [1, 2, 3]],
    ["a value that occurs twice", code("]q\x05h\x05\x86."), [[], []]],
    ["far memories", code("K\x07r\x00\x01\x00\x00j\x00\x01\x00\x00\x86."), [7, 7]],
    [
      "a dict",
      code("}U\x01aK\x01s(U\x01bNu."),
      new Map<string, unknown>([
        ["a", 1],
        ["b", null],
      ]),
    ],
    ["an empty tuple", code(")."), []],
  ];
  it.each(READ)("reads %s", (_, bytes, value) => {
    expect(readPickle(bytes, "x")).toEqual(value);
  });

  const array = (dtype: string, shape: string, state: string): Uint8Array =>
    code(
      `cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01${shape}`,
      `cnumpy\ndtype\nU\x02${dtype}K\x00K\x01\x87R${state}tb.`,
    );
  it("reads an array", () => {
    const found = readPickle(array("u1", "K\x02\x85", "\x89U\x02\x05\x06"), "x") as PickledArray;
    expect([found.shape, [...found.data]]).toEqual([[2], [5, 6]]);
  });

  const REFUSED: readonly [what: string, bytes: Uint8Array, words: RegExp][] = [
    [
      "a call of something else",
      code("cos\nsystem\nU\x02ls\x85R."),
      /Received: a reference to Python's os\.system; expected dicts/,
    ],
    ["names like those of objects", code("c__proto__\nx\n."), /a reference to Python's __proto__\.x/],
    ["unknown instructions", code("\x93."), /instruction 0x93 at byte 2/],
    ["another protocol", Buffer.of(0x80, 4, 0x4e, 0x2e), /bytes that do not start as a pickle of protocol 2 does/],
    ["an end that is missing", code("K\x01"), /3? ?bytes, of which the last instruction asks for more/],
    ["text that is longer than the file", code("U\x09abc."), /asks for more/],
    ["huge text", code("T\xff\xff\xff\xff."), /asks for more/],
    ["nothing", code("."), /an instruction without its operand/],
    ["more than one value", code("NN."), /values or bytes that are left over/],
    ["bytes after the end", code("N.N"), /values or bytes that are left over/],
    ["a list that never began", code("K\x01e."), /a list without a beginning/],
    ["elements of a number", code("K\x01K\x02a."), /elements of something that is no list/],
    ["a number as key", code("}K\x01K\x02s."), /a dict with a key that is no short string/],
    ["a key without value", code("}(U\x01au."), /entries of something that is no dict/],
    ["a reference to nothing", code("h\x01."), /a reference to nothing/],
    ["a function as value", code("cnumpy\ndtype\n."), /an instruction without its operand/],
    ["a function in a list", code("]cnumpy\ndtype\na."), /an instruction without its operand/],
    ["a name without end", code("cnumpy"), /a name without an end/],
    ["floats", array("f4", "K\x02\x85", "\x89U\x02\x05\x06"), /an array that is not of dtype uint8/],
    ["columns first", array("u1", "K\x02\x85", "\x88U\x02\x05\x06"), /dtype uint8 in row-major order/],
    ["too few elements", array("u1", "K\x03\x85", "\x89U\x02\x05\x06"), /an array of shape \(3\) with 2 elements/],
    ["state of a list", code("]Nb."), /the state of an unknown object/],
    ["a call of text", code("U\x01a)R."), /a call of something that is no function/],
  ];
  it.each(REFUSED)("refuses %s", (_, bytes, words) => {
    expect(() => readPickle(bytes, "x")).toThrow(SerializationError);
    expect(() => readPickle(bytes, "x")).toThrow(words);
  });
});
