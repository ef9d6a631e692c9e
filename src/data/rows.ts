/** Stacks the data of elements to batches, with or without padding, and takes batches apart again. */
import { floatx } from "../core/config.ts";
import {
  allocate,
  type DType,
  dtypeOfArray,
  is64BitInteger,
  isFloat,
  type TypedArray,
  toElement,
} from "../core/dtype.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, type StaticShape, shapesEqual, sizeOf } from "../core/shape.ts";
import { evaluate, peekValue } from "../runtime/evaluate.ts";
import { fromNumbers, Tensor, tensorFromHost } from "../runtime/tensor.ts";

/** Data on the host. */
export interface Row {
  readonly data: TypedArray;
  readonly shape: StaticShape;
  readonly dtype: DType;
}

const scalarDType = (value: unknown): DType | null => {
  switch (typeof value) {
    case "number":
      return floatx();
    case "boolean":
      return "bool";
    case "bigint":
      return "int64";
    case "string":
      return "string";
    default:
      return null;
  }
};

/** A scalar of JavaScript as an element of a dtype's storage. */
function storedScalar(value: unknown, dtype: DType): unknown {
  if (typeof value === "string" || typeof value === "bigint") return value;
  return toElement(dtype, Number(value));
}

async function rowOf(leaf: unknown, where: string): Promise<Row> {
  if (leaf instanceof Tensor) {
    return { data: peekValue(leaf.node) ?? (await leaf.data()), shape: leaf.shape, dtype: leaf.dtype };
  }
  const dtype = scalarDType(leaf);
  if (dtype) {
    const data = allocate(dtype, 1);
    (data as unknown as unknown[])[0] = storedScalar(leaf, dtype);
    return { data, shape: [], dtype };
  }
  if (ArrayBuffer.isView(leaf) && !(leaf instanceof DataView)) {
    return { data: leaf as unknown as TypedArray, shape: [(leaf as Uint8Array).length], dtype: dtypeOfArray(leaf) };
  }
  if (Array.isArray(leaf)) return rowOf(fromNumbers(leaf, null, null, where), where);
  throw new TypeError(
    `${where}: expected tensors, numbers, strings, typed arrays, or arrays and dicts of them. Received: ${describe(leaf)}`,
  );
}

/** Computes what is not computed yet, all of it at once. */
async function computeAll(leaves: readonly unknown[]): Promise<void> {
  const lazy = leaves.flatMap((leaf) => (leaf instanceof Tensor && leaf.node.node !== null ? [leaf.node] : []));
  if (lazy.length > 0) await evaluate(lazy);
}

/**
 * One tensor of many, along a new first axis.
 *
 * @param part - Which part of the elements they are, for messages.
 * @throws ShapeError when shapes differ, with the way out.
 */
export async function stackRows(leaves: readonly unknown[], part: string): Promise<Tensor> {
  const dtype = scalarDType(leaves[0]);
  if (dtype && leaves.every((leaf) => typeof leaf === typeof leaves[0])) {
    const data = allocate(dtype, leaves.length);
    for (let i = 0; i < leaves.length; i++) (data as unknown as unknown[])[i] = storedScalar(leaves[i], dtype);
    return tensorFromHost(data, [leaves.length], dtype);
  }
  await computeAll(leaves);
  const rows: Row[] = [];
  for (const leaf of leaves) rows.push(await rowOf(leaf, `batch: ${part}`));
  const [{ shape, dtype: type }] = rows as [Row];
  checkDTypes("batch", rows, part);
  const other = rows.findIndex((row) => !shapesEqual(row.shape, shape));
  if (other >= 0) {
    throw new ShapeError(
      `batch: the elements of a batch differ in shape. Received for ${part}: ${formatShape(shape)}, and at place ${other} of the ` +
        `batch ${formatShape(rows[other]!.shape)}. Use paddedBatch for sequences of different lengths`,
    );
  }
  const size = sizeOf(shape);
  const data = allocate(type, size * rows.length) as Float32Array;
  for (let i = 0; i < rows.length; i++) data.set(rows[i]!.data as Float32Array, i * size);
  return tensorFromHost(data, [rows.length, ...shape], type);
}

function checkDTypes(where: string, rows: readonly Row[], part: string): void {
  const other = rows.find((row) => row.dtype !== rows[0]!.dtype);
  if (other) {
    throw new TypeError(
      `${where}: the elements of a batch differ in dtype. Received for ${part}: ${rows[0]!.dtype} and ${other.dtype}. ` +
        "Give them one dtype (map with tensor.astype)",
    );
  }
}

/** How long sequences become. */
export type PadLength = number | readonly number[] | { readonly multipleOf: number };

