/** LoRA against real Keras (test/fixtures/lora.json, by tools/fixtures/lora.py): training, files, and what is refused. */
import { beforeEach, describe, expect, it } from "vitest";
import { gradientsOf } from "../../autodiff/grad.ts";
import { resetNames } from "../../core/names.ts";
import { Sequential } from "../../models/sequential.ts";
import * as ops from "../../ops/index.ts";
import { SGD } from "../../optimizers/index.ts";
import { Tensor, tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { loadModel } from "../../saving/savingApi.ts";
import type { Config } from "../../serialization/registry.ts";
import type { VariableStore } from "../../serialization/variableStore.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../../testing/fixtures.ts";
import { describeLayerCases } from "../../testing/layerCases.ts";
import * as layers from "../index.ts";

describeLayerCases("lora");

interface Weight {
  readonly name: string;
  readonly path: string;
  readonly value: EncodedArray;
}

interface Run {
  readonly name: string;
  readonly class: string;
  readonly args: Config;
  readonly rank: number;
  readonly alpha: number | null;
  readonly x: EncodedArray;
  readonly y: EncodedArray;
  readonly weights: readonly Weight[];
  readonly trainable: readonly string[];
  readonly config: Config;
  readonly before: EncodedArray;
  readonly losses: readonly number[];
  readonly trained: readonly Weight[];
  readonly after: EncodedArray;
  readonly saved: readonly EncodedArray[];
  readonly loaded: readonly Weight[];
}

type Adaptable = layers.Dense;

interface Mixed {
  readonly x: EncodedArray;
  readonly weights: readonly Weight[];
  readonly output: EncodedArray;
  readonly saved: readonly EncodedArray[];
}

const { training, mixed } = loadFixture<{ training: readonly Run[]; mixed: Mixed }>("lora");
const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};

/** The run's layer, built and adapted; its weights are new. */
function adapted(run: Run): Adaptable {
  const layer = layers.CLASSES[run.class]!.fromConfig!(run.args) as Adaptable;
  layer.build([null, ...run.x.shape.slice(1)]);
  layer.enableLora(run.rank, run.alpha);
  return layer;
}

function given(run: Run): Adaptable {
  const layer = adapted(run);
  layer.setWeights(run.weights.map(({ value }) => toTensor(value)));
  return layer;
}

async function expectWeights(actual: readonly Variable[], expected: readonly Weight[]): Promise<void> {
  expect(actual.map((v) => v.name)).toEqual(expected.map(({ name }) => name));
  for (const [i, { name, value }] of expected.entries()) {
    expectAllClose(await actual[i]!.data(), decodeNumbers(value), { atol: 1e-5, rtol: 1e-5, label: name });
  }
}

const numberOf = (logs: number | readonly number[]): number => (typeof logs === "number" ? logs : logs[0]!);

/** A file in memory. */
class Store implements VariableStore {
  readonly values = new Map<string, Tensor>();
  keys(): string[] {
    return [...this.values.keys()];
  }
  set(key: string, value: Tensor | Variable): void {
    this.values.set(key, value instanceof Tensor ? value : value.value);
  }
  get(key: string): Tensor {
    return this.values.get(key)!;
  }
}

