import { afterEach, describe, expect, it, vi } from "vitest";
import { platform, setPlatform } from "../core/platform.ts";
import type { Trainer } from "../trainers/trainer.ts";
import { EarlyStopping, type EarlyStoppingOptions } from "./index.ts";

afterEach(() => vi.restoreAllMocks());

/** A model whose weights are the number of the epoch. */
class FakeModel {
  stopTraining = false;
  weights: unknown = null;
  getWeights = (): unknown => this.weights;
  setWeights = (weights: unknown): void => {
    this.weights = weights;
  };
  metricDirections = (): Record<string, "min" | "max"> => ({ accuracy: "max", error: "min" });
}

function run(callback: EarlyStopping, values: readonly number[], log = "val_loss"): FakeModel {
  const model = new FakeModel();
  callback.setModel(model as unknown as Trainer);
  callback.onTrainBegin();
  for (const [epoch, value] of values.entries()) {
    model.weights = epoch;
    callback.onEpochEnd(epoch, { [log]: value });
    if (model.stopTraining) break;
  }
  callback.onTrainEnd();
  return model;
}

const SERIES = [
  [1, 0.9, 0.95, 0.8, 0.85, 0.84, 0.83, 0.7],
  [0.6, 0.55, 0.52, 0.51, 0.49, 0.7, 0.8, 0.9],
  [1, 1, 1, 1, 1, 1, 1, 1],
  [0.1, 0.2, 0.3, 0.25, 0.26, 0.4, 0.1, 0.1],
  [Number.NaN, 1, Number.NaN, 0.5, 0.6, 0.7, 0.8, 0.9],
];

// [stopped epoch, best epoch, wait, weights at the end] for each series, from Keras 3.15.1 driven the same way.
const KERAS: [EarlyStoppingOptions, number[][]][] = [
  [
    { patience: 0 },
    [
      [2, 1, 1, 2],
      [5, 4, 1, 5],
      [1, 0, 1, 1],
      [1, 0, 1, 1],
      [1, 0, 1, 1],
    ],
  ],
  [
    { patience: 2 },
    [
      [5, 3, 2, 5],
      [6, 4, 2, 6],
      [2, 0, 2, 2],
      [2, 0, 2, 2],
      [2, 0, 2, 2],
    ],
  ],
  [
    { patience: 1, minDelta: 0.1 },
    [
      [1, 0, 1, 1],
      [1, 0, 1, 1],
      [1, 0, 1, 1],
      [1, 0, 1, 1],
      [1, 0, 1, 1],
    ],
  ],
  [
    { patience: 2, baseline: 0.5 },
    [
      [2, 1, 3, 2],
      [6, 4, 2, 6],
      [1, 0, 2, 1],
      [2, 0, 2, 2],
      [1, 0, 2, 1],
    ],
  ],
  [
    { patience: 1, restoreBestWeights: true },
    [
      [2, 1, 1, 1],
      [5, 4, 1, 4],
      [1, 0, 1, 0],
      [1, 0, 1, 0],
      [1, 0, 1, 0],
    ],
  ],
  [
    { patience: 1, startFromEpoch: 3, restoreBestWeights: true },
    [
      [4, 3, 1, 3],
      [5, 4, 1, 4],
      [4, 3, 1, 3],
      [4, 3, 1, 3],
      [4, 3, 1, 3],
    ],
  ],
  [
    { patience: 1, mode: "max", restoreBestWeights: true },
    [
      [1, 0, 1, 0],
      [1, 0, 1, 0],
      [1, 0, 1, 0],
      [3, 2, 1, 2],
      [1, 0, 1, 0],
    ],
  ],
  [
    { patience: 3, baseline: 0.05, restoreBestWeights: true },
    [
      [2, 1, 3, 1],
      [5, 4, 6, 4],
      [2, 0, 3, 0],
      [2, 0, 3, 0],
      [2, 0, 3, 0],
    ],
  ],
  [
    { patience: 2, mode: "max", minDelta: -0.15 },
    [
      [2, 0, 2, 2],
      [2, 0, 2, 2],
      [2, 0, 2, 2],
      [4, 2, 2, 4],
      [2, 0, 2, 2],
    ],
  ],
];

describe("EarlyStopping", () => {
  it.each(KERAS)("%j acts as Keras's", (options, expected) => {
    const results = SERIES.map((values) => {
      const callback = EarlyStopping(options);
      const model = run(callback, values);
      return [callback.stoppedEpoch, callback.bestEpoch, callback.wait, model.weights];
    });
    expect(results).toEqual(expected);
  });

  it("can be used for another run", () => {
    const callback = new EarlyStopping({ patience: 1 });
    for (let i = 0; i < 2; i++) {
      run(callback, [1, 2, 3]);
      expect([callback.stoppedEpoch, callback.best, callback.bestEpoch]).toEqual([1, 1, 0]);
    }
    expect(run(callback, [3, 2, 1]).stopTraining).toBe(false);
    expect(callback.stoppedEpoch).toBe(0);
  });

  it("asks the metric which direction is better", () => {
    const best = (monitor: string) => {
      const callback = EarlyStopping({ monitor, patience: 9 });
      run(callback, [1, 3, 2], monitor);
      return callback.best;
    };
    expect(["val_accuracy", "accuracy", "val_error", "loss"].map(best)).toEqual([3, 3, 1, 1]);
    expect(() => best("val_surprise")).toThrow(
      'EarlyStopping: cannot tell whether a larger "val_surprise" is better. Pass `mode: "min"` or `mode: "max"`',
    );
  });

  it("says what it does when asked", () => {
    const usual = platform();
    const written: string[] = [];
    setPlatform({ ...usual, terminal: { columns: null, interactive: false, write: (text) => written.push(text) } });
    run(EarlyStopping({ patience: 1, verbose: 1, restoreBestWeights: true }), [2, 1, 3]);
    setPlatform(usual);
    expect(written).toEqual([
      "Epoch 3: early stopping\n",
      "Restoring model weights from the end of the best epoch: 2.\n",
    ]);
  });

  it("warns once when the log is not there, naming the nearest", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const model = run(EarlyStopping({ monitor: "val_acuracy", mode: "max" }), [1, 0, 0], "val_accuracy");
    expect(model.stopTraining).toBe(false);
    expect(warn.mock.calls).toEqual([
      [
        'EarlyStopping: `monitor` is "val_acuracy", which is not logged. Did you mean "val_accuracy"? Available: val_accuracy',
      ],
    ]);
  });

  it.each<[object, string]>([
    [{ mode: "maximum" }, 'EarlyStopping: expected `mode` to be "auto", "min" or "max". Received: "maximum"'],
    [{ patience: -1 }, "EarlyStopping: expected `patience` to be a number of epochs. Received: -1"],
    [{ startFromEpoch: Number.NaN }, "expected `startFromEpoch` to be a number of epochs. Received: NaN"],
    [{ minDelta: "0.1" }, 'EarlyStopping: expected `minDelta` to be a number. Received: "0.1"'],
    [{ baseline: Number.NaN }, "EarlyStopping: expected `baseline` to be a number. Received: NaN"],
    [{ min_delta: 1 }, 'EarlyStopping: unknown option `min_delta`. Did you mean "minDelta"?'],
  ])("refuses %j", (options, words) => {
    expect(() => EarlyStopping(options as EarlyStoppingOptions)).toThrow(words);
  });
});
