/** Datasets and PyDatasets in fit, evaluate and predict: same numbers as arrays, work ahead of steps, epochs, errors. */
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Dataset } from "../data/index.ts";
import { PyDataset } from "../data/pyDataset.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model } from "../models/model.ts";
import { setRandomSeed } from "../random/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";

beforeAll(registerAllBuiltins);
beforeEach(() => setRandomSeed(7));

const quiet = { verbose: 0 } as const;
const N = 22;
const X = Float32Array.from({ length: N * 3 }, (_, i) => Math.sin(i * 1.7));
const x = tensor(X, [N, 3]);
const y = tensor(
  Float32Array.from({ length: N }, (_, i) => X[3 * i]! - X[3 * i + 1]!),
  [N, 1],
);
const classes = tensor(
  Int32Array.from({ length: N }, (_, i) => i % 3),
  [N],
);

function regressor(): Model {
  const inputs = Input({ shape: [3], name: "features" });
  const model = Model({ inputs, outputs: layers.Dense(1, { kernelInitializer: "ones" })(inputs) });
  model.compile({ optimizer: "sgd", loss: "mse", metrics: ["mae"] });
  return model;
}

function classifier(): Model {
  const inputs = Input({ shape: [3] });
  const model = Model({ inputs, outputs: layers.Dense(3, { name: "kind", activation: "softmax" })(inputs) });
  model.compile({ optimizer: "sgd", loss: "sparse_categorical_crossentropy", weightedMetrics: ["accuracy"] });
  return model;
}

const weightsOf = async (model: Model): Promise<number[]> =>
  (await Promise.all(model.getWeights().map((w) => w.data()))).flatMap((w) => Array.from(w as Float32Array));

/** A PyDataset of the rows above; says what is asked of it. */
class Rows extends PyDataset<readonly [Tensor, Tensor]> {
  readonly asked: number[] = [];
  readonly events: string[] = [];

  override get length(): number {
    return Math.ceil(N / 4);
  }

  override getItem(index: number): readonly [Tensor, Tensor] | Promise<readonly [Tensor, Tensor]> {
    this.asked.push(index);
    const rows: [number, number] = [index * 4, Math.min(index * 4 + 4, N)];
    return [x.get(rows), y.get(rows)];
  }

  override onEpochBegin(): void {
    this.events.push(`begin, ${this.asked.length} asked`);
  }

  override onEpochEnd(): void {
    this.events.push(`end, ${this.asked.length} asked`);
  }
}

