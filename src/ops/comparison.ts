/** Comparisons, logic and choice. Comparisons give bool. */
import { floatx } from "../core/config.ts";
import { isFloat } from "../core/dtype.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, promote, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { type BinaryOp, binaryOp, num, orderable, readOptions, truth } from "./kit.ts";

/** Whether x1 = x2. NaN equals nothing. → bool */
export const equal: BinaryOp = binaryOp("Equal", "numpy", (a, b) => build.binary("equal", a, b));
/** Whether x1 ≠ x2. → bool */
export const notEqual: BinaryOp = binaryOp("NotEqual", "numpy", (a, b) =>
  build.unary("logical_not", build.binary("equal", a, b)),
);

const compare = (op: "less" | "less_equal" | "greater" | "greater_equal") => (a: Value, b: Value) =>
  build.binary(op, orderable(a), orderable(b));
/** Whether x1 < x2. → bool */
export const less: BinaryOp = binaryOp("Less", "numpy", compare("less"));
/** Whether x1 ≤ x2. → bool */
export const lessEqual: BinaryOp = binaryOp("LessEqual", "numpy", compare("less_equal"));
/** Whether x1 > x2. → bool */
export const greater: BinaryOp = binaryOp("Greater", "numpy", compare("greater"));
/** Whether x1 ≥ x2. → bool */
export const greaterEqual: BinaryOp = binaryOp("GreaterEqual", "numpy", compare("greater_equal"));

function logicalOp(className: string, op: "logical_and" | "logical_or" | "logical_xor"): BinaryOp {
  const run = defineOp(className, "numpy", {}, ([x1, x2]) =>
    wrap(build.binary(op, truth(toTensor(x1).node), truth(toTensor(x2).node))),
  );
  return ((x1: TensorLike, x2: TensorLike) => run([x1, x2])) as unknown as BinaryOp;
}
/** x1 and x2; numbers count as true unless they are 0. → bool */
export const logicalAnd: BinaryOp = logicalOp("LogicalAnd", "logical_and");
/** x1 or x2. → bool */
export const logicalOr: BinaryOp = logicalOp("LogicalOr", "logical_or");
/** Either x1 or x2, not both. → bool */
export const logicalXor: BinaryOp = logicalOp("LogicalXor", "logical_xor");

interface Closeness {
  /** Allowed difference relative to x2. @defaultValue `1e-5` */
  rtol?: number;
  /** Allowed absolute difference. @defaultValue `1e-8` */
  atol?: number;
  /** Whether NaN equals NaN. @defaultValue `false` */
  equalNan?: boolean;
}
const CLOSENESS = ["rtol", "atol", "equalNan"] as const;

function close(x1: unknown, x2: unknown, { rtol, atol, equalNan }: Closeness): Value {
  const [first, second] = promote([x1, x2]);
  const dtype = isFloat(first!.dtype) ? first!.dtype : floatx();
  const [a, b] = [build.cast(first!, dtype), build.cast(second!, dtype)];
  const bound = build.binary(
    "add",
    build.binary("mul", build.unary("abs", b), num(rtol ?? 1e-5, b)),
    num(atol ?? 1e-8, b),
  );
  const near = build.binary("less_equal", build.unary("abs", build.binary("sub", a, b)), bound);
  // Infinities: an infinite bound would accept any finite x1, and ∞ - ∞ is NaN.
  const infinite = build.binary("logical_or", build.unary("is_inf", a), build.unary("is_inf", b));
  const same = build.binary("equal", a, b);
  const result = build.where(infinite, same, near);
  if (!equalNan) return result;
  return build.binary(
    "logical_or",
    result,
    build.binary("logical_and", build.unary("is_nan", a), build.unary("is_nan", b)),
  );
}

