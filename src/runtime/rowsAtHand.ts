/**
 * Parts of arrays that lie in one piece in host memory, such as batches cut out of a data set by hand: they are views of the array, and
 * need no program. As programs they would be one each, for where a slice begins is part of a program's structure.
 */
import type { Backend } from "../backend/contract.ts";
import { sizeOf } from "../core/shape.ts";
import type { PrimitiveAttributes } from "../ir/primitives.ts";
import type { Value } from "../ir/value.ts";
import { TensorBuffer } from "./buffer.ts";

/** What `values` are computed from that is such a part, the values themselves included, with its view. */
export function rowsAtHand(values: readonly Value[], backend: Backend): Map<Value, TensorBuffer> {
  const found = new Map<Value, TensorBuffer>();
  const seen = new Set<Value>();
  const stack = [...values];
  while (stack.length > 0) {
    const value = stack.pop()!;
    if (seen.has(value) || !value.node) continue;
    seen.add(value);
    const rows = rowsOf(value, backend);
    if (rows) found.set(value, rows);
    else stack.push(...value.node.inputs);
  }
  return found;
}

const throughReshapes = (value: Value): Value =>
  value.node?.op === "reshape" ? throughReshapes(value.node.inputs[0]!) : value;

/** A value that is such a part, as a view of the array; `null` for others. */
export function rowsOf(value: Value, backend: Backend): TensorBuffer | null {
  const part = throughReshapes(value);
  if (part.node?.op !== "slice" || value.dtype === "string") return null;
  const [whole] = part.node.inputs as [Value];
  const { source } = throughReshapes(whole);
  if (source.kind !== "buffer") return null;
  const start = firstElement(part.node.attributes as PrimitiveAttributes["slice"], whole.shape);
  const data = start === null ? null : (source.buffer as TensorBuffer).peek(backend);
  if (!data || start === null) return null;
  return TensorBuffer.fromHost(data.subarray(start, start + sizeOf(value.shape)), value.shape, value.dtype);
}

/** Where a slice begins in its array, if it is one piece: single places, then a range, then whole axes. */
function firstElement(
  { starts, limits, strides }: PrimitiveAttributes["slice"],
  shape: readonly number[],
): number | null {
  if (strides.some((stride) => stride !== 1)) return null;
  const sizes = shape.map((_, axis) => limits[axis]! - starts[axis]!);
  const range = sizes.findIndex((size) => size !== 1);
  if (range >= 0 && sizes.some((size, axis) => axis > range && size !== shape[axis])) return null;
  return shape.reduce((offset, size, axis) => offset * size + starts[axis]!, 0);
}
