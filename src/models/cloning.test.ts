/** Copies of models: what is new in them, what stays, and what cannot be copied. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { resetNames } from "../core/names.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import type { LayerBase } from "../layers/layer.ts";
import * as ops from "../ops/index.ts";
import type { KerasTensor } from "../ops/kerasTensor.ts";
import { setRandomSeed } from "../random/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { cloneModel } from "./cloning.ts";
import { Model, type ModelBase } from "./model.ts";
import { Sequential, SequentialBase } from "./sequential.ts";

beforeAll(registerAllBuiltins);
beforeEach(() => {
  resetNames();
  setRandomSeed(5);
});

const x = tensor([
  [1, 2, 3],
  [4, -5, 6],
]);

const stack = () =>
  Sequential([Input({ shape: [3], name: "in" }), layers.Dense(4, { activation: "tanh" }), layers.Dense(2)], {
    name: "stack",
  });

/** A layer called twice, an op, a stack inside. */
function graph() {
  const a = Input({ shape: [3], name: "a" });
  const b = Input({ shape: [3], name: "b" });
  const shared = layers.Dense(3, { name: "shared" });
  const difference = ops.subtract(shared(a), shared(b));
  return Model({ inputs: { a, b }, outputs: [stack()(difference), difference], name: "graph" });
}

const names = (model: ModelBase) => model.operations.map((operation) => operation.name);
/** As in Keras, paths of a model inside that is copied whole start at its layers. */
const paths = (model: ModelBase) => model.weights.map((weight) => weight.path.split("/").slice(-2).join("/"));
const values = (model: ModelBase, data: unknown) =>
  Promise.all([(model as unknown as (data: unknown) => Tensor | Tensor[])(data)].flat().map((y) => y.array()));

