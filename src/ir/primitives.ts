/**
 * The primitives of the IR: their names, their attributes, and the rule that gives each result's shape and dtype.
 * The meaning of each is defined by `backend/reference`. Everything else in the library is composed of these.
 *
 * Conventions: binary primitives and `where` broadcast as NumPy does; operands have equal dtypes (promotion happens in
 * `ops`); axes are non-negative; indices are int32.
 */
import { type DType, isFloat, isInteger } from "../core/dtype.ts";
import { DTypeError, ShapeError } from "../core/errors.ts";
import {
  broadcastShapes,
  formatShape,
  isUnknownSize,
  type StaticShape,
  sameSize,
  shapesCompatible,
  sizeOf,
  sizesAgree,
} from "../core/shape.ts";
import { CHANNELS_LAST_TYPE_RULES, type ChannelsLastPrimitives } from "./channelsLast.ts";
import { LOOP_TYPE_RULES, type LoopPrimitives } from "./loops.ts";
import type { ValueType } from "./value.ts";
import { WINDOW_TYPE_RULES, type WindowPrimitives } from "./windows.ts";

/** Primitives without attributes. */
type Plain = Readonly<Record<never, never>>;
export interface Axis {
  readonly axis: number;
}
export interface Reduce {
  readonly axes: readonly number[];
  /** Keeps reduced axes with size 1. */
  readonly keepDims: boolean;
}

export interface Extreme extends Reduce {
  /** NaN may be passed over: for callers whose result it spoils anyway. Seeing it costs an engine a second look. */
  readonly nanUnspecified?: true;
}

export interface UnaryPrimitives {
  neg: Plain;
  abs: Plain;
  /** -1, 0 or 1; NaN stays NaN. */
  sign: Plain;
  floor: Plain;
  ceil: Plain;
  /** Half to even. */
  round: Plain;
  exp: Plain;
  expm1: Plain;
  log: Plain;
  log1p: Plain;
  sqrt: Plain;
  reciprocal: Plain;
  sin: Plain;
  cos: Plain;
  tan: Plain;
  asin: Plain;
  acos: Plain;
  atan: Plain;
  sinh: Plain;
  cosh: Plain;
  tanh: Plain;
  asinh: Plain;
  acosh: Plain;
  atanh: Plain;
  erf: Plain;
  sigmoid: Plain;
  /** log(1 + e^x) without overflow. */
  softplus: Plain;
  relu: Plain;
  /** The input; gradients do not pass. */
  stop_gradient: Plain;
}

export interface BinaryPrimitives {
  add: Plain;
  sub: Plain;
  mul: Plain;
  /** Floats: IEEE division. Integers: truncated towards zero; by 0 it is 0. */
  div: Plain;
  /** Remainder with the sign of the divisor, as Python's `%`; of integers by 0 it is 0. */
  mod: Plain;
  /** Integers: a negative exponent truncates; a power that the dtype does not hold is unspecified. */
  pow: Plain;
  /** NaN if either operand is. */
  max: Plain;
  /** NaN if either operand is. */
  min: Plain;
  atan2: Plain;
}

export interface BitwisePrimitives {
  bitwise_and: Plain;
  bitwise_or: Plain;
  bitwise_xor: Plain;
  /** Bits shifted out are lost; on unsigned integers. */
  shift_left: Plain;
  shift_right: Plain;
}

export interface ComparePrimitives {
  equal: Plain;
  less: Plain;
  less_equal: Plain;
  greater: Plain;
  greater_equal: Plain;
}

export interface LogicalPrimitives {
  logical_and: Plain;
  logical_or: Plain;
  logical_xor: Plain;
}

export interface ReducePrimitives {
  reduce_sum: Reduce;
  /** Integers: truncated towards zero. */
  reduce_mean: Reduce;
  /** NaN if an element is. */
  reduce_max: Extreme;
  /** NaN if an element is. */
  reduce_min: Extreme;
  reduce_prod: Reduce;
}

