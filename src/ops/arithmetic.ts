/** Arithmetic of two tensors: dtypes are promoted (a JavaScript number does not widen the other side), shapes broadcast. */
import { isFloat, isInteger, isUnsigned } from "../core/dtype.ts";
import { DTypeError } from "../core/errors.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, promote, toFloat, toTensor, wrap } from "./define.ts";
import { KerasTensor, type Result, type TensorLike } from "./kerasTensor.ts";
import { type BinaryOp, binaryOp, boolToInt, num } from "./kit.ts";

/** x1 + x2. Of two bools: or. */
export const add: BinaryOp = binaryOp("Add", "numpy", (a, b) =>
  build.binary(a.dtype === "bool" ? "logical_or" : "add", a, b),
);

/** x1 - x2. */
export const subtract: BinaryOp = binaryOp("Subtract", "numpy", (a, b) => {
  if (a.dtype === "bool")
    throw new DTypeError("subtract: expected numbers. Received: two bool tensors; use logicalXor");
  return build.binary("sub", a, b);
});

/** x1 · x2, elementwise. Of two bools: and. */
export const multiply: BinaryOp = binaryOp("Multiply", "numpy", (a, b) =>
  build.binary(a.dtype === "bool" ? "logical_and" : "mul", a, b),
);

const trueDivision = (a: Value, b: Value): Value => build.binary("div", a, b);
/** x1 / x2 in floats: integers become floatx. Division by zero gives ±∞ or NaN. */
export const divide: BinaryOp = binaryOp("Divide", "numpy", trueDivision, { atLeastFloat: true });
/** x1 / x2 in floats: integers become floatx. */
export const trueDivide: BinaryOp = binaryOp("TrueDivide", "numpy", trueDivision, { atLeastFloat: true });

/** x1 / x2, and 0 where x2 is 0. Gradients are 0 there too. */
export const divideNoNan: BinaryOp = binaryOp(
  "DivideNoNan",
  "numpy",
  (a, b) => {
    const atZero = build.binary("equal", b, num(0, b));
    return build.where(atZero, num(0, a), build.binary("div", a, build.where(atZero, num(1, b), b)));
  },
  { atLeastFloat: true },
);

/** ⌊x1 / x2⌋, in the common dtype. */
export const floorDivide: BinaryOp = binaryOp("FloorDivide", "numpy", (x1, x2) => {
  const [a, b] = [boolToInt(x1), boolToInt(x2)];
  if (isUnsigned(a.dtype)) return build.binary("div", a, b);
  // x1 minus its remainder is a multiple of x2, so the quotient is exact (floats: up to the rounding taken off here).
  const quotient = build.binary("div", build.binary("sub", a, build.binary("mod", a, b)), b);
  if (!isFloat(a.dtype)) return quotient;
  // By zero there is no remainder: infinite, or NaN for 0 / 0.
  const byZero = build.unary("stop_gradient", build.binary("div", a, b));
  return build.where(build.binary("equal", b, num(0, b)), byZero, build.unary("round", quotient));
});

/** Remainder of x1 / x2, with the sign of x2 as in Python. */
export const mod: BinaryOp = binaryOp("Mod", "numpy", (a, b) => build.binary("mod", boolToInt(a), boolToInt(b)));

/** Remainder of x1 / x2, with the sign of x1 as in C. */
export const fmod: BinaryOp = binaryOp("Fmod", "numpy", (x1, x2) => {
  const [a, b] = [boolToInt(x1), boolToInt(x2)];
  if (isUnsigned(a.dtype)) return build.binary("mod", a, b);
  return build.binary("mul", build.unary("sign", a), build.binary("mod", build.unary("abs", a), build.unary("abs", b)));
});

const powerOp = defineOp("Power", "numpy", {}, ([x1, x2]) => {
  const [a, b] = promote([x1, x2]).map(boolToInt) as [Value, Value];
  // Known exponents: a product has the same value, costs less and its gradient is exact at 0.
  if (x2 === 2) return wrap(build.binary("mul", a, a));
  if (x2 === 3) return wrap(build.binary("mul", build.binary("mul", a, a), a));
  if (x2 === 1) return wrap(a);
  if (x2 === 0.5) return wrap(build.unary("sqrt", a));
  return wrap(build.binary("pow", a, b));
});
/** x1 to the power of x2. */
export const power = ((x1: TensorLike, x2: TensorLike) => powerOp([x1, x2])) as unknown as BinaryOp;

