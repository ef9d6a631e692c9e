/** Vocabularies in `.keras` files: where Keras looks for them, and back. */
import { beforeEach, describe, expect, it } from "vitest";
import * as keras from "../node.ts";
import { readArchive, writeArchive } from "./archive.ts";

const { layers } = keras;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function model() {
  const input = keras.Input({ shape: [1], dtype: "string" });
  const id = keras.Input({ shape: [1], dtype: "int64" });
  const words = layers.TextVectorization({ outputMode: "tf_idf", name: "words" });
  await words.adapt(["a b", "a c"]);
  const terms = layers.StringLookup({ name: "terms" });
  await terms.adapt(["é", "b", "é"]);
  const given = layers.StringLookup({ vocabulary: ["x", "y"], name: "given" });
  const ids = layers.IntegerLookup({ outputMode: "one_hot", name: "ids" });
  await ids.adapt([3, 3, 5]);
  return keras.Model({ inputs: [input, id], outputs: [words(input), terms(input), given(input), ids(id)] });
}

describe("vocabularies in files", () => {
  beforeEach(() => keras.utils.clearSession());

  it("lie under assets and the layer's path; given ones are in the config", async () => {
    const files = readArchive(await (await model()).toBytes(), "test");
    const assets = [...files].filter(([name]) => name.startsWith("assets/"));
    expect(Object.fromEntries(assets.map(([name, bytes]) => [name, text(bytes)]))).toEqual({
      "assets/layers/text_vectorization/vocabulary.txt": "[UNK]\na\nc\nb",
      "assets/layers/text_vectorization/_lookup_layer/vocabulary.txt": "[UNK]\na\nc\nb",
      "assets/layers/string_lookup/vocabulary.txt": "[UNK]\né\nb",
      "assets/layers/integer_lookup/vocabulary.txt": "-1\n3\n5",
    });
    expect(text(files.get("config.json")!)).toContain('"vocabulary": ["x", "y"]');
  });

  it("come back, with the weights of terms", async () => {
    const before = await model();
    const after = await keras.models.loadModel(await before.toBytes());
    const vocabulary = (m: keras.Model<unknown>, name: string): unknown =>
      (m.getLayer(name) as unknown as { getVocabulary(): unknown }).getVocabulary();
    for (const name of ["words", "terms", "given", "ids"]) {
      expect(vocabulary(after, name)).toEqual(vocabulary(before, name));
    }
    const x = [
      ["a a b", "é", "x"],
      [3, 4, 5],
    ];
    const numbers = async (m: keras.Model<unknown>): Promise<unknown> =>
      Promise.all(((await m.predict(x, { verbose: 0 })) as unknown as keras.Tensor[]).map((t) => t.array()));
    expect(await numbers(after)).toEqual(await numbers(before));
  });

  it("say which layer they do not fit", async () => {
    const files = readArchive(await (await model()).toBytes(), "test");
    files.set("assets/layers/string_lookup/vocabulary.txt", new TextEncoder().encode("[UNK]\na\nb\na"));
    await expect(keras.models.loadModel(writeArchive([...files]))).rejects.toThrow(
      /assets\/layers\/string_lookup does not fit "terms" \(StringLookup\): .*every term of a vocabulary may occur once\. Repeated: "a"/,
    );
  });

  it("refuse terms that a line cannot hold", async () => {
    const lines = layers.TextVectorization({ split: "character", standardize: (s: string) => s });
    const characters = layers.TextVectorization({ split: "character", standardize: null, name: "characters" });
    await characters.adapt(["a\nb"]);
    expect(lines.split).toBe("character");
    const input = keras.Input({ shape: [1], dtype: "string" });
    const broken = keras.Model({ inputs: input, outputs: characters(input) });
    await expect(broken.toBytes()).rejects.toThrow(/the term "\\n" has a line break, and files hold one term per line/);
    const kept = layers.TextVectorization({
      split: "character",
      standardize: null,
      vocabulary: characters.getVocabulary(),
    });
    const again = await keras.models.loadModel(await keras.Model({ inputs: input, outputs: kept(input) }).toBytes());
    expect(await (await again.predict(["a\nb"], { verbose: 0 })).array()).toEqual(await characters(["a\nb"]).array());
  });
});
