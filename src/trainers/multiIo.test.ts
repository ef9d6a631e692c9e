/** Two inputs and several outputs in every form of data, losses, weights and metrics, against real Keras: test/fixtures/multi_io.json. */
import { beforeAll, describe, expect, it } from "vitest";
import { isPlainObject } from "../core/tree.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model } from "../models/model.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { Tensor, tensor, tensorFromHost } from "../runtime/tensor.ts";
import { deserializeObject } from "../serialization/serialize.ts";
import { decode, decodeNumbers, type EncodedArray, isEncoded, loadFixture } from "../testing/fixtures.ts";
import type { FitOptions } from "./trainerOptions.ts";

type Names = string | readonly Names[] | { readonly [key: string]: Names };
type Numbers = number | readonly Numbers[] | { readonly [key: string]: Numbers };

interface Run {
  readonly name: string;
  readonly model: string;
  readonly x: Names;
  readonly y: Names;
  readonly sample_weight: Names | null;
  readonly source: "arrays" | "batches";
  readonly validation: boolean;
  readonly compile_config: Record<string, unknown>;
  readonly refused?: string;
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly order: readonly string[];
  readonly metrics_names: readonly string[];
  readonly evaluate: number | readonly number[];
  readonly evaluate_dict: Readonly<Record<string, number>>;
  readonly test_on_batch: Readonly<Record<string, number>>;
  readonly train_on_batch: number | readonly number[];
  readonly predict_shapes: Numbers;
  readonly predict_on_batch: unknown;
  readonly final_weights: readonly EncodedArray[];
}

interface Fixture {
  readonly data: Readonly<Record<string, EncodedArray>>;
  readonly batch_size: number;
  readonly models: Readonly<Record<string, { config: Record<string, unknown>; initial_weights: EncodedArray[] }>>;
  readonly runs: readonly Run[];
}

const fixture = loadFixture<Fixture>("multi_io");
const BATCH = fixture.batch_size;
const SAMPLES = 20;

const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensorFromHost(data, shape, dtype);
};
const DATA = Object.fromEntries(Object.entries(fixture.data).map(([name, array]) => [name, toTensor(array)]));

/** A structure of names with the rows of their arrays in place of the names. */
function fill(structure: Names, rows: [number, number] = [0, SAMPLES]): never {
  const go = (part: Names): unknown => {
    if (typeof part === "string") return DATA[part]!.get(rows);
    if (Array.isArray(part)) return part.map(go);
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, go(value)]));
  };
  return go(structure) as never;
}

function makeModel(run: Run): Model {
  const { config, initial_weights } = fixture.models[run.model]!;
  const model = deserializeObject(config) as Model;
  model.setWeights(initial_weights.map(toTensor));
  model.compileFromConfig(run.compile_config);
  return model;
}

function* batches(run: Run): Generator<unknown> {
  for (let start = 0; start < SAMPLES; start += BATCH) {
    const rows: [number, number] = [start, Math.min(start + BATCH, SAMPLES)];
    yield [run.x, run.y, ...(run.sample_weight ? [run.sample_weight] : [])].map((part) => fill(part, rows));
  }
}

function train(run: Run, model: Model): ReturnType<Model["fit"]> {
  const options: FitOptions = { epochs: 2, verbose: 0 };
  const parts = [run.x, run.y, ...(run.sample_weight ? [run.sample_weight] : [])];
  if (run.validation) options.validationData = parts.map((part) => fill(part, [0, 10]));
  if (run.source === "batches") return model.fit(() => batches(run), null, options);
  if (run.name === "validation_split") options.validationSplit = 0.4;
  if (run.sample_weight) options.sampleWeight = fill(run.sample_weight);
  return model.fit(fill(run.x), fill(run.y), { ...options, batchSize: BATCH, shuffle: false });
}

function expectNear(what: string, actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs(actual[i]! - expected[i]!), `${what}: difference at ${i}`).toBeLessThan(2e-5);
  }
}

function expectLogs(what: string, actual: Readonly<Record<string, number>>, expected: Record<string, number>): void {
  expect(Object.keys(actual), what).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) expectNear(`${what} ${name}`, [actual[name]!], [value]);
}

