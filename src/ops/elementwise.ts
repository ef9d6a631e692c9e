/** Ops that act on each element of one tensor. Where nothing else is said, integers and bools become floatx. */
import { floatx } from "../core/config.ts";
import { type DType, isFloat, isUnsigned, standardizeDType } from "../core/dtype.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { boolToInt, floatOp, num, readOptions, rejectBool, type UnaryOp, unaryOp } from "./kit.ts";

/** |x|. Keeps the dtype. */
export const absolute: UnaryOp = unaryOp("Absolute", "numpy", (x) =>
  x.dtype === "bool" || isUnsigned(x.dtype) ? x : build.unary("abs", x),
);
export { absolute as abs };

/** |x| as a float. */
export const fabs: UnaryOp = floatOp("Fabs", "numpy", (x) => build.unary("abs", x));

/** -x. Keeps the dtype; unsigned integers wrap around. */
export const negative: UnaryOp = unaryOp("Negative", "numpy", (x) =>
  build.unary("neg", rejectBool("negative", x, "logicalNot")),
);

/** -1, 0 or 1 by the sign of x; NaN stays NaN. Keeps the dtype. */
export const sign: UnaryOp = unaryOp("Sign", "numpy", (x) => build.unary("sign", rejectBool("sign", x, "cast")));

/** x². Keeps the dtype; bools become int32. */
export const square: UnaryOp = unaryOp("Square", "numpy", (x) => {
  const y = boolToInt(x);
  return build.binary("mul", y, y);
});

/** x, as a tensor of its own. */
export const copy: UnaryOp = unaryOp("Copy", "numpy", (x) => x);

/** Rounding of floats that leaves integers alone, but makes them floats. */
const rounding = (op: "floor" | "ceil") => (x: Value) =>
  isFloat(x.dtype) ? build.unary(op, x) : build.cast(x, floatx());

/** The largest integer not above x. */
export const floor: UnaryOp = unaryOp("Floor", "numpy", rounding("floor"));
/** The smallest integer not below x. */
export const ceil: UnaryOp = unaryOp("Ceil", "numpy", rounding("ceil"));

/** The integer next to x in the direction of zero. Keeps the dtype. */
export const trunc: UnaryOp = unaryOp("Trunc", "numpy", (x) => {
  if (!isFloat(x.dtype)) return x;
  const negativeSide = build.binary("less", x, num(0, x));
  return build.where(negativeSide, build.unary("ceil", x), build.unary("floor", x));
});

const roundOp = defineOp("Round", "numpy", { decimals: "decimals" }, ([x], statics) => {
  const decimals = (statics.decimals as number | null | undefined) ?? 0;
  const { node } = toTensor(x, null, "round");
  if (!isFloat(node.dtype)) {
    if (decimals >= 0) return wrap(boolToInt(node));
    return wrap(build.cast(roundTo(build.cast(node, floatx()), decimals), node.dtype));
  }
  return wrap(roundTo(node, decimals));
});

function roundTo(x: Value, decimals: number): Value {
  if (decimals === 0) return build.unary("round", x);
  const factor = num(10 ** decimals, x);
  return build.binary("div", build.unary("round", build.binary("mul", x, factor)), factor);
}

/**
 * Rounds to the nearest multiple of 10^-decimals, halves to the even neighbour. Keeps the dtype.
 *
 * @param options - `decimals`, which may be negative. @defaultValue `0`
 */
export function round<A extends TensorLike>(x: A, options?: { decimals?: number }): Result<A> {
  const { decimals = 0 } = readOptions("round", options, ["decimals"]);
  return roundOp([x], { decimals }) as Result<A>;
}

/** e^x. */
export const exp: UnaryOp = floatOp("Exp", "numpy", (x) => build.unary("exp", x));
/** 2^x. */
export const exp2: UnaryOp = floatOp("Exp2", "numpy", (x) => build.binary("pow", num(2, x), x));
/** e^x - 1, accurate near 0. */
export const expm1: UnaryOp = floatOp("Expm1", "numpy", (x) => build.unary("expm1", x));
/** Natural logarithm: -∞ at 0, NaN below. */
export const log: UnaryOp = floatOp("Log", "numpy", (x) => build.unary("log", x));
/** log(1 + x), accurate near 0. */
export const log1p: UnaryOp = floatOp("Log1p", "numpy", (x) => build.unary("log1p", x));
/** Logarithm to base 2. */
export const log2: UnaryOp = floatOp("Log2", "numpy", (x) =>
  build.binary("mul", build.unary("log", x), num(Math.LOG2E, x)),
);
/** Logarithm to base 10. */
export const log10: UnaryOp = floatOp("Log10", "numpy", (x) =>
  build.binary("mul", build.unary("log", x), num(Math.LOG10E, x)),
);
/** Square root; NaN below 0. */
export const sqrt: UnaryOp = floatOp("Sqrt", "numpy", (x) => build.unary("sqrt", x));
/** 1 / √x. */
export const rsqrt: UnaryOp = floatOp("Rsqrt", "math", (x) => build.unary("reciprocal", build.unary("sqrt", x)));
/** Cube root, also of negative numbers. */
export const cbrt: UnaryOp = floatOp("Cbrt", "numpy", (x) =>
  build.binary("mul", build.unary("sign", x), build.binary("pow", build.unary("abs", x), num(1 / 3, x))),
);
/** 1 / x. */
export const reciprocal: UnaryOp = floatOp("Reciprocal", "numpy", (x) => build.unary("reciprocal", x));

