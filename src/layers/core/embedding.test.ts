/** Embedding against real Keras (test/fixtures/embedding.json, by tools/fixtures/embedding.py), and what it refuses. */
import { describe, expect, it } from "vitest";
import { gradientsOf } from "../../autodiff/grad.ts";
import { Model } from "../../models/model.ts";
import { Sequential } from "../../models/sequential.ts";
import * as ops from "../../ops/index.ts";
import { jit } from "../../runtime/jit.ts";
import { type Tensor, tensor } from "../../runtime/tensor.ts";
import { serializeObject } from "../../serialization/serialize.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../../testing/fixtures.ts";
import { gradCheck } from "../../testing/gradCheck.ts";
import { describeLayerCases } from "../../testing/layerCases.ts";
import * as layers from "../index.ts";

describeLayerCases("embedding");

interface GradientCase {
  readonly name: string;
  readonly ids: EncodedArray;
  readonly table: EncodedArray;
  readonly c: EncodedArray;
  readonly gradient: EncodedArray;
}

const fixture = loadFixture<{ gradients: GradientCase[]; given_weights: unknown }>("embedding");
const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};
const ids = (rows: number[][]): Tensor => tensor(rows, undefined, "int32");

describe("the gradient of the table", () => {
  it.each(fixture.gradients)("adds up what each row got: $name", async ({ ids, table, c, gradient }) => {
    const [rows, width] = table.shape;
    const layer = layers.Embedding(rows!, width!, { weights: toTensor(table) });
    const total = ops.sum(ops.multiply(layer(toTensor(ids)), toTensor(c)));
    const [found] = gradientsOf(total, [layer.embeddings!.value]);
    expectAllClose(await found!.data(), decodeNumbers(gradient), { atol: 1e-5, rtol: 1e-5 });
  });

  it("agrees with central differences", async () => {
    const read = (table: Tensor): Tensor => ops.take(table, ids([[1, 0, 1]]), { axis: 0 });
    await gradCheck((table) => ops.square(read(table)), [{ data: [0.5, -1, 2, 0.25, -0.75, 1.5], shape: [3, 2] }]);
  });

  it("is a scatter of rows, not a product with one-hot rows", async () => {
    const layer = layers.Embedding(50, 4);
    layer.build();
    const [gradient] = gradientsOf(ops.sum(layer(ids([[1, 2]]))), [layer.embeddings!.value]);
    const seen = new Set<string>();
    const visit = (value: { node: { op: string; inputs: readonly unknown[] } | null }): void => {
      if (!value.node) return;
      seen.add(value.node.op);
      for (const input of value.node.inputs) visit(input as never);
    };
    visit(gradient!.node as never);
    expect(seen).toContain("scatter_add");
    expect(seen).not.toContain("matmul");
  });
});

describe("Embedding", () => {
  it("takes its arguments by position or by name", () => {
    const config = layers.Embedding(5, 3, { maskZero: true, name: "e" }).getConfig();
    expect(layers.Embedding({ inputDim: 5, outputDim: 3, maskZero: true, name: "e" }).getConfig()).toEqual(config);
    expect(layers.Embedding(5, { outputDim: 3, maskZero: true, name: "e" }).getConfig()).toEqual(config);
  });

  it("starts from given weights, which files do not repeat", async () => {
    const table = [
      [1, 2],
      [3, 4],
    ];
    for (const weights of [table, tensor(table), [tensor(table)] as const]) {
      const layer = layers.Embedding(2, 2, { weights });
      expect(layer.built).toBe(true);
      expect(await layer([1, 0, -1]).array()).toEqual([table[1], table[0], table[1]]);
    }
    const given = layers.Embedding(5, 3, { weights: ops.ones([5, 3]), name: "embedding" });
    expect(serializeObject(given)).toEqual(fixture.given_weights);
  });

  it("masks id 0, and only with maskZero", async () => {
    const words = ids([[3, 0, 1]]);
    expect(await layers.Embedding(4, 2, { maskZero: true })(words).mask!.array()).toEqual([[true, false, true]]);
    const plain = layers.Embedding(4, 2);
    expect(plain(words).mask).toBe(null);
    expect(plain.supportsMasking).toBe(false);
  });

  it("has a symbolic mask in a graph, as Keras does", () => {
    const words = layers.Input({ shape: [null], dtype: "int32" });
    const x = layers.Embedding(4, 2, { maskZero: true })(words);
    expect(x.mask!.shape).toEqual([null, null]);
    expect(x.mask!.dtype).toBe("bool");
    expect(layers.Dense(3)(x).mask).toBe(x.mask);
    expect(layers.GlobalAveragePooling1D()(x).mask).toBe(null);
  });

  it("gives the same in a compiled function", async () => {
    const layer = layers.Embedding(4, 2);
    const words = ids([[3, 0, 1]]);
    const eager = await layer(words).array();
    expect(await (await jit((t: Tensor) => layer(t))(words)).array()).toEqual(eager);
  });
});

