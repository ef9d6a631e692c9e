/** `ops.scan`: a function applied along the first axis of arrays while state is carried along. */
import { isFloat } from "../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { assertSameStructure, flattenWithPath, type Nested } from "../core/tree.ts";
import * as build from "../ir/build.ts";
import type { Scan } from "../ir/loops.ts";
import { unrollScan } from "../ir/unroll.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { defineOp, toTensor, wrap } from "./define.ts";
import { isUnknownSize, readOptions } from "./kit.ts";
import { leadingSize, leafName, type ResultsLike, tensorLeaves, type WithLeaves, withLeaves } from "./structures.ts";
import { refusePromise, traceBody } from "./traceBody.ts";

/** Options of {@link scan}. */
export interface ScanOptions {
  /** Number of steps. @defaultValue the size of the first axis of `xs` */
  length?: number | null;
  /** Goes from the last element to the first; `ys` are in the order of `xs` all the same. @defaultValue `false` */
  reverse?: boolean;
  /**
   * `true`, or a number as large as the length, writes every step out instead of making a loop: a larger program that takes
   * longer to compile. A smaller number changes nothing, for a turn of the loop costs little. @defaultValue `1`
   */
  unroll?: boolean | number;
}

/** From carry and element to [carry, y]. */
type Step = (carry: unknown, x: unknown) => unknown;

/** What a loop goes over, checked. */
interface Loop {
  readonly where: string;
  readonly step: Step;
  readonly init: unknown;
  readonly xs: unknown;
  readonly length: number;
  readonly reverse: boolean;
  readonly unroll: boolean;
}

/** The results of a loop: tensors of the carry, then of y. */
interface LoopResult {
  readonly carry: Tensor[];
  readonly ys: Tensor[];
  readonly yStructure: unknown;
}

/** Records a loop. The dtype of a carry that starts as a plain number is what `step` makes of it. */
export function runScan(loop: Loop): LoopResult {
  const { where, init, xs, length, reverse } = loop;
  let carry = tensorLeaves(init, where, "init");
  const sequences = tensorLeaves(xs, where, "xs");
  const isNumber = leavesOf(init).map((leaf) => typeof leaf === "number");
  while (true) {
    let yStructure: unknown = null;
    let next: Tensor[] = [];
    const types = [
      ...carry.map(({ shape, dtype }) => ({ shape, dtype, name: "carry" })),
      ...sequences.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype, name: "x" })),
    ];
    const { program, captured } = traceBody(where, types, (inputs) => {
      const result = loop.step(
        withLeaves(init, inputs.slice(0, carry.length)),
        withLeaves(xs, inputs.slice(carry.length)),
      );
      const [newCarry, y] = pairOf(where, result);
      yStructure = y;
      next = carryLeaves(where, init, newCarry);
      return [...next, ...tensorLeaves(y, where, "y")];
    });
    const widened = carry.map((t, i) => (isNumber[i] && isFloat(next[i]!.dtype) ? next[i]!.dtype : t.dtype));
    if (widened.some((dtype, i) => dtype !== carry[i]!.dtype)) {
      carry = carry.map((t, i) => toTensor(t, widened[i]!));
      isNumber.fill(false);
      continue;
    }
    checkTypes(where, init, carry, next);
    const inputs = [...carry, ...sequences].map((t) => t.node);
    const attributes = { body: program, length, reverse, carries: carry.length, sequences: sequences.length };
    const results = repeat([...inputs, ...captured], attributes, loop.unroll).map(wrap);
    return { carry: results.slice(0, carry.length), ys: results.slice(carry.length), yStructure };
  }
}

/** A loop as a value of its own, or what it amounts to where it makes no more than a turn or is to be written out. */
function repeat(inputs: readonly Value[], scan: Scan, unroll: boolean): Value[] {
  return scan.length <= 1 || unroll ? unrollScan(inputs, scan) : build.scan(inputs, scan);
}

const leavesOf = (structure: unknown): unknown[] =>
  flattenWithPath(structure as Nested<unknown>).flatMap(([, leaf]) =>
    leaf === null || leaf === undefined ? [] : [leaf],
  );

function pairOf(where: string, result: unknown): [unknown, unknown] {
  refusePromise(where, "`f`", result);
  if (!Array.isArray(result) || result.length !== 2) {
    throw new TypeError(`${where}: \`f\` must return [carry, y]. Received: ${describe(result)}`);
  }
  return result as [unknown, unknown];
}