/** The larger of x1 and x2; NaN if one is NaN. Where they are equal, each gets half of the gradient. */
export const maximum: BinaryOp = binaryOp("Maximum", "numpy", (a, b) =>
  build.binary(a.dtype === "bool" ? "logical_or" : "max", a, b),
);
/** The smaller of x1 and x2; NaN if one is NaN. Where they are equal, each gets half of the gradient. */
export const minimum: BinaryOp = binaryOp("Minimum", "numpy", (a, b) =>
  build.binary(a.dtype === "bool" ? "logical_and" : "min", a, b),
);

const ignoringNaN = (op: "max" | "min") => (a: Value, b: Value) => {
  if (a.dtype === "bool") return build.binary(op === "max" ? "logical_or" : "logical_and", a, b);
  const plain = build.binary(op, a, b);
  if (!isFloat(a.dtype)) return plain;
  return build.where(build.unary("is_nan", a), b, build.where(build.unary("is_nan", b), a, plain));
};
/** The larger of x1 and x2; a NaN gives way to the other. */
export const fmax: BinaryOp = binaryOp("Fmax", "numpy", ignoringNaN("max"));
/** The smaller of x1 and x2; a NaN gives way to the other. */
export const fmin: BinaryOp = binaryOp("Fmin", "numpy", ignoringNaN("min"));

/** The angle of the point (x2, x1), in (-π, π]. */
export const arctan2: BinaryOp = binaryOp("Arctan2", "numpy", (a, b) => build.binary("atan2", a, b), {
  atLeastFloat: true,
});

/** √(x1² + x2²), without overflow. */
export const hypot: BinaryOp = binaryOp(
  "Hypot",
  "numpy",
  (x1, x2) => {
    const [a, b] = [build.unary("abs", x1), build.unary("abs", x2)];
    const large = build.binary("max", a, b);
    const ratio = build.binary(
      "div",
      build.binary("min", a, b),
      build.where(build.binary("equal", large, num(0, large)), num(1, large), large),
    );
    return build.binary(
      "mul",
      large,
      build.unary("sqrt", build.binary("add", build.binary("mul", ratio, ratio), num(1, ratio))),
    );
  },
  { atLeastFloat: true },
);

/** log(e^x1 + e^x2) = max + softplus(-|x1 - x2|), without overflow. */
const logSum = (a: Value, b: Value): Value => {
  const difference = build.binary("sub", a, b);
  const stable = build.binary(
    "add",
    build.binary("max", a, b),
    build.unary("softplus", build.unary("neg", build.unary("abs", difference))),
  );
  // Equal infinities: their difference is NaN, their sum is the answer.
  return build.where(build.unary("is_nan", difference), build.binary("add", a, b), stable);
};
/** log(e^x1 + e^x2), without overflow. */
export const logaddexp: BinaryOp = binaryOp("Logaddexp", "numpy", logSum, { atLeastFloat: true });
/** log2(2^x1 + 2^x2), without overflow. */
export const logaddexp2: BinaryOp = binaryOp(
  "Logaddexp2",
  "numpy",
  (a, b) => {
    const ln2 = num(Math.LN2, a);
    return build.binary("mul", logSum(build.binary("mul", a, ln2), build.binary("mul", b, ln2)), num(Math.LOG2E, a));
  },
  { atLeastFloat: true },
);

/** 0 below zero, 1 above, x2 at zero. */
export const heaviside: BinaryOp = binaryOp(
  "Heaviside",
  "numpy",
  (a, b) => {
    const zero = num(0, a);
    const step = build.where(
      build.binary("greater", a, zero),
      num(1, a),
      build.where(build.binary("equal", a, zero), b, zero),
    );
    return build.where(build.unary("is_nan", a), a, step);
  },
  { atLeastFloat: true },
);

