/** What a config may get wrong, and what is said about it. That right ones are read and written as in Keras: test/saving. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SerializationError } from "../core/errors.ts";
import { resetNames } from "../core/names.ts";
import { Add, Dense, Input } from "../layers/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import type { Config } from "../serialization/registry.ts";
import { graphFromConfig } from "./functionalConfig.ts";
import { Model } from "./model.ts";

beforeAll(registerAllBuiltins);
beforeEach(resetNames);

interface LayerEntry {
  class_name: string;
  config: Config;
  name?: string;
  inbound_nodes: unknown;
}
type ModelConfig = Config & { layers: LayerEntry[]; input_layers: unknown; output_layers: unknown };

/** The config of a small model as a file holds it. */
function config(): ModelConfig {
  const x = Input({ shape: [3], name: "x" });
  const dense = Dense(3, { name: "dense" });
  const y = Add({ name: "add" })([dense(x), dense(dense(x))]);
  return JSON.parse(JSON.stringify(Model({ inputs: x, outputs: y, name: "m" }).getConfig()));
}

const tensorFrom = (...history: unknown[]): Config => ({
  args: [{ class_name: "__keras_tensor__", config: { shape: [null, 3], dtype: "float32", keras_history: history } }],
  kwargs: {},
});

describe("graphFromConfig", () => {
  it("replays calls whose tensors come later in the file, and calls of one layer in their order", () => {
    const changed = config();
    changed.layers.reverse();
    const { inputs, outputs } = graphFromConfig(changed, undefined);
    const model = Model({ inputs, outputs, name: "m" });
    expect(model.getConfig()).toEqual(config());
  });

  it("reads calls in the format of older files", () => {
    const old = config();
    old.layers[1]!.inbound_nodes = [[["x", 0, 0, {}]], [["dense", 0, 0, {}]], [["dense", 1, 0, {}]]];
    old.layers[2]!.inbound_nodes = [
      [
        ["dense", 0, 0, {}],
        ["dense", 2, 0, {}],
      ],
    ];
    old.input_layers = [["x", 0, 0]];
    old.output_layers = [["add", 0, 0]];
    const { inputs, outputs } = graphFromConfig(old, undefined);
    const model = Model({ inputs, outputs });
    expect(model.layers.map((layer) => layer.name)).toEqual(["x", "dense", "add"]);
    expect(model.getLayer("dense").inboundNodes.length).toBe(3);
  });

  it.each<[string, (c: ModelConfig) => void, RegExp]>([
    ["no layers", (c) => Reflect.set(c, "layers", 7), /model "m": the config has no list of layers/],
    ["an entry that is no object", (c) => Reflect.set(c.layers, 1, null), /layers\[1\] is not an object/],
    [
      "an unknown class",
      (c) => Reflect.set(c.layers[1]!, "class_name", "Dens"),
      /config\.layers\[1\]: unknown class "Dens"\. Did you mean "Dense"/,
    ],
    [
      "an object that is no layer",
      (c) => Object.assign(c.layers[1]!, { module: "keras.initializers", class_name: "Zeros", config: {} }),
      /layers\[1\] is no layer and no operation/,
    ],
    [
      "calls that are no list",
      (c) => Reflect.set(c.layers[1]!, "inbound_nodes", {}),
      /`inbound_nodes` of layers\[1\] must be a list of calls\. Received: Object/,
    ],
    [
      "a call that is nothing",
      (c) => Reflect.set(c.layers[1]!, "inbound_nodes", [3]),
      /a call of "dense" is not readable: 3/,
    ],
    [
      "a tensor from nowhere",
      (c) => Reflect.set(c.layers[1]!, "inbound_nodes", [tensorFrom("x")]),
      /comes from nowhere: expected keras_history to be \[layer name, call, output\]\. Received: \["x"\]/,
    ],
    [
      "a tensor of an unknown layer",
      (c) => Reflect.set(c.layers[1]!, "inbound_nodes", [tensorFrom("y", 0, 0)]),
      /unknown layer "y" in the config; it has: x, dense, add/,
    ],
    [
      "a loop",
      (c) => Reflect.set(c.layers[1]!, "inbound_nodes", [tensorFrom("dense", 0, 0)]),
      /has a loop or a missing node at: "dense" \(Dense\), "add" \(Add\)/,
    ],
    [
      "an output that does not exist",
      (c) => Reflect.set(c, "output_layers", ["add", 5, 0]),
      /missing node: \["add",5,0\]/,
    ],
    [
      "outputs that are nothing",
      (c) => Reflect.set(c, "output_layers", true),
      /inputs or outputs are not readable: true/,
    ],
  ])("says what is wrong with %s", (_, change, words) => {
    const broken = config();
    change(broken);
    const read = (): unknown => graphFromConfig(broken, undefined);
    expect(read).toThrow(SerializationError);
    expect(read).toThrow(words);
  });
});
