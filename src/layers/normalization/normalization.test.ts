/** Normalization layers against real Keras, their gradients in training, their state in compiled steps, what they refuse. */
import { describe, expect, it } from "vitest";
import { valueAndGrad } from "../../autodiff/grad.ts";
import { gradients } from "../../autodiff/gradients.ts";
import { optimize } from "../../compiler/pipeline.ts";
import { sizeOf } from "../../core/shape.ts";
import { makeProgram } from "../../ir/program.ts";
import { inputValue } from "../../ir/value.ts";
import * as ops from "../../ops/index.ts";
import { jit } from "../../runtime/jit.ts";
import { Tensor, tensor } from "../../runtime/tensor.ts";
import { Trace, withTrace } from "../../runtime/trace.ts";
import type { Variable } from "../../runtime/variable.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { type CheckedInput, gradCheck } from "../../testing/gradCheck.ts";
import { describeLayerCases } from "../../testing/layerCases.ts";
import * as layers from "../index.ts";
import type { CallOptions, LayerBase } from "../layer.ts";

describeLayerCases("normalization", {
  // Keras computes x · a + b in float32, which loses digits where |b| is near 100. In float64 the first weight gradient
  // is 0.375960; Keras has 0.376012, and here it is 0.375977.
  wider: { batch_normalization_far_from_zero_train: 5e-5 },
});

/** Numbers that look random. */
const numbers = (n: number, seed = 0): number[] =>
  Array.from({ length: n }, (_, i) => 3 * ((((i + 1) * 0.6180339887498949 + seed * 0.7548776662466927) % 1) - 0.5));

describe("gradients in training", () => {
  const mask = tensor([1, 0, 1, 1, 1, 1, 0, 1], [2, 4], "bool");
  const ROWS: readonly [what: string, layer: LayerBase, shape: readonly number[], call: CallOptions][] = [
    ["BatchNormalization", layers.BatchNormalization({ dtype: "float64" }), [4, 3], {}],
    ["… of images", layers.BatchNormalization({ dtype: "float64", axis: 1 }), [2, 2, 2, 2], {}],
    ["… without scale", layers.BatchNormalization({ dtype: "float64", scale: false }), [4, 3], {}],
    ["… without offset", layers.BatchNormalization({ dtype: "float64", center: false }), [4, 3], {}],
    ["… masked", layers.BatchNormalization({ dtype: "float64" }), [2, 4, 2], { mask }],
    ["GroupNormalization", layers.GroupNormalization(2, { dtype: "float64" }), [2, 3, 4], {}],
    ["LayerNormalization", layers.LayerNormalization({ dtype: "float64", axis: [1, 2] }), [2, 3, 2], {}],
    ["RMSNormalization", layers.RMSNormalization({ dtype: "float64" }), [2, 4], {}],
    ["UnitNormalization", layers.UnitNormalization({ dtype: "float64" }), [2, 4], {}],
  ];
  it.each(ROWS)("of %s agree with central differences, in first and second order", async (_, layer, shape, call) => {
    layer.build(shape);
    const weights = layer.trainableWeights;
    const point: CheckedInput[] = [
      { data: numbers(sizeOf(shape)), shape },
      ...weights.map((w, i) => ({ data: numbers(w.size, i + 1), shape: w.shape })),
    ];
    const run = (...[x, ...values]: Tensor[]): Tensor => {
      const trace = new Trace();
      weights.forEach((w, i) => {
        trace.write(w, values[i]!.node);
      });
      const called = layer as unknown as (x: Tensor, options: CallOptions) => Tensor;
      return withTrace(trace, () => called(x!, { ...call, training: true }));
    };
    await gradCheck(run, point, { order: 2, atol: 1e-5, rtol: 1e-5 });
  });
});

