/**
 * Algorithms on square matrices as IR values: elimination with pivots, Cholesky's factor, triangular systems, reflections.
 * All take batches, (…, n, n), and are loops of n steps over whole matrices with masks, so a program's size does not grow with n;
 * a step costs a product of n numbers with n, all together about n³.
 */
import * as build from "../ir/build.ts";
import { inputValue, type Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { wrap } from "./define.ts";
import { isUnknownSize, num } from "./kit.ts";
import { scan } from "./scan.ts";

export const add = (a: Value, b: Value): Value => build.binary("add", a, b);
export const sub = (a: Value, b: Value): Value => build.binary("sub", a, b);
export const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);
export const div = (a: Value, b: Value): Value => build.binary("div", a, b);
export const stop = (x: Value): Value => build.unary("stop_gradient", x);

/** The last two axes swapped. */
export function transposed(x: Value): Value {
  const rank = x.shape.length;
  return build.transpose(x, [...x.shape.slice(0, -2).map((_, i) => i), rank - 1, rank - 2]);
}

/** Ones where row and column compare so, (n, m). */
export function mask(compare: "equal" | "less" | "less_equal" | "greater", n: number, m: number): Value {
  return build.binary(compare, build.iota([n, 1], 0, "int32"), build.iota([1, m], 1, "int32"));
}

export const identity = (n: number, like: Value): Value => build.cast(mask("equal", n, n), like.dtype);

/** Elements where a condition holds, zeros elsewhere. */
export const keep = (condition: Value, x: Value): Value => build.where(condition, x, num(0, x));

export const sum = (x: Value, axis: number, keepDims = false): Value =>
  build.reduce("reduce_sum", x, [axis < 0 ? x.shape.length + axis : axis], keepDims);

/** Diagonal elements, (…, n). */
export function diagonalOf(x: Value): Value {
  const n = Math.min(x.shape.at(-1)!, x.shape.at(-2)!);
  const rank = x.shape.length;
  const square = build.slice(
    x,
    x.shape.map(() => 0),
    [...x.shape.slice(0, -2), n, n],
  );
  return build.reduce("reduce_sum", keep(mask("equal", n, n), square), [rank - 1]);
}

/** A loop over 0 … n - 1 that changes values; `step` gets the index as an int32 scalar. */
export function loop(n: number, start: readonly Value[], step: (state: Value[], k: Value) => Value[]): Value[] {
  const [end] = scan(
    (state: Tensor[], k: Tensor): [Tensor[], null] => [
      step(
        state.map((t) => t.node),
        k.node,
      ).map(wrap),
      null,
    ],
    start.map(wrap),
    wrap(build.iota([n], 0, "int32")),
  ) as unknown as [Tensor[], null];
  return end.map((t) => t.node);
}

/** Row k of matrices, (…, 1, m), and column k, (…, n, 1), for an index that is computed. */
const at = (k: Value): Value => build.reshape(k, [1]);
export const rowAt = (x: Value, k: Value): Value => build.gather(x, at(k), x.shape.length - 2);
export const columnAt = (x: Value, k: Value): Value => build.gather(x, at(k), x.shape.length - 1);

/** Where a computed index is, along rows (n, 1) or columns (1, n). */
export const isRow = (n: number, k: Value): Value => build.binary("equal", build.iota([n, 1], 0, "int32"), k);
const rowAfter = (n: number, k: Value): Value => build.binary("greater", build.iota([n, 1], 0, "int32"), k);

/** LU with row pivots, as LAPACK's getrf: both factors in one matrix, the pivots, the rows' order, and the sign of the order. */
export interface LU {
  readonly lu: Value;
  /** Row that was swapped with row k at step k, int32 (…, steps). */
  readonly pivots: Value;
  /** Which row of the matrix stands where, int32 (…, n). */
  readonly order: Value;
  /** 1 or -1, (…). */
  readonly sign: Value;
}

