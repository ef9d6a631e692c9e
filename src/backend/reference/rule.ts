/** What the interpreter computes on: plain lists of elements, and the rules that define primitives on them. */
import {
  allocate,
  byteSize,
  type DType,
  fromElement,
  isFloat,
  isInteger,
  isUnsigned,
  type TypedArray,
  toElement,
} from "../../core/dtype.ts";
import { type StaticShape, stridesOf } from "../../core/shape.ts";
import type { Program } from "../../ir/program.ts";
import type { ValueType } from "../../ir/value.ts";

/** Floats of every dtype are float64, bool is 0 or 1, integers of every dtype are BigInt: exact, wrapped after each node. */
export type Element = number | bigint;

/** A value of a running program, row-major. */
export interface ReferenceTensor extends ValueType {
  readonly data: readonly Element[];
}

/** Computes the outputs of a program from the values of its inputs. */
export type Interpret = (program: Program, inputs: readonly ReferenceTensor[]) => ReferenceTensor[];

/**
 * The definition of a primitive: the elements of each result. Integers need not be wrapped, nor bool be reduced to 0 or 1.
 * Loops and branches run their bodies with `interpret`.
 */
export type ReferenceRule<Attributes> = (
  inputs: readonly ReferenceTensor[],
  attributes: Attributes,
  outputs: readonly ValueType[],
  interpret: Interpret,
) => (readonly Element[])[];

/** An integer as its dtype stores it; bool as 0 or 1; floats as they are. */
export function wrap(dtype: DType, x: Element): Element {
  if (dtype === "bool") return Number(x) !== 0 ? 1 : 0;
  if (!isInteger(dtype)) return x;
  const bits = byteSize(dtype) * 8;
  return isUnsigned(dtype) ? BigInt.asUintN(bits, x as bigint) : BigInt.asIntN(bits, x as bigint);
}

/** The largest or smallest value of a dtype. */
export function extremeOf(dtype: DType, side: "largest" | "smallest"): Element {
  if (isFloat(dtype)) return side === "largest" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (!isInteger(dtype)) return side === "largest" ? 1 : 0;
  const bits = BigInt(byteSize(dtype) * 8);
  if (isUnsigned(dtype)) return side === "largest" ? 2n ** bits - 1n : 0n;
  return side === "largest" ? 2n ** (bits - 1n) - 1n : -(2n ** (bits - 1n));
}

/** A number as an element of `dtype`. */
export const elementOf = (dtype: DType, x: number): Element => (isInteger(dtype) ? BigInt(x) : x);

/** Host storage as elements. */
export function readElements(data: TypedArray, dtype: DType): Element[] {
  const out: Element[] = [];
  for (const stored of data) out.push(isInteger(dtype) ? BigInt(stored) : fromElement(dtype, stored));
  return out;
}

/** Elements as host storage: floats are rounded to their dtype here. */
export function storeElements(elements: readonly Element[], dtype: DType): TypedArray {
  const out = allocate(dtype, elements.length);
  const wide = dtype === "int64" || dtype === "uint64";
  for (const [i, x] of elements.entries()) {
    (out as Float64Array)[i] = (wide ? x : toElement(dtype, Number(x))) as number;
  }
  return out;
}

/** A float rounded to the values that `dtype` has. */
export function roundTo(dtype: DType, x: number): number {
  if (dtype === "float32") return Math.fround(x);
  return isFloat(dtype) && dtype !== "float64" ? fromElement(dtype, toElement(dtype, x)) : x;
}

/** Every index of a shape, in row-major order. */
export function* indicesOf(shape: StaticShape): Generator<number[]> {
  if (shape.some((d) => d === 0)) return;
  const index = shape.map(() => 0);
  while (true) {
    yield [...index];
    let axis = shape.length - 1;
    while (axis >= 0 && index[axis] === shape[axis]! - 1) index[axis--] = 0;
    if (axis < 0) return;
    index[axis]!++;
  }
}

/** Position of an index in row-major data. */
export function offsetOf(shape: StaticShape, index: readonly number[]): number {
  const strides = stridesOf(shape);
  return index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0);
}

/** The element that broadcasting puts at `index` of a result: trailing axes are aligned, size 1 is repeated. */
export function broadcastAt(x: ReferenceTensor, index: readonly number[]): Element {
  const skipped = index.length - x.shape.length;
  return x.data[
    offsetOf(
      x.shape,
      x.shape.map((d, axis) => (d === 1 ? 0 : index[axis + skipped]!)),
    )
  ]!;
}