/** Attribute types of every primitive. A rule table is a mapped type over these keys, so a missing rule does not compile. */
export interface PrimitiveAttributes
  extends UnaryPrimitives,
    BinaryPrimitives,
    BitwisePrimitives,
    ComparePrimitives,
    LogicalPrimitives,
    ReducePrimitives,
    WindowPrimitives,
    ChannelsLastPrimitives,
    LoopPrimitives {
  logical_not: Plain;
  bitwise_not: Plain;
  is_nan: Plain;
  is_inf: Plain;
  /** (condition, whenTrue, whenFalse) */
  where: Plain;
  /**
   * Float to integer truncates and saturates; unspecified for NaN, and outside the range of integers of 32 and 64 bits.
   * Integers wrap. To bool is `x != 0`.
   */
  cast: { readonly dtype: DType };
  reshape: { readonly shape: StaticShape };
  transpose: { readonly permutation: readonly number[] };
  broadcast_to: { readonly shape: StaticShape };
  /** x[starts:limits:strides] on every axis; strides positive. */
  slice: {
    readonly starts: readonly number[];
    readonly limits: readonly number[];
    readonly strides: readonly number[];
  };
  /** Puts `value` around: low[i] before and high[i] after, and interior[i] between elements; none negative. */
  pad: {
    readonly low: readonly number[];
    readonly high: readonly number[];
    readonly interior: readonly number[];
    readonly value: number;
  };
  /** Reverses the order along axes. */
  reverse: { readonly axes: readonly number[] };
  concat: Axis;
  /** (x, indices): out[a, i…, b] = x[a, indices[i…], b], with the axis replaced by the axes of `indices`. Negative indices count from the end. */
  gather: Axis;
  /** (x, indices, updates): adds `updates` to `x` where `gather` with these indices would have read. */
  scatter_add: Axis;
  /** (x, indices): same rank; out[i][j] = x[indices[i][j]][j] along the axis. */
  gather_along: Axis;
  /** (x, indices, updates): adds where `gather_along` would have read. */
  scatter_along_add: Axis;
  /**
   * (indices of rank 1): for each the position of the last one that means the same row of `size`, int32. So rows that are named
   * several times can be added up in an array of as many rows as there are indices.
   */
  last_equal: { readonly size: number };
  /** First index of the largest element, int32, axis removed; unspecified with NaN. */
  argmax: Axis;
  argmin: Axis;
  cumsum: { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean };
  cumprod: { readonly axis: number };
  /** → (values, int32 indices): the k largest (or smallest) along the last axis, sorted; ties by lower index; NaN is above all numbers. */
  top_k: { readonly k: number; readonly largest: boolean };
  softmax: Axis;
  log_softmax: Axis;
  /** Batched matrix product on the last two axes, leading axes broadcast; each side may be read transposed. Rank ≥ 2. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  /** 0, 1, 2, … along an axis. */
  iota: { readonly shape: StaticShape; readonly axis: number; readonly dtype: DType };
  /** (key: uint32[2]) → uint32 bits, a pure function of key and position: see `ir/randomBits.ts`. */
  random_bits: { readonly shape: StaticShape };
}

export type Primitive = keyof PrimitiveAttributes;

/** Rule that gives the types of a primitive's results; throws ShapeError or DTypeError for operands that do not fit. */
export type TypeRule<Attributes> = (inputs: readonly ValueType[], attributes: Attributes) => ValueType[];

const same: TypeRule<PrimitiveAttributes["neg"]> = ([x]) => [x!];

const floatOnly =
  (name: string): TypeRule<PrimitiveAttributes["exp"]> =>
  ([x]) => {
    if (!isFloat(x!.dtype)) throw new DTypeError(`${name}: expected a float tensor. Received: dtype ${x!.dtype}`);
    return [x!];
  };

function sameDType(name: string, a: ValueType, b: ValueType): void {
  if (a.dtype !== b.dtype) throw new DTypeError(`${name}: operand dtypes differ: ${a.dtype} and ${b.dtype}`);
}

const binary =
  (name: string): TypeRule<PrimitiveAttributes["add"]> =>
  ([a, b]) => {
    sameDType(name, a!, b!);
    return [{ shape: broadcastShapes(a!.shape, b!.shape, name), dtype: a!.dtype }];
  };

const integerBinary =
  (name: string): TypeRule<PrimitiveAttributes["bitwise_and"]> =>
  ([a, b]) => {
    if (!isInteger(a!.dtype) && a!.dtype !== "bool") {
      throw new DTypeError(`${name}: expected integers. Received: dtype ${a!.dtype}`);
    }
    return binary(name)([a!, b!], {});
  };

