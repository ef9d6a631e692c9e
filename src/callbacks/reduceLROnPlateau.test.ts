import { beforeAll, describe, expect, it, vi } from "vitest";
import * as optimizers from "../optimizers/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { callbackFixture, camelKeys, data, drive, printedBy, regressor, series } from "../testing/callbackCases.ts";
import { EarlyStopping, ReduceLROnPlateau } from "./index.ts";

beforeAll(registerAllBuiltins);

const { plateaus } = callbackFixture<{
  plateaus: {
    options: Record<string, unknown>;
    series: number;
    states: [rate: number, wait: number, cooldown: number, best: string][];
    logged: number[];
    text: string;
  }[];
}>();

describe("ReduceLROnPlateau", () => {
  it.each(plateaus)("$options on series $series acts and prints as Keras's", async (expected) => {
    const optimizer = optimizers.SGD(0.1);
    const callback = drive(ReduceLROnPlateau({ verbose: 1, ...camelKeys(expected.options) }), { optimizer });
    const states: unknown[] = [];
    const logged: (number | undefined)[] = [];
    const text = await printedBy(async () => {
      callback.onTrainBegin();
      for (const [epoch, value] of series[expected.series]!.entries()) {
        const logs: Record<string, number> = { loss: 5, val_loss: value };
        await callback.onEpochEnd(epoch, logs);
        logged.push(logs.learning_rate);
        states.push([await optimizer.learningRate.item(), callback.wait, callback.cooldownCounter, callback.best]);
      }
    });
    const best = (text: string): number | null => (text === "nan" ? Number.NaN : Number(text));
    expect(states).toEqual(expected.states.map(([rate, wait, cooldown, b]) => [rate, wait, cooldown, best(b)]));
    expect(logged).toEqual(expected.logged);
    expect(text).toBe(expected.text);
  });

  it("makes the next epoch learn slower, beside another callback that watches", async () => {
    const model = regressor(optimizers.SGD(0.1));
    const slower = ReduceLROnPlateau({ monitor: "loss", mode: "max", patience: 1, factor: 0.5, minLr: 0.03 });
    const stop = EarlyStopping({ monitor: "loss", mode: "max", patience: 4 });
    const { history } = await model.fit(data.x, data.y, { verbose: 0, epochs: 9, callbacks: [slower, stop] });
    // The loss falls, and larger is better: nothing ever improves.
    expect(history.learning_rate!.map((rate) => rate.toFixed(3))).toEqual([
      "0.100",
      "0.100",
      "0.050",
      "0.030",
      "0.030",
    ]);
  });

  it("warns once a run when the log is not there, and goes on", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const callback = ReduceLROnPlateau({ monitor: "val_los" });
    const { history } = await regressor("sgd").fit(data.x, data.y, { verbose: 0, epochs: 3, callbacks: callback });
    expect(history.learning_rate!.length).toBe(3);
    expect(warn.mock.calls).toEqual([
      ['ReduceLROnPlateau: `monitor` is "val_los", which is not logged. Available: loss, mae, learning_rate'],
    ]);
    warn.mockRestore();
  });

  it("says what is wrong", async () => {
    const make = (options: object) => () => ReduceLROnPlateau(options);
    expect(make({ mode: "lower" })).toThrow(
      'ReduceLROnPlateau: expected `mode` to be "auto", "min" or "max". Received: "lower"',
    );
    expect(make({ factor: 1 })).toThrow(
      "ReduceLROnPlateau: expected `factor`, by which the rate is multiplied, to be at least 0 and below 1. Received: 1",
    );
    expect(make({ patience: -1 })).toThrow("expected `patience` to be a number of epochs. Received: -1");
    expect(make({ minLr: "0" })).toThrow('expected `minLr` to be a number. Received: "0"');
    expect(make({ minLR: 0 })).toThrow('unknown option `minLR`. Did you mean "minLr"?');
    const run = (options: object, optimizer: optimizers.OptimizerLike) =>
      regressor(optimizer).fit(data.x, data.y, { verbose: 0, epochs: 3, callbacks: ReduceLROnPlateau(options) });
    await expect(run({ monitor: "learning_rate" }, "sgd")).rejects.toThrow(
      'ReduceLROnPlateau: cannot tell whether a larger "learning_rate" is better. Pass `mode: "min"` or `mode: "max"`',
    );
    const decay = optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5));
    await expect(run({ monitor: "loss", mode: "max", patience: 1 }, decay)).rejects.toThrow(
      "its learning rate is given by ExponentialDecay, so it cannot be set to a number",
    );
    const alone = drive(ReduceLROnPlateau(), { optimizer: null });
    await expect(alone.onEpochEnd(0, { val_loss: 1 })).rejects.toThrow(
      'ReduceLROnPlateau: model "driven" has no optimizer',
    );
  });
});
