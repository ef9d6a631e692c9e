/** Forms that many ops share: an op of one tensor, of two tensors, and the reading of options. */
import { type DType, isFloat } from "../core/dtype.ts";
import { checkOptions, DTypeError } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { activeTrace } from "../runtime/trace.ts";
import { defineOp, promote, toFloat, toTensor, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";

/** An op of one tensor. */
export type UnaryOp = <A extends TensorLike>(x: A) => Result<A>;
/** An op of two tensors whose shapes broadcast. */
export type BinaryOp = <A extends TensorLike, B extends TensorLike>(x1: A, x2: B) => Result<A | B>;
/** Static arguments as an op receives them. */
export type Statics = Readonly<Record<string, unknown>>;

/** An op of one tensor, without static arguments. */
export function unaryOp(className: string, file: string, body: (x: Value) => Value): UnaryOp {
  const where = opName(className);
  const op = defineOp(className, file, {}, ([x]) => wrap(body(toTensor(x, null, where).node)));
  return ((x: TensorLike) => op([x])) as unknown as UnaryOp;
}

/** An op of one tensor that computes in floats: integers and bools become floatx first. */
export function floatOp(className: string, file: string, body: (x: Value) => Value): UnaryOp {
  const where = opName(className);
  const op = defineOp(className, file, {}, ([x]) => wrap(body(toFloat(x, where))));
  return ((x: TensorLike) => op([x])) as unknown as UnaryOp;
}

/** An op of two tensors in their common dtype. `atLeastFloat` makes integers floatx. */
export function binaryOp(
  className: string,
  file: string,
  body: (a: Value, b: Value) => Value,
  options: { atLeastFloat?: boolean } = {},
): BinaryOp {
  const op = defineOp(className, file, {}, ([x1, x2]) => {
    const [a, b] = promote([x1, x2], options);
    return wrap(body(a!, b!));
  });
  return ((x1: TensorLike, x2: TensorLike) => op([x1, x2])) as unknown as BinaryOp;
}

/** How messages call an op: `BitwiseAnd` → `bitwiseAnd`. */
export const opName = (className: string): string => className.charAt(0).toLowerCase() + className.slice(1);

/** Options of a call, checked; none given is an empty object. */
export function readOptions<T extends object>(where: string, options: T | undefined, known: readonly string[]): T {
  if (options === undefined) return {} as T;
  if (!isPlainObject(options)) {
    throw new TypeError(`${where}: expected an options object with ${known.join(", ")}. Received: ${String(options)}`);
  }
  checkOptions(where, options, known);
  return options;
}

/**
 * Call arguments by position. Files made by Keras give some of them by name: those arrive as a trailing plain object, under
 * Keras's names.
 */
export function positional(args: readonly unknown[], names: readonly string[]): unknown[] {
  const last = args.at(-1);
  if (!isPlainObject(last)) return names.map((_, i) => args[i] ?? null);
  return names.map((name, i) => last[name] ?? (i < args.length - 1 ? args[i] : null) ?? null);
}

/** A scalar constant in the dtype of `like`. */
export const num = (x: number, like: { readonly dtype: DType }): Value => build.scalar(x, like.dtype);

export const isHalf = (dtype: DType): boolean => dtype === "float16" || dtype === "bfloat16";

/** Runs `body` in float32 for half floats, whose range and precision are too small for sums. */
export function inFullPrecision(x: Value, body: (x: Value) => Value): Value {
  return isHalf(x.dtype) ? build.cast(body(build.cast(x, "float32")), x.dtype) : body(x);
}

/** Bools become int32, as they do in arithmetic. */
export const boolToInt = (x: Value): Value => (x.dtype === "bool" ? build.cast(x, "int32") : x);

/** For a body that takes numbers and whose bools stay bools: true is what is not 0 when they are int32. */
export const keepingBools =
  (body: (a: Value, b: Value) => Value) =>
  (a: Value, b: Value): Value =>
    a.dtype === "bool" ? truth(body(boolToInt(a), boolToInt(b))) : body(a, b);

/** Dtypes that comparisons and reductions take on every backend. */
export const orderable = boolToInt;

export function rejectBool(where: string, x: Value, instead: string): Value {
  if (x.dtype === "bool") throw new DTypeError(`${where}: expected numbers. Received: dtype bool; use ${instead}`);
  return x;
}

/** Truth of each element. */
export const truth = (x: Value): Value => build.cast(x, "bool");

/** An int32 tensor of indices from a tensor of any integer dtype. */
export function indexValue(x: unknown, where: string): Value {
  const { node } = toTensor(x, null, where);
  if (isFloat(node.dtype) && !Array.isArray(x)) {
    throw new DTypeError(`${where}: expected integer indices. Received: dtype ${node.dtype}; cast them to "int32"`);
  }
  return build.cast(node, "int32");
}

export { isUnknownSize } from "../core/shape.ts";

/** The size that stands for unknown ones while shapes are inferred, or `null` when all sizes are real. */
export const standinSize = (): number | null => activeTrace()?.unknownSize ?? null;