async function expectOutputs(what: string, actual: unknown, expected: unknown): Promise<void> {
  if (isEncoded(expected)) {
    expect(actual, what).toBeInstanceOf(Tensor);
    expect((actual as Tensor).shape).toEqual(expected.shape);
    expectNear(what, (await (actual as Tensor).data()) as Float32Array, decodeNumbers(expected));
    return;
  }
  // Keras on JAX sorts the keys of what it returns; ours stand as the model states them.
  expect(Object.keys(actual as object).sort(), what).toEqual(Object.keys(expected as object).sort());
  for (const [key, part] of Object.entries(expected as object)) {
    await expectOutputs(`${what}.${key}`, (actual as Record<string, unknown>)[key], part);
  }
}

function shapes(outputs: unknown): unknown {
  if (outputs instanceof Tensor) return outputs.shape;
  if (Array.isArray(outputs)) return outputs.map(shapes);
  if (!isPlainObject(outputs)) return outputs;
  return Object.fromEntries(Object.entries(outputs).map(([key, part]) => [key, shapes(part)]));
}

beforeAll(registerAllBuiltins);

describe("two inputs, several outputs", () => {
  for (const run of fixture.runs.filter((r) => !r.refused)) {
    it(run.name, async () => {
      const model = makeModel(run);
      const { history } = await train(run, model);
      expect(Object.keys(history)).toEqual(run.order);
      for (const [name, values] of Object.entries(run.history)) expectNear(name, history[name]!, values);
      expect(model.metricsNames).toEqual(run.metrics_names);
      const weights = run.sample_weight ? { sampleWeight: fill(run.sample_weight) } : {};
      const whole = { verbose: 0, batchSize: BATCH, ...weights } as const;
      // Keras gives a lone loss as a number; here it is a list of one.
      expectNear("evaluate", await model.evaluate(fill(run.x), fill(run.y), whole), [run.evaluate].flat());
      const dict = await model.evaluate(fill(run.x), fill(run.y), { ...whole, returnDict: true });
      expectLogs("evaluate with returnDict", dict, run.evaluate_dict);
      const rows: [number, number] = [0, 6];
      const six = run.sample_weight ? { sampleWeight: fill(run.sample_weight, rows) } : {};
      const tested = await model.testOnBatch(fill(run.x, rows), fill(run.y, rows), { ...six, returnDict: true });
      expectLogs("testOnBatch", tested, run.test_on_batch);
      const trained = await model.trainOnBatch(fill(run.x, rows), fill(run.y, rows), six);
      expectNear("trainOnBatch", trained, [run.train_on_batch].flat());
      const predicted = await model.predict(fill(run.x), { verbose: 0, batchSize: BATCH });
      expect(shapes(predicted)).toEqual(run.predict_shapes);
      await expectOutputs("predictOnBatch", await model.predictOnBatch(fill(run.x, [0, 2])), run.predict_on_batch);
      for (const [i, expected] of run.final_weights.entries()) {
        expectNear(`weight ${i}`, (await model.weights[2 + i]!.data()) as Float32Array, decodeNumbers(expected));
      }
    });
  }
});

