/** Derivatives in a direction, forwards. */
import { gradients } from "../autodiff/gradients.ts";
import { isFloat } from "../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape, shapesCompatible } from "../core/shape.ts";
import { flatten, type Nested, packSequenceAs } from "../core/tree.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { Tensor } from "../runtime/tensor.ts";
import { toTensor, wrap } from "./define.ts";
import { hasSymbolic, type TensorLike } from "./kerasTensor.ts";
import { readOptions } from "./kit.ts";

const zerosLike = (x: Value): Value => build.full(0, x.shape, x.dtype);

/**
 * The value of a function and its derivative in a direction: how the result moves when the arguments move by `tangents`.
 *
 * Computed as the gradient of a gradient: Jᵀu is linear in u, so that its derivative in u, along t, is J t.
 *
 * @param fun - From tensors to a tensor or a structure of them.
 * @param primals - Where: the arguments of `fun`, floats.
 * @param tangents - The direction: like the primals.
 * @param options - `hasAux`: `fun` returns [result, aux], and aux is handed through. @defaultValue `{ hasAux: false }`
 * @returns `[result, tangent]`, or `[result, tangent, aux]`.
 * @example
 * const [y, dy] = ops.jvp((x) => ops.square(x), [3], [1]); // 9, 6
 */
export function jvp<R extends Nested<Tensor>>(
  fun: (...args: Tensor[]) => R,
  primals: readonly TensorLike[],
  tangents: readonly TensorLike[],
  options?: { hasAux?: false },
): [result: R, tangent: R];
export function jvp<R extends Nested<Tensor>, Aux>(
  fun: (...args: Tensor[]) => readonly [R, Aux],
  primals: readonly TensorLike[],
  tangents: readonly TensorLike[],
  options: { hasAux: true },
): [result: R, tangent: R, aux: Aux];
export function jvp(
  fun: (...args: Tensor[]) => unknown,
  primals: readonly TensorLike[],
  tangents: readonly TensorLike[],
  options?: { hasAux?: boolean },
): unknown {
  const { hasAux = false } = readOptions("jvp", options, ["hasAux"]);
  if (typeof fun !== "function") throw new TypeError(`jvp: expected a function first. Received: ${describe(fun)}`);
  if (!Array.isArray(primals) || !Array.isArray(tangents) || primals.length !== tangents.length) {
    throw new TypeError(
      `jvp: expected lists of primals and tangents, one tangent per primal. Received: ${describe(primals)} and ${describe(tangents)}`,
    );
  }
  if (hasSymbolic([primals, tangents])) {
    throw new TypeError(
      "jvp: symbolic tensors cannot be differentiated along; use it inside a layer's `call` or on numbers",
    );
  }
  const points = primals.map((x, i) => pointOf(x, tangents[i]!, i));
  const returned = fun(...points.map(({ x }) => wrap(x)));
  if (hasAux && (!Array.isArray(returned) || returned.length !== 2)) {
    throw new TypeError(`jvp: with \`hasAux\` the function must return [result, aux]. Received: ${describe(returned)}`);
  }
  const [result, aux] = hasAux ? (returned as [Nested<Tensor>, unknown]) : [returned as Nested<Tensor>, null];
  const outputs = flatten(result).map((y) => {
    if (y instanceof Tensor) return y.node;
    throw new TypeError(`jvp: expected the function to return tensors. Received: ${describe(y)}`);
  });
  const moved = packSequenceAs(result as Nested<unknown>, directional(outputs, points).map(wrap));
  return hasAux ? [result, moved, aux] : [result, moved];
}

interface Point {
  readonly x: Value;
  readonly tangent: Value;
}

/** A value of its own for each argument, so that two equal ones are told apart. */
function pointOf(primal: TensorLike, tangent: TensorLike, i: number): Point {
  const { node } = toTensor(primal, typeof primal === "number" ? "float32" : null, "jvp");
  if (!isFloat(node.dtype)) {
    throw new DTypeError(`jvp: expected primals of a float dtype. Received: primal ${i} of dtype ${node.dtype}`);
  }
  const direction = toTensor(tangent, node.dtype, "jvp").node;
  if (!shapesCompatible(direction.shape, node.shape)) {
    throw new ShapeError(
      `jvp: a tangent must have the shape of its primal. Received: primal ${i} ${formatShape(node.shape)}, tangent ${formatShape(direction.shape)}`,
    );
  }
  return { x: build.binary("mul", node, build.scalar(1, node.dtype)), tangent: direction };
}

/** J · tangents, one per output; zeros where nothing moves. */
function directional(outputs: readonly Value[], points: readonly Point[]): Value[] {
  const floats = outputs.filter((y) => isFloat(y.dtype));
  // Any number would do: the second derivative does not depend on it.
  const weights = floats.map((y) => build.binary("mul", zerosLike(y), build.scalar(1, y.dtype)));
  const pulled = gradients(
    floats,
    weights,
    points.map(({ x }) => x),
  );
  const reached = points.flatMap(({ tangent }, i) => (pulled[i] ? [{ gradient: pulled[i], tangent }] : []));
  const pushed = gradients(
    reached.map(({ gradient }) => gradient),
    reached.map(({ tangent }) => tangent),
    weights,
  );
  return outputs.map((y) => {
    const index = floats.indexOf(y);
    return (index >= 0 ? pushed[index] : null) ?? zerosLike(y);
  });
}
