/** One layer in several places of a graph, with masks: which calls it has, what files say of them, how it is loaded and copied. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { resetNames } from "../core/names.ts";
import { Input } from "../layers/core/inputLayer.ts";
import * as layers from "../layers/index.ts";
import * as ops from "../ops/index.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import type { Config } from "../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { cloneModel } from "./cloning.ts";
import { Model } from "./model.ts";

beforeAll(registerAllBuiltins);
beforeEach(resetNames);

const a = tensor([[1, 2, 0]], undefined, "int32");
const b = tensor([[3, 1, 2, 2, 0]], undefined, "int32");

/** An Embedding called on two texts of different lengths. */
function twoTexts() {
  const [textA, textB] = [
    Input({ shape: [3], name: "a", dtype: "int32" }),
    Input({ shape: [5], name: "b", dtype: "int32" }),
  ];
  const shared = layers.Embedding(4, 2, { maskZero: true, name: "shared" });
  const [encodedA, encodedB] = [shared(textA), shared(textB)];
  const pooled = [encodedA, encodedB].map((x) => layers.GlobalAveragePooling1D()(x));
  const model = Model({ inputs: [textA, textB], outputs: layers.Dense(1)(layers.concatenate(pooled)), name: "texts" });
  return { model, shared, textA, textB, encodedA, encodedB };
}

const values = async (model: Model): Promise<unknown> =>
  ((await model.predict([a, b], { verbose: 0 })) as Tensor).array();

describe("a layer that is called twice", () => {
  it("has the output and the input of its first call, as in Keras, and a node for each", () => {
    const { shared, textA, textB, encodedA, encodedB } = twoTexts();
    expect(shared.output).toBe(encodedA);
    expect(shared.input).toBe(textA);
    expect(shared.inboundNodes.length).toBe(2);
    expect(shared.inboundNodes[1]!.outputs).toBe(encodedB);
    expect(shared.inboundNodes[1]!.inputTensors[0]).toBe(textB);
    expect([encodedA, encodedB].map((x) => x.kerasHistory!.nodeIndex)).toEqual([0, 1]);
  });

  it("says what to do where it was never called in a graph", () => {
    const layer = layers.Embedding(4, 2, { name: "alone" });
    layer(a);
    expect(() => layer.output).toThrow(
      /^Embedding "alone": it has no `output` because it was never called on a symbolic tensor\. Call it in a graph first: `layer\(keras\.Input\(/,
    );
    expect(() => layer.input).toThrow(/^Embedding "alone": it has no `input`/);
  });

  it("has one table in the model, which both texts train", async () => {
    const { model, shared } = twoTexts();
    expect(model.weights.filter((w) => w === shared.embeddings).length).toBe(1);
    model.compile({ optimizer: "sgd", loss: "mse" });
    const before = (await shared.embeddings!.value.array()) as number[][];
    await model.fit([a, b], tensor([[5]]), { verbose: 0 });
    const after = (await shared.embeddings!.value.array()) as number[][];
    // 3 is in the second text only, 0 is padding in both.
    expect(after.map((row, i) => String(row) !== String(before[i]))).toEqual([false, true, true, true]);
  });

  it("is in files once, with both calls and the masks as operations", () => {
    const { model } = twoTexts();
    expect(model.operations.map((operation) => operation.name)).toEqual([
      "a",
      "b",
      "shared",
      "not_equal",
      "not_equal_1",
      "global_average_pooling1d",
      "global_average_pooling1d_1",
      "concatenate",
      "dense",
    ]);
    const config = model.getConfig().layers as { name: string; inbound_nodes: Config[] }[];
    const calls = (name: string): Config[] => config.find((layer) => layer.name === name)!.inbound_nodes;
    expect(calls("shared").length).toBe(2);
    const history = (value: unknown): unknown => (value as { config: Config }).config.keras_history;
    const [{ args, kwargs }] = calls("global_average_pooling1d_1") as [{ args: unknown[]; kwargs: Config }];
    expect(history(args[0])).toEqual(["shared", 1, 0]);
    expect(history(kwargs.mask)).toEqual(["not_equal_1", 0, 0]);
  });

  it("computes the same after a copy and after a file", async () => {
    const { model } = twoTexts();
    const expected = await values(model);
    for (const copy of [cloneModel(model), deserializeObject(serializeObject(model)) as Model]) {
      expect(copy.operations.map((o) => o.name)).toEqual(model.operations.map((o) => o.name));
      copy.setWeights(model.getWeights());
      expect(await values(copy)).toEqual(expected);
    }
  });

  it("has its calls in a file in their order, and in a copy in the order in which the graph runs, as in Keras", () => {
    const { model } = twoTexts();
    const restored = deserializeObject(serializeObject(model)) as Model;
    expect(restored.getConfig()).toEqual(model.getConfig());
    const textsOf = (m: Model): string[] =>
      m.getLayer("shared").inboundNodes.map((node) => node.inputTensors[0]!.kerasHistory!.operation.name);
    expect(textsOf(model)).toEqual(["a", "b"]);
    // Of nodes of one depth the later output runs first: keras.models.clone_model gives ["b", "a"] as well.
    expect(textsOf(cloneModel(model))).toEqual(["b", "a"]);
  });
});

describe("masks in graphs", () => {
  it("are seen on symbolic tensors until a layer uses them up", () => {
    const x = layers.Embedding(4, 2, { maskZero: true })(Input({ shape: [3], dtype: "int32" }));
    expect(x.mask).toBeInstanceOf(KerasTensor);
    const dense = layers.Dense(2)(layers.Dropout(0.5)(x));
    expect(dense.mask).toBe(x.mask);
    expect(layers.Masking()(dense).mask!.kerasHistory!.operation.name).toBe("any");
    expect(layers.add([x, dense]).mask!.kerasHistory!.operation.name).toBe("logical_or");
    expect(layers.concatenate([x, layers.Dense(2)(Input({ shape: [null, 3] }))], { axis: 1 }).mask!.shape).toEqual([
      null,
      null,
    ]);
    expect(layers.GlobalAveragePooling1D()(x).mask).toBe(null);
  });

  it("pass through models inside of models, and come from outside into them", async () => {
    const words = Input({ shape: [3], dtype: "int32" });
    const encoder = Model({ inputs: words, outputs: layers.Embedding(4, 2, { maskZero: true })(words) });
    const steps = Input({ shape: [3, 2] });
    const pool = Model({ inputs: steps, outputs: layers.GlobalAveragePooling1D()(layers.Dense(2)(steps)) });
    const outer = Input({ shape: [3], dtype: "int32" });
    const model = Model({ inputs: outer, outputs: pool(encoder(outer)) });
    const x = encoder(a);
    expect(await x.mask!.array()).toEqual([[true, true, false]]);
    const dense = pool.layers[1] as layers.Dense;
    const expected = await ops.mean(dense(x).get(null, [0, 2]), { axis: 1 }).data();
    const mask = tensor([[true, true, false]]);
    const plain = ops.add(x, 0);
    for (const y of [pool(x), pool(plain, { mask }), await model.predict(a, { verbose: 0 })]) {
      expectAllClose(await (y as Tensor).data(), expected, { atol: 1e-6 });
    }
    expect(plain.mask).toBe(null);
  });

  it("are recorded where they are given", () => {
    const steps = Input({ shape: [3, 2] });
    const mask = Input({ shape: [3], dtype: "bool" });
    const y = layers.GlobalAveragePooling1D()(steps, { mask });
    expect(Model({ inputs: [steps, mask], outputs: y }).operations.length).toBe(3);
  });
});