describe("what does not fit is said before training starts", () => {
  const run = fixture.runs.find((r) => r.name === "list_y_dict_loss_dict_weights_dict")!;
  const [x, y] = [fill(run.x) as unknown as [Tensor, Tensor], fill(run.y) as unknown as Record<string, Tensor>];
  const [left, right] = x;
  const fitted =
    (inputs: unknown, labels: unknown, options: FitOptions = {}) =>
    (model: Model) =>
      model.fit(inputs as never, labels as never, { verbose: 0, ...options });
  const compiled =
    (options: object) =>
    async (model: Model): Promise<unknown> => {
      model.compile({ optimizer: "sgd", ...options });
      return model.fit(x, y, { verbose: 0 });
    };
  const losses = { price: "mse", kind: "sparse_categorical_crossentropy" };
  const cases: [name: string, run: (model: Model) => Promise<unknown>, words: string | RegExp][] = [
    [
      "an input that is missing",
      fitted({ left, wrong: right }, y),
      'missing data for input "right". Received a dict with keys: left, wrong; expected left, right',
    ],
    ["too few inputs", fitted([left], y), /expected 2 inputs \(left, right\). Received: \[\(\d+, 4\)\]/],
    [
      "inputs in the wrong order",
      fitted([right, left], y),
      /data for input "left" has shape \(\d+, 3\); expected \(None, 4\)/,
    ],
    [
      "labels of an unknown output",
      fitted(x, { price: y.price, kinds: y.kind }),
      /`y` has a key "kinds" that is no output of the model. Expected keys: price, kind. Found: price, kinds/,
    ],
    [
      "labels that are missing",
      fitted(x, { price: y.price }),
      'no labels for output "kind", which has a loss. Received labels for: price. Outputs with a loss: price, kind',
    ],
    ["labels of one output only", fitted(x, y.price), "the model has 2 outputs (price, kind) but one `y` was given"],
    [
      "too many labels",
      fitted(x, [y.price, y.kind, y.kind]),
      "`y` must have one entry per output. The model has 2 (price, kind). Received 3: [*, *, *]",
    ],
    [
      "arrays of different lengths",
      fitted([left, right.get([0, 5])], y),
      "Make sure all arrays hold the same number of samples. Received: x: 20, 5; y: 20, 20",
    ],
    [
      "labels of another length",
      fitted(x, { price: y.price, kind: y.kind!.get([0, 7]) }),
      /Received: x: 20, 20; y: (20, 7|7, 20)/,
    ],
    [
      "labels of a dict that are no classes",
      fitted(x, { price: y.price, kind: y.kind!.get([0, 20]).astype("float32") }, { classWeight: { 0: 1 } }),
      "`classWeight` needs labels of exactly one output. Received: 2 label arrays",
    ],
    [
      "a loss for an unknown output",
      compiled({ loss: { ...losses, prise: "mse" } }),
      /`loss` has a key "prise" that is no output of the model. Expected keys: price, kind. Found: price, kind, prise/,
    ],
    [
      "a loss too few",
      compiled({ loss: ["mse"] }),
      "`loss` must have one entry per output. The model has 2 (price, kind).",
    ],
    [
      "weights of an unknown output",
      compiled({ loss: losses, lossWeights: { cost: 2 } }),
      '`lossWeights` has a key "cost" that is no output of the model. Expected keys: price, kind. Found: cost',
    ],
    [
      "metrics of an unknown output",
      compiled({ loss: losses, metrics: { cost: ["mae"] } }),
      '`metrics` has a key "cost" that is no output of the model. Expected keys: price, kind. Found: cost',
    ],
    [
      "a list of metrics that is too short",
      compiled({ loss: losses, metrics: ["mae"] }),
      "`metrics` must have one entry per output. The model has 2 (price, kind). Received 1: [*]",
    ],
    [
      "batches of another structure",
      (model) => model.fit(() => [[[left], y]], null, { verbose: 0 }),
      "expected 2 inputs (left, right)",
    ],
  ];
  it.each(cases)("%s", async (_, attempt, words) => {
    const model = makeModel(run);
    const before = await model.weights[2]!.array();
    await expect(attempt(model)).rejects.toThrow(words);
    expect(await model.weights[2]!.array()).toEqual(before);
  });

  it("weights of losses go by name, whatever the losses are given as", async () => {
    const histories = await Promise.all(
      [{ loss: losses }, { loss: ["mse", "sparse_categorical_crossentropy"] }].map(async ({ loss }) => {
        const model = makeModel(run);
        model.compile({ optimizer: "sgd", loss, lossWeights: { kind: 2, price: 0.5 } });
        return (await model.fit(x, y, { verbose: 0, shuffle: false })).history;
      }),
    );
    expect(histories[0]).toEqual(histories[1]);
  });
});

describe("sequences without steps", () => {
  it("are refused by every method, at the first batch or at a later one", async () => {
    const inputs = Input({ shape: [null, 2], name: "steps" });
    const model = Model({ inputs, outputs: layers.Dense(1)(layers.GlobalAveragePooling1D()(inputs)) });
    model.compile({ optimizer: "sgd", loss: "mse" });
    const [none, y] = [tensor(new Float32Array(0), [4, 0, 2]), tensor(new Float32Array(4), [4, 1])];
    const words =
      "`x` has shape (4, 0, 2): its axis 1 has length 0. Sequences need at least one step: pad them (padSequences with maxlen, ";
    const quiet = { verbose: 0 } as const;
    await expect(model.fit(none, y, quiet)).rejects.toThrow(`fit: ${words}`);
    await expect(model.evaluate({ steps: none }, y, quiet)).rejects.toThrow(
      'evaluate: `x` "steps" has shape (4, 0, 2)',
    );
    await expect(model.predict(none, quiet)).rejects.toThrow(`predict: ${words}`);
    await expect(model.trainOnBatch(none, y)).rejects.toThrow(`trainOnBatch: ${words}`);
    await expect(model.predictOnBatch(none)).rejects.toThrow(`predictOnBatch: ${words}`);
    const some = tensor(new Float32Array(8), [4, 1, 2]);
    const batches = () => [some, none].map((x) => [x, y]);
    await expect(model.fit(batches, null, quiet)).rejects.toThrow(`train step of "${model.name}": ${words}`);
  });
});
