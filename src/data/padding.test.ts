/** Batches of sequences of different lengths. */
import { describe, expect, it } from "vitest";
import { tensor } from "../runtime/tensor.ts";
import { Dataset } from "./dataset.ts";

const rows = [[1, 2, 3], [4], [5, 6], [], [7, 8, 9, 10, 11]];
const ragged = Dataset.fromTensorSlices(rows);
const arrays = async (dataset: Dataset<unknown>): Promise<unknown[]> =>
  Promise.all((await dataset.toArray()).map((t) => (t as { array(): Promise<unknown> }).array()));
const words = (run: () => unknown): Promise<string> =>
  Promise.resolve()
    .then(run)
    .then(
      () => "",
      (error: Error) => error.message,
    );

describe("paddedBatch", () => {
  it("fills up to the longest of the batch, at either side, with any value", async () => {
    expect(await arrays(ragged.paddedBatch(2))).toEqual([
      [
        [1, 2, 3],
        [4, 0, 0],
      ],
      [
        [5, 6],
        [0, 0],
      ],
      [[7, 8, 9, 10, 11]],
    ]);
    const [first] = await arrays(ragged.paddedBatch(2, { padding: "pre", paddingValues: -1, dropRemainder: true }));
    expect(first).toEqual([
      [1, 2, 3],
      [-1, -1, 4],
    ]);
  });

  it("fills up to given lengths", async () => {
    const shapes = async (padTo: never): Promise<number[][]> =>
      (await ragged.paddedBatch(2, { padTo }).toArray()).map((t) => t.shape);
    expect(await shapes(6 as never)).toEqual([
      [2, 6],
      [2, 6],
      [1, 6],
    ]);
    expect(await shapes([8, 3] as never)).toEqual([
      [2, 3],
      [2, 3],
      [1, 8],
    ]);
    expect(await shapes({ multipleOf: 4 } as never)).toEqual([
      [2, 4],
      [2, 4],
      [1, 8],
    ]);
    expect(await words(() => ragged.paddedBatch(2, { padTo: [2, 4] }).toArray())).toBe(
      "paddedBatch: a sequence of the element has 5 steps; expected at most 4, the largest of `padTo`. Cut it before (map), or " +
        "add a larger length",
    );
  });

  it("applies a length to inputs only, unless told where it belongs", async () => {
    const tagged = Dataset.fromTensorSlices([
      { title: rows, tags: [[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]] }, // biome-ignore format: short
      [[1, 0], [0, 1], [0, 1], [1, 0], [0, 1]], // biome-ignore format: short
    ]);
    const [lone] = await tagged.paddedBatch(5, { padTo: 7 }).toArray();
    expect([lone![0].title.shape, lone![0].tags.shape, lone![1].shape]).toEqual([
      [5, 7],
      [5, 7],
      [5, 2],
    ]);
    const options = { padTo: [{ title: [4, 8] }], paddingValues: [{ title: 99 }] };
    const [placed] = await tagged.paddedBatch(5, options).toArray();
    expect([placed![0].title.shape, placed![0].tags.shape, placed![1].shape]).toEqual([
      [5, 8],
      [5, 2],
      [5, 2],
    ]);
    expect((await placed![0].title.array())[3]).toEqual([99, 99, 99, 99, 99, 99, 99, 99]);
  });

  it("fills several axes, integers, strings and scalars", async () => {
    const images = Dataset.fromAsyncIterable([
      { image: tensor([[1, 2], [3, 4]], undefined, "int64"), words: ["a"], n: 1 }, // biome-ignore format: short
      { image: tensor([[5, 6, 7]], undefined, "int64"), words: ["b", "c"], n: 2 },
    ]);
    const [batch] = await images.paddedBatch(2, { paddingValues: { image: -1 } }).toArray();
    expect(await batch!.image.array()).toEqual([
      [[1, 2, -1], [3, 4, -1]], // biome-ignore format: short
      [[5, 6, 7], [-1, -1, -1]], // biome-ignore format: short
    ]);
    expect(batch!.image.dtype).toBe("int64");
    expect(await batch!.words.array()).toEqual([
      ["a", ""],
      ["b", "c"],
    ]);
    expect(batch!.n.shape).toEqual([2]);
  });

  it("says what does not fit", async () => {
    expect(await words(() => ragged.paddedBatch(2, { padTo: 0 }))).toContain(
      "expected lengths of `padTo` to be positive integers. Received: 0",
    );
    expect(await words(() => ragged.paddedBatch(2, { padding: "left" as never }))).toContain(
      'expected `padding` to be "pre" or "post". Received: "left"',
    );
    const titled = Dataset.fromTensorSlices([{ title: rows, tags: [["a"], ["b"], [], [], []] }, [0, 1, 0, 1, 0]]);
    const parts = "Parts of the elements: part [0].title, part [0].tags, part [1]";
    const said = async (options: object): Promise<string> => words(() => titled.paddedBatch(2, options).toArray());
    expect(await said({ padTo: [{ titel: [8, 16] }, null] })).toBe(
      `paddedBatch: \`padTo\` names part [0].titel, which the elements lack. Did you mean "part [0].title"? ${parts}`,
    );
    expect(await said({ paddingValues: { title: 9 } })).toBe(
      `paddedBatch: \`paddingValues\` names part title, which the elements lack. ${parts}`,
    );
    expect(await said({ padTo: [{ title: { words: 8 } }] })).toContain(
      "names part [0].title.words, which the elements",
    );
    expect(await said({ padTo: [{ title: 8 }, 3, 4] })).toContain("`padTo` names part [2], which the elements lack.");
    expect(await said({ padTo: [{ title: 0 }] })).toContain("to be positive integers. Received: ");
    expect(await said({ padTo: [{ title: "8" }] })).toBe(
      'paddedBatch: expected lengths in `padTo` for part [0].title. Received: "8"',
    );
    expect(await said({ paddingValues: 9 })).toContain(
      "part [0].tags is of dtype string, which 9 of `paddingValues` does not fill. Give a string where it belongs",
    );
    const [fits] = await titled
      .paddedBatch(5, { padTo: [{ titel: null, title: 5 }, null], paddingValues: [{ title: 9n, tags: "-" }] } as never)
      .toArray();
    expect((await fits![0].title.array())[1]).toEqual([4, 9, 9, 9, 9]);
    expect((await fits![0].tags.array()) as unknown).toEqual([["a"], ["b"], ["-"], ["-"], ["-"]]);
    const ranks = Dataset.fromAsyncIterable<unknown>([tensor([1]), tensor([[1]])]);
    expect(await words(() => ranks.paddedBatch(2).toArray())).toContain(
      "differ in rank. Received for the element: (1,) and (1, 1)",
    );
  });
});

