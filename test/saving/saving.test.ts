/** Saving and loading by path, and the words of every refusal. */
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { SerializationError } from "../../src/core/errors.ts";
import { resetNames } from "../../src/core/names.ts";
import { setPlatform } from "../../src/core/platform.ts";
import { Dense, Input, Layer } from "../../src/layers/index.ts";
import { Model } from "../../src/models/model.ts";
import { Sequential } from "../../src/models/sequential.ts";
import * as ops from "../../src/ops/index.ts";
import { browserPlatform } from "../../src/platform/browser.ts";
import { nodePlatform } from "../../src/platform/node.ts";
import { registerAllBuiltins } from "../../src/registerBuiltins.ts";
import { type Tensor, tensor } from "../../src/runtime/tensor.ts";
import { readArchive, writeArchive } from "../../src/saving/archive.ts";
import { loadModel, loadWeights, modelFromJson, weightsToBytes } from "../../src/saving/savingApi.ts";
import { loadFixtureBytes } from "../../src/testing/fixtures.ts";

let folder: string;
beforeAll(async () => {
  registerAllBuiltins();
  folder = await mkdtemp(join(tmpdir(), "keras-saving-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(resetNames);

const at = (name: string): string => join(folder, name);
const refusal = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return (error as Error).message;
};

function mlp(hidden = 6) {
  const x = Input({ shape: [8], name: "features" });
  const h = Dense(hidden, { activation: "relu", name: "hidden" })(x);
  return Model({ inputs: x, outputs: Dense(4, { name: "logits" })(h), name: "small_mlp" });
}
const rows = tensor(Array.from({ length: 3 }, (_, i) => Array.from({ length: 8 }, (_, j) => Math.sin(i * 8 + j))));
const predict = async (model: { predict: ReturnType<typeof mlp>["predict"] }) =>
  (await model.predict(rows, { verbose: 0 })).array();

/** An archive of real Keras with another text as its config, or with its config changed. */
function withConfig(change: string | ((config: string) => string), name = "mlp_adam"): Uint8Array {
  const files = readArchive(loadFixtureBytes(`keras/${name}.keras`), name);
  const config = typeof change === "string" ? change : change(new TextDecoder().decode(files.get("config.json")));
  return writeArchive([...files].map(([entry, bytes]) => [entry, entry === "config.json" ? strToU8(config) : bytes]));
}

describe("save and loadModel", () => {
  it("go through a file, and leave nothing else in the folder", async () => {
    const model = mlp();
    await model.save(at("a.keras"));
    await model.save(at("a.keras"));
    const again = await loadModel(at("a.keras"));
    expect(await predict(again)).toEqual(await predict(model));
    expect(again.compiled).toBe(false);
    expect(await readdir(folder)).toEqual(["a.keras"]);
  });

  it("keep a model of one's own classes, its loss function and optimizer, given their names", async () => {
    function myLoss(yTrue: Tensor, yPred: Tensor): Tensor {
      return ops.mean(ops.square(ops.subtract(yTrue, yPred)), { axis: -1 });
    }
    class Block extends Layer {
      inner = Dense(5, { name: "inner" });
      override call(x: Tensor): Tensor {
        return this.inner(x);
      }
    }
    class Net extends Model {
      block = new Block();
      heads = [Dense(3), Dense(2)];
      override call(x: Tensor): Tensor {
        return this.heads.reduce((y, head) => head(y), this.block(x));
      }
    }
    const model = new Net();
    model.compile({ optimizer: "adam", loss: myLoss as never });
    await model.fit(
      rows,
      tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      { epochs: 2, verbose: 0 },
    );
    const bytes = await model.toBytes();
    const again = await loadModel(bytes, { customObjects: { Net, Block, myLoss } as never });
    expect(again).toBeInstanceOf(Net);
    expect(await predict(again)).toEqual(await predict(model));
    const state = (m: typeof again) => Promise.all(m.optimizer!.variables.map((v) => v.array()));
    expect(await state(again)).toEqual(await state(model as never));
    const message = await refusal(loadModel(bytes, { customObjects: { Net, Block } as never }));
    expect(message).toMatch(
      /config\.json: compile_config\.loss: unknown function "myLoss"\..*customObjects: \{ myLoss \}/,
    );
  });

  it("refuse other endings, unknown options and files that are to stay", async () => {
    const model = mlp();
    expect(await refusal(model.save(at("a.h5")))).toMatch(/must end in "\.keras"\. The old HDF5 format is not written/);
    expect(await refusal(model.save(at("a.txt")))).toMatch(/must end in "\.keras"\. Received: ".*a\.txt"/);
    expect(await refusal(model.save(at("a.keras"), { overwrit: true } as never))).toMatch(/Did you mean "overwrite"/);
    await model.save(at("b.keras"));
    expect(await refusal(model.save(at("b.keras"), { overwrite: false }))).toMatch(
      /b\.keras exists\..*overwrite: true/,
    );
  });

  it("leave the old file when a save fails", async () => {
    const model = mlp();
    await model.save(at("kept.keras"));
    const before = await readFile(at("kept.keras"));
    // Something that no file can hold: an activation without a name.
    const x = Input({ shape: [8] });
    const [activation] = [(t: unknown) => t];
    const bad = Model({ inputs: x, outputs: Dense(2, { activation } as never)(x) });
    expect(await refusal(bad.save(at("kept.keras")))).toMatch(/a function without a name/);
    expect(await readFile(at("kept.keras"))).toEqual(before);
    expect(await refusal(model.save(at("no/such/folder/a.keras")))).toMatch(/the folder .*folder does not exist/);
  });

  it.skipIf(process.getuid?.() === 0)("say that a folder is not writable", async () => {
    await chmod(folder, 0o500);
    try {
      expect(await refusal(mlp().save(at("c.keras")))).toMatch(/no permission/);
    } finally {
      await chmod(folder, 0o700);
    }
  });

  it("warn about an unbuilt model, which has no weights to save", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const model = Sequential([Dense(3), Dense(2)]);
    const again = await loadModel(await model.toBytes());
    expect(warn.mock.calls[0]![0]).toMatch(/"sequential" is not built/);
    expect(again.built).toBe(false);
    warn.mockRestore();
  });
});

describe("in a browser", () => {
  it("paths are refused with what to do instead, and bytes work", async () => {
    setPlatform(browserPlatform);
    try {
      const model = mlp();
      expect(await refusal(model.save("m.keras"))).toMatch(/no files in browsers\..*model\.toBytes\(\)/);
      expect(await refusal(loadModel("m.keras"))).toMatch(/no files in browsers\..*fetch\(url\)/);
      const bytes = await model.toBytes();
      const again = await loadModel(bytes.slice().buffer as ArrayBuffer);
      await loadWeights(again, bytes);
      expect(await predict(again)).toEqual(await predict(model));
    } finally {
      setPlatform(nodePlatform);
    }
  });
});

describe("loadModel refuses", () => {
  const archive = loadFixtureBytes("keras/mlp_adam.keras");

  it.each<[string, () => Uint8Array, RegExp]>([
    ["an empty file", () => new Uint8Array(), /not an accessible zip archive.*an empty file/],
    ["text", () => strToU8("hello, I am a model"), /not an accessible zip archive.*text starting "hello/],
    ["a page", () => strToU8("<!DOCTYPE html><p>404"), /an HTML or XML page \(a failed download\?\)/],
    ["a cut file", () => archive.slice(0, archive.length - 300), /damaged or cut short/],
    ["a changed byte", () => archive.map((b, i) => (i === 3000 ? b ^ 1 : b)), /do not match their checksum/],
    ["weights alone", () => loadFixtureBytes("h5/keras.weights.h5"), /an HDF5 file: .*Convert it once in Python/],
    [
      "another zip",
      () => zipSync({ "a.txt": strToU8("a"), "b.txt": strToU8("b") }),
      /not of a Keras model: it has no config\.json\. It holds: a\.txt, b\.txt/,
    ],
    ["no weights", () => zipSync({ "config.json": strToU8("{}") }), /has no model\.weights\.h5/],
    [
      "npz weights",
      () => zipSync({ "config.json": strToU8("{}"), "model.weights.npz": strToU8("") }),
      /model\.weights\.npz are not read/,
    ],
    ["no JSON", () => withConfig("{"), /config\.json: not readable as JSON/],
    ["another JSON", () => withConfig('{"a": 1}'), /expected the description of a model/],
    [
      "a layer",
      () => withConfig('{"module": "keras.layers", "class_name": "Flatten", "config": {}, "registered_name": null}'),
      /it describes no model\. Received: Flatten/,
    ],
    [
      "bad weights",
      () => writeArchive([...readArchive(archive, "a")].map(([n, b]) => [n, n.endsWith("h5") ? b.slice(0, 900) : b])),
      /model\.weights\.h5: .*damaged or cut short/,
    ],
  ])("%s", async (_, bytes, words) => {
    const message = await refusal(loadModel(bytes()));
    expect(message).toMatch(/^loadModel: /);
    expect(message).toMatch(words);
  });

  it("a missing file, by its path", async () => {
    expect(await refusal(loadModel(at("nowhere.keras")))).toMatch(/cannot read .*nowhere\.keras: it does not exist/);
    expect(await refusal(loadModel(7 as never))).toMatch(/expected a path or the bytes of a file\. Received: 7/);
    expect(await refusal(loadModel(at("x"), { custom: {} } as never))).toMatch(/unknown option `custom`/);
  });

  it("a class it does not know, with its place and how to pass it", async () => {
    class Squeeze extends Dense {}
    const x = Input({ shape: [8] });
    const inner = Model({ inputs: x, outputs: new Squeeze(3, { name: "mine" })(x), name: "inner" });
    const y = Input({ shape: [8] });
    const bytes = await Model({ inputs: y, outputs: Dense(2)(inner(y)), name: "outer" }).toBytes();
    const message = await refusal(loadModel(bytes));
    expect(message).toMatch(
      /^loadModel: config\.json: config\.layers\[1\]\.config\.layers\[1\]: unknown class "Squeeze"\. It is not part of Keras/,
    );
    expect(message).toMatch(/customObjects: \{ Squeeze \}, or call registerKerasSerializable\(Squeeze\) before/);
    const model = await loadModel(bytes, { customObjects: { Squeeze: Squeeze as never } });
    expect((model.getLayer("inner") as typeof inner).getLayer("mine")).toBeInstanceOf(Squeeze);
  });

  it("a Lambda with Python code, with and without safeMode", async () => {
    const code = '{"class_name": "__lambda__", "config": {"code": "4wEA", "defaults": null, "closure": null}}';
    const lambda = (config: string): string => config.replace(/"activation": "relu"/, `"activation": ${code}`);
    for (const safeMode of [true, false]) {
      const message = await refusal(loadModel(withConfig(lambda), { safeMode }));
      expect(message).toMatch(/config\.layers\[1\]\.config\.activation: the file holds a Python lambda/);
      expect(message).toMatch(/customObjects: \{ "hidden": \(x\) => … \}/);
    }
    const model = await loadModel(withConfig(lambda), { customObjects: { hidden: ((x: unknown) => x) as never } });
    expect(model.getLayer("hidden").name).toBe("hidden");
  });
});

describe("saveWeights and loadWeights", () => {
  it("go through a file, and take the weights of an archive as well", async () => {
    const [one, two, three] = [mlp(), mlp(), mlp()];
    await one.saveWeights(at("w.weights.h5"));
    await two.loadWeights(at("w.weights.h5"));
    await one.save(at("w.keras"));
    await three.loadWeights(at("w.keras"));
    for (const model of [two, three]) expect(await predict(model)).toEqual(await predict(one));
    expect(await refusal(one.saveWeights(at("w.h5")))).toMatch(/must end in "\.weights\.h5"/);
  });

  it("name layer and shapes of another architecture, and change nothing", async () => {
    const model = mlp(7);
    const before = await predict(model);
    const message = await refusal(loadWeights(model, await weightsToBytes(mlp(6))));
    expect(message).toMatch(/weights of another architecture than model "small_mlp": 2 of 4 objects do not fit/);
    expect(message).toMatch(
      /"hidden" \(Dense, at layers\/dense\): .*"hidden\/kernel".*Expected \(8, 7\)\. Received: \(8, 6\)/,
    );
    expect(message).toMatch(/"logits" \(Dense, at layers\/dense_1\)/);
    expect(await predict(model)).toEqual(before);
  });

  it("refuse missing files, other formats and unbuilt models", async () => {
    expect(await refusal(mlp().loadWeights(at("no.weights.h5")))).toMatch(/no\.weights\.h5: it does not exist/);
    await writeFile(at("text.weights.h5"), "hello");
    expect(await refusal(mlp().loadWeights(at("text.weights.h5")))).toMatch(/not an HDF5 file/);
    const unbuilt = Sequential([Dense(2)]);
    expect(await refusal(unbuilt.loadWeights(at("w.weights.h5")))).toMatch(/"sequential" is not built/);
    expect(await refusal(unbuilt.saveWeights(at("u.weights.h5")))).toMatch(/is not built, so it has no weights/);
  });
});

describe("modelFromJson", () => {
  it("makes the architecture with fresh weights", () => {
    const model = mlp();
    const again = modelFromJson(model.toJson());
    expect(again.toJson()).toBe(model.toJson());
    expect(() => modelFromJson("[]")).toThrow(SerializationError);
  });
});
