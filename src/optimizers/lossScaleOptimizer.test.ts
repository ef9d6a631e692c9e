/** Loss scaling step by step against real Keras: the part `loss_scale` of test/fixtures/custom_training.json. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { resetNames } from "../core/names.ts";
import { jit } from "../runtime/jit.ts";
import { nameScope } from "../runtime/nameScope.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import { type Config, registerBuiltins } from "../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import * as optimizers from "./index.ts";

interface Case {
  readonly name: string;
  readonly growth: number;
  readonly start: readonly EncodedArray[];
  readonly steps: readonly {
    readonly gradients: readonly EncodedArray[];
    readonly variables: readonly EncodedArray[];
    readonly scale: number;
    readonly counter: number;
    readonly iterations: number;
    readonly scaled_loss: number;
  }[];
  readonly config: Config;
  readonly state: readonly { readonly name: string; readonly path: string; readonly value: EncodedArray }[];
}

const { loss_scale: cases } = loadFixture<{ loss_scale: Case[] }>("custom_training");

const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};

beforeAll(() => registerBuiltins("keras.optimizers", optimizers.CLASSES));
beforeEach(resetNames);

describe.each(cases)("around $name, growing after $growth steps", ({ name, start, steps, config, state }) => {
  const make = (): optimizers.LossScaleOptimizer => deserializeObject(config) as optimizers.LossScaleOptimizer;

  it.each(["eagerly", "compiled"])("skips, shrinks and grows as Keras does, %s", async (how) => {
    const optimizer = make();
    const variables = nameScope("dense", () =>
      ["kernel", "bias"].map((name, i) => new Variable(toTensor(start[i]!), { name })),
    );
    const apply = (kernel: Tensor, bias: Tensor): Tensor => {
      optimizer.apply([kernel, bias], variables);
      return optimizer.scaleLoss(tensor(3));
    };
    const run = how === "compiled" ? jit(apply) : async (...gradients: [Tensor, Tensor]) => apply(...gradients);
    expect(await optimizer.scaleLoss(tensor(3)).item()).toBe(3 * 1024);
    for (const [i, step] of steps.entries()) {
      const scaled = await run(...(step.gradients.map(toTensor) as [Tensor, Tensor]));
      expect(await scaled.item(), `scaled loss after step ${i}`).toBe(step.scaled_loss);
      for (const [k, variable] of variables.entries()) {
        const { data, dtype } = decode(step.variables[k]!);
        expectAllClose(await variable.data(), data, { dtype, family: "reduction", label: `${name}, step ${i}, ${k}` });
      }
      expect(await optimizer.dynamicScale!.value.item()).toBe(step.scale);
      const iterations = optimizer.iterations;
      expect(await (iterations instanceof Variable ? iterations.value : iterations).item()).toBe(step.iterations);
    }
    const own = optimizer.variables;
    expect(own.map((v) => [v.name, v.path])).toEqual(state.map((v) => [v.name, v.path]));
    for (const [i, variable] of own.entries()) {
      const { data, dtype } = decode(state[i]!.value);
      expectAllClose(await variable.data(), data, { dtype, family: "reduction", label: state[i]!.path });
    }
  });

  it("has Keras's config", () => {
    expect(serializeObject(make())).toEqual(config);
  });
});

describe("LossScaleOptimizer", () => {
  it("hands rate, exclusions and averages to the optimizer inside, whose own scaling it switches off", async () => {
    const inner = optimizers.AdamW(0.1, { lossScaleFactor: 8, useEma: true });
    const outer = optimizers.LossScaleOptimizer(inner, { initialScale: 4 });
    expect(inner.lossScaleFactor).toBeNull();
    outer.learningRate = 0.5;
    expect(await (inner.learningRate as Variable).value.item()).toBe(0.5);
    outer.excludeFromWeightDecay({ varNames: ["bias"] });
    const w = new Variable([1, 2], { name: "bias" });
    outer.apply([tensor([4, 4])], [w]);
    const updated = await w.array();
    outer.finalizeVariableValues([w]);
    expect(await w.array()).toEqual(updated);
  });

  it("reads configs of older versions, which say more and mean nothing by it", () => {
    const old = {
      inner_optimizer: serializeObject(optimizers.SGD()),
      weight_decay: null,
      use_ema: false,
      ema_momentum: 0.99,
    };
    const optimizer = optimizers.LossScaleOptimizer.fromConfig(old) as optimizers.LossScaleOptimizer;
    expect([optimizer.initialScale, optimizer.dynamicGrowthSteps]).toEqual([32768, 2000]);
    expect(() => optimizers.LossScaleOptimizer.fromConfig({ ...old, clipnorm: 1 })).toThrow(
      "LossScaleOptimizer: `clipnorm` in its config is not supported; set it on the inner optimizer. Received: 1",
    );
  });

  it.each<[string, () => unknown, string]>([
    [
      "no optimizer",
      () => optimizers.LossScaleOptimizer(),
      "LossScaleOptimizer: expected the optimizer to wrap, such as optimizers.Adam(). Received: undefined",
    ],
    ["a name", () => optimizers.LossScaleOptimizer("adam" as never), 'such as optimizers.Adam(). Received: "adam"'],
    [
      "an option of the inner one",
      () => optimizers.LossScaleOptimizer(optimizers.SGD(), { clipnorm: 1 } as never),
      "LossScaleOptimizer: unknown option `clipnorm`",
    ],
    [
      "no whole number of steps",
      () => optimizers.LossScaleOptimizer(optimizers.SGD(), { dynamicGrowthSteps: 0.5 }),
      "expected `dynamicGrowthSteps` to be an integer from 1. Received: 0.5",
    ],
    [
      "no gradients",
      () => optimizers.LossScaleOptimizer(optimizers.SGD()).apply([null], [new Variable(1)]),
      "no gradient for any variable",
    ],
  ])("says what is wrong with %s", (_, act, words) => {
    expect(act).toThrow(words);
  });
});
