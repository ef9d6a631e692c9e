/** Number theory of integers. */
import { type DType, isInteger } from "../core/dtype.ts";
import { DTypeError } from "../core/errors.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { type BinaryOp, binaryOp, boolToInt, num } from "./kit.ts";

/** Steps that Euclid's algorithm needs at most: neighbours in Fibonacci's sequence are the worst case. */
const STEPS: Partial<Record<DType, number>> = {
  int8: 12,
  uint8: 13,
  int16: 24,
  uint16: 24,
  int32: 46,
  uint32: 47,
  int64: 92,
  uint64: 93,
};

const checked = (where: string, x: Value): Value => {
  const y = boolToInt(x);
  if (!isInteger(y.dtype)) throw new DTypeError(`${where}: expected integers. Received: dtype ${y.dtype}`);
  return y;
};

function gcdOf(x1: Value, x2: Value): Value {
  let [a, b] = [build.unary("abs", x1), build.unary("abs", x2)];
  for (let i = 0; i < STEPS[a.dtype]!; i++) {
    const done = build.binary("equal", b, num(0, b));
    const divisor = build.where(done, num(1, b), b);
    const rest = build.binary("mod", a, divisor);
    [a, b] = [build.where(done, a, b), build.where(done, b, rest)];
  }
  return a;
}

/** Greatest common divisor: Euclid's algorithm, unrolled for the dtype's worst case (46 steps for int32). */
export const gcd: BinaryOp = binaryOp("Gcd", "numpy", (x1, x2) => gcdOf(checked("gcd", x1), checked("gcd", x2)));

/** Least common multiple; 0 where either is 0. */
export const lcm: BinaryOp = binaryOp("Lcm", "numpy", (x1, x2) => {
  const [a, b] = [checked("lcm", x1), checked("lcm", x2)];
  const divisor = gcdOf(a, b);
  const safe = build.where(build.binary("equal", divisor, num(0, divisor)), num(1, divisor), divisor);
  const size = (x: Value): Value => build.unary("abs", x);
  return build.binary("mul", build.binary("div", size(a), safe), size(b));
});
