/** Weights in the layout of Keras 1 and 2, in files that h5py and real Keras made. */
import { fileURLToPath } from "node:url";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { resetNames } from "../core/names.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { type Model, Sequential } from "../models/index.ts";
import type { Config } from "../ops/operation.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { deserializeObject } from "../serialization/serialize.ts";
import { decode, type EncodedArray, loadFixtureBytes } from "../testing/fixtures.ts";

interface Facts {
  readonly config: Config;
  readonly weights: readonly { readonly path: string; readonly value: EncodedArray }[];
}

const facts = JSON.parse(new TextDecoder().decode(loadFixtureBytes("h5/legacy_weights.json"))) as Facts;
const pathOf = (file: string): string => fileURLToPath(new URL(`../../test/fixtures/h5/${file}`, import.meta.url));
const theirs = (): Model => deserializeObject(facts.config) as Model;

beforeAll(registerAllBuiltins);
beforeEach(resetNames);

describe("old .h5 files", () => {
  it.each(["legacy_model.h5", "legacy_weights.h5"])("%s gives each layer its weights by order", async (file) => {
    for (const trainable of [true, false]) {
      const model = theirs();
      model.trainable = trainable;
      await model.loadWeights(pathOf(file));
      expect(model.weights.map((weight) => weight.path)).toEqual(facts.weights.map(({ path }) => path));
      for (const [i, weight] of model.weights.entries()) {
        expect([...(await weight.data())]).toEqual([...decode(facts.weights[i]!.value).data]);
      }
    }
  });

  it("can be matched by the names of layers, others keep what they have", async () => {
    const model = Sequential([
      Input({ shape: [48] }),
      layers.Dense(2, { name: "head" }),
      layers.Dense(3, { name: "other", kernelInitializer: "zeros" }),
    ]);
    await model.loadWeights(pathOf("legacy_weights.h5"), { byName: true });
    const stored = facts.weights.find(({ path }) => path === "head/kernel")!;
    expect([...(await model.weights[0]!.data())]).toEqual([...decode(stored.value).data]);
    expect(await model.weights[2]!.array()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it("of another architecture are refused whole, naming what does not fit", async () => {
    const short = Sequential([Input({ shape: [48] }), layers.Dense(2)], { name: "short" });
    await expect(short.loadWeights(pathOf("legacy_model.h5"))).rejects.toThrow(
      /model "short": the model has 1 layers with weights, the file 4\. Nothing was assigned.*`byName: true`/,
    );
    const other = () =>
      Sequential(
        [Input({ shape: [48] }), layers.Dense(5, { name: "head" }), layers.LayerNormalization({ name: "bn" })],
        { name: "other" },
      );
    const model = other();
    const before = await model.weights[0]!.array();
    await expect(model.loadWeights(pathOf("legacy_model.h5"), { byName: true })).rejects.toThrow(
      /"head": weight "other\/head\/kernel" has shape \(48, 5\), the one in the file \(48, 2\)[\s\S]*"bn": it has 2 weights \(gamma, beta\), "bn" in the file has 4[\s\S]*Nothing was assigned/,
    );
    expect(await model.weights[0]!.array()).toEqual(before);
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    await model.loadWeights(pathOf("legacy_model.h5"), { byName: true, skipMismatch: true });
    expect(warned.mock.calls.join()).toContain("What does not fit keeps its values");
    expect(await model.weights[0]!.array()).toEqual(before);
    warned.mockRestore();
  });

  it("and new ones are told apart", async () => {
    await expect(theirs().loadWeights(pathOf("keras.weights.h5"), { byName: true })).rejects.toThrow(
      "`byName` is for files in the old .h5 layout",
    );
  });
});
