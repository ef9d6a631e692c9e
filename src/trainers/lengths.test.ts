/** Sequences of different lengths in one run. */
import { beforeAll, describe, expect, it, vi } from "vitest";
import { backend } from "../backend/registry.ts";
import { Dataset } from "../data/index.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model } from "../models/model.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";

beforeAll(registerAllBuiltins);
const quiet = { verbose: 0 } as const;

/** Whose output depends on the steps and their number. */
function model(): Model {
  const steps = Input({ shape: [null, 2] });
  const pooled = layers.GlobalAveragePooling1D()(
    layers.Dense(3, { activation: "tanh", kernelInitializer: "ones" })(steps),
  );
  const made = Model({ inputs: steps, outputs: layers.Dense(1, { kernelInitializer: "ones" })(pooled) });
  made.compile({ optimizer: "sgd", loss: "mse" });
  return made;
}

const sequence = (length: number): Float32Array =>
  Float32Array.from({ length: length * 2 }, (_, i) => Math.sin(i + length));
const batch = (length: number): [Tensor, Tensor] => [
  tensor(Float32Array.from([...sequence(length), ...sequence(length)]), [2, length, 2]),
  tensor([[1], [0]]),
];

describe("batches of different lengths", () => {
  it("compile once per length, in fit, evaluate and predict, and train as one by one", async () => {
    const compile = vi.spyOn(await backend(), "compile");
    const programs = (what: string): number =>
      compile.mock.calls.filter(([, options]) => options?.label?.startsWith(what)).length;
    const lengths = [3, 5, 3, 8, 5, 3];
    const a = model();
    await a.fit(() => lengths.map(batch), null, { ...quiet, epochs: 3 });
    expect(programs("train step")).toBe(3);
    await a.evaluate(() => lengths.map(batch), null, quiet);
    await a.evaluate(() => lengths.map(batch), null, quiet);
    expect(programs("test step")).toBe(3);
    const outputs = await a.predict(() => lengths.map((length) => [batch(length)[0]]), quiet);
    expect(outputs.shape).toEqual([12, 1]);
    expect(programs("predict step")).toBe(3);
    compile.mockRestore();
    const b = model();
    for (let epoch = 0; epoch < 3; epoch++) for (const length of lengths) await b.trainOnBatch(...batch(length));
    expect(await a.weights[0]!.array()).toEqual(await b.weights[0]!.array());
  });

  it("of many lengths stay compiled through all epochs", async () => {
    const compile = vi.spyOn(await backend(), "compile");
    const lengths = Array.from({ length: 80 }, (_, i) => i + 1);
    const one = model();
    await one.fit(() => lengths.map(batch), null, { ...quiet, epochs: 2 });
    const programs = compile.mock.calls.filter(([, options]) => options?.label?.startsWith("train step"));
    expect(programs.length).toBe(80);
    compile.mockRestore();
  });

  it("come from sequences in lists, of which buckets need few programs", async () => {
    const rows = Dataset.fromGenerator(function* () {
      for (let i = 0; i < 24; i++) {
        const length = 1 + ((i * 5) % 12);
        yield [tensor(sequence(length), [length, 2]), i % 2] as const;
      }
    });
    const compile = vi.spyOn(await backend(), "compile");
    const buckets = rows.bucketBySequenceLength({
      bucketBoundaries: [5, 9, 13],
      bucketBatchSizes: 4,
      padToBucketBoundary: true,
      dropRemainder: true,
    });
    const history = await model().fit(buckets, null, { ...quiet, epochs: 2 });
    expect(history.history.loss).toHaveLength(2);
    const programs = compile.mock.calls.filter(([, options]) => options?.label?.startsWith("train step"));
    expect(programs.length).toBe(3);
    compile.mockRestore();
  });
});
