/** Policies by path against Keras: which key fits, configs, and layers and models that compute under a map. */
import { afterEach, describe, expect, it } from "vitest";
import { setDtypePolicy } from "./core/dtypePolicy.ts";
import * as keras from "./node.ts";
import { expectAllClose } from "./testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "./testing/fixtures.ts";

const { dtypePolicies, layers, mixedPrecision } = keras;
const { DTypePolicy, DTypePolicyMap } = dtypePolicies;
type Config = Record<string, unknown>;

interface State {
  readonly path: string | null;
  readonly compute_dtype: string;
  readonly variable_dtype: string;
}
interface WeightFact {
  readonly path: string;
  readonly dtype: string;
  readonly value: EncodedArray;
}
interface LayerFact {
  readonly name: string;
  readonly config: { readonly class_name: string; readonly config: Config };
  readonly inputs: readonly EncodedArray[];
  readonly state: readonly State[];
  readonly weights: readonly WeightFact[];
  readonly output_dtype: keras.DType;
  readonly output: EncodedArray;
}
interface Fixture {
  readonly lookups: readonly { readonly path: string; readonly name: string | null }[];
  readonly configs: Readonly<Record<string, { readonly config: Config }>>;
  readonly names: Readonly<Record<string, string>>;
  readonly layers: readonly LayerFact[];
  readonly model: {
    readonly config: { readonly config: Config };
    readonly x: EncodedArray;
    readonly weights: readonly WeightFact[];
    readonly state: readonly State[];
    readonly y_dtype: keras.DType;
    readonly y: EncodedArray;
  };
}

const fixture = loadFixture<Fixture>("dtype_policies");

const encoder = () =>
  DTypePolicyMap("float32", {
    policyMap: {
      "encoder/layer_0/dense": "bfloat16",
      "encoder/.*": "mixed_float16",
      decoder: DTypePolicy("mixed_bfloat16"),
      "encoder/attention/.*": "float16",
    },
  });

const toTensor = (array: EncodedArray): keras.Tensor => {
  const { data, shape, dtype } = decode(array);
  return keras.tensor(data, shape, dtype);
};

/** What Keras has a path for, by path. */
const stateOf = (all: readonly State[]): State[] =>
  all.filter(({ path }) => path !== null).sort((a, b) => (a.path! < b.path! ? -1 : 1));

const ownState = (all: readonly unknown[]): State[] =>
  (all as keras.Layer[]).map(({ path, computeDtype, variableDtype }) => ({
    path,
    compute_dtype: computeDtype,
    variable_dtype: variableDtype,
  }));

/** @param path - What a weight is called whose path was another one in the model that was saved. */
function expectWeights(
  weights: readonly keras.Variable[],
  facts: readonly WeightFact[],
  path = (fresh: string): string => fresh,
): void {
  expect(weights.map((w) => [w.path, w.dtype])).toEqual(facts.map((fact) => [path(fact.path), fact.dtype]));
}

/** As in Keras, paths of weights start at a layer that is revived before the one around it. */
const revived = (path: string): string => path.replace("inner/", "");

async function expectOutput(output: keras.Tensor, dtype: keras.DType, expected: EncodedArray): Promise<void> {
  expect([output.dtype, output.shape]).toEqual([dtype, [...expected.shape]]);
  expectAllClose(await output.data(), decodeNumbers(expected), { dtype, family: "model" });
}

afterEach(() => setDtypePolicy(null));