export function luFactorValue(a: Value): LU {
  const outer = a.shape.slice(0, -2);
  const [n, m] = a.shape.slice(-2) as [number, number];
  const steps = Math.min(n, m);
  const rank = a.shape.length;
  const rows = build.iota([...outer, n, 1], rank - 2, "int32");
  const order = build.broadcastTo(rows, [...outer, n, 1]);
  const pivots = build.full(0, [...outer, 1, steps], "int32");
  const sign = build.full(1, [...outer, 1, 1], a.dtype);
  const [lu, found, last, flips] = loop(steps, [a, pivots, order, sign], ([x, p, o, s], k) => {
    const candidates = build.where(rowAfter(n, sub(k, num(1, k))), build.unary("abs", columnAt(x!, k)), num(-1, x!));
    const best = build.reshape(build.argmax(stop(candidates), rank - 2), [...outer, 1, 1]);
    // Rows k and best change places.
    const source = build.where(isRow(n, k), best, build.where(build.binary("equal", rows, best), k, rows));
    const swap = (v: Value): Value => build.gatherAlong(v, build.broadcastTo(source, v.shape), rank - 2);
    const swapped = swap(x!);
    const pivot = rowAt(columnAt(swapped, k), k);
    const zero = build.binary("equal", pivot, num(0, pivot));
    const factors = div(columnAt(swapped, k), build.where(zero, num(1, pivot), pivot));
    const below = keep(rowAfter(n, k), factors);
    const right = keep(build.binary("greater", build.iota([1, m], 1, "int32"), k), rowAt(swapped, k));
    const reduced = sub(swapped, mul(below, right));
    const isColumn = build.binary("equal", build.iota([1, m], 1, "int32"), k);
    const inColumn = build.binary("logical_and", rowAfter(n, k), isColumn);
    const next = build.where(inColumn, below, reduced);
    const stays = build.binary("equal", best, k);
    const isStep = build.binary("equal", build.iota([1, steps], 1, "int32"), k);
    return [next, build.where(isStep, best, p!), swap(o!), build.where(stays, s!, build.unary("neg", s!))];
  }) as [Value, Value, Value, Value];
  return {
    lu,
    pivots: build.reshape(found, [...outer, steps]),
    order: build.reshape(last, [...outer, n]),
    sign: build.reshape(flips, outer),
  };
}

/** The lower factor of a symmetric positive definite matrix; NaN where there is none. Column by column, as Cholesky did. */
export function choleskyValue(a: Value): Value {
  const n = a.shape.at(-1)!;
  const [lower] = loop(n, [build.full(0, a.shape, a.dtype)], ([l], k) => {
    // What is left of column k once the columns before it are taken off.
    const done = build.matmul(l!, rowAt(l!, k), false, true);
    const column = sub(columnAt(a, k), done);
    const pivot = build.unary("sqrt", rowAt(column, k));
    const scaled = keep(build.binary("greater_equal", build.iota([n, 1], 0, "int32"), k), div(column, pivot));
    const isColumn = build.binary("equal", build.iota([1, n], 1, "int32"), k);
    return [build.where(isColumn, scaled, l!)];
  });
  return lower!;
}

/** x of `a` x = b for a triangular `a`: halves are solved one after the other, down to a division. */
export function solveTriangularValue(a: Value, b: Value, lower: boolean): Value {
  const n = a.shape.at(-1)!;
  const part = (x: Value, rows: readonly [number, number], columns: readonly [number, number]): Value => {
    const outer = x.shape.slice(0, -2);
    const none = outer.map(() => 0);
    return build.slice(x, [...none, rows[0], columns[0]], [...outer, rows[1], columns[1]]);
  };
  if (n === 1) return div(b, a);
  if (isUnknownSize(n)) return inputValue(b, "solved");
  const half = n >> 1;
  const width: readonly [number, number] = [0, b.shape.at(-1)!];
  const [top, bottom]: [readonly [number, number], readonly [number, number]] = [
    [0, half],
    [half, n],
  ];
  const [first, second] = lower ? [top, bottom] : [bottom, top];
  const x1 = solveTriangularValue(part(a, first, first), part(b, first, width), lower);
  const rest = sub(part(b, second, width), build.matmul(part(a, second, first), x1));
  const x2 = solveTriangularValue(part(a, second, second), rest, lower);
  return build.concat(lower ? [x1, x2] : [x2, x1], x2.shape.length - 2);
}

