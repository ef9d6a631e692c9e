/** What the trainer does around the numbers: data in all forms, callbacks' powers, stopping, and what bad input gets. */
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { LambdaCallback } from "../callbacks/index.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model } from "../models/model.ts";
import * as ops from "../ops/index.ts";
import { setRandomSeed } from "../random/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { KeyboardInterrupt } from "./runGuard.ts";

beforeAll(registerAllBuiltins);
beforeEach(() => setRandomSeed(7));

const quiet = { verbose: 0 } as const;

function classifier(): Model {
  const inputs = Input({ shape: [4], name: "features" });
  const hidden = layers.Dense(8, { activation: "relu" })(inputs);
  const model = Model({ inputs, outputs: layers.Dense(3, { name: "classes", activation: "softmax" })(hidden) });
  model.compile({ optimizer: "adam", loss: "sparse_categorical_crossentropy", metrics: ["accuracy"] });
  return model;
}

function regressor(): Model {
  const inputs = Input({ shape: [2] });
  const model = Model({ inputs, outputs: layers.Dense(1)(inputs) });
  model.compile({ optimizer: "sgd", loss: "mse" });
  return model;
}

/** n samples of four numbers, and labels that depend on them. */
function samples(n: number): { x: Tensor; y: Tensor } {
  const data = Float32Array.from({ length: n * 4 }, (_, i) => Math.sin(i * 1.7));
  const labels = Int32Array.from({ length: n }, (_, i) => (data[4 * i]! > 0.3 ? 2 : data[4 * i + 1]! > 0 ? 1 : 0));
  return { x: tensor(data, [n, 4]), y: tensor(labels, [n]) };
}

const weightsOf = async (model: Model): Promise<number[]> =>
  (await Promise.all(model.getWeights().map((w) => w.data()))).flatMap((w) => Array.from(w as Float32Array));

describe("data", () => {
  it("may be tensors, nested arrays, typed arrays, generators and functions that make them: all train alike", async () => {
    const { x, y } = samples(12);
    const rows = (await x.array()) as number[][];
    const labels = (await y.array()) as number[];
    const start = await classifier();
    const initial = start.getWeights();
    const options = { ...quiet, batchSize: 4, shuffle: false, epochs: 2 };
    const results: number[][] = [];
    function* batches(): Generator<unknown> {
      for (let i = 0; i < 12; i += 4) yield [rows.slice(i, i + 4), Int32Array.from(labels.slice(i, i + 4))];
    }
    async function* asyncBatches(): AsyncGenerator<unknown> {
      yield* batches();
    }
    const forms: [unknown, unknown, object][] = [
      [x, y, options],
      [rows, Int32Array.from(labels), options],
      [[x], [y], options],
      [{ features: x }, y, options],
      [batches, null, { ...quiet, epochs: 2 }],
      [asyncBatches, null, { ...quiet, epochs: 2 }],
    ];
    for (const [a, b, given] of forms) {
      const model = classifier();
      model.setWeights(initial);
      await model.fit(a as never, b as never, given);
      results.push(await weightsOf(model));
    }
    for (const result of results.slice(1)) expect(result).toEqual(results[0]);
  });

  it("ends with a smaller batch that counts as what it is", async () => {
    const { x, y } = samples(10);
    const sizes: number[] = [];
    const model = classifier();
    await model.fit(x, y, { ...quiet, batchSize: 4, callbacks: { onTrainBatchEnd: (i) => void sizes.push(i) } });
    expect(sizes).toEqual([0, 1, 2]);
    const whole = await model.evaluate(x, y, { ...quiet, batchSize: 10 });
    const parts = await model.evaluate(x, y, { ...quiet, batchSize: 4 });
    expect(parts[0]).toBeCloseTo(whole[0]!, 5);
    expect(parts[1]).toBeCloseTo(whole[1]!, 6);
    expect((await model.predict(x, { ...quiet, batchSize: 4 })).shape).toEqual([10, 3]);
  });

  it("repeats bit for bit with the same seed and differs with another, order of samples included", async () => {
    const { x, y } = samples(30);
    const run = async (seed: number): Promise<number[]> => {
      setRandomSeed(seed);
      const inputs = Input({ shape: [4] });
      const h = layers.Dropout(0.5)(layers.Dense(16, { activation: "relu" })(inputs));
      const model = Model({ inputs, outputs: layers.Dense(3, { activation: "softmax" })(h) });
      model.compile({ optimizer: "adam", loss: "sparse_categorical_crossentropy" });
      await model.fit(x, y, { ...quiet, batchSize: 8, epochs: 2 });
      return weightsOf(model);
    };
    const first = await run(3);
    expect(await run(3)).toEqual(first);
    expect(await run(4)).not.toEqual(first);
  });

  it("keeps the structure of the outputs in predict", async () => {
    const inputs = Input({ shape: [4] });
    const outputs = { a: layers.Dense(1)(inputs), b: [layers.Dense(2)(inputs)] };
    const model = Model({ inputs, outputs });
    const { x } = samples(5);
    const result = await model.predict(x, { ...quiet, batchSize: 2 });
    expect([result.a.shape, result.b[0]!.shape]).toEqual([
      [5, 1],
      [5, 2],
    ]);
    const direct = model(x);
    const [predicted, called] = [await result.a.data(), await direct.a.data()];
    for (const [i, value] of called.entries()) expect(predicted[i]).toBeCloseTo(value as number, 5);
  });

  it("trains on one batch at a time, and tests and predicts one", async () => {
    const { x, y } = samples(6);
    const model = classifier();
    const first = await model.trainOnBatch(x, y, { returnDict: true });
    expect(Object.keys(first)).toEqual(["accuracy", "loss"]);
    const tested = await model.testOnBatch(x, y);
    expect(tested[0]).toBeLessThan(first.loss!);
    expect((await model.predictOnBatch(x)).shape).toEqual([6, 3]);
  });
});

