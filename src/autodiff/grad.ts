/** Gradients of functions of tensors: the user's face of `gradients` (autodiff/gradients.ts). */
import { isFloat } from "../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { nextValueId } from "../ir/value.ts";
import { withAutocast } from "../runtime/autocast.ts";
import { Tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import { gradients } from "./gradients.ts";

/** @throws TypeError, DTypeError or ShapeError for what has no gradient. */
function checkScalar(loss: unknown): asserts loss is Tensor {
  if (!(loss instanceof Tensor)) {
    throw new TypeError(`grad: the function must return a tensor. Received: ${describe(loss)}`);
  }
  if (loss.size !== 1) {
    throw new ShapeError(
      `grad: the function must return a scalar. Received: shape ${formatShape(loss.shape)}; reduce it, for example with ops.mean`,
    );
  }
  if (!isFloat(loss.dtype)) {
    throw new DTypeError(`grad: the function must return a float. Received: dtype ${loss.dtype}`);
  }
}

function gradientTensors(
  loss: Tensor,
  wrt: readonly Tensor[],
  options: { independent?: boolean; since?: number },
): (Tensor | null)[] {
  checkScalar(loss);
  const seed = build.full(1, loss.shape, loss.dtype);
  const values = wrt.map((t) => t.node);
  return gradients([loss.node], [seed], values, options).map((g) => (g ? new Tensor(g) : null));
}

/**
 * Gradients of a scalar with respect to tensors it was computed from.
 *
 * @returns One tensor per entry of `wrt`, or `null` where the scalar does not depend on it. Where one entry was computed
 *   from another, the other's gradient includes what goes through it.
 */
export const gradientsOf = (loss: Tensor, wrt: readonly Tensor[]): (Tensor | null)[] => gradientTensors(loss, wrt, {});

const orZeros = (g: Tensor | null, like: Tensor): Tensor => g ?? new Tensor(build.full(0, like.shape, like.dtype));

/** The same numbers as a value of its own: of two equal arguments each has its own gradient, and a captured one has none. */
function distinct(t: Tensor): Tensor {
  if (!isFloat(t.dtype)) return t;
  const copy = new Tensor(build.binary("mul", t.node, build.scalar(1, t.dtype)));
  copy.mask = t.mask;
  return copy;
}

/** Current values; outside any autocast, so that they are what reads inside one are made from. */
function valuesOf(variables: readonly Variable[]): Tensor[] {
  const bad = Array.isArray(variables) ? variables.findIndex((v) => !(v instanceof Variable)) : -1;
  if (!Array.isArray(variables) || bad >= 0) {
    throw new TypeError(
      `grad: expected \`variables\` to be a list of Variables, such as model.trainableVariables. Received: ${describe(
        bad >= 0 ? variables[bad] : variables,
      )}`,
    );
  }
  return withAutocast(null, () => variables.map((v) => v.value));
}

/**
 * A function that computes the value of `fn` and its gradients.
 *
 * @param fn - Returns a scalar tensor. It is called once. What it takes from outside, computed before, is constant.
 * @param variables - Differentiates with respect to these, as they are before `fn` assigns any; without them, with respect
 *   to every argument of the call that is a tensor.
 * @returns Called with the arguments of `fn`, gives `[value, gradients]`, one gradient per variable or argument;
 *   zeros where the value does not depend on it.
 * @throws ShapeError when the value is not a scalar.
 * @throws TypeError when there is nothing to differentiate with respect to.
 * @example
 * const [y, [dx]] = valueAndGrad((x: Tensor) => ops.sum(ops.square(x)))(tensor([1, 2, 3])); // dx = [2, 4, 6]
 */
export function valueAndGrad<A extends unknown[]>(
  fn: (...args: A) => Tensor,
  variables?: readonly Variable[],
): (...args: A) => [value: Tensor, gradients: Tensor[]] {
  return (...args) => {
    const given = variables ? args : (args.map((a) => (a instanceof Tensor ? distinct(a) : a)) as A);
    const wrt = variables ? valuesOf(variables) : given.filter((a) => a instanceof Tensor);
    if (!variables && wrt.length === 0) {
      throw new TypeError(
        "grad: nothing to differentiate with respect to, for no argument is a tensor. " +
          "Pass tensors, or Variables as the second argument of grad",
      );
    }
    // What was computed before is constant, though it may depend on the same variables: after an update of one network in a
    // step, the next gradient must not go back through that update.
    const since = nextValueId();
    const value = fn(...given);
    const found = gradientTensors(value, wrt, { independent: true, since });
    return [value, found.map((g, i) => orZeros(g, wrt[i]!))];
  };
}

/**
 * Like `valueAndGrad`, without the value. With one tensor argument and no variables the result is that one gradient.
 *
 * @example
 * const slope = grad((x: Tensor) => ops.sum(x.pow(3)));
 * await slope(tensor([1, 2])).array(); // [3, 12]
 */
export function grad<A extends [Tensor]>(fn: (...args: A) => Tensor): (...args: A) => Tensor;
export function grad<A extends unknown[]>(
  fn: (...args: A) => Tensor,
  variables: readonly Variable[],
): (...args: A) => Tensor[];
export function grad<A extends unknown[]>(fn: (...args: A) => Tensor): (...args: A) => Tensor | Tensor[];
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
