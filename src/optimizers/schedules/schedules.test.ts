import { beforeAll, describe, expect, it } from "vitest";
import * as ops from "../../ops/index.ts";
import { tensor } from "../../runtime/tensor.ts";
import { configTable } from "../../serialization/configObject.ts";
import { type Config, registerBuiltins } from "../../serialization/registry.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { decodeNumbers, type EncodedArray, loadFixture } from "../../testing/fixtures.ts";
import * as schedules from "./index.ts";

interface Case {
  readonly class: string;
  readonly args: Config;
  readonly values: EncodedArray;
  readonly config: Config;
}

const { cases, steps } = loadFixture<{ cases: Case[]; steps: number[] }>("schedules");

type Make = new (options: Record<string, unknown>) => schedules.LearningRateSchedule;

/** A schedule from Keras's arguments, through the option names of its class. */
function make({ class: name, args }: Case): schedules.LearningRateSchedule {
  const cls = schedules.CLASSES[name] as unknown as Make;
  const options = configTable(cls).filter(([, key]) => key in args);
  return new cls(Object.fromEntries(options.map(([option, key]) => [option, args[key]])));
}

beforeAll(() => registerBuiltins("keras.optimizers.schedules", schedules.CLASSES));

describe.each(cases)("$class $args", (sample) => {
  it("gives Keras's rates at all steps", async () => {
    const schedule = make(sample);
    const expected = decodeNumbers(sample.values);
    const rates = steps.map((step) => schedule(tensor(step, [], "int32")));
    const received = await ops.stack(rates).data();
    expect(rates.every((rate) => rate.dtype === "float32" && rate.ndim === 0)).toBe(true);
    // Rates come from a few float32 operations: relative to the largest rate, a cosine near its end cancels.
    const largest = Math.max(...expected);
    expectAllClose(received, expected, { atol: 1e-6 * largest, rtol: 0 });
  });

  it("has Keras's config and comes back from it", () => {
    const schedule = make(sample);
    expect(schedules.serialize(schedule)).toEqual(sample.config);
    const again = schedules.deserialize(sample.config);
    expect(again.constructor).toBe(schedule.constructor);
    expect(schedules.serialize(again)).toEqual(sample.config);
  });
});

describe("schedules", () => {
  it("take arguments by position, with and without new", async () => {
    // 0.1 · 0.5^(20/10)
    expect(await schedules.ExponentialDecay(0.1, 10, 0.5)(20).item()).toBeCloseTo(0.025, 7);
    expect(await new schedules.PiecewiseConstantDecay([10], [0.5, 0.25])(11).item()).toBe(0.25);
    expect(schedules.PolynomialDecay(0.1, 10, { power: 2 }).power).toBe(2);
  });

  it("can be written by users", async () => {
    class Halving extends schedules.LearningRateSchedule {
      override call(step: number) {
        return ops.power(0.5, ops.cast(step, "float32"));
      }
    }
    const schedule = new Halving();
    expect(await schedule(3).item()).toBe(0.125);
  });

  it.each([
    [
      () => schedules.ExponentialDecay(0.1, 0, 0.5),
      RangeError,
      "ExponentialDecay: expected `decaySteps` to be above 0",
    ],
    [() => schedules.CosineDecayRestarts(0.1, -1), RangeError, "`firstDecaySteps` to be above 0. Received: -1"],
    [() => schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]), RangeError, "one value more than boundaries"],
    [() => schedules.CosineDecay(0.1, 10, { warmUpSteps: 3 } as object), TypeError, 'Did you mean "warmupSteps"?'],
    [() => schedules.CosineDecay({ decaySteps: 3 } as never), TypeError, "`initialLearningRate` is missing"],
    [() => schedules.PolynomialDecay("0.1" as never, 10), TypeError, "`initialLearningRate` to be a number"],
  ])("reject wrong arguments (%#)", (build, kind, words) => {
    expect(build).toThrow(kind);
    expect(build).toThrow(words);
  });
});
