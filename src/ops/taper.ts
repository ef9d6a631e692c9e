/** Tapering windows of signal processing, and the Bessel function that one of them needs. Windows are computed on the host. */
import { floatx } from "../core/config.ts";
import { describe } from "../core/errors.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { fromValues } from "./creation.ts";
import { floatOp, num, type UnaryOp } from "./kit.ts";

// Chebyshev series of e^-|x| I0(x) (Cephes, as NumPy has them), shortened to what float32 can tell apart.
/** In |x| / 2 - 2, up to |x| = 8. */
const NEAR = [
  -5.189795601635263e-10, 2.6598237246823866e-9, -1.300025009986248e-8, 6.046995022541919e-8, -2.670793853940612e-7,
  1.1173875391201037e-6, -4.4167383584587505e-6, 1.6448448070728896e-5, -5.754195010082104e-5, 0.00018850288509584165,
  -0.0005763755745385824, 0.0016394756169413357, -0.004324309995050576, 0.010546460394594998, -0.02373741480589947,
  0.04930528423967071, -0.09490109704804764, 0.17162090152220877, -0.3046826723431984, 0.6767952744094761,
];
/** Of the same times √|x|, in 32 / |x| - 2, from |x| = 8. */
const FAR = [
  4.94060238822497e-10, 3.3962320257083865e-9, 2.266668990498178e-8, 2.0489185894690638e-7, 2.8913705208347567e-6,
  6.889758346916825e-5, 0.0033691164782556943, 0.8044904110141088,
];

/** Clenshaw's sum of a Chebyshev series, half of the last coefficient as Cephes counts it. */
function chebyshev(coefficients: readonly number[], x: Value): Value {
  let [b0, b1, b2] = [num(coefficients[0]!, x), num(0, x), num(0, x)];
  for (const c of coefficients.slice(1)) {
    [b2, b1] = [b1, b0];
    b0 = build.binary("add", build.binary("sub", build.binary("mul", x, b1), b2), num(c, x));
  }
  return build.binary("mul", build.binary("sub", b0, b2), num(0.5, x));
}

/** Modified Bessel function of the first kind, of order 0. Relative error below 1e-6. */
export const i0: UnaryOp = floatOp("I0", "numpy", (x) => {
  const size = build.unary("abs", x);
  const isNear = build.binary("less_equal", size, num(8, x));
  const small = build.where(isNear, size, num(8, x));
  const large = build.where(isNear, num(8, x), size);
  const near = chebyshev(NEAR, build.binary("sub", build.binary("mul", small, num(0.5, x)), num(2, x)));
  const far = chebyshev(FAR, build.binary("sub", build.binary("div", num(32, x), large), num(2, x)));
  const scaled = build.where(isNear, near, build.binary("div", far, build.unary("sqrt", large)));
  return build.binary("mul", build.unary("exp", size), scaled);
});

/** I0 on the host, by its power series: all terms are positive. */
function hostI0(x: number): number {
  let [term, sum] = [1, 1];
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** A window of `length` points; `at` gets the position from 0 to 1. One point is 1. */
function windowOf(where: string, length: number, at: (t: number) => number): Tensor {
  if (!Number.isInteger(length) || length < 0) {
    throw new RangeError(
      `${where}: expected the number of points, a non-negative integer. Received: ${describe(length)}`,
    );
  }
  const values = Array.from({ length }, (_, i) => (length === 1 ? 1 : at(i / (length - 1))));
  return fromValues(values, [length], floatx());
}

const cosine = (t: number, k: number): number => Math.cos(2 * Math.PI * k * t);

/** Bartlett window of `x` points: a triangle from 0 to 1 and back. → (x) */
export const bartlett = (x: number): Tensor => windowOf("bartlett", x, (t) => 1 - Math.abs(2 * t - 1));
/** Blackman window of `x` points. → (x) */
export const blackman = (x: number): Tensor =>
  windowOf("blackman", x, (t) => 0.42 - 0.5 * cosine(t, 1) + 0.08 * cosine(t, 2));
/** Hamming window of `x` points. → (x) */
export const hamming = (x: number): Tensor => windowOf("hamming", x, (t) => 0.54 - 0.46 * cosine(t, 1));
/** Hann window of `x` points. → (x) */
export const hanning = (x: number): Tensor => windowOf("hanning", x, (t) => 0.5 - 0.5 * cosine(t, 1));
/** Kaiser window of `x` points; a larger `beta` is narrower. → (x) */
export function kaiser(x: number, beta: number): Tensor {
  if (typeof beta !== "number" || !Number.isFinite(beta)) {
    throw new TypeError(`kaiser: expected \`beta\` to be a finite number. Received: ${describe(beta)}`);
  }
  return windowOf("kaiser", x, (t) => hostI0(beta * Math.sqrt(Math.max(0, 1 - (2 * t - 1) ** 2))) / hostI0(beta));
}
