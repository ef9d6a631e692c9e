/** The definitions themselves, on results worked by hand or taken from published tables. */
import { describe, expect, it } from "vitest";
import type { DType } from "../../core/dtype.ts";
import { emit } from "../../ir/build.ts";
import type { Primitive, PrimitiveAttributes } from "../../ir/primitives.ts";
import { inputValue } from "../../ir/value.ts";
import { elementOf, type ReferenceRule, type ReferenceTensor, wrap } from "./rule.ts";
import { REFERENCE_RULES } from "./rules.ts";
import { erf, remainder, roundHalfEven } from "./scalar.ts";

type Given = readonly [shape: readonly number[], numbers: readonly number[], dtype?: DType];

const line = (...numbers: number[]): Given => [[numbers.length], numbers];
const ints = (...numbers: number[]): Given => [[numbers.length], numbers, "int32"];

/** The results of one primitive as numbers. */
function apply<P extends Primitive>(op: P, given: readonly Given[], attributes: PrimitiveAttributes[P]): number[][] {
  const inputs = given.map(
    ([shape, numbers, dtype = "float64"]): ReferenceTensor => ({
      shape,
      dtype,
      data: numbers.map((x) => elementOf(dtype, x)),
    }),
  );
  const outputs = emit(
    op,
    inputs.map((x, i) => inputValue(x, `x${i}`)),
    attributes,
  );
  const rule = REFERENCE_RULES[op] as ReferenceRule<PrimitiveAttributes[P]>;
  return rule(inputs, attributes, outputs, () => []).map((data, i) =>
    data.map((x) => Number(wrap(outputs[i]!.dtype, x))),
  );
}

/** A row of the table: checked against the types of its primitive. */
const row = <P extends Primitive>(
  op: P,
  given: readonly Given[],
  attributes: PrimitiveAttributes[P],
  ...expected: number[][]
) => ({ op, expected, results: () => apply(op, given, attributes) });

const TABLE: Given = [
  [2, 3],
  [1, 2, 3, 4, 5, 6],
];

