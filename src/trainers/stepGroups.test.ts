import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Callback } from "../callbacks/callback.ts";
import { EarlyStopping, LambdaCallback } from "../callbacks/index.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model } from "../models/model.ts";
import { setRandomSeed } from "../random/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { GROUP_SIZE, listensToBatches, StepGroups } from "./stepGroups.ts";

beforeAll(registerAllBuiltins);
beforeEach(() => setRandomSeed(11));

describe("steps are grouped", () => {
  it("after a while, when many light ones are left, to the end", () => {
    let left = 400;
    const groups = new StepGroups(1, () => left);
    const sizes: number[] = [];
    while (left > 0) {
      const size = Math.min(groups.next(1e6), left);
      sizes.push(size);
      groups.count(size);
      left -= size;
    }
    expect(sizes.slice(0, 64).every((s) => s === 1)).toBe(true);
    expect(sizes.slice(64).every((s) => s === GROUP_SIZE)).toBe(true);
    expect(sizes.reduce((a, b) => a + b)).toBe(400);
  });

  it("not when steps are heavy or unknown, few, or asked for one by one or in other numbers", () => {
    const warmedUp = (groups: StepGroups): StepGroups => {
      for (let i = 0; i < 100; i++) groups.count(1);
      return groups;
    };
    expect(warmedUp(new StepGroups(1, () => 1000)).next(1e9)).toBe(1);
    expect(warmedUp(new StepGroups(1, () => 1000)).next(null)).toBe(1);
    expect(warmedUp(new StepGroups(1, () => 100)).next(1e6)).toBe(1);
    expect(warmedUp(new StepGroups(1, null)).next(1e6)).toBe(1);
    expect(warmedUp(new StepGroups(5, () => 1000)).next(1e6)).toBe(5);
  });

  it("not when a callback listens between batches", () => {
    const base = Callback.prototype;
    expect(listensToBatches([new EarlyStopping(), new LambdaCallback({ onEpochEnd: () => undefined })], base)).toBe(
      false,
    );
    expect(listensToBatches([new LambdaCallback({ onTrainBatchEnd: () => undefined })], base)).toBe(true);
  });
});

describe("a training in groups", () => {
  const count = 1501;
  const data = Float32Array.from({ length: count * 3 }, (_, i) => Math.sin(i * i));
  const x = tensor(data, [count, 3]);
  const y = tensor(Int32Array.from({ length: count }, (_, i) => (data[3 * i]! > data[3 * i + 1]! ? 1 : 0)));

  async function train(callbacks: object[]): Promise<{ history: object; weights: number[] }> {
    setRandomSeed(3);
    const inputs = Input({ shape: [3] });
    const hidden = layers.Dropout(0.2)(layers.Dense(6, { activation: "relu" })(inputs));
    const model = Model({ inputs, outputs: layers.Dense(2, { activation: "softmax" })(hidden) });
    model.compile({ optimizer: "adam", loss: "sparse_categorical_crossentropy", metrics: ["accuracy"] });
    const { history } = await model.fit(x, y, { verbose: 0, batchSize: 4, epochs: 2, callbacks: callbacks as never });
    const weights = await Promise.all(model.getWeights().map((w: Tensor) => w.data()));
    return { history, weights: weights.flatMap((w) => Array.from(w as Float32Array)) };
  }

  it("gives the numbers of one step after another, random layers and the last small batch included", async () => {
    const seen: number[] = [];
    const oneByOne = await train([{ onTrainBatchEnd: (batch: number) => void seen.push(batch) }]);
    expect(seen.length).toBe(2 * Math.ceil(count / 4));
    const grouped = await train([]);
    grouped.weights.forEach((w, i) => {
      expect(w).toBeCloseTo(oneByOne.weights[i]!, 5);
    });
    expect(JSON.stringify(grouped.history)).toMatch(/"accuracy"/);
    for (const [name, values] of Object.entries(oneByOne.history as Record<string, number[]>)) {
      values.forEach((v, i) => {
        expect((grouped.history as Record<string, number[]>)[name]![i]).toBeCloseTo(v, 5);
      });
    }
    expect((await train([])).weights).toEqual(grouped.weights);
  });

  it("tells the progress bar of every batch", async () => {
    const written: string[] = [];
    const { platform, setPlatform } = await import("../core/platform.ts");
    const own = platform();
    setPlatform({ ...own, terminal: { columns: 80, interactive: true, write: (text) => void written.push(text) } });
    try {
      const inputs = Input({ shape: [3] });
      const model = Model({ inputs, outputs: layers.Dense(2, { activation: "softmax" })(inputs) });
      model.compile({ optimizer: "sgd", loss: "sparse_categorical_crossentropy" });
      await model.fit(x, y, { batchSize: 4 });
    } finally {
      setPlatform(own);
    }
    expect(written.join("")).toContain("376/376");
  });
});
