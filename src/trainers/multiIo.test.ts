/** Two inputs and several outputs in every form of data, losses, weights and metrics, against real Keras: test/fixtures/multi_io.json. */
import { beforeAll, describe, expect, it } from "vitest";
import { isPlainObject } from "../core/tree.ts";
import type { Model } from "../models/model.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { Tensor, tensorFromHost } from "../runtime/tensor.ts";
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
