import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as constraints from "../constraints/index.ts";
import { resetNames } from "../core/names.ts";
import { compileFunction, tensorBuffer } from "../runtime/compiledFunction.ts";
import { evaluate } from "../runtime/evaluate.ts";
import { nameScope } from "../runtime/nameScope.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import { configTable } from "../serialization/configObject.ts";
import { type Config, registerBuiltins } from "../serialization/registry.ts";
import { deserializeObject } from "../serialization/serialize.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import * as optimizers from "./index.ts";

interface Case {
  readonly class: string;
  readonly args: Config;
  readonly tag: string;
  readonly constraint: string | null;
  readonly name: string;
  readonly learning_rates: number[];
  readonly steps: [EncodedArray, EncodedArray][];
  readonly iterations: number;
  readonly optimizer_variables: { name: string; path: string; value: EncodedArray }[];
  readonly finalized: [EncodedArray, EncodedArray] | null;
  readonly config: Config;
}

const { cases, start, gradients, names } = loadFixture<{
  cases: Case[];
  start: [EncodedArray, EncodedArray];
  gradients: [EncodedArray, EncodedArray][];
  names: Record<string, string>;
}>("optimizers");

const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};

/** Both variables of a case, at their start; the case's constraint is on the first. */
function makeVariables({ constraint }: Case): [Variable, Variable] {
  return nameScope("dense", () => [
    new Variable(toTensor(start[0]), { name: "kernel", constraint: constraints.get(constraint) }),
    new Variable(toTensor(start[1]), { name: "bias" }),
  ]);
}

type Make = new (options: Record<string, unknown>) => optimizers.Optimizer;

/** An optimizer from Keras's arguments, through the option names of its class. */
function makeOptimizer({ class: name, args, tag }: Case): optimizers.Optimizer {
  const cls = optimizers.CLASSES[name] as unknown as Make;
  const given = configTable(cls).filter(([, key]) => key in args);
  const optimizer = new cls(Object.fromEntries(given.map(([option, key]) => [option, deserializeObject(args[key])])));
  if (tag.includes("exclude")) optimizer.excludeFromWeightDecay({ varNames: ["bias"] });
  return optimizer;
}

async function expectValues(values: readonly Tensor[], expected: readonly EncodedArray[], label: string) {
  await evaluate(values.map((t) => t.node));
  for (const [i, value] of values.entries()) {
    const { data, shape, dtype } = decode(expected[i]!);
    expect([value.dtype, value.shape]).toEqual([dtype, shape]);
    // A value is the sum of six updates of some ten float32 operations each.
    expectAllClose(await value.data(), data, { dtype, family: "reduction", label: `${label}, variable ${i}` });
  }
}

beforeAll(() => {
  registerBuiltins("keras.optimizers", optimizers.CLASSES);
  registerBuiltins("keras.optimizers.schedules", optimizers.schedules.CLASSES);
});
beforeEach(resetNames);

describe.each(cases)("$class $args $tag", (sample) => {
  it("updates as Keras does, step by step", async () => {
    const optimizer = makeOptimizer(sample);
    const variables = makeVariables(sample);
    const values: Tensor[] = [];
    const rates: Tensor[] = [];
    for (const step of gradients) {
      const rate = optimizer.learningRate;
      rates.push(rate instanceof Variable ? rate.value : rate);
      optimizer.apply(step.map(toTensor), variables);
      values.push(...variables.map((v) => v.value));
    }
    await expectValues(values, sample.steps.flat(), "step");
    const received = await Promise.all(rates.map((rate) => rate.item()));
    expectAllClose(received, sample.learning_rates, { label: "rates" });
    const state = optimizer.variables;
    expect(state.map((v) => [v.name, v.path])).toEqual(sample.optimizer_variables.map((v) => [v.name, v.path]));
    await expectValues(
      state.map((v) => v.value),
      sample.optimizer_variables.map((v) => v.value),
      "state",
    );
    expect(await optimizer.iterations.array()).toBe(sample.iterations);
    if (sample.finalized) {
      optimizer.finalizeVariableValues(variables);
      await expectValues(
        variables.map((v) => v.value),
        sample.finalized,
        "finalized",
      );
    }
  });

  it("does the same in a compiled step", async () => {
    const optimizer = makeOptimizer(sample);
    const variables = makeVariables(sample);
    optimizer.build(variables);
    const types = start.map(({ shape, dtype }) => ({ shape, dtype }));
    const compiled = await compileFunction(
      (inputs) => {
        optimizer.apply(inputs, variables);
        return [];
      },
      types,
      "step",
    );
    for (const [i, step] of gradients.entries()) {
      await compiled.run(step.map((g) => tensorBuffer(toTensor(g))));
      await expectValues(
        variables.map((v) => v.value),
        sample.steps[i]!,
        `compiled step ${i}`,
      );
    }
    await expectValues(
      optimizer.variables.map((v) => v.value),
      sample.optimizer_variables.map((v) => v.value),
      "state",
    );
    compiled.dispose();
  });

  it("has Keras's config and comes back from it", () => {
    const optimizer = makeOptimizer(sample);
    expect(optimizer.name).toBe(sample.name);
    expect(optimizers.serialize(optimizer)).toEqual(sample.config);
    expect(Object.keys(optimizer.getConfig())).toEqual(Object.keys(sample.config.config as Config));
    const again = optimizers.deserialize(sample.config);
    expect(again.constructor).toBe(optimizer.constructor);
    expect(optimizers.serialize(again)).toEqual(sample.config);
  });
});

describe("get", () => {
  it.each(Object.entries(names))("%s is %s, as in Keras", (name, className) => {
    expect(optimizers.get(name)).toBeInstanceOf(optimizers.CLASSES[className]);
  });

  it("returns optimizers as they are", () => {
    const optimizer = optimizers.SGD(0.1);
    expect(optimizers.get(optimizer)).toBe(optimizer);
  });

  it.each([
    ["adma", RangeError, 'unknown optimizer "adma". Did you mean "adam"?'],
    [3, TypeError, "expected an optimizer: a name, a config, an object or a function. Received: 3"],
  ])("rejects %s", (identifier, kind, words) => {
    expect(() => optimizers.get(identifier as string)).toThrow(kind);
    expect(() => optimizers.get(identifier as string)).toThrow(words);
  });
});
