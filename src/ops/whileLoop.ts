/** `ops.whileLoop`: a loop whose end is found while it runs. */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { instantiate } from "../ir/body.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { type CarryNames, expectFunction, nextLeaves, recordWithState } from "./carry.ts";
import { toTensor, wrap } from "./define.ts";
import { readOptions } from "./kit.ts";
import { defineLoop, type LoopResults } from "./loopOp.ts";
import { type ResultsLike, type WithLeaves, withLeaves } from "./structures.ts";
import { refusePromise, traceBody } from "./traceBody.ts";

/** Options of {@link whileLoop}. */
export interface WhileLoopOptions {
  /** The loop ends after so many turns in any case; gives it a gradient. @defaultValue `null` (no limit) */
  maximumIterations?: number | null;
}

/** How the functions of a loop take its state: each entry of an array as an argument of its own. */
export type LoopArguments<S> = S extends readonly unknown[] ? Each<S> : [WithLeaves<S, Tensor>];
type Each<S extends readonly unknown[]> = { -readonly [K in keyof S]: WithLeaves<S[K], Tensor> };

const NAMES: CarryNames = { where: "whileLoop", init: "loopVars", step: "body" };

const whileLoopOp = defineLoop("WhileLoop", "whileLoop", { maximumIterations: "maximum_iterations" });

/** A condition as one bool. */
export function flagOf(where: string, what: string, condition: unknown): Value {
  refusePromise(where, what, condition);
  const t = toTensor(condition, null, where);
  if (t.size !== 1) {
    throw new ShapeError(
      `${where}: expected ${what} to give one truth value. Received: shape ${formatShape(t.shape)}; reduce it with ops.all or ops.any`,
    );
  }
  return build.reshape(build.cast(t.node, "bool"), []);
}

/**
 * Applies `body` as long as `cond` holds.
 *
 * Both are traced once. The loop runs in the engine: what they do in JavaScript happens while it is recorded only.
 * Without `maximumIterations` there is no gradient; with it, the gradient costs that many turns.
 *
 * @param cond - From the state to a truth value; asked before every turn.
 * @param body - From the state to the next one, of the same structure, shapes and dtypes.
 * @param loopVars - The first state. Entries of an array are passed as arguments of their own.
 * @returns The last state.
 * @example
 * ops.whileLoop((i) => i.less(10), (i) => i.add(1), 0); // 10
 * ops.whileLoop((x, y) => x.less(10), (x, y) => [x.add(1), y.add(1)], [0, 1]); // [10, 11]
 * @see keras/src/ops/core.py (Keras 3.x)
 */
export function whileLoop<const S>(
  cond: (...state: LoopArguments<S>) => unknown,
  body: (...state: LoopArguments<S>) => unknown,
  loopVars: S,
  options?: WhileLoopOptions,
): ResultsLike<S, S> {
  const { maximumIterations = null } = readOptions("whileLoop", options, ["maximumIterations"]);
  expectFunction("whileLoop", "cond", cond);
  expectFunction("whileLoop", "body", body);
  if (maximumIterations !== null && !(Number.isInteger(maximumIterations) && maximumIterations >= 0)) {
    throw new RangeError(
      `whileLoop: expected \`maximumIterations\` to be a non-negative integer or null. Received: ${describe(maximumIterations)}`,
    );
  }
  const apply = (fn: unknown, state: unknown): unknown =>
    Array.isArray(state) ? (fn as (...xs: unknown[]) => unknown)(...state) : (fn as (x: unknown) => unknown)(state);

  const run = (first: unknown): LoopResults => {
    const { state, recorded } = recordWithState(NAMES, first, (state) => {
      const types = state.map(({ shape, dtype }) => ({ shape, dtype, name: "state" }));
      const goOn = traceBody("whileLoop", types, (inputs) => [
        wrap(flagOf("whileLoop", "`cond`", apply(cond, withLeaves(first, inputs)))),
      ]);
      let next: Tensor[] = [];
      const turn = traceBody("whileLoop", types, (inputs) => {
        const result = apply(body, withLeaves(first, inputs));
        refusePromise("whileLoop", "`body`", result);
        const single = Array.isArray(first) && first.length === 1 && !Array.isArray(result);
        next = nextLeaves(NAMES, first, single ? [result] : result);
        const again = instantiate(goOn.program, [...next.map((t) => t.node), ...goOn.captured]);
        return [...again.map(wrap), ...next];
      });
      return { next, goOn, turn };
    });
    const { goOn, turn } = recorded;
    goOn.commit();
    turn.commit();
    const values = state.map((t) => t.node);
    const [begin] = instantiate(goOn.program, [...values, ...goOn.captured]);
    const results = build.emit("while", [begin!, ...values, ...turn.captured], {
      body: turn.program,
      carries: values.length,
      maximumIterations,
    });
    return { structure: first, leaves: results.map(wrap) };
  };
  return whileLoopOp([loopVars], run, { maximumIterations }) as ResultsLike<S, S>;
}