describe("the model while training", () => {
  it("leaves frozen weights alone, also when they are frozen after compile", async () => {
    const { x, y } = samples(8);
    const model = classifier();
    const dense = model.layers[1]!;
    dense.trainable = false;
    const before = await dense.weights[0]!.array();
    await model.fit(x, y, quiet);
    expect(await dense.weights[0]!.array()).toEqual(before);
    expect(model.trainableWeights.length).toBe(2);
  });

  it("does not go on when `trainable` is changed between two fits, until it is compiled again", async () => {
    const { x, y } = samples(8);
    const model = classifier();
    await model.fit(x, y, quiet);
    const dense = model.layers[1]!;
    dense.trainable = false;
    await expect(model.fit(x, y, quiet)).rejects.toThrow(
      /fit: `trainable` has changed since model .* first trained, for instance of ".*kernel".*call model\.compile\(…\) again/,
    );
    const before = await dense.weights[0]!.array();
    model.compile({ optimizer: "sgd", loss: "sparse_categorical_crossentropy" });
    await model.fit(x, y, quiet);
    expect(await dense.weights[0]!.array()).toEqual(before);
  });

  it("lets a callback stop it after the batch", async () => {
    const { x, y } = samples(16);
    const model = classifier();
    const seen: string[] = [];
    const stop = new LambdaCallback({
      onTrainBatchEnd: (batch) => {
        seen.push(`batch ${batch}`);
        if (batch === 1) model.stopTraining = true;
      },
      onEpochEnd: (epoch) => void seen.push(`epoch ${epoch}`),
      onTrainEnd: () => void seen.push("end"),
    });
    await model.fit(x, y, { ...quiet, batchSize: 4, epochs: 3, callbacks: [stop] });
    expect(seen).toEqual(["batch 0", "batch 1", "epoch 0", "end"]);
  });

  it("runs eagerly to the same numbers when asked to", async () => {
    const { x, y } = samples(8);
    const compiled = classifier();
    const eager = classifier();
    eager.compile({ optimizer: "adam", loss: "sparse_categorical_crossentropy", runEagerly: true });
    eager.setWeights(compiled.getWeights());
    const options = { ...quiet, batchSize: 4, shuffle: false };
    await compiled.fit(x, y, options);
    await eager.fit(x, y, options);
    const [a, b] = [await weightsOf(compiled), await weightsOf(eager)];
    for (const [i, value] of a.entries()) expect(b[i]).toBeCloseTo(value, 5);
  });

  it("stops between two steps when its signal aborts, and tells callbacks", async () => {
    const { x, y } = samples(64);
    const model = classifier();
    const controller = new AbortController();
    let ended = false;
    const run = model.fit(x, y, {
      ...quiet,
      batchSize: 4,
      epochs: 50,
      signal: controller.signal,
      callbacks: {
        onTrainBatchEnd: (batch) => {
          if (batch === 2) controller.abort(new Error("enough"));
        },
        onTrainEnd: () => {
          ended = true;
        },
      },
    });
    await expect(run).rejects.toThrow("enough");
    expect(ended).toBe(true);
    expect((await model.evaluate(x, y, quiet))[0]).toBeGreaterThan(0);
  });

  it("stops between two steps on Ctrl-C with weights that are whole", async () => {
    const { x, y } = samples(64);
    const model = classifier();
    const run = model.fit(x, y, {
      ...quiet,
      batchSize: 4,
      epochs: 1000,
      callbacks: { onTrainBatchEnd: (batch) => void (batch === 3 && process.emit("SIGINT")) },
    });
    await expect(run).rejects.toThrow(KeyboardInterrupt);
    await expect(run).rejects.toThrow("stopped by Ctrl-C between two steps");
    expect((await weightsOf(model)).every(Number.isFinite)).toBe(true);
    expect(process.listenerCount("SIGINT")).toBe(0);
  });

  it("stops a long prediction on Ctrl-C too, and does not listen for a short one", async () => {
    const { x } = samples(200);
    const model = classifier();
    await model.predict(x, {
      ...quiet,
      callbacks: { onPredictBatchEnd: () => expect(process.listenerCount("SIGINT")).toBe(0) },
    });
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 60));
    const run = model.predict(x, {
      ...quiet,
      batchSize: 10,
      callbacks: {
        onPredictBatchEnd: async (batch) => {
          await slow();
          if (batch === 2) process.emit("SIGINT");
        },
      },
    });
    await expect(run).rejects.toThrow("predict: stopped by Ctrl-C");
    expect(process.listenerCount("SIGINT")).toBe(0);
  });

  it("reports a NaN loss once, saying where", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const model = regressor();
    await model.fit(tensor([[Number.NaN, 1]]), tensor([[1]]), { ...quiet, epochs: 3 });
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toContain("the loss is NaN at batch 0 of epoch 1");
    warn.mockRestore();
  });

  it("takes a training step of the user's own, compiled like the built-in one", async () => {
    class Doubling extends Model {
      override trainStep(data: { x: unknown; y: unknown; sampleWeight: unknown }): Record<string, Tensor> {
        for (const w of this.trainableVariables) w.assign(ops.multiply(w.value, 2));
        return { count: ops.sum(data.x as Tensor) };
      }
    }
    const inputs = Input({ shape: [2] });
    const model = new Doubling({ inputs, outputs: layers.Dense(1, { kernelInitializer: "ones" })(inputs) });
    model.compile({ optimizer: "sgd", loss: "mse" });
    const history = await model.fit(tensor([[1, 2]]), tensor([[0]]), { ...quiet, epochs: 2 });
    expect(history.history.count).toEqual([3, 3]);
    expect(await model.trainableVariables[0]!.array()).toEqual([[4], [4]]);
  });
});