describe("BatchNormalization", () => {
  /** Nodes of a program whose result or first operand is as large as the inputs. */
  function largeNodes(training: boolean, withGradients: boolean): string[] {
    const layer = layers.BatchNormalization();
    const shape = [8, 5, 5, 3];
    layer.build(shape);
    const trace = new Trace();
    const x = inputValue({ shape, dtype: "float32" }, "x");
    const dy = inputValue({ shape, dtype: "float32" }, "dy");
    const y = withTrace(trace, () => layer(new Tensor(x), { training })).node;
    const weights = layer.trainableWeights.map((w) => trace.reads.get(w)!);
    const found = withGradients ? gradients([y], [dy], [x, ...weights]) : [];
    const outputs = [y, ...found.map((g) => g!), ...trace.writes.values()];
    const program = optimize(makeProgram([x, dy, ...trace.reads.values()], outputs), { verify: true });
    const isLarge = (v: { shape: readonly number[] }): boolean => sizeOf(v.shape) === sizeOf(shape);
    return program.nodes.filter((node) => [...node.inputs, ...node.outputs].some(isLarge)).map((node) => node.op);
  }

  it("touches the large tensor as little as it can", () => {
    expect(largeNodes(false, false)).toEqual(["mul", "add"]);
    expect(largeNodes(true, false).sort()).toEqual(["add", "mul", "mul", "reduce_mean", "reduce_mean", "sub"]);
    // Backward: dy · a, dy · centred, the sums of that and of dy, 2 · dvar · centred, and what puts dx together.
    const backward = largeNodes(true, true).length - largeNodes(true, false).length;
    expect(backward).toBeLessThanOrEqual(8);
  });

  it("keeps moving averages in compiled steps, and uses them in inference", async () => {
    const layer = layers.BatchNormalization({ momentum: 0.5 });
    layer.build([4, 2]);
    const step = jit((x: Tensor) => {
      const [loss, slopes] = valueAndGrad(
        () => ops.mean(ops.square(layer(x, { training: true }))),
        layer.trainableWeights,
      )();
      layer.trainableWeights.forEach((w: Variable, i) => {
        w.assignSub(ops.multiply(slopes[i]!, 0.1));
      });
      return loss;
    });
    // Means 1 and 4, variances 1 and 4: 0.5 · (0, 0) + 0.5 · (1, 4) and 0.5 · (1, 1) + 0.5 · (1, 4), then once more.
    const x = tensor([0, 2, 2, 6, 0, 2, 2, 6], [4, 2]);
    await step(x);
    expectAllClose(await layer.movingMean!.data(), [0.5, 2]);
    expectAllClose(await layer.movingVariance!.data(), [1, 2.5]);
    await step(x);
    expectAllClose(await layer.movingMean!.data(), [0.75, 3]);
    expectAllClose(await layer.movingVariance!.data(), [1, 3.25]);
    layer.setWeights(
      [
        [1, 2],
        [0, 1],
        [1, 4],
        [1, 4],
      ].map((w) => tensor(w)),
    );
    const root = [Math.sqrt(1.001), Math.sqrt(4.001)];
    expectAllClose(await layer(tensor([2, 8], [1, 2])).data(), [1 / root[0]!, 1 + 8 / root[1]!]);
  });

  it("is in inference mode when it is frozen, in training too", async () => {
    const layer = layers.BatchNormalization();
    layer.build([2, 2]);
    layer.trainable = false;
    const x = tensor([1, 2, 3, 4], [2, 2]);
    expectAllClose(await layer(x, { training: true }).data(), await layer(x, { training: false }).data());
    expectAllClose(await layer.movingMean!.data(), [0, 0]);
    expect(layer.trainableWeights).toEqual([]);
    expect(layer.nonTrainableWeights).toHaveLength(4);
  });

  it("computes in float32 and gives float16 in mixed precision", async () => {
    const layer = layers.BatchNormalization({ dtype: "mixed_float16" });
    // The squares do not fit into float16.
    const y = layer(tensor([1000, 3000, -1000, -3000], [4, 1], "float16"), { training: true });
    expect(y.dtype).toBe("float16");
    const found = Array.from((await ops.cast(y, "float32").data()) as Float32Array);
    const root = Math.sqrt(5e6);
    expectAllClose(found, [1000 / root, 3000 / root, -1000 / root, -3000 / root], { atol: 1e-3, rtol: 1e-3 });
  });

  it("renormalizes within bounds", async () => {
    const layer = layers.BatchNormalization({
      renorm: true,
      renormClipping: { rmax: 1.5, rmin: 0.5, dmax: 0.25 },
      epsilon: 0,
    });
    layer.build([2, 1]);
    expect(layer.weights.map((w) => w.name)).toEqual([
      "gamma",
      "beta",
      "moving_mean",
      "moving_variance",
      "moving_stddev",
      "renorm_mean",
      "renorm_stddev",
    ]);
    // Mean 1, deviation 2 against 0 and 1: r = 2 and d = 1 are cut to 1.5 and 0.25; x̂ = ±1.
    const y = layer(tensor([-1, 3], [2, 1]), { training: true });
    expectAllClose(await y.data(), [-1.25, 1.75]);
    // 0.99 · (0, 1, 1) + 0.01 · (1, 2, 2), and the variance from the deviation.
    const values = await Promise.all(layer.weights.slice(2).map(async (w) => (await w.data())[0]));
    expectAllClose(values as number[], [0.01, 1.01 ** 2, 1.01, 0.01, 1.01]);
  });
});

