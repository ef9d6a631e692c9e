/** Shapes of several tensors, in the structure of the tensors. */
import { formatShape, type Shape } from "../core/shape.ts";
import { isPlainObject, type Nested } from "../core/tree.ts";

const isShape = (value: unknown): value is Shape =>
  Array.isArray(value) && value.every((size) => size === null || (Number.isInteger(size) && size >= 0));

/** Whether a value is a shape, or a list or dict of shapes. */
export const isShapes = (value: unknown): value is Nested<Shape> =>
  isShape(value) ||
  (Array.isArray(value) && value.every(isShapes)) ||
  (isPlainObject(value) && Object.values(value).every(isShapes));

/** Shapes for messages: `(None, 3), (None, 4)`. */
export function formatShapes(shapes: unknown): string {
  if (isShape(shapes)) return formatShape(shapes);
  if (Array.isArray(shapes)) return `[${shapes.map(formatShapes).join(", ")}]`;
  const entries = Object.entries(shapes as object).map(([key, shape]) => `${key}: ${formatShapes(shape)}`);
  return `{ ${entries.join(", ")} }`;
}