describe("layers adapted with enableLora", () => {
  beforeEach(resetNames);

  it.each(training)("$name: weights, flags and config as in Keras", async (run) => {
    const layer = given(run);
    await expectWeights(layer.weights, run.weights);
    expect(layer.weights.map((v) => v.path)).toEqual(run.weights.map(({ path }) => path));
    expect(layer.trainableWeights.map((v) => v.name)).toEqual(run.trainable);
    const config = layer.getConfig();
    expect(Object.keys(config)).toEqual(Object.keys(run.config));
    expect([config.lora_rank, config.lora_alpha]).toEqual([run.rank, run.alpha ?? run.rank]);
    expect([run.config.lora_rank, run.config.lora_alpha]).toEqual([run.rank, run.alpha ?? run.rank]);
  });

  it.each(training)("$name: trains only the thin matrices and the bias, and writes the sum", async (run) => {
    const layer = given(run);
    const model = Sequential([layers.Input({ shape: run.x.shape.slice(1), dtype: run.x.dtype }), layer]);
    const [x, y] = [toTensor(run.x), toTensor(run.y)];
    const close = { atol: 1e-5, rtol: 1e-5 };
    expectAllClose(await (model(x) as Tensor).data(), decodeNumbers(run.before), { ...close, label: "before" });
    model.compile({ optimizer: SGD(0.02), loss: "mse" });
    const losses: number[] = [];
    for (const _ of run.losses) losses.push(numberOf(await model.trainOnBatch(x, y)));
    expectAllClose(losses, run.losses, close);
    await expectWeights(layer.weights, run.trained);
    // The frozen weight is what it was, to the bit.
    expect([...(await layer.weights[0]!.data())]).toEqual(decodeNumbers(run.weights[0]!.value));
    expectAllClose(await (model(x) as Tensor).data(), decodeNumbers(run.after), { ...close, label: "after" });

    const store = new Store();
    layer.saveOwnVariables(store);
    expect(store.keys()).toEqual(run.saved.map((_, i) => String(i)));
    for (const [i, saved] of run.saved.entries()) {
      expectAllClose(await store.get(String(i)).data(), decodeNumbers(saved), { ...close, label: `saved ${i}` });
    }
    const other = adapted(run);
    other.loadOwnVariables(store);
    await expectWeights(other.weights, run.loaded);
    expectAllClose(await (other(x) as Tensor).data(), decodeNumbers(run.after), { ...close, label: "loaded" });
  });

  it("keep the matrices in float32, and write the sum in the dtype in which they compute", async () => {
    const layer = layers.Dense(4, { dtype: "mixed_bfloat16", loraRank: 2 });
    layer.build(mixed.x.shape);
    layer.setWeights(mixed.weights.map(({ value }) => toTensor(value)));
    expect(layer.weights.map((v) => v.dtype)).toEqual(mixed.weights.map(({ value }) => value.dtype));
    const store = new Store();
    layer.saveOwnVariables(store);
    const found = [layer(toTensor(mixed.x)), ...store.values.values()];
    for (const [i, expected] of [mixed.output, ...mixed.saved].entries()) {
      const { dtype } = found[i]!;
      expect(dtype).toBe(expected.dtype);
      expectAllClose(await found[i]!.data(), decode(expected).data, { dtype });
    }
  });

  it("give gradients to the matrices: by hand", async () => {
    const layer = layers.Dense(1, { useBias: false });
    layer.build([null, 2]);
    layer.enableLora(1, 3);
    layer.setWeights([[[1], [1]], [[2], [-1]], [[5]]]);
    // kernel + 3 · [2, -1]ᵀ · 5 = [31, -14]ᵀ
    const y = layer([[1, 2]]);
    const { a, b } = layer.lora;
    const found = gradientsOf(ops.sum(y), [a!.value, b!.value]);
    expect(await y.array()).toEqual([[3]]);
    // 3 · xᵀ · b = [15, 30]ᵀ; 3 · (x·a) = 3 · (2 - 2) = 0
    expect(await Promise.all(found.map((g) => g!.array()))).toEqual([[[15], [30]], [[0]]]);
  });

  it("start with what they computed before, since `b` starts at 0", async () => {
    const layer = layers.Dense(4);
    const x = [[1, -2, 3]];
    const before = await layer(x).array();
    layer.enableLora(2);
    expect(await layer(x).array()).toEqual(before);
    expect([layer.lora.enabled, layer.lora.rank, layer.lora.alpha]).toEqual([true, 2, 2]);
    expect(Math.max(...Array.from((await layer.lora.a!.data()) as Float32Array, Math.abs))).toBeGreaterThan(0);
  });

  it("take initializers for both matrices", async () => {
    const layer = layers.Dense(2);
    layer.build([null, 3]);
    layer.enableLora(1, null, "ones", "ones");
    expect(await layer.lora.a!.array()).toEqual([[1], [1], [1]]);
    expect(await layer.lora.b!.array()).toEqual([[1, 1]]);
  });

  it("adapt a model that has trained already, once it is compiled again", async () => {
    const dense = layers.Dense(1);
    const model = Sequential([layers.Input({ shape: [2] }), dense]);
    const [x, y] = [ops.ones([4, 2]), ops.zeros([4, 1])];
    model.compile({ optimizer: "sgd", loss: "mse" });
    await model.fit(x, y, { verbose: 0 });
    await model.predict(x);
    dense.enableLora(1);
    model.compile({ optimizer: "sgd", loss: "mse" });
    const kernel = await dense.kernel!.array();
    await model.fit(x, y, { epochs: 3, verbose: 0 });
    expect(await dense.kernel!.array()).toEqual(kernel);
    expect(Math.abs((await dense.lora.b!.data())[0] as number)).toBeGreaterThan(0);
    const predicted = (await model.predict(x)) as Tensor;
    expectAllClose(await predicted.data(), await (model(x) as Tensor).data());
  });

  it("come back from a whole file with the same outputs and options", async () => {
    const model = Sequential([
      layers.Input({ shape: [3] }),
      layers.Dense(2, { loraRank: 1, loraAlpha: 4, name: "head" }),
    ]);
    const head = model.getLayer("head") as layers.Dense;
    head.lora.b!.assign([[1, -1]]);
    const again = await loadModel(await model.toBytes());
    const x = [[1, 2, 3]];
    expectAllClose(await (again(x) as Tensor).data(), await (model(x) as Tensor).data(), { atol: 1e-6 });
    const { lora } = again.getLayer("head") as layers.Dense;
    expect([lora.enabled, lora.rank, lora.alpha]).toEqual([true, 1, 4]);
  });
});