const compare =
  (name: string): TypeRule<PrimitiveAttributes["less"]> =>
  ([a, b]) => {
    sameDType(name, a!, b!);
    return [{ shape: broadcastShapes(a!.shape, b!.shape, name), dtype: "bool" }];
  };

const logical =
  (name: string): TypeRule<PrimitiveAttributes["logical_and"]> =>
  ([a, b]) => {
    if (a!.dtype !== "bool" || b!.dtype !== "bool") {
      throw new DTypeError(`${name}: expected bool operands. Received: ${a!.dtype} and ${b!.dtype}`);
    }
    return [{ shape: broadcastShapes(a!.shape, b!.shape, name), dtype: "bool" }];
  };

const predicate =
  (name: string): TypeRule<PrimitiveAttributes["is_nan"]> =>
  ([x]) => {
    if (!isFloat(x!.dtype)) throw new DTypeError(`${name}: expected a float tensor. Received: dtype ${x!.dtype}`);
    return [{ shape: x!.shape, dtype: "bool" }];
  };

function expectAxes(name: string, x: ValueType, axes: readonly number[]): void {
  const fits = axes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < x.shape.length);
  if (!fits || new Set(axes).size !== axes.length) {
    throw new ShapeError(`${name}: axes [${axes.join(", ")}] do not fit ${formatShape(x.shape)}`);
  }
}

const reduce: TypeRule<PrimitiveAttributes["reduce_sum"]> = ([x], { axes, keepDims }) => {
  expectAxes("reduce", x!, axes);
  const shape = x!.shape.flatMap((d, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [d]));
  return [{ shape, dtype: x!.dtype }];
};

const argReduce =
  (name: string): TypeRule<PrimitiveAttributes["argmax"]> =>
  ([x], { axis }) => {
    expectAxes(name, x!, [axis]);
    if (x!.shape[axis] === 0) throw new ShapeError(`${name}: axis ${axis} of ${formatShape(x!.shape)} is empty`);
    return [{ shape: x!.shape.filter((_, i) => i !== axis), dtype: "int32" }];
  };

/** A primitive along one axis that changes neither shape nor dtype. */
const alongAxis =
  (name: string): TypeRule<PrimitiveAttributes["cumprod"]> =>
  ([x], { axis }) => {
    expectAxes(name, x!, [axis]);
    return [x!];
  };

const softmaxType =
  (name: string): TypeRule<PrimitiveAttributes["softmax"]> =>
  ([x], { axis }) => {
    expectAxes(name, x!, [axis]);
    return floatOnly(name)([x!], {});
  };

function expectIndices(name: string, indices: ValueType): void {
  if (indices.dtype !== "int32")
    throw new DTypeError(`${name}: expected int32 indices. Received: dtype ${indices.dtype}`);
}

const gatherShape = (x: ValueType, indices: ValueType, axis: number): number[] => [
  ...x.shape.slice(0, axis),
  ...indices.shape,
  ...x.shape.slice(axis + 1),
];

function expectShape(name: string, what: string, actual: StaticShape, expected: StaticShape): void {
  if (!shapesCompatible(expected, actual)) {
    throw new ShapeError(`${name}: ${what} has shape ${formatShape(actual)}; expected ${formatShape(expected)}`);
  }
}

function matmulType([a, b]: readonly ValueType[], attributes: PrimitiveAttributes["matmul"]): ValueType[] {
  sameDType("matmul", a!, b!);
  const ra = a!.shape.length;
  const rb = b!.shape.length;
  if (ra < 2 || rb < 2) {
    throw new ShapeError(
      `matmul: expected operands of rank 2 or more. Received: a.shape=${formatShape(a!.shape)}, b.shape=${formatShape(b!.shape)}`,
    );
  }
  const [m, ka] = attributes.transposeA
    ? [a!.shape[ra - 1]!, a!.shape[ra - 2]!]
    : [a!.shape[ra - 2]!, a!.shape[ra - 1]!];
  const [kb, n] = attributes.transposeB
    ? [b!.shape[rb - 1]!, b!.shape[rb - 2]!]
    : [b!.shape[rb - 2]!, b!.shape[rb - 1]!];
  if (!sizesAgree(ka, kb)) {
    throw new ShapeError(
      `matmul: inner dimensions differ. Received: a.shape=${formatShape(a!.shape)}, b.shape=${formatShape(b!.shape)}; expected ${ka} == ${kb}`,
    );
  }
  return [
    { shape: [...broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2), "matmul"), m, n], dtype: a!.dtype },
  ];
}

