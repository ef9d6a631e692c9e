import { describe, expect, it, vi } from "vitest";
import * as ops from "../ops/index.ts";
import { setRandomSeed } from "../random/index.ts";
import { Tensor, tensor } from "../runtime/tensor.ts";
import { Dataset } from "./dataset.ts";

/** Elements with tensors as nested arrays. */
async function plain(value: unknown): Promise<unknown> {
  if (value instanceof Tensor) return value.array();
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  if (value === null || typeof value !== "object") return value;
  const entries = await Promise.all(Object.entries(value).map(async ([k, v]) => [k, await plain(v)] as const));
  return Object.fromEntries(entries);
}
const all = async (dataset: Dataset<unknown>): Promise<unknown> => plain(await dataset.toArray());
const words = (run: () => unknown): Promise<string> =>
  Promise.resolve()
    .then(run)
    .then(
      () => "",
      (error: Error) => error.message,
    );

describe("sources", () => {
  it("slice tensors, typed arrays and lists in any structure, as often as asked", async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const dataset = Dataset.fromTensorSlices([{ x, ids: Int32Array.of(7, 8) }, ["a", "b"]]);
    expect(dataset.cardinality).toBe(2);
    const expected = [
      [{ x: [1, 2], ids: 7 }, "a"],
      [{ x: [3, 4], ids: 8 }, "b"],
    ];
    expect(await all(dataset)).toEqual(expected);
    expect(await all(dataset)).toEqual(expected);
    const [[first]] = (await dataset.toArray()) as [[{ x: Tensor; ids: Tensor }, string]];
    expect([first.x.dtype, first.ids.dtype, first.ids.shape]).toEqual(["float32", "int32", []]);
  });

  it("slice lists of different lengths to tensors of different lengths", async () => {
    const rows = await Dataset.fromTensorSlices([[1, 2, 3], [4], []]).toArray();
    expect(rows.map((row) => row.shape)).toEqual([[3], [1], [0]]);
  });

  it("slice a list of texts beside a list of numbers as two", async () => {
    const batches = Dataset.fromTensorSlices([
      ["a", "b"],
      [1, 0],
    ]).batch(2);
    const [[texts, labels]] = (await batches.toArray()) as [[Tensor, Tensor]];
    expect([texts.dtype, texts.shape, await labels.array()]).toEqual(["string", [2], [1, 0]]);
  });

  it("slice lists of different depths as a tuple, and say how to write one where nothing tells", async () => {
    const x = [[1, 2], [3, 4], [5, 6]]; // biome-ignore format: short
    const pairs = Dataset.fromTensorSlices([x, [0, 1, 0]]);
    const expected = [[[1, 2], 0], [[3, 4], 1], [[5, 6], 0]]; // biome-ignore format: short
    expect(await all(pairs)).toEqual(expected);
    const [[first]] = (await pairs.batch(3).toArray()) as [[Tensor, Tensor]];
    expect(first.shape).toEqual([3, 2]);
    const ragged = Dataset.fromTensorSlices({
      pair: [
        [[1], [], [2, 3]],
        [7, 8, 9],
      ],
    });
    expect(await all(ragged.take(2))).toEqual([{ pair: [[1], 7] }, { pair: [[], 8] }]);
    const deep = [[[1], [2]], [], [[3]]];
    expect((await Dataset.fromTensorSlices(deep).toArray()).map((row) => row.shape)).toEqual([[2, 1], [0], [1, 1]]);
    expect(await words(() => Dataset.fromTensorSlices([x, [[1], [0], [1]]]))).toBe(
      "fromTensorSlices: lists in a list are the rows of one array, and these 2 look like arrays of their own. Received: lists " +
        "of 3 by 2 and 3 by 1. For a tuple make them tensors: fromTensorSlices([tensor(x), tensor(y)]); for 2 elements use " +
        "fromAsyncIterable(list)",
    );
    expect(Dataset.fromTensorSlices([x, x]).cardinality).toBe(2);
    expect(Dataset.fromTensorSlices([tensor(x), tensor([[1], [0], [1]])]).cardinality).toBe(3);
  });

  it("are generators, iterables, ranges and other datasets side by side", async () => {
    function* three(): Generator<number> {
      yield* [1, 2, 3];
    }
    const generated = Dataset.fromGenerator(three);
    expect([await all(generated), await all(generated)]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(await all(Dataset.fromAsyncIterable([5, 6]))).toEqual([5, 6]);
    expect(await all(Dataset.range(3))).toEqual([0, 1, 2]);
    expect(await all(Dataset.range(5, 0, -2))).toEqual([5, 3, 1]);
    const zipped = Dataset.zip({ a: Dataset.range(3), b: [Dataset.range(10, 12), generated] });
    expect(await all(zipped)).toEqual([
      { a: 0, b: [10, 1] },
      { a: 1, b: [11, 2] },
    ]);
    expect(zipped.cardinality).toBe(null);
    expect(Dataset.zip([Dataset.range(3), Dataset.range(2)]).cardinality).toBe(2);
  });

  it("say what is wrong", async () => {
    expect(await words(() => Dataset.fromTensorSlices({ x: [1, 2, 3], y: Int32Array.of(1, 2) }))).toBe(
      "fromTensorSlices: expected arrays of the same length. Received: part x: 3, part y: 2",
    );
    expect(await words(() => Dataset.fromTensorSlices({ x: tensor(3) }))).toContain("part x is a scalar");
    expect(await words(() => Dataset.fromTensorSlices(new Map()))).toContain("Received for the element: Map");
    expect(await words(() => Dataset.fromGenerator([] as never))).toContain("fromGenerator: expected a function");
    const once = Dataset.fromAsyncIterable([1, 2][Symbol.iterator]() as IterableIterator<number>);
    expect(await all(once)).toEqual([1, 2]);
    expect(await words(() => once.toArray())).toContain("was read and cannot start again. Use fromGenerator");
    expect(await words(() => Dataset.range(1, 2, 0))).toContain("a step other than 0");
    expect(await words(() => Dataset.zip([Dataset.range(2), [1, 2]]))).toContain("zip: expected datasets. Received");
  });
});

