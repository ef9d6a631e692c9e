/** Loops that are scans of a simpler form: over numbers, over elements. */
import { describe } from "../core/errors.ts";
import * as build from "../ir/build.ts";
import { overTime, type TimeOperand } from "../ir/overTime.ts";
import type { Value } from "../ir/value.ts";
import { Tensor } from "../runtime/tensor.ts";
import { expectFunction } from "./carry.ts";
import { arange } from "./creation.ts";
import { toTensor, wrap } from "./define.ts";
import { defineLoop, type LoopResults } from "./loopOp.ts";
import { runScan, type Step, stepCount } from "./scan.ts";
import { type ResultsLike, tensorLeaves, type WithLeaves, withLeaves } from "./structures.ts";
import { refusePromise, traceBody } from "./traceBody.ts";
import { whileLoop } from "./whileLoop.ts";

const foriLoopOp = defineLoop("ForiLoop", "foriLoop", {});

/** A bound as a number, or `null` when only its tensor is known. */
const numberOf = (bound: unknown): number | null =>
  typeof bound === "number" && Number.isInteger(bound) ? bound : null;

/**
 * Applies `body` once for every number from `lower` up to but without `upper`.
 *
 * With numbers as bounds it is a `scan` and differentiable; with tensors the number of turns is known only when it runs, and
 * there is no gradient.
 *
 * @param body - From the number, an int32 scalar, and the state to the next state, of the same structure and types.
 * @param init - The state before the first turn.
 * @returns The last state.
 * @example
 * ops.foriLoop(0, 10, (i, s) => s.add(i), 0); // 45
 * @see keras/src/ops/core.py (Keras 3.x)
 */
export function foriLoop<const S>(
  lower: number | Tensor,
  upper: number | Tensor,
  body: (i: Tensor, state: WithLeaves<NoInfer<S>, Tensor>) => unknown,
  init: S,
): ResultsLike<S, S> {
  expectFunction("foriLoop", "body", body);
  const [from, to] = [numberOf(lower), numberOf(upper)];
  const step = body as (i: Tensor, state: unknown) => unknown;
  if (from === null || to === null) {
    for (const [name, bound] of [
      ["lower", lower],
      ["upper", upper],
    ] as const) {
      if (numberOf(bound) === null && !(bound instanceof Tensor)) {
        throw new TypeError(
          `foriLoop: expected \`${name}\` to be an integer or a tensor. Received: ${describe(bound)}`,
        );
      }
    }
    const start = toTensor(lower, "int32", "foriLoop");
    const end = toTensor(upper, "int32", "foriLoop");
    const turn = (i: Tensor, state: unknown): unknown[] => {
      const next = step(i, state);
      refusePromise("foriLoop", "`body`", next);
      return [i.add(1), next];
    };
    const goOn = (i: Tensor): Tensor => i.less(end);
    const results: unknown = whileLoop<unknown>(goOn as never, turn as never, [start, init]);
    return (results as unknown[])[1] as ResultsLike<S, S>;
  }
  const run = (init: unknown): LoopResults => {
    const { structure, leaves } = runScan({
      where: "foriLoop",
      step: (state, i) => {
        const next = step(i as Tensor, state);
        refusePromise("foriLoop", "`body`", next);
        return [next, null];
      },
      init,
      xs: arange(from, Math.max(from, to), { dtype: "int32" }),
      length: Math.max(0, to - from),
      reverse: false,
      unroll: false,
    });
    return { structure: (structure as unknown[])[0], leaves };
  };
  return foriLoopOp([init], run) as ResultsLike<S, S>;
}

const mapOp = defineLoop("Map", "map", {});

function runMap(where: string, f: (x: unknown) => unknown, xs: unknown): LoopResults {
  const step: Step = (_, x) => {
    const y = f(x);
    refusePromise(where, "`f`", y);
    return [null, y];
  };
  const length = stepCount(where, xs, null);
  const { structure, leaves } = runScan({ where, step, init: null, xs, length, reverse: false, unroll: false });
  return { structure: (structure as unknown[])[1], leaves };
}

/**
 * Applies `f` to every element of the first axis, one after another, and stacks the results.
 *
 * @param f - From an element to a result; both may be nested structures.
 * @param xs - Tensors of equally many elements on axis 0.
 * @example
 * ops.map((x) => x.mul(x), ops.arange(4)); // [0, 1, 4, 9]
 * @see keras/src/ops/core.py (Keras 3.x)
 */
export function map<const X, Y>(f: (x: WithLeaves<NoInfer<X>, Tensor>) => Y, xs: X): ResultsLike<Y, X> {
  expectFunction("map", "f", f);
  return mapOp([xs], (xs) => runMap("map", f as (x: unknown) => unknown, xs)) as ResultsLike<Y, X>;
}

const vectorizedMapOp = defineLoop("VectorizedMap", "vectorizedMap", {});

/** The results of `f` for all elements at once; `null` when something in it can only be done one by one. */
function runAtOnce(where: string, f: (x: unknown) => unknown, xs: unknown): LoopResults | null {
  const sequences = tensorLeaves(xs, where, "xs");
  const length = stepCount(where, xs, null);
  let structure: unknown = null;
  const types = sequences.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype, name: "element" }));
  const { program, captured, commit } = traceBody(where, types, (inputs) => {
    structure = f(withLeaves(xs, inputs));
    refusePromise(where, "`f`", structure);
    return tensorLeaves(structure, where, "result");
  });
  const known = new Map<Value, TimeOperand>();
  program.inputs.forEach((input, i) => {
    const own = sequences[i];
    known.set(input, { value: own ? own.node : captured[i - sequences.length]!, stacked: own !== undefined });
  });
  const operand = (value: Value): TimeOperand => known.get(value) ?? { value, stacked: false };
  for (const node of program.nodes) {
    const operands = node.inputs.map(operand);
    const stacked = operands.some((x) => x.stacked);
    const results = stacked
      ? [overTime(node, operands, length)]
      : build.emit(
          node.op,
          operands.map((x) => x.value),
          node.attributes,
        );
    for (const [i, output] of node.outputs.entries()) {
      const value = results[i];
      if (!value) return null;
      known.set(output, { value, stacked });
    }
  }
  commit();
  const leaves = program.outputs.map((output) => {
    const { value, stacked } = operand(output);
    const spread = build.reshape(value, stacked ? value.shape : [1, ...value.shape]);
    return wrap(stacked ? value : build.broadcastTo(spread, [length, ...value.shape]));
  });
  return { structure, leaves };
}

/** The results of `f` for all elements: at once where that is known of every op in it, else one by one. */
export const mapAtOnce = (where: string, f: (x: unknown) => unknown, xs: unknown): LoopResults =>
  runAtOnce(where, f, xs) ?? runMap(where, f, xs);

/**
 * Like `map`, but for all elements at once: every op in `f` is applied to the stack of its operands, which is much faster.
 * Ops of which that is not known (sorting, scattering, loops and the like) make it go element by element, as `map` does.
 *
 * @param f - From an element to a result; both may be nested structures.
 * @param elements - Tensors of equally many elements on axis 0.
 * @see keras/src/ops/core.py (Keras 3.x)
 */
export function vectorizedMap<const X, Y>(
  f: (element: WithLeaves<NoInfer<X>, Tensor>) => Y,
  elements: X,
): ResultsLike<Y, X> {
  expectFunction("vectorizedMap", "f", f);
  const run = (xs: unknown): LoopResults => mapAtOnce("vectorizedMap", f as (x: unknown) => unknown, xs);
  return vectorizedMapOp([elements], run) as ResultsLike<Y, X>;
}
