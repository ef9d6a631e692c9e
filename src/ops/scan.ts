/** `ops.scan`: a function applied along the first axis of arrays while state is carried along. */
import { DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { assertSameStructure } from "../core/tree.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { defineOp, wrap } from "./define.ts";
import { isUnknownSize, readOptions } from "./kit.ts";
import { leadingSize, type ResultsLike, tensorLeaves, type WithLeaves, withLeaves } from "./structures.ts";

/** Options of {@link scan}. */
export interface ScanOptions {
  /** Number of steps. @defaultValue the size of the first axis of `xs` */
  length?: number | null;
  /** Goes from the last element to the first; `ys` are in the order of `xs` all the same. @defaultValue `false` */
  reverse?: boolean;
  /** How many steps the program spells out per turn of its loop; `true` is all of them. @defaultValue chosen by length */
  unroll?: boolean | number;
}

type Step = (carry: unknown, x: unknown) => unknown;

/** The part of `x` at one position of its first axis. */
function at(x: Value, index: number): Value {
  const rest = x.shape.slice(1);
  const part = build.slice(x, [index, ...rest.map(() => 0)], [index + 1, ...rest]);
  return build.reshape(part, rest);
}

const scanOp = defineOp(
  "Scan",
  "core",
  { length: "length", reverse: "reverse", unroll: "unroll" },
  ([init, xs], { f, length, reverse }) => {
    const step = f as Step;
    const sequences = tensorLeaves(xs, "scan", "xs");
    const steps = (length as number | null) ?? leadingSize("scan", xs)!;
    const order = Array.from({ length: isUnknownSize(steps) ? 1 : steps }, (_, i) => i);
    if (reverse) order.reverse();
    let carry = tensorLeaves(init, "scan", "init");
    const rows: Tensor[][] = [];
    let yStructure: unknown = null;
    for (const i of order) {
      const x = withLeaves(
        xs,
        sequences.map((s) => wrap(at(s.node, i))),
      );
      const result = step(withLeaves(init, carry), x);
      const [next, y] = pairOf(result);
      carry = checkCarry(init, carry, next);
      yStructure = y;
      rows[i] = tensorLeaves(y, "scan", "y");
    }
    const first = rows[order[0]!] ?? [];
    const stacked = first.map((y, leaf) => {
      if (order.length < steps)
        return wrap(build.broadcastTo(build.reshape(y.node, [1, ...y.shape]), [steps, ...y.shape]));
      return wrap(
        build.concat(
          rows.map((row) => build.reshape(row[leaf]!.node, [1, ...y.shape])),
          0,
        ),
      );
    });
    return [withLeaves(init, carry), withLeaves(yStructure, stacked)] as Tensor[];
  },
);

function pairOf(result: unknown): [unknown, unknown] {
  if (result instanceof Promise) {
    throw new TypeError(
      "scan: `f` must be synchronous, for it is traced. Received: a promise. Compute with ops, and read results " +
        "(`await tensor.data()`) outside",
    );
  }
  if (!Array.isArray(result) || result.length !== 2) {
    throw new TypeError(`scan: \`f\` must return [carry, y]. Received: ${describe(result)}`);
  }
  return result as [unknown, unknown];
}

/** The new carry's tensors. @throws when its structure, a shape or a dtype differs from the old one's. */
function checkCarry(structure: unknown, old: readonly Tensor[], next: unknown): Tensor[] {
  assertSameStructure(structure, next, "scan: the carry that `f` returns must have the structure of `init`");
  return tensorLeaves(next, "scan", "carry").map((t, i) => {
    const before = old[i]!;
    if (!shapesEqual(t.shape, before.shape)) {
      throw new ShapeError(
        `scan: the carry must keep its shape. Received: ${formatShape(t.shape)} from \`f\`, expected ${formatShape(before.shape)} as in \`init\``,
      );
    }
    if (t.dtype !== before.dtype) {
      throw new DTypeError(
        `scan: the carry must keep its dtype. Received: ${t.dtype} from \`f\`, expected ${before.dtype} as in \`init\`; cast one of them`,
      );
    }
    return t;
  });
}

/**
 * Applies `f` along the first axis of `xs` and carries state along: `[carry, y] = f(carry, x)` for every step.
 *
 * `f` is traced, not run per step. The carry keeps its structure, shapes and dtypes. Differentiable, also twice.
 *
 * @param f - From the carry and one element of `xs` to `[carry, y]`; both may be nested structures, `y` may be `null`.
 * @param init - The carry before the first step: a tensor, a number, or arrays and objects of them.
 * @param xs - Tensors with the steps on axis 0, in any structure; without them give `length`.
 * @returns `[carry, ys]`: the last carry, and the `y` of all steps stacked on a new first axis.
 * @throws TypeError or ShapeError when `f` returns anything else, saying what.
 * @example
 * const [total, sums] = ops.scan((c, x) => [c.add(x), c.add(x)], 0, ops.arange(1, 6)); // 15, [1, 3, 6, 10, 15]
 * @see keras/src/ops/core.py (Keras 3.x)
 */
export function scan<const C, const X, Y>(
  f: (carry: WithLeaves<C, Tensor>, x: WithLeaves<X, Tensor>) => readonly [carry: unknown, y: Y],
  init: C,
  xs: X = null as X,
  options?: ScanOptions,
): [carry: ResultsLike<C, [C, X]>, ys: ResultsLike<Y, [C, X]>] {
  const {
    length = null,
    reverse = false,
    unroll = false,
  } = readOptions("scan", options, ["length", "reverse", "unroll"]);
  return scanOp([init, xs], { f, length, reverse, unroll }) as unknown as [
    ResultsLike<C, [C, X]>,
    ResultsLike<Y, [C, X]>,
  ];
}
