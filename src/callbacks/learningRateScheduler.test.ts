import { beforeAll, describe, expect, it } from "vitest";
import * as optimizers from "../optimizers/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import {
  callbackFixture,
  data,
  drive,
  expectRun,
  fitLike,
  printedBy,
  type RecordedRun,
  regressor,
  roughly,
} from "../testing/callbackCases.ts";
import { type EpochSchedule, LearningRateScheduler } from "./index.ts";

beforeAll(registerAllBuiltins);

const { scheduled } = callbackFixture<{
  scheduled: (RecordedRun & { schedule: string; optimizer: "sgd" | "adam" })[];
}>();

const SCHEDULES: Readonly<Record<string, EpochSchedule>> = {
  "rate * 0.5 from epoch 1": (epoch, rate) => (epoch < 1 ? rate : rate * 0.5),
  "0.1 / (epoch + 1)": (epoch) => 0.1 / (epoch + 1),
  "1e-5 or 0.125": (epoch) => (epoch % 2 ? 1e-5 : 0.125),
};

describe("LearningRateScheduler", () => {
  it.each(scheduled)("$schedule with $optimizer trains, logs and prints as Keras's", async (expected) => {
    const model = regressor(expected.optimizer);
    const callback = LearningRateScheduler(SCHEDULES[expected.schedule]!, { verbose: 1 });
    const text = await printedBy(async () => {
      await expectRun(model, await fitLike(model, expected.fit, { callbacks: callback }), expected);
    });
    expect(roughly(text)).toBe(roughly(expected.text));
    // The rates that are set are the same to the last digit; only what was a float32 before is compared above.
    if (expected.schedule !== "rate * 0.5 from epoch 1") expect(text).toBe(expected.text);
  });

  it("is silent by itself, and changes the rate of a wrapped optimizer", async () => {
    const inner = optimizers.SGD(0.5);
    const model = regressor(optimizers.LossScaleOptimizer(inner));
    const text = await printedBy(() =>
      fitLike(model, {}, { callbacks: new LearningRateScheduler({ schedule: () => 0.25 }) }),
    );
    expect(text).toBe("");
    expect(await inner.learningRate.item()).toBe(0.25);
  });

  it("says what is wrong", async () => {
    expect(() => LearningRateScheduler(0.1 as never)).toThrow(
      "LearningRateScheduler: expected `schedule` to be a function of the epoch and the learning rate, such as " +
        "(epoch, rate) => (epoch < 10 ? rate : rate * 0.9). Received: 0.1",
    );
    expect(() => LearningRateScheduler(() => 1, { verbos: 1 } as never)).toThrow('Did you mean "verbose"?');
    const train = (schedule: EpochSchedule, optimizer: optimizers.OptimizerLike = "sgd") =>
      regressor(optimizer).fit(data.x, data.y, { verbose: 0, callbacks: LearningRateScheduler(schedule) });
    await expect(train((() => undefined) as never)).rejects.toThrow(
      "LearningRateScheduler: expected `schedule` to return the learning rate of epoch 0 (counted from 0), a number. " +
        "Received: undefined",
    );
    await expect(train(() => Number.NaN)).rejects.toThrow("a number. Received: NaN");
    const decay = optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5));
    await expect(train(() => 0.1, decay)).rejects.toThrow("its learning rate is given by ExponentialDecay");
    const alone = drive(
      LearningRateScheduler(() => 1),
      { optimizer: null },
    );
    await expect(alone.onEpochBegin(0)).rejects.toThrow(
      'LearningRateScheduler: model "driven" has no optimizer. Pass one to compile: model.compile({ optimizer: "adam", … })',
    );
  });
});