// In Keras the tolerances are arguments of the call, those of AllClose are static.
const iscloseOp = defineOp("Isclose", "numpy", { equalNan: "equal_nan" }, ([x1, x2, rtol, atol], { equalNan }) =>
  wrap(close(x1, x2, { rtol, atol, equalNan } as Closeness)),
);
const ALLCLOSE_KEYS = { rtol: "rtol", atol: "atol", equalNan: "equal_nan" };
const allcloseOp = defineOp("AllClose", "numpy", ALLCLOSE_KEYS, ([x1, x2], s) => {
  const flags = close(x1, x2, s as Closeness);
  const axes = flags.shape.map((_, i) => i);
  return wrap(truth(build.reduce("reduce_min", orderable(flags), axes)));
});

/** Whether |x1 - x2| ≤ atol + rtol · |x2|, elementwise. → bool */
export function isclose<A extends TensorLike, B extends TensorLike>(x1: A, x2: B, options?: Closeness): Result<A | B> {
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = readOptions("isclose", options, CLOSENESS);
  return iscloseOp([x1, x2, rtol, atol], { equalNan }) as Result<A | B>;
}

/** Whether `isclose` holds everywhere. → bool scalar */
export function allclose<A extends TensorLike, B extends TensorLike>(x1: A, x2: B, options?: Closeness): Result<A | B> {
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = readOptions("allclose", options, CLOSENESS);
  return allcloseOp([x1, x2], { rtol, atol, equalNan }) as Result<A | B>;
}

const whereOp = defineOp("Where", "numpy", {}, ([condition, x1, x2]) => {
  const [a, b] = promote([x1, x2]);
  return wrap(build.where(truth(toTensor(condition, null, "where").node), a!, b!));
});

/** x1 where the condition holds, x2 elsewhere. All three broadcast. */
export function where<C extends TensorLike, A extends TensorLike, B extends TensorLike>(
  condition: C,
  x1: A,
  x2: B,
): Result<C | A | B> {
  if (x1 === undefined || x2 === undefined) {
    throw new TypeError(
      "where: expected (condition, x1, x2). Received: only the condition; positions of true elements have a shape " +
        "that depends on data, which compiled programs cannot have",
    );
  }
  return whereOp([condition, x1, x2]) as Result<C | A | B>;
}

const selectOp = defineOp("Select", "numpy", {}, ([conditions, choices, fallback]) => {
  const [otherwise, ...values] = promote([fallback ?? 0, ...(choices as unknown[])]);
  return wrap(
    (conditions as unknown[]).reduceRight<Value>(
      (rest, condition, i) => build.where(truth(toTensor(condition, null, "select").node), values[i]!, rest),
      otherwise!,
    ),
  );
});

/** The choice that belongs to the first condition that holds, elementwise; `fallback` where none does. */
export function select<C extends TensorLike, A extends TensorLike>(
  conditions: readonly C[],
  choices: readonly A[],
  fallback: TensorLike = 0,
): Result<C | A> {
  if (conditions.length !== choices.length || conditions.length === 0) {
    throw new RangeError(
      `select: expected as many choices as conditions, at least one. Received: ${conditions.length} conditions, ${choices.length} choices`,
    );
  }
  return selectOp([conditions, choices, fallback]) as Result<C | A>;
}

const isinOp = defineOp(
  "IsIn",
  "numpy",
  { assumeUnique: "assume_unique", invert: "invert" },
  ([x1, x2], { invert }) => {
    const [a, b] = promote([x1, x2]) as [Value, Value];
    const count = b.shape.reduce((n, d) => n * d, 1);
    if (count === 0) return wrap(build.full(invert ? 1 : 0, a.shape, "bool"));
    const matches = build.binary("equal", build.reshape(a, [...a.shape, 1]), build.reshape(b, [count]));
    const found = truth(build.reduce("reduce_max", orderable(matches), [a.shape.length]));
    return wrap(invert ? build.unary("logical_not", found) : found);
  },
);

/** Whether each element of x1 occurs in x2. Compares every pair. → bool of x1's shape */
export function isin<A extends TensorLike, B extends TensorLike>(
  x1: A,
  x2: B,
  options?: { assumeUnique?: boolean; invert?: boolean },
): Result<A | B> {
  const { assumeUnique = false, invert = false } = readOptions("isin", options, ["assumeUnique", "invert"]);
  return isinOp([x1, x2], { assumeUnique, invert }) as Result<A | B>;
}
