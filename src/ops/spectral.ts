/**
 * Eigenvalues of symmetric matrices and singular values as IR values, by Jacobi's rotations. The pairs of columns of a round are
 * disjoint (the schedule of a tournament), so one step of the loop turns n / 2 of them at once; about a dozen rounds of n - 1
 * steps bring float32 to rest, n³ · 24 multiplications or so. Values come without gradients; the derivative is that of first
 * order perturbation, added as a term that is zero: second derivatives are not right.
 */
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { wrap } from "./define.ts";
import { isUnknownSize, num } from "./kit.ts";
import { add, diagonalOf, div, identity, keep, mul, qrValue, stop, sub, sum, transposed } from "./matrix.ts";
import { scan } from "./scan.ts";

/** Rounds over all pairs. Convergence is quadratic at the end; a few more are needed for large matrices. */
const roundsOf = (n: number, like: Value): number => (like.dtype === "float64" ? 12 : 9) + Math.ceil(Math.log2(n) / 2);

/** For each step of a round: the first columns of the pairs, their partners, and where each column is found among both. */
function schedule(n: number, rounds: number): { first: Value; second: Value; back: Value } {
  const half = n / 2;
  const steps = rounds * (n - 1);
  const [first, second, back] = [half, half, n].map((width) => new Int32Array(steps * width)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  for (let step = 0; step < steps; step++) {
    const turn = step % (n - 1);
    for (let i = 0; i < half; i++) {
      // Player n - 1 stays, the others move round the table.
      const a = i === 0 ? n - 1 : (turn + i) % (n - 1);
      const b = (turn - i + n - 1) % (n - 1);
      const [p, q] = [Math.min(a, b), Math.max(a, b)];
      first[step * half + i] = p;
      second[step * half + i] = q;
      back[step * n + p] = i;
      back[step * n + q] = half + i;
    }
  }
  const table = (data: Int32Array, width: number): Value => build.constant(data, [steps, width], "int32");
  return { first: table(first, half), second: table(second, half), back: table(back, n) };
}

/** Cosine and sine of the rotation that makes two columns (or rows) independent; none where they are already. */
function rotation(app: Value, aqq: Value, apq: Value, negligible: Value): [cos: Value, sin: Value] {
  const safe = build.where(negligible, num(1, apq), apq);
  const ratio = div(sub(aqq, app), mul(num(2, safe), safe));
  const negative = build.binary("less", ratio, num(0, ratio));
  const size = build.unary("abs", ratio);
  // √(1 + x²) for large x is x: this way nothing overflows.
  const large = build.binary("greater", size, num(1e8, size));
  const bounded = build.where(large, num(1, size), size);
  const root = build.where(large, size, build.unary("sqrt", add(mul(bounded, bounded), num(1, size))));
  const tangent = div(build.where(negative, num(-1, size), num(1, size)), add(size, root));
  const cos = build.unary("reciprocal", build.unary("sqrt", add(mul(tangent, tangent), num(1, tangent))));
  return [build.where(negligible, num(1, cos), cos), keep(build.unary("logical_not", negligible), mul(cos, tangent))];
}

/** Columns p and q turned into each other, and put back in their places. */
function rotate(x: Value, axis: number, pair: readonly [Value, Value, Value], cos: Value, sin: Value): Value {
  const [p, q, back] = pair;
  const [a, b] = [build.gather(x, p, axis), build.gather(x, q, axis)];
  const turned = [sub(mul(cos, a), mul(sin, b)), add(mul(sin, a), mul(cos, b))];
  return build.gather(build.concat(turned, axis), back, axis);
}

/** The loop over all steps of all rounds. */
function rounds(
  n: number,
  start: readonly Value[],
  step: (state: Value[], pair: [Value, Value, Value]) => Value[],
): Value[] {
  // An unknown number of rounds: they keep the shapes, which is all that is asked for.
  if (n < 2 || isUnknownSize(n)) return [...start];
  const table = schedule(n, roundsOf(n, start[0]!));
  const [end] = scan(
    (state: Tensor[], pair: Tensor[]): [Tensor[], null] => [
      step(
        state.map((t) => t.node),
        pair.map((t) => t.node) as [Value, Value, Value],
      ).map(wrap),
      null,
    ],
    start.map(wrap),
    [table.first, table.second, table.back].map(wrap),
  ) as unknown as [Tensor[], null];
  return end.map((t) => t.node);
}

const epsilonOf = (x: Value): number => (x.dtype === "float64" ? 2 ** -52 : 2 ** -23);

/** Values in rising or falling order, and the columns of matrices in the same. */
function ordered(values: Value, largest: boolean, columns: readonly Value[]): [Value, Value[]] {
  const [sorted, order] = build.topK(values, values.shape.at(-1)!, largest);
  const rank = values.shape.length + 1;
  const picked = columns.map((x) => {
    const row = build.reshape(order, [...order.shape.slice(0, -1), 1, order.shape.at(-1)!]);
    return build.gatherAlong(x, build.broadcastTo(row, [...x.shape.slice(0, -1), order.shape.at(-1)!]), rank - 1);
  });
  return [sorted, picked];
}

/** Zero columns (and rows) up to an even number. */
function evened(x: Value, rows: boolean): Value {
  const n = x.shape.at(-1)!;
  if (n % 2 === 0 || n === 1) return x;
  const none = x.shape.map(() => 0);
  return build.pad(x, none, [...none.slice(0, -2), rows ? 1 : 0, 1]);
}

const corner = (x: Value, rows: number, columns: number): Value =>
  build.slice(
    x,
    x.shape.map(() => 0),
    [...x.shape.slice(0, -2), rows, columns],
  );

/** Eigenvalues in rising order and eigenvectors as columns, of the symmetric part. */
export function eighValue(given: Value): [values: Value, vectors: Value] {
  const n = given.shape.at(-1)!;
  const a = mul(add(given, transposed(given)), num(0.5, given));
  const start = evened(stop(a), true);
  const size = start.shape.at(-1)!;
  const axis = start.shape.length - 1;
  const whole = build.broadcastTo(identity(size, a), start.shape);
  // How large an element may be that is left alone, against the whole matrix.
  const scale = build.unary("sqrt", sum(sum(mul(start, start), -1, true), -2, true));
  const [turned, basis] = rounds(size, [start, whole], ([x, v], pair) => {
    const [p, q] = pair;
    const width = p.shape[0]!;
    const element = (columns: Value, row: Value): Value =>
      build.gatherAlong(
        columns,
        build.broadcastTo(build.reshape(row, [1, width]), [...columns.shape.slice(0, -2), 1, width]),
        axis - 1,
      );
    const [columnsP, columnsQ] = [build.gather(x!, p, axis), build.gather(x!, q, axis)];
    const apq = element(columnsQ, p);
    const small = build.binary("less_equal", build.unary("abs", apq), mul(scale, num(epsilonOf(a) * 1e-3, scale)));
    const [cos, sin] = rotation(element(columnsP, p), element(columnsQ, q), apq, small);
    const byColumns = rotate(x!, axis, pair, cos, sin);
    const turn = (c: Value): Value => transposed(c);
    return [rotate(byColumns, axis - 1, pair, turn(cos), turn(sin)), rotate(v!, axis, pair, cos, sin)];
  }) as [Value, Value];
  const [values, [vectors]] = ordered(diagonalOf(corner(turned, n, n)), false, [corner(basis, n, n)]) as [
    Value,
    [Value],
  ];
  return perturbedEigen(a, values, vectors);
}

/** dw = diag(Vᵀ dA V), dV = V (F ∘ Vᵀ dA V) with F = 1 / (w_j - w_i), none for equal values. */
function perturbedEigen(a: Value, values: Value, vectors: Value): [Value, Value] {
  const change = build.matmul(build.matmul(vectors, sub(a, stop(a)), true), vectors);
  const [row, column] = asRowAndColumn(values);
  const gaps = sub(row, column);
  return [add(values, diagonalOf(change)), add(vectors, build.matmul(vectors, mul(inverseOf(gaps), change)))];
}

const asRowAndColumn = (v: Value): [Value, Value] => [
  build.reshape(v, [...v.shape.slice(0, -1), 1, v.shape.at(-1)!]),
  build.reshape(v, [...v.shape, 1]),
];

/** 1 / x, and 0 where x is 0. */
function inverseOf(x: Value): Value {
  const zero = build.binary("equal", x, num(0, x));
  return keep(build.unary("logical_not", zero), div(num(1, x), build.where(zero, num(1, x), x)));
}

/** U (m, k), singular values falling (k), V (n, k), with k = min(m, n). */
export interface Singular {
  readonly u: Value;
  readonly s: Value;
  readonly v: Value;
}

export function svdValue(a: Value): Singular {
  const [m, n] = a.shape.slice(-2) as [number, number];
  if (m < n) {
    const { u, s, v } = svdValue(transposed(a));
    return { u: v, s, v: u };
  }
  const start = evened(stop(a), false);
  const size = start.shape.at(-1)!;
  const axis = start.shape.length - 1;
  const whole = build.broadcastTo(identity(size, a), [...a.shape.slice(0, -2), size, size]);
  const [turned, basis] = rounds(size, [start, whole], ([x, v], pair) => {
    const [p, q] = [build.gather(x!, pair[0], axis), build.gather(x!, pair[1], axis)];
    const [app, aqq, apq] = [sum(mul(p, p), -2, true), sum(mul(q, q), -2, true), sum(mul(p, q), -2, true)];
    const bound = mul(build.unary("sqrt", mul(app, aqq)), num(epsilonOf(a) / 4, app));
    const [cos, sin] = rotation(app, aqq, apq, build.binary("less_equal", build.unary("abs", apq), bound));
    return [rotate(x!, axis, pair, cos, sin), rotate(v!, axis, pair, cos, sin)];
  }) as [Value, Value];
  const columns = corner(turned, m, n);
  const lengths = build.unary("sqrt", sum(mul(columns, columns), -2));
  const [s, [scaled, v]] = ordered(lengths, true, [columns, corner(basis, n, n)]) as [Value, [Value, Value]];
  return perturbedSingular(a, { u: orthonormal(scaled, s), s, v });
}

/** Columns of length 1. Where a singular value is 0 any direction will do that is at right angles to the rest: a reflection gives it. */
function orthonormal(scaled: Value, s: Value): Value {
  const [m, n] = scaled.shape.slice(-2) as [number, number];
  const [row] = asRowAndColumn(s);
  const largest = build.reduce("reduce_max", row, [row.shape.length - 1], true);
  const tiny = build.binary("less_equal", row, mul(largest, num(epsilonOf(s) * 1e-3, s)));
  const unit = build.where(tiny, num(0, scaled), div(scaled, build.where(tiny, num(1, row), row)));
  const [q] = qrValue(unit);
  return build.where(tiny, corner(q, m, n), unit);
}

/** As JAX differentiates a singular value decomposition, for distinct singular values that are not 0. */
function perturbedSingular(a: Value, { u, s, v }: Singular): Singular {
  const [m, n] = a.shape.slice(-2) as [number, number];
  const change = sub(a, stop(a));
  const inner = build.matmul(build.matmul(u, change, true), v);
  const [row, column] = asRowAndColumn(s);
  const gaps = inverseOf(mul(add(row, column), sub(row, column)));
  const both = (x: Value): Value => mul(gaps, add(x, transposed(x)));
  let du = build.matmul(u, both(mul(inner, row)));
  const dv = build.matmul(v, both(mul(column, inner)));
  if (m > n) {
    const outside = build.matmul(change, v);
    du = add(du, mul(sub(outside, build.matmul(u, build.matmul(u, outside, true))), inverseOf(row)));
  }
  return { u: add(u, du), s: add(s, diagonalOf(inner)), v: add(v, dv) };
}

/** Orthonormal columns continued to a square matrix. The new columns carry no gradient. */
export function completed(u: Value): Value {
  const [m, n] = u.shape.slice(-2) as [number, number];
  if (m === n) return u;
  const [q] = qrValue(stop(u));
  const rest = build.slice(q, [...u.shape.slice(0, -1).map(() => 0), n], [...u.shape.slice(0, -2), m, m]);
  return build.concat([u, rest], u.shape.length - 1);
}
