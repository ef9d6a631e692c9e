import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromElement, is64BitInteger } from "../../core/dtype.ts";
import { SerializationError } from "../../core/errors.ts";
import { readArchive } from "../archive.ts";
import { emptyGroup, type H5Group, readH5, writeH5 } from "./h5File.ts";

const fixture = (name: string) => readFileSync(new URL(`../../../test/fixtures/h5/${name}`, import.meta.url));
const SHARED = new URL("../../../../shared/models/", import.meta.url);

/** The tree in the words of the fixtures' JSON: plain numbers, booleans, and texts for large integers. */
function plain(group: H5Group): unknown {
  const datasets: Record<string, unknown> = {};
  for (const [name, { shape, dtype, data }] of group.datasets) {
    const values = Array.from(data as Iterable<number | bigint>, (element) => {
      if (dtype === "bool") return element === 1;
      if (!is64BitInteger(dtype)) return fromElement(dtype, element);
      return Number.isSafeInteger(Number(element)) ? Number(element) : String(element);
    });
    datasets[name] = { shape, dtype, values };
  }
  return {
    attributes: Object.fromEntries([...group.attributes].map(([k, v]) => [k, k === "flag" ? v === 1 : v])),
    groups: Object.fromEntries([...group.groups].map(([k, v]) => [k, plain(v)])),
    datasets,
  };
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(SerializationError);
  return (error as Error).message;
}

describe("readH5", () => {
  // Expected contents: what h5py and NumPy put there (tools/fixtures/h5_files.py).
  it.each(["kinds.h5", "kinds_latest.h5"])("reads every kind of dataset and attribute (%s)", async (name) => {
    expect(plain(await readH5(fixture(name), name))).toEqual(JSON.parse(fixture("kinds.json").toString()));
  });

  it.each(["keras.weights", "half.weights"])("reads what Keras saved (%s.h5)", async (name) => {
    const tree = plain(await readH5(fixture(`${name}.h5`), name));
    expect(tree).toEqual(JSON.parse(fixture(`${name}.json`).toString()));
  });

  it("reads a file behind a user block", async () => {
    const tree = await readH5(fixture("user_block.h5"), "x.h5");
    expect(tree.datasets.get("x")).toEqual({ shape: [1], dtype: "float16", data: Uint16Array.of(0x3e00) });
  });

  it("reads several files at once", async () => {
    const trees = await Promise.all([1, 2, 3].map(() => readH5(fixture("keras.weights.h5"), "x")));
    expect(plain(trees[2]!)).toEqual(plain(trees[0]!));
  });

  it.each([
    ["soft_link.h5", /bad\.h5: "\/layers\/dense" is a soft link \(to "\/x"\)\. Refused.*expand_soft/],
    ["external_link.h5", /"\/layers\/dense" is an external link \(to the file "other\.h5"\)\. Refused/],
    ["external_storage.h5", /"\/x" keeps its data in external files\. Refused/],
    ["virtual.h5", /"\/x" is a virtual dataset\. Refused/],
    ["bomb.h5", /"\/x" declares 34359738368 bytes of data in a file of 1400 bytes\. Refused/],
    ["cycle.h5", /"\/a\/b\/c" leads back to a group that contains it\. Refused/],
    ["compound.h5", /"\/x" has an HDF5 type without a dtype here\. Received: compound of \d+ bytes/],
  ])("refuses %s", async (name, words) => {
    expect(await refusal(readH5(fixture(name), "bad.h5"))).toMatch(words);
  });

  it.each([
    ["an empty file", new Uint8Array()],
    ["an HTML or XML page (a failed download?)", new TextEncoder().encode("<!DOCTYPE html><html>")],
    ["a zip archive (such as a .keras file)", new TextEncoder().encode("PK\x03\x04 and more")],
    ["64 zero bytes (an unfinished download?)", new Uint8Array(64)],
  ])("says that it got %s", async (what, bytes) => {
    const words = await refusal(readH5(bytes, "model.weights.h5"));
    expect(words).toContain(`model.weights.h5: not an HDF5 file. Received: ${what};`);
    expect(words).toContain("download or copy is complete");
  });

  it("says that a cut file is cut short", async () => {
    const words = await refusal(readH5(fixture("keras.weights.h5").subarray(0, 9000), "cut.h5"));
    expect(words).toMatch(/cut\.h5: the HDF5 file is damaged or cut short\. Received: 9000 bytes.*truncated file/);
  });

  it("refuses a heap of texts on which libhdf5 would never end", async () => {
    const bytes = Uint8Array.from(fixture("keras.weights.h5"));
    const view = new DataView(bytes.buffer);
    const heap = fixture("keras.weights.h5").indexOf("GCOL");
    let object = heap + 16;
    while (view.getUint16(object, true) !== 0) object += 16 + Math.ceil(view.getUint32(object + 8, true) / 8) * 8;
    view.setBigUint64(object + 8, 0n, true); // the free space at the end of the heap says that it has no size
    expect(await refusal(readH5(bytes, "bad.h5"))).toBe(
      `bad.h5: the HDF5 file is damaged. Received: a heap of texts at byte ${heap} whose sizes do not add up. ` +
        "Save or download it again.",
    );
  });

  it("answers damaged bytes with an error or data, never with a crash, and still works afterwards", async () => {
    const good = fixture("kinds.h5");
    let random = 12345;
    const next = (n: number) => {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      return Math.floor((random / 2 ** 32) * n);
    };
    for (let i = 0; i < 150; i++) {
      const bytes = Uint8Array.from(good);
      for (let j = 0; j < 20; j++) bytes[8 + next(bytes.length - 8)] = next(256);
      await readH5(bytes, "fuzz").catch((error: unknown) => {
        if (!(error instanceof SerializationError)) throw error;
      });
    }
    expect(plain(await readH5(good, "good"))).toEqual(JSON.parse(fixture("kinds.json").toString()));
  });
});

