/** Types of nested structures of tensors, as loops and branches take and return them: arrays and plain objects of any depth. */

import type { TypedArray } from "../core/dtype.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, isUnknownSize, sizesAgree } from "../core/shape.ts";
import { flattenWithPath, isNested, mapStructure, type Nested, type PathKey } from "../core/tree.ts";
import type { Tensor, TensorHolder } from "../runtime/tensor.ts";
import { toTensor } from "./define.ts";
import type { KerasTensor } from "./kerasTensor.ts";

/** What counts as one tensor of a structure. A plain array is a structure: of numbers it holds one scalar each. */
export type TensorLeaf = Tensor | KerasTensor | TensorHolder | TypedArray | number | boolean | bigint;

/** A structure with leaves of another type in place of its own; `null` stays. */
export type WithLeaves<S, Leaf> = S extends null | undefined
  ? S
  : S extends TensorLeaf
    ? Leaf
    : S extends readonly unknown[]
      ? { -readonly [K in keyof S]: WithLeaves<S[K], Leaf> }
      : S extends object
        ? { -readonly [K in keyof S]: WithLeaves<S[K], Leaf> }
        : Leaf;

/** The symbolic tensors anywhere in a structure; `never` when there are none. */
type SymbolicIn<S> = S extends KerasTensor
  ? S
  : S extends TensorLeaf | null | undefined
    ? never
    : S extends readonly (infer E)[]
      ? SymbolicIn<E>
      : S extends object
        ? SymbolicIn<S[keyof S]>
        : never;

/** A structure of results for arguments of type `A`: symbolic as soon as one of those is. */
export type ResultsLike<S, A> = WithLeaves<S, [SymbolicIn<A>] extends [never] ? Tensor : KerasTensor>;

/** Where a leaf is, for messages: `carry`, `carry[0].h`. */
export const leafName = (root: string, path: readonly PathKey[]): string =>
  root + path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");

/** The leaves of a structure as tensors; numbers become scalars, `null` is left out. */
export function tensorLeaves(structure: unknown, where: string, root: string): Tensor[] {
  return flattenWithPath(structure as Nested<unknown>).flatMap(([path, leaf]) =>
    leaf === null || leaf === undefined ? [] : [toTensor(leaf, null, `${where}: ${leafName(root, path)}`)],
  );
}

/** The structure with other leaves in place of its tensors, in order. */
export function withLeaves(structure: unknown, leaves: readonly Tensor[]): unknown {
  let next = 0;
  const replace = (leaf: unknown): unknown => (leaf === null || leaf === undefined ? leaf : leaves[next++]!);
  return isNested(structure) ? mapStructure(replace, structure as Nested<unknown>) : replace(structure);
}

/** @throws ShapeError unless `xs` are tensors whose first axes are equally long. Returns that length, `null` without tensors. */
export function leadingSize(where: string, xs: unknown): number | null {
  let size: number | null = null;
  for (const [path, leaf] of flattenWithPath(xs as Nested<unknown>)) {
    if (leaf === null || leaf === undefined) continue;
    const name = leafName("xs", path);
    const { shape } = toTensor(leaf, null, `${where}: ${name}`);
    if (shape.length === 0) {
      throw new ShapeError(
        `${where}: ${name} is a scalar and has no first axis to go along. Received: xs=${describe(leaf)}`,
      );
    }
    if (size !== null && !sizesAgree(shape[0]!, size)) {
      throw new ShapeError(
        `${where}: all of \`xs\` must have the same size on axis 0. Received: ${name} with shape ${formatShape(shape)}, ` +
          `others with ${size}`,
      );
    }
    if (size === null || isUnknownSize(size)) size = shape[0]!;
  }
  return size;
}