describe("definitions", () => {
  it.each([
    row("add", [ints(2147483647), ints(1)], {}, [-2147483648]),
    row("mul", [[[1], [2 ** 31 - 1], "int32"], ints(3)], {}, [2147483645]),
    row("neg", [[[2], [1, 0], "uint8"]], {}, [255, 0]),
    row("div", [ints(7, -7, 7), ints(2, 2, 0)], {}, [3, -3, 0]),
    row("mod", [ints(7, -7, 7, -7), ints(3, 3, -3, -3)], {}, [1, 2, -2, -1]),
    row("mod", [line(5.5, -5.5), line(2, 2)], {}, [1.5, 0.5]),
    row("pow", [line(1, -1, 4), line(Number.NaN, Number.POSITIVE_INFINITY, 0.5)], {}, [1, 1, 2]),
    row("max", [line(1, Number.NaN), line(2, 0)], {}, [2, Number.NaN]),
    row("sign", [line(-3, 0, Number.NaN)], {}, [-1, 0, Number.NaN]),
    row("equal", [line(Number.NaN, 0), line(Number.NaN, -0)], {}, [0, 1]),
    row("bitwise_not", [[[2], [0, 1], "bool"]], {}, [1, 0]),
    row(
      "shift_left",
      [
        [[1], [200], "uint8"],
        [[1], [1], "uint8"],
      ],
      {},
      [144],
    ),
    row("cast", [line(1.9, -1.9, Number.NaN, 300)], { dtype: "int32" }, [1, -1, 0, 300]),
    row("cast", [line(300, -1)], { dtype: "uint8" }, [255, 0]),
    row("cast", [line(1 + 2 ** -30)], { dtype: "float32" }, [1]),
    row("cast", [line(0.5, 0, -2, Number.NaN)], { dtype: "bool" }, [1, 0, 1, 1]),
    row("where", [[[2, 1], [1, 0], "bool"], line(1, 2), [[], [9]]], {}, [1, 2, 9, 9]),
    row("transpose", [TABLE], { permutation: [1, 0] }, [1, 4, 2, 5, 3, 6]),
    row("slice", [TABLE], { starts: [0, 0], limits: [2, 3], strides: [1, 2] }, [1, 3, 4, 6]),
    row("pad", [line(1, 2)], { low: [1], high: [2], interior: [1], value: 7 }, [7, 1, 7, 2, 7, 7]),
    row("reverse", [TABLE], { axes: [1] }, [3, 2, 1, 6, 5, 4]),
    row(
      "concat",
      [
        TABLE,
        [
          [2, 1],
          [8, 9],
        ],
      ],
      { axis: 1 },
      [1, 2, 3, 8, 4, 5, 6, 9],
    ),
    row("gather", [TABLE, ints(2, 0, -1)], { axis: 1 }, [3, 1, 3, 6, 4, 6]),
    row("scatter_add", [line(1, 2, 3), ints(2, 0, 2), line(10, 20, 30)], { axis: 0 }, [21, 2, 43]),
    row("gather_along", [TABLE, [[2, 1], [2, 0], "int32"]], { axis: 1 }, [3, 4]),
    row(
      "scatter_along_add",
      [
        TABLE,
        [[2, 2], [0, 0, 1, 2], "int32"],
        [
          [2, 2],
          [10, 20, 30, 40],
        ],
      ],
      { axis: 1 },
      [31, 2, 3, 4, 35, 46],
    ),
    row("reduce_sum", [TABLE], { axes: [0], keepDims: false }, [5, 7, 9]),
    row("reduce_mean", [ints(-3, 2, -2)], { axes: [0], keepDims: false }, [-1]),
    row("reduce_max", [[[2, 0], []]], { axes: [1], keepDims: false }, [
      Number.NEGATIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]),
    row("reduce_max", [line(1, Number.NaN, 2)], { axes: [0], keepDims: false }, [Number.NaN]),
    row("reduce_prod", [[[0], []]], { axes: [0], keepDims: false }, [1]),
    row("argmax", [line(1, 3, 3)], { axis: 0 }, [1]),
    row("argmin", [TABLE], { axis: 0 }, [0, 0, 0]),
    row("cumsum", [line(1, 2, 3)], { axis: 0, exclusive: false, reverse: false }, [1, 3, 6]),
    row("cumsum", [line(1, 2, 3)], { axis: 0, exclusive: true, reverse: false }, [0, 1, 3]),
    row("cumsum", [line(1, 2, 3)], { axis: 0, exclusive: false, reverse: true }, [6, 5, 3]),
    row("cumsum", [line(1, 2, 3)], { axis: 0, exclusive: true, reverse: true }, [5, 3, 0]),
    row("cumprod", [line(2, 3, 4)], { axis: 0 }, [2, 6, 24]),
    row("top_k", [line(1, 3, 2, 3)], { k: 3, largest: true }, [3, 3, 2], [1, 3, 2]),
    row("top_k", [line(1, 3, 2, 1)], { k: 2, largest: false }, [1, 1], [0, 3]),
    row("softmax", [line(1000, 1000)], { axis: 0 }, [0.5, 0.5]),
    row("log_softmax", [line(-1000, -1000)], { axis: 0 }, [-Math.LN2, -Math.LN2]),
    row("matmul", [TABLE, TABLE], { transposeA: false, transposeB: true }, [14, 32, 32, 77]),
    row("iota", [], { shape: [2, 2], axis: 0, dtype: "int32" }, [0, 0, 1, 1]),
  ])("$op gives $expected", ({ results, expected }) => {
    expect(results()).toEqual(
      expected.map((list) => list.map((x) => (Number.isFinite(x) ? expect.closeTo(x, 12) : x))),
    );
  });

  it("has erf to the last digits", () => {
    // Abramowitz and Stegun, table 7.1.
    const published = [
      [0, 0],
      [0.1, 0.112462916],
      [0.5, 0.5204998778],
      [1, 0.8427007929],
      [1.5, 0.9661051465],
      [2, 0.995322265],
    ] as const;
    for (const [x, y] of published) {
      expect(erf(x)).toBeCloseTo(y, 9);
      expect(erf(-x)).toBe(-erf(x));
    }
    expect([erf(8), erf(Number.NEGATIVE_INFINITY), erf(Number.NaN)]).toEqual([1, -1, Number.NaN]);
  });

  it("rounds halves to even and takes remainders as Python does", () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, Number.NaN].map(roundHalfEven)).toEqual([0, 2, 2, -0, -2, 2, Number.NaN]);
    expect([remainder(5, -3), remainder(-5, 3), remainder(6, 3)]).toEqual([-1, 1, 0]);
  });
});
