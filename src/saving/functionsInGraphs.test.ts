/** Functions in what is saved: a file holds names of functions, never their code. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as keras from "../node.ts";

const { layers, ops } = keras;
type Tensor = keras.Tensor;
type KerasTensor = keras.KerasTensor;

const x = keras.Input({ shape: [3] });
const modelOf = (outputs: unknown): keras.Model => keras.Model({ inputs: x, outputs: outputs as KerasTensor });
const twice = (t: Tensor): Tensor => t.mul(2);
const onSymbolic = ops as unknown as Record<string, (...args: unknown[]) => unknown>;

describe("ops with functions in a graph", () => {
  it.each<[string, () => unknown]>([
    ["map", () => onSymbolic.map!(twice, x)],
    ["scan", () => (onSymbolic.scan!((c: Tensor, t: Tensor) => [c.add(t), c], ops.zeros([3]), x) as unknown[])[0]],
    ["whileLoop", () => onSymbolic.whileLoop!((t: Tensor) => t.sum().less(100), twice, x)],
    ["foriLoop", () => onSymbolic.foriLoop!(0, 3, (_: unknown, t: Tensor) => twice(t), x)],
    ["switch", () => onSymbolic.switch!(ops.cast(ops.sum(x), "int32"), [twice, twice], x)],
    ["vectorizedMap", () => onSymbolic.vectorizedMap!(twice, x)],
    ["associativeScan", () => onSymbolic.associativeScan!((a: Tensor, b: Tensor) => a.add(b), x)],
    ["vectorize", () => (onSymbolic.vectorize!(twice) as typeof onSymbolic.map)!(x)],
  ])("ops.%s is refused on save, before anything is written, and its layer is not", async (op, make) => {
    const model = modelOf(make());
    const words = new RegExp(
      `^serialize: ops\\.${op} in a graph \\(operation "[a-z_0-9]+"\\) cannot be written to a file, for a file holds no functions\\. Put it into a layer`,
    );
    await expect(model.toBytes()).rejects.toThrow(words);
    expect(() => model.toJson()).toThrow(words);
    const folder = mkdtempSync(join(tmpdir(), "keras-ts-functions-"));
    try {
      await expect(model.save(join(folder, "model.keras"))).rejects.toThrow(words);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("work in the call of a layer", async () => {
    class Mapped extends layers.Layer {
      override call(t: Tensor): Tensor {
        return ops.map(twice, t) as Tensor;
      }
    }
    const model = modelOf(new Mapped()(x));
    const again = await keras.models.loadModel(await model.toBytes(), { customObjects: { Mapped } });
    expect(await again(ops.ones([2, 3])).array()).toEqual([
      [2, 2, 2],
      [2, 2, 2],
    ]);
  });
});

describe("functions as options of calls", () => {
  type Options = keras.layers.CallOptions & { fn?: (t: Tensor) => Tensor };
  class Applies extends layers.Layer {
    override call(t: Tensor, { fn }: Options = {}): Tensor {
      return fn!(t);
    }
  }
  const applied = (fn: (t: Tensor) => Tensor): keras.Model => modelOf(new Applies({ name: "applies" })(x, { fn }));

  it("that only the option names are refused", async () => {
    const inline = modelOf(new Applies({ name: "applies" })(x, { fn: (t: Tensor) => t.mul(2) }));
    for (const model of [inline, applied((t: Tensor) => t.mul(2))]) {
      await expect(model.toBytes()).rejects.toThrow(
        /^Applies "applies": the option `fn` of a call is a function without a name of its own, which no file can hold\. Make it part of the layer, in its `call`; or register it/,
      );
    }
  });

  it("come back by name: handed in, registered, or Keras's", async () => {
    function tripled(t: Tensor): Tensor {
      return t.mul(3);
    }
    const registered = keras.saving.registerKerasSerializable((t: Tensor) => t.mul(3), { name: "byThree" });
    const absolute = keras.activations.relu;
    for (const fn of [tripled, registered, absolute]) {
      const model = applied(fn);
      const again = await keras.models.loadModel(await model.toBytes(), { customObjects: { Applies, tripled } });
      const data = ops.ones([1, 3]);
      expect(await again(data).array()).toEqual(await model(data).array());
    }
  });
});

it("two functions of one name are refused: a file could not tell them apart", async () => {
  const dense = (activation: (t: Tensor) => Tensor, input: KerasTensor) => layers.Dense(2, { activation })(input);
  const two = modelOf(
    layers.Dense(2, { activation: (t: Tensor) => t.mul(2) })(
      layers.Dense(2, { activation: (t: Tensor) => t.mul(3) })(x),
    ),
  );
  await expect(two.toBytes()).rejects.toThrow(
    /two functions are called "activation", so a file could not tell them apart\. Give each a name of its own/,
  );
  const model = modelOf(dense(twice, dense(twice, x)));
  const again = await keras.models.loadModel(await model.toBytes(), { customObjects: { twice } });
  expect(await again(ops.ones([1, 3])).array()).toEqual(await model(ops.ones([1, 3])).array());
});
