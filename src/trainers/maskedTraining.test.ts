/** Training with masks against real Keras: test/fixtures/masked_training.json, by tools/fixtures/masked_training.py. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { resetNames } from "../core/names.ts";
import { Input } from "../layers/core/inputLayer.ts";
import * as layers from "../layers/index.ts";
import { Model } from "../models/model.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { deserializeObject } from "../serialization/serialize.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";

interface Run {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly operations: readonly string[];
  readonly compile_config: Record<string, unknown>;
  readonly x: readonly EncodedArray[];
  readonly y: EncodedArray;
  readonly sample_weight: EncodedArray | null;
  readonly initial_weights: readonly EncodedArray[];
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly evaluate: Readonly<Record<string, number>>;
  readonly final_weights: readonly EncodedArray[];
  readonly output: EncodedArray;
}

const { runs } = loadFixture<{ runs: Run[] }>("masked_training");

const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};

beforeAll(registerAllBuiltins);
beforeEach(resetNames);

describe("training with masks", () => {
  it.each(runs)("$name: logs and weights of three epochs", async (run) => {
    const model = deserializeObject(run.config) as Model;
    const inside = run.name === "stack" ? model.layers : model.operations;
    expect(inside.map((operation) => operation.name)).toEqual(run.operations);
    model.setWeights(run.initial_weights.map(toTensor));
    model.compileFromConfig(run.compile_config);
    const x = run.x.length > 1 ? run.x.map(toTensor) : toTensor(run.x[0]!);
    const y = toTensor(run.y);
    const weights = run.sample_weight ? { sampleWeight: toTensor(run.sample_weight) } : {};
    const options = { batchSize: 5, verbose: 0, ...weights } as const;
    const { history } = await model.fit(x, y, { ...options, epochs: 3, shuffle: false });
    expect(Object.keys(history).sort()).toEqual(Object.keys(run.history).sort());
    for (const [name, values] of Object.entries(run.history)) {
      expectAllClose(history[name]!, values, { atol: 2e-5, rtol: 2e-5, label: name });
    }
    const evaluated = await model.evaluate(x, y, { ...options, returnDict: true });
    for (const [name, value] of Object.entries(run.evaluate)) {
      expectAllClose([evaluated[name]!], [value], { atol: 2e-5, rtol: 2e-5, label: `evaluate ${name}` });
    }
    for (const [i, expected] of run.final_weights.entries()) {
      const found = await model.weights[i]!.value.data();
      expectAllClose(found, decodeNumbers(expected), { atol: 2e-5, rtol: 2e-5, label: `weight ${i}` });
    }
    const output = (await model.predict(x, { verbose: 0 })) as Tensor;
    expectAllClose(await output.data(), decodeNumbers(run.output), { atol: 2e-5, rtol: 2e-5, label: "output" });
  });

  it("says that the mask does not fit where labels lack the axis of the predictions", async () => {
    const words = Input({ shape: [3], dtype: "int32" });
    const outputs = layers.Dense(1)(layers.Embedding(5, 2, { maskZero: true })(words));
    const model = Model({ inputs: words, outputs });
    model.compile({ loss: "mse" });
    const x = tensor([[1, 2, 0]], undefined, "int32");
    await expect(model.fit(x, tensor([[1, 2, 3]]), { verbose: 0 })).rejects.toThrow(
      /the mask of the predictions has shape \(1, 3\) but there is one loss for each of \(1,\).*labels of the shape of the predictions/,
    );
  });
});
