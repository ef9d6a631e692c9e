/** `fit` and `evaluate` in many forms against real Keras: test/fixtures/fit_logs.json and mnist_curve.json. */
import { beforeAll, describe, expect, it } from "vitest";
import { isPlainObject } from "../core/tree.ts";
import type { Model } from "../models/model.ts";
import { oneHot } from "../ops/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { deserializeObject } from "../serialization/serialize.ts";
import { decode, decodeNumbers, type EncodedArray, isEncoded, loadFixture } from "../testing/fixtures.ts";
import type { FitOptions } from "./trainerOptions.ts";

interface Run {
  readonly name: string;
  readonly fit: Readonly<Record<string, unknown>>;
  readonly compile_config: Record<string, unknown>;
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly order: readonly string[];
  readonly final_weights: readonly EncodedArray[];
  readonly evaluate: readonly number[];
  readonly evaluate_dict: Readonly<Record<string, number>>;
  readonly initial_weights?: readonly EncodedArray[];
  readonly config?: Record<string, unknown>;
  readonly kind?: "list" | "dict";
}

interface Curve {
  readonly x: EncodedArray;
  readonly y: EncodedArray;
  readonly batch_size: number;
  readonly config: Record<string, unknown>;
  readonly initial_weights: readonly EncodedArray[];
  readonly first_gradients: readonly EncodedArray[];
  readonly losses: EncodedArray | readonly number[];
  readonly accuracies: EncodedArray | readonly number[];
  readonly final_weights: readonly EncodedArray[];
  readonly optimizer_variables: readonly { readonly path: string; readonly value: EncodedArray }[];
  readonly evaluate: { readonly loss: number; readonly accuracy: number };
  readonly logits: EncodedArray;
}

const curve = loadFixture<Curve>("mnist_curve");
const logs = loadFixture<{ runs: Run[]; heads: Run[]; data: Record<string, unknown> }>("fit_logs");

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());

function toTensor(array: EncodedArray): Tensor {
  const { data, shape, dtype } = decode(array);
  return tensorFromHost(data, shape, dtype);
}

/** Encoded arrays anywhere in a JSON value as tensors. */
function revive(value: unknown): unknown {
  if (isEncoded(value)) return toTensor(value);
  if (Array.isArray(value)) return value.map(revive);
  if (isPlainObject(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revive(v)]));
  return value;
}

const numbersOf = (value: EncodedArray | readonly number[]): readonly number[] =>
  isEncoded(value) ? decodeNumbers(value) : value;

function expectNear(what: string, actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(actual.length, what).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!));
  expect(worst, `${what}: largest difference`).toBeLessThan(tolerance);
}

function revived(config: Record<string, unknown>, weights: readonly EncodedArray[]): Model {
  const model = deserializeObject(config) as Model;
  model.setWeights(weights.map(toTensor));
  return model;
}

beforeAll(registerAllBuiltins);

describe("the guide's MLP on real digits", () => {
  const images = toTensor(curve.x).astype("float32").div(255);
  const labels = toTensor(curve.y);

  it("follows Keras's training curve for 50 steps", async () => {
    const model = revived(curve.config, curve.initial_weights);
    model.compile({ optimizer: "rmsprop", loss: deserializeObject(lossConfig) as never, metrics: ["accuracy"] });
    const losses: number[] = [];
    const accuracies: number[] = [];
    const expected = numbersOf(curve.losses);
    const batches = Math.ceil(640 / curve.batch_size);
    for (let step = 0; step < expected.length; step++) {
      const start = (step % batches) * curve.batch_size;
      const rows: [number, number] = [start, start + curve.batch_size];
      const result = await model.trainOnBatch(images.get(rows), labels.get(rows), { returnDict: true });
      losses.push(result.loss!);
      accuracies.push(result.accuracy!);
    }
    expectNear("losses", losses, expected, 1e-4);
    expectNear("accuracies", accuracies, numbersOf(curve.accuracies), 1e-6);
    const weights = await Promise.all(model.getWeights().map((w) => w.data()));
    weights.forEach((w, i) => {
      expectNear(`weight ${i}`, w as Float32Array, decodeNumbers(curve.final_weights[i]!), 1e-4);
    });
    const state = model.optimizer!.variables;
    expect(state.map((v) => v.path)).toEqual(curve.optimizer_variables.map((v) => v.path));
    const [loss, accuracy] = await model.evaluate(images, labels, { verbose: 0 });
    expect(loss).toBeCloseTo(curve.evaluate.loss, 4);
    expect(accuracy).toBeCloseTo(curve.evaluate.accuracy, 5);
  });
});

const lossConfig = {
  module: "keras.losses",
  class_name: "SparseCategoricalCrossentropy",
  config: { from_logits: true },
  registered_name: null,
};

describe("fit and evaluate", () => {
  const quiet = { verbose: 0, batchSize: 64 } as const;
  const x = toTensor(curve.x).get([0, 320]).astype("float32").div(255);
  const y = toTensor(curve.y).get([0, 320]);

  async function check(
    run: Run,
    model: Model,
    inputs: unknown,
    targets: unknown,
    extra: FitOptions = {},
  ): Promise<void> {
    model.compileFromConfig(run.compile_config);
    const options = Object.fromEntries(Object.entries(run.fit).map(([k, v]) => [camel(k), revive(v)])) as FitOptions;
    const fitted = await model.fit(inputs as never, targets as never, {
      ...options,
      ...extra,
      shuffle: false,
      verbose: 0,
    });
    expect(Object.keys(fitted.history)).toEqual(run.order);
    for (const [name, values] of Object.entries(run.history)) expectNear(name, fitted.history[name]!, values, 2e-5);
    const dict = await model.evaluate(inputs as never, targets as never, { ...quiet, returnDict: true });
    for (const [name, value] of Object.entries(run.evaluate_dict)) {
      expectNear(`evaluate ${name}`, [dict[name]!], [value], 2e-5);
    }
    expect(Object.keys(dict).sort()).toEqual(Object.keys(run.evaluate_dict).sort());
    const list = await model.evaluate(inputs as never, targets as never, quiet);
    expectNear("evaluate list", list, run.evaluate, 2e-5);
    const weights = model.getWeights().slice(-run.final_weights.length);
    for (const [i, expected] of run.final_weights.entries()) {
      expectNear(`final weight ${i}`, (await weights[i]!.data()) as Float32Array, decodeNumbers(expected), 2e-5);
    }
  }

  for (const run of logs.runs) {
    it(`of the MLP: ${run.name}`, () => check(run, revived(curve.config, curve.initial_weights), x, y));
  }
  for (const run of logs.heads) {
    it(`of a model with two heads: ${run.name}`, () => {
      const data = revive(logs.data) as Record<"x" | "y" | "sample_weight", Record<string, Tensor>>;
      const asDict = run.kind === "dict";
      const x = asDict ? data.x : [data.x.left, data.x.right];
      // One loss for both heads needs labels that it fits: one-hot kinds for the mean squared error.
      const kind = run.name === "list_loss_one" ? oneHot(data.y.kind!, 3, { dtype: "float32" }) : data.y.kind;
      const y = asDict ? data.y : [data.y.price, kind];
      const weights = asDict ? data.sample_weight : [data.sample_weight.price, data.sample_weight.kind];
      const extra = run.name.endsWith("sample_weight") ? { sampleWeight: weights } : {};
      return check(run, revived(run.config!, run.initial_weights!), x, y, extra as FitOptions);
    });
  }
});
