/** Data that can be read once only: training ends with it, and no numbers are made up. */
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Dataset } from "../data/index.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Sequential } from "../models/sequential.ts";
import * as ops from "../ops/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";

beforeAll(registerAllBuiltins);

const quiet = { verbose: 0 } as const;
const [x, y] = [ops.ones([4, 2]), ops.ones([4, 1])];
let warnings: string[] = [];
beforeEach(() => {
  warnings = [];
  vi.spyOn(console, "warn").mockImplementation((text) => void warnings.push(text));
});
afterEach(() => void vi.restoreAllMocks());

function* three(): Generator<unknown> {
  for (let i = 0; i < 3; i++) yield [x, y];
}

function regressor(): Sequential {
  const model = Sequential([Input({ shape: [2] }), layers.Dense(1)]);
  model.compile({ optimizer: "sgd", loss: "mse" });
  return model;
}

describe("a generator that is used up", () => {
  it("ends training after the epochs that it had data for, and says how to have more", async () => {
    const model = regressor();
    const ends: number[] = [];
    const history = await model.fit(three(), null, {
      ...quiet,
      epochs: 3,
      callbacks: { onEpochEnd: (epoch) => void ends.push(epoch) },
    });
    expect([history.epoch, history.history.loss!.length, ends]).toEqual([[0], 1, [0]]);
    expect(Number(await model.optimizer!.iterations.array())).toBe(3);
    expect(warnings).toEqual([
      "fit: your input ran out of data; interrupting training after 1 of 3 epochs. A generator can be read only once: pass a " +
        "function that returns a new one for each epoch, a Dataset (with repeat() where it is too short), or a generator " +
        "without an end together with stepsPerEpoch",
    ]);
  });

  it("with stepsPerEpoch gives a short epoch, and then no more", async () => {
    const history = await regressor().fit(three(), null, { ...quiet, epochs: 4, stepsPerEpoch: 2 });
    expect(history.epoch).toEqual([0, 1]);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain("the data ran out after 1 of 2 steps of the epoch");
    expect(warnings[1]).toContain("interrupting training after 2 of 4 epochs");
    const even = await regressor().fit(three(), null, { ...quiet, epochs: 2, stepsPerEpoch: 3 });
    expect(even.epoch).toEqual([0]);
  });

  it("is noticed behind a function and a dataset too", async () => {
    const once = three();
    expect((await regressor().fit(() => once, null, { ...quiet, epochs: 3 })).epoch).toEqual([0]);
    const other = three();
    const dataset = Dataset.fromGenerator(() => other);
    expect((await regressor().fit(dataset, null, { ...quiet, epochs: 3 })).epoch).toEqual([0]);
    expect(warnings).toHaveLength(2);
  });

  it("validates once, and says that it does not from then on", async () => {
    const history = await regressor().fit(x, y, { ...quiet, epochs: 3, validationData: three() });
    expect([history.history.loss!.length, history.history.val_loss!.length]).toEqual([3, 1]);
    expect(warnings).toEqual([
      "fit (validationData): the data ran out; there is no validation from epoch 2 on. A generator can be read only once: pass " +
        "a function that returns a new one for each validation, or a Dataset",
    ]);
  });

  it("is refused by the next run", async () => {
    const model = regressor();
    const batches = three();
    await model.fit(batches, null, quiet);
    await expect(model.evaluate(batches, null, quiet)).rejects.toThrow(
      "the data is empty: it ended before it yielded a batch. A generator that was read to its end gives nothing more: make a new one",
    );
  });

  it("trains all epochs where a function makes a new one", async () => {
    const history = await regressor().fit(three, null, { ...quiet, epochs: 3, validationData: three });
    expect([history.epoch, history.history.val_loss!.length]).toEqual([[0, 1, 2], 3]);
    expect(warnings).toEqual([]);
  });
});
