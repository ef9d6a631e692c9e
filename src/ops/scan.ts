/** `ops.scan`: a function applied along the first axis of arrays while state is carried along. */
import { describe, ShapeError } from "../core/errors.ts";
import { sizesAgree } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Scan } from "../ir/loops.ts";
import { unrollScan } from "../ir/unroll.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { type CarryNames, expectFunction, nextLeaves, recordWithState } from "./carry.ts";
import { wrap } from "./define.ts";
import { isUnknownSize, readOptions } from "./kit.ts";
import { defineLoop, type LoopResults } from "./loopOp.ts";
import { leadingSize, type ResultsLike, tensorLeaves, type WithLeaves, withLeaves } from "./structures.ts";
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
export type Step = (carry: unknown, x: unknown) => unknown;

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

const names = (where: string): CarryNames => ({ where, init: "init", step: "f" });

/** Records a loop. */
export function runScan({ where, step, init, xs, length, reverse, unroll }: Loop): LoopResults {
  const sequences = tensorLeaves(xs, where, "xs");
  const { state, recorded } = recordWithState(names(where), init, (state) => {
    const types = [
      ...state.map(({ shape, dtype }) => ({ shape, dtype, name: "carry" })),
      ...sequences.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype, name: "x" })),
    ];
    let next: Tensor[] = [];
    let yStructure: unknown = null;
    const body = traceBody(where, types, (inputs) => {
      const result = step(withLeaves(init, inputs.slice(0, state.length)), withLeaves(xs, inputs.slice(state.length)));
      const [carry, y] = pairOf(where, result);
      yStructure = y;
      next = nextLeaves(names(where), init, carry);
      return [...next, ...tensorLeaves(y, where, "y")];
    });
    return { next, body, yStructure };
  });
  const { program, captured, commit } = recorded.body;
  commit();
  const inputs = [...state, ...sequences].map((t) => t.node);
  const scan: Scan = { body: program, length, reverse, carries: state.length, sequences: sequences.length };
  return { structure: [init, recorded.yStructure], leaves: repeat([...inputs, ...captured], scan, unroll).map(wrap) };
}

/** A loop as a value of its own, or what it amounts to where it makes no more than a turn or is to be written out. */
function repeat(inputs: readonly Value[], scan: Scan, unroll: boolean): Value[] {
  return scan.length <= 1 || unroll ? unrollScan(inputs, scan) : build.scan(inputs, scan);
}

function pairOf(where: string, result: unknown): [unknown, unknown] {
  refusePromise(where, "`f`", result);
  if (!Array.isArray(result) || result.length !== 2) {
    throw new TypeError(`${where}: \`f\` must return [carry, y]. Received: ${describe(result)}`);
  }
  return result as [unknown, unknown];
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
  if (size !== null && !sizesAgree(size, length)) {
    throw new ShapeError(
      `${where}: \`length\` is ${length}, but \`xs\` have ${size} elements on axis 0; leave \`length\` out`,
    );
  }
  return length;
}

const scanOp = defineLoop("Scan", "scan", { length: "length", reverse: "reverse", unroll: "unroll" });

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
  f: (carry: WithLeaves<NoInfer<C>, Tensor>, x: WithLeaves<NoInfer<X>, Tensor>) => readonly [carry: unknown, y: Y],
  init: C,
  xs: X = null as X,
  options?: ScanOptions,
): [carry: ResultsLike<C, [C, X]>, ys: ResultsLike<Y, [C, X]>] {
  const { length, reverse = false, unroll = 1 } = readOptions("scan", options, ["length", "reverse", "unroll"]);
  expectFunction("scan", "f", f);
  const run = (init: unknown, xs: unknown): LoopResults => {
    const steps = stepCount("scan", xs, length);
    const all = unroll === true || (typeof unroll === "number" && unroll > 1 && unroll >= steps);
    return runScan({
      where: "scan",
      step: f as unknown as Step,
      init,
      xs,
      length: steps,
      reverse,
      unroll: all && !isUnknownSize(steps),
    });
  };
  return scanOp([init, xs], run, { length, reverse, unroll }) as [ResultsLike<C, [C, X]>, ResultsLike<Y, [C, X]>];
}
