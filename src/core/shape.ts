/** Shapes: lists of sizes in which `null` stands for a size not known yet (usually the batch). */
import { describe, ShapeError } from "./errors.ts";

/** Sizes per axis; `null` is unknown until data arrives. */
export type Shape = readonly (number | null)[];
/** All sizes known, or, while shapes are inferred, numbers that stand for unknown ones (`isUnknownSize`). */
export type StaticShape = readonly number[];

/** No engine has an axis so long: from here on numbers stand for sizes that are not known, and for what is derived from them. */
export const UNKNOWN_SIZES_FROM = 2 ** 34;

/**
 * Whether a size is not known: `null`, or derived from a stand-in (`ops/outputSpec.ts`). Rules for shapes let it be whatever fits;
 * a program that runs has only real sizes, and is checked exactly.
 */
export const isUnknownSize = (size: number | null): boolean => size === null || size >= UNKNOWN_SIZES_FROM;

/** Whether two sizes can be the same: equal, or one of them unknown. */
export const sizesAgree = (a: number | null, b: number | null): boolean =>
  a === b || isUnknownSize(a) || isUnknownSize(b);

/** Shape as Python prints it, unknown sizes as `None`: `(None, 3)`, `(None,)`, `()`. */
export function formatShape(shape: Shape): string {
  const parts = shape.map((d) => (isUnknownSize(d) ? "None" : String(d)));
  return parts.length === 1 ? `(${parts[0]},)` : `(${parts.join(", ")})`;
}

/** Number of elements; 1 for a scalar. */
export function sizeOf(shape: StaticShape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

export const isStatic = (shape: Shape): shape is StaticShape => shape.every((d) => d !== null);

export const shapesEqual = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** Whether `actual` can be fed where `expected` was declared: same rank, sizes equal where both are known. */
export const shapesCompatible = (expected: Shape, actual: Shape): boolean =>
  expected.length === actual.length && expected.every((d, i) => sizesAgree(d, actual[i]!));

/**
 * Whether the elements of one shape fill the other: as many of them, or a number of them that depends on a size that is not known
 * and occurs in one shape only.
 */
export function sameSize(a: StaticShape, b: StaticShape): boolean {
  const [m, n] = [sizeOf(a), sizeOf(b)];
  if (m === n) return true;
  if (!isUnknownSize(m) && !isUnknownSize(n)) return false;
  // Products of stand-ins are rounded. Another number of unknown factors is another order of magnitude.
  const ratio = m / n;
  return Math.abs(ratio - 1) < 1e-9 || ratio >= UNKNOWN_SIZES_FROM || ratio <= 1 / UNKNOWN_SIZES_FROM;
}

/** Row-major strides in elements. */
export function stridesOf(shape: StaticShape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/**
 * NumPy broadcasting of two shapes; an unknown size with 1 stays unknown, with n it becomes n.
 *
 * @throws ShapeError naming both shapes when two known sizes differ and neither is 1.
 */
export function broadcastShapes(a: StaticShape, b: StaticShape, where?: string): number[];
export function broadcastShapes(a: Shape, b: Shape, where?: string): (number | null)[];
export function broadcastShapes(a: Shape, b: Shape, where = "broadcast"): (number | null)[] {
  const rank = Math.max(a.length, b.length);
  const out: (number | null)[] = [];
  for (let i = 0; i < rank; i++) {
    const da = i < rank - a.length ? 1 : a[i - rank + a.length]!;
    const db = i < rank - b.length ? 1 : b[i - rank + b.length]!;
    if (da === 1) out.push(db);
    else if (db === 1) out.push(da);
    else if (isUnknownSize(da)) out.push(db);
    else if (sizesAgree(da, db)) out.push(da);
    else {
      throw new ShapeError(
        `${where}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: sizes ${da} and ${db} differ and neither is 1`,
      );
    }
  }
  return out;
}

/** An axis counted from the end turned into one counted from the start. */
export function normalizeAxis(axis: number, ndim: number, where = "axis"): number {
  if (!Number.isInteger(axis) || axis < -ndim || axis >= ndim) {
    throw new RangeError(
      `${where}: axis ${describe(axis)} is out of range for rank ${ndim}; expected ${-ndim} to ${ndim - 1}`,
    );
  }
  return axis < 0 ? axis + ndim : axis;
}

/**
 * Axes as a sorted list; `null` means all.
 *
 * @throws RangeError for an axis that is out of range or named twice.
 */
export function normalizeAxes(
  axis: number | readonly number[] | null | undefined,
  ndim: number,
  where = "axis",
): number[] {
  if (axis === null || axis === undefined) return Array.from({ length: ndim }, (_, i) => i);
  const list = (typeof axis === "number" ? [axis] : axis).map((a) => normalizeAxis(a, ndim, where));
  if (new Set(list).size < list.length) {
    throw new RangeError(`${where}: each axis may be named once. Received: axis [${axis}] for rank ${ndim}`);
  }
  return list.sort((x, y) => x - y);
}
