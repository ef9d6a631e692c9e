/** What all optimizers do around their own rule; numbers are worked by hand beside each case. */
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import * as constraints from "../constraints/index.ts";
import { resetNames } from "../core/names.ts";
import { makeProgram } from "../ir/program.ts";
import { inputValue } from "../ir/value.ts";
import * as ops from "../ops/index.ts";
import { compileFunction, tensorBuffer } from "../runtime/compiledFunction.ts";
import { Tensor, tensor } from "../runtime/tensor.ts";
import { Trace, withTrace } from "../runtime/trace.ts";
import { Variable } from "../runtime/variable.ts";
import { type Config, customObjectScope, registerBuiltins } from "../serialization/registry.ts";
import { deserializeObject } from "../serialization/serialize.ts";
import type { VariableStore } from "../serialization/variableStore.ts";
import * as optimizers from "./index.ts";

const { Adam, AdamW, Ftrl, Lion, Optimizer, RMSprop, SGD, schedules } = optimizers;

const weight = (values: number[], name = "w", options: { constraint?: constraints.ConstraintFunction | null } = {}) =>
  new Variable(tensor(values), { name, ...options });

/** `w ← w - lr·sign(g)`, counting its steps per weight: what a user would write. */
class SignSGD extends Optimizer {
  private counts: Variable[] = [];
  override build(variables: readonly Variable[]): void {
    super.build(variables);
    this.counts = variables.map((v) => this.addVariableFromReference(v, "count"));
  }
  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const count = this.slotOf(this.counts, variable);
    count.assign(ops.add(count.value, 1));
    variable.assign(ops.subtract(variable.value, ops.multiply(ops.sign(gradient), learningRate)));
  }
}

beforeAll(() => {
  registerBuiltins("keras.optimizers", optimizers.CLASSES);
  registerBuiltins("keras.optimizers.schedules", schedules.CLASSES);
});
beforeEach(resetNames);
afterEach(() => vi.restoreAllMocks());

describe("a step", () => {
  it("projects weights by their constraint after the update", async () => {
    const w = weight([1, 1], "w", { constraint: constraints.get("non_neg") });
    // 1 - 0.5·[1, 4] = [0.5, -1], of which the second becomes 0.
    SGD(0.5).apply([tensor([1, 4])], [w]);
    expect(await w.array()).toEqual([0.5, 0]);
  });

  it("leaves variables without gradient alone and says so", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const [a, b] = [weight([1], "a"), weight([1], "b")];
    SGD(0.5).apply([tensor([1]), null], [a, b]);
    expect([await a.array(), await b.array()]).toEqual([[0.5], [1]]);
    expect(warn.mock.calls.flat().join()).toContain("no gradient for b");
  });

  it("takes pairs and returns the counter", async () => {
    const w = weight([1]);
    const count = SGD(0.5).applyGradients([[tensor([1]), w]]);
    expect([await w.array(), await count.array()]).toEqual([[0.5], 1]);
  });

  it("shows gradients that are not finite rather than hiding them in the global norm", async () => {
    const [a, b] = [weight([1], "a"), weight([1], "b")];
    SGD({ globalClipnorm: 1 }).apply([tensor([1]), tensor([Number.POSITIVE_INFINITY])], [a, b]);
    expect([await a.array(), await b.array()]).toEqual([[Number.NaN], [Number.NaN]]);
  });

  it("excludes variables from weight decay by identity", async () => {
    const [a, b] = [weight([1], "a"), weight([1], "b")];
    const optimizer = SGD(0.5, { weightDecay: 0.5 });
    optimizer.excludeFromWeightDecay({ varList: [b] });
    // a: 1·(1 - 0.5·0.5) - 0.5·1 = 0.25; b: 1 - 0.5·1.
    optimizer.apply([tensor([1]), tensor([1])], [a, b]);
    expect([await a.array(), await b.array()]).toEqual([[0.25], [0.5]]);
    expect(() => optimizer.excludeFromWeightDecay({ varList: [a] })).toThrow("before the optimizer is built");
  });

  it("scales the loss and unscales gradients", async () => {
    const optimizer = SGD(1, { lossScaleFactor: 8 });
    expect(await optimizer.scaleLoss(tensor(3, [])).item()).toBe(24);
    const w = weight([1]);
    optimizer.apply([tensor([4])], [w]); // 1 - 4/8
    expect(await w.array()).toEqual([0.5]);
  });
});

