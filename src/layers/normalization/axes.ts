/** Axes that a layer normalizes over: one or several. */
import { describe } from "../../core/errors.ts";
import { normalizeAxis, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import { classNameOf, type Operation } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";

/** @throws TypeError unless it is an integer or a list of integers. */
export function checkAxes(layer: Operation, axis: unknown): number | readonly number[] {
  if (Number.isInteger(axis)) return axis as number;
  if (Array.isArray(axis) && axis.length > 0 && axis.every(Number.isInteger)) return [...axis];
  throw new TypeError(
    `${classNameOf(layer)} "${layer.name}": expected \`axis\` to be an integer or a list of integers. Received: axis=${describe(axis)}`,
  );
}

/** The axes as a sorted list, as built layers keep them, and the input's sizes along them. */
export function sizesAlong(axis: number | readonly number[], inputShape: Shape): { axes: number[]; sizes: number[] } {
  const axes = typeof axis === "number" ? [axis] : [...axis].sort((a, b) => a - b);
  return { axes, sizes: axes.map((a) => inputShape[normalizeAxis(a, inputShape.length, "`axis`")] as number) };
}

/** A weight with the sizes of the axes, shaped to broadcast against the inputs. */
export function spreadAlong(weight: Tensor, axes: readonly number[], shape: readonly number[]): Tensor {
  const kept = new Set(axes.map((a) => normalizeAxis(a, shape.length)));
  const first = Math.min(...kept);
  return ops.reshape(
    weight,
    shape.flatMap((d, i) => (kept.has(i) ? [d] : i < first ? [] : [1])),
  );
}
