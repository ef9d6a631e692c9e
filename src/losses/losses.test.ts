/** Losses against real Keras (test/fixtures/losses.json): values, gradients, configs, names; and what errors say. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/grad.ts";
import { backendName, setBackend } from "../backend/registry.ts";
import * as ops from "../ops/index.ts";
import { type Tensor, tensor, tensorFromHost } from "../runtime/tensor.ts";
import type { Config } from "../serialization/registry.ts";
import { registerBuiltinFunctions, registerBuiltins } from "../serialization/registry.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import * as losses from "./index.ts";

interface Case {
  readonly class: string;
  readonly args: Config;
  readonly y_true: EncodedArray;
  readonly y_pred: EncodedArray;
  readonly sample_weight: EncodedArray | null;
  readonly tag: string;
  readonly value: EncodedArray;
  readonly c: EncodedArray | null;
  readonly gradient: EncodedArray;
  readonly config: { config: Config };
}

interface FunctionCase {
  readonly function: string;
  readonly args: Config;
  readonly y_true: EncodedArray;
  readonly y_pred: EncodedArray;
  readonly output: EncodedArray;
}

interface Named {
  readonly kind: "instance" | "function";
  readonly class?: string;
  readonly name: string;
}

const fixture = loadFixture<{ cases: Case[]; functions: FunctionCase[]; names: Record<string, Named> }>("losses");

registerBuiltins("keras.losses", losses.CLASSES);
registerBuiltinFunctions(losses.FUNCTIONS);

const load = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensorFromHost(data, shape, dtype);
};
const camel = (key: string): string => key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
const options = (args: Config): Config => Object.fromEntries(Object.entries(args).map(([k, v]) => [camel(k), v]));
const create = ({ class: name, args }: Pick<Case, "class" | "args">): losses.Loss =>
  (losses as unknown as Record<string, (o: Config) => losses.Loss>)[name]!(options(args));

/** Keras leaves these out of configs, so that a loaded loss has the default; we write them when they are not. */
const FORGOTTEN: Readonly<Record<string, string>> = {
  CosineSimilarity: "axis",
  Huber: "delta",
  SparseCategoricalCrossentropy: "axis",
};

const labelled = fixture.cases.map((c, i) => {
  const weights = c.sample_weight ? " weighted" : "";
  return [`${i} ${c.class} ${JSON.stringify(c.args)} ${c.tag}${weights}`, c] as const;
});

describe.each(["onnx", "reference"])("losses on %s", (name) => {
  const before = backendName();
  beforeAll(() => setBackend(name));
  afterAll(() => setBackend(before));

  it.each(labelled)("%s", async (_, c) => {
    const loss = create(c);
    const prediction = load(c.y_pred);
    const value = loss(load(c.y_true), prediction, c.sample_weight ? load(c.sample_weight) : null);
    expect(value.shape).toEqual(c.value.shape);
    expect(value.dtype).toBe("float32");
    const scalar = c.c ? ops.sum(ops.multiply(value, load(c.c))) : value;
    const [gradient] = gradientsOf(scalar, [prediction]);
    expectAllClose(await value.data(), decodeNumbers(c.value), { rtol: 2e-5, atol: 2e-6 });
    // Where |y − p| has its kink, jax takes the slope of one side and we take 0; both are subgradients.
    if (c.tag !== "equal")
      expectAllClose(await gradient!.data(), decodeNumbers(c.gradient), { rtol: 1e-4, atol: 2e-6 });
  });

  it.each(fixture.functions.map((f) => [f.function, f] as const))("function %s", async (_, f) => {
    const fn = losses.FUNCTIONS[f.function] as unknown as (y: Tensor, p: Tensor, o: Config) => Tensor;
    const output = fn(load(f.y_true), load(f.y_pred), options(f.args));
    expect(output.shape).toEqual(f.output.shape);
    expectAllClose(await output.data(), decodeNumbers(f.output), { rtol: 2e-5, atol: 2e-6 });
  });
});

describe("configs", () => {
  it.each(labelled)("%s", (_, c) => {
    const loss = create(c);
    const forgotten = FORGOTTEN[c.class];
    const extra = forgotten && forgotten in c.args ? { [forgotten]: c.args[forgotten] } : {};
    const config = losses.serialize(loss) as Config;
    expect(config).toEqual({ ...c.config, config: { ...c.config.config, ...extra } });
    expect(losses.serialize(losses.deserialize(config))).toEqual(config);
  });

  it("writes functions by name and finds them again", () => {
    for (const f of fixture.functions) {
      const fn = losses.get(f.function);
      const config = losses.serialize(fn) as Config;
      expect(config).toEqual((f as unknown as { serialized: Config }).serialized);
      expect(losses.deserialize(config)).toBe(fn);
    }
  });

  it("keeps a wrapped function and its options", () => {
    const loss = losses.LossFunctionWrapper(losses.binaryCrossentropy, { name: "mine", fromLogits: true });
    const config = losses.serialize(loss) as { config: Config };
    expect(config.config).toMatchObject({ name: "mine", reduction: "sum_over_batch_size", from_logits: true });
    expect(losses.serialize(losses.deserialize(config))).toEqual(config);
  });
});

