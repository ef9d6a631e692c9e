/**
 * What lies beside an archive as JSON (see test/fixtures/README.md and check_ours.py): what the model was given and gave,
 * its weights and optimizer state, and the losses of further training steps. Checks a model against it, and writes it.
 */
import type { DType, TypedArray } from "../../src/core/dtype.ts";
import { flatten, isPlainObject, type Nested } from "../../src/core/tree.ts";
import type { ModelBase } from "../../src/models/model.ts";
import { Tensor, tensorFromHost } from "../../src/runtime/tensor.ts";
import type { Variable } from "../../src/runtime/variable.ts";
import { decode, decodeNumbers, type EncodedArray, isEncoded } from "../../src/testing/fixtures.ts";

/** One array, a list of arrays, or a dict of arrays. */
export type Arrays = EncodedArray | readonly Arrays[] | { readonly [key: string]: Arrays };

export interface VariableFact {
  readonly name: string;
  readonly path: string;
  readonly value: EncodedArray;
}

export interface ArchiveFacts {
  readonly inputs: Arrays;
  readonly predictions: Arrays;
  readonly weights: readonly VariableFact[];
  /** `null` when the model is not compiled. */
  readonly optimizer_variables: readonly VariableFact[] | null;
  readonly train: {
    readonly x: Arrays;
    readonly y: Arrays;
    readonly batch_size: number;
    readonly losses: readonly number[];
    readonly logs?: readonly Readonly<Record<string, number>>[];
    readonly weights?: readonly VariableFact[];
    readonly optimizer_variables?: readonly VariableFact[];
  } | null;
}

/** How far numbers may be apart, relative to 1 + theirs. */
export interface Tolerances {
  readonly predictions: number;
  /** Of weights and optimizer state that were just loaded. */
  readonly state: number;
  readonly losses: number;
  /** Of weights and optimizer state after further steps. */
  readonly trained: number;
}

const TOLERANCES: Tolerances = { predictions: 1e-5, state: 1e-5, losses: 1e-4, trained: 1e-5 };

/** A comparison that failed; its words say what. */
export class Mismatch extends Error {}

export function mapArrays<T>(fn: (array: EncodedArray) => T, arrays: Arrays): Nested<T> {
  if (isEncoded(arrays)) return fn(arrays);
  if (Array.isArray(arrays)) return arrays.map((item: Arrays) => mapArrays(fn, item));
  return Object.fromEntries(Object.entries(arrays).map(([key, item]) => [key, mapArrays(fn, item as Arrays)]));
}

export const toTensors = (arrays: Arrays): Nested<Tensor> =>
  mapArrays((array) => {
    const { data, shape, dtype } = decode(array);
    return tensorFromHost(data, shape, dtype);
  }, arrays);

/** Rows `from` to `to` of every array. */
export function rows(arrays: Arrays, from: number, to: number): Nested<Tensor> {
  return mapArrays((array) => {
    const { data, shape, dtype } = decode(array);
    const width = shape.slice(1).reduce((a, b) => a * b, 1);
    return tensorFromHost(data.slice(from * width, to * width) as TypedArray, [to - from, ...shape.slice(1)], dtype);
  }, arrays);
}

export async function encodeTensor(tensor: Tensor): Promise<EncodedArray> {
  const data = await tensor.data();
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { shape: tensor.shape, dtype: tensor.dtype as DType, b64: bytes.toString("base64") };
}

export async function encodeTensors(structure: unknown): Promise<Arrays> {
  if (structure instanceof Tensor) return encodeTensor(structure);
  if (Array.isArray(structure)) return Promise.all(structure.map(encodeTensors));
  const entries = Object.entries(structure as object).map(async ([key, item]) => [key, await encodeTensors(item)]);
  return Object.fromEntries(await Promise.all(entries)) as Arrays;
}

export const encodeVariables = (variables: readonly Variable[]): Promise<VariableFact[]> =>
  Promise.all(variables.map(async (v) => ({ name: v.name, path: v.path, value: await encodeTensor(v.value) })));

function close(what: string, got: ArrayLike<number | bigint>, expected: readonly number[], tolerance: number): void {
  if (got.length !== expected.length) {
    throw new Mismatch(`${what}: ${got.length} numbers here, ${expected.length} in the JSON`);
  }
  expected.forEach((value, i) => {
    const mine = Number(got[i]);
    const same = mine === value || (Number.isNaN(mine) && Number.isNaN(value));
    if (!same && !(Math.abs(mine - value) <= tolerance * (1 + Math.abs(value)))) {
      throw new Mismatch(`${what}: number ${i} is ${mine} here, ${value} in the JSON; they may differ by ${tolerance}`);
    }
  });
}

