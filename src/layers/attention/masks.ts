/** Masks that attention layers make: which keys a query may attend to, by their positions. */
import * as ops from "../../ops/index.ts";
import { type Operand, Tensor } from "../../runtime/tensor.ts";
import { checkMaskShape, shapeText } from "../maskShape.ts";

/** (1, queries, keys): true where the key's position is not after the query's. */
export function causalMask(queries: number, keys: number): Tensor {
  const [rows, columns] = positions(queries, keys);
  return ops.greaterEqual(rows, columns);
}

/** (1, queries, keys): true where the positions are less than `width` apart. */
export function slidingWindowMask(queries: number, keys: number, width: number): Tensor {
  const [rows, columns] = positions(queries, keys);
  return ops.less(ops.abs(ops.subtract(rows, columns)), width);
}

const positions = (queries: number, keys: number): [Tensor, Tensor] => [
  ops.reshape(ops.arange(queries, { dtype: "int32" }), [1, queries, 1]),
  ops.reshape(ops.arange(keys, { dtype: "int32" }), [1, 1, keys]),
];

/** What a mask is made of. */
export interface MaskParts {
  readonly queryMask: Operand | null;
  readonly valueMask: Operand | null;
  readonly keyMask: Operand | null;
  readonly attentionMask: Operand | null;
  readonly useCausalMask: boolean;
  readonly slidingWindow: number | null;
}

/** A mask with its name. */
type NamedMask = readonly [name: string, mask: unknown, use: "queries" | "values" | "both"];

/** @throws ShapeError for a mask that does not fit the inputs, where these are (batch, steps, features). */
export function checkMasks(query: Tensor, value: Tensor, masks: readonly NamedMask[]): void {
  if (query.ndim !== 3 || value.ndim !== 3) return;
  const [batch, queries] = query.shape as [number, number];
  const values = value.shape[1]!;
  const uses = {
    queries: { axes: "(batch, queries)", sizes: [batch, queries] },
    values: { axes: "(batch, values)", sizes: [batch, values] },
    both: { axes: "(batch, queries, values)", sizes: [batch, queries, values] },
  } as const;
  // One for all samples, and one for each head.
  const wider = (rank: number) =>
    rank === 2
      ? { axes: "(queries, values)", sizes: [queries, values] }
      : { axes: "(batch, heads, queries, values)", sizes: [batch, null, queries, values] };
  const of = `query ${shapeText(query)} and value ${shapeText(value)}`;
  for (const [name, mask, use] of masks) {
    if (!(mask instanceof Tensor)) continue;
    const expected = use === "both" && (mask.ndim === 2 || mask.ndim === 4) ? wider(mask.ndim) : uses[use];
    checkMaskShape(mask, { name: `\`${name}\``, ...expected, of });
  }
}

/** Everything that hides keys from queries as one mask, (batch, queries, keys); `null` when nothing does. */
export function combinedMask(queries: number, keys: number, parts: MaskParts): Tensor | null {
  const along = (mask: Operand | null, axis: number): Tensor[] =>
    mask === null ? [] : [ops.expandDims(ops.cast(mask, "bool"), axis)];
  const masks = [
    ...(parts.attentionMask === null ? [] : [ops.cast(parts.attentionMask, "bool")]),
    ...along(parts.queryMask, -1),
    ...along(parts.valueMask, -2),
    ...along(parts.keyMask, -2),
    ...(parts.useCausalMask ? [causalMask(queries, keys)] : []),
    ...(parts.slidingWindow === null ? [] : [slidingWindowMask(queries, keys, parts.slidingWindow)]),
  ];
  return masks.length === 0 ? null : masks.reduce((a, b) => ops.logicalAnd(a, b));
}

/** A mask with axes of size 1 for the heads, and for what comes before the attention axes. */
export function forHeads(mask: Tensor, scoresRank: number, attentionAxes: number): Tensor {
  let wide = mask;
  while (wide.ndim < scoresRank) wide = ops.expandDims(wide, -attentionAxes * 2 - 1);
  return wide;
}
