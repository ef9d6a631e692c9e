/** Shapes that are inferred where some sizes are not known, against Keras's, and the words of errors while they are inferred. */
import { describe, expect, it } from "vitest";
import * as ops from "../ops/index.ts";
import type { KerasTensor } from "../ops/kerasTensor.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { loadFixture } from "../testing/fixtures.ts";
import { Input } from "./core/inputLayer.ts";
import * as layers from "./index.ts";
import { LayerBase } from "./layer.ts";

registerAllBuiltins();

type Sizes = (number | null)[];
type Row = [inputs: Sizes[], result: Sizes[] | "error"];
const { calls } = loadFixture<{ calls: Record<string, { dtype: string; rows: Row[] }> }>("unknown_sizes");

type Call = (...xs: KerasTensor[]) => unknown;
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
type Any = (...args: unknown[]) => unknown;
const named = (room: object, name: string): Any => (room as Record<string, Any>)[camel(name)]!;

/** Calls that are not `ops.name(a, b)` or `layers.Name()([a, b])`. */
const CALLS: Record<string, Call> = {
  "ops.where": (c, a, b) => ops.where(ops.greater(c!, 0), a!, b!),
  "ops.tensordot": (a, b) => ops.tensordot(a!, b!, { axes: 1 }),
  "ops.tensordot_axes": (a, b) => ops.tensordot(a!, b!, { axes: [[1], [0]] }),
  "ops.einsum": (a, b) => ops.einsum("bij,bjk->bik", a!, b!),
  "ops.einsum_attention": (q, k) => ops.einsum("btnh,bsnh->bnts", q!, k!),
  "ops.append": (a, b) => ops.append(a!, b!, { axis: -1 }),
  "ops.hstack": (...xs) => ops.hstack(xs),
  "ops.vstack": (...xs) => ops.vstack(xs),
  "ops.take_along_axis": (x, i) => ops.takeAlongAxis(x!, ops.cast(i!, "int32"), { axis: 1 }),
  "layers.Add of three": (...xs) => layers.Add()(xs),
  "layers.Dot 1": (...xs) => layers.Dot(1)(xs),
  "layers.Dot [2, 1]": (...xs) => layers.Dot([2, 1])(xs),
  "layers.Attention scores": (q, v, k) => layers.Attention()([q!, v!, k!], { returnAttentionScores: true }),
  "layers.AdditiveAttention scores": (q, v, k) =>
    layers.AdditiveAttention()([q!, v!, k!], { returnAttentionScores: true }),
  "layers.MultiHeadAttention": (q, v, k) => layers.MultiHeadAttention(2, 3)(q!, v!, k!),
  "layers.GroupQueryAttention": (q, v, k) => layers.GroupQueryAttention(3, 4, 2)(q!, v!, k!),
  "layers.MultiHeadAttention mask": (q, v, m) => layers.MultiHeadAttention(2, 3)(q!, v!, { attentionMask: m! }),
  "layers.GroupQueryAttention mask": (q, v, m) => layers.GroupQueryAttention(3, 4, 2)(q!, v!, { attentionMask: m! }),
  "layers.GRU": (x, s) => layers.GRU(4, { returnState: true })(x!, { initialState: s! }),
  "layers.SimpleRNN sequences": (x, s) => layers.SimpleRNN(4, { returnSequences: true })(x!, { initialState: s! }),
  "layers.LSTM": (x, h, c) => layers.LSTM(4, { returnState: true })(x!, { initialState: [h!, c!] }),
  "layers.LSTM stateful": (x, h, c) => layers.LSTM(4, { stateful: true })(x!, { initialState: [h!, c!] }),
};

function callOf(name: string): Call {
  if (CALLS[name]) return CALLS[name];
  const [, room, what, axis] = /^(\w+)\.(\w+)(?: (-?\d+))?$/.exec(name)!;
  const call = named(room === "ops" ? ops : layers, what!);
  if (room === "layers") return (...xs) => (call(axis ? { axis: Number(axis) } : {}) as Any)(xs);
  return axis ? (...xs) => call(xs, { axis: Number(axis) }) : (...xs) => call(...xs);
}

