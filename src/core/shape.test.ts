import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "./errors.ts";
import {
  broadcastShapes,
  formatShape,
  isStatic,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sameSize,
  shapesCompatible,
  shapesEqual,
  sizeOf,
  sizesAgree,
  stridesOf,
} from "./shape.ts";

describe("shapes", () => {
  it("are printed as Python prints tuples", () => {
    const shapes: Shape[] = [[], [3], [null], [null, 2], [1, 2, 3]];
    expect(shapes.map(formatShape)).toEqual(["()", "(3,)", "(None,)", "(None, 2)", "(1, 2, 3)"]);
  });

  it("have a size and strides", () => {
    expect([sizeOf([]), sizeOf([2, 3]), sizeOf([0, 5])]).toEqual([1, 6, 0]);
    expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
    expect(stridesOf([])).toEqual([]);
  });

  it("are compared strictly, or with unknown sizes fitting anything", () => {
    expect([shapesEqual([null, 2], [null, 2]), shapesEqual([null], [1]), shapesEqual([1], [1, 1])]).toEqual([
      true,
      false,
      false,
    ]);
    expect([
      shapesCompatible([null, 2], [7, 2]),
      shapesCompatible([3], [null]),
      shapesCompatible([3], [4]),
      shapesCompatible([3], [3, 1]),
    ]).toEqual([true, true, false, false]);
    expect([isStatic([1, 0]), isStatic([1, null])]).toEqual([true, false]);
  });
});

describe("sizes that stand for unknown ones", () => {
  const [n, half] = [2 ** 44, 2 ** 43];

  it("are printed as unknown", () => {
    expect(formatShape([n, 3, half + 1])).toBe("(None, 3, None)");
  });

  it("agree with any other", () => {
    const pairs = [
      [n, 3],
      [3, half],
      [n, half],
      [null, 3],
      [null, n],
      [3, 3],
      [3, 4],
      [0, 4],
    ] as const;
    expect(pairs.map(([a, b]) => sizesAgree(a, b))).toEqual([true, true, true, true, true, true, false, false]);
    expect(shapesCompatible([n, 3], [7, 3])).toBe(true);
    expect(shapesCompatible([n, 3], [7, 4])).toBe(false);
  });

  it("broadcast to what is known", () => {
    expect(broadcastShapes([n, n, 1, 5], [10, 1, n, n])).toEqual([10, n, n, 5]);
    expect(() => broadcastShapes([n, 3], [n, 4])).toThrow("shapes (None, 3) and (None, 4) do not broadcast");
  });

  it("fill a shape unless what is known says that they cannot", () => {
    expect(sameSize([n, 4], [n, 2, 2])).toBe(true);
    expect(sameSize([n, n, 4], [n * n, 4])).toBe(true);
    expect(sameSize([n, half, 3, 4], [half, 3 * n, 4])).toBe(true);
    expect(sameSize([n, 4], [10, 4])).toBe(true);
    expect(sameSize([n, n, 4], [n, 10, 4])).toBe(true);
    expect(sameSize([n, 0], [0])).toBe(true);
    expect(sameSize([n, 4], [n, 3])).toBe(false);
    expect(sameSize([n, n, 4], [n, 3 * n])).toBe(false);
    expect(sameSize([2, 4], [2, 3])).toBe(false);
  });
});

describe("broadcasting", () => {
  const cases: [Shape, Shape, Shape][] = [
    [[], [], []],
    [[2, 3], [], [2, 3]],
    [[2, 1], [3], [2, 3]],
    [
      [4, 1, 3],
      [5, 1],
      [4, 5, 3],
    ],
    [[0, 3], [1], [0, 3]],
    [[1], [0], [0]],
    [
      [null, 3],
      [1, 3],
      [null, 3],
    ],
    [[null], [5], [5]],
    [[null], [null], [null]],
    [
      [null, 1],
      [2, null],
      [2, null],
    ],
  ];
  it.each(cases)("%j and %j give %j", (a, b, expected) => {
    expect(broadcastShapes(a, b)).toEqual(expected);
    expect(broadcastShapes(b, a)).toEqual(expected);
  });

  it("refuses sizes that differ, naming both shapes", () => {
    expect(() => broadcastShapes([2, 3], [2, 4], "add")).toThrow(ShapeError);
    expect(() => broadcastShapes([2, 3], [2, 4], "add")).toThrow(
      "add: shapes (2, 3) and (2, 4) do not broadcast: sizes 3 and 4 differ and neither is 1",
    );
    expect(() => broadcastShapes([0], [2])).toThrow("sizes 0 and 2 differ");
  });

  it("is idempotent and symmetric, and ones are neutral", () => {
    const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(shape, (s) => {
        expect(broadcastShapes(s, s)).toEqual(s);
        expect(
          broadcastShapes(
            s,
            s.map(() => 1),
          ),
        ).toEqual(s);
        expect(broadcastShapes([], s)).toEqual(s);
      }),
    );
  });
});

describe("axes", () => {
  it("are counted from either end", () => {
    expect([normalizeAxis(0, 3), normalizeAxis(-1, 3), normalizeAxis(-3, 3)]).toEqual([0, 2, 0]);
    expect(normalizeAxes(null, 3)).toEqual([0, 1, 2]);
    expect(normalizeAxes(-1, 3)).toEqual([2]);
    expect(normalizeAxes([-1, 0], 3)).toEqual([0, 2]);
    expect(() => normalizeAxes([2, 0, -1], 3, "sum")).toThrow(
      new RangeError("sum: each axis may be named once. Received: axis [2,0,-1] for rank 3"),
    );
    expect(normalizeAxes([], 3)).toEqual([]);
  });

  it.each([[3], [-4], [0.5], [Number.NaN]])("refuse %d of rank 3", (axis) => {
    expect(() => normalizeAxis(axis, 3, "sum")).toThrow(
      `sum: axis ${axis} is out of range for rank 3; expected -3 to 2`,
    );
  });
});
