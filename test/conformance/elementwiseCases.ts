/** Cases of elementwise primitives: every dtype, both signs, the edges of floats, broadcasting, empty and odd sizes. */
import type { DType } from "../../src/core/dtype.ts";
import type {
  BinaryPrimitives,
  BitwisePrimitives,
  ComparePrimitives,
  LogicalPrimitives,
  PrimitiveAttributes,
  UnaryPrimitives,
} from "../../src/ir/primitives.ts";
import type { OpFamily } from "../../src/testing/allClose.ts";
import type { Case, CaseTable, Operand } from "./cases.ts";
import { ALL, FLOATS, INTEGERS, SIGNED, UNSIGNED } from "./dtypes.ts";

const NAN = Number.NaN;
const INF = Number.POSITIVE_INFINITY;

/** Not a multiple of any vector width, both signs, whole and broken numbers. */
const PLAIN = [0.25, -0.75, 1, -1, 2.5, -2.5, 3.5, 0.1, -0.1, 4.75, -3, 1.75, -1.25];
const EDGES = [NAN, INF, -INF, 0, -0, 1e-3, -1e-3, 60, -60, 1e4, -1e4];
const INSIDE_ONE = [0.25, -0.75, 0.99, -0.99, 0, 0.1, -0.1];
const WHOLE = [0, 1, -1, 2, -3, 7, 100, -100, 127, -128, 5];

type ElementwisePrimitive =
  | keyof UnaryPrimitives
  | keyof BinaryPrimitives
  | keyof BitwisePrimitives
  | keyof ComparePrimitives
  | keyof LogicalPrimitives
  | "logical_not"
  | "bitwise_not"
  | "is_nan"
  | "is_inf"
  | "where"
  | "cast";

type PlainCase = Case<PrimitiveAttributes["neg"]>;
type Numbers = readonly number[];

const list = (numbers: Numbers, dtype?: DType): Operand => ({
  shape: [numbers.length],
  numbers,
  ...(dtype && { dtype }),
});

const unaryCase = (name: string, dtypes: readonly DType[], numbers: Numbers, family: OpFamily): PlainCase => ({
  name,
  dtypes,
  operands: [list(numbers)],
  attributes: {},
  family,
});

/** Shapes that every elementwise kernel must take. */
const shapeCases = (dtype: DType, numbers: Numbers, family: OpFamily): PlainCase[] =>
  [[], [1], [0], [2, 0, 3], [3, 5, 7]].map((shape) => ({
    name: `shape (${shape.join(", ")})`,
    dtypes: [dtype],
    operands: [{ shape, numbers }],
    attributes: {},
    family,
  }));

/** A function of floats, on its domain and at the edges. */
const floatUnary = (domain: Numbers = PLAIN, edges: Numbers = EDGES, family: OpFamily = "elementwise"): PlainCase[] => [
  unaryCase("its domain", FLOATS, domain, family),
  unaryCase("edges", FLOATS, edges, family),
  ...shapeCases("float32", domain, family),
];

/** A function for which the engine has single precision only. */
const singleUnary = (domain?: Numbers, edges?: Numbers): PlainCase[] => floatUnary(domain, edges, "single");

const numericUnary = (dtypes: readonly DType[] = INTEGERS): PlainCase[] => [
  ...floatUnary(),
  unaryCase("whole numbers", dtypes, WHOLE, "exact"),
];

interface BinarySettings {
  readonly family?: OpFamily;
  readonly floats?: readonly DType[];
  readonly integers?: readonly DType[];
  readonly a?: Numbers;
  readonly b?: Numbers;
  readonly edgesA?: Numbers;
  readonly edgesB?: Numbers;
  readonly wholeA?: Numbers;
  readonly wholeB?: Numbers;
}

/** Every pair of two lists, as two operands that broadcast into a table. */
const table = (name: string, dtypes: readonly DType[], a: Numbers, b: Numbers, family: OpFamily): PlainCase => ({
  name,
  dtypes,
  operands: [
    { shape: [a.length, 1], numbers: a },
    { shape: [b.length], numbers: b },
  ],
  attributes: {},
  family,
});

