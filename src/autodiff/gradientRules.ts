/**
 * The gradient of every primitive with respect to its inputs, one row each; `null` where there is none. A rule reads like
 * the equation: `dy` is the gradient of the result, and what it returns is built from IR values, so second order works.
 */

import * as b from "../ir/build.ts";
import type { Primitive, PrimitiveAttributes } from "../ir/primitives.ts";
import type { Value } from "../ir/value.ts";
import { contractionRules } from "./rules/contraction.ts";
import { convolutionRules } from "./rules/convolution.ts";
import { loopRules } from "./rules/loop.ts";
import { movementRules } from "./rules/movement.ts";
import { poolingRules } from "./rules/pooling.ts";
import { reductionRules } from "./rules/reduction.ts";
import { add, div, type GradientRule, mul, neg, number, sub } from "./rules/rule.ts";

export type { GradientRule } from "./rules/rule.ts";

type Unary = (dy: Value, x: Value, y: Value) => Value;

/** A rule of one operand, from its equation. */
const unary =
  (equation: Unary): GradientRule<unknown> =>
  (node, [dy]) => [equation(dy!, node.inputs[0]!, node.outputs[0]!)];

type Binary = (dy: Value, a: Value, c: Value, y: Value) => Value;

/** A rule of two operands that broadcast: each gradient is summed back to its operand's shape. */
const binary =
  (left: Binary, right: Binary): GradientRule<unknown> =>
  (node, [dy], wanted) => {
    const [a, c] = node.inputs as [Value, Value];
    const y = node.outputs[0]!;
    return [
      wanted[0] ? b.sumToShape(left(dy!, a, c, y), a.shape) : null,
      wanted[1] ? b.sumToShape(right(dy!, a, c, y), c.shape) : null,
    ];
  };

const square = (x: Value): Value => mul(x, x);

/** 2 · x; of a value that was spread, before spreading it. */
function twice(x: Value): Value {
  const spread = x.node?.op === "broadcast_to" ? x.node.inputs[0]! : x;
  return b.broadcastTo(mul(spread, number(2, x)), x.shape);
}

const product = binary(
  (dy, _, c) => mul(dy, c),
  (dy, a) => mul(dy, a),
);

/** A product with itself has one gradient, 2 · x · dy, instead of two equal ones to be added: mostly dy is a spread number. */
const productOrSquare: GradientRule<unknown> = (node, incoming, wanted, differentiate) => {
  const [x, y] = node.inputs as [Value, Value];
  if (x !== y) return product(node, incoming, wanted, differentiate);
  return [wanted[0] ? mul(twice(incoming[0]!), x) : null, null];
};

/** Half to each where the operands are equal, as JAX shares ties. */
const selected = (dy: Value, chosen: Value, other: Value, better: "greater" | "less"): Value => {
  const zero = number(0, dy);
  const wins = b.where(b.binary(better, chosen, other), dy, zero);
  const ties = b.where(b.binary("equal", chosen, other), mul(dy, number(0.5, dy)), zero);
  return add(wins, ties);
};

/** d/da a^c: c · a^(c−1); a constant exponent needs no care, a varying one is 0 where c = 0. */
function powBase(dy: Value, a: Value, c: Value): Value {
  const exponent = b.constantNumber(c);
  if (exponent === 0) return mul(dy, number(0, dy));
  if (exponent === 1) return dy;
  if (exponent === 2) return mul(twice(dy), a);
  const slope = mul(c, b.binary("pow", a, sub(c, number(1, c))));
  return mul(dy, exponent === null ? b.where(b.binary("equal", c, number(0, c)), number(0, c), slope) : slope);
}

/** d/dc a^c: y · log(a); 0 where a = 0, as the limit. */
function powExponent(dy: Value, a: Value, _c: Value, y: Value): Value {
  const isZero = b.binary("equal", a, number(0, a));
  const log = b.unary("log", b.where(isZero, number(1, a), a));
  return mul(dy, mul(y, log));
}