/** Result types of every primitive. */
export const TYPE_RULES: { readonly [P in Primitive]: TypeRule<PrimitiveAttributes[P]> } = {
  neg: same,
  abs: same,
  sign: same,
  floor: same,
  ceil: same,
  round: same,
  exp: floatOnly("exp"),
  expm1: floatOnly("expm1"),
  log: floatOnly("log"),
  log1p: floatOnly("log1p"),
  sqrt: floatOnly("sqrt"),
  reciprocal: floatOnly("reciprocal"),
  sin: floatOnly("sin"),
  cos: floatOnly("cos"),
  tan: floatOnly("tan"),
  asin: floatOnly("asin"),
  acos: floatOnly("acos"),
  atan: floatOnly("atan"),
  sinh: floatOnly("sinh"),
  cosh: floatOnly("cosh"),
  tanh: floatOnly("tanh"),
  asinh: floatOnly("asinh"),
  acosh: floatOnly("acosh"),
  atanh: floatOnly("atanh"),
  erf: floatOnly("erf"),
  sigmoid: floatOnly("sigmoid"),
  softplus: floatOnly("softplus"),
  relu: same,
  stop_gradient: same,
  add: binary("add"),
  sub: binary("subtract"),
  mul: binary("multiply"),
  div: binary("divide"),
  mod: binary("mod"),
  pow: binary("power"),
  max: binary("maximum"),
  min: binary("minimum"),
  atan2: binary("arctan2"),
  bitwise_and: integerBinary("bitwise_and"),
  bitwise_or: integerBinary("bitwise_or"),
  bitwise_xor: integerBinary("bitwise_xor"),
  shift_left: integerBinary("left_shift"),
  shift_right: integerBinary("right_shift"),
  equal: compare("equal"),
  less: compare("less"),
  less_equal: compare("less_equal"),
  greater: compare("greater"),
  greater_equal: compare("greater_equal"),
  logical_and: logical("logical_and"),
  logical_or: logical("logical_or"),
  logical_xor: logical("logical_xor"),
  logical_not: ([x]) => logical("logical_not")([x!, x!], {}),
  bitwise_not: ([x]) => integerBinary("bitwise_not")([x!, x!], {}),
  is_nan: predicate("isnan"),
  is_inf: predicate("isinf"),
  reduce_sum: reduce,
  reduce_mean: reduce,
  reduce_max: reduce,
  reduce_min: reduce,
  reduce_prod: reduce,
  where: ([c, a, b]) => {
    if (c!.dtype !== "bool") throw new DTypeError(`where: expected a bool condition. Received: dtype ${c!.dtype}`);
    sameDType("where", a!, b!);
    const branches = broadcastShapes(a!.shape, b!.shape, "where");
    return [{ shape: broadcastShapes(c!.shape, branches, "where"), dtype: a!.dtype }];
  },
  cast: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
  reshape: ([x], { shape }) => {
    if (!sameSize(x!.shape, shape)) {
      throw new ShapeError(
        `reshape: cannot give ${formatShape(x!.shape)} (${sizeOf(x!.shape)} elements) the shape ${formatShape(shape)} (${sizeOf(shape)} elements)`,
      );
    }
    return [{ shape, dtype: x!.dtype }];
  },
  transpose: ([x], { permutation }) => {
    if (permutation.length !== x!.shape.length || new Set(permutation).size !== permutation.length) {
      throw new ShapeError(`transpose: axes [${permutation.join(", ")}] do not permute rank ${x!.shape.length}`);
    }
    return [{ shape: permutation.map((axis) => x!.shape[axis]!), dtype: x!.dtype }];
  },
  broadcast_to: ([x], { shape }) => {
    expectShape("broadcast_to", "the result", broadcastShapes(x!.shape, shape, "broadcast_to"), shape);
    return [{ shape, dtype: x!.dtype }];
  },
  slice: ([x], { starts, limits, strides }) => {
    const inside = (limit: number, d: number): boolean => limit <= d || isUnknownSize(limit);
    const fits = x!.shape.every((d, i) => starts[i]! >= 0 && inside(limits[i]!, d) && strides[i]! > 0);
    if (!fits || starts.length !== x!.shape.length) {
      throw new ShapeError(
        `slice: starts [${starts}], limits [${limits}] and strides [${strides}] do not fit ${formatShape(x!.shape)}`,
      );
    }
    const shape = x!.shape.map((_, i) => Math.max(0, Math.ceil((limits[i]! - starts[i]!) / strides[i]!)));
    return [{ shape, dtype: x!.dtype }];
  },
  pad: ([x], { low, high, interior }) => {
    const shape = x!.shape.map((d, i) => low[i]! + d + Math.max(0, d - 1) * interior[i]! + high[i]!);
    return [{ shape, dtype: x!.dtype }];
  },
  reverse: ([x], { axes }) => {
    expectAxes("flip", x!, axes);
    return [x!];
  },
  concat: (xs, { axis }) => {
    const first = xs[0]!;
    expectAxes("concatenate", first, [axis]);
    let total = 0;
    for (const x of xs) {
      sameDType("concatenate", first, x);
      const fits =
        x.shape.length === first.shape.length && x.shape.every((d, i) => i === axis || sizesAgree(d, first.shape[i]!));
      if (!fits) {
        throw new ShapeError(
          `concatenate: all shapes must agree except on axis ${axis}. Received: ${xs.map((v) => formatShape(v.shape)).join(", ")}`,
        );
      }
      total += x.shape[axis]!;
    }
    return [{ shape: first.shape.map((d, i) => (i === axis ? total : d)), dtype: first.dtype }];
  },
  gather: ([x, indices], { axis }) => {
    expectIndices("take", indices!);
    expectAxes("take", x!, [axis]);
    return [{ shape: gatherShape(x!, indices!, axis), dtype: x!.dtype }];
  },
  scatter_add: ([x, indices, updates], { axis }) => {
    expectIndices("scatter_add", indices!);
    sameDType("scatter_add", x!, updates!);
    expectShape("scatter_add", "updates", updates!.shape, gatherShape(x!, indices!, axis));
    return [x!];
  },
  gather_along: ([x, indices], { axis }) => {
    expectIndices("take_along_axis", indices!);
    const expected = x!.shape.map((d, i) => (i === axis ? (indices!.shape[i] ?? -1) : d));
    expectShape("take_along_axis", "indices", indices!.shape, expected);
    return [{ shape: indices!.shape, dtype: x!.dtype }];
  },
  scatter_along_add: ([x, indices, updates]) => {
    expectIndices("scatter_along_add", indices!);
    sameDType("scatter_along_add", x!, updates!);
    expectShape("scatter_along_add", "updates", updates!.shape, indices!.shape);
    return [x!];
  },
  last_equal: ([indices]) => {
    expectIndices("last_equal", indices!);
    if (indices!.shape.length !== 1) {
      throw new ShapeError(`last_equal: expected indices of rank 1. Received: ${formatShape(indices!.shape)}`);
    }
    return [{ shape: indices!.shape, dtype: "int32" }];
  },
  argmax: argReduce("argmax"),
  argmin: argReduce("argmin"),
  cumsum: alongAxis("cumsum"),
  cumprod: alongAxis("cumprod"),
  top_k: ([x], { k }) => {
    const last = x!.shape.at(-1);
    if (last === undefined || (k > last && !isUnknownSize(k))) {
      throw new ShapeError(`top_k: k=${k} is larger than the last axis of ${formatShape(x!.shape)}`);
    }
    const shape = [...x!.shape.slice(0, -1), k];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: "int32" },
    ];
  },
  softmax: softmaxType("softmax"),
  log_softmax: softmaxType("log_softmax"),
  matmul: matmulType,
  ...WINDOW_TYPE_RULES,
  ...CHANNELS_LAST_TYPE_RULES,
  ...LOOP_TYPE_RULES,
  iota: (_, { shape, dtype }) => [{ shape, dtype }],
  random_bits: ([key], { shape }) => {
    if (key!.dtype !== "uint32") throw new DTypeError(`random: expected a uint32 key. Received: dtype ${key!.dtype}`);
    expectShape("random", "the key", key!.shape, [2]);
    return [{ shape, dtype: "uint32" }];
  },
};

/** All primitive names. */
export const PRIMITIVES = Object.keys(TYPE_RULES) as readonly Primitive[];