describe("a map of policies", () => {
  it.each(fixture.lookups)('has for "$path" what Keras has', ({ path, name }) => {
    if (name !== null) expect(encoder().get(path).name).toBe(name);
    else {
      expect(() => encoder().get(path)).toThrow(
        'DTypePolicyMap: several keys fit the path "encoder/attention/query": "encoder/.*", "encoder/attention/.*". ' +
          "Change them so that one does, or give the path a key of its own",
      );
    }
  });

  it("is called as Keras calls it, and computes as its default says", () => {
    const made = {
      map: encoder(),
      "map of mixed": DTypePolicyMap("mixed_float16"),
      "map of nothing": DTypePolicyMap(),
    };
    expect(Object.fromEntries(Object.entries(made).map(([key, { name }]) => [key, name]))).toEqual(fixture.names);
    const { computeDtype, variableDtype } = made["map of mixed"];
    expect([computeDtype, variableDtype]).toEqual(["float16", "float32"]);
    expect(new DTypePolicyMap()).toBeInstanceOf(DTypePolicy);
  });

  it("works like a Map", () => {
    const map = DTypePolicyMap({ defaultPolicy: "float16", policyMap: { a: "float32" } });
    map.set("b/.*", "bfloat16");
    expect([map.size, map.has("b/.*"), map.has("b/c"), [...map.keys()]]).toEqual([2, true, false, ["a", "b/.*"]]);
    expect([...map].map(([key, policy]) => [key, policy.name])).toEqual([
      ["a", "float32"],
      ["b/.*", "bfloat16"],
    ]);
    expect([map.delete("a"), map.delete("a"), map.get("a").name]).toEqual([true, false, "float16"]);
    expect(String(map)).toBe('<DTypePolicyMap "float16", {"b/.*": "bfloat16"}>');
  });

  it("takes the global policy as default", () => {
    setDtypePolicy("mixed_bfloat16");
    expect(DTypePolicyMap().defaultPolicy.name).toBe("mixed_bfloat16");
    setDtypePolicy(encoder());
    expect([DTypePolicyMap().name, DTypePolicy().name]).toEqual(["map_float32", "float32"]);
  });

  it("is written and read as Keras's files have it", () => {
    const { "no default": withoutDefault, "float policy": floatPolicy, ...configs } = fixture.configs;
    const made = {
      "default by name": encoder(),
      "default by policy": DTypePolicyMap(DTypePolicy("mixed_float16"), { policyMap: { a: "float32" } }),
      policy: DTypePolicy("mixed_bfloat16"),
    };
    for (const [label, policy] of Object.entries(made)) {
      expect(dtypePolicies.serialize(policy), label).toEqual(configs[label]);
      const again = dtypePolicies.deserialize(configs[label] as Config);
      expect([again.constructor, dtypePolicies.serialize(again)], label).toEqual([policy.constructor, configs[label]]);
      expect(String(dtypePolicies.get(configs[label] as Config)), label).toBe(String(policy));
    }
    // Keras forgets the names in a map without a default, and reads the global policy instead; here they stay.
    setDtypePolicy("float64");
    const forgotten = dtypePolicies.deserialize(withoutDefault as Config) as keras.dtypePolicies.DTypePolicyMap;
    expect([forgotten.name, forgotten.get("a").name]).toEqual(["map_float64", "float64"]);
    const kept = dtypePolicies.serialize(DTypePolicyMap(null, { policyMap: { a: "float16" } }));
    expect(kept.config).toEqual({
      ...withoutDefault!.config,
      policy_map: {
        a: { module: "keras", class_name: "DTypePolicy", config: { name: "float16" }, registered_name: null },
      },
    });
    expect(dtypePolicies.deserialize(floatPolicy as Config).name).toBe("float16");
  });

  it.each<[string, () => unknown, string]>([
    [
      "a map as default",
      () => DTypePolicyMap(encoder()),
      "DTypePolicyMap: expected `defaultPolicy` to be a policy for one layer. Received: <DTypePolicyMap",
    ],
    [
      "a map inside",
      () => encoder().set("x", encoder()),
      'DTypePolicyMap: expected the policy of "x" to be a policy for one layer',
    ],
    [
      "no policies",
      () => DTypePolicyMap(null, { policyMap: [] as never }),
      "DTypePolicyMap: expected `policyMap` to be an object of policies. Received: []",
    ],
    [
      "another option",
      () => DTypePolicyMap({ defaultPolicy: null, policies: {} } as never),
      "DTypePolicyMap: unknown option `policies`. Known options: defaultPolicy, policyMap.",
    ],
    [
      "a key twice",
      () => encoder().set("decoder", "float16"),
      'DTypePolicyMap: key "decoder" is there already, with <DTypePolicy "mixed_bfloat16">. Delete it before setting it',
    ],
    [
      "a key that is no pattern",
      () => encoder().set("encoder/(", "float16"),
      'DTypePolicyMap: expected a path of layers or a regular expression for it, such as "encoder/.*". Received: "encoder/("',
    ],
    ["no policy for a key", () => encoder().set("x", "float61"), 'unknown dtype "float61"'],
    [
      "a quantized policy",
      () =>
        DTypePolicyMap("float32", {
          policyMap: { a: { class_name: "QuantizedDTypePolicy", config: { mode: "int8", source_name: "float32" } } },
        }),
      'dtype: quantized policies are not supported. Received: "QuantizedDTypePolicy"',
    ],
    [
      "a config of nothing",
      () => dtypePolicies.deserialize({ name: "float32" }),
      "dtypePolicies.deserialize: expected the config of a policy, as `serialize` gives it. Received: Object",
    ],
  ])("says what is wrong: %s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});

describe("layers under a map", () => {
  it.each(fixture.layers)("$name: each part has its policy, as in Keras", async (fact) => {
    const cls = layers[fact.config.class_name as "Dense"];
    const layer = cls.fromConfig(fact.config.config) as keras.Layer;
    const inputs = fact.inputs.map(toTensor);
    const call = layer as unknown as (...inputs: unknown[]) => keras.Tensor;
    call(...inputs);
    expect(stateOf(ownState(layer.flattenLayers()))).toEqual(stateOf(fact.state));
    expectWeights(layer.weights, fact.weights);
    layer.setWeights(fact.weights.map((w) => toTensor(w.value)));
    await expectOutput(call(...inputs), fact.output_dtype, fact.output);
    expect(layer.getConfig().dtype).toEqual(fact.config.config.dtype);
  });

  it("have no path before they are built", () => {
    const layer = layers.Dense(2, {
      name: "head",
      dtype: DTypePolicyMap("float32", { policyMap: { head: "float16" } }),
    });
    expect([layer.path, layer.computeDtype]).toEqual([null, "float32"]);
    layer.build([null, 3]);
    expect([layer.path, layer.computeDtype, layer.dtype]).toEqual(["head", "float16", "float16"]);
    expect(layers.Dropout(0.5).path).toBe(null);
  });
});

describe("a model under a global map", () => {
  const build = () => {
    setDtypePolicy(
      DTypePolicyMap("float32", {
        policyMap: { "(first|second)": "mixed_bfloat16", "inner/.*": "mixed_float16", last: "bfloat16" },
      }),
    );
    const x = keras.Input({ shape: [4], name: "x" });
    let y = layers.Dense(5, { activation: "relu", name: "first" })(x);
    y = layers.Dropout(0.5, { name: "dropout" })(y);
    y = keras.Sequential([layers.Dense(4, { activation: "tanh", name: "a" }), layers.Dense(3, { name: "b" })], {
      name: "inner",
    })(y);
    const model = keras.Model({ inputs: x, outputs: layers.Dense(2, { name: "last" })(y), name: "by_path" });
    setDtypePolicy(null);
    return model;
  };

  it.each<[string, () => Promise<keras.Model>, ((path: string) => string)?]>([
    ["made here", async () => build()],
    ["from Keras's config", async () => keras.Model.fromConfig(fixture.model.config.config), revived],
    ["from a file", async () => keras.models.loadModel(await build().toBytes()), revived],
  ])("%s: computes as Keras does", async (_, make, path) => {
    const model = await make();
    const { weights, state, x, y, y_dtype } = fixture.model;
    expectWeights(model.weights, weights, path);
    expect(stateOf(ownState(model.layers.flatMap((layer) => layer.flattenLayers())))).toEqual(stateOf(state));
    model.setWeights(weights.map((w) => toTensor(w.value)));
    await expectOutput(model(toTensor(x)), y_dtype, y);
  });

  it("trains, and every weight keeps its dtype", async () => {
    const model = build();
    model.compile({ loss: "mse", optimizer: keras.optimizers.SGD({ learningRate: 0.1 }) });
    const [x, y] = [toTensor(fixture.model.x), keras.ops.ones([6, 2])];
    const { history } = await model.fit(x, y, { epochs: 20, verbose: 0 });
    expect(history.loss!.at(-1)).toBeLessThan(history.loss![0]! / 2);
    expectWeights(model.weights, fixture.model.weights);
  });
});

describe("layers around others, from files", () => {
  it("keep the policies of those inside", async () => {
    const dtype = DTypePolicyMap("float32", {
      policyMap: { "stack/each/inside": "bfloat16", "stack/both/forward_.*": "float16", "around/own": "float16" },
    });
    const inner = layers.Dense(2, { name: "own", dtype });
    const own = keras.Input({ shape: [3, 2] });
    const x = keras.Input({ shape: [3, 4] });
    const stack = keras.Sequential(
      [
        layers.TimeDistributed(layers.Dense(2, { name: "inside", dtype }), { name: "each" }),
        keras.Model({ inputs: own, outputs: inner(own), name: "around" }) as unknown as keras.Layer,
        layers.Bidirectional(layers.LSTM(2, { name: "lstm", dtype }), { name: "both" }),
      ],
      { name: "stack" },
    );
    const model = keras.Model({ inputs: x, outputs: stack(x) });
    const again = await keras.models.loadModel(await model.toBytes());
    const dtypes = (of: keras.Model): string[] => of.weights.map((w) => w.dtype);
    const state = (of: keras.Model): State[] => stateOf(ownState(of.flattenLayers()));
    expect(dtypes(model).slice(0, 4)).toEqual(["bfloat16", "bfloat16", "float32", "float32"]);
    expect(new Set(dtypes(model).slice(4, 7))).toEqual(new Set(["float16"]));
    expect(new Set(dtypes(model).slice(7))).toEqual(new Set(["float32"]));
    expect(dtypes(again)).toEqual(dtypes(model));
    expect(state(again)).toEqual(state(model));
    const data = keras.ops.ones([2, 3, 4]);
    expect(await again(data).array()).toEqual(await model(data).array());
  });
});

describe("keras.mixedPrecision", () => {
  it("has the older names", () => {
    mixedPrecision.setGlobalPolicy("mixed_float16");
    expect(mixedPrecision.globalPolicy()).toBe(keras.config.dtypePolicy());
    expect(mixedPrecision.dtypePolicy().name).toBe("mixed_float16");
    expect(layers.Dense(2).computeDtype).toBe("float16");
    expect([
      mixedPrecision.Policy,
      mixedPrecision.DTypePolicy,
      keras.FloatDTypePolicy,
      dtypePolicies.FloatDTypePolicy,
    ]).toEqual(Array(4).fill(keras.DTypePolicy));
    expect(mixedPrecision.setDtypePolicy).toBe(keras.config.setDtypePolicy);
    expect(mixedPrecision.LossScaleOptimizer).toBe(keras.optimizers.LossScaleOptimizer);
  });
});