export const GRADIENT_RULES: { readonly [P in Primitive]: GradientRule<PrimitiveAttributes[P]> | null } = {
  ...contractionRules,
  ...convolutionRules,
  ...loopRules,
  ...movementRules,
  ...poolingRules,
  ...reductionRules,
  neg: unary((dy) => neg(dy)),
  abs: unary((dy, x) => mul(dy, b.unary("sign", x))),
  exp: unary((dy, _, y) => mul(dy, y)),
  expm1: unary((dy, _, y) => mul(dy, add(y, number(1, y)))),
  log: unary((dy, x) => div(dy, x)),
  log1p: unary((dy, x) => div(dy, add(x, number(1, x)))),
  sqrt: unary((dy, _, y) => div(mul(dy, number(0.5, dy)), y)),
  reciprocal: unary((dy, _, y) => neg(mul(dy, square(y)))),
  sin: unary((dy, x) => mul(dy, b.unary("cos", x))),
  cos: unary((dy, x) => neg(mul(dy, b.unary("sin", x)))),
  tan: unary((dy, _, y) => mul(dy, add(square(y), number(1, y)))),
  asin: unary((dy, x) => div(dy, b.unary("sqrt", sub(number(1, x), square(x))))),
  acos: unary((dy, x) => neg(div(dy, b.unary("sqrt", sub(number(1, x), square(x)))))),
  atan: unary((dy, x) => div(dy, add(square(x), number(1, x)))),
  sinh: unary((dy, x) => mul(dy, b.unary("cosh", x))),
  cosh: unary((dy, x) => mul(dy, b.unary("sinh", x))),
  tanh: unary((dy, _, y) => mul(dy, sub(number(1, y), square(y)))),
  asinh: unary((dy, x) => div(dy, b.unary("sqrt", add(square(x), number(1, x))))),
  acosh: unary((dy, x) => div(dy, b.unary("sqrt", sub(square(x), number(1, x))))),
  atanh: unary((dy, x) => div(dy, sub(number(1, x), square(x)))),
  erf: unary((dy, x) => mul(dy, mul(number(2 / Math.sqrt(Math.PI), x), b.unary("exp", neg(square(x)))))),
  sigmoid: unary((dy, _, y) => mul(dy, mul(y, sub(number(1, y), y)))),
  softplus: unary((dy, x) => mul(dy, b.unary("sigmoid", x))),
  // From the result, which is positive exactly where x is, so x need not be kept.
  relu: unary((dy, _, y) => b.where(b.binary("greater", y, number(0, y)), dy, number(0, dy))),
  // Piecewise constant: the gradient is zero wherever it exists.
  sign: null,
  floor: null,
  ceil: null,
  round: null,
  // That is what it is for.
  stop_gradient: null,
  add: binary(
    (dy) => dy,
    (dy) => dy,
  ),
  sub: binary(
    (dy) => dy,
    (dy) => neg(dy),
  ),
  mul: productOrSquare,
  div: binary(
    (dy, _, c) => div(dy, c),
    (dy, _, c, y) => neg(mul(dy, div(y, c))),
  ),
  // a − c · floor(a / c)
  mod: binary(
    (dy) => dy,
    (dy, a, c) => neg(mul(dy, b.unary("floor", div(a, c)))),
  ),
  pow: binary(powBase, powExponent),
  max: binary(
    (dy, a, c) => selected(dy, a, c, "greater"),
    (dy, a, c) => selected(dy, c, a, "greater"),
  ),
  min: binary(
    (dy, a, c) => selected(dy, a, c, "less"),
    (dy, a, c) => selected(dy, c, a, "less"),
  ),
  atan2: binary(
    (dy, y, x) => mul(dy, div(x, add(square(x), square(y)))),
    (dy, y, x) => neg(mul(dy, div(y, add(square(x), square(y))))),
  ),
  // Bits, truth values and positions do not vary smoothly.
  bitwise_and: null,
  bitwise_or: null,
  bitwise_xor: null,
  bitwise_not: null,
  shift_left: null,
  shift_right: null,
  equal: null,
  less: null,
  less_equal: null,
  greater: null,
  greater_equal: null,
  logical_and: null,
  logical_or: null,
  logical_xor: null,
  logical_not: null,
  is_nan: null,
  is_inf: null,
  last_equal: null,
  argmax: null,
  argmin: null,
  iota: null,
  random_bits: null,
  // Made of loops when their gradients are taken already.
  lstm: null,
  // Made of windows on channels-first arrays, likewise.
  conv_last: null,
  conv_last_input_grad: null,
  conv_last_weight_grad: null,
  max_pool_last: null,
  max_pool_last_grad: null,
  sum_pool_last: null,
  sum_pool_last_grad: null,
};
