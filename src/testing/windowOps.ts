/**
 * Convolution and pooling ops against real Keras: the cases of layers that are one such op, a bias and an activation, run
 * with the op alone, on both backends.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as activations from "../activations/index.ts";
import { gradientsOf } from "../autodiff/grad.ts";
import { backendName, setBackend } from "../backend/registry.ts";
import type { Shape } from "../core/shape.ts";
import * as ops from "../ops/index.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { expectAllClose } from "./allClose.ts";
import { decode, type EncodedArray, loadFixture } from "./fixtures.ts";

type Args = Readonly<Record<string, unknown>>;

interface Case {
  readonly name: string;
  readonly class: string;
  readonly args: Args;
  readonly inputs: readonly EncodedArray[];
  readonly weights: readonly EncodedArray[];
  readonly output: EncodedArray;
  readonly c: EncodedArray;
  readonly input_gradients: readonly (EncodedArray | null)[];
  readonly weight_gradients: readonly EncodedArray[];
  readonly losses: readonly number[];
  readonly output_shape: Shape;
}

type Inputs = Tensor | KerasTensor;
type Apply = (x: Inputs, weights: readonly Tensor[], args: Args) => Inputs;

const tensorOf = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};

const NAMES = {
  strides: "strides",
  padding: "padding",
  data_format: "dataFormat",
  dilation_rate: "dilationRate",
  output_padding: "outputPadding",
};

/** The options of an op among the arguments of a layer. */
const optionsOf = (args: Args): object =>
  Object.fromEntries(Object.entries(NAMES).flatMap(([key, name]) => (key in args ? [[name, args[key]]] : [])));

/** The op of each class, without the number of its axes. */
const OPS: Readonly<Record<string, Apply>> = {
  Conv: (x, [kernel], args) => ops.conv(x, kernel!, optionsOf(args)),
  DepthwiseConv: (x, [kernel], args) => ops.depthwiseConv(x, kernel!, optionsOf(args)),
  SeparableConv: (x, [depthwise, pointwise], args) => ops.separableConv(x, depthwise!, pointwise!, optionsOf(args)),
  ConvTranspose: (x, [kernel], args) => ops.convTranspose(x, kernel!, optionsOf(args)),
  MaxPooling: (x, _, args) => ops.maxPool(x, (args.pool_size ?? 2) as number, optionsOf(args)),
  AveragePooling: (x, _, args) => ops.averagePool(x, args.pool_size as number, optionsOf(args)),
  AdaptiveMaxPooling: (x, _, args) => ops.adaptiveMaxPool(x, args.output_size as number, optionsOf(args)),
  AdaptiveAveragePooling: (x, _, args) => ops.adaptiveAveragePool(x, args.output_size as number, optionsOf(args)),
};

const opOf = (className: string): Apply | undefined => OPS[className.replace(/[123]D/, "")];

/** The layer's call written with ops. */
function run(test: Case, x: Inputs, weights: readonly Tensor[]): Inputs {
  const { args } = test;
  let y = opOf(test.class)!(x, weights, args);
  const used = test.class.startsWith("Separable") ? 2 : 1;
  const bias = weights[used];
  if (bias) {
    const rank = y.shape.length;
    const first = args.data_format === "channels_first";
    y = ops.add(y, first ? ops.reshape(bias, [1, -1, ...new Array<number>(rank - 2).fill(1)]) : bias);
  }
  return args.activation ? (activations.get(args.activation as string)(y as Tensor) as Tensor) : y;
}

/** Defines the tests for `test/fixtures/<name>.json`. Causal padding and regularizers are the layers' own. */
export function describeWindowOps(name: string): void {
  const cases = loadFixture<{ cases: Case[] }>(name).cases.filter(
    (test) => opOf(test.class) && test.args.padding !== "causal" && test.losses.length === 0,
  );
  describe.each(["onnx", "reference"])(`ops of ${name}.json on %s`, (backend) => {
    const before = backendName();
    beforeAll(() => setBackend(backend));
    afterAll(() => setBackend(before));

    it.each(cases)("$name: result and gradients", async (test) => {
      const x = tensorOf(test.inputs[0]!);
      const weights = test.weights.map(tensorOf);
      const y = run(test, x, weights) as Tensor;
      expect(y.shape).toEqual(test.output.shape);
      const found = gradientsOf(ops.sum(ops.multiply(y, tensorOf(test.c))), [x, ...weights]);
      const close = async (actual: Tensor, expected: EncodedArray, label: string): Promise<void> => {
        expectAllClose(await actual.data(), decode(expected).data, { atol: 1e-5, rtol: 1e-5, label });
      };
      await close(y, test.output, "output");
      const frozen = test.args.trainable === false;
      const expected = [...test.input_gradients, ...(frozen ? [] : test.weight_gradients)];
      for (const [i, gradient] of expected.entries()) {
        if (gradient) await close(found[i] ?? ops.zerosLike([x, ...weights][i]!), gradient, `gradient ${i}`);
      }
    });
  });

  it.each(cases)("$name: symbolic shape", (test) => {
    const { shape, dtype } = test.inputs[0]!;
    const y = run(test, new KerasTensor([null, ...shape.slice(1)], { dtype }), test.weights.map(tensorOf));
    expect(y.shape).toEqual(test.output_shape);
  });
}
