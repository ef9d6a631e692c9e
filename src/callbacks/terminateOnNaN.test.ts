import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { tensor } from "../runtime/tensor.ts";
import { callbackFixture, data, printedBy, regressor } from "../testing/callbackCases.ts";
import { Callback, LambdaCallback, TerminateOnNaN } from "./index.ts";

beforeAll(registerAllBuiltins);
beforeEach(() => void vi.spyOn(console, "warn").mockImplementation(() => undefined)); // `fit` warns of a NaN by itself
afterEach(() => vi.restoreAllMocks());

const { terminated } = callbackFixture<{
  terminated: { value: string; at: number; seen: string[]; history: Record<string, string[]>; text: string }[];
}>();

/** The labels, with one spoilt. */
async function spoilt(at: number, value: number) {
  const labels = Float32Array.from((await data.y.data()) as Float32Array);
  labels[at] = value;
  return tensor(labels, [labels.length, 1]);
}

const numberOf = (text: string): number => (text.endsWith("inf") ? (text[0] === "-" ? -1 : 1) / 0 : Number(text));

describe("TerminateOnNaN", () => {
  it.each(terminated)("ends the run as Keras does for $value at sample $at", async (expected) => {
    const seen: string[] = [];
    const watch = LambdaCallback({
      onTrainBatchEnd: (batch) => void seen.push(`batch ${batch}`),
      onEpochEnd: (epoch) => void seen.push(`epoch ${epoch}`),
      onTrainEnd: () => void seen.push("end"),
    });
    const y = await spoilt(expected.at, numberOf(expected.value));
    const options = { batchSize: 8, shuffle: false, verbose: 0, epochs: 3, validationData: [data.x, data.y] } as const;
    let history: Record<string, number[]> = {};
    const text = await printedBy(async () => {
      const callbacks = [TerminateOnNaN(), watch];
      history = (await regressor("sgd").fit(data.x, y, { ...options, callbacks } as never)).history;
    });
    expect(seen).toEqual(expected.seen);
    expect(text).toBe(expected.text);
    const finite = (values: readonly number[]): (string | number)[] =>
      values.map((v) => (Number.isFinite(v) ? Number(v.toPrecision(4)) : String(v)));
    const theirs = Object.entries(expected.history).map(([name, values]) => [name, finite(values.map(numberOf))]);
    expect(Object.fromEntries(Object.entries(history).map(([k, v]) => [k, finite(v)]))).toEqual(
      Object.fromEntries(theirs),
    );
  });

  it("stops at the very batch, where steps without it run in groups", async () => {
    const n = 700;
    const x = tensor(new Float32Array(n * 3).fill(0.5), [n, 3]);
    const labels = new Float32Array(n).fill(1);
    labels[100] = Number.NaN;
    const seen: number[] = [];
    class Watch extends Callback {
      override onBatchEnd(batch: number): void {
        seen.push(batch);
      }
    }
    const model = regressor("sgd");
    const callbacks = [TerminateOnNaN(), new Watch()];
    await printedBy(() =>
      model.fit(x, tensor(labels, [n, 1]), { batchSize: 1, shuffle: false, verbose: 0, callbacks }),
    );
    expect(seen.at(-1)).toBe(100);
    expect(await model.optimizer!.iterations.item()).toBe(101);
  });

  it("fails at once when asked to", async () => {
    const y = await spoilt(9, Number.POSITIVE_INFINITY);
    const run = regressor("sgd").fit(data.x, y, {
      batchSize: 8,
      shuffle: false,
      verbose: 0,
      callbacks: new TerminateOnNaN({ raiseError: true }),
    });
    await expect(run).rejects.toThrow(
      "TerminateOnNaN: the loss is Infinity at batch 1 (counted from 0); training ends. Look for a learning rate that is too large",
    );
  });

  it("refuses unknown options", () => {
    expect(() => TerminateOnNaN({ raise: true } as never)).toThrow("TerminateOnNaN: unknown option `raise`.");
  });
});