/** Sine of radians. */
export const sin: UnaryOp = floatOp("Sin", "numpy", (x) => build.unary("sin", x));
/** Cosine of radians. */
export const cos: UnaryOp = floatOp("Cos", "numpy", (x) => build.unary("cos", x));
/** Tangent of radians. */
export const tan: UnaryOp = floatOp("Tan", "numpy", (x) => build.unary("tan", x));
/** Inverse sine, in [-π/2, π/2]. */
export const arcsin: UnaryOp = floatOp("Arcsin", "numpy", (x) => build.unary("asin", x));
/** Inverse cosine, in [0, π]. */
export const arccos: UnaryOp = floatOp("Arccos", "numpy", (x) => build.unary("acos", x));
/** Inverse tangent, in (-π/2, π/2). */
export const arctan: UnaryOp = floatOp("Arctan", "numpy", (x) => build.unary("atan", x));
/** Hyperbolic sine. */
export const sinh: UnaryOp = floatOp("Sinh", "numpy", (x) => build.unary("sinh", x));
/** Hyperbolic cosine. */
export const cosh: UnaryOp = floatOp("Cosh", "numpy", (x) => build.unary("cosh", x));
/** Hyperbolic tangent. */
export const tanh: UnaryOp = floatOp("Tanh", "numpy", (x) => build.unary("tanh", x));
/** Inverse hyperbolic sine. */
export const arcsinh: UnaryOp = floatOp("Arcsinh", "numpy", (x) => build.unary("asinh", x));
/** Inverse hyperbolic cosine; NaN below 1. */
export const arccosh: UnaryOp = floatOp("Arccosh", "numpy", (x) => build.unary("acosh", x));
/** Inverse hyperbolic tangent; NaN outside [-1, 1]. */
export const arctanh: UnaryOp = floatOp("Arctanh", "numpy", (x) => build.unary("atanh", x));
/** Degrees to radians. */
export const deg2rad: UnaryOp = floatOp("Deg2rad", "numpy", (x) => build.binary("mul", x, num(Math.PI / 180, x)));
/** Radians to degrees. */
export const rad2deg: UnaryOp = floatOp("Rad2deg", "numpy", (x) => build.binary("mul", x, num(180 / Math.PI, x)));

/** sin(πx) / (πx), 1 at 0. */
export const sinc: UnaryOp = floatOp("Sinc", "numpy", (x) => {
  const atZero = build.binary("equal", x, num(0, x));
  const safe = build.binary("mul", build.where(atZero, num(1, x), x), num(Math.PI, x));
  return build.where(atZero, num(1, x), build.binary("div", build.unary("sin", safe), safe));
});

const predicate = (op: "is_nan" | "is_inf") => (x: Value) =>
  isFloat(x.dtype) ? build.unary(op, x) : build.full(0, x.shape, "bool");

/** Whether x is NaN. → bool */
export const isnan: UnaryOp = unaryOp("Isnan", "numpy", predicate("is_nan"));
/** Whether x is +∞ or -∞. → bool */
export const isinf: UnaryOp = unaryOp("Isinf", "numpy", predicate("is_inf"));
/** Whether x is neither infinite nor NaN. → bool */
export const isfinite: UnaryOp = unaryOp("Isfinite", "numpy", (x) =>
  isFloat(x.dtype)
    ? build.unary("logical_not", build.binary("logical_or", build.unary("is_nan", x), build.unary("is_inf", x)))
    : build.full(1, x.shape, "bool"),
);
const infinite = (bound: number) => (x: Value) =>
  isFloat(x.dtype) ? build.binary("equal", x, num(bound, x)) : build.full(0, x.shape, "bool");
/** Whether x is +∞. → bool */
export const isposinf: UnaryOp = unaryOp("Isposinf", "numpy", infinite(Number.POSITIVE_INFINITY));
/** Whether x is -∞. → bool */
export const isneginf: UnaryOp = unaryOp("Isneginf", "numpy", infinite(Number.NEGATIVE_INFINITY));

/** Not x: whether each element is zero. → bool */
export const logicalNot: UnaryOp = unaryOp("LogicalNot", "numpy", (x) =>
  build.unary("logical_not", build.cast(x, "bool")),
);

