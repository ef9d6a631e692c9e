import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { loadModel } from "../models/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import {
  callbackFixture,
  camelKeys,
  data,
  drive,
  inBrowser,
  printedBy,
  regressor,
  series,
} from "../testing/callbackCases.ts";
import { type Logs, ModelCheckpoint, type ModelCheckpointOptions } from "./index.ts";

beforeAll(registerAllBuiltins);

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keras-ts-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const { checkpoints } = callbackFixture<{
  checkpoints: {
    filepath: string;
    options: Record<string, unknown>;
    series: number;
    batches: number[];
    events: ["save" | "save_weights", string][];
    best: string[];
    text: string;
  }[];
}>();

const weightsOf = async (model: { getWeights(): { array(): Promise<unknown> }[] }): Promise<unknown[]> =>
  Promise.all(model.getWeights().map((w) => w.array()));

describe("ModelCheckpoint", () => {
  it.each(checkpoints)("to $filepath with $options on series $series saves and prints as Keras's", async (expected) => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const events: [string, string][] = [];
    const best: string[] = [];
    const prefix = `${folder}/`;
    const note = (what: string) => async (path: string) => void events.push([what, path.replace(prefix, "")]);
    const options = camelKeys<ModelCheckpointOptions>(expected.options);
    const callback = drive(ModelCheckpoint(prefix + expected.filepath, options), {
      save: note("save"),
      saveWeights: note("save_weights"),
    });
    const text = await printedBy(async () => {
      while (best.length < expected.best.length) {
        callback.onTrainBegin();
        for (const [epoch, value] of series[expected.series]!.entries()) {
          callback.onEpochBegin(epoch);
          for (const batch of expected.batches)
            await callback.onTrainBatchEnd(batch, { loss: value + batch, acc: 0.5 });
          await callback.onEpochEnd(epoch, { loss: 5, acc: 0.5, val_loss: value });
          best.push(String(callback.best));
        }
      }
    });
    expect(events).toEqual(expected.events);
    const asNumber = (value: string): number | null => (value === "None" ? null : Number(value));
    expect(best).toEqual(expected.best.map((value) => String(asNumber(value))));
    expect(text.replaceAll(prefix, "")).toBe(expected.text);
  });

  it("writes models that load, with names made of logs, into folders that it makes", async () => {
    const model = regressor("adam");
    const all = ModelCheckpoint(join(folder, "all", "{epoch:02d}-{val_loss:.2f}.keras"));
    const seen: unknown[] = [];
    const watch = { onEpochEnd: async () => void seen.push(await weightsOf(model)) };
    const { history } = await model.fit(data.x, data.y, {
      verbose: 0,
      epochs: 2,
      validationSplit: 0.25,
      callbacks: [all, watch],
    });
    const names = readdirSync(join(folder, "all"));
    expect(names).toEqual(history.val_loss!.map((loss, i) => `0${i + 1}-${loss.toFixed(2)}.keras`));
    for (const [i, name] of names.entries()) {
      const loaded = await loadModel(join(folder, "all", name));
      expect(await weightsOf(loaded)).toEqual(seen[i]);
      expect(await loaded.optimizer!.iterations.item()).toBe(i + 1); // one step an epoch;
    }
  });

  it("keeps the weights of the best epoch, by the direction of the metric", async () => {
    const model = regressor("sgd");
    const path = join(folder, "best.weights.h5");
    const best = ModelCheckpoint({ filepath: path, monitor: "mae", saveBestOnly: true, saveWeightsOnly: true });
    let kept: unknown = null;
    const spoil = {
      onEpochEnd: async (epoch: number) => {
        if (epoch === 1) kept = await weightsOf(model);
        if (epoch > 0) model.setWeights(model.getWeights().map((w) => w.add(5)));
      },
    };
    const { history } = await model.fit(data.x, data.y, { verbose: 0, epochs: 4, callbacks: [best, spoil] });
    expect(best.best).toBe(history.mae![1]);
    await model.loadWeights(path);
    expect(await weightsOf(model)).toEqual(kept);
  });

  it("saves within epochs, and leaves steps in groups where it does not", async () => {
    const path = join(folder, "{epoch}-{batch}.weights.h5");
    const every = ModelCheckpoint(path, { saveFreq: 2, saveWeightsOnly: true });
    await regressor("sgd").fit(data.x, data.y, { verbose: 0, batchSize: 8, epochs: 2, callbacks: every });
    expect(readdirSync(folder).sort()).toEqual(["1-2.weights.h5", "2-1.weights.h5", "2-3.weights.h5"]);
    const { prototype } = ModelCheckpoint;
    expect(ModelCheckpoint("a.keras").onTrainBatchEnd).toBe(prototype.onTrainBatchEnd);
    expect(every.onTrainBatchEnd).not.toBe(prototype.onTrainBatchEnd);
  });

  it("warns once when there is nothing to compare, and saves all the same", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const path = join(folder, "m.keras");
    const callbacks = ModelCheckpoint(path, { saveBestOnly: true });
    await regressor("sgd").fit(data.x, data.y, { verbose: 0, epochs: 2, callbacks });
    expect(warn.mock.calls).toEqual([
      [
        'ModelCheckpoint: `monitor` is "val_loss", which is not logged. Available: loss, mae. ' +
          "The model is saved whether or not it got better",
      ],
    ]);
    expect(existsSync(path)).toBe(true);
  });

  it.each<[string, object, string]>([
    [
      "m.h5",
      {},
      'expected `filepath` to end in ".keras". Received: "m.h5". The old HDF5 format is not written; `saveWeightsOnly: true` writes .weights.h5.',
    ],
    ["m", {}, 'expected `filepath` to end in ".keras". Received: "m"'],
    [
      "m.keras",
      { saveWeightsOnly: true },
      'expected `filepath` to end in ".weights.h5", for `saveWeightsOnly` is on. Received: "m.keras"',
    ],
    ["m.keras", { mode: "largest" }, 'expected `mode` to be "auto", "min" or "max". Received: "largest"'],
    [
      "m.keras",
      { saveFreq: "batch" },
      'expected `saveFreq` to be "epoch" or a number of batches from 1. Received: "batch"',
    ],
    ["m.keras", { saveFreq: 0 }, "a number of batches from 1. Received: 0"],
    ["m.keras", { savebestonly: true }, 'unknown option `savebestonly`. Did you mean "saveBestOnly"?'],
    ["", {}, 'expected `filepath` to be a path. Received: ""'],
  ])("refuses %o with %o", (path, options, words) => {
    expect(() => ModelCheckpoint(path, options)).toThrow(words);
  });

  it("says in the run what cannot be done", async () => {
    const run = (name: string, options: ModelCheckpointOptions = {}) =>
      regressor("sgd").fit(data.x, data.y, {
        verbose: 0,
        callbacks: ModelCheckpoint(join(folder, name), options),
      });
    await expect(run("{epoch}-{val_los:.2f}.keras")).rejects.toThrow(
      `ModelCheckpoint: \`filepath\`: cannot fill the placeholders of ${JSON.stringify(join(folder, "{epoch}-{val_los:.2f}.keras"))}: ` +
        'there is no "val_los". There are: epoch, loss, mae',
    );
    await expect(run("{loss:02d}.keras")).rejects.toThrow(
      "{loss:02d}: `:02d` is no format of a number with a fraction",
    );
    const rate = {
      onEpochEnd: (_: number, logs: Logs) => {
        logs.learning_rate = 1;
      },
    };
    const best = ModelCheckpoint(join(folder, "a.keras"), { monitor: "learning_rate", saveBestOnly: true });
    await expect(regressor("sgd").fit(data.x, data.y, { verbose: 0, callbacks: [rate, best] })).rejects.toThrow(
      'ModelCheckpoint: cannot tell whether a larger "learning_rate" is better. Pass `mode: "min"` or `mode: "max"`',
    );
    mkdirSync(join(folder, "folder.keras"));
    await expect(run("folder.keras")).rejects.toThrow("it is a folder. Name a file inside of it.");
    expect(() => inBrowser(() => ModelCheckpoint("m.keras"))).toThrow(
      "ModelCheckpoint: there are no files in browsers. Keep the bytes instead: { onEpochEnd: async () => keep(await model.toBytes()) }",
    );
  });
});
