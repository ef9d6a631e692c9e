/** Activations against real Keras (test/fixtures/activations.json): outputs, gradients, names. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/grad.ts";
import { backendName, setBackend } from "../backend/registry.ts";
import { Input } from "../layers/core/inputLayer.ts";
import * as ops from "../ops/index.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { type Tensor, tensor, tensorFromHost } from "../runtime/tensor.ts";
import type { Config } from "../serialization/registry.ts";
import { registerBuiltinFunctions } from "../serialization/registry.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import * as activations from "./index.ts";

interface HalfCase {
  readonly name: string;
  readonly args: Config;
  readonly input: EncodedArray;
  readonly output: EncodedArray;
}

interface Case extends HalfCase {
  readonly c: EncodedArray;
  readonly gradient: EncodedArray;
  readonly serialized: string;
}

const fixture = loadFixture<{ cases: Case[]; half: HalfCase[] }>("activations");

registerBuiltinFunctions(activations.functionsByName);

const load = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensorFromHost(data, shape, dtype);
};
const camel = (key: string): string => key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
const named = (name: string): string => ({ hard_swish: "hardSilu", swish: "silu" })[name] ?? camel(name);

function apply({ name, args }: HalfCase, x: Tensor): Tensor {
  const fn = (activations as unknown as Record<string, (x: Tensor, ...rest: unknown[]) => Tensor>)[named(name)]!;
  if (name === "threshold") return fn(x, args.threshold, args.default_value);
  const options = Object.entries(args).map(([key, value]) => [camel(key), value] as const);
  return options.length === 0 ? fn(x) : fn(x, Object.fromEntries(options));
}

const labelled = fixture.cases.map((c) => [`${c.name} ${JSON.stringify(c.args)}`, c] as const);

describe.each(["onnx", "reference"])("activations on %s", (name) => {
  const before = backendName();
  beforeAll(() => setBackend(name));
  afterAll(() => setBackend(before));

  it.each(labelled)("%s", async (_, c) => {
    const x = load(c.input);
    const y = apply(c, x);
    expect(y.shape).toEqual(c.output.shape);
    const [gradient] = gradientsOf(ops.sum(ops.multiply(y, load(c.c))), [x]);
    // x + √(x² + b) of a large negative x: float32 gives 0, the float64 of `reference` the true 1e-4.
    const atol = c.name === "squareplus" && name === "reference" ? 2e-4 : 2e-6;
    expectAllClose(await y.data(), decodeNumbers(c.output), { atol, rtol: 1e-5 });
    expectAllClose(await gradient!.data(), decodeNumbers(c.gradient), { atol: 5e-6, rtol: 2e-5 });
  });

  it.each(fixture.half.map((c) => [c.name, c] as const))("%s in float16", async (_, c) => {
    const y = apply(c, load(c.input));
    expect(y.dtype).toBe("float16");
    expectAllClose(await ops.cast(y, "float32").data(), decodeNumbers(c.output), { atol: 1e-3, rtol: 4e-3 });
  });
});

describe("get and serialize", () => {
  it.each(labelled.filter(([, c]) => Object.keys(c.args).length === 0))("%s", (_, { name, serialized }) => {
    const fn = activations.get(name);
    expect(activations.serialize(fn)).toBe(serialized);
    expect(activations.deserialize(serialized)).toBe(fn);
  });

  it("gives linear for null and functions as they are", () => {
    const mine = (x: Tensor): Tensor => ops.multiply(x, 2);
    expect(activations.get(null)).toBe(activations.linear);
    expect(activations.get(mine)).toBe(mine);
    expect(activations.nameOf(mine)).toBe("mine");
  });

  it("names the nearest activation for one that does not exist", () => {
    expect(() => activations.get("rellu")).toThrow('unknown activation "rellu". Did you mean "relu"?');
    expect(() => activations.get(3 as never)).toThrow(
      "expected an activation: a name, a config, a function or a layer",
    );
  });
});

describe("activations", () => {
  it("stand in a graph", () => {
    const x = Input({ shape: [4] });
    for (const fn of [activations.relu, activations.mish, activations.softmax, activations.linear]) {
      const y = fn(x);
      expect(y).toBeInstanceOf(KerasTensor);
      expect(y.shape).toEqual([null, 4]);
    }
  });

  it("keep large inputs finite", async () => {
    const x = tensor([-1000, -100, 0, 100, 1000]);
    for (const name of [
      "sigmoid",
      "tanh",
      "softplus",
      "silu",
      "gelu",
      "mish",
      "softmax",
      "log_sigmoid",
      "selu",
      "elu",
    ]) {
      const values = Array.from((await activations.get(name)(x).data()) as Float32Array);
      expect(values.every(Number.isFinite), name).toBe(true);
    }
  });
});
