import { beforeAll, describe, expect, it } from "vitest";
import type { Model } from "../models/index.ts";
import * as optimizers from "../optimizers/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import type { Tensor } from "../runtime/tensor.ts";
import {
  callbackFixture,
  camelKeys,
  data,
  expectNear,
  expectRun,
  fitLike,
  type RecordedRun,
  regressor,
} from "../testing/callbackCases.ts";
import { decodeNumbers, type EncodedArray } from "../testing/fixtures.ts";
import { EarlyStopping, SwapEMAWeights } from "./index.ts";

beforeAll(registerAllBuiltins);

const { averaged } = callbackFixture<{
  averaged: (RecordedRun & {
    options: Record<string, unknown>;
    seen: EncodedArray[][];
    averages: EncodedArray[];
    evaluate: [plain: number[], swapped: number[], after: number[]];
  })[];
}>();

const withAverages = () => optimizers.SGD({ learningRate: 0.05, momentum: 0.5, useEma: true, emaMomentum: 0.8 });
const numbersOf = (tensors: readonly Tensor[]): Promise<number[][]> =>
  Promise.all(tensors.map(async (t) => Array.from((await t.data()) as Float32Array)));
const weightsOf = (model: Model): Promise<number[][]> => numbersOf(model.getWeights());
const averagesOf = (model: Model): Promise<number[][]> =>
  numbersOf(model.optimizer!.movingAverages.map(([, average]) => average.value));
const expectAll = (what: string, actual: readonly number[][], expected: readonly EncodedArray[]): void => {
  for (const [i, array] of expected.entries()) expectNear(`${what} ${i}`, actual[i]!, decodeNumbers(array));
};

const quiet = { batchSize: 8, shuffle: false, verbose: 0 } as const;

describe("SwapEMAWeights", () => {
  it.each(averaged)("with $options and $fit leaves what Keras leaves", async (expected) => {
    const model = regressor(withAverages());
    const seen: number[][][] = [];
    const watch = { onEpochEnd: async () => void seen.push(await weightsOf(model)) };
    const swap = SwapEMAWeights(camelKeys(expected.options));
    await expectRun(model, await fitLike(model, expected.fit, { callbacks: [swap, watch] }), expected);
    for (const [epoch, weights] of expected.seen.entries()) expectAll(`epoch ${epoch}, weight`, seen[epoch]!, weights);
    expectAll("average", await averagesOf(model), expected.averages);
    model.setWeights(model.getWeights().map((w) => w.add(0.5)));
    const evaluate = (callbacks: SwapEMAWeights[]) =>
      model.evaluate(data.x, data.y, { batchSize: 8, verbose: 0, callbacks });
    expectNear("plain", await evaluate([]), expected.evaluate[0]);
    expectNear("swapped", await evaluate([SwapEMAWeights()]), expected.evaluate[1]);
    expectNear("after", await evaluate([]), expected.evaluate[2]);
  });

  it("predicts with the averages, and puts the weights back", async () => {
    const model = regressor(withAverages());
    await model.fit(data.x, data.y, quiet);
    model.setWeights(model.getWeights().map((w) => w.mul(0)));
    const predict = async (callbacks: SwapEMAWeights[]) =>
      Array.from(
        (await model.predict(data.x, { verbose: 0, callbacks }).then((t: Tensor) => t.data())) as Float32Array,
      );
    expect((await predict([new SwapEMAWeights()])).every((v) => v !== 0)).toBe(true);
    expect((await predict([])).every((v) => v === 0)).toBe(true);
  });

  it("ends with the averages when a callback before it stops the run", async () => {
    const model = regressor(withAverages());
    const stop = EarlyStopping({ monitor: "loss", mode: "max", patience: 1 });
    const seen: number[][][] = [];
    const watch = { onEpochEnd: async () => void seen.push(await weightsOf(model)) };
    const callbacks = [stop, SwapEMAWeights({ swapOnEpoch: true }), watch];
    const { epoch } = await model.fit(data.x, data.y, { ...quiet, epochs: 9, callbacks });
    expect(epoch).toEqual([0, 1]);
    expect(await weightsOf(model)).toEqual(seen[1]);
    expect(await averagesOf(model)).toEqual(seen[1]);
  });

  it("gives the weights of the last step back when a run is interrupted", async () => {
    const model = regressor(withAverages());
    let last: number[][] = [];
    const watch = {
      onTrainBatchEnd: async () => {
        last = await weightsOf(model);
      },
      onTestBatchEnd: () => {
        throw new Error("interrupted");
      },
    };
    const run = model.fit(data.x, data.y, {
      ...quiet,
      validationData: [data.x, data.y],
      callbacks: [SwapEMAWeights(), watch],
    });
    await expect(run).rejects.toThrow("interrupted");
    expect(await weightsOf(model)).toEqual(last);
    expect(await averagesOf(model)).not.toEqual(last);
  });

  it("finds the averages inside a LossScaleOptimizer", async () => {
    const inner = withAverages();
    const model = regressor(optimizers.LossScaleOptimizer(inner));
    const callbacks = SwapEMAWeights({ swapOnEpoch: true });
    await model.fit(data.x, data.y, { ...quiet, epochs: 2, callbacks });
    expect(await weightsOf(model)).toEqual(await numbersOf(inner.movingAverages.map(([, average]) => average.value)));
  });

  it("says what is missing", async () => {
    const fit = regressor(optimizers.SGD({ name: "plain" })).fit(data.x, data.y, {
      ...quiet,
      callbacks: SwapEMAWeights(),
    });
    await expect(fit).rejects.toThrow(
      'SwapEMAWeights: optimizer "plain" keeps no moving averages of the weights. Create it with `useEma: true`: ' +
        "optimizers.SGD({ useEma: true, emaMomentum: 0.99 })",
    );
    const untrained = regressor(withAverages());
    await expect(untrained.evaluate(data.x, data.y, { verbose: 0, callbacks: SwapEMAWeights() })).rejects.toThrow(
      'SwapEMAWeights: the optimizer of model "regressor" has no moving averages yet. Train the model before',
    );
    expect(() => SwapEMAWeights({ swapOnEpochs: true } as never)).toThrow('Did you mean "swapOnEpoch"?');
  });
});
