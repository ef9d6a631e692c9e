import { readFileSync } from "node:fs";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { SerializationError } from "../core/errors.ts";
import { readArchive, writeArchive } from "./archive.ts";

const text = (value: string) => new TextEncoder().encode(value);
const words = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(SerializationError);
    return (error as Error).message;
  }
  throw new Error("expected a refusal");
};
const files: [string, Uint8Array][] = [
  ["metadata.json", text('{"keras_version": "3.15.1"}')],
  ["config.json", text("{}".repeat(500))],
  ["model.weights.h5", new Uint8Array(3001).map((_, i) => i * 7)],
  ["assets/layers/text_vectorization/vocabulary.txt", text("ä\nb")],
  ["empty", new Uint8Array()],
];

/** Changes a 32-bit number at a marker in the central directory of a one-entry archive. */
function patched(zip: Uint8Array, offset: number, value: number, width: 2 | 4 = 4): Uint8Array {
  const copy = Uint8Array.from(zip);
  const view = new DataView(copy.buffer);
  let at = 0;
  while (view.getUint32(at, true) !== 0x02014b50) at++;
  if (width === 4) view.setUint32(at + offset, value, true);
  else view.setUint16(at + offset, value, true);
  return copy;
}

describe("archive", () => {
  it("gives back what was written, in order", () => {
    expect([...readArchive(writeArchive(files), "m.keras")]).toEqual(files);
  });

  it("stores entries without compression and without directories", () => {
    const zip = writeArchive(files);
    const view = new DataView(zip.buffer, zip.byteOffset);
    let count = 0;
    for (let at = 0; at + 4 <= zip.length; at++) {
      if (view.getUint32(at, true) !== 0x02014b50) continue;
      expect(view.getUint16(at + 10, true)).toBe(0);
      count++;
    }
    expect(count).toBe(files.length);
  });

  it("reads deflated entries and skips directories", () => {
    const zip = zipSync({ "assets/": new Uint8Array(), "config.json": [text("{}".repeat(500)), { level: 9 }] });
    expect([...readArchive(zip, "m.keras")]).toEqual([["config.json", text("{}".repeat(500))]]);
  });

  it("reads an archive with a comment", () => {
    const zip = writeArchive(files);
    const commented = new Uint8Array(zip.length + 5);
    commented.set(zip);
    commented[zip.length - 2] = 5; // length of the comment
    expect(readArchive(commented, "m.keras").size).toBe(files.length);
  });

  it("reads the zip64 records of large archives", () => {
    // Made by tools/fixtures/h5_files.py, which checks that Python's zipfile reads it.
    const zip = readFileSync(new URL("../../test/fixtures/h5/zip64.keras", import.meta.url));
    expect([...readArchive(zip, "z.keras")]).toEqual([
      ["metadata.json", text("{}")],
      ["model.weights.h5", text("weights")],
    ]);
  });

  it.each([
    ["an empty file", new Uint8Array()],
    ["an HTML or XML page (a failed download?)", text("\n<html><body>404</body></html>")],
    [
      "an HDF5 file (such as a .weights.h5 or legacy .h5 file)",
      Uint8Array.from("\x89HDF\r\n\x1a\n", (c) => c.charCodeAt(0)),
    ],
    [
      "a Git LFS pointer, not the file itself (run `git lfs pull`)",
      text("version https://git-lfs.github.com/spec/v1\n"),
    ],
    ['text starting "hello"', text("hello")],
  ])("says that it got %s", (what, bytes) => {
    const message = words(() => readArchive(bytes, "model.keras"));
    expect(message).toContain(`model.keras: not an accessible zip archive, which a .keras file is. Received: ${what}.`);
    expect(message).toContain("Check the path");
  });

  it("says at every length that a cut archive is damaged", () => {
    const zip = writeArchive(files);
    for (let length = 4; length < zip.length; length += 13) {
      expect(words(() => readArchive(zip.slice(0, length), "cut.keras"))).toMatch(
        /cut\.keras: the zip archive is damaged or cut short\. Received: .*Save, copy or download it again/,
      );
    }
  });

  it("notices one changed byte", () => {
    for (const level of [0, 9] as const) {
      const zip = zipSync({ "config.json": [text("{}".repeat(50)), { level }] });
      zip[30 + "config.json".length + 3]! ^= 1;
      expect(words(() => readArchive(zip, "x.keras"))).toMatch(/entry "config\.json" whose (contents|compressed data)/);
    }
  });

  it.each(["../evil", "a/../../evil", "/etc/x", "C:\\x", "..\\evil", "a\\..\\..\\x"])("refuses the name %s", (name) => {
    const zip = writeArchive([[name, text("x")]]);
    expect(words(() => readArchive(zip, "x.keras"))).toMatch(
      /x\.keras: entry ".*" leads outside of the archive\. Refused/,
    );
  });

  it("refuses sizes out of all proportion", () => {
    const zip = zipSync({ "config.json": [new Uint8Array(100_000), { level: 9 }] });
    expect(words(() => readArchive(patched(zip, 24, 0x7fff_ffff), "x.keras"))).toMatch(
      /entry "config\.json" with \d+ stored bytes said to hold 2147483647/,
    );
    const bomb = readFileSync(new URL("../../test/fixtures/h5/zip_bomb.keras", import.meta.url));
    expect(words(() => readArchive(bomb, "x.keras"))).toMatch(
      /entry "model\.weights\.h5" declares 5368709120 bytes but stores \d+\. Refused/,
    );
  });

  it("refuses encrypted entries and unknown methods", () => {
    const zip = writeArchive([["config.json", text("{}")]]);
    expect(words(() => readArchive(patched(zip, 8, 1, 2), "x.keras"))).toContain('entry "config.json" is encrypted');
    expect(words(() => readArchive(patched(zip, 10, 12, 2), "x.keras"))).toContain("uses zip method 12");
  });
});