function binaryCases(settings: BinarySettings = {}): PlainCase[] {
  const { family = "elementwise", floats = FLOATS, integers = INTEGERS, a = PLAIN, b = PLAIN } = settings;
  const { edgesA = EDGES, edgesB = EDGES, wholeA = WHOLE, wholeB = WHOLE } = settings;
  const shapes: [number[], number[]][] = [
    [[], []],
    [[3], []],
    [[2, 3], [3]],
    [
      [2, 1, 3],
      [4, 1],
    ],
    [[0], [1]],
    [
      [2, 0],
      [2, 1],
    ],
  ];
  return [
    ...(floats.length > 0
      ? [table("floats", floats, a, b, family), table("edges", floats, edgesA, edgesB, family)]
      : []),
    ...(integers.length > 0 ? [table("whole numbers", integers, wholeA, wholeB, "exact")] : []),
    ...shapes.map(
      ([sa, sb]): PlainCase => ({
        name: `shapes (${sa.join(", ")}) and (${sb.join(", ")})`,
        dtypes: [floats[1] ?? integers[2] ?? "bool"],
        operands: [
          { shape: sa, numbers: floats.length > 0 ? a : wholeA },
          { shape: sb, numbers: floats.length > 0 ? b : wholeB },
        ],
        attributes: {},
        family,
      }),
    ),
  ];
}

/** The smallest integer of each signed dtype that a float holds; dividing it by −1 overflows. */
const SMALLEST = [-(2 ** 63), -(2 ** 31), -(2 ** 15), -(2 ** 7)];
const BITS = [0, 1];
const bitwise = (): PlainCase[] => [
  ...binaryCases({ floats: [] }),
  table("truth values", ["bool"], BITS, BITS, "exact"),
];
const shift = (): PlainCase[] => [
  table("unsigned", UNSIGNED, [0, 1, 2, 3, 100, 255], [0, 1, 3, 7], "exact"),
  table("high bits", ["uint32", "uint64"], [1, 0x7fffffff, 0xffffffff], [0, 1, 16, 31], "exact"),
];
const comparison = (): PlainCase[] => [
  ...binaryCases({ family: "exact" }),
  table("truth values", ["bool"], BITS, BITS, "exact"),
];
const logical = (): PlainCase[] => binaryCases({ floats: [], integers: ["bool"], wholeA: BITS, wholeB: BITS });
const predicate = (): PlainCase[] => floatUnary(PLAIN, EDGES, "exact");

const castCase = (
  to: DType,
  dtypes: readonly DType[],
  numbers: Numbers,
  name: string,
): Case<PrimitiveAttributes["cast"]> => ({
  name: `${name} to ${to}`,
  dtypes,
  operands: [list(numbers)],
  attributes: { dtype: to },
  family: "exact",
});

/** Every dtype to every dtype, on numbers that all have, that wrap or that saturate. */
const castCases = (): Case<PrimitiveAttributes["cast"]>[] => [
  ...ALL.map((to) => castCase(to, INTEGERS, [0, 1, 2, 127, 200, -1, -5, 300, 70000], "whole numbers")),
  ...ALL.map((to) => castCase(to, FLOATS, [0, -0, 0.5, 1.5, 2.75, 100, 126.9], "floats")),
  ...SIGNED.map((to) => castCase(to, FLOATS, [-0.5, -1.5, -100, -128], "negative floats")),
  ...(["int8", "int16", "uint8", "uint16"] as const).map((to) =>
    castCase(to, FLOATS, [-0.5, -1.5, 127.5, 255.9, 300, -300, 6e4, -6e4, 1e9, -1e9, INF, -INF], "saturating floats"),
  ),
  ...[...FLOATS, "bool" as const].map((to) => castCase(to, FLOATS, [...EDGES, ...PLAIN, 65520, 1e-9], "edges")),
  ...ALL.map((to) => castCase(to, ["bool"], BITS, "truth values")),
  castCase("int32", ["float32"], [], "nothing"),
];

const whereCases = (): Case<PrimitiveAttributes["where"]>[] => [
  {
    name: "all broadcast",
    dtypes: ALL,
    operands: [
      { shape: [2, 1, 1], numbers: [0, 1], dtype: "bool" },
      { shape: [3, 1], numbers: WHOLE },
      { shape: [4], numbers: PLAIN },
    ],
    attributes: {},
    family: "exact",
  },
  {
    name: "scalar condition, NaN not chosen",
    dtypes: FLOATS,
    operands: [
      { shape: [], numbers: [1], dtype: "bool" },
      { shape: [3], numbers: [1, 2, 3] },
      { shape: [3], numbers: [NAN, INF, -INF] },
    ],
    attributes: {},
    family: "exact",
  },
  {
    name: "empty",
    dtypes: ["float32"],
    operands: [{ shape: [0], numbers: [1], dtype: "bool" }, list([1]), list([2])],
    attributes: {},
    family: "exact",
  },
];

/** Positive from tiny to large. */
const POSITIVE = [0.001, 0.25, 0.9, 1, 1.1, 2, 3.5, 10, 1000];
const ABOVE_ONE = [1, 1.001, 1.5, 2, 10, 1000];
const NEAR_ZERO = [0, 1e-3, -1e-3, 1e-5, -1e-5, 0.3, -0.3, 0.5, -0.5, 0.6, -0.6, 2, -2];
/** Edges without the numbers at which single precision has lost the angle. */
const ANGLES = [NAN, INF, -INF, 0, -0, 1e-3, 30, -30, 100];