describe("the learning rate", () => {
  it("can be changed between steps that are compiled already", async () => {
    const w = weight([1]);
    const optimizer = SGD(0.5);
    optimizer.build([w]);
    const type = { shape: [1], dtype: "float32" } as const;
    const step = await compileFunction(
      (gradients) => {
        optimizer.apply(gradients, [w]);
        return [];
      },
      [type],
      "step",
    );
    const run = () => step.run([tensorBuffer(tensor([1]))]);
    await run();
    optimizer.learningRate = 0.25;
    await run();
    expect(await w.array()).toEqual([0.25]); // 1 - 0.5 - 0.25
    expect(await optimizer.learningRate.array()).toBe(0.25);
    expect(optimizer.getConfig().learning_rate).toBe(0.25);
    step.dispose();
  });

  it("may be a schedule, a function or a variable of the user", async () => {
    const rates = [
      schedules.ExponentialDecay(0.5, 1, 0.5),
      () => 0.5,
      new Variable(tensor(0.5, []), { name: "shared", trainable: false }),
    ];
    for (const rate of rates) {
      const w = weight([1]);
      const optimizer = SGD(rate);
      optimizer.apply([tensor([1])], [w]);
      expect(await w.array()).toEqual([0.5]);
      expect(optimizer.variables.length).toBe(rate instanceof Variable ? 2 : 1);
    }
  });

  it("cannot be a number once a schedule gives it, but another schedule", async () => {
    const optimizer = Adam(schedules.ExponentialDecay(0.5, 1, 0.5));
    expect(() => {
      optimizer.learningRate = 0.1;
    }).toThrow('optimizer "adam": its learning rate is given by ExponentialDecay, so it cannot');
    optimizer.learningRate = schedules.PolynomialDecay(0.125, 10);
    expect(await optimizer.learningRate.array()).toBe(0.125);
    const plain = SGD(0.1);
    plain.learningRate = schedules.PolynomialDecay(0.125, 10);
    expect(plain.variables.map((v) => v.name)).toEqual(["iteration"]);
  });
});

describe("an optimizer of the user", () => {
  it("needs little code, trains, and keeps state", async () => {
    const w = weight([1, 1]);
    const optimizer = new SignSGD({ learningRate: 0.5 });
    for (let i = 0; i < 2; i++) optimizer.apply([tensor([3, -3])], [w]);
    expect(await w.array()).toEqual([0, 2]);
    expect(optimizer.variables.map((v) => v.path)).toEqual([
      "sign_sgd/iteration",
      "sign_sgd/learning_rate",
      "sign_sgd/w_count",
    ]);
    expect(await optimizer.variables[2]!.array()).toEqual([2, 2]);
  });

  it("may give each weight its own rate", async () => {
    class Layerwise extends Adam {
      override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
        const rate = variable.name === "b" ? ops.multiply(learningRate, 0.5) : learningRate;
        super.updateStep(gradient, variable, rate);
      }
    }
    const [a, b] = [weight([1], "a"), weight([1], "b")];
    // Adam's first step is lr·g/|g|, up to epsilon.
    new Layerwise(0.5).apply([tensor([3]), tensor([3])], [a, b]);
    expect((await a.array())[0]).toBeCloseTo(0.5, 5);
    expect((await b.array())[0]).toBeCloseTo(0.75, 5);
  });

  it("is written to files and found again by name", () => {
    const config = optimizers.serialize(new SignSGD(0.5, { clipnorm: 1 })) as Config;
    expect([config.class_name, config.registered_name]).toEqual(["SignSGD", "SignSGD"]);
    const again = customObjectScope({ SignSGD }, () => deserializeObject(config)) as SignSGD;
    expect(again).toBeInstanceOf(SignSGD);
    expect(again.clipnorm).toBe(1);
  });
});

/** A store in memory. */
function makeStore(): VariableStore {
  const entries = new Map<string, Tensor>();
  return {
    keys: () => [...entries.keys()],
    set: (key, value) => void entries.set(key, value instanceof Variable ? value.value : value),
    get: (key) => entries.get(key)!,
  };
}

describe("files", () => {
  it("hold the state in order, and give it back", async () => {
    const store = makeStore();
    const [w, again] = [weight([1]), weight([1])];
    const optimizer = Adam(0.5);
    optimizer.apply([tensor([1])], [w]);
    optimizer.saveOwnVariables(store);
    expect(store.keys()).toEqual(["0", "1", "2", "3"]);
    const restored = Adam(0.1);
    restored.build([again]);
    restored.loadOwnVariables(store);
    expect(restored.getConfig().learning_rate).toBe(0.5);
    again.assign(w.value);
    for (const [o, v] of [
      [optimizer, w],
      [restored, again],
    ] as const)
      o.apply([tensor([2])], [v]);
    expect(await again.array()).toEqual(await w.array());
  });

  it("with another number of variables are left out with a warning", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const store = makeStore();
    SGD(0.1).saveOwnVariables(store);
    Adam(schedules.PolynomialDecay(0.1, 3)).loadOwnVariables(store);
    expect(warn.mock.calls.flat().join()).toContain(
      "it has 1 variables and the file has 2. The optimizer is not built",
    );
  });
});

