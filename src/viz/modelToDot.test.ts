import { describe, expect, it } from "vitest";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model } from "../models/model.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { camelCased, loadCases, type ModelCase, mnistMlp, modelOf } from "../testing/exampleModels.ts";
import { DotGraph } from "./dotGraph.ts";
import { type ModelToDotOptions, modelToDot } from "./modelToDot.ts";

interface DotCase extends ModelCase {
  readonly dot: string;
}

const cases = loadCases<DotCase>("dot");

describe("modelToDot", () => {
  it.each(cases.map((c, i) => [i, c.model, JSON.stringify(c.options), c] as const))(
    "case %i: %s, %s is Keras's graph",
    (_, _model, _options, c) => {
      expect(modelToDot(modelOf(cases, c), camelCased(c.options) as ModelToDotOptions)).toBe(c.dot);
    },
  );

  it("draws a model with its own `call` as one box, with `?` for what only data tells", () => {
    class Doubling extends Model {
      dense = layers.Dense(3, { name: "dense" });
      override call(x: never): unknown {
        return this.dense(x);
      }
    }
    const model = new Doubling({ name: "doubling" });
    model.dense.build([null, 2]);
    model.built = true;
    const dot = modelToDot(model, { showShapes: true, showDtype: true, showTrainable: true });
    expect(dot.match(/ \[label=/g)).toHaveLength(1);
    expect(dot).toContain("<b>doubling</b> (Doubling)");
    expect(dot).toContain("Input shape: <b>?</b>");
    expect(dot).toContain("Output shape: <b>?</b>");
    expect(dot).toContain("Output dtype: <b>?</b>");
    expect(dot).toContain("<b>Trainable</b>");
  });

  it("escapes what would be markup in names", () => {
    const inputs = Input({ shape: [2], name: "a<b>&c" });
    const model = Model({ inputs, outputs: layers.Dense(1, { name: "d" })(inputs) });
    expect(modelToDot(model)).toContain("<b>a&lt;b&gt;&amp;c</b>");
  });

  it("names an activation of the user by its function", () => {
    const inputs = Input({ shape: [2], name: "x" });
    const twice = (x: Tensor): Tensor => x;
    const model = Model({ inputs, outputs: layers.Dense(1, { name: "d", activation: twice })(inputs) });
    expect(modelToDot(model, { showLayerActivations: true })).toContain("Activation: <b>twice</b>");
  });

  it.each<[string, unknown, string]>([
    ["an unknown option", { show_shape: true }, 'unknown option `show_shape`. Did you mean "showShapes"?'],
    ["a flag", { showShapes: "yes" }, 'expected `showShapes` to be a boolean. Received: "yes"'],
    ["a direction", { rankdir: "down" }, 'expected `rankdir` to be one of "TB", "LR", "BT", "RL". Received: "down"'],
    ["a kind of edges", { splines: "arc" }, 'expected `splines` to be one of "ortho", "curved"'],
    ["a resolution", { dpi: 0 }, "expected `dpi` to be a positive number. Received: 0"],
  ])("refuses %s", (_, options, words) => {
    expect(() => modelToDot(mnistMlp(), options as ModelToDotOptions)).toThrow(words);
  });

  it("asks for a model that is built", () => {
    class Unbuilt extends Model {}
    const words =
      'Unbuilt "unbuilt" has not yet been built, so its shapes are unknown. Build it first: call it on a batch';
    expect(() => modelToDot(new Unbuilt({ name: "unbuilt" }))).toThrow(words);
    expect(() => modelToDot(layers.Dense(2, { name: "d" }) as never)).toThrow("modelToDot: expected a model.");
  });
});

describe("DotGraph", () => {
  // What pydot 4.0.1 writes: Cluster(name).to_string(), with label set to the name.
  it.each([
    ["encoder", "cluster_encoder", "encoder"],
    ["my_net", "cluster_my_net", '"my_net"'],
    ["my-net", '"cluster_my-net"', '"my-net"'],
    ["2nd", "cluster_2nd", '"2nd"'],
    ["2", "cluster_2", "2"],
    ["2.5", '"cluster_2.5"', "2.5"],
    ["net é", '"cluster_net é"', '"net é"'],
    ["é", '"cluster_é"', "é"],
    ["node", "cluster_node", '"node"'],
  ])("writes the name %j as pydot does", (name, head, label) => {
    expect(DotGraph.cluster(name, { label: name }).toString()).toBe(`subgraph ${head} {\nlabel=${label};\n}\n`);
  });
});