const ldexpOp = defineOp("Ldexp", "numpy", {}, ([x1, x2]) => {
  const a = toFloat(x1, "ldexp");
  const b = toTensor(x2, null, "ldexp").node;
  if (!isInteger(b.dtype)) throw new DTypeError(`ldexp: expected integers for \`x2\`. Received: dtype ${b.dtype}`);
  return wrap(build.binary("mul", a, build.binary("pow", num(2, a), build.cast(b, a.dtype))));
});
/** x1 · 2^x2 for integers x2. */
export const ldexp = ((x1: TensorLike, x2: TensorLike) => ldexpOp([x1, x2])) as unknown as BinaryOp;

const bitwise =
  (op: "bitwise_and" | "bitwise_or" | "bitwise_xor", ofBools: "logical_and" | "logical_or" | "logical_xor") =>
  (a: Value, b: Value) =>
    build.binary(a.dtype === "bool" ? ofBools : op, a, b);
/** Bits set in both. Integers and bools. */
export const bitwiseAnd: BinaryOp = binaryOp("BitwiseAnd", "numpy", bitwise("bitwise_and", "logical_and"));
/** Bits set in either. Integers and bools. */
export const bitwiseOr: BinaryOp = binaryOp("BitwiseOr", "numpy", bitwise("bitwise_or", "logical_or"));
/** Bits set in exactly one. Integers and bools. */
export const bitwiseXor: BinaryOp = binaryOp("BitwiseXor", "numpy", bitwise("bitwise_xor", "logical_xor"));

const shift = (op: "shift_left" | "shift_right", name: string) => (a: Value, b: Value) => {
  if (!isInteger(a.dtype)) throw new DTypeError(`${name}: expected integers. Received: dtype ${a.dtype}`);
  if (isUnsigned(a.dtype)) return build.binary(op, a, b);
  // Signed: to the left multiplies by a power of two, to the right is the floor of the division by one.
  const factor = build.binary("pow", num(2, a), b);
  if (op === "shift_left") return build.binary("mul", a, factor);
  return build.binary("div", build.binary("sub", a, build.binary("mod", a, factor)), factor);
};
/** x1 · 2^x2 on integers; bits shifted out are lost. */
export const leftShift: BinaryOp = binaryOp("LeftShift", "numpy", shift("shift_left", "leftShift"));
/** ⌊x1 / 2^x2⌋ on integers. */
export const rightShift: BinaryOp = binaryOp("RightShift", "numpy", shift("shift_right", "rightShift"));
/** x1 · 2^x2 on integers; bits shifted out are lost. */
export const bitwiseLeftShift: BinaryOp = binaryOp(
  "BitwiseLeftShift",
  "numpy",
  shift("shift_left", "bitwiseLeftShift"),
);
/** ⌊x1 / 2^x2⌋ on integers. */
export const bitwiseRightShift: BinaryOp = binaryOp(
  "BitwiseRightShift",
  "numpy",
  shift("shift_right", "bitwiseRightShift"),
);

const clipOp = defineOp("Clip", "numpy", { xMin: "x_min", xMax: "x_max" }, ([x], { xMin, xMax }) => {
  const lower = xMin === null || xMin === undefined ? [] : [xMin];
  const upper = xMax === null || xMax === undefined ? [] : [xMax];
  const [first, ...bounds] = promote([x, ...lower, ...upper]).map(boolToInt);
  let y = first!;
  if (lower.length > 0) y = build.binary("max", y, bounds.shift()!);
  if (upper.length > 0) y = build.binary("min", y, bounds.shift()!);
  return wrap(y);
});

/**
 * x limited to [xMin, xMax]; `null` leaves a side open. NaN stays NaN. Bools become int32.
 *
 * @param xMin - A number, or a tensor that broadcasts with x.
 */
export function clip<A extends TensorLike>(
  x: A,
  xMin: Exclude<TensorLike, KerasTensor> | null,
  xMax: Exclude<TensorLike, KerasTensor> | null,
): Result<A> {
  for (const bound of [xMin, xMax] as unknown[]) {
    if (bound instanceof KerasTensor) {
      throw new TypeError("clip: bounds are part of the op and cannot be symbolic. Use ops.minimum and ops.maximum");
    }
  }
  return clipOp([x], { xMin, xMax }) as Result<A>;
}
