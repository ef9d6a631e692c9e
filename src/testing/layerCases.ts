/**
 * Layers against real Keras: what every case of a fixture in the format of layers.json has to show. Cases come from
 * tools/fixtures/layers.py and layer_cases.py.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/grad.ts";
import { resetNames } from "../core/names.ts";
import type { Shape } from "../core/shape.ts";
import { CLASSES } from "../layers/index.ts";
import type { LayerBase } from "../layers/layer.ts";
import * as ops from "../ops/index.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { Tensor, tensor } from "../runtime/tensor.ts";
import type { Config } from "../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import { expectAllClose } from "./allClose.ts";
import { decode, type EncodedArray, isEncoded, loadFixture } from "./fixtures.ts";

interface LayerCase {
  readonly name: string;
  readonly class: string;
  readonly args: Config;
  readonly call: Record<string, unknown>;
  readonly training: boolean | null;
  /** The inputs are one list. */
  readonly structured?: boolean;
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
  /** Calls one after another, and the weights after each. */
  readonly updates?: readonly { input: EncodedArray; output: EncodedArray; weights: readonly EncodedArray[] }[];
}

/** What `compute_output_shape` says where sizes are not known. */
interface ShapeCase {
  readonly class: string;
  readonly args: Config;
  readonly input_shape: Shape;
  readonly output_shape: Shape;
}

interface LayerFixture {
  readonly cases: readonly LayerCase[];
  readonly shapes?: readonly ShapeCase[];
}

type AnyLayer = LayerBase & ((inputs: unknown, options?: object) => unknown);

export interface LayerCaseOptions {
  /** @defaultValue `1e-5` */
  atol?: number;
  /** @defaultValue `1e-5` */
  rtol?: number;
  /** Cases with a wider absolute tolerance, by name. Say why. */
  wider?: Readonly<Record<string, number>>;
}

const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};
const makeLayer = ({ class: name, args }: { class: string; args: Config }): AnyLayer =>
  CLASSES[name]!.fromConfig!(args) as AnyLayer;

function callOptions({ call, training }: LayerCase, convert: (array: EncodedArray) => unknown = toTensor): object {
  const options = Object.entries(call).map(([key, value]) => [key, isEncoded(value) ? convert(value) : value]);
  return { ...Object.fromEntries(options), ...(training === null ? {} : { training }) };
}

/** What a layer is called with: its one input, or the list of them. */
const pack = <T>({ structured }: LayerCase, parts: readonly T[]): T | readonly T[] => (structured ? parts : parts[0]!);

/** The shapes that the layer was built with; some are called on one sample without a batch. */
const builtShapes = ({ built_config: { build_config: build }, inputs, structured }: LayerCase): readonly Shape[] => {
  const stated = structured ? undefined : (build as { input_shape?: Shape } | undefined)?.input_shape;
  return stated ? [stated] : inputs.map(({ shape }) => [null, ...shape.slice(1)]);
};
const builtShape = (test: LayerCase): Shape => pack(test, builtShapes(test)) as Shape;

function builtLayer(test: LayerCase): AnyLayer {
  const layer = makeLayer(test);
  layer.build(builtShape(test));
  layer.setWeights(test.weights.map(toTensor));
  return layer;
}