describe("transformations", () => {
  const ten = Dataset.range(10);

  it("compute nothing before somebody iterates, and then each element once per pass", async () => {
    const fn = vi.fn((n: number) => n * n);
    const squares = Dataset.range(4).map(fn);
    expect(fn).not.toHaveBeenCalled();
    expect(await all(squares)).toEqual([0, 1, 4, 9]);
    expect(await all(squares.take(2))).toEqual([0, 1]);
    expect(fn).toHaveBeenCalledTimes(6);
  });

  it("map, filter, enumerate, take, skip, concatenate, repeat", async () => {
    expect(await all(ten.map((n, i) => [n, i]).skip(8))).toEqual([
      [8, 8],
      [9, 9],
    ]);
    expect(await all(ten.map(async (n) => n + 1).take(2))).toEqual([1, 2]);
    expect(await all(ten.filter((n) => n % 4 === 0))).toEqual([0, 4, 8]);
    expect(await all(Dataset.fromAsyncIterable(["a", "b"]).enumerate(5))).toEqual([
      [5, "a"],
      [6, "b"],
    ]);
    expect(await all(Dataset.range(2).concatenate(Dataset.range(5, 6), Dataset.range(1)))).toEqual([0, 1, 5, 0]);
    expect(await all(Dataset.range(2).repeat(3))).toEqual([0, 1, 0, 1, 0, 1]);
    expect(await all(Dataset.range(2).repeat().take(5))).toEqual([0, 1, 0, 1, 0]);
    expect(await all(Dataset.range(0).repeat())).toEqual([]);
    expect(await ten.reduce(0, (sum, n) => sum + n)).toBe(45);
  });

  it("know how many elements there are", () => {
    const counts = [
      ten.take(3),
      ten.skip(3),
      ten.skip(30),
      ten.repeat(2),
      ten.repeat(),
      ten.repeat().take(7),
      ten.repeat().batch(3),
      ten.batch(3),
      ten.batch(3, { dropRemainder: true }),
      ten.concatenate(ten),
      ten.filter(() => true),
      ten
        .map((n) => n)
        .shuffle(3)
        .prefetch(2)
        .cache()
        .enumerate(),
    ];
    const end = Number.POSITIVE_INFINITY;
    expect(counts.map((d) => d.cardinality)).toEqual([3, 7, 0, 20, end, 7, end, 4, 3, 20, null, 10]);
  });

  it("work on several elements at once and keep their order", async () => {
    let [running, most] = [0, 0];
    const slowFirst = Dataset.range(6).map(
      async (n) => {
        most = Math.max(most, ++running);
        for (let turn = 0; turn < 6 - n; turn++) await new Promise((resolve) => setImmediate(resolve));
        running--;
        return n;
      },
      { numParallelCalls: 3 },
    );
    expect(await all(slowFirst)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(most).toBe(3);
  });

  it("prepare ahead of use, no more than asked, and stop when the use ends", async () => {
    const made: number[] = [];
    const source = Dataset.range(100).map((n) => {
      made.push(n);
      return n;
    });
    const used: number[] = [];
    for await (const n of source.prefetch(3)) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      used.push(n);
      expect(made.length).toBe(Math.min(used.length + 3, 100));
      if (n === 4) break;
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(made.length).toBe(8);
  });

  it("close their source when the use ends early, and pass errors on at their place", async () => {
    let closed = 0;
    function* source(): Generator<number> {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed++;
      }
    }
    const dataset = Dataset.fromGenerator(source)
      .map((n) => n)
      .shuffle(2)
      .batch(2)
      .prefetch(2)
      .take(1);
    await dataset.toArray();
    expect(closed).toBe(1);
    const failing = Dataset.range(5).map((n) => {
      if (n === 3) throw new Error("row 3 is bad");
      return n;
    });
    const seen: number[] = [];
    await expect(async () => {
      for await (const n of failing.prefetch(4)) seen.push(n);
    }).rejects.toThrow("row 3 is bad");
    expect(seen).toEqual([0, 1, 2]);
  });

  it("cache what a complete pass gave", async () => {
    let made = 0;
    const cached = Dataset.range(3)
      .map((n) => {
        made++;
        return n;
      })
      .cache();
    await cached.take(2).toArray(); // not complete: nothing is kept
    expect(made).toBe(2);
    for (let pass = 0; pass < 3; pass++) expect(await all(cached)).toEqual([0, 1, 2]);
    expect(made).toBe(5);
  });

  it("shuffle within a buffer, each pass anew, repeatably", async () => {
    const order = async (dataset: Dataset<number>) => (await dataset.toArray()).join(" ");
    const one = ten.shuffle(10, { seed: 3 });
    const [first, second] = [await order(one), await order(one)];
    expect(
      first
        .split(" ")
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(second).not.toBe(first);
    expect(await order(ten.shuffle(10, { seed: 3 }))).toBe(first);
    expect(await order(ten.shuffle(10, { seed: 4 }))).not.toBe(first);
    const fixed = ten.shuffle(10, { reshuffleEachIteration: false });
    expect(await order(fixed)).toBe(await order(fixed));
    setRandomSeed(1);
    const seeded = await order(ten.shuffle(10));
    setRandomSeed(1);
    expect(await order(ten.shuffle(10))).toBe(seeded);
    // An element leaves no earlier than the buffer allows.
    const places = await Dataset.range(100).shuffle(5, { seed: 1 }).toArray();
    for (const [i, n] of places.entries()) expect(n).toBeLessThan(i + 5);
    const firsts = new Map<number, number>();
    for (let seed = 0; seed < 400; seed++) {
      const [n] = await Dataset.range(4).shuffle(4, { seed }).take(1).toArray();
      firsts.set(n!, (firsts.get(n!) ?? 0) + 1);
    }
    for (const count of firsts.values()) expect(Math.abs(count - 100)).toBeLessThan(40); // uniform: 4.6 standard deviations
  });

  it("refuse wrong arguments with the way out", async () => {
    expect(await words(() => ten.shuffle(0))).toBe(
      "shuffle: expected `bufferSize` to be a positive integer. Received: 0",
    );
    expect(await words(() => ten.batch(2.5))).toContain("expected `batchSize` to be a positive integer. Received: 2.5");
    expect(await words(() => ten.shuffle(3, { sed: 1 } as never))).toContain('Did you mean "seed"?');
    expect(await words(() => ten.map("x" as never))).toContain('map: expected a function. Received: "x"');
    expect(await words(() => ten.repeat().toArray())).toContain("the dataset has no end. Use take(count) before");
    expect(await words(() => ten.concatenate([1] as never))).toContain("concatenate: expected datasets");
  });
});

describe("batches", () => {
  it("stack all kinds of data, part by part", async () => {
    const source = Dataset.fromGenerator(function* () {
      for (let i = 0; i < 3; i++) {
        yield [
          { row: [i, i + 1], typed: Int32Array.of(i), t: tensor([[i]], undefined, "uint8"), flag: i > 1 },
          i,
        ] as const;
      }
    });
    const [batch, rest] = await source.batch(2).toArray();
    const [x, y] = batch!;
    expect(await plain([x, y])).toEqual([
      { row: [[0, 1], [1, 2]], typed: [[0], [1]], t: [[[0]], [[1]]], flag: [false, false] }, // biome-ignore format: one part a line
      [0, 1],
    ]);
    expect([x.row, x.typed, x.t, x.flag, y].map((t) => t.dtype)).toEqual([
      "float32",
      "int32",
      "uint8",
      "bool",
      "float32",
    ]);
    expect(rest![1].shape).toEqual([1]);
    expect(await all(Dataset.range(5).batch(2, { dropRemainder: true }))).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it("take tuples of numbers apart, and rows of numbers as they are where no tuple can be meant", async () => {
    expect(await all(Dataset.zip([Dataset.range(2), Dataset.range(5, 7)]).batch(2))).toEqual([
      [
        [0, 1],
        [5, 6],
      ],
    ]);
    expect(
      await all(
        Dataset.range(2)
          .map((n) => Float32Array.of(n, 9))
          .batch(2),
      ),
    ).toEqual([
      [
        [0, 9],
        [1, 9],
      ],
    ]);
  });

  it("compute lazy tensors together", async () => {
    const dataset = Dataset.fromTensorSlices(tensor([1, 2, 3])).map((t) => ops.multiply(t, 10));
    expect(await all(dataset.batch(3))).toEqual([[10, 20, 30]]);
  });

  it("come apart again", async () => {
    const batches = Dataset.fromTensorSlices([tensor([[1], [2], [3]]), [7, 8, 9]]).batch(2); // biome-ignore format: short
    expect(await all(batches.unbatch())).toEqual([
      [[1], 7],
      [[2], 8],
      [[3], 9],
    ]);
    const uneven = Dataset.fromAsyncIterable([{ a: tensor([1, 2]), b: tensor([1]) }]);
    expect(await words(() => uneven.unbatch().toArray())).toContain("part a has 2 rows, part b has 1");
  });

  it("say which part differs", async () => {
    const ragged = Dataset.fromTensorSlices({ title: [[1, 2], [3]], y: [0, 1] });
    expect(await words(() => ragged.batch(2).toArray())).toBe(
      "batch: the elements of a batch differ in shape. Received for part title: (2,), and at place 1 of the batch (1,). Use " +
        "paddedBatch for sequences of different lengths",
    );
    const changing = Dataset.fromAsyncIterable<unknown>([{ a: 1 }, { b: 1 }]);
    expect(await words(() => changing.batch(2).toArray())).toContain("Received: part a; and part b");
    const types = Dataset.fromAsyncIterable<unknown>([Int32Array.of(1), Float32Array.of(1)]);
    expect(await words(() => types.batch(2).toArray())).toContain("Received for the element: int32 and float32");
    const odd = Dataset.fromAsyncIterable<unknown>([{ when: new Date() }]);
    expect(await words(() => odd.batch(1).toArray())).toContain("part when: expected tensors, numbers, strings");
  });
});