async function closeTensors(what: string, got: unknown, expected: Arrays, tolerance: number): Promise<void> {
  if (isPlainObject(expected) && !isEncoded(expected)) {
    if (!isPlainObject(got))
      throw new Mismatch(`${what}: expected a dict with keys ${Object.keys(expected).join(", ")}`);
    for (const [key, item] of Object.entries(expected)) {
      await closeTensors(`${what}.${key}`, got[key], item as Arrays, tolerance);
    }
    return;
  }
  const tensors = flatten(got as Nested<Tensor>);
  const facts = isEncoded(expected) ? [expected] : (expected as EncodedArray[]);
  if (tensors.length !== facts.length)
    throw new Mismatch(`${what}: ${tensors.length} here, ${facts.length} in the JSON`);
  for (const [i, fact] of facts.entries()) {
    const tensor = tensors[i]!;
    if (tensor.shape.join() !== fact.shape.join()) {
      throw new Mismatch(`${what}[${i}]: shape (${tensor.shape}) here, (${fact.shape}) in the JSON`);
    }
    const array = await encodeTensor(tensor);
    close(`${what}[${i}]`, decodeNumbers(array), decodeNumbers(fact), tolerance);
  }
}

/** Paths of the state of an optimizer inside another one start there in a model that Keras loaded. */
const samePath = (mine: string, theirs: string): boolean => mine === theirs || mine.endsWith(`/${theirs}`);

/** Same number, paths, shapes and values. */
export async function compareVariables(
  what: string,
  variables: readonly Variable[],
  facts: readonly VariableFact[],
  tolerance = TOLERANCES.state,
): Promise<void> {
  const [mine, theirs] = [variables.map((v) => v.path), facts.map((f) => f.path)] as const;
  if (mine.length !== theirs.length || !mine.every((path, i) => samePath(path, theirs[i]!))) {
    throw new Mismatch(`${what}: ${mine.join(", ")} here; ${theirs.join(", ")} in the JSON`);
  }
  for (const [i, variable] of variables.entries()) {
    const got = await encodeTensor(variable.value);
    if (got.shape.join() !== facts[i]!.value.shape.join()) {
      throw new Mismatch(
        `${what}: ${variable.path} has shape (${got.shape}) here, (${facts[i]!.value.shape}) in the JSON`,
      );
    }
    close(`${what}: ${variable.path}`, decodeNumbers(got), decodeNumbers(facts[i]!.value), tolerance);
  }
}

/** Trains batch by batch in order, and returns the logs of each step. */
export async function trainSteps(
  model: ModelBase,
  { x, y, batch_size }: { readonly x: Arrays; readonly y: Arrays; readonly batch_size: number },
  count: number,
): Promise<Record<string, number>[]> {
  let first: Arrays = x;
  while (!isEncoded(first)) first = Object.values(first)[0] as Arrays;
  const starts = Array.from({ length: Math.ceil(first.shape[0]! / batch_size) }, (_, i) => i * batch_size);
  const logs: Record<string, number>[] = [];
  for (let step = 0; step < count; step++) {
    const at = starts[step % starts.length]!;
    logs.push(
      await model.trainOnBatch(rows(x, at, at + batch_size) as never, rows(y, at, at + batch_size) as never, {
        returnDict: true,
      }),
    );
  }
  return logs;
}

/**
 * Compares a model that was just loaded with the facts, then trains it on.
 *
 * @returns What was compared.
 * @throws Mismatch at the first difference.
 */
export async function checkModel(model: ModelBase, facts: ArchiveFacts, tolerances = TOLERANCES): Promise<string[]> {
  const done = ["predictions"];
  await closeTensors(
    "predictions",
    await model.predict(toTensors(facts.inputs) as never, { verbose: 0 }),
    facts.predictions,
    tolerances.predictions,
  );
  await compareVariables("weights", model.weights, facts.weights, tolerances.state);
  done.push("weights");
  if (facts.optimizer_variables) {
    if (!model.optimizer) throw new Mismatch("optimizer variables: no optimizer was loaded");
    await compareVariables(
      "optimizer variables",
      model.optimizer.variables,
      facts.optimizer_variables,
      tolerances.state,
    );
    done.push("optimizer state");
  }
  const { train } = facts;
  if (!train) return done;
  const logs = await trainSteps(model, train, train.losses.length);
  const losses = logs.map((log) => log.loss!);
  close("losses of further steps", losses, train.losses, tolerances.losses);
  for (const [i, expected] of (train.logs ?? []).entries()) {
    const keys = (log: object): string => Object.keys(log).sort().join(", ");
    if (keys(logs[i]!) !== keys(expected))
      throw new Mismatch(`logs: ${keys(logs[i]!)} here; ${keys(expected)} in the JSON`);
    for (const [key, value] of Object.entries(expected))
      close(`logs.${key}`, [logs[i]![key]!], [value], tolerances.losses);
  }
  if (train.weights) {
    await compareVariables("weights after training", model.weights, train.weights, tolerances.trained);
  }
  if (train.optimizer_variables) {
    const { variables } = model.optimizer!;
    await compareVariables("optimizer after training", variables, train.optimizer_variables, tolerances.trained);
  }
  done.push(`${losses.length} further steps`);
  return done;
}