describe("writeH5", () => {
  it("gives back what was read, for files of Keras and of h5py", async () => {
    for (const name of ["kinds.h5", "keras.weights.h5", "half.weights.h5"]) {
      const tree = await readH5(fixture(name), name);
      expect(plain(await readH5(await writeH5(tree), "copy"))).toEqual(plain(tree));
    }
  });

  it("writes groups of thousands of members, backslashes and non-ASCII names, and long texts", async () => {
    const root = emptyGroup();
    for (let i = 0; i < 3000; i++) {
      const data = Float32Array.of(i);
      root.groups.set(`layer_${i}`, {
        ...emptyGroup(),
        datasets: new Map([["0", { shape: [], dtype: "float32", data }]]),
      });
    }
    root.groups.set("layers\\dense", emptyGroup());
    root.groups.set("schicht_ü_模型_😀", emptyGroup());
    root.attributes.set("schlüssel", "wert");
    root.attributes.set("model_config", "x".repeat(200_000)).set("empty", "");
    root.attributes.set(
      "layer_names",
      Array.from({ length: 3000 }, (_, i) => `layer_${i}`),
    );
    const back = await readH5(await writeH5(root), "copy");
    expect(new Set(back.groups.keys())).toEqual(new Set(root.groups.keys()));
    for (let i = 0; i < 3000; i++) expect(back.groups.get(`layer_${i}`)!.datasets.get("0")!.data[0]).toBe(i);
    expect(Object.fromEntries(back.attributes)).toEqual(Object.fromEntries(root.attributes));
  });

  it("writes a view into a larger buffer", async () => {
    const data = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
    const root = { ...emptyGroup(), datasets: new Map([["x", { shape: [2], dtype: "float32" as const, data }]]) };
    expect([...(await readH5(await writeH5(root), "x")).datasets.get("x")!.data]).toEqual([1, 2]);
  });

  it("refuses names, data and attributes that HDF5 cannot hold", async () => {
    const named = (name: string) => writeH5({ ...emptyGroup(), groups: new Map([[name, emptyGroup()]]) });
    expect(await refusal(named("a/b"))).toContain('HDF5 /: "a/b" cannot be a name; expected text without "/"');
    expect(await refusal(named("."))).toContain("cannot be a name");
    const data = new Float32Array(3);
    const wrong = { ...emptyGroup(), datasets: new Map([["x", { shape: [2, 2], dtype: "float32" as const, data }]]) };
    expect(await refusal(writeH5(wrong))).toContain(
      "HDF5 /x: the data does not fit its shape. Received: shape=(2, 2) and 3 elements; expected 4.",
    );
    const large = emptyGroup();
    large.attributes.set("names", new Array<string>(5000).fill("a"));
    expect(await refusal(writeH5(large))).toMatch(/HDF5 \/: attribute "names" is too large\. .* Split it/);
  });
});

const present = existsSync(SHARED);
describe.skipIf(!present)(`published model files${present ? "" : " (skipped: ../shared/models is not there)"}`, () => {
  const files = (folder: string) => (present ? readdirSync(new URL(folder, SHARED)) : []);

  it.each(files("keras/"))("keras/%s", async (name) => {
    const entries = readArchive(readFileSync(new URL(`keras/${name}`, SHARED)), name);
    const tree = await readH5(entries.get("model.weights.h5")!, name);
    expect(plain(await readH5(await writeH5(tree), "copy"))).toEqual(plain(tree));
  });

  it.each(files("h5/").filter((name) => !name.startsWith("rstudio")))("h5/%s", async (name) => {
    const tree = await readH5(readFileSync(new URL(`h5/${name}`, SHARED)), name);
    expect(JSON.parse(tree.attributes.get("model_config") as string)).toHaveProperty("class_name");
    const weights = tree.groups.get("model_weights")!;
    for (const layer of weights.attributes.get("layer_names") as string[]) {
      for (const path of weights.groups.get(layer)!.attributes.get("weight_names") as string[]) {
        const parts = path.split("/");
        let group: H5Group | undefined = weights.groups.get(layer);
        for (const part of parts.slice(0, -1)) group = group?.groups.get(part);
        expect(group?.datasets.get(parts.at(-1)!), path).toBeDefined();
      }
    }
  });
});
