/**
 * Masks through the layers that make, merge or use them. Expected numbers are worked by hand from Keras's rules: a merge
 * takes the other side's value where one side is masked, and its mask is what is real in any input, if all have masks.
 */
import { describe, expect, it } from "vitest";
import * as ops from "../ops/index.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import * as layers from "./index.ts";
import type { Mask } from "./layer.ts";

/** (batch 1, time 3, features 1) with a mask over time. */
function sequence(values: readonly [number, number, number], mask?: readonly [boolean, boolean, boolean]): Tensor {
  const x = tensor([...values], [1, 3, 1]);
  if (mask) x.mask = tensor([...mask], [1, 3], "bool");
  return x;
}

const flat = async (t: Tensor | null): Promise<unknown> => (t ? await t.reshape([-1]).array() : null);

describe("Masking", () => {
  it("masks time steps whose features all have the value, and sets them to 0", async () => {
    const x = tensor([5, 5, 5, 1, 2, 5, 0, 0], [1, 4, 2]);
    const y = layers.Masking(5)(x);
    expect(await y.mask!.array()).toEqual([[false, true, true, true]]);
    expect(await y.array()).toEqual([
      [
        [0, 0],
        [5, 1],
        [2, 5],
        [0, 0],
      ],
    ]);
    expect(await layers.Masking()(x).mask!.array()).toEqual([[true, true, true, false]]);
  });

  it("reaches the layers after it, in a chain", async () => {
    const x = tensor([0, 1, 2], [1, 3, 1]);
    const y = layers.Activation("tanh")(layers.Dropout(0.5)(layers.Dense(2)(layers.Masking()(x))));
    expect(await y.mask!.array()).toEqual([[false, true, true]]);
  });
});

describe("merging", () => {
  const a = () => sequence([1, 2, 3], [true, false, false]);
  const b = () => sequence([10, 20, 30], [true, true, false]);
  const plain = () => sequence([5, 6, 7]);
  type Row = [name: string, values: readonly number[], mask: readonly boolean[] | null];

  it.each<Row>([
    ["Add", [11, 22, 33], [true, true, false]],
    ["Subtract", [-9, -18, -27], [true, true, false]],
    ["Average", [5.5, 11, 16.5], [true, true, false]],
    // Step 1: 1 · 20, as a is masked there. Step 2: masked in both.
    ["Multiply", [10, 20, 0], [true, true, false]],
    // Step 1: b alone. Step 2: b is replaced by a, then a by that: a alone.
    ["Maximum", [10, 20, 3], [true, true, false]],
    ["Minimum", [1, 20, 3], [true, true, false]],
  ])("%s of two masked inputs", async (name, values, mask) => {
    const layer = layers.CLASSES[name]!.fromConfig!({}) as layers.Layer;
    const y = layer([a(), b()]);
    expect(await flat(y)).toEqual(values);
    expect(await flat(y.mask)).toEqual(mask);
  });

  it.each<Row>([
    ["Add", [6, 8, 10], null],
    ["Multiply", [5, 6, 7], null],
    ["Maximum", [5, 6, 7], null],
    ["Minimum", [1, 6, 7], null],
  ])("%s of one masked input has no mask", async (name, values, mask) => {
    const layer = layers.CLASSES[name]!.fromConfig!({}) as layers.Layer;
    const y = layer([a(), plain()]);
    expect(await flat(y)).toEqual(values);
    expect(await flat(y.mask)).toEqual(mask);
  });

  it("Concatenate counts inputs without a mask as real", async () => {
    const inTime = layers.concatenate([a(), plain()], { axis: 1 });
    expect(await flat(inTime.mask)).toEqual([true, false, false, true, true, true]);
    const inFeatures = layers.concatenate([a(), b()]);
    expect(await flat(inFeatures.mask)).toEqual([true, true, false]);
    expect(layers.concatenate([plain(), plain()]).mask).toBe(null);
  });

  it("Dot drops masks silently", () => {
    expect(layers.dot([a(), b()], { axes: 2 }).mask).toBe(null);
  });

  it("refuses a mask that is no list", () => {
    expect(() => layers.Add()([plain(), plain()], { mask: a().mask as Mask })).toThrow(
      /^Add "add.*": expected `mask` to be a list with one mask per input/,
    );
  });
});

describe("Softmax", () => {
  it("gives masked positions exactly 0, also where all are masked", async () => {
    const x = tensor([1, 2, 3, 1, 1, 1], [2, 3]);
    const mask = tensor([true, true, false, false, false, false], [2, 3], "bool");
    const y = (await layers.Softmax()(x, { mask }).array()) as number[][];
    const e = Math.exp(1);
    expect(y[0]).toEqual([expect.closeTo(1 / (1 + e), 6), expect.closeTo(e / (1 + e), 6), 0]);
    expect(y[1]).toEqual([0, 0, 0]);
  });

  it("counts other dtypes from 0.5 and takes nested arrays", async () => {
    const y = await layers
      .Softmax()([[1, 1, 1]], { mask: [[1, 0.6, 0.2]] })
      .array();
    expect(y).toEqual([[0.5, 0.5, 0]]);
  });
});

describe("symbolic shapes", () => {
  const shapes = (...list: (number | null)[][]) => list.map((batchShape) => layers.Input({ batchShape }));
  const ROWS: readonly [what: string, merge: () => { shape: (number | null)[] }, shape: (number | null)[]][] = [
    ["a known batch beside an unknown one", () => layers.add(shapes([null, 3], [4, 3])), [4, 3]],
    ["a constant beside an input", () => layers.add([layers.Input({ shape: [3] }), ops.ones([4, 3])]), [4, 3]],
    ["unknown time", () => layers.maximum(shapes([null, null, 3], [null, 1, 3])), [null, null, 3]],
    ["lower ranks", () => layers.multiply(shapes([null, 2, 3], [null, 3])), [null, 2, 3]],
    [
      "concatenation over unknown sizes",
      () => layers.concatenate(shapes([null, null, 3], [null, 2, 3]), { axis: 1 }),
      [null, null, 3],
    ],
    ["concatenation of batches", () => layers.concatenate(shapes([null, 3], [null, 3]), { axis: 0 }), [null, 3]],
    ["sums over unknown sizes", () => layers.dot(shapes([null, null, 3], [null, null, 4]), { axes: 1 }), [null, 3, 4]],
    ["flattening of unknown sizes", () => layers.Flatten()(layers.Input({ shape: [null, 3] })), [null, null]],
    ["reshaping of unknown sizes", () => layers.Reshape([-1, 3])(layers.Input({ shape: [null, 6] })), [null, null, 3]],
    ["reshaping to known sizes", () => layers.Reshape([4, 3])(layers.Input({ shape: [null] })), [null, 4, 3]],
    ["an unknown number of features", () => layers.RepeatVector(2)(layers.Input({ shape: [null] })), [null, 2, null]],
    ["Dense over unknown time", () => layers.Dense(2)(layers.Input({ shape: [null, 3] })), [null, null, 2]],
  ];
  it.each(ROWS)("%s", (_, merge, shape) => {
    expect(merge().shape).toEqual(shape);
  });

  it("of an empty batch keep the sizes of a sample", () => {
    const empty = tensor(new Float32Array(0), [0, 2, 3]);
    expect(layers.Flatten()(empty).shape).toEqual([0, 6]);
    expect(layers.Reshape([-1])(empty).shape).toEqual([0, 6]);
    expect(layers.Dense(4)(empty).shape).toEqual([0, 2, 4]);
  });
});