/** The inverse by Gauss and Jordan's elimination with pivots. Not meant to be differentiated. */
function eliminated(a: Value): Value {
  const n = a.shape.at(-1)!;
  const rank = a.shape.length;
  const outer = a.shape.slice(0, -2);
  const start = build.concat([a, build.broadcastTo(identity(n, a), a.shape)], rank - 1);
  const rows = build.iota([...outer, n, 1], rank - 2, "int32");
  const [end] = loop(n, [start], ([x], k) => {
    const candidates = build.where(rowAfter(n, sub(k, num(1, k))), build.unary("abs", columnAt(x!, k)), num(-1, x!));
    const best = build.reshape(build.argmax(candidates, rank - 2), [...outer, 1, 1]);
    const source = build.where(isRow(n, k), best, build.where(build.binary("equal", rows, best), k, rows));
    const swapped = build.gatherAlong(x!, build.broadcastTo(source, x!.shape), rank - 2);
    const row = div(rowAt(swapped, k), rowAt(columnAt(swapped, k), k));
    return [build.where(isRow(n, k), row, sub(swapped, mul(columnAt(swapped, k), row)))];
  });
  return build.slice(end!, [...outer.map(() => 0), 0, n], [...outer, n, 2 * n]);
}

/**
 * The inverse of square matrices. Elimination gives its value X; two steps of Newton's iteration X ← X (2 - A X) from it
 * sharpen it and carry the gradient: the error is squared each time, so derivatives up to the third are exact.
 */
export function inverseValue(a: Value): Value {
  let x = stop(eliminated(stop(a)));
  for (let i = 0; i < 2; i++) x = add(x, build.matmul(x, sub(identity(a.shape.at(-1)!, a), build.matmul(a, x))));
  return x;
}

/**
 * Q (m, m) and R (m, n) by reflections, with LAPACK's signs: the diagonal of R has the sign opposite to what is reflected.
 */
export function qrValue(a: Value): [q: Value, r: Value] {
  const [m, n] = a.shape.slice(-2) as [number, number];
  const outer = a.shape.slice(0, -2);
  const whole = build.broadcastTo(identity(m, a), [...outer, m, m]);
  // The last row of a square matrix has nothing below it to reflect.
  const steps = Math.min(m - 1, n);
  if (steps <= 0) return [whole, a];
  const [q, r] = loop(steps, [whole, a], ([q0, r0], k) => {
    const column = columnAt(r0!, k);
    const below = keep(rowAfter(m, k), column);
    const tail = sum(mul(below, below), -2, true);
    const alpha = rowAt(column, k);
    const isDone = build.binary("equal", tail, num(0, tail));
    const square = build.where(isDone, num(1, tail), add(tail, mul(alpha, alpha)));
    const negative = build.binary("less", alpha, num(0, alpha));
    const length = build.unary("sqrt", square);
    const beta = build.where(negative, length, build.unary("neg", length));
    // v = 1 at k, below it the column over alpha - beta; H = 1 - tau v vᵀ.
    const scale = build.where(isDone, num(1, alpha), sub(alpha, beta));
    const v = build.where(isRow(m, k), num(1, alpha), div(below, scale));
    const tau = keep(build.unary("logical_not", isDone), div(sub(beta, alpha), beta));
    const reflect = mul(tau, v);
    const nextR = sub(r0!, build.matmul(reflect, build.matmul(v, r0!, true, false)));
    const nextQ = sub(q0!, build.matmul(build.matmul(q0!, v), reflect, false, true));
    return [nextQ, nextR];
  });
  return [q!, r!];
}
