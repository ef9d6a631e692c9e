/** Whether a mask fits what it is for: said by its own name, before it fails deep inside of a computation. */
import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { declaredShape } from "../ops/outputSpec.ts";
import type { Tensor } from "../runtime/tensor.ts";

/** What a mask is for. */
export interface MaskUse {
  /** The mask in messages: `` `queryMask` ``. */
  readonly name: string;
  /** Its axes in messages: `(batch, time)`. */
  readonly axes: string;
  /** Sizes of these axes; masks may have 1 where it is repeated. */
  readonly sizes: Shape;
  /** Axes of which 1 is not repeated. */
  readonly exact?: readonly number[];
  /** Whether more axes may follow. */
  readonly mayGoOn?: boolean;
  /** What the mask is for, in messages: `sequences of shape (2, 3, 4)`. */
  readonly of: string;
}

/** @throws ShapeError unless the mask has the sizes that it needs, as far as they are known. */
export function checkMaskShape(mask: Tensor, { name, axes, sizes, exact = [], mayGoOn = false, of }: MaskUse): void {
  const found = declaredShape(mask.shape);
  const needed = declaredShape(sizes as readonly number[]);
  const fits = (d: number | null, i: number): boolean =>
    found[i] === d || found[i] === null || d === null || (found[i] === 1 && !exact.includes(i));
  if ((mayGoOn ? found.length >= needed.length : found.length === needed.length) && needed.every(fits)) return;
  throw new ShapeError(
    `expected ${name} of shape ${axes}, here ${formatShape(needed)}. Received: ${formatShape(found)} for ${of}`,
  );
}

/** The shape of a tensor in messages. */
export const shapeText = (x: Tensor): string => formatShape(declaredShape(x.shape));
