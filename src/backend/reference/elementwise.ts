/** Definitions of elementwise primitives: an equation on floats and, where integers are allowed, one on integers. */
import { type DType, isFloat, isInteger } from "../../core/dtype.ts";
import type { PrimitiveAttributes } from "../../ir/primitives.ts";
import type { ValueType } from "../../ir/value.ts";
import {
  broadcastAt,
  type Element,
  extremeOf,
  indicesOf,
  type ReferenceRule,
  type ReferenceTensor,
  roundTo,
} from "./rule.ts";
import { erf, pow, powInteger, remainder, remainderInteger, roundHalfEven, sigmoid, softplus } from "./scalar.ts";

type Plain = PrimitiveAttributes["neg"];

/** Applies `f` to the broadcast operands at every position of the result. */
function everywhere(inputs: readonly ReferenceTensor[], out: ValueType, f: (...x: Element[]) => Element): Element[] {
  const result: Element[] = [];
  for (const index of indicesOf(out.shape)) result.push(f(...inputs.map((x) => broadcastAt(x, index))));
  return result;
}

type OnFloats = (...x: number[]) => number;
type OnIntegers = (...x: bigint[]) => bigint;

/** A primitive of floats only. */
const floats =
  (f: OnFloats): ReferenceRule<Plain> =>
  (inputs, _, [out]) => [everywhere(inputs, out!, f as (...x: Element[]) => Element)];

/** A primitive of any numbers; bool computes as 0 and 1. */
const numbers =
  (onFloats: OnFloats, onIntegers: OnIntegers): ReferenceRule<Plain> =>
  (inputs, _, [out]) => [
    everywhere(inputs, out!, (isInteger(out!.dtype) ? onIntegers : onFloats) as (...x: Element[]) => Element),
  ];

/** A primitive of integers; on bool, bits are the truth values. */
const bits =
  (f: OnIntegers): ReferenceRule<Plain> =>
  (inputs, _, [out]) => {
    const toResult = (x: bigint): Element => (out!.dtype === "bool" ? Number(x & 1n) : x);
    return [everywhere(inputs, out!, (...x) => toResult(f(...x.map(BigInt))))];
  };

/** A question about operands of any dtype. */
const test =
  (f: (...x: Element[]) => boolean): ReferenceRule<Plain> =>
  (inputs, _, [out]) => [everywhere(inputs, out!, (...x) => (f(...x) ? 1 : 0))];

const identity = <T>(x: T): T => x;
const abs = (x: bigint): bigint => (x < 0n ? -x : x);
const sign = (x: bigint): bigint => (x > 0n ? 1n : x < 0n ? -1n : 0n);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
/** Truncated; by 0 the quotient is 0, as in NumPy. */
const quotient = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : a / b);

/** Truncated; NaN is 0. */
function saturated(x: number, to: DType): bigint {
  if (Number.isNaN(x)) return 0n;
  const [low, high] = [extremeOf(to, "smallest"), extremeOf(to, "largest")].map(BigInt) as [bigint, bigint];
  if (x <= Number(low)) return low;
  return x >= Number(high) ? high : BigInt(Math.trunc(x));
}

/** Floats saturate in an integer and round to nearest even in a narrower float; integers wrap. */
function convert(x: Element, to: DType): Element {
  if (to === "bool") return Number(x) !== 0 ? 1 : 0;
  if (isInteger(to)) return typeof x === "bigint" ? x : saturated(x, to);
  return isFloat(to) ? roundTo(to, Number(x)) : Number(x);
}

export const elementwiseRules = {
  neg: numbers(
    (x) => -x,
    (x) => -x,
  ),
  abs: numbers(Math.abs, abs),
  sign: numbers(Math.sign, sign),
  floor: numbers(Math.floor, identity),
  ceil: numbers(Math.ceil, identity),
  round: numbers(roundHalfEven, identity),
  exp: floats(Math.exp),
  expm1: floats(Math.expm1),
  log: floats(Math.log),
  log1p: floats(Math.log1p),
  sqrt: floats(Math.sqrt),
  reciprocal: floats((x) => 1 / x),
  sin: floats(Math.sin),
  cos: floats(Math.cos),
  tan: floats(Math.tan),
  asin: floats(Math.asin),
  acos: floats(Math.acos),
  atan: floats(Math.atan),
  sinh: floats(Math.sinh),
  cosh: floats(Math.cosh),
  tanh: floats(Math.tanh),
  asinh: floats(Math.asinh),
  acosh: floats(Math.acosh),
  atanh: floats(Math.atanh),
  erf: floats(erf),
  sigmoid: floats(sigmoid),
  softplus: floats(softplus),
  relu: numbers(
    (x) => Math.max(x, 0),
    (x) => larger(x, 0n),
  ),
  stop_gradient: numbers(identity, identity),
  add: numbers(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  sub: numbers(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  mul: numbers(
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  div: numbers((a, b) => a / b, quotient),
  mod: numbers(remainder, remainderInteger),
  pow: numbers(pow, powInteger),
  // NaN in either operand is the result.
  max: numbers(Math.max, larger),
  min: numbers(Math.min, smaller),
  atan2: floats(Math.atan2),
  bitwise_and: bits((a, b) => a & b),
  bitwise_or: bits((a, b) => a | b),
  bitwise_xor: bits((a, b) => a ^ b),
  bitwise_not: bits((x) => ~x),
  shift_left: bits((x, n) => x << n),
  shift_right: bits((x, n) => x >> n),
  equal: test((a, b) => a === b),
  less: test((a, b) => a < b),
  less_equal: test((a, b) => a <= b),
  greater: test((a, b) => a > b),
  greater_equal: test((a, b) => a >= b),
  logical_and: test((a, b) => a !== 0 && b !== 0),
  logical_or: test((a, b) => a !== 0 || b !== 0),
  logical_xor: test((a, b) => (a !== 0) !== (b !== 0)),
  logical_not: test((x) => x === 0),
  is_nan: test((x) => Number.isNaN(x)),
  is_inf: test((x) => Math.abs(Number(x)) === Number.POSITIVE_INFINITY),
  where: ((inputs, _, [out]) => [everywhere(inputs, out!, (c, a, b) => (c !== 0 ? a! : b!))]) as ReferenceRule<Plain>,
  cast: ((inputs, { dtype }, [out]) => [everywhere(inputs, out!, (x) => convert(x!, dtype))]) as ReferenceRule<
    PrimitiveAttributes["cast"]
  >,
};
