/** What does not fit a structure of outputs is said, instead of leaving outputs untrained. The numbers are in multiIo.test.ts. */
import { beforeAll, describe, expect, it } from "vitest";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model } from "../models/model.ts";
import * as ops from "../ops/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import type { CompileOptions } from "./trainerOptions.ts";

beforeAll(registerAllBuiltins);

const x = ops.ones([4, 2]);
const o = ops.ones([4, 1]);

/** A model whose outputs have the structure of the names. */
function modelOf(names: unknown, units = 1): Model<unknown> {
  const inputs = Input({ shape: [2] });
  const outputs = (part: unknown): never => {
    if (typeof part === "string") return layers.Dense(part === "wide" ? 3 : units, { name: part })(inputs) as never;
    if (Array.isArray(part)) return part.map(outputs) as never;
    return Object.fromEntries(Object.entries(part as object).map(([k, v]) => [k, outputs(v)])) as never;
  };
  return Model({ inputs, outputs: outputs(names) });
}

async function fitted(names: unknown, options: CompileOptions, y: unknown): Promise<string[]> {
  const model = modelOf(names);
  model.compile({ optimizer: "sgd", ...options });
  return Object.keys((await model.fit(x, y as never, { verbose: 0 })).history);
}

const listInDict = { h: ["p", "q"], b: "r" };
const dictInDict = { h: { u: "p", v: "q" }, b: "r" };

describe("losses of nested outputs", () => {
  it("train and show every output", async () => {
    const logs = await fitted(listInDict, { loss: { h: ["mse", "mae"], b: "mae" } }, { h: [o, o], b: o });
    expect(logs).toEqual(["b_loss", "h/p_loss", "h/q_loss", "loss"]);
  });

  it("one for a list of outputs takes it as one tensor", async () => {
    const logs = await fitted(listInDict, { loss: { h: "mse", b: "mae" } }, { h: [o, o], b: o });
    expect(logs).toEqual(["b_loss", "h_loss", "loss"]);
    await expect(
      fitted({ h: ["p", "wide"], b: "r" }, { loss: { h: "mse", b: "mae" } }, { h: [o, ops.ones([4, 3])], b: o }),
    ).rejects.toThrow(
      'loss: one loss for "h", a list of outputs, needs labels of one shape. Received: h/p (None, 1), h/wide (None, 3). ' +
        "Give each output a loss of its own, in a list",
    );
  });

  it("one for a dict of outputs is refused, as it says nothing of each", async () => {
    await expect(fitted(dictInDict, { loss: { h: "mse", b: "mae" } }, { h: { u: o, v: o }, b: o })).rejects.toThrow(
      'compile: `loss` has one entry for "h", which is a dict of outputs (h/u, h/v). Give each a loss of its own',
    );
  });

  it.each<[string, unknown, CompileOptions, unknown, string]>([
    [
      "a key that a dict inside does not have",
      dictInDict,
      { loss: { h: { u: "mse", w: "mse" }, b: "mae" } },
      { h: { u: o, v: o }, b: o },
      '`loss` has a key "h/w" that is no output of the model. Expected keys: b, h/u, h/v. Found: u, w',
    ],
    [
      "a list inside that is too short",
      listInDict,
      { loss: { h: ["mse", "mae", "mae"], b: "mae" } },
      { h: [o, o], b: o },
      '`loss` must have one entry per output. "h" has 2 (h/p, h/q). Received 3: [*, *, *]',
    ],
    [
      "a factor for each of the outputs that share a loss",
      listInDict,
      { loss: { h: "mse", b: "mae" }, lossWeights: { h: [1, 2], b: 1 } },
      { h: [o, o], b: o },
      '`lossWeights` must have one number per loss. "h" has 1 loss. Received: 2 numbers',
    ],
    [
      "metrics for several outputs at once",
      listInDict,
      { loss: "mse", metrics: { h: "mae", b: "mse" } },
      { h: [o, o], b: o },
      '`metrics` has one entry for "h", which is several outputs (h/p, h/q). Give each metrics of its own, or null',
    ],
    [
      "labels in another structure",
      [{ u: "p", v: "q" }, "r"],
      { loss: "mse" },
      [o, { u: o, v: o }],
      '`y` has a key "u" that is no output of the model. Expected keys: 0/u, 0/v, r.',
    ],
    [
      "one label for a list of outputs",
      listInDict,
      { loss: "mse" },
      { h: o, b: o },
      'loss: "h" has 2 outputs (h/p, h/q) but one `y` was given',
    ],
    [
      "labels that are missing inside",
      listInDict,
      { loss: { h: ["mse", "mae"], b: "mae" } },
      { b: o },
      'no labels for output "h/p", which has a loss. Received labels for: b. Outputs with a loss: b, h/p, h/q',
    ],
  ])("%s", async (_, names, options, y, words) => {
    await expect(fitted(names, options, y)).rejects.toThrow(words);
  });
});

describe("labels that are strings", () => {
  const words = ["a", "b", "a", "b"];
  const wayOut = "const lookup = layers.StringLookup({ vocabulary: classes, numOovIndices: 0 }); fit(x, lookup(y))";

  it("are refused by losses and metrics with the name of the output and the way out", async () => {
    await expect(fitted({ team: "p", cost: "r" }, { loss: "mse" }, { team: words, cost: o })).rejects.toThrow(
      'loss: the labels for output "team" are strings; losses and metrics compute with numbers.',
    );
    const model = modelOf("p");
    model.compile({ loss: "mse" });
    await expect(model.fit(x, words, { verbose: 0 })).rejects.toThrow(wayOut);
    await expect(model.trainOnBatch(x, words)).rejects.toThrow('the labels for output "p" are strings');
    await expect(
      fitted({ team: "p", cost: "r" }, { loss: { cost: "mse" }, metrics: { team: "mae" } }, { team: words, cost: o }),
    ).rejects.toThrow('metrics: the labels for output "team" are strings');
  });

  it("become class numbers as the message says", async () => {
    const lookup = layers.StringLookup({ vocabulary: ["a", "b"], numOovIndices: 0 });
    const inputs = Input({ shape: [2] });
    const model = Model({ inputs, outputs: layers.Dense(2, { activation: "softmax" })(inputs) });
    model.compile({ optimizer: "sgd", loss: "sparse_categorical_crossentropy" });
    const { history } = await model.fit(x, lookup(words), { verbose: 0 });
    expect(history.loss).toHaveLength(1);
  });
});
