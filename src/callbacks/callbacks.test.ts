import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Platform, platform, setPlatform } from "../core/platform.ts";
import type { Trainer } from "../trainers/trainer.ts";
import {
  Callback,
  CallbackList,
  History,
  LambdaCallback,
  type LambdaHooks,
  type Logs,
  ProgbarLogger,
} from "./index.ts";

const model = { name: "fake" } as unknown as Trainer;
const PARAMS = { verbose: 0, epochs: 2, steps: 3 };
const list = (given: ConstructorParameters<typeof CallbackList>[1], more: { addProgbar?: boolean } = {}) =>
  new CallbackList("fit", given, model, { addHistory: true, addProgbar: false, params: PARAMS, ...more });

const HOOKS = [
  ["onTrainBegin", false],
  ["onTrainEnd", false],
  ["onEpochBegin", true],
  ["onEpochEnd", true],
  ["onTrainBatchBegin", true],
  ["onTrainBatchEnd", true],
  ["onTestBegin", false],
  ["onTestEnd", false],
  ["onTestBatchBegin", true],
  ["onTestBatchEnd", true],
  ["onPredictBegin", false],
  ["onPredictEnd", false],
  ["onPredictBatchBegin", true],
  ["onPredictBatchEnd", true],
] as const;

describe("Callback", () => {
  it("does nothing by itself, and knows its model once it is part of a run", async () => {
    class Mine extends Callback {}
    const mine = new Mine();
    expect(() => mine.model).toThrow("Mine: the callback is not part of a run yet; pass it to fit");
    expect(() => History().model).toThrow("History: the callback is not part of a run yet");
    const all = list(mine);
    expect(mine.model).toBe(model);
    expect(mine.params).toEqual(PARAMS);
    all.setParams({ ...PARAMS, steps: 7 });
    expect(mine.params.steps).toBe(7);
    for (const [hook, indexed] of HOOKS) await (indexed ? all.runAt(hook, 0) : all.run(hook, {}));
  });

  it("is called on batches by the short names too, unless the long one is overridden", async () => {
    const calls: string[] = [];
    class Short extends Callback {
      override onBatchBegin(batch: number): void {
        calls.push(`begin ${batch}`);
      }
      override onBatchEnd(batch: number, logs: Logs): void {
        calls.push(`end ${batch} ${logs.loss}`);
      }
    }
    class Long extends Short {
      override onTrainBatchEnd(): void {
        calls.push("long");
      }
    }
    const all = list([new Short(), new Long()]);
    await all.runAt("onTrainBatchBegin", 4);
    await all.runAt("onTrainBatchEnd", 4, { loss: 1 });
    await all.runAt("onTestBatchEnd", 4, { loss: 1 });
    expect(calls).toEqual(["begin 4", "begin 4", "end 4 1", "long"]);
  });
});

describe("LambdaCallback", () => {
  it.each(HOOKS)("runs %s", async (hook, indexed) => {
    const spy = vi.fn();
    const all = list({ [hook]: spy } as LambdaHooks);
    await (indexed ? all.runAt(hook, 3, { loss: 2 }) : all.run(hook, { loss: 2 }));
    expect(spy.mock.calls).toEqual([indexed ? [3, { loss: 2 }] : [{ loss: 2 }]]);
    for (const [other, withIndex] of HOOKS)
      if (other !== hook) await (withIndex ? all.runAt(other, 0) : all.run(other, {}));
    expect(spy).toHaveBeenCalledTimes(1);
  });

  it("needs no new, and takes null for a hook that is not there", () => {
    expect(LambdaCallback({ onEpochEnd: null, onTrainEnd: undefined })).toBeInstanceOf(Callback);
    expect(new LambdaCallback()).toBeInstanceOf(LambdaCallback);
  });

  it("refuses hooks that nobody calls, naming the nearest", () => {
    expect(() => LambdaCallback({ onEpochEnded: () => undefined } as LambdaHooks)).toThrow(
      'LambdaCallback: unknown option `onEpochEnded`. Did you mean "onEpochEnd"?',
    );
    expect(() => list({ on_train_begin: () => undefined } as LambdaHooks)).toThrow('Did you mean "onTrainBegin"?');
    expect(() => LambdaCallback({ onEpochEnd: 5 } as unknown as LambdaHooks)).toThrow(
      "LambdaCallback: expected `onEpochEnd` to be a function. Received: 5",
    );
  });
});

describe("CallbackList", () => {
  it("runs callbacks in their order and waits for those that are async", async () => {
    const order: string[] = [];
    const slow: LambdaHooks = {
      onEpochEnd: async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        order.push("slow");
      },
    };
    const all = list([
      slow,
      [{ onEpochEnd: () => void order.push("nested") }],
      LambdaCallback({ onEpochEnd: () => void order.push("last") }),
    ]);
    await all.runAt("onEpochEnd", 0, { loss: 1 });
    expect(order).toEqual(["slow", "nested", "last"]);
    expect(all.history!.history).toEqual({ loss: [1] });
  });

  it("ends the run when a hook throws", async () => {
    const after = vi.fn();
    const all = list([{ onTrainBegin: () => Promise.reject(new Error("mine")) }, { onTrainBegin: after }]);
    await expect(all.run("onTrainBegin", {})).rejects.toThrow("mine");
    expect(after).not.toHaveBeenCalled();
  });

  it("adds a history and a progress bar at the end, unless they are given", () => {
    const kinds = (l: CallbackList) => l.callbacks.map((c) => (c.constructor as { className?: string }).className);
    expect(kinds(list(null, { addProgbar: true }))).toEqual(["History", "ProgbarLogger"]);
    const [bar, history] = [ProgbarLogger(), History()];
    const own = list([bar, history, {}], { addProgbar: true });
    expect(kinds(own)).toEqual(["ProgbarLogger", "History", "LambdaCallback"]);
    expect(own.history).toBe(history);
    const none = new CallbackList("predict", null, model, { addHistory: false, addProgbar: false, params: PARAMS });
    expect([none.callbacks, none.history]).toEqual([[], null]);
  });

  it.each<[unknown, string]>([
    [5, "fit: `callbacks` holds something that is no callback. Received: 5"],
    [[null], "no callback. Received: null"],
    [() => 0, "no callback. Received: function"],
    [History, "Received: function History; make an instance of it"],
  ])("refuses %o", (given, words) => {
    expect(() => list(given as Callback)).toThrow(TypeError);
    expect(() => list(given as Callback)).toThrow(words);
  });
});

