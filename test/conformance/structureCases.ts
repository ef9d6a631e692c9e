/** Cases of primitives that move, reduce and contract. */
import type { DType } from "../../src/core/dtype.ts";
import type { ChannelsLastPrimitives } from "../../src/ir/channelsLast.ts";
import type { LoopPrimitives } from "../../src/ir/loops.ts";
import type { PrimitiveAttributes as Attributes, Primitive } from "../../src/ir/primitives.ts";
import type { WindowPrimitives } from "../../src/ir/windows.ts";
import type { OpFamily } from "../../src/testing/allClose.ts";
import type { Case, CaseTable, Operand } from "./cases.ts";
import { ALL, FLOATS, INTEGERS, NUMERIC } from "./dtypes.ts";
import type { elementwiseCases } from "./elementwiseCases.ts";

const NAN = Number.NaN;
const INF = Number.POSITIVE_INFINITY;
const NUMBERS = [1, -2, 3, 0.5, -0.25, 7, 0, -6, 5, 2.5, -1, 4, 9];
const WIDE = [1, 2, 4294967295, 3, 0, -4294967297, 2147483647, -2147483648, -1, 9007199254740991, 5];
const SMALL = [1, 2, -1, 3, 0, 2, -2];
const FEW: readonly DType[] = ["float32", "int32", "bool"];

const of = (shape: readonly number[], numbers: readonly number[] = NUMBERS): Operand => ({ shape, numbers });
const indices = (shape: readonly number[], numbers: readonly number[]): Operand => ({ shape, numbers, dtype: "int32" });

function make<A>(
  name: string,
  dtypes: readonly DType[],
  operands: readonly Operand[],
  attributes: A,
  family: OpFamily = "exact",
): Case<A> {
  return { name, dtypes, operands, attributes, family };
}

type ReduceCase = Case<Attributes["reduce_sum"]>;

function reduceCases(dtypes: readonly DType[], family: OpFamily, numbers: readonly number[] = SMALL): ReduceCase[] {
  const over = (name: string, shape: readonly number[], axes: readonly number[], keepDims = false): ReduceCase =>
    make(name, ["float32"], [of(shape, numbers)], { axes, keepDims }, family);
  return [
    make("last axis", dtypes, [of([3, 5], numbers)], { axes: [1], keepDims: false }, family),
    over("first axis", [4, 7], [0]),
    over("middle axis", [2, 5, 3], [1]),
    over("outer axes", [2, 3, 5], [0, 2], true),
    over("all axes", [3, 5, 7], [0, 1, 2]),
    over("axis of size 1", [3, 1], [1]),
    over("kept axis is empty", [0, 3], [1]),
    over("no axes", [2, 3], []),
    over("an axis longer than any vector", [1037], [0]),
  ];
}

const emptyReduce = (dtypes: readonly DType[]): ReduceCase =>
  make("reduced axis is empty", dtypes, [of([3, 0])], { axes: [1], keepDims: false });
const edgeReduce = (): ReduceCase =>
  make("edges", FLOATS, [of([4, 2], [NAN, 1, INF, 1, -INF, INF, -INF, 2])], { axes: [1], keepDims: false });

/** Integers that 32 bits do not hold, or hold as negative ones. */
const wideReduce = (): ReduceCase[] => [
  make("wide integers", INTEGERS, [of([2, 9], WIDE)], { axes: [1], keepDims: false }),
  make("wide integers, outer axes", INTEGERS, [of([3, 2, 5], WIDE)], { axes: [0, 2], keepDims: true }),
];

const argCases = (): Case<Attributes["argmax"]>[] => [
  make("ties: the first", NUMERIC, [of([3, 5], [1, 3, 3, 0, 3, 2, 2])], { axis: 1 }),
  make("first axis", FEW.slice(0, 2), [of([4, 3])], { axis: 0 }),
  make("wide integers", INTEGERS, [of([2, 9], WIDE)], { axis: 1 }),
  make("infinities", FLOATS, [of([2, 3], [-INF, 0, INF, INF, -INF, -INF])], { axis: 1 }),
  make("one element", ["float32"], [of([1])], { axis: 0 }),
  make("empty elsewhere", ["float32"], [of([0, 3])], { axis: 1 }),
];