export interface PadRows {
  /** `null` for the longest of the batch. */
  readonly length: PadLength | null;
  /** What fills up; `null` for 0 or the empty string. */
  readonly value: number | string | boolean | bigint | null;
  readonly side: "pre" | "post";
}

/** The padded length for sequences of at most `longest`. @throws RangeError when it is longer than allowed. */
export function paddedLength(longest: number, length: PadLength | null, part: string): number {
  if (length === null) return longest;
  if (typeof length === "object" && "multipleOf" in length) {
    return Math.max(1, Math.ceil(longest / length.multipleOf)) * length.multipleOf;
  }
  const lengths = typeof length === "number" ? [length] : length;
  const fit = lengths.filter((l) => l >= longest).sort((a, b) => a - b)[0];
  if (fit !== undefined) return fit;
  throw new RangeError(
    `paddedBatch: a sequence of ${part} has ${longest} steps; expected at most ${Math.max(...lengths)}, the largest of \`padTo\`. ` +
      "Cut it before (map), or add a larger length",
  );
}

/**
 * One tensor of many of different lengths: every axis becomes as long as the longest, the first as long as `length` says.
 *
 * @throws ShapeError when ranks differ.
 */
export async function padRows(leaves: readonly unknown[], part: string, pad: PadRows): Promise<Tensor> {
  await computeAll(leaves);
  const rows: Row[] = [];
  for (const leaf of leaves) rows.push(await rowOf(leaf, `paddedBatch: ${part}`));
  checkDTypes("paddedBatch", rows, part);
  const [{ shape: first, dtype }] = rows as [Row];
  const other = rows.find((row) => row.shape.length !== first.length);
  if (other) {
    throw new ShapeError(
      `paddedBatch: the elements of a batch differ in rank. Received for ${part}: ${formatShape(first)} and ${formatShape(other.shape)}`,
    );
  }
  if (first.length === 0) return stackRows(leaves, part);
  const shape = first.map((_, axis) => rows.reduce((n, row) => Math.max(n, row.shape[axis]!), 0));
  shape[0] = paddedLength(shape[0]!, pad.length, part);
  const size = sizeOf(shape);
  const data = allocate(dtype, size * rows.length);
  const filler = pad.value ?? (dtype === "string" ? "" : 0);
  if ((typeof filler === "string") !== (dtype === "string")) {
    throw new TypeError(
      `paddedBatch: ${part} is of dtype ${dtype}, which ${describe(filler)} of \`paddingValues\` does not fill. Give a ` +
        `${dtype === "string" ? "string" : "number"} where it belongs: paddingValues in the structure of the elements`,
    );
  }
  if (filler !== 0) (data as unknown as unknown[]).fill(storedFiller(filler, dtype));
  rows.forEach((row, i) => {
    copyInto(data, i * size, shape, row, 0, 0, pad.side);
  });
  return tensorFromHost(data, [rows.length, ...shape], dtype);
}

function storedFiller(filler: number | string | boolean | bigint, dtype: DType): unknown {
  if (typeof filler === "string" || (typeof filler === "bigint" && is64BitInteger(dtype))) return filler;
  return toElement(dtype, isFloat(dtype) ? Number(filler) : Math.trunc(Number(filler)));
}

/** Copies a row into a larger box, axis by axis. */
function copyInto(
  target: TypedArray,
  at: number,
  box: StaticShape,
  row: Row,
  axis: number,
  from: number,
  side: "pre" | "post",
): void {
  const inner = sizeOf(box.slice(axis + 1));
  const own = sizeOf(row.shape.slice(axis + 1));
  const shift = axis === 0 && side === "pre" ? box[0]! - row.shape[0]! : 0;
  if (inner === own) {
    const part = row.data.subarray(from, from + row.shape[axis]! * own);
    (target as Float32Array).set(part as Float32Array, at + shift * inner);
    return;
  }
  for (let i = 0; i < row.shape[axis]!; i++) {
    copyInto(target, at + (shift + i) * inner, box, row, axis + 1, from + i * own, side);
  }
}

/** Rows of a batch along its first axis, as views. @throws ShapeError for data without axes. */
export async function unstackRows(leaf: unknown, part: string): Promise<Tensor[]> {
  await computeAll([leaf]);
  const { data, shape, dtype } = await rowOf(leaf, `unbatch: ${part}`);
  if (shape.length === 0) throw new ShapeError(`unbatch: ${part} is a scalar; expected a batch`);
  const rest = shape.slice(1);
  const size = sizeOf(rest);
  return Array.from({ length: shape[0]! }, (_, i) =>
    tensorFromHost(data.subarray(i * size, (i + 1) * size), rest, dtype),
  );
}
