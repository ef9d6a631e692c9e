/** Every layer against real Keras: numbers, gradients, names, losses and configs, from test/fixtures/layers.json. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/grad.ts";
import * as constraints from "../constraints/index.ts";
import { DTypePolicy } from "../core/dtypePolicy.ts";
import { resetNames } from "../core/names.ts";
import type { Shape } from "../core/shape.ts";
import * as initializers from "../initializers/index.ts";
import * as ops from "../ops/index.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import * as regularizers from "../regularizers/index.ts";
import { Tensor, tensor } from "../runtime/tensor.ts";
import { type Config, registerBuiltins } from "../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, type EncodedArray, isEncoded, loadFixture } from "../testing/fixtures.ts";
import { CLASSES } from "./index.ts";
import type { LayerBase } from "./layer.ts";

interface Case {
  readonly name: string;
  readonly class: string;
  readonly args: Config;
  readonly call: Record<string, unknown>;
  readonly training: boolean | null;
  /** The inputs are one list. */
  readonly structured: boolean;
  readonly inputs: readonly EncodedArray[];
  readonly weights: readonly EncodedArray[];
  readonly weight_names: readonly string[];
  readonly weight_paths: readonly string[];
  readonly trainable: readonly boolean[];
  readonly layer_name: string;
  readonly output: EncodedArray;
  readonly c: EncodedArray;
  readonly input_gradients: readonly (EncodedArray | null)[];
  readonly weight_gradients: readonly EncodedArray[];
  readonly losses: readonly number[];
  readonly output_shape: Shape;
  readonly supports_masking: boolean;
  readonly config: Config;
  readonly built_config: Config;
}

type AnyLayer = LayerBase & ((inputs: unknown, options?: object) => unknown);

const { cases } = loadFixture<{ cases: readonly Case[] }>("layers");
const TOLERANCE = { atol: 1e-5, rtol: 1e-5 };

beforeAll(() => {
  registerBuiltins("keras", { DTypePolicy });
  registerBuiltins("keras.layers", CLASSES);
  registerBuiltins("keras.initializers", initializers.CLASSES);
  registerBuiltins("keras.regularizers", regularizers.CLASSES);
  registerBuiltins("keras.constraints", constraints.CLASSES);
});
beforeEach(resetNames);

const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};
const makeLayer = ({ class: name, args }: Case): AnyLayer => CLASSES[name]!.fromConfig!(args) as AnyLayer;
const pack = <T>({ structured }: Case, parts: readonly T[]): T | readonly T[] => (structured ? parts : parts[0]!);
const batchShapes = (test: Case): Shape[] => test.inputs.map(({ shape }) => [null, ...shape.slice(1)]);

function callOptions({ call, training }: Case, convert: (array: EncodedArray) => unknown = toTensor): object {
  const options = Object.entries(call).map(([key, value]) => [key, isEncoded(value) ? convert(value) : value]);
  return { ...Object.fromEntries(options), ...(training === null ? {} : { training }) };
}

function builtLayer(test: Case): AnyLayer {
  const layer = makeLayer(test);
  layer.build(pack(test, batchShapes(test)) as Shape);
  layer.setWeights(test.weights.map(toTensor));
  return layer;
}

async function expectClose(actual: unknown, expected: EncodedArray, label: string): Promise<void> {
  expect(actual, label).toBeInstanceOf(Tensor);
  const t = actual as Tensor;
  expect(t.shape, label).toEqual(expected.shape);
  expectAllClose(await t.data(), decode(expected).data, { ...TOLERANCE, dtype: t.dtype, label });
}

/** Python keeps some numbers as float32, JSON shows them so. */
const rounded = (config: unknown): string =>
  JSON.stringify(config, (_, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Math.fround(value) : value,
  );

describe("layers of Keras's fixture", () => {
  it("are all here", () => {
    expect(cases.map((test) => test.class).filter((name) => !(name in CLASSES))).toEqual([]);
  });

  it.each(cases)("$name: configs with Keras's keys in Keras's order", (test) => {
    const layer = makeLayer(test);
    expect(layer.name).toBe(test.layer_name);
    expect(rounded(serializeObject(layer))).toBe(rounded(test.config));
    layer.build(pack(test, batchShapes(test)) as Shape);
    expect(rounded(serializeObject(layer))).toBe(rounded(test.built_config));
    expect(layer.supportsMasking).toBe(test.supports_masking);
  });

  it.each(cases)("$name: revived from its config, built as it was", (test) => {
    const layer = deserializeObject(test.built_config) as AnyLayer;
    expect(layer.built).toBe(true);
    expect(layer.weights.map((w) => w.path)).toEqual(test.weight_paths);
    expect(JSON.parse(rounded(serializeObject(layer))).config).toEqual(JSON.parse(rounded(test.config)).config);
  });

  it.each(cases)("$name: names, shapes and flags of weights", (test) => {
    const layer = builtLayer(test);
    expect(layer.weights.map((w) => w.name)).toEqual(test.weight_names);
    expect(layer.weights.map((w) => w.path)).toEqual(test.weight_paths);
    expect(layer.weights.map((w) => w.trainable)).toEqual(test.trainable);
    expect(layer.weights.map((w) => w.shape)).toEqual(test.weights.map((w) => w.shape));
  });

  it.each(cases)("$name: symbolic and static output shape", (test) => {
    const symbolic = ({ shape, dtype }: EncodedArray) => new KerasTensor([null, ...shape.slice(1)], { dtype });
    const inputs = pack(test, test.inputs.map(symbolic));
    const output = makeLayer(test)(inputs, callOptions(test, symbolic)) as KerasTensor;
    expect(output.shape).toEqual(test.output_shape);
    expect(output.dtype).toBe(test.output.dtype);
    expect(makeLayer(test).computeOutputShape(pack(test, batchShapes(test)) as Shape)).toEqual(test.output_shape);
  });

  it.each(cases)("$name: output and losses", async (test) => {
    const layer = builtLayer(test);
    const output = layer(pack(test, test.inputs.map(toTensor)), callOptions(test));
    await expectClose(output, test.output, "output");
    const losses = await Promise.all(layer.losses.map((loss) => loss.item()));
    expectAllClose(losses, test.losses, TOLERANCE);
  });

  // The gradients of integer inputs were not made.
  const differentiable = cases.filter((test) => test.inputs.some((x) => x.dtype === "float32"));
  it.each(differentiable)("$name: gradients of inputs and weights", async (test) => {
    const layer = builtLayer(test);
    const inputs = test.inputs.map(toTensor);
    const output = layer(pack(test, inputs), callOptions(test)) as Tensor;
    const total = ops.sum(ops.multiply(output, toTensor(test.c)));
    const weights = layer.trainableWeights.map((w) => w.value);
    const found = gradientsOf(total, [...inputs, ...weights]);
    const expected = [...test.input_gradients, ...test.weight_gradients];
    expect(weights.length).toBe(test.weight_gradients.length);
    for (const [i, gradient] of expected.entries())
      if (gradient) await expectClose(found[i], gradient, `gradient ${i}`);
  });
});
