/**
 * Our HDF5 files in real Python: h5py must see the dtypes, shapes and texts that Keras writes, and Keras must load them.
 * Runs when the environment variable KERAS_TS_PYTHON names a Python with Keras; `npm test` needs none.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DType, float16Bits, type TypedArray } from "../../core/dtype.ts";
import { emptyGroup, type H5Dataset, type H5Group, writeH5 } from "./h5File.ts";

const python = process.env.KERAS_TS_PYTHON;

/** A group from a path to it: the groups on the way are made. */
function at(root: H5Group, path: string): H5Group {
  let group = root;
  for (const name of path.split("/")) {
    if (!group.groups.has(name)) group.groups.set(name, emptyGroup());
    group = group.groups.get(name)!;
  }
  return group;
}

const dataset = (dtype: DType, shape: number[], data: TypedArray): H5Dataset => ({ dtype, shape, data });

describe.skipIf(!python)(`Python reads our files${python ? "" : " (skipped: KERAS_TS_PYTHON is not set)"}`, () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "keras-ts-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function inPython(root: H5Group, script: string): Promise<unknown> {
    const path = join(folder, "model.weights.h5");
    writeFileSync(path, await writeH5(root));
    const env = { ...process.env, KERAS_BACKEND: "jax" };
    return JSON.parse(execFileSync(python!, ["-c", script, path], { env }).toString().split("\n").at(-2)!);
  }

  it("h5py sees the dtypes, scalars, texts and layouts of Keras's own files", async () => {
    const root = emptyGroup();
    const vars = at(root, "layers/dense/vars");
    vars.attributes.set("name", "dichte_ä");
    vars.datasets.set("float32", dataset("float32", [1, 2], Float32Array.of(1.5, -2)));
    vars.datasets.set("float16", dataset("float16", [1], Uint16Array.of(float16Bits(0.1))));
    vars.datasets.set("bfloat16", dataset("bfloat16", [2], Uint16Array.of(0x3fc0, 0xc000)));
    vars.datasets.set("float64", dataset("float64", [], Float64Array.of(Math.PI)));
    vars.datasets.set("int64", dataset("int64", [], BigInt64Array.of(-(2n ** 63n))));
    vars.datasets.set("uint32", dataset("uint32", [1], Uint32Array.of(4294967295)));
    vars.datasets.set("int8", dataset("int8", [1], Int8Array.of(-128)));
    vars.datasets.set("bool", dataset("bool", [2], Uint8Array.of(1, 0)));
    vars.datasets.set("empty", dataset("float32", [0, 4], new Float32Array(0)));
    for (let i = 0; i < 500; i++) at(root, `layers/dense_${i}/vars`).attributes.set("name", `layer ${i}`);
    const seen = await inPython(
      root,
      `import h5py, json, sys, ml_dtypes, numpy as np
f = h5py.File(sys.argv[1], "r")
v = f["layers/dense/vars"]
def show(d):
    a = np.array(d, dtype=ml_dtypes.bfloat16) if d.attrs.get("dtype") == "bfloat16" else d[()]
    return [str(a.dtype), list(a.shape), np.ravel(a).astype(object).tolist(), d.chunks]
name = h5py.h5a.open(v.id, b"name").get_type()
print(json.dumps({
    "name": v.attrs["name"], "variable": name.is_variable_str(), "utf8": name.get_cset() == h5py.h5t.CSET_UTF8,
    "padding": name.get_strpad() == h5py.h5t.STR_NULLTERM,
    "groups": len(f["layers"]), "last": f["layers/dense_499/vars"].attrs["name"],
    **{k: show(v[k]) for k in v}}, default=float))`,
    );
    expect(seen).toEqual({
      name: "dichte_ä",
      variable: true,
      utf8: true,
      padding: true,
      groups: 501,
      last: "layer 499",
      float32: ["float32", [1, 2], [1.5, -2], null],
      float16: ["float16", [1], [0.0999755859375], null], // 0.1 rounded to 11 bits: 1638 / 16384
      bfloat16: ["bfloat16", [2], [1.5, -2], null],
      float64: ["float64", [], [Math.PI], null],
      int64: ["int64", [], [-(2 ** 63)], null],
      uint32: ["uint32", [1], [4294967295], null],
      int8: ["int8", [1], [-128], null],
      bool: ["bool", [2], [true, false], null],
      empty: ["float32", [0, 4], [], null],
    });
  });

  it("Keras loads them as weights, float16 and bfloat16 included", async () => {
    const root = emptyGroup();
    at(root, "vars").attributes.set("name", "sequential");
    for (const [group, dtype, kernel] of [
      ["dense", "float32", Float32Array.of(1, 2, 3, 4)],
      ["dense_1", "float16", Uint16Array.of(float16Bits(0.5), float16Bits(-2))],
      ["dense_2", "bfloat16", Uint16Array.of(0x3fc0)],
    ] as const) {
      const vars = at(root, `layers/${group}/vars`);
      vars.attributes.set("name", group);
      const shape = { dense: [2, 2], dense_1: [2, 1], dense_2: [1, 1] }[group];
      const bias = dtype === "float32" ? new Float32Array(shape[1]!) : new Uint16Array(shape[1]!);
      vars.datasets.set("0", dataset(dtype, shape, kernel));
      vars.datasets.set("1", dataset(dtype, [shape[1]!], bias));
    }
    const weights = await inPython(
      root,
      `import keras, json, sys, numpy as np
D = keras.layers.Dense
m = keras.Sequential([keras.Input((2,)), D(2), D(1, dtype="float16"), D(1, dtype="bfloat16")])
m.load_weights(sys.argv[1])
print(json.dumps([[w.dtype, np.array(w, "float64").tolist()] for w in m.weights]))`,
    );
    expect(weights).toEqual([
      [
        "float32",
        [
          [1, 2],
          [3, 4],
        ],
      ],
      ["float32", [0, 0]],
      ["float16", [[0.5], [-2]]],
      ["float16", [0]],
      ["bfloat16", [[1.5]]],
      ["bfloat16", [0]],
    ]);
  });
});
