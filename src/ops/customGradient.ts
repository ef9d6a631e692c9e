/** `ops.customGradient`: a function with a gradient that its author wrote. */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, shapesCompatible } from "../core/shape.ts";
import { isNested } from "../core/tree.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { toTensor, wrap } from "./define.ts";
import type { KerasTensor } from "./kerasTensor.ts";
import { defineLoop, type LoopResults } from "./loopOp.ts";
import { tensorLeaves, type WithLeaves, withLeaves } from "./structures.ts";
import { refusePromise, traceBody } from "./traceBody.ts";

const WHERE = "customGradient";

/** Gradients of the arguments, flattened; the gradient itself for one argument. `null` stands for zeros. */
export type CustomGradients = Tensor | null | readonly (Tensor | null)[];

/** What {@link customGradient} makes: the function, on tensors or in a graph. */
export interface CustomGradientFunction<A extends readonly unknown[], R> {
  (...args: A): R;
  (...args: WithLeaves<A, KerasTensor> & readonly unknown[]): WithLeaves<R, KerasTensor>;
}

const op = defineLoop("CustomGradient", WHERE, {});

/**
 * A function whose gradient is given, not derived: for a more stable one, a cheaper one, or one that is not the derivative
 * (clipped, reversed, straight through).
 *
 * Works on numbers, in compiled steps, inside loops, branches and other such functions. `gradFn` is recorded once, when the
 * function is called, and may use what `fn` has computed; it is made of ops and so has a gradient of its own. Variables and
 * tensors that `fn` takes from outside count as constants: pass as arguments what needs a gradient.
 *
 * @param fn - From tensors (numbers become tensors; structures are allowed) to `[output, gradFn]`. `gradFn` gets the gradient of
 *   the output, structured like it, and returns one gradient per tensor among the arguments, in order, each with the shape of
 *   its argument.
 * @returns A function that returns the output of `fn`.
 * @throws TypeError when `fn` does not return `[output, gradFn]`; RangeError for another number of gradients; ShapeError for a
 *   gradient of another shape than its argument.
 * @example
 * const log1pexp = ops.customGradient((x: Tensor) => {
 *   const e = ops.exp(x);
 *   return [ops.log(ops.add(1, e)), (upstream) => ops.multiply(upstream, ops.subtract(1, ops.divide(1, ops.add(1, e))))];
 * });
 * @see keras/src/ops/core.py `custom_gradient` (Keras 3.x)
 */
export function customGradient<A extends readonly unknown[], R>(
  fn: (...args: A) => readonly [output: R, gradFn: (upstream: R) => CustomGradients],
): CustomGradientFunction<A, R> {
  if (typeof fn !== "function") {
    throw new TypeError(`${WHERE}: expected a function that returns [output, gradFn]. Received: ${describe(fn)}`);
  }
  const run = (...args: unknown[]): LoopResults => record(args, fn as unknown as Recorded);
  return ((...args: readonly unknown[]) => op(args, run)) as unknown as CustomGradientFunction<A, R>;
}

type Recorded = (...args: unknown[]) => unknown;

function record(args: readonly unknown[], fn: Recorded): LoopResults {
  const given = tensorLeaves(args, WHERE, "arguments");
  const returned = fn(...(withLeaves(args, given) as unknown[]));
  refusePromise(WHERE, "the function", returned);
  const [output, gradFn] = Array.isArray(returned) && returned.length === 2 ? returned : [null, null];
  if (typeof gradFn !== "function") {
    throw new TypeError(
      `${WHERE}: the function must return [output, gradFn]: a tensor or a structure of tensors, and a function of the ` +
        `gradient of the output. Received: ${describe(returned)}`,
    );
  }
  const leaves = tensorLeaves(output, WHERE, "output");
  const types = leaves.map(({ shape, dtype }, i) => ({ shape, dtype, name: `upstream ${i}` }));
  const body = traceBody(WHERE, types, (upstream) => {
    const found: unknown = gradFn(isNested(output) ? withLeaves(output, upstream) : upstream[0]!);
    refusePromise(WHERE, "`gradFn`", found);
    return gradientsFor(given, found);
  });
  body.commit();
  const inputs: Value[] = [...leaves.map((t) => t.node), ...given.map((t) => t.node), ...body.captured];
  const attributes = { gradient: body.program, results: leaves.length, arguments: given.length };
  return { structure: output, leaves: build.emit("custom_gradient", inputs, attributes).map(wrap) };
}

/** What `gradFn` returned, one tensor per argument. */
function gradientsFor(given: readonly Tensor[], found: unknown): Tensor[] {
  const list: readonly unknown[] = Array.isArray(found) ? found : [found];
  if (list.length !== given.length || found === undefined) {
    throw new RangeError(
      `${WHERE}: \`gradFn\` must return one gradient per argument, ${given.length} here (null for none). ` +
        `Received: ${Array.isArray(found) ? `${list.length} gradients` : describe(found)}`,
    );
  }
  return given.map((argument, i) => {
    const gradient = list[i];
    if (gradient === null) return wrap(build.full(0, argument.shape, argument.dtype));
    const tensor = toTensor(gradient, null, `${WHERE}: gradient ${i}`);
    if (!shapesCompatible(tensor.shape, argument.shape)) {
      throw new ShapeError(
        `${WHERE}: gradient ${i} must have the shape of argument ${i}, ${formatShape(argument.shape)}. ` +
          `Received: ${formatShape(tensor.shape)}`,
      );
    }
    return wrap(build.cast(tensor.node, argument.dtype));
  });
}