const inputs = (shapes: readonly Sizes[], dtype = "float32"): KerasTensor[] =>
  shapes.map((batchShape) => Input({ batchShape, dtype }));

function shapesOf(result: unknown): Sizes[] {
  return (Array.isArray(result) ? result : [result]).map((x: KerasTensor) => x.shape);
}

function outcome(name: string, shapes: readonly Sizes[], dtype: string): Sizes[] | string {
  try {
    return shapesOf(callOf(name)(...inputs(shapes, dtype)));
  } catch (error) {
    return (error as Error).message;
  }
}

describe("shapes of symbolic results are Keras's, also where known and unknown sizes meet", () => {
  it.each(Object.keys(calls))("%s", (name) => {
    const { dtype, rows } = calls[name]!;
    for (const [shapes, expected] of rows) {
      const found = outcome(name, shapes, dtype);
      const where = `${name} of ${JSON.stringify(shapes)}`;
      if (expected === "error") expect(found, where).toBeTypeOf("string");
      else expect(found, where).toEqual(expected);
    }
  });
});

describe("ops whose program depends on a length", () => {
  type Results = KerasTensor | readonly KerasTensor[];
  const known = { n: [null], matrix: [null, null], rows: [2, null] } as const;
  const of = (shape: readonly (number | null)[]): KerasTensor => inputs([[...shape]])[0]!;
  const { n, matrix, rows } = known;
  const cases: [string, () => Results, Sizes[]][] = [
    ["vander", () => ops.vander(of(n)), [[null, null]]],
    [
      "fft",
      () => ops.fft([of(rows), of(rows)]),
      [
        [2, null],
        [2, null],
      ],
    ],
    [
      "rfft",
      () => ops.rfft(of(rows)),
      [
        [2, null],
        [2, null],
      ],
    ],
    [
      "stft",
      () => ops.stft(of(rows), 8, 4, 8),
      [
        [2, null, 5],
        [2, null, 5],
      ],
    ],
    [
      "pad",
      () =>
        ops.pad(
          of(matrix),
          [
            [1, 1],
            [2, 2],
          ],
          { mode: "reflect" },
        ),
      [[null, null]],
    ],
    ["svd", () => ops.svd(of(matrix)), [[null, null], [null], [null, null]]],
    ["eigh", () => ops.eigh(of(matrix)), [[null], [null, null]]],
    ["solveTriangular", () => ops.solveTriangular(of(matrix), of([null, 3])), [[null, 3]]],
    ["choleskyInverse", () => ops.choleskyInverse(of(matrix)), [[null, null]]],
  ];

  it.each(cases)("%s is inferred where it is not known", (_, call, expected) => {
    expect(shapesOf(call())).toEqual(expected);
  });
});

