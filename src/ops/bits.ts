/**
 * Ops on the bits of numbers. The IR has no reinterpretation of bits, so a float is taken apart by arithmetic that is exact:
 * comparisons, and products with powers of two.
 */
import { byteSize, type DType, isFloat, isInteger, isUnsigned, standardizeDType } from "../core/dtype.ts";
import { DTypeError, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { type BinaryOp, binaryOp, num, readOptions, type UnaryOp, unaryOp } from "./kit.ts";

const less = (a: Value, n: number): Value => build.binary("less", a, num(n, a));
const greater = (a: Value, n: number): Value => build.binary("greater", a, num(n, a));
const equal = (a: Value, n: number): Value => build.binary("equal", a, num(n, a));
const either = (a: Value, b: Value): Value => build.binary("logical_or", a, b);
const times = (a: Value, n: number): Value => build.binary("mul", a, num(n, a));
const plus = (a: Value, n: number): Value => build.binary("add", a, num(n, a));
const POWERS = [64, 32, 16, 8, 4, 2, 1] as const;
/** Where -0 is told from 0: the sign of 1 / x. */
const isNegative = (x: Value): Value =>
  either(less(x, 0), build.binary("logical_and", equal(x, 0), less(build.unary("reciprocal", x), 0)));

/** Whether the sign bit is set: below 0, or -0 for floats. NaN counts as positive. → bool */
export const signbit: UnaryOp = unaryOp("Signbit", "numpy", (x) => {
  if (isFloat(x.dtype)) return isNegative(x);
  return x.dtype === "bool" || isUnsigned(x.dtype) ? build.full(0, x.shape, "bool") : less(x, 0);
});

/** The bits of float32 numbers as int32. */
function bitsOfFloat(x: Value): Value {
  const size = build.unary("abs", x);
  const infinite = build.unary("is_inf", x);
  const notANumber = build.unary("is_nan", x);
  // Brought to [1, 2) by powers of two, which are counted.
  let y = build.where(either(infinite, notANumber), num(1, x), size);
  let exponent = build.full(0, x.shape, "int32");
  for (const k of POWERS) {
    const large = build.binary("greater_equal", y, num(2 ** k, y));
    y = build.where(large, times(y, 2 ** -k), y);
    exponent = build.where(large, plus(exponent, k), exponent);
    const small = less(y, 2 ** (1 - k));
    y = build.where(small, times(y, 2 ** k), y);
    exponent = build.where(small, plus(exponent, -k), exponent);
  }
  const fraction = build.cast(times(plus(y, -1), 2 ** 23), "int32");
  const normal = build.binary("add", times(plus(exponent, 127), 2 ** 23), fraction);
  const tiny = build.cast(times(times(size, 2 ** 75), 2 ** 74), "int32");
  let bits = build.where(less(size, 2 ** -126), tiny, normal);
  bits = build.where(infinite, num(0x7f800000, bits), bits);
  bits = build.where(notANumber, num(0x7fc00000, bits), bits);
  return build.where(isNegative(x), plus(bits, -(2 ** 31)), bits);
}

/** The float32 numbers that int32 bits stand for. */
function floatOfBits(bits: Value): Value {
  const negative = less(bits, 0);
  const rest = build.where(negative, plus(plus(bits, 2 ** 30), 2 ** 30), bits);
  const exponent = build.binary("div", rest, num(2 ** 23, rest));
  const fraction = build.cast(build.binary("sub", rest, times(exponent, 2 ** 23)), "float32");
  let y = plus(times(fraction, 2 ** -23), 1);
  let e = plus(exponent, -127);
  for (const k of POWERS) {
    const large = build.binary("greater_equal", e, num(k, e));
    y = build.where(large, times(y, 2 ** k), y);
    e = build.where(large, plus(e, -k), e);
    const small = build.binary("less_equal", e, num(-k, e));
    y = build.where(small, times(y, 2 ** -k), y);
    e = build.where(small, plus(e, k), e);
  }
  y = build.where(equal(exponent, 0), times(times(fraction, 2 ** -75), 2 ** -74), y);
  const special = build.where(equal(fraction, 0), num(Number.POSITIVE_INFINITY, y), num(Number.NaN, y));
  y = build.where(equal(exponent, 255), special, y);
  return build.where(negative, build.unary("neg", y), y);
}

/** The neighbour of x1 towards x2 among float32 numbers. Gradients do not pass. */
export const nextafter: BinaryOp = binaryOp(
  "Nextafter",
  "numpy",
  (x1, x2) => {
    if (x1.dtype !== "float32") {
      throw new DTypeError(`nextafter: expected float32. Received: dtype ${x1.dtype}; cast it to "float32"`);
    }
    const shape = build.binary("add", x1, x2).shape;
    const [a, b] = [x1, x2].map((x) => build.unary("stop_gradient", build.broadcastTo(x, shape))) as [Value, Value];
    const up = build.binary("less", a, b);
    const bits = bitsOfFloat(a);
    // Bits count away from 0 on both sides of it.
    const away = build.binary("equal", up, greater(a, 0));
    const step = build.where(away, num(1, bits), num(-1, bits));
    const beside = floatOfBits(build.binary("add", bits, step));
    const smallest = build.where(up, num(2 ** -149, a), num(-(2 ** -149), a));
    const moved = build.where(equal(a, 0), smallest, beside);
    const result = build.where(build.binary("equal", a, b), b, moved);
    const spoiled = either(build.unary("is_nan", a), build.unary("is_nan", b));
    return build.where(spoiled, num(Number.NaN, a), result);
  },
  { atLeastFloat: true },
);

const UNSIGNED: Readonly<Record<number, DType>> = { 1: "uint8", 2: "uint16", 4: "uint32" };
const viewable = (dtype: DType): boolean => dtype === "float32" || (isInteger(dtype) && byteSize(dtype) <= 4);

/** The unsigned integer of the same bits. */
function toUnsigned(x: Value): Value {
  return build.cast(x.dtype === "float32" ? bitsOfFloat(x) : x, UNSIGNED[byteSize(x.dtype)]!);
}

/** Unsigned integers in pieces of fewer bytes, the lowest first, as memory has them; or joined to larger ones. */
function regroup(x: Value, bytes: number): Value {
  const own = byteSize(x.dtype);
  const target = UNSIGNED[bytes]!;
  const outer = x.shape.slice(0, -1);
  const last = x.shape.at(-1)!;
  if (bytes < own) {
    const wide = build.reshape(build.cast(x, "uint32"), [...x.shape, 1]);
    const parts = Array.from({ length: own / bytes }, (_, i) => {
      const shifted = i === 0 ? wide : build.binary("shift_right", wide, num(8 * bytes * i, wide));
      return build.binary("bitwise_and", shifted, num(2 ** (8 * bytes) - 1, wide));
    });
    const joined = build.concat(parts, x.shape.length);
    return build.cast(build.reshape(joined, [...outer, last * parts.length]), target);
  }
  const count = bytes / own;
  const grouped = build.reshape(build.cast(x, "uint32"), [...outer, last / count, count]);
  const sum = Array.from({ length: count }, (_, i) => {
    const part = build.slice(
      grouped,
      grouped.shape.map((_, a) => (a === x.shape.length ? i : 0)),
      grouped.shape.map((d, a) => (a === x.shape.length ? i + 1 : d)),
    );
    return i === 0 ? part : build.binary("shift_left", part, num(8 * own * i, part));
  }).reduce((a, b) => build.binary("bitwise_or", a, b));
  return build.cast(build.reshape(sum, [...outer, last / count]), target);
}

const viewOp = defineOp("View", "numpy", { dtype: "dtype" }, ([x], s) => {
  const t = toTensor(x, null, "view");
  const target = s.dtype === null || s.dtype === undefined ? t.dtype : standardizeDType(s.dtype as string);
  if (target === t.dtype) return t;
  if (!viewable(t.dtype) || !viewable(target)) {
    throw new DTypeError(
      `view: expected float32 and integers of at most 32 bits. Received: a tensor of ${t.dtype} to be seen as ${target}; use ops.cast to convert numbers`,
    );
  }
  const [own, wanted] = [byteSize(t.dtype), byteSize(target)];
  const { shape } = t;
  if (own !== wanted && (shape.length === 0 || (shape.at(-1)! * own) % wanted !== 0)) {
    throw new ShapeError(
      `view: the bytes of the last axis do not fill ${target} elements. Received: shape ${formatShape(shape)} of ${t.dtype}`,
    );
  }
  const bits = own === wanted ? toUnsigned(t.node) : regroup(toUnsigned(t.node), wanted);
  return wrap(target === "float32" ? floatOfBits(build.cast(bits, "int32")) : build.cast(bits, target));
});
/**
 * The same bits as another dtype: float32 and integers of up to 32 bits. A dtype of another size shortens or lengthens the
 * last axis. Gradients do not pass.
 */
export function view<A extends TensorLike>(x: A, options?: { dtype?: string | null }): Result<A> {
  const { dtype = null } = readOptions("view", options, ["dtype"]);
  return viewOp([x], { dtype }) as Result<A>;
}
