/** Every archive that real Keras made opens here with the same predictions and state, trains on alike, and can be saved again. */
import { readdirSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { resetNames } from "../../src/core/names.ts";
import { registerAllBuiltins } from "../../src/registerBuiltins.ts";
import { readArchive } from "../../src/saving/archive.ts";
import { type H5Group, readH5 } from "../../src/saving/h5/h5File.ts";
import { loadModel, modelFromJson } from "../../src/saving/savingApi.ts";
import { loadFixture, loadFixtureBytes } from "../../src/testing/fixtures.ts";
import { type ArchiveFacts, checkModel, compareVariables } from "../interop/archiveFacts.ts";

const FOLDER = new URL("../fixtures/keras/", import.meta.url);
const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".keras"))
  .map((file) => file.replace(".keras", ""));

beforeAll(registerAllBuiltins);
beforeEach(resetNames);

/** Python numbers shared objects by their address; which dtype policies are one object is nobody's business. */
const withoutIds = (json: string): unknown =>
  JSON.parse(json, (key, value) => (key === "shared_object_id" ? undefined : value));
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** Every group and dataset as one line: path, attributes, shape, dtype, bytes. */
function describeTree(group: H5Group, path = ""): string[] {
  const lines = [`${path}/ ${JSON.stringify([...group.attributes].sort())}`];
  for (const [name, { shape, dtype, data }] of group.datasets) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex");
    lines.push(`${path}/${name} (${shape.join(", ")}) ${dtype} ${bytes}`);
  }
  for (const [name, child] of group.groups) lines.push(...describeTree(child, `${path}/${name}`));
  return lines.sort();
}

describe.each(NAMES)("%s.keras", (name) => {
  const bytes = loadFixtureBytes(`keras/${name}.keras`);
  const facts = loadFixture<ArchiveFacts>(`keras/${name}`);

  it("predicts, holds its state and trains on as in Keras", async () => {
    const done = await checkModel(await loadModel(bytes), facts);
    expect(done).toContain("weights");
  });

  it("is saved again with the same config and the same weight file", async () => {
    const again = await (await loadModel(bytes)).toBytes();
    const [theirs, ours] = [readArchive(bytes, "theirs"), readArchive(again, "ours")];
    expect([...ours.keys()]).toEqual(["metadata.json", "config.json", "model.weights.h5"]);
    expect(withoutIds(text(ours.get("config.json")))).toEqual(withoutIds(text(theirs.get("config.json"))));
    const weights = [ours, theirs].map((files) => readH5(files.get("model.weights.h5")!, "weights"));
    const [mine, expected] = (await Promise.all(weights)).map((tree) => describeTree(tree));
    expect(mine).toEqual(expected);
    const { keras_version, date_saved } = JSON.parse(text(ours.get("metadata.json")));
    expect(keras_version).toMatch(/^3\./);
    expect(date_saved).toMatch(/^\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d$/);
  });

  it("loads without compiling when asked to", async () => {
    const model = await loadModel(bytes, { compile: false });
    expect(model.compiled).toBe(false);
    expect(model.optimizer).toBeNull();
    await compareVariables("weights", model.weights, facts.weights);
  });
});

describe("configs", () => {
  const { cases } = loadFixture<{ cases: Record<string, { config: Record<string, unknown> }> }>("configs");

  it.each(Object.entries(cases))("%s: a model made from the config has that config", (_, { config }) => {
    const model = modelFromJson(JSON.stringify(config));
    const again = JSON.parse(model.toJson());
    expect(again).toEqual(config);
  });
});
