/** Names of call options in files, against configs that Keras wrote, and there and back. */
import { describe, expect, it } from "vitest";
import * as keras from "../node.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";

const { layers } = keras;
type Config = Record<string, unknown>;
interface Call {
  readonly args: unknown[];
  readonly kwargs: Config;
  readonly option_names?: Config;
}
interface Case {
  readonly name: string;
  readonly config: { readonly config: Config };
  readonly weights: readonly EncodedArray[];
  readonly x: EncodedArray;
  readonly y: EncodedArray;
}

const { cases } = loadFixture<{ readonly cases: readonly Case[] }>("call_options");

const toTensor = (array: EncodedArray): keras.Tensor => {
  const { data, shape, dtype } = decode(array);
  return keras.tensor(data, shape, dtype);
};

type NamedOptions = keras.layers.CallOptions & { scale_by?: number; _p?: number; mode?: string };

class Named extends layers.Layer {
  override call(x: keras.Tensor, { scale_by = 1, _p = 0, mode = "add" }: NamedOptions = {}) {
    return mode === "add" ? x.mul(scale_by).add(_p) : x;
  }
}

/** A class with the options that it got in its last call. */
function witness() {
  const seen: Config[] = [];
  class Witness extends layers.Layer {
    override call(x: keras.Tensor, options: Config = {}) {
      seen.push(options);
      return x;
    }
  }
  return { Witness, seen };
}

const callsOf = (model: keras.Model, name: string): Call[] =>
  (JSON.parse(JSON.stringify(model.getConfig().layers)) as { name: string; inbound_nodes: Call[] }[]).find(
    (layer) => layer.name === name,
  )!.inbound_nodes;

describe("options of calls that Keras wrote", () => {
  it.each(cases)("$name: are read, whether they came by name or by place", async ({ config, weights, x, y }) => {
    const model = keras.Model.fromConfig(config.config, { "Options>Named": Named });
    model.setWeights(weights.map(toTensor));
    expectAllClose(await model(toTensor(x)).data(), decodeNumbers(y), { rtol: 1e-5, atol: 1e-5 });
  });

  it("are written under the same names", () => {
    const { config } = cases[1]!;
    const model = keras.Model.fromConfig(config.config, { "Options>Named": Named });
    expect(Object.keys(callsOf(model, "gru")[0]!.kwargs)).toEqual(["initial_state"]);
    expect(callsOf(model, "mha")[0]!.kwargs).toMatchObject({ use_causal_mask: true, return_attention_scores: false });
    expect(callsOf(model, "mha")[0]).not.toHaveProperty("option_names");
    expect(callsOf(model, "named")[0]!.kwargs).toEqual({ scale_by: 3, _p: 2 });
  });
});

describe("options of a user's own class", () => {
  const x = () => keras.Input({ shape: [2], name: "x" });

  async function there(options: Config): Promise<[call: Call, read: Config]> {
    const { Witness, seen } = witness();
    const inputs = x();
    const model = keras.Model({ inputs, outputs: new Witness({ name: "witness" })(inputs, options) });
    const again = await keras.models.loadModel(await model.toBytes(), { customObjects: { Witness } });
    return [callsOf(again, "witness")[0]!, seen.at(-1)!];
  }

  it("come back as written, and are in snake case in files", async () => {
    const options = { scaleBy: 3, scale_by2: 4, _p: 2, returnState: true, mode: null, list: [1, 2], URL: "a_b" };
    const [call, read] = await there(options);
    expect(read).toEqual(options);
    expect(call.kwargs).toEqual({
      scale_by: 3,
      scale_by2: 4,
      _p: 2,
      return_state: true,
      mode: null,
      list: [1, 2],
      _u_r_l: "a_b",
    });
  });

  it("stay two when they differ in their spelling alone", async () => {
    const [call, read] = await there({ scaleBy: 1, scale_by: 2 });
    expect(read).toEqual({ scaleBy: 1, scale_by: 2 });
    expect(call.kwargs).toEqual({ scaleBy: 1, scale_by: 2 });
  });

  it("that are absent stay absent, at the top and inside", async () => {
    const [call, read] = await there({ mode: undefined, inner: { a: undefined, b: [null, { c: undefined }] } });
    expect(read).toEqual({ inner: { b: [null, {}] } });
    expect(call.kwargs).toEqual({ inner: { b: [null, {}] } });
    class Mode extends layers.Layer {
      override call(inputs: keras.Tensor, { mode = "add" }: { mode?: string | undefined } = {}) {
        return mode === "add" ? inputs.add(1) : inputs;
      }
    }
    const inputs = x();
    const model = keras.Model({ inputs, outputs: new Mode()(inputs, { mode: undefined }) });
    const again = await keras.models.loadModel(await model.toBytes(), { customObjects: { Mode } });
    expect(await again(keras.ops.zeros([1, 2])).array()).toEqual([[1, 1]]);
  });

  it("have in files the names that the class states", async () => {
    class Scaled extends layers.Layer {
      static override readonly callKeys: Readonly<Record<string, string>> = { scaleBy: "factor" };
      override call(inputs: keras.Tensor, { scaleBy = 1 }: { scaleBy?: number } = {}) {
        return inputs.mul(scaleBy);
      }
    }
    const inputs = x();
    const model = keras.Model({ inputs, outputs: new Scaled({ name: "scaled" })(inputs, { scaleBy: 3 }) });
    expect(callsOf(model, "scaled")[0]).toMatchObject({ kwargs: { factor: 3 } });
    const again = keras.Model.fromConfig(model.getConfig(), { Scaled });
    expect(await again(keras.ops.ones([1, 2])).array()).toEqual([[3, 3]]);
  });

  it("that Python wrote are found under its name or in camel case, whichever the class takes", () => {
    const { Witness, seen } = witness();
    class Snake extends layers.Layer {
      override call(inputs: keras.Tensor, { scale_by = 1 }: { scale_by?: number } = {}) {
        seen.push({ scale_by });
        return inputs;
      }
    }
    class Camel extends layers.Layer {
      override call(inputs: keras.Tensor, { scaleBy = 1 }: { scaleBy?: number } = {}) {
        seen.push({ scaleBy });
        return inputs;
      }
    }
    for (const [cls, expected] of [
      [Witness, { scaleBy: 3 }],
      [Snake, { scale_by: 3 }],
      [Camel, { scaleBy: 3 }],
    ] as const) {
      const inputs = x();
      const model = keras.Model({ inputs, outputs: new cls({ name: "it" })(inputs) });
      const config = JSON.parse(JSON.stringify(model.getConfig())) as Config & { layers: { inbound_nodes: Call[] }[] };
      Object.assign(config.layers[1]!.inbound_nodes[0]!, { kwargs: { scale_by: 3 } });
      keras.Model.fromConfig(config, { [cls.name]: cls });
      expect(seen.at(-1)).toEqual(expected);
    }
  });

  it("may be followed by none: an object as second input stays one", () => {
    class Pair extends layers.Layer {
      override call(a: keras.Tensor, b: { t: keras.Tensor }) {
        return a.add(b.t);
      }
    }
    const inputs = x();
    const model = keras.Model({ inputs, outputs: new Pair({ name: "pair" })(inputs, { t: inputs }, {}) });
    const [call] = callsOf(model, "pair");
    expect([call!.args.length, call!.kwargs]).toEqual([2, {}]);
    const again = keras.Model.fromConfig(model.getConfig(), { Pair });
    expect(callsOf(again, "pair")).toEqual([call]);
  });
});
