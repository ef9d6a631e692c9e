/** The error function and its relatives. */
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { floatOp, num, type UnaryOp } from "./kit.ts";

/** Error function. */
export const erf: UnaryOp = floatOp("Erf", "math", (x) => build.unary("erf", x));

/** 1 - erf(x). */
export const erfc: UnaryOp = floatOp("Erfc", "math", (x) => build.binary("sub", num(1, x), build.unary("erf", x)));

// Polynomials of M. Giles, "Approximating the erfinv function" (2010), single precision: relative error below 4e-7.
/** In w = −log(1 − x²), for w below 5, from the highest power down; the polynomial times x is erf⁻¹(x). */
export const ERFINV_CENTRE = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
] as const;
const TAIL = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
];

function polynomial(coefficients: readonly number[], w: Value): Value {
  return coefficients
    .slice(1)
    .reduce((sum, c) => build.binary("add", build.binary("mul", sum, w), num(c, w)), num(coefficients[0]!, w));
}

/** erf⁻¹(x) on (-1, 1): the value that the polynomials give, with the derivatives of a Newton step from it. */
export function erfinvValue(x: Value): Value {
  const squares = build.binary("sub", num(1, x), build.binary("mul", x, x));
  const w = build.unary("neg", build.unary("log", squares));
  const inCentre = build.binary("less", w, num(5, x));
  const centre = polynomial(ERFINV_CENTRE, build.binary("sub", w, num(2.5, x)));
  const safe = build.where(inCentre, num(5, x), w);
  const tail = polynomial(TAIL, build.binary("sub", build.unary("sqrt", safe), num(3, x)));
  return build.binary("mul", build.where(inCentre, centre, tail), x);
}

/** Inverse of the error function; ±∞ at ±1, NaN outside. Relative error below 4e-7. */
export const erfinv: UnaryOp = floatOp("Erfinv", "math", (x) => {
  const isEnd = build.binary("equal", build.unary("abs", x), num(1, x));
  const inside = build.where(isEnd, num(0, x), x);
  const y = erfinvValue(inside);
  // y(x) solves erf(y) = x, so y' = √π/2 · e^(y²): a Newton step has these derivatives of every order, and its value is y.
  const slope = build.binary("mul", build.unary("exp", build.binary("mul", y, y)), num(Math.sqrt(Math.PI) / 2, x));
  const newton = build.binary("sub", y, build.binary("mul", build.binary("sub", build.unary("erf", y), inside), slope));
  const stop = (v: Value): Value => build.unary("stop_gradient", v);
  const value = build.binary("add", build.binary("sub", newton, stop(newton)), stop(y));
  const positive = build.binary("greater", x, num(0, x));
  const infinite = build.where(positive, num(Number.POSITIVE_INFINITY, x), num(Number.NEGATIVE_INFINITY, x));
  return build.where(isEnd, infinite, value);
});
