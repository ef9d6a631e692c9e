/** Norms of vectors and matrices (`keras.ops.linalg`). */
import { describe } from "../core/errors.ts";
import { normalizeAxes } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, toFloat, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { readOptions } from "./kit.ts";
import { normValue } from "./linear.ts";
import { svdValue } from "./spectral.ts";

/** Of vectors 2 (the default), 1, ∞, -∞, 0 or another power; of matrices "fro" (the default), "nuc", 1, -1, 2, -2, ∞ or -∞. */
export type NormOrder = number | "fro" | "nuc" | null;

interface NormOptions {
  /** Which norm. @defaultValue `null`, the root of the sum of squares */
  ord?: NormOrder;
  /** One axis for vectors, two for matrices. @defaultValue `null`: all elements, as a vector without `ord` */
  axis?: number | readonly number[] | null;
  /** @defaultValue `false` */
  keepdims?: boolean;
}

/** Norm of matrices, which are the last two axes. → (…) */
function matrixNorm(x: Value, ord: NormOrder): Value {
  const rank = x.shape.length;
  const [row, column] = [rank - 2, rank - 1];
  const size = build.unary("abs", x);
  const lines = (axis: number): Value => build.reduce("reduce_sum", size, [axis]);
  const over = (op: "reduce_max" | "reduce_min" | "reduce_sum", y: Value): Value => build.reduce(op, y, [rank - 2]);
  switch (ord) {
    case 1:
      return over("reduce_max", lines(row));
    case -1:
      return over("reduce_min", lines(row));
    case Number.POSITIVE_INFINITY:
      return over("reduce_max", lines(column));
    case Number.NEGATIVE_INFINITY:
      return over("reduce_min", lines(column));
    case 2:
      return over("reduce_max", svdValue(x).s);
    case -2:
      return over("reduce_min", svdValue(x).s);
    case "nuc":
      return over("reduce_sum", svdValue(x).s);
    default:
      throw new RangeError(
        `norm: expected \`ord\` of matrices to be null, "fro", "nuc", 1, -1, 2, -2, Infinity or -Infinity. Received: ${describe(ord)}`,
      );
  }
}

const normOp = defineOp("Norm", "linalg", { ord: "ord", axis: "axis", keepdims: "keepdims" }, ([x], s) => {
  const given = toFloat(x, "norm");
  const ord = readOrder(s.ord);
  const axis = (s.axis as NormOptions["axis"]) ?? null;
  const keepdims = Boolean(s.keepdims);
  const rank = given.shape.length;
  const axes = normalizeAxes(axis, rank, "norm");
  if (ord === null) return wrap(normValue(given, null, axes, keepdims));
  if (axes.length < 1 || axes.length > 2) {
    throw new RangeError(
      `norm: expected one axis for a norm of vectors, two for one of matrices. Received: axis=${describe(axis)} for a tensor of rank ${rank}`,
    );
  }
  if (axes.length === 1) {
    if (typeof ord !== "number") {
      throw new RangeError(
        `norm: ord=${describe(ord)} is a norm of matrices. Received: axis=${describe(axis)}; give two axes`,
      );
    }
    return wrap(normValue(given, ord, axes, keepdims));
  }
  if (ord === "fro") return wrap(normValue(given, null, axes, keepdims));
  const free = given.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  // The order in which the axes are given tells rows from columns.
  const order = Array.isArray(axis) ? axis.map((i: number) => (i < 0 ? i + rank : i)) : axes;
  const matrices = build.transpose(given, [...free, ...order]);
  const result = matrixNorm(matrices, ord);
  const shape = given.shape.flatMap((d, i) => (axes.includes(i) ? (keepdims ? [1] : []) : [d]));
  return wrap(build.reshape(result, shape));
});

/** Files write infinities as text. */
function readOrder(ord: unknown): NormOrder {
  if (ord === null || ord === undefined) return null;
  if (ord === "inf") return Number.POSITIVE_INFINITY;
  if (ord === "-inf") return Number.NEGATIVE_INFINITY;
  if (ord === "euc") return 2;
  if (typeof ord === "number" || ord === "fro" || ord === "nuc") return ord;
  throw new RangeError(`norm: expected \`ord\` to be a number, "fro" or "nuc". Received: ${describe(ord)}`);
}

/**
 * Norm of vectors along one axis, or of matrices along two; √Σx² of all elements without `ord` and `axis`.
 *
 * The orders 2, -2 and "nuc" of matrices need singular values: see `svd` for what they cost.
 */
export function norm<A extends TensorLike>(x: A, options?: NormOptions): Result<A> {
  const { ord = null, axis = null, keepdims = false } = readOptions("norm", options, ["ord", "axis", "keepdims"]);
  return normOp([x], { ord: readOrder(ord), axis, keepdims }) as Result<A>;
}
