/** Functional models: any structure of inputs and outputs, sharing, nesting, and the checks while the graph is built. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { resetNames } from "../core/names.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import * as ops from "../ops/index.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { setRandomSeed } from "../random/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import { Model } from "./model.ts";

beforeAll(registerAllBuiltins);
beforeEach(() => {
  resetNames();
  setRandomSeed(5);
});

const x34 = (): Tensor => ops.reshape(ops.arange(12, { dtype: "float32" }), [3, 4]);

describe("a graph of layers", () => {
  it("computes what its layers compute, symbolically and on numbers, without a cast", async () => {
    const inputs = Input({ shape: [4] });
    const dense = layers.Dense(2, { activation: "tanh", biasInitializer: "ones" });
    const outputs = dense(inputs);
    const model = Model({ inputs, outputs, name: "small" });
    const symbolic: KerasTensor = model(inputs);
    const numbers: Tensor = model(x34());
    expect(symbolic.shape).toEqual([null, 2]);
    const expected = ops.tanh(ops.add(ops.matmul(x34(), dense.weights[0]!.value), 1));
    expect(await numbers.array()).toEqual(await expected.array());
  });

  it("takes and gives nested structures, with dicts by name in any order and extra keys ignored", async () => {
    const a = Input({ shape: [2], name: "a" });
    const b = Input({ shape: [3], name: "b" });
    const outputs = { sum: layers.add([layers.Dense(2)(a), layers.Dense(2)(b)]), parts: [layers.Identity()(a)] };
    const model = Model({ inputs: { first: a, second: b }, outputs });
    const [va, vb] = [tensor([[1, 2]]), tensor([[3, 4, 5]])];
    const byKey = model({ second: vb, first: va });
    const byName = model({ b: vb, a: va, unused: va });
    expect(await byKey.sum.array()).toEqual(await byName.sum.array());
    expect(await byKey.parts[0]!.array()).toEqual([[1, 2]]);
    expect(Object.keys(byKey)).toEqual(["sum", "parts"]);
  });

  it("shares a layer that is called twice: its weights count once", () => {
    const a = Input({ shape: [4] });
    const b = Input({ shape: [4] });
    const shared = layers.Dense(3);
    const model = Model({ inputs: [a, b], outputs: layers.concatenate([shared(a), shared(b)]) });
    expect(model.weights.length).toBe(2);
    expect(model.countParams()).toBe(15);
    expect(shared.inboundNodes.length).toBe(2);
  });

  it("nests: a model called in a model is a layer, and two models can share layers", async () => {
    const inputs = Input({ shape: [4] });
    const encoded = layers.Dense(2, { name: "code" })(inputs);
    const encoder = Model({ inputs, outputs: encoded, name: "encoder" });
    const decoded = layers.Dense(4)(encoded);
    const autoencoder = Model({ inputs, outputs: decoded, name: "autoencoder" });
    expect(autoencoder.getLayer("code")).toBe(encoder.getLayer("code"));
    const outer = Input({ shape: [4] });
    const nested = Model({ inputs: outer, outputs: encoder(outer) });
    expect(nested.layers.map((l) => l.name)).toContain("encoder");
    expect(await nested(x34()).array()).toEqual(await encoder(x34()).array());
    expect(nested.weights).toEqual(encoder.weights);
  });

  it("gives intermediate activations through layer.output", async () => {
    const inputs = Input({ shape: [4] });
    const hidden = layers.Dense(5, { activation: "relu", name: "hidden" })(inputs);
    const model = Model({ inputs, outputs: layers.Dense(1)(hidden) });
    const features = Model({ inputs: model.inputs[0]!, outputs: model.layers.map((l) => l.output as KerasTensor) });
    const all = features(x34());
    expect(all.map((t) => t.shape)).toEqual([
      [3, 4],
      [3, 5],
      [3, 1],
    ]);
    expect(await all[2]!.array()).toEqual(await model(x34()).array());
  });

  it("starts from any tensor of a graph", async () => {
    const inputs = Input({ shape: [4] });
    const hidden = layers.Dense(5)(inputs);
    const outputs = layers.Dense(1)(hidden);
    const head = Model({ inputs: hidden, outputs });
    expect(head.inputs[0]!.shape).toEqual([null, 5]);
    expect(head(ops.ones([2, 5])).shape).toEqual([2, 1]);
  });

  it("holds ops on symbolic tensors, and methods and numbers beside them", async () => {
    const inputs = Input({ shape: [4] });
    const outputs = ops.sum(inputs.mul(2).add(1), { axis: -1, keepdims: true });
    const model = Model({ inputs, outputs });
    expect(await model(tensor([[1, 2, 3, 4]])).array()).toEqual([[24]]);
    const again = deserializeObject(serializeObject(model)) as typeof model;
    expect(await again(tensor([[1, 2, 3, 4]])).array()).toEqual([[24]]);
  });

  it("adds or drops a last axis of size 1 and converts dtypes of its inputs", async () => {
    const inputs = Input({ shape: [1] });
    const model = Model({ inputs, outputs: layers.Identity()(inputs) });
    expect(await model(tensor([1, 2, 3], [3], "int32")).array()).toEqual([[1], [2], [3]]);
  });

  it("is trained in spite of a recorded training flag, as files of Keras carry it", async () => {
    const inputs = Input({ shape: [100] });
    const model = Model({ inputs, outputs: layers.Dropout(0.5, { seed: 1 })(inputs, { training: false }) });
    const ones = ops.ones([1, 100]);
    const zeros = async (options: object): Promise<number> =>
      ((await model(ones, options).data()) as Float32Array).filter((v) => v === 0).length;
    expect(await zeros({})).toBe(0);
    expect(await zeros({ training: false })).toBe(0);
    expect(await zeros({ training: true })).toBeGreaterThan(20);
  });

  it("lists, finds and names what it holds", () => {
    const inputs = Input({ shape: [4], name: "in" });
    const model = Model({ inputs, outputs: layers.Dense(2, { name: "out" })(inputs) });
    expect(model.layers.map((l) => l.name)).toEqual(["in", "out"]);
    expect(model.getLayer("out")).toBe(model.layers[1]);
    expect(model.getLayer({ index: -1 })).toBe(model.layers[1]);
    expect(model.outputNames).toEqual(["out"]);
    expect([model.inputShape, model.outputShape]).toEqual([
      [null, 4],
      [null, 2],
    ]);
    expect(() => model.getLayer("ot")).toThrow('no layer named "ot". Existing layers: in, out');
    expect(() => model.getLayer(7)).toThrow("no layer at index 7; the model has 2 layers");
  });
});

describe("what cannot be a model says so while it is built", () => {
  const cases: [name: string, make: () => unknown, words: string | RegExp][] = [
    [
      "a disconnected graph",
      () =>
        Model({
          inputs: Input({ shape: [3] }),
          outputs: layers.Dense(2)(Input({ shape: [3], name: "other" })),
          name: "m",
        }),
      /Model "m": graph disconnected. Input "other" .* is needed for the outputs but is not among `inputs`. Add it there/,
    ],
    [
      "duplicate names",
      () => {
        const inputs = Input({ shape: [3] });
        const h = layers.Dense(3, { name: "twin" })(inputs);
        return Model({ inputs, outputs: layers.Dropout(0.1, { name: "twin" })(h) });
      },
      /the name "twin" is used twice, by a Dense and a Dropout. All layer names in a model must be unique: pass `name`/,
    ],
    [
      "numbers as inputs",
      () => Model({ inputs: ops.ones([1, 2]) as never, outputs: Input({ shape: [2] }) }),
      /must be symbolic tensors/,
    ],
    [
      "no outputs",
      () => Model({ inputs: Input({ shape: [2] }), outputs: [] as never }),
      "expected at least one tensor in `outputs`. Received: none",
    ],
    [
      "a tensor that no layer made",
      () => Model({ inputs: Input({ shape: [2] }), outputs: new KerasTensor([null, 2]) }),
      "is not connected to the inputs: it was not made by calling layers on them",
    ],
    [
      "an unknown option",
      () => Model({ inputs: Input({ shape: [2] }), outputs: Input({ shape: [2] }), nam: "x" } as never),
      "unknown option `nam`",
    ],
    [
      "outputs under another name",
      () => Model({ inputs: Input({ shape: [2] }), output: Input({ shape: [2] }) } as never),
      "keras.Model: no `outputs` among the options. Received: inputs, output. Pass both: keras.Model({ inputs, outputs })",
    ],
    [
      "inputs under another name",
      () => Model({ input: [Input({ shape: [2] })], outputs: Input({ shape: [2] }) } as never),
      "keras.Model: no `inputs` among the options. Received: input, outputs",
    ],
    ["inputs alone", () => Model(Input({ shape: [2] }) as never), "keras.Model: inputs without outputs. Pass both"],
    [
      "a name in place of options",
      () => Model(Input({ shape: [2] }), Input({ shape: [2] }), "name" as never),
      'keras.Model: expected options such as { name } behind inputs and outputs. Received: "name"',
    ],
    [
      "a layer as output",
      () => Model({ inputs: Input({ shape: [2] }), outputs: layers.Dense(1, { name: "last" }) as never }),
      'Received: Dense "last"',
    ],
  ];
  it.each(cases)("%s", (_, make, words) => {
    expect(make).toThrow(words);
  });

  it("and what cannot be fed names the input and both shapes", () => {
    const inputs = Input({ shape: [4], name: "features" });
    const model = Model({ inputs, outputs: layers.Dense(2)(inputs), name: "m" });
    expect(() => model(ops.ones([3, 5]))).toThrow(
      'model "m": data for input "features" has shape (3, 5); expected (None, 4)',
    );
    expect(() => model([ops.ones([3, 4]), ops.ones([3, 4])])).toThrow("expected 1 input (features)");
    expect(() => model({ feature: ops.ones([3, 4]) })).toThrow(
      'missing data for input "features". Received a dict with keys: feature',
    );
  });
});