describe("cloneModel", () => {
  const makers: [string, () => ModelBase, unknown][] = [
    ["a stack", stack, x],
    ["a graph", graph, { a: x, b: ops.multiply(x, 2) }],
    ["a model inside a stack", () => Sequential([stack(), layers.Dense(1)]), x],
  ];
  for (const recursive of [false, true]) {
    it.each(makers)(`copies %s with weights of its own (recursive: ${recursive})`, async (_, make, data) => {
      const model = make();
      const copy = cloneModel(model, { recursive });
      expect(copy.constructor).toBe(model.constructor);
      expect(copy.name).toBe(model.name);
      expect(names(copy)).toEqual(names(model));
      expect(paths(copy)).toEqual(paths(model));
      expect(copy.weights.filter((weight) => model.weights.includes(weight))).toEqual([]);
      expect(await values(copy, data)).not.toEqual(await values(model, data));
      copy.setWeights(model.getWeights());
      expect(await values(copy, data)).toEqual(await values(model, data));
      expect(copy.toJson()).toBe(model.toJson());
    });
  }

  it("copies a stack that has no weights yet, and one whose input came with data", async () => {
    const late = Sequential([layers.Dense(4), layers.Dense(2)], { name: "late", trainable: false });
    const copy = cloneModel(late);
    expect([copy.built, copy.name, copy.trainable, copy.layers.length]).toEqual([false, "late", false, 2]);
    await late.predict(x, { verbose: 0 });
    expect(cloneModel(late).inputShape).toEqual([null, 3]);
    expect((cloneModel(Sequential([Input({ shape: [3] })])) as Sequential).inputLayer?.batchShape).toEqual([null, 3]);
  });

  it("builds the copy on given inputs", () => {
    const inputs = { a: Input({ batchShape: [7, 3] }), b: Input({ batchShape: [7, 3] }) };
    const copy = cloneModel(graph(), { inputTensors: inputs });
    expect(copy.outputShape).toEqual([
      [7, 2],
      [7, 3],
    ]);
    expect(copy.input).toBe(inputs);
    const input = Input({ shape: [3] });
    expect(cloneModel(stack(), { inputTensors: [input] }).inputs[0]).toBe(input);
  });

  it("copies each layer by cloneFunction, once, and calls it by callFunction", () => {
    const model = graph();
    const seen: string[] = [];
    const cloneFunction = (layer: LayerBase): LayerBase => {
      seen.push(layer.name);
      return layer;
    };
    expect(cloneModel(model, { cloneFunction }).weights).toEqual(model.weights);
    expect(seen).toEqual(["shared", "stack"]);
    seen.length = 0;
    cloneModel(model, { cloneFunction, recursive: true });
    expect(seen).toEqual(["shared", "dense", "dense_1"]);

    const noisy = cloneModel(model, {
      cloneFunction,
      callFunction: (layer, ...args) => {
        const output = layer.invoke(args) as KerasTensor;
        return layer instanceof layers.Dense ? layers.Dropout(0.5)(output) : output;
      },
    });
    expect(noisy.layers.filter((layer) => layer instanceof layers.Dropout).length).toBe(2);
  });

  it("changes layers inside of nested models when recursive", () => {
    const cloneFunction = (layer: LayerBase): LayerBase =>
      layers.Dense.fromConfig({ ...layer.getConfig(), activation: "elu" });
    const copy = cloneModel(graph(), { cloneFunction, recursive: true });
    const inner = copy.layers.find((layer) => layer instanceof SequentialBase) as SequentialBase;
    expect(inner.layers.map((layer) => layer.getConfig().activation)).toEqual(["elu", "elu"]);
  });

  it("compiles the copy like the original", async () => {
    const model = stack();
    model.compile({ optimizer: "sgd", loss: "mse", metrics: ["mae"] });
    const copy = cloneModel(model);
    expect(copy.getCompileConfig()).toEqual(model.getCompileConfig());
    expect(copy.optimizer).not.toBe(model.optimizer);
    expect(cloneModel(stack()).compiled).toBe(false);
  });

  it("keeps a subclass that is made from inputs and outputs", () => {
    class Mine extends Model {}
    class Wide extends Model {
      constructor(units = 5) {
        const inputs = Input({ shape: [3] });
        super({ inputs, outputs: layers.Dense(typeof units === "number" ? units : 1)(inputs) });
      }
    }
    const inputs = Input({ shape: [3] });
    expect(cloneModel(new Mine({ inputs, outputs: layers.Dense(2)(inputs) }))).toBeInstanceOf(Mine);
    const copy = cloneModel(new Wide(6) as ModelBase);
    expect(copy).not.toBeInstanceOf(Wide);
    expect(copy.outputShape).toEqual([null, 6]);
  });

  it("copies a model with its own call through its config", async () => {
    class Twice extends Model {
      readonly dense: layers.Dense;
      readonly units: number;
      constructor({ units }: { units: number }) {
        super();
        this.units = units;
        this.dense = layers.Dense(units);
      }
      override call(inputs: Tensor): Tensor {
        return ops.multiply(this.dense(inputs), 2);
      }
      override getConfig() {
        return { units: this.units };
      }
    }
    const copy = cloneModel(new Twice({ units: 4 })) as Twice;
    expect(copy).toBeInstanceOf(Twice);
    expect(copy.units).toBe(4);
    expect(() => cloneModel(copy, { cloneFunction: (layer) => layer })).toThrow(
      "`cloneFunction` is for functional and Sequential models; the structure of a model with its own `call` is not known",
    );
  });

  it.each<[string, () => unknown, string]>([
    [
      "callFunction with a stack",
      () => cloneModel(stack(), { callFunction: (layer, ...args) => layer.invoke(args) }),
      'cloneModel of Sequential "stack": `callFunction` is for functional models',
    ],
    [
      "no function",
      () => cloneModel(graph(), { cloneFunction: 3 as never }),
      "expected `cloneFunction` to be a function. Received: 3",
    ],
    [
      "a cloneFunction without a result",
      () => cloneModel(graph(), { cloneFunction: () => undefined as never }),
      '`cloneFunction` must return a layer. Received: undefined for "shared"',
    ],
    [
      "other inputs than the model's",
      () => cloneModel(graph(), { inputTensors: [Input({ shape: [3], name: "only" })] }),
      "symbolic tensors structured like `model.input`, {a: a, b: b}. Received: [only]",
    ],
    ["numbers as inputs", () => cloneModel(stack(), { inputTensors: x as never }), "expected `inputTensors` to be one"],
    ["an unknown option", () => cloneModel(stack(), { recursiv: true } as never), 'Did you mean "recursive"'],
  ])("refuses %s", (_, run, words) => {
    expect(run).toThrow(words);
  });
});