/** Python keeps some numbers as float32, JSON shows them so. */
const rounded = (config: unknown): string =>
  JSON.stringify(config, (_, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Math.fround(value) : value,
  );

/** Defines the tests of a fixture, `test/fixtures/<name>.json`. */
export function describeLayerCases(
  name: string,
  { atol: usual = 1e-5, rtol = 1e-5, wider = {} }: LayerCaseOptions = {},
): void {
  const { cases, shapes = [] } = loadFixture<LayerFixture>(name);

  async function expectClose(
    { name: test }: LayerCase,
    actual: unknown,
    expected: EncodedArray,
    label: string,
  ): Promise<void> {
    expect(actual, label).toBeInstanceOf(Tensor);
    const t = actual as Tensor;
    expect(t.shape, label).toEqual(expected.shape);
    expect(t.dtype, label).toBe(expected.dtype);
    const half = t.dtype === "float16" || t.dtype === "bfloat16";
    const { data } = decode(expected);
    const atol = wider[test] ?? usual;
    expectAllClose(await t.data(), data, { ...(half ? {} : { atol, rtol }), dtype: t.dtype, label });
  }

  describe(`layers of ${name}.json`, () => {
    registerAllBuiltins();
    beforeEach(resetNames);

    it.each(cases)("$name: configs with Keras's keys in Keras's order", (test) => {
      const layer = makeLayer(test);
      expect(layer.name).toBe(test.layer_name);
      expect(rounded(serializeObject(layer))).toBe(rounded(test.config));
      layer.build(builtShape(test));
      expect(rounded(serializeObject(layer))).toBe(rounded(test.built_config));
      expect(layer.supportsMasking).toBe(test.supports_masking);
    });

    it.each(cases)("$name: revived from its config, built as it was", (test) => {
      const layer = deserializeObject(test.built_config) as AnyLayer;
      expect(layer.built).toBe(true);
      expect(layer.weights.map((w) => w.name)).toEqual(test.weight_names);
      // A layer inside of another is revived first, here as in Keras: its weights' paths then start at itself.
      if (!("layer" in test.args)) expect(layer.weights.map((w) => w.path)).toEqual(test.weight_paths);
      expect(JSON.parse(rounded(serializeObject(layer))).config).toEqual(JSON.parse(rounded(test.built_config)).config);
    });

    it.each(cases)("$name: names, shapes and flags of weights", (test) => {
      const layer = builtLayer(test);
      expect(layer.weights.map((w) => w.name)).toEqual(test.weight_names);
      expect(layer.weights.map((w) => w.path)).toEqual(test.weight_paths);
      expect(layer.weights.map((w) => w.trainable)).toEqual(test.trainable);
      expect(layer.weights.map((w) => w.shape)).toEqual(test.weights.map((w) => w.shape));
    });

    it.each(cases)("$name: symbolic and static output shape", (test) => {
      const symbolic = ({ dtype, shape }: EncodedArray): KerasTensor =>
        new KerasTensor([builtShapes(test)[0]![0] ?? null, ...shape.slice(1)], { dtype });
      const inputs = pack(test, test.inputs.map(symbolic));
      const output = makeLayer(test)(inputs, callOptions(test, symbolic)) as KerasTensor;
      expect(output.shape).toEqual(test.output_shape);
      expect(output.dtype).toBe(test.output.dtype);
      expect(makeLayer(test).computeOutputShape(builtShape(test))).toEqual(test.output_shape);
    });

    it.each(cases)("$name: output and losses", async (test) => {
      const layer = builtLayer(test);
      const output = layer(pack(test, test.inputs.map(toTensor)), callOptions(test));
      await expectClose(test, output, test.output, "output");
      const losses = await Promise.all(layer.losses.map((loss) => loss.item()));
      expectAllClose(losses, test.losses, { atol: usual, rtol });
    });

    // The gradients of integer inputs were not made.
    const differentiable = cases.filter((test) => test.input_gradients.some(Boolean));
    it.each(differentiable)("$name: gradients of inputs and weights", async (test) => {
      const layer = builtLayer(test);
      const weights = layer.trainableWeights.map((w) => w.value);
      const inputs = test.inputs.map(toTensor);
      const output = layer(pack(test, inputs), callOptions(test)) as Tensor;
      const total = ops.sum(ops.multiply(output, toTensor(test.c)));
      const found = gradientsOf(total, [...inputs, ...weights]);
      expect(weights.length).toBe(test.weight_gradients.length);
      for (const [i, gradient] of [...test.input_gradients, ...test.weight_gradients].entries()) {
        if (gradient) await expectClose(test, found[i], gradient, `gradient ${i}`);
      }
    });

    const updated = cases.filter((test) => test.updates);
    if (updated.length > 0) {
      it.each(updated)("$name: weights after each of several calls", async (test) => {
        const layer = builtLayer(test);
        for (const [step, { input, output, weights }] of test.updates!.entries()) {
          await expectClose(test, layer(toTensor(input), callOptions(test)), output, `output ${step}`);
          for (const [i, expected] of weights.entries()) {
            await expectClose(test, layer.weights[i]!.value, expected, `step ${step}, ${test.weight_names[i]}`);
          }
        }
      });
    }

    if (shapes.length > 0) {
      it.each(shapes)("$class $args: shape of the output for $input_shape", (test) => {
        expect(makeLayer(test).computeOutputShape(test.input_shape)).toEqual(test.output_shape);
      });
    }
  });
}