/** The tensors of a new carry. @throws RangeError when its structure is not that of `init`. */
function carryLeaves(where: string, init: unknown, carry: unknown): Tensor[] {
  assertSameStructure(init, carry, `${where}: the carry that \`f\` returns must have the structure of \`init\``);
  return tensorLeaves(carry, where, "carry");
}

/** @throws ShapeError or DTypeError when a carry changes its type. */
function checkTypes(where: string, init: unknown, before: readonly Tensor[], after: readonly Tensor[]): void {
  const paths = flattenWithPath(init as Nested<unknown>).filter(([, leaf]) => leaf !== null && leaf !== undefined);
  before.forEach((old, i) => {
    const next = after[i]!;
    const name = leafName("carry", paths[i]![0]);
    if (!shapesEqual(next.shape, old.shape)) {
      throw new ShapeError(
        `${where}: the carry must keep its shape. Received: ${name} with shape ${formatShape(next.shape)} from \`f\`, ` +
          `expected ${formatShape(old.shape)} as in \`init\``,
      );
    }
    if (next.dtype !== old.dtype) {
      throw new DTypeError(
        `${where}: the carry must keep its dtype. Received: ${name} with dtype ${next.dtype} from \`f\`, ` +
          `expected ${old.dtype} as in \`init\`; cast one of them`,
      );
    }
  });
}

/** How many steps there are. @throws when nothing says so, or two things say different numbers. */
export function stepCount(where: string, xs: unknown, length: unknown): number {
  const size = leadingSize(where, xs);
  if (length === null || length === undefined) {
    if (size === null) throw new TypeError(`${where}: without \`xs\` give \`length\`, the number of steps`);
    return size;
  }
  if (typeof length !== "number" || !Number.isInteger(length) || length < 0) {
    throw new RangeError(`${where}: expected \`length\` to be a non-negative integer. Received: ${describe(length)}`);
  }
  if (size !== null && size !== length) {
    throw new ShapeError(
      `${where}: \`length\` is ${length}, but \`xs\` have ${size} elements on axis 0; leave \`length\` out`,
    );
  }
  return length;
}

const scanOp = defineOp(
  "Scan",
  "core",
  { length: "length", reverse: "reverse", unroll: "unroll" },
  ([init, xs], statics) => {
    const run = statics.run as ((init: unknown, xs: unknown) => Tensor[]) | undefined;
    if (!run) {
      throw new TypeError(
        "scan: a graph that holds ops.scan cannot be loaded from a file, for functions are not stored. Put the loop " +
          "into a layer's `call`",
      );
    }
    return run(init, xs);
  },
);

/**
 * Applies `f` along the first axis of `xs` and carries state along: `[carry, y] = f(carry, x)` for every step.
 *
 * `f` is traced once; what it computes without carry and element is computed once, before the loop. Random numbers drawn
 * inside are the same at every step: draw them outside, with the steps on axis 0, and pass them in `xs`.
 * The carry keeps its structure, shapes and dtypes. Differentiable, also twice.
 *
 * @param f - From the carry and one element of `xs` to `[carry, y]`; both may be nested structures, `y` may be `null`.
 * @param init - The carry before the first step: a tensor, a number, or arrays and objects of them.
 * @param xs - Tensors with the steps on axis 0, in any structure; without them give `length`.
 * @returns `[carry, ys]`: the last carry, and the `y` of all steps stacked on a new first axis.
 * @throws TypeError, ShapeError or DTypeError when `f` returns anything else, saying what.
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
  const { length, reverse = false, unroll = 1 } = readOptions("scan", options, ["length", "reverse", "unroll"]);
  if (typeof f !== "function") {
    throw new TypeError(`scan: expected \`f\` to be a function of (carry, x). Received: ${describe(f)}`);
  }
  let yStructure: unknown = null;
  const run = (init: unknown, xs: unknown): Tensor[] => {
    const steps = stepCount("scan", xs, length);
    const spelledOut =
      !isUnknownSize(steps) && (unroll === true || (typeof unroll === "number" && unroll >= steps && unroll > 1));
    const step = f as unknown as Step;
    const result = runScan({ where: "scan", step, init, xs, length: steps, reverse, unroll: spelledOut });
    yStructure = result.yStructure;
    return [...result.carry, ...result.ys];
  };
  const flat = scanOp([init, xs], { run, length, reverse, unroll }) as Tensor[];
  const count = leavesOf(init).length;
  return [withLeaves(init, flat.slice(0, count)), withLeaves(yStructure, flat.slice(count))] as unknown as [
    ResultsLike<C, [C, X]>,
    ResultsLike<Y, [C, X]>,
  ];
}