describe("SpectralNormalization", () => {
  it("leaves a kernel of zeros as it is", async () => {
    const layer = layers.SpectralNormalization(layers.Dense(2, { kernelInitializer: "zeros" }));
    const y = layer(tensor([1, 2, 3], [1, 3]), { training: true });
    expectAllClose(await y.data(), [0, 0]);
    expectAllClose(await layer.kernel!.data(), [0, 0, 0, 0, 0, 0]);
  });

  it("brings a kernel to spectral norm 1", async () => {
    const layer = layers.SpectralNormalization(layers.Dense(2, { useBias: false }), { powerIterations: 30 });
    layer.build([null, 2]);
    // Singular values 4 and 2.
    layer.setWeights([tensor([0, 4, 2, 0], [2, 2]), tensor([1, 0.5], [1, 2])]);
    await layer(tensor([1, 1], [1, 2]), { training: true }).data();
    expectAllClose(await layer.kernel!.data(), [0, 1, 0.5, 0]);
    // Not in inference.
    layer.setWeights([tensor([0, 4, 2, 0], [2, 2]), tensor([1, 0.5], [1, 2])]);
    expectAllClose(await layer(tensor([1, 1], [1, 2])).data(), [2, 4]);
  });
});

describe("options of normalization layers", () => {
  const bad = (value: unknown): never => value as never;
  const x = tensor(numbers(12), [2, 2, 3]);
  const REFUSED: readonly [what: string, make: () => unknown, error: RegExp][] = [
    [
      "several axes for BatchNormalization",
      () => layers.BatchNormalization(bad([1, 2])),
      /^BatchNormalization "batch_normalization.*": expected `axis` to be an integer\. Received: axis=\[1, 2\]/,
    ],
    [
      "an axis that the input does not have",
      () => layers.BatchNormalization(3)(x),
      /^BatchNormalization "batch_normalization.*": `axis`: axis 3 is out of range for rank 3/,
    ],
    [
      "synchronized that is no flag",
      () => layers.BatchNormalization({ synchronized: "yes" as unknown as boolean }),
      /expected `synchronized` to be a boolean/,
    ],
    [
      "a negative epsilon",
      () => layers.LayerNormalization({ epsilon: -1 }),
      /expected `epsilon` to be a number of at least 0/,
    ],
    [
      "a center that is no boolean",
      () => layers.BatchNormalization({ center: bad(1) }),
      /expected `center` to be a boolean/,
    ],
    [
      "an unknown option",
      () => layers.BatchNormalization(bad({ momentun: 0.9 })),
      /^BatchNormalization "batch_normalization.*": unknown option `momentun`.*`?momentum`?/,
    ],
    [
      "unknown bounds",
      () => layers.BatchNormalization({ renorm: true, renormClipping: bad({ max: 2 }) }),
      /expected `renormClipping` to be an object with rmax, rmin, dmax\. Received/,
    ],
    [
      "bounds that cross",
      () => layers.BatchNormalization({ renorm: true, renormClipping: { rmax: 1, rmin: 2 } }),
      /expected `rmax` to be at least `rmin`\. Received: rmax=1, rmin=2/,
    ],
    [
      "a mask of the inputs' rank",
      () => layers.BatchNormalization()(x, { training: true, mask: ops.ones([2, 2, 3]) }),
      /the mask must have one axis less than the inputs\. Received: mask \(2, 2, 3\), inputs \(2, 2, 3\)/,
    ],
    [
      "text for axes",
      () => layers.LayerNormalization(bad("last")),
      /expected `axis` to be an integer or a list of integers\. Received: axis="last"/,
    ],
    ["no axes", () => layers.UnitNormalization([]), /expected `axis` to be an integer or a list of integers/],
    [
      "no groups",
      () => layers.GroupNormalization(0),
      /expected `groups` to be a positive integer, or -1 for one per channel\. Received: groups=0/,
    ],
    [
      "groups that do not fit",
      () => layers.GroupNormalization(2)(x),
      /`groups` must divide the number of channels\. Received: groups=2, 3 channels/,
    ],
    ["more groups than channels", () => layers.GroupNormalization()(x), /Received: groups=32, 3 channels/],
    ["groups of samples", () => layers.GroupNormalization(1, { axis: 0 })(x), /must come after the batch/],
    [
      "no layer",
      () => layers.SpectralNormalization(bad(3)),
      /^SpectralNormalization "spectral_normalization.*": expected `layer` to be a layer\. Received: layer=3/,
    ],
    [
      "a layer without a kernel",
      () => layers.SpectralNormalization(layers.ReLU())(x),
      /must have a `kernel` or `embeddings`\. Received: ReLU "re_lu.*"/,
    ],
    [
      "no iterations",
      () => layers.SpectralNormalization(layers.Dense(1), { powerIterations: 0 }),
      /expected `powerIterations` to be a positive integer/,
    ],
  ];
  it.each(REFUSED)("refuse %s", (_, make, error) => {
    expect(make).toThrow(error);
  });
});

it("keeps synchronized statistics for files: with one device they are those of the device", async () => {
  const layer = layers.BatchNormalization({ synchronized: true });
  const data = tensor([1, 2, 3, 6], [4, 1]);
  expect(await layer(data, { training: true }).array()).toEqual(
    await layers.BatchNormalization()(data, { training: true }).array(),
  );
  expect(layer.getConfig().synchronized).toBe(true);
});