describe("what LoRA refuses", () => {
  const built = (options: layers.DenseOptions = {}): layers.Dense => {
    const layer = layers.Dense(2, { name: "head", ...options });
    layer.build([null, 3]);
    return layer;
  };
  const REFUSED: readonly [what: string, call: () => unknown, error: RegExp][] = [
    [
      "a rank of 0",
      () => layers.Dense(2, { loraRank: 0, name: "head" }),
      /^RangeError: Dense "head": expected `loraRank` to be a positive integer\. Received: loraRank=0/,
    ],
    ["half a rank", () => layers.Embedding(4, 2, { loraRank: 1.5 }), /expected `loraRank` to be a positive integer/],
    [
      "a rank that is text",
      () => layers.Conv2D(4, 2, { loraRank: "2" as never }),
      /^TypeError: Conv2D "conv2d.*": expected `loraRank` to be a positive integer\. Received: loraRank="2"/,
    ],
    [
      "an alpha that is no number",
      () => layers.Dense(2, { loraRank: 2, loraAlpha: "x" as never }),
      /expected `loraAlpha` to be a number\. Received: loraAlpha="x"/,
    ],
    [
      "a rank of 0 afterwards",
      () => built().enableLora(0),
      /expected `rank` to be a positive integer\. Received: rank=0/,
    ],
    [
      "a layer that is not built",
      () => layers.Dense(2, { name: "head" }).enableLora(1),
      /^Error: enableLora of Dense "head": the layer is not built\. Call it once, or `build\(inputShape\)`, before; or give `loraRank`/,
    ],
    [
      "a second time",
      () => built({ loraRank: 2 }).enableLora(3),
      /^Error: enableLora of Dense "head": LoRA is on already, with rank 2; it can be turned on once per layer\. Received: rank=3/,
    ],
    [
      "a constraint",
      () => built({ kernelConstraint: "non_neg" }).enableLora(1),
      /^Error: Dense "head": LoRA cannot keep a constraint, since it never writes the kernel .* Leave out `kernelConstraint`, or LoRA/,
    ],
    [
      "a constraint of a layer that is built with LoRA",
      () => layers.Embedding(4, 2, { embeddingsConstraint: "non_neg", loraRank: 1 })([[1]]),
      /LoRA cannot keep a constraint, since it never writes the embeddings/,
    ],
    [
      "a file with too many variables",
      () => {
        const store = new Store();
        for (const key of ["0", "1", "2"]) store.set(key, ops.ones([3, 2]));
        built({ loraRank: 1 }).loadOwnVariables(store);
      },
      /Dense "head": expected 2 variables \(kernel, bias\), those of a layer without LoRA\. The file has 3/,
    ],
  ];
  it.each(REFUSED)("%s", (_, call, error) => {
    let message = "nothing";
    try {
      call();
    } catch (e) {
      message = String(e);
    }
    expect(message).toMatch(error);
  });

  it("leaves a layer as it was after a refusal", () => {
    const layer = built({ kernelConstraint: "non_neg" });
    expect(() => layer.enableLora(1)).toThrow();
    expect(layer.weights.map((v) => v.name)).toEqual(["kernel", "bias"]);
    expect(layer.kernel!.trainable).toBe(true);
    expect(layer.lora.enabled).toBe(false);
  });
});