const softmaxCases = (): Case<Attributes["softmax"]>[] => [
  make("last axis", FLOATS, [of([3, 5])], { axis: 1 }, "elementwise"),
  make("first axis", FLOATS, [of([3, 5])], { axis: 0 }, "elementwise"),
  make("middle axis", ["float32"], [of([2, 3, 5])], { axis: 1 }, "elementwise"),
  make("large logits", FLOATS, [of([3, 3], [1e4, 1e4, 0, -1e4, -1e4, -2e4, 5e4, -5e4, 0])], { axis: 1 }, "elementwise"),
  make("masked logits", FLOATS, [of([2, 3], [0, -INF, 1, -INF, 2, -INF])], { axis: 1 }, "elementwise"),
  make("nothing left", ["float32"], [of([1, 3], [-INF])], { axis: 1 }, "elementwise"),
  make("NaN", FLOATS, [of([1, 3], [1, NAN, 2])], { axis: 1 }, "elementwise"),
  make("one element", ["float32"], [of([4, 1])], { axis: 1 }, "elementwise"),
  make("empty", ["float32"], [of([0, 3])], { axis: 1 }, "elementwise"),
];

function matmulCases(): Case<Attributes["matmul"]>[] {
  const plain = { transposeA: false, transposeB: false };
  const shapes: [string, number[], number[], boolean, boolean][] = [
    ["a transposed", [4, 3], [4, 5], true, false],
    ["b transposed", [3, 4], [5, 4], false, true],
    ["both transposed", [4, 3], [5, 4], true, true],
    ["batches", [2, 3, 4], [2, 4, 5], false, false],
    ["batches broadcast", [2, 1, 3, 4], [3, 4, 5], false, false],
    ["batches broadcast, a transposed", [2, 1, 4, 3], [3, 4, 5], true, false],
    ["batches, b transposed", [2, 3, 4], [2, 5, 4], false, true],
    ["batches, both transposed", [2, 4, 3], [2, 5, 4], true, true],
    ["a batch by one matrix", [2, 3, 4], [4, 5], false, false],
    ["one matrix by a batch, b transposed", [3, 4], [2, 5, 4], false, true],
    ["one by one", [1, 1], [1, 1], false, false],
    ["odd sizes", [17, 33], [33, 9], false, false],
    ["no rows", [0, 3], [3, 2], false, false],
    ["nothing to add up", [2, 0], [0, 3], false, false],
    ["nothing to add up, transposed", [0, 2], [0, 3], true, false],
    ["an empty batch", [0, 2, 3], [0, 3, 4], false, false],
  ];
  return [
    make("plain", NUMERIC, [of([3, 4], SMALL), of([4, 5], SMALL)], plain, "contraction"),
    make(
      "both transposed",
      NUMERIC,
      [of([4, 3], SMALL), of([5, 4], SMALL)],
      { transposeA: true, transposeB: true },
      "contraction",
    ),
    make(
      "batches, a transposed",
      NUMERIC,
      [of([2, 4, 3], SMALL), of([2, 4, 5], SMALL)],
      { transposeA: true, transposeB: false },
      "contraction",
    ),
    make("edges", FLOATS, [of([2, 2], [INF, 1, NAN, 0]), of([2, 2], [1, 2, -1, 3])], plain, "contraction"),
    ...shapes.map(([name, a, b, transposeA, transposeB]) =>
      make<Attributes["matmul"]>(name, ["float32"], [of(a), of(b)], { transposeA, transposeB }, "contraction"),
    ),
  ];
}

type StructuralPrimitive = Exclude<
  Primitive,
  keyof typeof elementwiseCases | keyof WindowPrimitives | keyof ChannelsLastPrimitives | keyof LoopPrimitives
>;

