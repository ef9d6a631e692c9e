/**
 * Which masks layers use that were given none, against real Keras: test/fixtures/masks.json, by tools/fixtures/masks.py. And
 * what files say of masks.
 */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { resetNames } from "../core/names.ts";
import { Model } from "../models/model.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import { Input } from "./core/inputLayer.ts";
import * as layers from "./index.ts";

type Json = Record<string, unknown>;

interface GraphCase {
  readonly name: string;
  readonly config: Json;
  readonly weights: readonly EncodedArray[];
  readonly x: readonly EncodedArray[];
  readonly y: readonly EncodedArray[];
}

interface EagerCase {
  readonly state: EncodedArray;
  readonly layers: readonly Json[];
  readonly weights: readonly (readonly EncodedArray[])[];
  readonly ids: EncodedArray;
  readonly y: readonly EncodedArray[];
  readonly masked: readonly (readonly boolean[])[];
}

const { graphs, eager } = loadFixture<{ graphs: GraphCase[]; eager: EagerCase[] }>("masks");

const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};

async function expectOutputs(found: Tensor | readonly Tensor[], expected: readonly EncodedArray[]): Promise<void> {
  const list = [found].flat() as Tensor[];
  expect(list.length).toBe(expected.length);
  for (const [i, y] of expected.entries()) {
    expectAllClose(await list[i]!.data(), decodeNumbers(y), { atol: 1e-5, label: `output ${i}` });
  }
}

/** What a config says of the calls: per layer the options with tensors, named by what made them. */
function calls(config: Json): Json {
  const short = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(short);
    const tensorConfig = (value as { class_name?: string; config?: { keras_history?: unknown } } | null) ?? {};
    return tensorConfig.class_name === "__keras_tensor__" ? tensorConfig.config!.keras_history : value;
  };
  const entries = config.layers as { name: string; inbound_nodes: { kwargs: Json }[] }[];
  const options = (kwargs: Json): Json => Object.fromEntries(Object.entries(kwargs).map(([k, v]) => [k, short(v)]));
  return Object.fromEntries(entries.map((entry) => [entry.name, entry.inbound_nodes.map((n) => options(n.kwargs))]));
}

beforeAll(registerAllBuiltins);
beforeEach(resetNames);

describe("models of Keras with masks", () => {
  it.each(graphs)("$name: the same predictions", async ({ config, weights, x, y }) => {
    const model = deserializeObject(config) as Model;
    model.setWeights(weights.map(toTensor));
    const inputs = () => (x.length > 1 ? x.map(toTensor) : toTensor(x[0]!));
    await expectOutputs(model(inputs()) as Tensor, y);
    await expectOutputs((await model.predict(inputs(), { verbose: 0 })) as Tensor, y);
  });

  it.each(graphs)("$name: the same calls in files", ({ config }) => {
    const saved = serializeObject(deserializeObject(config)) as Json;
    // A state after the sequences is an option of the same name here.
    const stated = (kwargs: Json): Json =>
      Object.fromEntries(Object.entries(kwargs).filter(([k]) => k !== "initial_state"));
    const simple = (all: Json) =>
      Object.fromEntries(Object.entries(all).map(([name, nodes]) => [name, (nodes as Json[]).map(stated)]));
    expect(simple(calls(saved.config as Json))).toEqual(simple(calls(config.config as Json)));
  });
});

describe("calls without a graph", () => {
  it.each(eager)("use the masks that Keras uses, and leave the same ones", async (test) => {
    const made = test.layers.map((config) => deserializeObject(config) as layers.Layer);
    // biome-ignore lint/suspicious/noExplicitAny: layers of several classes, revived from configs
    const [embedding, first, second, grouped, gru] = made as any[];
    const carries = (...tensors: Tensor[]): boolean[] => tensors.map((t) => t.mask !== null);
    const run = (): [Tensor[], boolean[][]] => {
      const x: Tensor = embedding(toTensor(test.ids));
      const g: Tensor = grouped(x, x);
      const r: Tensor = gru(x, { initialState: toTensor(test.state) });
      const before = carries(x, g);
      const a: Tensor = first(x, x);
      const after = carries(x, a);
      const b: Tensor = second(x, x);
      return [
        [g, r, a, b],
        [before, after, carries(b)],
      ];
    };
    run();
    made.forEach((layer, i) => {
      layer.setWeights(test.weights[i]!.map(toTensor));
    });
    const [outputs, masked] = run();
    expect(masked).toEqual(test.masked);
    await expectOutputs(outputs, test.y);
  });

  it("are not used beside a state that is given as numbers either", async () => {
    const gru = layers.GRU(2);
    const plain = tensor([1, 2, 3], [1, 3, 1]);
    const x = tensor([1, 2, 3], [1, 3, 1]);
    x.mask = tensor([true, false, true], [1, 3], "bool");
    const state = [[0.5, -0.5]];
    const expected = await gru(plain, { initialState: tensor(state) }).array();
    expect(await gru(x, { initialState: state }).array()).toEqual(expected);
    expect(await gru(x, state).array()).toEqual(expected);
    expect(await gru(x).array()).not.toEqual(await gru(plain).array());
  });

  it("give a layer of one's own the mask of its only tensor", () => {
    class Reads extends layers.Layer {
      seen: unknown = undefined;
      override call(x: Tensor, ...more: unknown[]): Tensor {
        this.seen = (more.at(-1) as layers.CallOptions).mask ?? null;
        return x;
      }
    }
    const layer = new Reads();
    layer.supportsMasking = true;
    const masked = (): Tensor => {
      const x = tensor([1, 2], [1, 2, 1]);
      x.mask = tensor([true, false], [1, 2], "bool");
      return x;
    };
    const see = (...args: unknown[]): unknown => {
      layer.invoke(args);
      return layer.seen;
    };
    const x = masked();
    expect(see(x)).toBe(x.mask);
    expect(see(x, { scale: 2, axes: [0, 1] })).toBe(x.mask);
    expect(see([x, null])).toEqual([x.mask, null]);
    expect(see(x, masked())).toBe(null);
    expect(see(x, { other: masked() })).toBe(null);
    expect(see(x, { others: [masked(), null] })).toBe(null);
    const { mask } = masked();
    expect(see(x, masked(), { mask })).toBe(mask);
  });

  it("leave the tensor that a user gives a model its own mask", () => {
    const mask = tensor([true, false], [1, 2], "bool");
    const x = tensor([1, 2], [1, 2, 1]);
    const inside = Input({ shape: [2, 1] });
    const model = Model({ inputs: inside, outputs: layers.MultiHeadAttention(1, 2)(inside, inside) });
    expect((model(x, { mask }) as Tensor).mask).toBe(mask);
    expect(x.mask).toBe(null);
  });

  it("of MultiHeadAttention take no `mask`", () => {
    const x = tensor([1, 2], [1, 2, 1]);
    const mask = tensor([true, false], [1, 2], "bool");
    expect(() => layers.MultiHeadAttention(1, 2)(x, x, { mask })).toThrow(
      /^MultiHeadAttention "multi_head_attention": unknown option `mask`/,
    );
  });
});
