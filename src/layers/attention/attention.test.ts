/** Attention layers against real Keras: test/fixtures/attention.json, by tools/fixtures/attention.py; and what they refuse. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { gradientsOf } from "../../autodiff/grad.ts";
import { resetNames } from "../../core/names.ts";
import { type DotProductAttentionOptions, dotProductAttention } from "../../ops/attention.ts";
import * as ops from "../../ops/index.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import { registerAllBuiltins } from "../../registerBuiltins.ts";
import { jit } from "../../runtime/jit.ts";
import { Tensor, tensor } from "../../runtime/tensor.ts";
import type { Config } from "../../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../../serialization/serialize.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, isEncoded, loadFixture } from "../../testing/fixtures.ts";
import { gradCheck } from "../../testing/gradCheck.ts";
import { describeLayerCases } from "../../testing/layerCases.ts";
import * as layers from "../index.ts";
import type { LayerBase } from "../layer.ts";

describeLayerCases("einsum_dense");

interface Case {
  readonly name: string;
  readonly class: string;
  readonly args: Config;
  readonly listed: boolean;
  readonly call: Config;
  readonly training: boolean | null;
  readonly inputs: readonly EncodedArray[];
  readonly masks: readonly (EncodedArray | null)[];
  readonly weights: readonly EncodedArray[];
  readonly weight_names: readonly string[];
  readonly weight_paths: readonly string[];
  readonly variable_paths: readonly string[];
  readonly layer_name: string;
  readonly outputs: readonly EncodedArray[];
  readonly output_mask: EncodedArray | null;
  readonly c: readonly EncodedArray[];
  readonly input_gradients: readonly EncodedArray[];
  readonly weight_gradients: readonly EncodedArray[];
  readonly losses: readonly number[];
  readonly supports_masking: boolean;
  /** `null` where a case before has the same. */
  readonly config: Config | null;
  readonly built_config: Config | null;
}

interface OpCase {
  readonly name: string;
  readonly inputs: readonly [EncodedArray, EncodedArray, EncodedArray];
  readonly options: Config;
  readonly output: EncodedArray;
}

const { cases, op: opCases } = loadFixture<{ cases: Case[]; op: OpCase[] }>("attention");
type AnyLayer = LayerBase & ((...args: unknown[]) => unknown);

const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};
const camel = (key: string): string => key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
const revive = (value: unknown, convert: (array: EncodedArray) => unknown): unknown =>
  isEncoded(value) ? convert(value) : Array.isArray(value) ? value.map((item) => revive(item, convert)) : value;
const optionsOf = ({ call, training }: Case, convert: (array: EncodedArray) => unknown = toTensor): object => ({
  ...Object.fromEntries(Object.entries(call).map(([key, value]) => [camel(key), revive(value, convert)])),
  ...(training === null ? {} : { training }),
});
const makeLayer = (test: Case): AnyLayer => layers.CLASSES[test.class]!.fromConfig!(test.args) as AnyLayer;
const shapesOf = (test: Case) => test.inputs.map(({ shape }) => [null, ...shape.slice(1)]);

function built(test: Case): AnyLayer {
  const layer = makeLayer(test);
  const shapes = shapesOf(test);
  if (test.listed) layer.build(shapes);
  else layer.build(...shapes);
  layer.setWeights(test.weights.map(toTensor));
  return layer;
}

function inputsOf(test: Case): Tensor[] {
  return test.inputs.map((array, i) => {
    const x = toTensor(array);
    const mask = test.masks[i];
    if (mask) x.mask = toTensor(mask);
    return x;
  });
}

const run = (layer: AnyLayer, test: Case, inputs: readonly unknown[], options: object): unknown[] =>
  [test.listed ? layer(inputs, options) : layer(...inputs, options)].flat();