/** Nodes that a step adds for one more weight. */
function nodesPerWeight(optimizer: optimizers.Optimizer, size: number): number {
  const weights = Array.from({ length: 6 }, (_, i) => weight(new Array(size).fill(1), `w${i}`));
  optimizer.build(weights);
  const count = (n: number): number => {
    const trace = new Trace();
    const gradients = weights.slice(0, n).map(() => inputValue({ shape: [size], dtype: "float32" }, "g"));
    withTrace(trace, () =>
      optimizer.apply(
        gradients.map((g) => new Tensor(g)),
        weights.slice(0, n),
      ),
    );
    return makeProgram([...gradients, ...trace.reads.values()], [...trace.writes.values()]).nodes.length;
  };
  return (count(6) - count(2)) / 4;
}

describe("the size of a step", () => {
  // Counted from the formulas: each operation on a whole weight once, scalars not at all.
  const formulas: [name: string, make: () => optimizers.Optimizer, nodes: number, slots: number][] = [
    ["SGD", () => SGD(0.1), 2, 0],
    ["SGD with momentum", () => SGD(0.1, { momentum: 0.9 }), 4, 1],
    ["RMSprop", () => RMSprop(), 9, 1],
    ["Adam", () => Adam(), 12, 2],
    ["AdamW", () => AdamW(), 13, 2],
    ["Adam with a schedule", () => Adam(schedules.CosineDecay(0.1, 10)), 12, 2],
  ];
  it.each(formulas)("of %s per large weight is that of its formula", (_, make, nodes) => {
    expect(nodesPerWeight(make(), 10_000)).toBe(nodes);
  });

  it.each(formulas)("of %s per small weight is to cut it out of the group again", (name, make, _, slots) => {
    // One slice for the weight and one for each slot; weight decay comes before and is per weight.
    expect(nodesPerWeight(make(), 2)).toBe(1 + slots + (name === "AdamW" ? 1 : 0));
  });
});

describe("errors", () => {
  const w = weight([1, 2]);
  const built = SGD(0.1);
  built.build([w]);
  it.each<[() => unknown, new (message?: string) => Error, string]>([
    [
      () => SGD({ learning_rate: 0.1 } as object),
      TypeError,
      'unknown option `learning_rate`. Did you mean "learningRate"?',
    ],
    [() => Adam("0.1" as never), TypeError, "Adam: expected `learningRate` to be a number, a LearningRateSchedule"],
    [() => SGD(0.1, { momentum: 1.5 }), RangeError, "SGD: expected `momentum` to be from 0 to 1. Received: 1.5"],
    [() => SGD({ clipnorm: 1, clipvalue: 2 }), RangeError, "only one of `clipnorm`, `clipvalue` and `globalClipnorm`"],
    [() => SGD({ gradientAccumulationSteps: 1 }), RangeError, "`gradientAccumulationSteps` to be an integer from 2"],
    [() => SGD({ useEma: true, emaMomentum: 2 }), RangeError, "`emaMomentum` to be from 0 to 1. Received: 2"],
    [() => SGD({ useEma: true, emaOverwriteFrequency: 0.5 }), RangeError, "`emaOverwriteFrequency` to be an integer"],
    [() => SGD({ clipnorm: "1" } as never), TypeError, 'SGD: expected `clipnorm` to be a number. Received: "1"'],
    [() => SGD({ name: "a/b" }), TypeError, 'without "/"'],
    [() => AdamW({ weightDecay: null } as never), TypeError, "AdamW: expected `weightDecay` to be a number"],
    [() => Lion({ beta1: 0 }), RangeError, "Lion: expected `beta1` to be above 0"],
    [() => Ftrl({ learningRatePower: 1 }), RangeError, "Ftrl: expected `learningRatePower` to be at most 0"],
    [() => SGD().apply([tensor([1])]), Error, "apply without variables needs an optimizer that is built"],
    [() => built.apply([tensor([1, 1])], [weight([1, 2], "other")]), RangeError, 'unknown variable "other"'],
    [() => built.apply([tensor([1, 1]), null]), RangeError, "Received: 2 gradients for 1 variables"],
    [() => built.apply([tensor([1])]), RangeError, "must have the variable's shape (2,). Received: (1,)"],
    [() => built.apply([null]), Error, "no gradient for any variable. The loss does not depend on w"],
  ])("say what was expected (%#)", (run, kind, words) => {
    expect(run).toThrow(kind);
    expect(run).toThrow(words);
  });
});