export const structureCases: Pick<CaseTable, StructuralPrimitive> = {
  reshape: [
    make("to a table", ALL, [of([6])], { shape: [2, 3] }),
    make("to a scalar", FEW, [of([1, 1])], { shape: [] }),
    make("empty", FEW, [of([0, 3])], { shape: [2, 0] }),
  ],
  transpose: [
    make("three axes", ALL, [of([2, 3, 5])], { permutation: [2, 0, 1] }),
    make("empty", FEW, [of([0, 3])], { permutation: [1, 0] }),
    make("scalar", FEW, [of([])], { permutation: [] }),
  ],
  broadcast_to: [
    make("new axes", ALL, [of([3])], { shape: [2, 3] }),
    make("size 1", FEW, [of([2, 1, 3])], { shape: [2, 5, 3] }),
    make("scalar", FEW, [of([])], { shape: [2, 2] }),
    make("to nothing", FEW, [of([1, 3])], { shape: [0, 3] }),
  ],
  slice: [
    make("with strides", ALL, [of([5, 7])], { starts: [1, 0], limits: [5, 7], strides: [2, 3] }),
    make("one element", FEW, [of([5])], { starts: [4], limits: [5], strides: [1] }),
    make("nothing", FEW, [of([5])], { starts: [2], limits: [2], strides: [1] }),
    make("whole", FEW, [of([2, 3])], { starts: [0, 0], limits: [2, 3], strides: [1, 1] }),
    make("of nothing", FEW, [of([0, 3])], { starts: [0, 1], limits: [0, 3], strides: [1, 1] }),
    make("scalar", FEW, [of([])], { starts: [], limits: [], strides: [] }),
  ],
  pad: [
    make("around", ALL, [of([2, 3])], { low: [1, 0], high: [0, 2], interior: [0, 0], value: 1 }),
    make("between", ALL, [of([3, 2])], { low: [0, 1], high: [1, 0], interior: [2, 1], value: 0 }),
    make("with −∞", FLOATS, [of([3])], { low: [1], high: [1], interior: [1], value: -INF }),
    make("between one element", FEW, [of([1])], { low: [1], high: [1], interior: [3], value: 1 }),
    make("nothing, from outside", FEW, [of([0, 2])], { low: [1, 1], high: [1, 0], interior: [0, 0], value: 1 }),
    make("nothing, between", FEW, [of([0, 2])], { low: [0, 0], high: [0, 0], interior: [2, 1], value: 1 }),
  ],
  reverse: [
    make("one axis", ALL, [of([2, 5])], { axes: [1] }),
    make("two axes", FEW, [of([2, 3, 5])], { axes: [0, 2] }),
    make("empty", FEW, [of([0, 3])], { axes: [0, 1] }),
    make("one element", FEW, [of([1])], { axes: [0] }),
  ],
  concat: [
    make("two", ALL, [of([2, 3]), of([2, 1])], { axis: 1 }),
    make("three, one empty", FEW, [of([1, 2]), of([0, 2]), of([3, 2])], { axis: 0 }),
    make("all empty", FEW, [of([0, 2]), of([0, 2])], { axis: 0 }),
  ],
  gather: [
    make("rows", ALL, [of([4, 3]), indices([5], [3, 0, 0, 2, 1])], { axis: 0 }),
    make("columns by a table", FEW, [of([2, 4, 3]), indices([2, 2], [3, 0, 1, 1])], { axis: 1 }),
    make("from the end", FEW, [of([4]), indices([2], [-1, -4])], { axis: 0 }),
    make("wide rows by a table, from both ends", FEW, [of([5, 2, 9]), indices([2, 3], [3, -1, 0, -5, 4, 3])], {
      axis: 0,
    }),
    make("one, axis removed", FEW, [of([4, 3]), indices([], [2])], { axis: 0 }),
    make("nothing", FEW, [of([4, 3]), indices([0], [0])], { axis: 0 }),
  ],
  scatter_add: [
    make(
      "rows with repeats",
      ALL,
      [of([4, 3], SMALL), indices([3], [1, 3, 1]), of([3, 3], SMALL)],
      { axis: 0 },
      "reduction",
    ),
    make(
      "last axis",
      ["float32", "int32"],
      [of([2, 4]), indices([3], [0, 0, 3]), of([2, 3])],
      { axis: 1 },
      "reduction",
    ),
    make(
      "middle axis by a table",
      ["float32"],
      [of([2, 4, 3]), indices([2, 2], [3, 0, 1, 1]), of([2, 2, 2, 3])],
      { axis: 1 },
      "reduction",
    ),
    make(
      "wide rows by a table, from both ends",
      ["float32"],
      [of([5, 2, 9]), indices([2, 3], [3, -1, 0, -5, 4, 3]), of([2, 3, 2, 9])],
      { axis: 0 },
      "reduction",
    ),
    make("one", ["float32"], [of([4, 3]), indices([], [2]), of([3])], { axis: 0 }, "reduction"),
    make("nothing", ["float32"], [of([4, 3]), indices([0], [0]), of([0, 3])], { axis: 0 }, "reduction"),
    make(
      "many repeats",
      ["float32"],
      [of([3, 2]), indices([100], [0, 2, 1, 0]), of([100, 2])],
      { axis: 0 },
      "reduction",
    ),
  ],
  gather_along: [
    make("last axis", ALL, [of([2, 4]), indices([2, 3], [3, 0, 0, 1, 2, 1])], { axis: 1 }),
    make("first axis", FEW, [of([3, 2]), indices([1, 2], [2, 0])], { axis: 0 }),
    make("from the end", FEW, [of([1, 4]), indices([1, 2], [-1, -4])], { axis: 1 }),
    make("nothing", FEW, [of([2, 4]), indices([2, 0], [0])], { axis: 1 }),
  ],
  scatter_along_add: [
    make(
      "with repeats",
      ALL,
      [of([2, 4], SMALL), indices([2, 3], [3, 0, 0, 1, 2, 1]), of([2, 3], SMALL)],
      { axis: 1 },
      "reduction",
    ),
    make("first axis", ["float32"], [of([3, 2]), indices([2, 2], [2, 0, 2, 1]), of([2, 2])], { axis: 0 }, "reduction"),
    make("nothing", ["float32"], [of([2, 4]), indices([2, 0], [0]), of([2, 0])], { axis: 1 }, "reduction"),
  ],
  reduce_sum: [...reduceCases([...NUMERIC, "bool"], "reduction"), emptyReduce(["float32", "int32"]), edgeReduce()],
  // Means of uint64 beyond 2⁶³ are unspecified: the engine sums in int64.
  reduce_mean: [
    ...reduceCases([...FLOATS, ...INTEGERS.slice(0, -1)], "reduction"),
    emptyReduce(["float32"]),
    edgeReduce(),
  ],
  reduce_max: [...reduceCases(ALL, "exact"), emptyReduce(["float32"]), edgeReduce(), ...wideReduce()],
  reduce_min: [...reduceCases(ALL, "exact"), emptyReduce(["float32"]), edgeReduce(), ...wideReduce()],
  reduce_prod: [
    ...reduceCases([...NUMERIC, "bool"], "reduction", [1, 2, -1, 1]),
    make("32 bits", ["int32", "uint32", "int64", "uint64"], [of([2, 19], [3])], { axes: [1], keepDims: false }),
    make("64 bits", INTEGERS, [of([2, 39], [3])], { axes: [1], keepDims: false }),
    emptyReduce(["float32", "int32"]),
    edgeReduce(),
  ],
  last_equal: [
    make("from both ends", ["int32"], [indices([7], [3, 0, -1, 3, 4, 0, 3])], { size: 5 }),
    make("none twice", ["int32"], [indices([3], [2, 0, 1])], { size: 9 }),
    make("none", ["int32"], [indices([0], [])], { size: 4 }),
  ],
  argmax: argCases(),
  argmin: argCases(),
  cumsum: [
    ...[false, true].flatMap((exclusive) =>
      [false, true].map((reverse) =>
        make<Attributes["cumsum"]>(
          `${exclusive ? "exclusive" : "inclusive"}, ${reverse ? "backwards" : "forwards"}`,
          NUMERIC,
          [of([3, 5], SMALL)],
          { axis: 1, exclusive, reverse },
          "reduction",
        ),
      ),
    ),
    make("first axis", ["float32"], [of([4, 3])], { axis: 0, exclusive: false, reverse: false }, "reduction"),
    make("one element", ["float32"], [of([1])], { axis: 0, exclusive: true, reverse: false }, "reduction"),
    make("empty", ["float32"], [of([2, 0])], { axis: 1, exclusive: false, reverse: false }, "reduction"),
  ],
  cumprod: [
    make("last axis", NUMERIC, [of([3, 5], [1, 2, -1, 3])], { axis: 1 }, "reduction"),
    make("first axis, zeros", ["float32"], [of([4, 3])], { axis: 0 }, "reduction"),
    make("one element", ["float32"], [of([1])], { axis: 0 }, "reduction"),
    make("empty", ["float32"], [of([2, 0])], { axis: 1 }, "reduction"),
  ],
  top_k: [
    make("largest, ties by lower index", NUMERIC, [of([2, 6], [1, 3, 3, 0, 3, 2, 2])], { k: 3, largest: true }),
    make("smallest", NUMERIC, [of([2, 6], [1, 3, 3, 0, 3, 2, 2])], { k: 4, largest: false }),
    make("wide integers", INTEGERS, [of([2, 9], WIDE.slice(0, 9))], { k: 4, largest: true }),
    make("all, sorted", ["float32", "int32"], [of([13])], { k: 13, largest: true }),
    make("infinities", FLOATS, [of([4], [INF, -INF, 0, 1])], { k: 4, largest: true }),
    make("one of one", ["float32"], [of([3, 1])], { k: 1, largest: true }),
    make("of no rows", ["float32"], [of([0, 3])], { k: 2, largest: true }),
  ],
  softmax: softmaxCases(),
  log_softmax: softmaxCases(),
  matmul: matmulCases(),
  iota: [
    ...ALL.map((dtype) => make<Attributes["iota"]>(dtype, [dtype], [], { shape: [5], axis: 0, dtype })),
    make("rows", ["int32"], [], { shape: [3, 4], axis: 0, dtype: "int32" }),
    make("columns", ["float32"], [], { shape: [3, 4], axis: 1, dtype: "float32" }),
    make("empty", ["int32"], [], { shape: [0, 4], axis: 0, dtype: "int32" }),
    make("long", ["int32"], [], { shape: [70_000], axis: 0, dtype: "int32" }),
  ],
  random_bits: [
    [[], [0, 0]] as const,
    [[1], [1, 2]] as const,
    [[0], [1, 2]] as const,
    [
      [3, 5],
      [0xffffffff, 0x80000000],
    ] as const,
    [[2000], [123456789, 987654321]] as const,
  ].map(([shape, key]) =>
    make<Attributes["random_bits"]>(`shape (${shape.join(", ")})`, ["uint32"], [{ shape: [2], numbers: key }], {
      shape,
    }),
  ),
};