const rounded = (config: unknown): string =>
  JSON.stringify(config, (_, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Math.fround(value) : value,
  );

async function expectClose(actual: unknown, expected: EncodedArray, label: string): Promise<void> {
  expect(actual, label).toBeInstanceOf(Tensor);
  const t = actual as Tensor;
  expect(t.shape, label).toEqual(expected.shape);
  expectAllClose(await t.data(), decodeNumbers(expected), { atol: 1e-5, rtol: 1e-5, label });
}

beforeAll(registerAllBuiltins);
beforeEach(resetNames);

describe("attention layers", () => {
  it.each(cases)("$name: names and configs", (test) => {
    const layer = makeLayer(test);
    expect(layer.name).toBe(test.layer_name);
    if (test.config) expect(rounded(serializeObject(layer))).toBe(rounded(test.config));
    resetNames();
    const ready = built(test);
    expect(ready.weights.map((w) => w.name)).toEqual(test.weight_names);
    expect(ready.weights.map((w) => w.path)).toEqual(test.weight_paths);
    expect(ready.variables.map((v) => v.path)).toEqual(test.variable_paths);
    expect(ready.supportsMasking).toBe(test.supports_masking);
    if (!test.built_config) return;
    resetNames();
    const revived = deserializeObject(test.built_config) as AnyLayer;
    expect(revived.built).toBe(true);
    expect(revived.weights.map((w) => w.path)).toEqual(test.weight_paths);
    expect(rounded(serializeObject(revived))).toBe(rounded(test.built_config));
  });

  it.each(cases)("$name: outputs, scores, masks and losses", async (test) => {
    const layer = built(test);
    const outputs = run(layer, test, inputsOf(test), optionsOf(test));
    expect(outputs.length).toBe(test.outputs.length);
    for (const [i, expected] of test.outputs.entries()) await expectClose(outputs[i], expected, `output ${i}`);
    const mask = (outputs[0] as Tensor).mask;
    expect(mask && (await mask.array())).toEqual(
      test.output_mask && (await toTensor(test.output_mask).astype("bool").array()),
    );
    expectAllClose(await Promise.all(layer.losses.map((loss) => loss.item())), test.losses, { atol: 1e-5, rtol: 1e-5 });
  });

  it.each(cases)("$name: gradients", async (test) => {
    const layer = built(test);
    const inputs = inputsOf(test);
    const weights = layer.trainableWeights.map((w) => w.value);
    const outputs = run(layer, test, inputs, optionsOf(test)) as Tensor[];
    const total = outputs.map((y, i) => ops.sum(ops.multiply(y, toTensor(test.c[i]!)))).reduce((a, b) => ops.add(a, b));
    const found = gradientsOf(total, [...inputs, ...weights]);
    for (const [i, expected] of [...test.input_gradients, ...test.weight_gradients].entries()) {
      const gradient = found[i] ?? ops.zeros(expected.shape);
      await expectClose(gradient, expected, `gradient ${i}`);
    }
  });

  it.each(cases)("$name: symbolic, and in a compiled function", async (test) => {
    const symbolic = ({ shape, dtype }: EncodedArray) => new KerasTensor([null, ...shape.slice(1)], { dtype });
    const inputs = test.inputs.map(symbolic);
    const outputs = run(makeLayer(test), test, inputs, optionsOf(test, symbolic)) as KerasTensor[];
    expect(outputs.map((y) => y.shape)).toEqual(test.outputs.map(({ shape }) => [null, ...shape.slice(1)]));
    const layer = built(test);
    const compiled = jit((...xs: Tensor[]) => {
      xs.forEach((x, i) => {
        const mask = test.masks[i];
        if (mask) x.mask = toTensor(mask);
      });
      return run(layer, test, xs, optionsOf(test))[0] as Tensor;
    });
    await expectClose(await compiled(...test.inputs.map(toTensor)), test.outputs[0]!, "compiled");
  });
});

describe("ops.dotProductAttention", () => {
  it.each(opCases)("$name", async ({ inputs, options, output }) => {
    const [q, k, v] = inputs.map(toTensor) as [Tensor, Tensor, Tensor];
    const given = Object.fromEntries(
      Object.entries(options).map(([key, value]) => [camel(key), revive(value, toTensor)]),
    );
    await expectClose(dotProductAttention(q, k, v, given as DotProductAttentionOptions), output, "output");
  });

  it("is one operation in a graph", () => {
    const x = layers.Input({ shape: [null, 2, 3] });
    const y = dotProductAttention(x, x, x, { isCausal: true });
    expect(y.shape).toEqual([null, null, 2, 3]);
    expect(y.kerasHistory!.operation.name).toBe("dot_product_attention");
  });

  it("has the gradient of central differences", async () => {
    const numbers = (n: number, seed: number) => Array.from({ length: n }, (_, i) => Math.sin(i * 1.7 + seed));
    const point = [0, 1, 2].map((seed) => ({ data: numbers(12, seed), shape: [1, 3, 2, 2] }));
    const mask = tensor([1, 1, 0, 1, 1, 1, 0, 1, 1], [1, 1, 3, 3], "bool");
    await gradCheck((q, k, v) => dotProductAttention(q, k, v, { mask }), point);
  });

  it("refuses shapes that do not fit", () => {
    const x = ops.ones([2, 3, 4, 5]);
    expect(() => dotProductAttention(x, ops.ones([2, 3, 3, 5]), ops.ones([2, 3, 3, 5]))).toThrow(
      /where the heads of the keys divide those of the query\. Received: query\.shape=\(2, 3, 4, 5\), key\.shape=\(2, 3, 3, 5\)/,
    );
    expect(() => dotProductAttention(x, x, x, { causal: true } as never)).toThrow(/unknown option `causal`.*isCausal/);
  });
});

describe("dropout in attention", () => {
  it.each([
    ["Attention", (options: object) => layers.Attention({ ...options })],
    ["MultiHeadAttention", (options: object) => layers.MultiHeadAttention(2, 3, options)],
    ["GroupQueryAttention", (options: object) => layers.GroupQueryAttention(3, 2, 1, options)],
  ])("of %s drops in training only, anew at each call, and repeatably", async (name, make) => {
    const x = ops.add(ops.ones([1, 6, 4]), ops.expandDims(ops.arange(6, { dtype: "float32" }), -1));
    const listed = name === "Attention";
    const values = async (layer: AnyLayer, training: boolean): Promise<string> => {
      const y = listed ? layer([x, x], { training }) : layer(x, x, { training });
      return String(await (y as Tensor).data());
    };
    const layer = make({ dropout: 0.5, seed: 4 }) as unknown as AnyLayer;
    const first = await values(layer, true);
    expect(await values(layer, true)).not.toBe(first);
    expect(await values(layer, false)).toBe(await values(layer, false));
    const again = make({ dropout: 0.5, seed: 4 }) as unknown as AnyLayer;
    listed
      ? again.build([
          [1, 6, 4],
          [1, 6, 4],
        ])
      : again.build([1, 6, 4], [1, 6, 4]);
    again.setWeights(layer.getWeights());
    expect(await values(again, true)).toBe(first);
  });
});

describe("the forms of a call", () => {
  const [q, v, k] = [ops.ones([2, 3, 4]), ops.ones([2, 5, 4]), ops.ones([2, 5, 4])];

  it("take a key by position or as an option", async () => {
    const mha = layers.MultiHeadAttention(2, 3);
    const key = ops.multiply(k, ops.expandDims(ops.arange(5, { dtype: "float32" }), -1));
    const expected = await mha(q, v, key).array();
    expect(await mha(q, v, { key }).array()).toEqual(expected);
    expect(() => mha(q, v, key, { key })).toThrow(/`key` is given twice, by position and as an option/);
    const graph = [
      layers.Input({ shape: [3, 4] }),
      layers.Input({ shape: [5, 4] }),
      layers.Input({ shape: [5, 4] }),
    ] as const;
    const y = mha(graph[0], graph[1], { key: graph[2], useCausalMask: true });
    const node = y.kerasHistory!.operation.inboundNodes[0]!;
    expect(node.args.slice(0, 3)).toEqual(graph.map((t) => expect.objectContaining({ name: t.name })));
    expect(node.args[3]).toEqual({ useCausalMask: true });
  });

  it("have the types of what they give", () => {
    const mha = layers.MultiHeadAttention(2, 3);
    const one: Tensor = mha(q, v);
    const [output, scores]: [Tensor, Tensor] = mha(q, v, { returnAttentionScores: true });
    const [fromList, listScores]: [Tensor, Tensor] = layers.Attention()([q, v], { returnAttentionScores: true });
    const symbolic: KerasTensor = layers.Attention()([
      layers.Input({ shape: [3, 4] }),
      layers.Input({ shape: [5, 4] }),
    ]);
    expect([one, output, scores, fromList, listScores, symbolic].map((t) => t.shape)).toEqual([
      [2, 3, 4],
      [2, 3, 4],
      [2, 2, 3, 5],
      [2, 3, 4],
      [2, 3, 5],
      [null, 3, 4],
    ]);
  });

  it("take options first or last in the constructor", () => {
    const config = layers.MultiHeadAttention(2, 3, { valueDim: 4, name: "m" }).getConfig();
    expect(layers.MultiHeadAttention({ numHeads: 2, keyDim: 3, valueDim: 4, name: "m" }).getConfig()).toEqual(config);
    expect(layers.MultiHeadAttention(2, { keyDim: 3, valueDim: 4, name: "m" }).getConfig()).toEqual(config);
    const grouped = layers.GroupQueryAttention(3, 4, 2, { name: "g" }).getConfig();
    expect(
      layers.GroupQueryAttention({ headDim: 3, numQueryHeads: 4, numKeyValueHeads: 2, name: "g" }).getConfig(),
    ).toEqual(grouped);
  });

  it("know their shapes before they are called", () => {
    expect(layers.MultiHeadAttention(2, 3).computeOutputShape([null, 3, 4], [null, 5, 6])).toEqual([null, 3, 4]);
    expect(
      layers.Attention().computeOutputShape([
        [null, 3, 4],
        [null, null, 4],
      ]),
    ).toEqual([null, 3, 4]);
    const unknown = layers.Input({ shape: [null, 4] });
    expect(
      layers.MultiHeadAttention(2, 3, { outputShape: 7 })(unknown, unknown, { useCausalMask: true }).shape,
    ).toEqual([null, null, 7]);
  });

  it("give each projection initial weights of its own", async () => {
    const mha = layers.MultiHeadAttention(2, 3, { kernelInitializer: layers.Dense(1).kernelInitializer });
    mha(q, q);
    expect(await mha.queryDense!.kernel!.value.array()).not.toEqual(await mha.keyDense!.kernel!.value.array());
  });

  it("scale initial weights by the axes of the equation", async () => {
    const layer = layers.EinsumDense("abc,cde->abde", { outputShape: [null, 8, 8] });
    layer.build([null, null, 100]);
    const largest = Math.max(...Array.from((await layer.kernel!.value.data()) as Float32Array, Math.abs));
    const limit = Math.sqrt(6 / (100 + 64));
    expect(largest).toBeLessThanOrEqual(limit);
    expect(largest).toBeGreaterThan(0.98 * limit);
  });
});

describe("what attention layers refuse", () => {
  const x = ops.ones([2, 3, 4]);
  const bad = (value: unknown): never => value as never;
  const REFUSED: readonly [what: string, make: () => unknown, error: RegExp][] = [
    [
      "a mode that is none",
      () => layers.Attention({ scoreMode: bad("sum") }),
      /^Attention "attention.*": expected `scoreMode` to be "dot" or "concat"\. Received: scoreMode="sum"/,
    ],
    [
      "one tensor",
      () => layers.Attention()(bad(x)),
      /^Attention "attention.*": it is called on a list, \[query, value\] or \[query, value, key\]\. Received: one tensor; for attention within a sequence pass \[x, x\]/,
    ],
    [
      "a list of four",
      () => layers.AdditiveAttention()([x, x, x, x]),
      /^AdditiveAttention ".*": it is called on a list.*Received: a list of 4/,
    ],
    [
      "a mask that is no list",
      () => layers.Attention()([x, x], { mask: ops.ones([2, 3], { dtype: "bool" }) }),
      /expected `mask` to be a list \[queryMask, valueMask\]/,
    ],
    [
      "too much dropout",
      () => layers.Attention({ dropout: 2 }),
      /expected `dropout` to be a number from 0 to 1\. Received: dropout=2/,
    ],
    ["a mode for sums", () => layers.AdditiveAttention(bad({ scoreModes: "dot" })), /unknown option `scoreModes`/],
    [
      "no heads",
      () => layers.MultiHeadAttention(0, 3),
      /^MultiHeadAttention "multi_head_attention.*": expected `numHeads` to be a positive integer\. Received: numHeads=0/,
    ],
    [
      "no size",
      () => layers.MultiHeadAttention(bad(2)),
      /expected `keyDim` to be a positive integer\. Received: keyDim=undefined/,
    ],
    [
      "a query alone",
      () => (layers.MultiHeadAttention(2, 3) as unknown as (x: unknown) => unknown)(x),
      /^MultiHeadAttention ".*": it is called on a query and a value, and perhaps a key\. Received: 1 input; for attention within a sequence pass it twice: layer\(x, x\)/,
    ],
    [
      "an unknown option of a call",
      () => layers.MultiHeadAttention(2, 3)(x, x, bad({ useCausalMasks: true })),
      /unknown option `useCausalMasks`\. Did you mean "useCausalMask"\?/,
    ],
    [
      "axes that are not between",
      () => layers.MultiHeadAttention(2, 3, { attentionAxes: 2 })(x, x),
      /`attentionAxes` must be axes between the batch and the last one\. Received: attentionAxes=\[2\] for inputs of rank 3/,
    ],
    [
      "keys of another length",
      () => layers.MultiHeadAttention(2, 3)(x, x, ops.ones([2, 5, 4])),
      /value and key must have the same sizes between batch and last axis\. Received: value \(2, 3, 4\), key \(2, 5, 4\)/,
    ],
    [
      "flash attention with dropout",
      () => layers.MultiHeadAttention(2, 3, { flashAttention: true, dropout: 0.1 }),
      /with flashAttention there can be no dropout/,
    ],
    [
      "flash attention with scores",
      () => layers.MultiHeadAttention(2, 3, { flashAttention: true })(x, x, { returnAttentionScores: true }),
      /with flashAttention there are no scores to return/,
    ],
    [
      "a window of 0",
      () => layers.GroupQueryAttention(3, 2, 1, { slidingWindow: 0 }),
      /expected `slidingWindow` to be a positive integer/,
    ],
    [
      "heads that do not divide",
      () => layers.GroupQueryAttention(3, 4, 3),
      /^GroupQueryAttention "grouped_query_attention.*": `numQueryHeads` must be a multiple of `numKeyValueHeads`\. Received: numQueryHeads=4, numKeyValueHeads=3/,
    ],
    [
      "values of another size",
      () => layers.GroupQueryAttention(3, 4, 2)(x, ops.ones([2, 5, 6])),
      /one last size for query and value\. Received: query \(2, 3, 4\), value \(2, 5, 6\)/,
    ],
    [
      "an equation of one term",
      () => layers.EinsumDense("ab->a", { outputShape: 1 }),
      /^EinsumDense "einsum_dense.*": expected `equation` to be of the form "ab,bc->ac"/,
    ],
    [
      "an axis from nowhere",
      () => layers.EinsumDense("ab,bc->ad", { outputShape: 1 }),
      /axis "d" of the output is in neither the input nor the kernel/,
    ],
    [
      "a loose axis of the kernel",
      () => layers.EinsumDense("ab,bcd->ac", { outputShape: 1 }),
      /axis "d" of the kernel is in neither the input nor the output/,
    ],
    [
      "a bias along a summed axis",
      () => layers.EinsumDense("ab,bc->ac", { outputShape: 1, biasAxes: "b" }),
      /`biasAxes` must be axes of the output "ac"\. Received: biasAxes="b"/,
    ],
    [
      "no output shape",
      () => layers.EinsumDense("ab,bc->ac"),
      /expected `outputShape` to be a positive integer or a list/,
    ],
    [
      "too many sizes",
      () => layers.EinsumDense("ab,bc->ac", { outputShape: [3, 4] })(layers.Input({ shape: [3] })),
      /`outputShape` must have a size for each axis of "ac" but the batch\. Received: \(3, 4\) for an input of shape \(None, 3\)/,
    ],
    [
      "sizes that contradict",
      () => layers.EinsumDense("abc,cd->abd", { outputShape: [5, 2] })(layers.Input({ shape: [3, 4] })),
      /axis "b" has size 3 in the input and 5 in `outputShape`/,
    ],
    [
      "an input of another rank",
      () => layers.EinsumDense("abc,cd->abd", { outputShape: [null, 2] })(layers.Input({ shape: [4] })),
      /"abc,cd->abd" names 3 axes of the input\. Received: shape \(None, 4\)/,
    ],
  ];
  it.each(REFUSED)("%s", (_, make, error) => {
    expect(make).toThrow(error);
  });
});
