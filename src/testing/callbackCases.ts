/** What the tests of callbacks share: the model and data of `test/fixtures/callbacks.json`, and what is printed meanwhile. */
import { expect } from "vitest";
import type { Callback } from "../callbacks/callback.ts";
import { platform, setPlatform } from "../core/platform.ts";
import type { Model } from "../models/model.ts";
import type { OptimizerLike } from "../optimizers/index.ts";
import { browserPlatform } from "../platform/browser.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { deserializeObject } from "../serialization/serialize.ts";
import type { Trainer } from "../trainers/trainer.ts";
import type { FitOptions } from "../trainers/trainerOptions.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "./fixtures.ts";

/** What real Keras's `fit` left behind. */
export interface RecordedRun {
  readonly fit: Readonly<Record<string, unknown>>;
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly epoch: readonly number[];
  readonly text: string;
  readonly weights: readonly EncodedArray[];
}

interface Base {
  readonly x: EncodedArray;
  readonly y: EncodedArray;
  readonly config: Record<string, unknown>;
  readonly weights: readonly EncodedArray[];
  readonly series: readonly (readonly string[])[];
}

export const callbackFixture = <T>(): T & Base => loadFixture<T & Base>("callbacks");
const fixture = callbackFixture();

function tensorOf(array: EncodedArray): Tensor {
  const { data, shape, dtype } = decode(array);
  return tensorFromHost(data, shape, dtype);
}

export const data = { x: tensorOf(fixture.x), y: tensorOf(fixture.y) };

/** Series of logged values to drive callbacks with. */
export const series = fixture.series.map((values) =>
  values.map((text) => (text === "nan" ? Number.NaN : Number(text))),
);

/** The fixture's regression, from the weights that it had there. */
export function regressor(optimizer: OptimizerLike): Model {
  const model = deserializeObject(fixture.config) as Model;
  model.setWeights(fixture.weights.map(tensorOf));
  model.compile({ optimizer, loss: "mse", metrics: ["mae"] });
  return model;
}

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());

/** Python's options as ours. */
export const camelKeys = <T>(options: Readonly<Record<string, unknown>>): T =>
  Object.fromEntries(Object.entries(options).map(([key, value]) => [camel(key), value])) as T;

/** `fit` as the fixture ran it. */
export const fitLike = (model: Model, fit: RecordedRun["fit"], options: FitOptions) =>
  model.fit(data.x, data.y, { batchSize: 8, shuffle: false, verbose: 0, ...camelKeys<FitOptions>(fit), ...options });

export function expectNear(
  what: string,
  actual: ArrayLike<number>,
  expected: readonly number[],
  tolerance = 2e-5,
): void {
  expect(actual.length, what).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    const off = Object.is(actual[i], value) ? 0 : Math.abs(actual[i]! - value);
    expect(off / Math.max(1, Math.abs(value)), `${what} ${i}: ${actual[i]}, expected ${value}`).toBeLessThan(tolerance);
  }
}

/** Compares a run with what Keras's was: logs and their order, epochs, weights. */
export async function expectRun(
  model: Model,
  {
    history,
    epoch,
  }: { readonly history: Readonly<Record<string, readonly number[]>>; readonly epoch: readonly number[] },
  expected: Omit<RecordedRun, "fit" | "text">,
): Promise<void> {
  expect(Object.keys(history)).toEqual(Object.keys(expected.history));
  for (const [name, values] of Object.entries(expected.history)) expectNear(name, history[name]!, values);
  expect(epoch).toEqual(expected.epoch);
  for (const [i, weight] of model.getWeights().entries()) {
    expectNear(`weight ${i}`, (await weight.data()) as Float32Array, decodeNumbers(expected.weights[i]!));
  }
}

/** Runs something and returns what it printed. */
export async function printedBy(action: () => unknown): Promise<string> {
  const usual = platform();
  let text = "";
  const write = (part: string): void => {
    text += part;
  };
  setPlatform({ ...usual, terminal: { columns: null, interactive: false, write } });
  try {
    await action();
  } finally {
    setPlatform(usual);
  }
  return text;
}

/** Text with every number at four significant digits: the last bits of a float are not the same on each processor. */
export const roughly = (text: string): string =>
  text.replace(/\d+\.\d+(e[-+]\d+)?/g, (number) => Number(number).toPrecision(4));

/** A callback with a model that is no more than what it needs of one. */
export function drive<C extends Callback>(callback: C, model: object): C {
  callback.setModel({
    metricDirections: () => ({}),
    name: "driven",
    stopTraining: false,
    ...model,
  } as unknown as Trainer);
  return callback;
}

/** Runs something as if it were in a browser. */
export function inBrowser<T>(action: () => T): T {
  const usual = platform();
  setPlatform(browserPlatform);
  try {
    return action();
  } finally {
    setPlatform(usual);
  }
}