describe("get", () => {
  it.each(Object.entries(fixture.names))("%s", (name, { kind, class: className, name: expected }) => {
    const got = losses.get(name);
    expect(got instanceof losses.Loss).toBe(kind === "instance");
    if (got instanceof losses.Loss) {
      expect(got.name).toBe(expected);
      expect(got).toBeInstanceOf(losses.CLASSES[className!]!);
    } else expect(got).toBe(losses.FUNCTIONS[expected]);
  });

  it("names the nearest loss for one that does not exist", () => {
    expect(() => losses.get("mean_square_error")).toThrow(
      'unknown loss "mean_square_error". Did you mean "mean_squared_error"?',
    );
    expect(() => losses.get(3 as never)).toThrow("expected a loss: a name, a config, an object or a function");
    expect(losses.get(null)).toBeNull();
  });
});

describe("loss objects", () => {
  const y = tensor([[0], [1], [1]]);
  const p = tensor([[0], [0], [3]]);

  it("need no `new`, can be extended, and reduce what `call` returns", async () => {
    class Quartic extends losses.Loss {
      override call(yTrue: Tensor, yPred: Tensor): Tensor {
        return ops.mean(ops.power(ops.subtract(yTrue, yPred), 4), { axis: -1 });
      }
    }
    const loss = new Quartic({ reduction: "sum" });
    expect(loss.name).toBe("quartic");
    expect(await loss(y, p).item()).toBe(1 + 16);
    expect(await losses.MeanSquaredError()(y, p).item()).toBeCloseTo(5 / 3, 6);
    expect(losses.MeanSquaredError()).toBeInstanceOf(losses.MeanSquaredError);
    expect(new losses.Huber({ delta: 2 }).delta).toBe(2);
  });

  it("take the mean over what the mask of the predictions keeps", async () => {
    const masked = tensor([[0], [0], [3]]);
    masked.mask = tensor([false, true, true]);
    const kept = [1, 4]; // (1 − 0)², (1 − 3)²
    expect(await losses.MeanSquaredError()(y, masked).item()).toBeCloseTo((kept[0]! + kept[1]!) / 2, 5);
    expect(await losses.MeanSquaredError({ reduction: "sum" })(y, masked).item()).toBe(5);
    const weights = tensor([9, 2, 1]);
    expect(await losses.MeanSquaredError()(y, masked, weights).item()).toBeCloseTo((2 * 1 + 1 * 4) / 2, 5);
    masked.mask = tensor([false, false, false]);
    expect(await losses.MeanSquaredError()(y, masked).item()).toBe(0);
  });

  it("give labels to functions of the user in the dtype of the loss", async () => {
    const seen: string[] = [];
    const loss = losses.LossFunctionWrapper((yTrue, yPred) => {
      seen.push(yTrue.dtype, yPred.dtype);
      return ops.abs(ops.subtract(yTrue, yPred));
    });
    expect(await loss(tensor(new Float64Array([1, 2])), tensor([2, 2])).item()).toBe(0.5);
    expect(seen).toEqual(["float32", "float32"]);
  });

  it("compute in their own dtype", () => {
    expect(losses.MeanSquaredError({ dtype: "float16" })(y, p).dtype).toBe("float16");
  });
});

describe("errors", () => {
  const classes = ops.ones([4, 3]);
  const cases: [string, () => unknown, string][] = [
    [
      "integer labels for one-hot",
      () => losses.CategoricalCrossentropy()(tensor([0, 1, 2, 1]), classes),
      'loss "categorical_crossentropy": targets have shape (4,) but predictions have shape (4, 3); expected one-hot targets of ' +
        'the same shape. Use "sparse_categorical_crossentropy" for integer labels, or utils.toCategorical(y)',
    ],
    [
      "one-hot for integer labels",
      () => losses.SparseCategoricalCrossentropy()(classes, classes),
      'expected integer labels of shape (4,). For one-hot targets use "categorical_crossentropy"',
    ],
    [
      "other class count",
      () => losses.CategoricalCrossentropy()(ops.ones([4, 2]), classes),
      "targets have shape (4, 2) but predictions have shape (4, 3)",
    ],
    [
      "shapes that do not broadcast",
      () => losses.MeanSquaredError()(ops.ones([4, 2]), classes),
      'loss "mean_squared_error": targets have shape (4, 2) but predictions have shape (4, 3); expected the same shape',
    ],
    [
      "weights of another length",
      () => losses.MeanSquaredError()(classes, classes, tensor([1, 2])),
      'loss "mean_squared_error": `sampleWeight` has shape (2,) but there is one loss for each of (4,)',
    ],
    [
      "weights per sample for losses per step",
      () => losses.MeanSquaredError()(ops.ones([2, 3, 1]), ops.ones([2, 3, 1]), tensor([1, 2])),
      "For one weight per sample use shape (2, 1)",
    ],
    [
      "reduction",
      () => losses.MeanSquaredError({ reduction: "average" as never }),
      'MeanSquaredError: expected `reduction` to be one of "sum_over_batch_size"',
    ],
    [
      "unknown option",
      () => losses.BinaryCrossentropy({ fromLogit: true } as never),
      'BinaryCrossentropy: unknown option `fromLogit`. Did you mean "fromLogits"?',
    ],
    [
      "smoothing",
      () => losses.BinaryCrossentropy({ labelSmoothing: 2 }),
      "BinaryCrossentropy: expected `labelSmoothing` to be a number from 0 to 1. Received: labelSmoothing=2",
    ],
    ["q", () => losses.CategoricalGeneralizedCrossEntropy({ q: 1 }), "expected `q` to be a number between 0 and 1"],
    ["no function", () => losses.LossFunctionWrapper("mse" as never), "expected a function of (yTrue, yPred)"],
    ["no prediction", () => losses.MeanSquaredError()(classes, null as never), 'loss "mean_squared_error": expected'],
  ];
  it.each(cases)("%s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