export const elementwiseCases = {
  neg: numericUnary(),
  abs: numericUnary(),
  sign: numericUnary(),
  floor: numericUnary(),
  ceil: numericUnary(),
  round: [
    ...numericUnary(),
    unaryCase("halves", FLOATS, [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49, -0.49, 0.51, 1023.5], "exact"),
  ],
  exp: floatUnary(),
  expm1: floatUnary(NEAR_ZERO),
  log: floatUnary(POSITIVE),
  log1p: floatUnary([...POSITIVE, ...NEAR_ZERO.filter((x) => x > -1)], [...EDGES, -1, 1e-7, -1e-7]),
  sqrt: floatUnary(POSITIVE),
  reciprocal: floatUnary(),
  sin: floatUnary(PLAIN, ANGLES),
  cos: floatUnary(PLAIN, ANGLES),
  tan: singleUnary([0.25, -0.75, 1, -1, 2.5, -2.5, 3.5, 0.1], [NAN, INF, -INF, 0, -0, 1e-3]),
  asin: singleUnary(INSIDE_ONE, [NAN, 1, -1, 0, 1.5, -1.5, INF]),
  acos: singleUnary(INSIDE_ONE, [NAN, 1, -1, 0, 1.5, -1.5, INF]),
  atan: singleUnary(),
  sinh: singleUnary(NEAR_ZERO),
  cosh: singleUnary(),
  tanh: floatUnary(),
  asinh: singleUnary(),
  acosh: singleUnary(ABOVE_ONE, [NAN, INF, 0.5, 0, -1]),
  atanh: singleUnary(INSIDE_ONE, [NAN, 1, -1, 0, 1.5]),
  erf: singleUnary(),
  sigmoid: floatUnary(),
  softplus: floatUnary(),
  relu: numericUnary(),
  stop_gradient: [...numericUnary(), unaryCase("truth values", ["bool"], BITS, "exact")],
  add: [...binaryCases(), table("truth values: or", ["bool"], BITS, BITS, "exact")],
  sub: binaryCases(),
  mul: [...binaryCases(), table("truth values: and", ["bool"], BITS, BITS, "exact")],
  div: [...binaryCases(), table("smallest by −1", SIGNED, SMALLEST, [-1, 0, 2], "exact")],
  mod: [
    ...binaryCases({ edgesA: [NAN, 0, 1e-3, -1e-3, 60, -60], edgesB: [NAN, INF, -INF, 1e-3, 7, -7] }),
    table("smallest by −1", SIGNED, SMALLEST, [-1, 0, 2], "exact"),
  ],
  pow: [
    ...binaryCases({
      a: POSITIVE,
      b: [0, 1, 2, 3, 0.5, -1, -0.5, 2.5],
      edgesB: [0, 1, 2, 3, -1, -2, 0.5, -0.5, INF, -INF, NAN],
      edgesA: [0, 1, -1, 2, -2, 0.5, INF, -INF, NAN],
      integers: SIGNED,
      wholeA: [0, 1, -1, 2, -3, 5],
      wholeB: [0, 1, 2, 3],
    }),
    // Powers that the dtype does not hold are unspecified.
    table("unsigned", UNSIGNED, [0, 1, 2, 3, 5], [0, 1, 2, 3], "exact"),
    table("negative exponents", ["int32"], [1, -1, 2, -3], [-1, -2], "exact"),
  ],
  max: [...binaryCases(), table("truth values", ["bool"], BITS, BITS, "exact")],
  min: [...binaryCases(), table("truth values", ["bool"], BITS, BITS, "exact")],
  atan2: binaryCases({ family: "single", integers: [], edgesA: [...EDGES, 1, -1], edgesB: [...EDGES, 1, -1] }),
  bitwise_and: bitwise(),
  bitwise_or: bitwise(),
  bitwise_xor: bitwise(),
  bitwise_not: [
    unaryCase("whole numbers", INTEGERS, WHOLE, "exact"),
    unaryCase("truth values", ["bool"], BITS, "exact"),
  ],
  shift_left: shift(),
  shift_right: shift(),
  equal: comparison(),
  less: comparison(),
  less_equal: comparison(),
  greater: comparison(),
  greater_equal: comparison(),
  logical_and: logical(),
  logical_or: logical(),
  logical_xor: logical(),
  logical_not: [unaryCase("truth values", ["bool"], BITS, "exact"), ...shapeCases("bool", BITS, "exact")],
  is_nan: predicate(),
  is_inf: predicate(),
  where: whereCases(),
  cast: castCases(),
} satisfies Pick<CaseTable, ElementwisePrimitive>;
