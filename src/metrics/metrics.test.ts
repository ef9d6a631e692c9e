/** Metrics against real Keras (test/fixtures/metrics.json): results batch by batch, state, configs, names; and errors. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backendName, setBackend } from "../backend/registry.ts";
import * as losses from "../losses/index.ts";
import * as ops from "../ops/index.ts";
import { jit } from "../runtime/jit.ts";
import { type Tensor, tensor, tensorFromHost } from "../runtime/tensor.ts";
import { type Config, registerBuiltinFunctions, registerBuiltins } from "../serialization/registry.ts";
import { expectAllClose, type Numbers } from "../testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import * as metrics from "./index.ts";

type Result = number | string | null | readonly number[];

interface Case {
  readonly class: string;
  readonly args: Config;
  readonly tag: string;
  readonly updates: readonly {
    readonly args: readonly EncodedArray[];
    readonly kwargs: { readonly sample_weight?: EncodedArray };
  }[];
  readonly results: readonly Result[];
  readonly variables: readonly { readonly name: string; readonly value: EncodedArray }[];
  readonly after_reset: Result;
  readonly config: { config: Config };
}

const fixture = loadFixture<{
  cases: Case[];
  wrapped: { batches: [EncodedArray, EncodedArray][]; results: number[]; config: Config };
  names: Record<string, { class: string }>;
}>("metrics");

registerBuiltins("keras.metrics", metrics.CLASSES);
registerBuiltinFunctions(losses.FUNCTIONS);
registerBuiltinFunctions(metrics.FUNCTIONS);

const load = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensorFromHost(data, shape, dtype);
};
const camel = (key: string): string => key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
const create = ({ class: name, args }: Pick<Case, "class" | "args">): metrics.Metric => {
  const options = Object.fromEntries(Object.entries(args).map(([k, v]) => [camel(k), v]));
  return (metrics as unknown as Record<string, (o: Config) => metrics.Metric>)[name]!(options);
};
const update = (metric: metrics.Metric, { args, kwargs }: Case["updates"][number]): void =>
  metric.updateState(...args.map(load), kwargs.sample_weight ? load(kwargs.sample_weight) : null);

async function expectResult(metric: metrics.Metric, expected: Result): Promise<void> {
  const result = metric.result();
  if (typeof expected === "string") expect(String(await result.item())).toBe(expected);
  else expectAllClose(await result.array(), expected as Numbers, { rtol: 2e-5, atol: 2e-6 });
}

const labelled = fixture.cases.map((c, i) => [`${i} ${c.class} ${JSON.stringify(c.args)} ${c.tag}`, c] as const);

describe.each(["onnx", "reference"])("metrics on %s", (name) => {
  const before = backendName();
  beforeAll(() => setBackend(name));
  afterAll(() => setBackend(before));

  // Predictions of 0.3 and thresholds of 3/10: float32 decides that they are equal, and `reference` computes in float64.
  const decidable = name === "onnx" ? labelled : labelled.filter(([, c]) => c.args.num_thresholds !== 11);

  it.each(decidable)("%s", async (_, c) => {
    const metric = create(c);
    if (c.results[0] === null) expect(() => metric.result()).toThrow("no result before the first batch");
    else await expectResult(metric, c.results[0]!);
    for (const [i, batch] of c.updates.entries()) {
      update(metric, batch);
      await expectResult(metric, c.results[i + 1]!);
    }
    expect(metric.variables.map((v) => v.name)).toEqual(c.variables.map((v) => v.name));
    for (const [i, { name: variable, value }] of c.variables.entries()) {
      const ours = metric.variables[i]!;
      expect(ours.shape).toEqual(value.shape);
      expect(ours.dtype).toBe(value.dtype);
      expect(ours.trainable).toBe(false);
      expectAllClose(await ours.data(), decodeNumbers(value), { rtol: 2e-5, atol: 2e-6, label: variable });
    }
    metric.resetState();
    if (c.after_reset !== null) await expectResult(metric, c.after_reset);
    for (const variable of metric.variables)
      expect(Array.from(await variable.data(), Number).some(Boolean)).toBe(false);
  });
});

describe("configs", () => {
  it.each(labelled)("%s", (_, c) => {
    const config = metrics.serialize(create({ ...c, args: { name: c.config.config.name, ...c.args } })) as Config;
    expect(config).toEqual(c.config);
    expect(metrics.serialize(metrics.deserialize(config))).toEqual(config);
  });

  it("keeps a wrapped function", async () => {
    const wrapper = metrics.MeanMetricWrapper(losses.meanSquaredError, { name: "wrapped" });
    expect(wrapper.direction).toBe("down");
    for (const [i, [y, p]] of fixture.wrapped.batches.entries()) {
      expect(await wrapper(load(y), load(p)).item()).toBeCloseTo(fixture.wrapped.results[i]!, 5);
    }
    expect(metrics.serialize(wrapper)).toEqual(fixture.wrapped.config);
    expect(metrics.serialize(metrics.deserialize(fixture.wrapped.config))).toEqual(fixture.wrapped.config);
  });
});

describe("get", () => {
  const needArguments = ["IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU", "MeanMetricWrapper"];
  const constrained = [
    "PrecisionAtRecall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
  ];
  const without = new Set([...needArguments, ...constrained]);
  it.each(Object.entries(fixture.names))("%s", (name, { class: className }) => {
    if (without.has(className)) expect(() => metrics.get(name)).toThrow(className);
    else expect(metrics.get(name)).toBeInstanceOf(metrics.CLASSES[className]!);
  });

  it("names the nearest metric for one that does not exist", () => {
    expect(() => metrics.get("binary_acuracy")).toThrow(
      'unknown metric "binary_acuracy". Did you mean "binary_accuracy"?',
    );
    expect(metrics.get(null)).toBeNull();
  });
});

describe("metric objects", () => {
  it("know which way is better", () => {
    const directions = {
      BinaryAccuracy: "up",
      MeanSquaredError: "down",
      AUC: "up",
      Mean: null,
      CosineSimilarity: "up",
    };
    for (const [name, direction] of Object.entries(directions)) {
      expect((metrics.get(name) as metrics.Metric).direction).toBe(direction);
    }
  });

  it("can be written by users, with state and metrics inside", async () => {
    class Positives extends metrics.Metric {
      readonly seen = this.addVariable({ name: "seen" });
      readonly inner = metrics.Mean();
      override updateState(yTrue: Tensor): void {
        this.seen.assignAdd(ops.sum(ops.cast(ops.greater(yTrue, 0), this.dtype)));
        this.inner.updateState(yTrue);
      }
      override result(): Tensor {
        return ops.add(this.seen.value, this.inner.result());
      }
    }
    const metric = new Positives({ name: "mine" });
    expect(metric.variables.map((v) => v.path)).toEqual(["mine/seen", "mean/total", "mean/count"]);
    expect(await metric(tensor([1, -1, 3])).item()).toBe(3); // 2 positive, mean 1
    metric.resetState();
    expect(await metric(tensor([5, 5])).item()).toBe(7);
    metric.name = "renamed";
    expect(metric.name).toBe("renamed");
  });

  it("take the mask of the predictions as weights", async () => {
    const p = tensor([[0.9], [0.9], [0.1]]);
    p.mask = tensor([true, false, true]);
    const metric = metrics.BinaryAccuracy();
    metric.updateState(tensor([[1], [0], [1]]), p);
    expect(await metric.result().item()).toBe(0.5); // right, left out, wrong
    metric.updateState(tensor([[1], [0], [1]]), p, tensor([3, 9, 1]));
    expect(await metric.result().item()).toBeCloseTo(4 / 6, 6);
  });

  it("weigh a scalar by a number, as losses of batches are", async () => {
    const metric = metrics.Mean();
    metric.updateState(tensor(2, [], "float32"), 32);
    metric.updateState(tensor(5, [], "float32"), 8);
    expect(await metric.result().item()).toBeCloseTo((2 * 32 + 5 * 8) / 40, 6);
  });

  it("run inside a compiled function", async () => {
    const metric = metrics.SparseCategoricalAccuracy();
    const step = jit((y: Tensor, p: Tensor) => metric(y, p));
    const p = tensor([
      [0.9, 0.1],
      [0.2, 0.8],
    ]);
    expect(await (await step(tensor([0, 0], [2], "int32"), p)).item()).toBe(0.5);
    expect(await (await step(tensor([0, 1], [2], "int32"), p)).item()).toBe(0.75);
    metric.resetState();
    expect(await (await step(tensor([0, 1], [2], "int32"), p)).item()).toBe(1);
  });
});

describe("metrics worked by hand", () => {
  const y = tensor([0, 0, 1, 1]);
  const p = tensor([0, 0.5, 0.3, 0.9]);
  // From Keras's documentation of each class, its examples.
  const cases: [string, () => Tensor, number][] = [
    [
      "SensitivityAtSpecificity",
      () => metrics.SensitivityAtSpecificity(0.5)(tensor([0, 0, 0, 1, 1]), tensor([0, 0.3, 0.8, 0.3, 0.8])),
      0.5,
    ],
    [
      "SpecificityAtSensitivity",
      () => metrics.SpecificityAtSensitivity(0.5)(tensor([0, 0, 0, 1, 1]), tensor([0, 0.3, 0.8, 0.3, 0.8])),
      2 / 3,
    ],
    [
      "PrecisionAtRecall",
      () => metrics.PrecisionAtRecall(0.5)(tensor([0, 0, 0, 1, 1]), tensor([0, 0.3, 0.8, 0.3, 0.8])),
      0.5,
    ],
    ["RecallAtPrecision", () => metrics.RecallAtPrecision(0.8)(y, tensor([0, 0.5, 0.3, 0.9])), 0.5],
    ["AUC of few thresholds", () => metrics.AUC({ numThresholds: 3 })(y, p), 0.75],
    ["IoU", () => metrics.IoU(2, [0])(y, tensor([0, 1, 0, 1])), 1 / 3],
    ["MeanIoU", () => metrics.MeanIoU(2)(y, tensor([0, 1, 0, 1])), 1 / 3],
    [
      "BinaryIoU",
      () => metrics.BinaryIoU({ threshold: 0.3 })(tensor([0, 1, 0, 1]), tensor([0.1, 0.2, 0.4, 0.7])),
      1 / 3,
    ],
    // Labels 0 1 1 2 against predictions 0 1 2 2: class 0 is 1/1, class 2 is 1/2.
    [
      "OneHotIoU",
      () =>
        metrics.OneHotIoU(3, [0, 2])(
          ops.oneHot(tensor([0, 1, 1, 2], [4], "int32"), 3),
          ops.oneHot(tensor([0, 1, 2, 2], [4], "int32"), 3),
        ),
      0.75,
    ],
    ["MeanIoU without a class", () => metrics.MeanIoU(2, { ignoreClass: 1 })(y, tensor([0, 1, 0, 1])), 0.25],
    // Rows (1, 2, 3) and (1, 3, 2): r = cov / var = ½.
    ["PearsonCorrelation", () => metrics.PearsonCorrelation()(tensor([[1, 2, 3]]), tensor([[1, 3, 2]])), 0.5],
    ["ConcordanceCorrelation", () => metrics.ConcordanceCorrelation()(tensor([[1, 2, 3]]), tensor([[1, 3, 2]])), 0.5],
    [
      "ids in order",
      () =>
        metrics.SparseTopKCategoricalAccuracy({ k: 2, fromSortedIds: true })(
          tensor([2, 1]),
          tensor([
            [1, 0, 3],
            [0, 1, 2],
          ]),
        ),
      0.5,
    ],
    // y = (1, 2, 3), p = (1, 2, 5): R² = 1 − 4/2 = −1, adjusted for one of three: 1 − 2·2/1 = −3.
    [
      "adjusted R2Score",
      () => metrics.R2Score({ numRegressors: 1 })(tensor([[1], [2], [3]]), tensor([[1], [2], [5]])),
      -3,
    ],
    [
      "R2Score with too few samples",
      () => metrics.R2Score({ numRegressors: 2 })(tensor([[1], [2], [3]]), tensor([[1], [2], [5]])),
      -1,
    ],
    // One row per sample, labels apart: each label is separated perfectly, or not at all.
    [
      "AUC per label",
      () =>
        metrics.AUC({ multiLabel: true })(
          tensor([
            [0, 1],
            [1, 0],
          ]),
          tensor([
            [0.1, 0.1],
            [0.9, 0.9],
          ]),
        ),
      0.5,
    ],
    [
      "AUC per label, weighted",
      () =>
        metrics.AUC({ multiLabel: true, labelWeights: [3, 1] })(
          tensor([
            [0, 1],
            [1, 0],
          ]),
          tensor([
            [0.1, 0.1],
            [0.9, 0.9],
          ]),
        ),
      0.75,
    ],
    ["AUC of logits", () => metrics.AUC({ fromLogits: true })(tensor([0, 1]), tensor([-4, 4])), 1],
    ["AUC of own thresholds", () => metrics.AUC({ thresholds: [0.5] })(y, p), 0.75],
  ];
  it.each(cases)("%s", async (_, act, expected) => {
    expect(await act().item()).toBeCloseTo(expected, 5);
  });
});

describe("errors", () => {
  const classes = ops.ones([4, 3]);
  const labels = tensor([0, 1, 2, 1]);
  const cases: [string, () => unknown, string][] = [
    [
      "integer labels for one-hot",
      () => metrics.CategoricalAccuracy()(labels, classes),
      'metric "categorical_accuracy": targets have shape (4,) but predictions have shape (4, 3); expected one-hot targets of the ' +
        'same shape. Use "sparse_categorical_accuracy" for integer labels',
    ],
    [
      "one-hot for integer labels",
      () => metrics.SparseCategoricalAccuracy()(classes, classes),
      'expected integer labels of shape (4,). Use "categorical_accuracy" for one-hot targets',
    ],
    ["weights", () => metrics.Mean()(labels, tensor([1, 2])), 'metric "mean": `sampleWeight` has shape (2,)'],
    ["counts", () => metrics.Precision()(labels, classes), "expected the same shape. Make one-hot targets"],
    [
      "F-score",
      () => metrics.F1Score()(labels, classes),
      "expected one-hot targets and predictions of shape (samples, classes)",
    ],
    ["R2", () => metrics.R2Score()(labels, labels), "expected targets and predictions of shape (samples, outputs)"],
    [
      "class",
      () => metrics.Precision({ classId: 3 })(classes, classes),
      "`classId` 3 needs predictions (samples, classes)",
    ],
    ["unknown option", () => metrics.Mean({ nmae: "x" } as never), 'Mean: unknown option `nmae`. Did you mean "name"?'],
    [
      "threshold",
      () => metrics.Precision({ thresholds: [2] }),
      "Precision: expected `thresholds` to be numbers from 0 to 1",
    ],
    ["k", () => metrics.TopKCategoricalAccuracy({ k: 0 }), "expected `k` to be a positive integer. Received: k=0"],
    [
      "curve",
      () => metrics.AUC({ curve: "roc" as never }),
      'AUC: expected `curve` to be one of "ROC", "PR", "PRGAIN". Received: "roc"',
    ],
    [
      "numThresholds",
      () => metrics.AUC({ numThresholds: 1 }),
      "expected `numThresholds` to be an integer larger than 1",
    ],
    [
      "recall",
      () => metrics.PrecisionAtRecall(2),
      "PrecisionAtRecall: expected `recall` to be a number from 0 to 1. Received: 2",
    ],
    [
      "average",
      () => metrics.F1Score({ average: "all" as never }),
      'F1Score: expected `average` to be one of null, "micro"',
    ],
    ["beta", () => metrics.F1Score({ beta: 2 } as never), "F1Score: unknown option `beta`. Use FBetaScore"],
    [
      "numClasses",
      () => metrics.MeanIoU(2.5),
      "MeanIoU: expected `numClasses` to be a positive integer. Received: 2.5",
    ],
    ["targets", () => metrics.IoU(2, [2]), "IoU: expected `targetClassIds` to be class numbers from 0 to 1"],
    [
      "aggregation",
      () => metrics.R2Score({ classAggregation: "mean" as never }),
      "R2Score: expected `classAggregation`",
    ],
    ["no function", () => metrics.MeanMetricWrapper("mse" as never), "expected a function of (yTrue, yPred)"],
    [
      "variable",
      () => metrics.Mean().addVariable({ shap: [] } as never),
      'unknown option `shap`. Did you mean "shape"?',
    ],
  ];
  it.each(cases)("%s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