describe("History", () => {
  it("keeps the logs of each epoch; another run adds to them, as in Keras", async () => {
    const history = new History();
    for (const run of [1, 2]) {
      const all = list(history);
      await all.run("onTrainBegin", {});
      await all.runAt("onEpochEnd", 0, { loss: run });
      await all.runAt("onEpochEnd", 1, { loss: run / 2, val_loss: 9 });
      await all.run("onTrainEnd", {});
    }
    expect(history.history).toEqual({ loss: [1, 0.5, 2, 1], val_loss: [9, 9] });
    expect(history.epoch).toEqual([0, 1]);
  });
});

describe("ProgbarLogger", () => {
  let usual: Platform;
  let text = "";
  let seconds = 0;
  const write = (part: string): void => {
    text += part;
  };

  beforeEach(() => {
    usual = platform();
    text = "";
    vi.spyOn(performance, "now").mockImplementation(() => 1000 * seconds++);
  });
  afterEach(() => {
    setPlatform(usual);
    vi.restoreAllMocks();
  });

  async function train(verbose: number, epochs: number, steps: number | null, interactive: boolean): Promise<string[]> {
    const terminal = { columns: 80, interactive, write };
    setPlatform({ ...usual, terminal });
    const all = new CallbackList("fit", null, model, {
      addHistory: false,
      addProgbar: true,
      params: { verbose, epochs, steps },
    });
    await all.run("onTrainBegin", {});
    for (let epoch = 0; epoch < epochs; epoch++) {
      await all.runAt("onEpochBegin", epoch);
      for (const batch of [0, 1, 2]) {
        await all.runAt("onTrainBatchEnd", batch, { loss: [4, 2, 1][batch]!, accuracy: batch / 2 });
      }
      await all.run("onTestBegin", {});
      await all.runAt("onTestBatchEnd", 0, { loss: 9 });
      await all.run("onTestEnd", { loss: 9 });
      await all.runAt("onEpochEnd", epoch, { loss: 1, accuracy: 1, val_loss: 9 });
    }
    await all.run("onTrainEnd", {});
    return plain(text);
  }

  /** Lines without styles, backspaces and times. */
  const plain = (raw: string): string[] =>
    raw
      // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are controlled by them
      .replace(/\x1b\[\d+m|\x08/g, "")
      .replace(/\d+(s|ms|us)(?=\/step| )/g, "T")
      .split(/[\n\r]/)
      .map((line) => line.trimEnd())
      .filter((line) => line !== "");

  // The lines are those of Keras 3.15.1's ProgbarLogger, driven through the same calls.
  const LAST = "loss: 1.0000 - accuracy: 1.0000 - val_loss: 9.0000";
  it("prints a line per epoch with verbose 2", async () => {
    expect(await train(2, 2, 3, false)).toEqual([
      "Epoch 1/2",
      `3/3 - T - T/step - ${LAST}`,
      "Epoch 2/2",
      `3/3 - T - T/step - ${LAST}`,
    ]);
  });

  it("draws a bar with verbose 1, showing logs as they are", async () => {
    expect(await train(1, 1, 3, true)).toEqual([
      "1/3 ━━━━━━━━━━━━━━━━━━━━ T T/step - loss: 4.0000 - accuracy: 0.0000e+00",
      "2/3 ━━━━━━━━━━━━━━━━━━━━ T T/step - loss: 2.0000 - accuracy: 0.5000",
      "3/3 ━━━━━━━━━━━━━━━━━━━━ T T/step - loss: 1.0000 - accuracy: 1.0000",
      `3/3 ━━━━━━━━━━━━━━━━━━━━ T T/step - ${LAST}`,
    ]);
  });

  it("learns the number of steps at the end of an epoch", async () => {
    expect((await train(2, 1, null, false)).at(-1)).toBe(`3/3 - T - T/step - ${LAST}`);
    text = "";
    const lines = await train(1, 1, null, true);
    expect(lines[0]).toBe("      1/Unknown T T/step - loss: 4.0000 - accuracy: 0.0000e+00");
    expect(lines.at(-1)).toBe(`3/3 ━━━━━━━━━━━━━━━━━━━━ T T/step - ${LAST}`);
  });

  it("is silent with verbose 0", async () => {
    expect(await train(0, 2, 3, true)).toEqual([]);
  });

  it("shows evaluation and prediction outside fit", async () => {
    setPlatform({ ...usual, terminal: { columns: null, interactive: false, write } });
    const bar = ProgbarLogger();
    bar.setParams({ verbose: 2, epochs: 1, steps: 1 });
    bar.onTestBegin();
    bar.onTestBatchEnd(0, { loss: 9 });
    bar.onTestEnd({ loss: 9 });
    bar.onPredictBegin();
    bar.onPredictBatchEnd(0);
    bar.onPredictEnd();
    expect(plain(text)).toEqual(["1/1 - T - T/step - loss: 9.0000", "1/1 - T - T/step"]);
  });
});
