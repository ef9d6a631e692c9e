import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model } from "../models/model.ts";
import { setRandomSeed } from "../random/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { tensor } from "../runtime/tensor.ts";
import { Callback, EarlyStopping, History, type Logs } from "./index.ts";

beforeAll(registerAllBuiltins);
beforeEach(() => setRandomSeed(3));

const x = tensor(
  Float32Array.from({ length: 40 }, (_, i) => Math.sin(i)),
  [20, 2],
);
const y = x.sum({ axis: 1, keepdims: true });

function regressor(): Model {
  const inputs = Input({ shape: [2] });
  const model = Model({ inputs, outputs: layers.Dense(1)(inputs) });
  model.compile({ optimizer: "sgd", loss: "mse", metrics: ["mae"] });
  return model;
}

/** Makes the loss as bad as can be after some epoch. */
class Spoiler extends Callback {
  readonly #after: number;
  constructor(after: number) {
    super();
    this.#after = after;
  }
  override async onEpochBegin(epoch: number): Promise<void> {
    if (epoch > this.#after) this.model.setWeights(this.model.getWeights().map((w) => w.add(100)));
  }
}

describe("callbacks in fit", () => {
  it("stop early and put the best weights back", async () => {
    const model = regressor();
    let best: unknown = null;
    const keep = {
      onEpochEnd: async (epoch: number) => {
        if (epoch === 2) best = await Promise.all(model.getWeights().map((w) => w.array()));
      },
    };
    const stop = EarlyStopping({ monitor: "loss", patience: 2, restoreBestWeights: true });
    const { history, epoch } = await model.fit(x, y, {
      epochs: 20,
      verbose: 0,
      callbacks: [new Spoiler(2), keep, stop],
    });
    expect(epoch).toEqual([0, 1, 2, 3, 4]);
    expect([stop.stoppedEpoch, stop.bestEpoch, stop.best]).toEqual([4, 2, history.loss![2]]);
    expect(await Promise.all(model.getWeights().map((w) => w.array()))).toEqual(best);
  });

  it("find the direction of a metric of the model", async () => {
    const stop = EarlyStopping({ monitor: "val_mae", patience: 50 });
    const history = await regressor().fit(x, y, { epochs: 3, verbose: 0, validationSplit: 0.5, callbacks: stop });
    expect(stop.best).toBe(Math.min(...history.history.val_mae!));
  });

  it("see hooks in Keras's order", async () => {
    const calls: string[] = [];
    const record =
      (name: string) =>
      (...args: [number | Logs, Logs?]): void => {
        calls.push(typeof args[0] === "number" ? `${name} ${args[0]}` : name);
      };
    const own = new History();
    const names = ["onTrainBegin", "onTrainEnd", "onEpochBegin", "onEpochEnd", "onTrainBatchBegin", "onTrainBatchEnd"];
    const tests = ["onTestBegin", "onTestEnd", "onTestBatchBegin", "onTestBatchEnd"];
    const hooks = Object.fromEntries([...names, ...tests].map((name) => [name, record(name)]));
    const result = await regressor().fit(x, y, {
      epochs: 1,
      batchSize: 10,
      verbose: 0,
      validationData: [x, y],
      callbacks: [hooks, own],
    });
    expect(result).toBe(own);
    // The order of keras/src/backend/jax/trainer.py, `fit`.
    expect(calls).toEqual([
      "onTrainBegin",
      "onEpochBegin 0",
      "onTrainBatchBegin 0",
      "onTrainBatchEnd 0",
      "onTrainBatchBegin 1",
      "onTrainBatchEnd 1",
      "onTestBegin",
      "onTestBatchBegin 0",
      "onTestBatchEnd 0",
      "onTestBatchBegin 1",
      "onTestBatchEnd 1",
      "onTestEnd",
      "onEpochEnd 0",
      "onTrainEnd",
    ]);
  });
});