/** All bits flipped. Integers and bools. */
export const bitwiseNot: UnaryOp = unaryOp("BitwiseNot", "numpy", (x) =>
  x.dtype === "bool" ? build.unary("logical_not", x) : build.unary("bitwise_not", x),
);
/** All bits flipped. Integers and bools. */
export const bitwiseInvert: UnaryOp = unaryOp("BitwiseInvert", "numpy", (x) =>
  x.dtype === "bool" ? build.unary("logical_not", x) : build.unary("bitwise_not", x),
);

/** The input, through which no gradient passes. */
export const stopGradient: UnaryOp = unaryOp("StopGradient", "core", (x) =>
  isFloat(x.dtype) ? build.unary("stop_gradient", x) : x,
);

const castOp = defineOp("Cast", "core", { dtype: "dtype" }, ([x], { dtype }) => {
  const target = standardizeDType(dtype as string);
  // A lone integer would go through int32, which has no room for a large one.
  const t = toTensor(x, typeof x === "number" && isFloat(target) ? target : null, "cast");
  return t.dtype === target ? t : wrap(build.cast(t.node, target));
});

/**
 * The tensor in another dtype. Floats lose their fraction when they become integers; to bool it is `x != 0`.
 *
 * @throws DTypeError for an unknown dtype.
 */
export function cast<A extends TensorLike>(x: A, dtype: string): Result<A> {
  return castOp([x], { dtype: standardizeDType(dtype) }) as Result<A>;
}

const INTEGER_BOUNDS: Partial<Record<DType, readonly [number, number]>> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 4294967295],
};

const FLOAT_BOUNDS: Partial<Record<DType, number>> = { float16: 65504, bfloat16: 3.3895313892515355e38 };

const saturateCastOp = defineOp("SaturateCast", "core", { dtype: "dtype" }, ([x], { dtype }) => {
  const { node } = toTensor(x, null, "saturateCast");
  const target = standardizeDType(dtype as string);
  const source = INTEGER_BOUNDS[node.dtype];
  const bound = FLOAT_BOUNDS[target];
  const wanted = INTEGER_BOUNDS[target] ?? (bound === undefined ? null : ([-bound, bound] as const));
  if (!wanted || node.dtype === "bool") return wrap(build.cast(node, target));
  const low = source && source[0] >= wanted[0] ? null : wanted[0];
  const high = source && source[1] <= wanted[1] ? null : wanted[1];
  let y = node;
  if (low !== null && !isUnsigned(y.dtype)) y = build.binary("max", y, num(low, y));
  if (high !== null) y = build.binary("min", y, num(largestBelow(high, y.dtype), y));
  return wrap(build.cast(y, target));
});

/** 2^31 - 1 and 2^32 - 1 are not float32 numbers, and what they round to does not fit the integer. */
const largestBelow = (bound: number, dtype: DType): number =>
  dtype !== "float64" && isFloat(dtype) && bound < 2 ** 33 && Math.fround(bound) > bound
    ? bound - (bound > 2 ** 31 ? 255 : 127)
    : bound;

/** The tensor in another dtype, with values outside its range moved to the nearest bound. */
export function saturateCast<A extends TensorLike>(x: A, dtype: string): Result<A> {
  return saturateCastOp([x], { dtype: standardizeDType(dtype) }) as Result<A>;
}

const FLOAT_MAX: Partial<Record<DType, number>> = {
  ...FLOAT_BOUNDS,
  float32: 3.4028234663852886e38,
  float64: Number.MAX_VALUE,
};

const nanToNumOp = defineOp("NanToNum", "numpy", { nan: "nan", posinf: "posinf", neginf: "neginf" }, ([x], statics) => {
  const { node } = toTensor(x, null, "nanToNum");
  if (!isFloat(node.dtype)) return wrap(node);
  const largest = FLOAT_MAX[node.dtype]!;
  const replace = (y: Value, condition: Value, by: number) => build.where(condition, num(by, y), y);
  const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
  let y = replace(node, build.unary("is_nan", node), (statics.nan as number | null | undefined) ?? 0);
  y = replace(
    y,
    build.binary("equal", node, num(POSITIVE_INFINITY, node)),
    (statics.posinf as number | null | undefined) ?? largest,
  );
  y = replace(
    y,
    build.binary("equal", node, num(NEGATIVE_INFINITY, node)),
    (statics.neginf as number | null | undefined) ?? -largest,
  );
  return wrap(y);
});

/** Replaces NaN (by 0) and infinities (by the largest numbers of the dtype), unless other numbers are given. */
export function nanToNum<A extends TensorLike>(
  x: A,
  options?: { nan?: number; posinf?: number | null; neginf?: number | null },
): Result<A> {
  const { nan = 0, posinf = null, neginf = null } = readOptions("nanToNum", options, ["nan", "posinf", "neginf"]);
  return nanToNumOp([x], { nan, posinf, neginf }) as Result<A>;
}