describe("bad input gets a clear error before anything is computed", () => {
  const { x, y } = samples(8);
  const cases: [name: string, run: (model: Model) => Promise<unknown>, words: string | RegExp][] = [
    [
      "x and y of different lengths",
      (m) => m.fit(x, y.get([0, 7]), quiet),
      /same number of samples. Received: x: 8; y: 7/,
    ],
    ["empty data", (m) => m.fit(x.get([0, 0]), y.get([0, 0]), quiet), "the data is empty. Received: 0 samples"],
    ["no data", (m) => m.fit(undefined as never, y, quiet), "`x` is missing"],
    [
      "labels out of range",
      (m) => m.fit(x, y.add(1).astype("int32"), quiet),
      /label 3 of sample \d+ for output "classes" is out of range: the output has 3 classes, numbered 0 to 2/,
    ],
    ["no labels", (m) => m.fit(x, null, quiet), "there are no labels"],
    [
      "an unknown option",
      (m) => m.fit(x, y, { batchsize: 3 } as never),
      'unknown option `batchsize`. Did you mean "batchSize"?',
    ],
    [
      "a batch size that is none",
      (m) => m.fit(x, y, { ...quiet, batchSize: 0 }),
      "expected `batchSize` to be a positive integer. Received: 0",
    ],
    [
      "epochs that are none",
      (m) => m.fit(x, y, { ...quiet, epochs: 1.5 }),
      "expected `epochs` to be a non-negative integer. Received: 1.5",
    ],
    ["a split that leaves nothing", (m) => m.fit(x, y, { ...quiet, validationSplit: 0.95 }), "cannot be split"],
    [
      "a split outside (0, 1)",
      (m) => m.fit(x, y, { ...quiet, validationSplit: 1.5 }),
      "between 0 and 1. Received: 1.5",
    ],
    [
      "inputs of the wrong width",
      (m) => m.fit(tensor([[1, 2, 3]]), tensor([0]), quiet),
      /input "features" has shape \(1, 3\); expected \(None, 4\)/,
    ],
    [
      "a dict without the input",
      (m) => m.fit({ other: x }, y, quiet),
      /missing data for input "features". Received a dict with keys: other/,
    ],
    ["text as data", (m) => m.fit("rows" as never, y, quiet), "Expected tensors, typed arrays"],
    [
      "something that is no callback",
      (m) => m.fit(x, y, { ...quiet, callbacks: [3 as never] }),
      "holds something that is no callback",
    ],
    [
      "an unknown hook",
      (m) => m.fit(x, y, { ...quiet, callbacks: { onEpochEnds: () => undefined } as never }),
      'Did you mean "onEpochEnd"?',
    ],
    [
      "both kinds of weights",
      (m) => m.fit(x, y, { ...quiet, classWeight: { 0: 2 }, sampleWeight: y.astype("float32") }),
      "not both",
    ],
    [
      "labels beside a generator",
      (m) => m.fit(function* () {} as never, y, quiet),
      "`y` must be part of what it yields",
    ],
    [
      "a generator without batches",
      (m) => m.fit(function* () {} as never, null, quiet),
      "ended before it yielded a batch",
    ],
  ];
  it.each(cases)("%s", async (_, run, words) => {
    const model = classifier();
    const before = await weightsOf(model);
    await expect(run(model)).rejects.toThrow(words);
    expect(await weightsOf(model)).toEqual(before);
  });

  it("training before compile", async () => {
    const inputs = Input({ shape: [4] });
    const model = Model({ inputs, outputs: layers.Dense(3)(inputs), name: "raw" });
    await expect(model.fit(x, y)).rejects.toThrow('fit: model "raw" is not compiled. Call model.compile(');
    await expect(model.evaluate(x, y)).rejects.toThrow("evaluate: model");
  });

  it("names that do not exist, with the nearest one", () => {
    const model = classifier();
    expect(() => model.compile({ loss: "sparse_categorical_crossentrop" })).toThrow(
      '"sparse_categorical_crossentropy"?',
    );
    expect(() => model.compile({ optimizer: "adamm", loss: "mse" })).toThrow('Did you mean "adam"?');
    expect(() => model.compile({ loss: "mse", metrics: ["acuracy"] })).toThrow('Did you mean "');
    expect(() => model.compile({ los: "mse" } as never)).toThrow('Did you mean "loss"?');
  });
});