describe("errors while shapes are inferred show the user's sizes", () => {
  const message = (fn: () => unknown): string => {
    try {
      fn();
    } catch (error) {
      const { message, stack } = error as Error;
      expect(stack).toContain(message);
      return message;
    }
    throw new Error("nothing was thrown");
  };
  const of = (...shapes: Sizes[]): KerasTensor[] => inputs(shapes.map((shape) => [null, ...shape]));

  it("of two units in a Bidirectional that adds", () => {
    const [x] = of([5, 3]);
    const backwardLayer = layers.LSTM(5, { goBackwards: true });
    expect(message(() => layers.Bidirectional(layers.LSTM(4), { backwardLayer, mergeMode: "sum" })(x!))).toMatch(
      /^Bidirectional "bidirectional\w*": add: shapes \(None, 4\) and \(None, 5\) do not broadcast: sizes 4 and 5 differ/,
    );
  });

  it("of queries and keys of two widths", () => {
    const [query, value] = of([5, 4], [3, 7]);
    const words =
      /^(Additive)?Attention "\w+": query and key must have the same last size. Received: query of shape \(None, 5, 4\), key of shape \(None, 3, 7\); bring one to the size of the other, as with a Dense layer$/;
    expect(message(() => layers.Attention()([query!, value!]))).toMatch(words);
    expect(message(() => layers.Attention({ scoreMode: "concat" })([query!, value!]))).toMatch(words);
    expect(message(() => layers.AdditiveAttention()([query!, value!]))).toMatch(words);
  });

  it("of more keys than values", () => {
    const [query, value, key] = of([5, 4], [3, 4], [6, 4]);
    expect(message(() => layers.Attention()([query!, value!, key!]))).toMatch(
      /^Attention "\w+": there must be as many keys as values. Received: value of shape \(None, 3, 4\), key of shape \(None, 6, 4\)$/,
    );
  });

  it("of a sequence without steps", () => {
    const [x] = of([0, 4]);
    expect(message(() => layers.LSTM(2)(x!))).toContain("Received: shape (None, 0, 4); expected at least one step");
  });

  it("of a Dot over a size that only one input knows, as in Keras", () => {
    expect(message(() => layers.Dot(1)(of([null, 4], [10, 4])))).toMatch(
      /^Dot "\w+": the two axes must have the same size. Received: None \(axis 1 of shape \(None, None, 4\)\) and 10 \(axis 1 of shape \(None, 10, 4\)\)$/,
    );
  });

  it("in numbers that a message writes itself, in lists and alone", () => {
    class Talking extends LayerBase {
      override call(x: Tensor): Tensor {
        const [batch, steps] = x.shape as [number, number];
        throw new RangeError(
          `no [${x.shape}], [${x.shape.join(", ")}], (${batch}, ${steps * 3}, ${batch * steps}) of ${steps + 1}, ` +
            `${steps / 3} and ${batch * batch * steps}, 12345678901 and 4`,
        );
      }
    }
    const [x] = of([null, 4]);
    expect(message(() => new Talking({ name: "talking" }).invoke([x]))).toBe(
      'Talking "talking": no [None,None,4], [None, None, 4], (None, None, None) of unknown, unknown and unknown, 12345678901 and 4',
    );
  });

  it("and stay exact where sizes are known", () => {
    const [x] = inputs([[2, 3, 4]]);
    const y = ops.zeros([2, 5, 4]);
    expect(message(() => ops.add(x!, y))).toContain("shapes (2, 3, 4) and (2, 5, 4) do not broadcast");
    expect(message(() => ops.add(ops.zeros([2, 3]), ops.zeros([2, 5])))).toContain("(2, 3) and (2, 5)");
  });
});

describe("a layer of the user's", () => {
  class Mixed extends LayerBase {
    override call([x, y]: readonly [Tensor, Tensor]): Tensor {
      // Sizes that are derived from unknown ones meet known ones too.
      const halves = ops.averagePool(x, 2, { strides: 2 });
      return ops.matmul(ops.concatenate([halves, y], { axis: -1 }), ops.ones([8, 3]));
    }
  }

  it("is built on sizes that it does not know", () => {
    const output = new Mixed().invoke([
      inputs([
        [null, null, 4],
        [null, 10, 4],
      ]),
    ]) as KerasTensor;
    expect(output.shape).toEqual([null, null, 3]);
  });

  it("is checked exactly when it runs", async () => {
    const layer = new Mixed();
    const run = (steps: number) => layer.invoke([[ops.ones([2, steps, 4]), ops.ones([2, 10, 4])]]) as Tensor;
    expect(run(20).shape).toEqual([2, 10, 3]);
    expect(() => run(18)).toThrow("all shapes must agree except on axis 2. Received: (2, 9, 4), (2, 10, 4)");
  });
});
