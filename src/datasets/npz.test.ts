import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromElement, is64BitInteger } from "../core/dtype.ts";
import { SerializationError } from "../core/errors.ts";
import { type NpyArray, readNpy, readNpz } from "./npz.ts";

const fixture = (name: string) => readFileSync(new URL(`../../test/fixtures/h5/${name}`, import.meta.url));

function plain({ data, shape, dtype }: NpyArray): unknown {
  const values = Array.from(data as Iterable<number | bigint | string>, (x) => {
    if (typeof x === "string") return x;
    if (dtype === "bool") return x === 1;
    return is64BitInteger(dtype) ? Number(x) : fromElement(dtype, x);
  });
  return { shape, dtype, values };
}

describe("readNpz", () => {
  // Expected contents: what NumPy saved (tools/fixtures/h5_files.py).
  it.each(["plain.npz", "compressed.npz"])("reads every dtype, order and text (%s)", (name) => {
    const arrays = readNpz(fixture(name), name);
    expect(Object.fromEntries([...arrays].map(([key, array]) => [key, plain(array)]))).toEqual(
      JSON.parse(fixture("npz.json").toString()),
    );
  });
});

describe("readNpy", () => {
  it.each([1, 2, 3])("reads header version %i", (version) => {
    expect(plain(readNpy(fixture(`version${version}.npy`), "x.npy"))).toEqual({
      shape: [1, 2],
      dtype: "int16",
      values: [1, 2],
    });
  });

  it.each([
    ["objects.npy", /x\.npy: cannot read this array\. Received: Python objects \(a pickle, which could run code\)/],
    ["complex.npy", /x\.npy: cannot read this array\. Received: NumPy type "c16"; expected integers/],
    ["kinds.h5", /x\.npy: not a NumPy array file\. Received: an HDF5 file/],
  ])("refuses %s", (name, words) => {
    expect(() => readNpy(fixture(name), "x.npy")).toThrow(SerializationError);
    expect(() => readNpy(fixture(name), "x.npy")).toThrow(words);
  });

  it("says that a file is cut short", () => {
    const bytes = fixture("version1.npy");
    expect(() => readNpy(bytes.subarray(0, bytes.length - 1), "x.npy")).toThrow(
      "x.npy: cut short. Received: 3 bytes of data; expected 4 for shape (1, 2).",
    );
  });
});
