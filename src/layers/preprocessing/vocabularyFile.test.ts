/** Vocabularies in files against real Keras: test/fixtures/text_preprocessing.json. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { resetNames } from "../../core/names.ts";
import { setPlatform } from "../../core/platform.ts";
import { Sequential } from "../../models/index.ts";
import { browserPlatform } from "../../platform/browser.ts";
import { nodePlatform } from "../../platform/node.ts";
import { registerAllBuiltins } from "../../registerBuiltins.ts";
import { tensor } from "../../runtime/tensor.ts";
import { loadModel, saveModel } from "../../saving/index.ts";
import type { Config } from "../../serialization/registry.ts";
import { deserializeObject } from "../../serialization/serialize.ts";
import { loadFixture } from "../../testing/fixtures.ts";
import * as layers from "../index.ts";
import { CLASSES } from "../index.ts";

interface Case {
  readonly class: "StringLookup" | "IntegerLookup" | "TextVectorization";
  readonly text: string;
  readonly args: Config;
  readonly vocabulary: unknown;
  readonly config: Config;
  readonly inputs: string[] | number[];
  readonly output: { shape: number[]; dtype: string; values: unknown[] };
}

const cases = loadFixture<{ vocabulary_files: readonly Case[] }>("text_preprocessing").vocabulary_files;

describe("a vocabulary in a file", () => {
  registerAllBuiltins();
  let folder = "";
  let path = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "keras-ts-"));
    path = join(folder, "terms.txt");
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach(resetNames);
  afterEach(() => setPlatform(nodePlatform));
  const words = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };

  it.each(cases)("of a $class with $args", async ({ class: name, text, args, vocabulary, config, inputs, output }) => {
    for (const lines of [text, text.replaceAll("\n", "\r\n")]) {
      resetNames();
      writeFileSync(path, lines);
      const layer = CLASSES[name]!.fromConfig!({ ...args, vocabulary: path }) as layers.StringLookup;
      expect(layer.getVocabulary()).toEqual(vocabulary);
      expect(layer.getConfig()).toEqual(config);
      const result = layer(inputs as string[]);
      expect([result.shape, (await result.array()) as unknown[]].flat(9)).toEqual(
        [output.shape, output.values].flat(9),
      );
    }
  });

  it("is no longer needed once the model is saved", async () => {
    writeFileSync(path, "the\ncat\n");
    const model = Sequential([
      layers.Input({ shape: [1], dtype: "string" }),
      layers.TextVectorization({ vocabulary: path }),
    ]);
    const archive = join(folder, "model.keras");
    await saveModel(model, archive);
    rmSync(path);
    const again = (await loadModel(archive)) as typeof model;
    const texts = tensor([["The cat"], ["a dog"]]); // biome-ignore format: short
    expect(await (await again.predict(texts)).array()).toEqual([[2, 3], [1, 1]]); // biome-ignore format: short
  });

  it("may be set later, and is not adapted", async () => {
    writeFileSync(path, "b\na");
    const lookup = layers.StringLookup();
    lookup.setVocabulary(path);
    expect(lookup.getVocabulary()).toEqual(["[UNK]", "b", "a"]);
    const vectorize = layers.TextVectorization();
    vectorize.setVocabulary(path);
    expect(vectorize.getVocabulary()).toEqual(["", "[UNK]", "b", "a"]);
    await expect(layers.StringLookup({ vocabulary: path }).adapt(["c"])).rejects.toThrow("its vocabulary was given");
  });

  it("says what is wrong", () => {
    const lookup = (text: string, options: layers.StringLookupOptions = {}): string => {
      writeFileSync(path, text);
      return words(() => layers.StringLookup({ vocabulary: path, ...options }));
    };
    expect(lookup("b\n\na\n")).toContain(`Received: an empty line, number 2 of ${path}. Remove it`);
    expect(lookup("")).toContain("the vocabulary is empty. Received: the empty file");
    expect(lookup("b\na\nb\n")).toContain('Repeated: "b"');
    expect(lookup("b", { outputMode: "tf_idf", idfWeights: [1] })).toContain("which a file of terms has not");
    writeFileSync(path, "12\nx1\n");
    expect(words(() => layers.IntegerLookup({ vocabulary: path }))).toContain(
      `expected integers. Received: "x1" as line 2 of ${path}`,
    );
    expect(words(() => layers.StringLookup({ vocabulary: join(folder, "none.txt") }))).toContain(
      "none.txt: it does not exist. Check the path",
    );
    const config = {
      module: "keras.layers",
      class_name: "StringLookup",
      config: { vocabulary: path },
      registered_name: null,
    };
    expect(words(() => deserializeObject(config))).toContain(
      "a config must not open files. If you trust it, pass `safeMode: false`",
    );
    expect((deserializeObject(config, { safeMode: false }) as layers.StringLookup).vocabularySize()).toBe(3);
    expect(words(() => layers.IntegerLookup({ vocabularyDtype: "int32" as never }))).toContain(
      'expected `vocabularyDtype` to be one of "int64". Received: vocabularyDtype="int32"',
    );
    setPlatform(browserPlatform);
    expect(words(() => layers.TextVectorization({ vocabulary: "words.txt" }))).toContain(
      'there are no files in a browser. Fetch its text, `await (await fetch(url)).text()`, and pass the lines: `vocabulary: text.trimEnd().split("\\n")`',
    );
  });
});