describe("bucketBySequenceLength", () => {
  const many = Dataset.fromTensorSlices(Array.from({ length: 12 }, (_, i) => new Array(1 + ((i * 5) % 7)).fill(i)));

  it("batches elements of about the same length", async () => {
    const options = { bucketBoundaries: [3, 6], bucketBatchSizes: [2, 3, 2] };
    const shapes = (await many.bucketBySequenceLength(options).toArray()).map((t) => t.shape);
    for (const [, length] of shapes) expect(length).toBeLessThanOrEqual(7);
    expect(shapes.reduce((n, [size]) => n + size!, 0)).toBe(12);
    const dropped = await many.bucketBySequenceLength({ ...options, dropRemainder: true }).toArray();
    for (const { shape } of dropped) expect([2, 3]).toContain(shape[0]);
  });

  it("pads to the boundary, where that is asked for, and measures elements by a function", async () => {
    const padded = many.bucketBySequenceLength({
      bucketBoundaries: [3, 6, 8],
      bucketBatchSizes: 2,
      padToBucketBoundary: true,
    });
    for (const { shape } of await padded.toArray()) expect([2, 5, 7]).toContain(shape[1]);
    const measured = many.bucketBySequenceLength({
      elementLengthFn: (row) => row.shape[0]! * 10,
      bucketBoundaries: [30],
      bucketBatchSizes: [3, 3],
    });
    expect(Math.max(...(await measured.take(1).toArray()).map((t) => t.shape[1]!))).toBeLessThan(8);
  });

  it("says what does not fit", async () => {
    const options = { bucketBoundaries: [3, 6], bucketBatchSizes: 2, padToBucketBoundary: true };
    expect(await words(() => many.bucketBySequenceLength(options).toArray())).toMatch(
      /an element of length \d fits in no bucket; expected less than 6, the last boundary/,
    );
    expect(await words(() => many.bucketBySequenceLength({ ...options, bucketBoundaries: [6, 3] }))).toContain(
      "`bucketBoundaries` to be growing positive integers. Received: [6, 3]",
    );
    expect(await words(() => many.bucketBySequenceLength({ ...options, bucketBatchSizes: [1, 2] }))).toContain(
      "`bucketBatchSizes` to be a positive integer, or 3 of them, one per bucket. Received: [1, 2]",
    );
    expect(await words(() => many.bucketBySequenceLength({ ...options, padTo: 3 }))).toContain("not both");
    const numbers = Dataset.range(3).bucketBySequenceLength({ bucketBoundaries: [3], bucketBatchSizes: 1 });
    expect(await words(() => numbers.toArray())).toContain("no part of the element is a sequence");
  });
});
