import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { resetNames } from "../core/names.ts";
import { Dense, Dropout, Flatten, Input } from "../layers/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { tensor } from "../runtime/tensor.ts";
import { loadModel, modelFromJson } from "../saving/savingApi.ts";
import { modelToDot } from "../viz/modelToDot.ts";
import { summaryText } from "../viz/summary.ts";
import { Model } from "./model.ts";
import { Sequential, SequentialBase } from "./sequential.ts";

beforeAll(registerAllBuiltins);
beforeEach(resetNames);

const stack = () => [Dense(4, { activation: "relu", name: "one" }), Dense(2, { name: "two" })];
const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

describe("Sequential", () => {
  it("is built at once with an Input, and hides the input layer", () => {
    const model = Sequential([Input({ shape: [3] }), ...stack()]);
    expect(model.built).toBe(true);
    expect(model.name).toBe("sequential");
    expect(model.layers.map((layer) => layer.name)).toEqual(["one", "two"]);
    expect(model.inputShape).toEqual([null, 3]);
    expect(model.outputShape).toEqual([null, 2]);
    const paths = ["one/kernel", "one/bias", "two/kernel", "two/bias"];
    expect(model.weights.map((w) => w.path)).toEqual(paths.map((path) => `sequential/${path}`));
    expect([model.path, ...model.layers.map((layer) => layer.path)]).toEqual([
      "sequential",
      "sequential/one",
      "sequential/two",
    ]);
    expect(model.countParams()).toBe(3 * 4 + 4 + 4 * 2 + 2);
    expect(model.outputNames).toEqual(["two"]);
  });

  it("is built by the first data otherwise", async () => {
    const model = new Sequential(stack(), { name: "late" });
    expect(model.built).toBe(false);
    expect(model.weights).toEqual([]);
    const y = await model.predict(x, { verbose: 0 });
    expect(y.shape).toEqual([2, 2]);
    expect(model.built).toBe(true);
    expect(model.inputShape).toEqual([null, 3]);
    expect(model.getBuildConfig()).toEqual({ input_shape: [null, 3] });
  });

  it("computes what its layers compute one after the other", async () => {
    const model = Sequential([Input({ shape: [3] }), ...stack()]);
    const [one, two] = model.layers as [ReturnType<typeof Dense>, ReturnType<typeof Dense>];
    expect(await (model(x) as typeof x).array()).toEqual(await (two(one(x)) as typeof x).array());
  });

  it("grows and shrinks", () => {
    const model = Sequential();
    model.add(Input({ shape: [3] }));
    expect(model.built).toBe(false);
    for (const layer of stack()) model.add(layer);
    expect(model.outputShape).toEqual([null, 2]);
    expect(model.pop().name).toBe("two");
    expect(model.outputShape).toEqual([null, 4]);
    model.pop();
    expect(model.built).toBe(false);
    expect(() => {
      model.pop();
      model.pop();
    }).toThrow(/there is no layer to remove/);
  });

  it("waits with building when asked to", () => {
    const model = Sequential([Input({ shape: [3] })]);
    model.add(Dense(2), { rebuild: false });
    expect(model.built).toBe(false);
    model.add(Dense(5));
    expect(model.outputShape).toEqual([null, 5]);
    expect(model.pop({ rebuild: false }).name).toBe("dense_1");
    expect(model.built).toBe(false);
    expect((model(x) as typeof x).shape).toEqual([2, 2]);
    expect(() => model.add(Dense(1), { rebuil: true } as never)).toThrow('Did you mean "rebuild"');
  });

  it("can do what a functional model can", async () => {
    const model = Sequential([Input({ shape: [3] }), ...stack()], { name: "s" });
    const features = Model({ inputs: model.inputs[0]!, outputs: model.layers.map((layer) => layer.output) });
    expect(features.outputShape).toEqual([
      [null, 4],
      [null, 2],
    ]);
    expect(model.getLayer("one")).toBe(model.layers[0]);
    expect(model.getLayer(1).name).toBe("two");
    expect(model.computeOutputShape([7, 3])).toEqual([7, 2]);
    expect(Sequential(stack()).computeOutputShape([null, 3])).toEqual([null, 2]);
    const again = modelFromJson(model.toJson()) as Sequential;
    again.setWeights(model.getWeights());
    expect(again.outputNames).toEqual(["two"]);
    const bytes = await again.toBytes();
    const loaded = await loadModel(bytes);
    expect(await (await loaded.predict(x, { verbose: 0 })).array()).toEqual(await (model(x) as typeof x).array());
    expect(summaryText(model)).toContain("Total params: 26 ");
    expect(modelToDot(model)).toContain("two");
  });

  it("takes a built model as its first layer, and is a layer itself", () => {
    const inputs = Input({ shape: [2, 3] });
    const inner = Model({ inputs, outputs: Flatten()(inputs), name: "inner" });
    const head = Sequential([inner, Dense(5)], { name: "head" });
    expect(head.inputShape).toEqual([null, 2, 3]);
    const outer = Input({ shape: [2, 3] });
    const model = Model({ inputs: outer, outputs: head(outer) });
    expect(model.outputShape).toEqual([null, 5]);
    expect(model.weights.length).toBe(2);
  });

  it("trains", async () => {
    const model = Sequential([...stack(), Dropout(0.1)]);
    model.compile({ optimizer: "sgd", loss: "mse" });
    const history = await model.fit(
      x,
      tensor([
        [1, 0],
        [0, 1],
      ]),
      { epochs: 2, verbose: 0 },
    );
    expect(history.history.loss!.every(Number.isFinite)).toBe(true);
  });

  it("freezes its layers and comes back from its config", () => {
    const model = Sequential([Input({ shape: [3] }), ...stack()], { name: "s" });
    model.trainable = false;
    expect(model.trainableWeights).toEqual([]);
    const again = Sequential.fromConfig(model.getConfig());
    expect(again).toBeInstanceOf(SequentialBase);
    expect(again.getConfig()).toEqual(model.getConfig());
    expect(again.layers.every((layer) => !layer.trainable)).toBe(true);
  });

  it.each<[string, () => unknown, RegExp]>([
    ["something that is no layer", () => Sequential([7 as never]), /only layers can be added.*Received: 7/],
    ["no list", () => Sequential("relu" as never), /expected a list of layers\. Received: "relu"/],
    ["an unknown option", () => Sequential([], { nam: "x" } as never), /unknown option `nam`.*Did you mean "name"/],
    ["a name twice", () => Sequential([Dense(1, { name: "a" }), Dense(1, { name: "a" })]), /"a" is used twice/],
    ["two inputs", () => Sequential([Input({ shape: [3] }), Input({ shape: [4] })]), /input shape \(None, 3\) already/],
    ["building nothing", () => Sequential().build([null, 3]), /no layers to build/],
    [
      "asking for inputs too early",
      () => Sequential(stack()).inputs,
      /`inputs` is not known before the model is built/,
    ],
    ["asking for outputs too early", () => Sequential(stack()).outputShape, /`outputShape` is not known before/],
  ])("refuses %s", (_, run, words) => {
    expect(run).toThrow(words);
  });

  it("refuses to be built with another shape than declared", () => {
    for (const layers of [[Input({ shape: [3] })], [Input({ shape: [3] }), Dense(2)]]) {
      const model = Sequential(layers);
      expect(() => model.build([null, 4])).toThrow(
        /it has input shape \(None, 3\); it cannot be built with \(None, 4\)/,
      );
    }
  });
});