describe("what Embedding refuses", () => {
  const REFUSED: readonly [what: string, make: () => unknown, error: RegExp][] = [
    [
      "rows that are no number",
      () => layers.Embedding("5" as never, 3),
      /^Embedding "embedding.*": expected `inputDim` to be a positive integer\. Received: inputDim="5"/,
    ],
    [
      "no width",
      () => layers.Embedding(5),
      /expected `outputDim` to be a positive integer\. Received: outputDim=undef/,
    ],
    [
      "a width of 0",
      () => layers.Embedding(5, 0),
      /expected `outputDim` to be a positive integer\. Received: outputDim=0/,
    ],
    [
      "LoRA",
      () => layers.Embedding(5, 3, { loraRank: 2 } as never),
      /^TypeError: Embedding: LoRA is not supported\. Received: loraRank=2\. Train the whole table, or freeze it with `trainable: false`/,
    ],
    [
      "quantization",
      () => layers.Embedding(5, 3, { quantizationConfig: {} } as never),
      /Embedding: quantization is not supported/,
    ],
    [
      "weights of another shape",
      () => layers.Embedding(5, 3, { weights: [[1, 2, 3]] }),
      /weight "embedding.*\/embeddings" has shape \(5, 3\)\. Received: a value of shape \(1, 3\)/,
    ],
    [
      "an id after the last row",
      () =>
        layers.Embedding(5, 3, { name: "words" })([
          [0, 1],
          [2, 5],
        ]),
      /^RangeError: Embedding "words": id 5 at position 1 of sample 1 is out of range: the layer has 5 rows, numbered 0 to 4\. Make it larger \(inputDim: at least the largest id \+ 1\) or replace such ids/,
    ],
    [
      "an id before the first from the end",
      () => layers.Embedding(5, 3)([0, -6]),
      /id -6 at position 1 is out of range/,
    ],
    [
      "NaN",
      () => layers.Embedding(5, 3)(tensor([[[0, Number.NaN]]])),
      /id NaN at position \[0, 1\] of sample 0 is out/,
    ],
    ["one id", () => layers.Embedding(5, 3)(9), /id 9 is out of range/],
    [
      "more positions than rows",
      () => layers.Embedding(4, 3)(ops.arange(6)),
      /id 4 at position 4 is out of range: the layer has 4 rows/,
    ],
  ];
  it.each(REFUSED)("%s", (_, make, error) => {
    let message = "nothing";
    try {
      make();
    } catch (e) {
      message = String(e);
    }
    expect(message.replace(/^(?:RangeError|ShapeError|TypeError): (?=Embedding "emb)/, "")).toMatch(error);
  });

  it("does not mistake an unknown length for a number of ids", () => {
    const positions = layers.Embedding(4, 3);
    class Positions extends layers.Layer {
      readonly table = positions;
      override call(x: Tensor): Tensor {
        return ops.add(x, this.table(ops.arange(x.shape[1]!)));
      }
    }
    expect(new Positions()(layers.Input({ shape: [null, 3] })).shape).toEqual([null, null, 3]);
    expect(() => new Positions()(layers.Input({ shape: [5, 3] }))).toThrow(/id 4 at position 4 is out of range/);
  });
});

describe("ids of a data set", () => {
  const y = tensor([[1], [2]]);
  const good = ids([
    [1, 2, 0],
    [3, 0, 0],
  ]);
  const bad = ids([
    [1, 2, 0],
    [3, 4, 0],
  ]);
  function model() {
    const a = layers.Input({ shape: [3], name: "title", dtype: "float32" });
    const b = layers.Input({ shape: [3], name: "body", dtype: "int32" });
    const words = layers.Embedding(4, 2, { name: "words" });
    const inner = Sequential([layers.Input({ shape: [3], dtype: "int32" }), words, layers.Flatten()]);
    const both = layers.concatenate([layers.Flatten()(words(a)), inner(b)]);
    const made = Model({ inputs: [a, b], outputs: layers.Dense(1)(both) });
    made.compile({ loss: "mse", optimizer: "sgd" });
    return made;
  }
  const quiet = { verbose: 0 } as const;
  const batches = function* () {
    yield [[good, bad], y];
  };
  type Run = (m: ReturnType<typeof model>) => Promise<unknown>;
  it.each<[string, string, Run]>([
    ["fit", "fit", (m) => m.fit([good, bad], y, quiet)],
    ["fit on a dict", "fit", (m) => m.fit({ title: good, body: bad }, y, quiet)],
    ["fit on a generator", "fit", (m) => m.fit(batches as never, null, quiet)],
    ["validation", "fit (validation)", (m) => m.fit([good, good], y, { ...quiet, validationData: [[good, bad], y] })],
    ["evaluate", "evaluate", (m) => m.evaluate([good, bad], y, quiet)],
    ["predict", "predict", (m) => m.predict([good, bad], quiet)],
    ["predictOnBatch", "predictOnBatch", (m) => m.predictOnBatch([good, bad])],
    ["trainOnBatch", "trainOnBatch", (m) => m.trainOnBatch([good, bad], y)],
    ["testOnBatch", "testOnBatch", (m) => m.testOnBatch([good, bad], y)],
  ])("are checked before %s computes", async (_, where, run) => {
    const m = model();
    const before = await m.weights[0]!.value.array();
    await expect(run(m)).rejects.toThrow(
      `${where}: Embedding "words": id 4 at position 1 of sample 1 of input "body" is out of range: the layer has 4 rows`,
    );
    expect(await m.weights[0]!.value.array()).toEqual(before);
  });

  it("pass where they fit, and where the layer does not read them as they are", async () => {
    await model().fit([good, good], y, quiet);
    const words = layers.Input({ shape: [3], dtype: "int32" });
    const clipped = layers.Embedding(4, 2)(ops.minimum(words, 3));
    await Model({ inputs: words, outputs: clipped }).predict(bad, quiet);
  });
});

describe("ids that a program computes", () => {
  const refused =
    /id 23 is out of range where rows 0 to 22 are read, as Embedding "shifted" does\. Make the table larger \(inputDim.*the ONNX engine failed: /;

  it("are named with the layer when the engine meets one outside of the table", async () => {
    const layer = layers.Embedding(23, 2, { name: "shifted" });
    await expect(layer(ops.add(ids([[20, 19]]), 3)).data()).rejects.toThrow(refused);
    await expect(jit((x: Tensor) => layer(x))(ids([[23]]))).rejects.toThrow(refused);
    const words = layers.Input({ shape: [2], dtype: "int32" });
    const model = Model({ inputs: words, outputs: layer(ops.add(words, 3)) });
    await expect(model.predict(ids([[20, 19]]), { verbose: 0 })).rejects.toThrow(refused);
    model.compile({ optimizer: "sgd", loss: "mse" });
    await expect(model.fit(ids([[20, 19]]), ops.ones([1, 2, 2]), { verbose: 0 })).rejects.toThrow(refused);
  });

  it("leave the message of another index alone", async () => {
    const taken = ops.take(ops.ones([29, 2]), ops.add(ids([[28]]), 1), { axis: 0 });
    await expect(taken.data()).rejects.toThrow(/^program: the ONNX engine failed: /);
  });
});
