/** Gradients of functions of tensors: the user's face of `gradients` (autodiff/gradients.ts). */
import { describe } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { gradients } from "./gradients.ts";

/**
 * Gradients of a scalar with respect to tensors it was computed from.
 *
 * @returns One tensor per entry of `wrt`, or `null` where the scalar does not depend on it.
 */
export function gradientsOf(loss: Tensor, wrt: readonly Tensor[]): (Tensor | null)[] {
  if (!(loss instanceof Tensor)) {
    throw new TypeError(`grad: the function must return a tensor. Received: ${describe(loss)}`);
  }
  if (loss.size !== 1) {
    throw new RangeError(
      `grad: the function must return a scalar. Received: shape ${formatShape(loss.shape)}; reduce it, for example with ops.mean`,
    );
  }
  const seed: Value = build.full(1, loss.shape, loss.dtype);
  return gradients(
    [loss.node],
    [seed],
    wrt.map((t) => t.node),
  ).map((g) => (g ? new Tensor(g) : null));
}

const orZeros = (g: Tensor | null, like: Tensor): Tensor => g ?? new Tensor(build.full(0, like.shape, like.dtype));

/**
 * A function that computes the value of `fn` and its gradients.
 *
 * @param fn - Returns a scalar tensor. It is called once.
 * @param variables - Differentiates with respect to these; without them, with respect to every argument of the call.
 * @returns Called with the arguments of `fn`, gives `[value, gradients]`, one gradient per variable or argument;
 *   zeros where the value does not depend on it.
 * @throws RangeError when the value is not a scalar.
 * @example
 * const [y, [dx]] = valueAndGrad((x) => ops.sum(ops.square(x)))(tensor([1, 2, 3])); // dx = [2, 4, 6]
 */
export function valueAndGrad<A extends unknown[]>(
  fn: (...args: A) => Tensor,
  variables?: readonly Variable[],
): (...args: A) => [Tensor, Tensor[]] {
  return (...args) => {
    // Read before and after give the same value unless `fn` assigns: gradients are with respect to what `fn` started from.
    const wrt = variables
      ? variables.map((v) => v.value)
      : args.filter((a): a is A[number] & Tensor => a instanceof Tensor);
    const value = fn(...args);
    const found = gradientsOf(value, wrt);
    return [value, found.map((g, i) => orZeros(g, wrt[i]!))];
  };
}

/** Like `valueAndGrad`, without the value. With one tensor argument and no variables the result is that one gradient. */
export function grad<A extends unknown[]>(
  fn: (...args: A) => Tensor,
  variables?: readonly Variable[],
): (...args: A) => Tensor | Tensor[] {
  const both = valueAndGrad(fn, variables);
  return (...args) => {
    const [, found] = both(...args);
    return variables === undefined && found.length === 1 ? found[0]! : found;
  };
}
