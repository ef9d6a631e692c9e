/** `ops.associativeScan`: running results of an associative function, in a logarithmic number of steps. */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, normalizeAxis } from "../core/shape.ts";
import { assertSameStructure } from "../core/tree.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { expectFunction } from "./carry.ts";
import { wrap } from "./define.ts";
import { readOptions } from "./kit.ts";
import { defineLoop, type LoopResults } from "./loopOp.ts";
import { type ResultsLike, tensorLeaves, type WithLeaves, withLeaves } from "./structures.ts";
import { refusePromise } from "./traceBody.ts";

/** Options of {@link associativeScan}. */
export interface AssociativeScanOptions {
  /** Goes from the last element to the first. @defaultValue `false` */
  reverse?: boolean;
  /** The axis along which the elements lie. @defaultValue `0` */
  axis?: number;
}

/** x[start:limit:step] along one axis. */
function part(x: Value, axis: number, start: number, limit: number, step = 1): Value {
  const replace = (all: readonly number[], at: number): number[] => all.map((d, i) => (i === axis ? at : d));
  const ones = x.shape.map(() => 1);
  const zeros = x.shape.map(() => 0);
  return build.slice(x, replace(zeros, start), replace(x.shape, limit), replace(ones, step));
}

/** a0, b0, a1, b1, …; `a` may have one element more. */
function interleave(a: Value, b: Value, axis: number): Value {
  const pairs = b.shape[axis]!;
  const rest = (x: Value): number[] => [...x.shape.slice(0, axis), pairs, 1, ...x.shape.slice(axis + 1)];
  const head = part(a, axis, 0, pairs);
  const joined = build.concat([build.reshape(head, rest(head)), build.reshape(b, rest(b))], axis + 1);
  const flat = build.reshape(
    joined,
    b.shape.map((d, i) => (i === axis ? 2 * pairs : d)),
  );
  return a.shape[axis] === pairs ? flat : build.concat([flat, part(a, axis, pairs, pairs + 1)], axis);
}

type Combine = (a: readonly Value[], b: readonly Value[]) => Value[];

/** Results at odd places from those of neighbouring pairs, results at even places from them. */
function runningResults(elems: readonly Value[], axis: number, combine: Combine): readonly Value[] {
  const n = elems[0]!.shape[axis]!;
  if (n < 2) return elems;
  const every = (xs: readonly Value[], start: number, limit: number, step = 1): Value[] =>
    xs.map((x) => part(x, axis, start, limit, step));
  const pairs = combine(every(elems, 0, n - 1, 2), every(elems, 1, n, 2));
  const odd = runningResults(pairs, axis, combine);
  const evenCount = Math.ceil(n / 2);
  const later = evenCount > 1 ? combine(every(odd, 0, evenCount - 1), every(elems, 2, n, 2)) : [];
  return elems.map((x, i) => {
    const first = part(x, axis, 0, 1);
    const even = later[i] ? build.concat([first, later[i]], axis) : first;
    return interleave(even, odd[i]!, axis);
  });
}

const associativeScanOp = defineLoop("AssociativeScan", "associativeScan", { reverse: "reverse", axis: "axis" });

/**
 * Running results of an associative function along an axis: `[a, f(a, b), f(f(a, b), c), …]`.
 *
 * `f` is applied about 2 · log2(n) times, to many elements at once.
 *
 * @param f - Of two structures like `elems`, elementwise along the axis; `f(a, f(b, c))` must equal `f(f(a, b), c)`.
 * @param elems - Tensors of the same size on the axis.
 * @param options - `reverse`, `axis`.
 * @example
 * ops.associativeScan((x, y) => x.add(y), ops.arange(5)); // [0, 1, 3, 6, 10]
 * @see keras/src/ops/core.py (Keras 3.x)
 */
export function associativeScan<const E>(
  f: (a: WithLeaves<NoInfer<E>, Tensor>, b: WithLeaves<NoInfer<E>, Tensor>) => unknown,
  elems: E,
  options?: AssociativeScanOptions,
): ResultsLike<E, E> {
  const { reverse = false, axis: given = 0 } = readOptions("associativeScan", options, ["reverse", "axis"]);
  expectFunction("associativeScan", "f", f);
  const combineStructures = f as (a: unknown, b: unknown) => unknown;
  const run = (elems: unknown): LoopResults => {
    const tensors = tensorLeaves(elems, "associativeScan", "elems");
    if (tensors.length === 0) {
      throw new TypeError(`associativeScan: expected \`elems\` to hold tensors. Received: ${describe(elems)}`);
    }
    const axes = tensors.map((t) => normalizeAxis(given, t.ndim, "associativeScan"));
    const axis = axes[0]!;
    const sizes = new Set(tensors.map((t, i) => t.shape[axes[i]!]));
    if (sizes.size > 1 || axes.some((a) => a !== axis)) {
      throw new ShapeError(
        `associativeScan: all of \`elems\` must have the same size on axis ${given}. Received: ${tensors
          .map((t) => formatShape(t.shape))
          .join(", ")}`,
      );
    }
    const combine: Combine = (a, b) => {
      const result = combineStructures(withLeaves(elems, a.map(wrap)), withLeaves(elems, b.map(wrap)));
      refusePromise("associativeScan", "`f`", result);
      assertSameStructure(elems, result, "associativeScan: `f` must return the structure of `elems`");
      return tensorLeaves(result, "associativeScan", "result").map((t) => t.node);
    };
    const flip = (xs: readonly Value[]): Value[] => xs.map((x) => (reverse ? build.reverse(x, [axis]) : x));
    const results = runningResults(flip(tensors.map((t) => t.node)), axis, combine);
    return { structure: elems, leaves: flip(results).map(wrap) };
  };
  return associativeScanOp([elems], run, { reverse, axis: given }) as ResultsLike<E, E>;
}