describe("a dataset", () => {
  it("trains, validates, evaluates and predicts to the numbers of arrays", async () => {
    const [a, b] = [regressor(), regressor()];
    const batches = Dataset.fromTensorSlices([x, y]).batch(4);
    const arrays = await a.fit(x, y, {
      ...quiet,
      batchSize: 4,
      epochs: 3,
      shuffle: false,
      validationData: [x.get([0, 10]), y.get([0, 10])],
      validationBatchSize: 4,
    });
    const streamed = await b.fit(batches, null, {
      ...quiet,
      epochs: 3,
      validationData: Dataset.fromTensorSlices([x, y]).take(10).batch(4),
    });
    expect(streamed.history).toEqual(arrays.history);
    expect(await weightsOf(b)).toEqual(await weightsOf(a));
    expect(await b.evaluate(batches, null, quiet)).toEqual(await a.evaluate(x, y, { ...quiet, batchSize: 4 }));
    const inputs = Dataset.fromTensorSlices(x).batch(4);
    expect(await (await b.predict(inputs, quiet)).array()).toEqual(
      await (await a.predict(x, { ...quiet, batchSize: 4 })).array(),
    );
    // Labels that come with the inputs are left out of a prediction.
    expect((await b.predict(batches, quiet)).shape).toEqual([N, 1]);
  });

  it("without an end takes stepsPerEpoch, and goes on where the last epoch stopped", async () => {
    const seen: number[] = [];
    const endless = Dataset.range(1000)
      .map((n) => {
        seen.push(n);
        return [Float32Array.of(n / 1000, 0, 0), Float32Array.of(1)] as const;
      })
      .batch(2)
      .repeat();
    const steps: (number | null)[] = [];
    const history = await regressor().fit(endless, null, {
      ...quiet,
      epochs: 3,
      stepsPerEpoch: 4,
      callbacks: { onEpochEnd: (epoch) => void steps.push(epoch) },
    });
    expect(history.history.loss!.length).toBe(3);
    // 12 batches of two in order, and two more ahead.
    expect(seen.slice(0, 24)).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(seen.length).toBe(28);
    const validated = await regressor().fit(x, y, {
      ...quiet,
      validationData: Dataset.fromTensorSlices([x, y]).repeat().batch(4),
      validationSteps: 2,
    });
    const first8 = await regressor().fit(x, y, { ...quiet, validationData: [x.get([0, 8]), y.get([0, 8])] });
    expect(validated.history.val_loss).toHaveLength(first8.history.val_loss!.length);
  });

  it("begins from the start for each validation and each epoch, of unknown length too", async () => {
    let passes = 0;
    const counted = Dataset.fromGenerator(function* () {
      passes++;
      yield* [0, 1, 2, 3];
    });
    const rows = counted.filter((n) => n !== 1).map((n) => [Float32Array.of(n, 0, 0), Float32Array.of(n)] as const);
    const totals: number[] = [];
    await regressor().fit(rows.batch(2), null, {
      ...quiet,
      epochs: 3,
      validationData: rows.batch(1),
      validationSteps: 2,
      callbacks: { onTestBatchEnd: (i) => void totals.push(i) },
    });
    expect(passes).toBe(6);
    expect(totals).toEqual([0, 1, 0, 1, 0, 1]);
  });

  it("takes class weights, as arrays do", async () => {
    const classWeight = { 0: 3, 2: 0.5 };
    const [a, b] = [classifier(), classifier()];
    b.setWeights(a.getWeights());
    const options = { ...quiet, epochs: 2, classWeight };
    const arrays = await a.fit(x, classes, { ...options, batchSize: 5, shuffle: false });
    const streamed = await b.fit(Dataset.fromTensorSlices([x, classes]).batch(5), null, options);
    expect(streamed.history).toEqual(arrays.history);
  });

  it("prepares the next batches while a step runs: reading goes on, no step waits for work that could be done", async () => {
    const events: string[] = [];
    // A batch takes two turns of the event loop, as a read of a file does.
    const read = async (n: number): Promise<readonly [Float32Array, Float32Array]> => {
      events.push(`read ${n}`);
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
      events.push(`ready ${n}`);
      return [Float32Array.of(n, 0, 0), Float32Array.of(1)];
    };
    await regressor().fit(Dataset.range(8).map(read).batch(1), null, {
      ...quiet,
      callbacks: {
        onTrainBatchBegin: (n) => void events.push(`step ${n}`),
        onTrainBatchEnd: (n) => void events.push(`done ${n}`),
      },
    });
    const at = (event: string): number => events.indexOf(event);
    for (let n = 0; n < 7; n++) {
      // Reading of the next batch began before this step, and what follows is being read when the step has ended.
      expect(at(`read ${n + 1}`), events.join(", ")).toBeLessThan(at(`step ${n}`));
      expect(at(`ready ${n}`)).toBeLessThan(at(`step ${n}`));
    }
    for (let n = 1; n < 6; n++) expect(at(`ready ${n + 1}`), events.join(", ")).toBeLessThan(at(`step ${n + 1}`));
  });

  it("lets timers run between steps", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    await regressor().fit(Dataset.fromTensorSlices([x, y]).batch(1).repeat(20), null, quiet);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  it("is closed when a run ends early", async () => {
    let closed = 0;
    const dataset = Dataset.fromGenerator(function* () {
      try {
        for (;;) yield [tensor([[1, 2, 3]]), tensor([[1]])];
      } finally {
        closed++;
      }
    });
    const model = regressor();
    const stop = {
      onTrainBatchEnd: () => {
        model.stopTraining = true;
      },
    };
    await model.fit(dataset, null, { ...quiet, stepsPerEpoch: 5, callbacks: stop });
    expect(closed).toBe(1);
    await model.evaluate(dataset, null, { ...quiet, steps: 2 });
    await model.predict(dataset, { ...quiet, steps: 2 });
    expect(closed).toBe(3);
    const failing = dataset.map((batch, i) => {
      if (i === 2) throw new Error("a bad row");
      return batch;
    });
    await expect(model.fit(failing, null, { ...quiet, stepsPerEpoch: 5 })).rejects.toThrow("a bad row");
    expect(closed).toBe(4);
  });
});

describe("a PyDataset", () => {
  it("gives its batches in a new order in each epoch, each once, and in order without shuffle", async () => {
    const rows = new Rows();
    await regressor().fit(rows, null, { ...quiet, epochs: 2 });
    const [first, second] = [rows.asked.slice(0, 6), rows.asked.slice(6)];
    const sorted = (list: number[]): number[] => list.toSorted((p, q) => p - q);
    expect([sorted(first), sorted(second)]).toEqual([
      [0, 1, 2, 3, 4, 5],
      [0, 1, 2, 3, 4, 5],
    ]);
    expect(first).not.toEqual(second);
    expect(rows.events).toEqual(["begin, 0 asked", "end, 6 asked", "begin, 6 asked", "end, 12 asked"]);
    const ordered = new Rows();
    const [a, b] = [regressor(), regressor()];
    await a.fit(ordered, null, { ...quiet, shuffle: false });
    expect(ordered.asked).toEqual([0, 1, 2, 3, 4, 5]);
    await b.fit(x, y, { ...quiet, batchSize: 4, shuffle: false });
    expect(await weightsOf(a)).toEqual(await weightsOf(b));
    const evaluated = await a.evaluate(new Rows(), null, quiet);
    expect(evaluated).toEqual(await b.evaluate(x, y, { ...quiet, batchSize: 4 }));
    expect((await a.predict(new Rows(), quiet)).shape).toEqual([N, 1]);
  });

  it("prepares with as many workers as asked for", async () => {
    let [running, most] = [0, 0];
    class Slow extends Rows {
      override async getItem(index: number): Promise<readonly [Tensor, Tensor]> {
        most = Math.max(most, ++running);
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        running--;
        return super.getItem(index);
      }
    }
    await regressor().fit(new Slow({ workers: 3 }), null, quiet);
    expect(most).toBe(3);
    most = 0;
    await regressor().fit(new Slow(), null, quiet);
    expect(most).toBe(1);
  });

  it("may have no end, and takes class weights", async () => {
    class Endless extends PyDataset<readonly [Tensor, Tensor]> {
      override get numBatches(): null {
        return null;
      }
      override async getItem(): Promise<readonly [Tensor, Tensor]> {
        return [x, classes];
      }
    }
    const model = classifier();
    await model.fit(new Endless(), null, { ...quiet, stepsPerEpoch: 3, classWeight: { 0: 2 } });
    await expect(model.fit(new Endless(), null, quiet)).rejects.toThrow(
      "the data has no end: say with `stepsPerEpoch` how many batches to take",
    );
  });

  it("says what a subclass lacks", async () => {
    class Half extends PyDataset {
      override get length(): number {
        return 2;
      }
    }
    await expect(regressor().fit(new Half(), null, quiet)).rejects.toThrow(
      "Half: a PyDataset must define `getItem(index)`",
    );
    class Other extends PyDataset {}
    await expect(regressor().fit(new Other(), null, quiet)).rejects.toThrow(
      "Other: a PyDataset must define `get length()`",
    );
    expect(() => new Half({ workers: -1 })).toThrow("expected `workers` to be an integer of at least 0. Received: -1");
    expect(() => new Half({ worker: 1 } as never)).toThrow('Did you mean "workers"?');
  });
});

describe("errors, before anything is computed", () => {
  const batches = Dataset.fromTensorSlices([x, y]).batch(4);
  const cases: [name: string, run: (model: Model) => Promise<unknown>, words: string | RegExp][] = [
    ["labels beside a dataset", (m) => m.fit(batches, y, quiet), "with a dataset, `y` must be part of what it yields"],
    [
      "weights beside a PyDataset",
      (m) => m.fit(new Rows(), null, { ...quiet, sampleWeight: y }),
      "with a PyDataset, `sampleWeight` must be part of what it yields",
    ],
    [
      "a split of a dataset",
      (m) => m.fit(batches, null, { ...quiet, validationSplit: 0.2 }),
      "Pass `validationData` with a dataset, such as one of take(n) and skip(n)",
    ],
    [
      "data without an end",
      (m) => m.fit(batches.repeat(), null, quiet),
      "the data has no end: say with `stepsPerEpoch`",
    ],
    [
      "validation without an end",
      (m) => m.fit(batches, null, { ...quiet, validationData: batches.repeat() }),
      "the data has no end: say with `validationSteps`",
    ],
    ["evaluation without an end", (m) => m.evaluate(batches.repeat(), null, quiet), "say with `steps` how many"],
    ["an empty dataset", (m) => m.fit(batches.take(0), null, quiet), "the data is empty: it has no batches"],
    [
      "a dataset that turns out empty",
      (m) =>
        m.fit(
          batches.filter(() => false),
          null,
          quiet,
        ),
      "ended before it yielded",
    ],
    [
      "steps that are none",
      (m) => m.fit(batches, null, { ...quiet, stepsPerEpoch: 1.5 }),
      "`stepsPerEpoch` to be a positive",
    ],
    [
      "samples instead of batches",
      (m) => m.fit(Dataset.fromTensorSlices([x, y]), null, quiet),
      /data for input "features" has shape \(3,\); expected \(None, 3\)/,
    ],
    [
      "too many parts",
      (m) => m.fit(batches.map(([a, b]) => [a, b, b, b]), null, quiet), // biome-ignore format: one case a line
      "a dataset yields x, [x], [x, y] or [x, y, sampleWeight]. Received: an array of 4",
    ],
    [
      "both kinds of weights",
      (m) => m.fit(batches.map(([a, b]) => [a, b, b]), null, { ...quiet, classWeight: { 0: 1 } }), // biome-ignore format: one case a line
      "the data holds sample weights; give them or `classWeight`, not both",
    ],
  ];
  it.each(cases)("%s", async (_, run, words) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const model = regressor();
    const before = await weightsOf(model);
    await expect(run(model)).rejects.toThrow(words);
    expect(await weightsOf(model)).toEqual(before);
    warn.mockRestore();
  });
});
