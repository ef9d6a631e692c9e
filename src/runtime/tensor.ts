/**
 * Tensors: immutable, lazy, garbage-collected. A tensor holds a value of the IR; its shape and dtype are known at once,
 * its numbers are computed together with others when somebody asks for them.
 */

import { floatx } from "../core/config.ts";
import {
  allocate,
  convertArray,
  type DType,
  dtypeOfArray,
  fromElement,
  isFloat,
  standardizeDType,
  type TypedArray,
  toElement,
} from "../core/dtype.ts";
import { DTypeError, describe, invariant, ShapeError } from "../core/errors.ts";
import { formatShape, type StaticShape, sizeOf } from "../core/shape.ts";
import { bufferValue, constantValue, type Value, type ValueType } from "../ir/value.ts";
import { TensorBuffer } from "./buffer.ts";
import { evaluate, peekValue } from "./evaluate.ts";
import { formatTensor } from "./format.ts";
import type { TensorMethods } from "./methods.ts";
import { activeTrace } from "./trace.ts";

/** Nested arrays of strings, of regular shape. */
export type StringValues = string | readonly StringValues[];

/** Nested arrays of numbers or booleans, of regular shape; rows may be typed arrays. */
export type NumberArray = number | boolean | bigint | TypedArray | readonly NumberArray[];

/** Something that holds a current tensor: a `Variable`. */
export interface TensorHolder {
  readonly value: Tensor;
}

/** What an op accepts besides symbolic tensors. */
export type Operand = Tensor | TensorHolder | NumberArray | TypedArray;

/** Result of `Tensor.array()`: nested arrays of JavaScript numbers (booleans for dtype bool, strings for dtype string). */
// biome-ignore lint/suspicious/noExplicitAny: the depth of the nesting is a run-time fact, so callers say what they expect
export type NestedArray = any;

// The class below is completed by the shared methods, which ops/methods.ts puts on its prototype.
export interface Tensor extends TensorMethods<Tensor> {}

/**
 * An n-dimensional array of one dtype.
 *
 * @example
 * const x = keras.tensor([[1, 2], [3, 4]]);
 * await x.mul(2).array(); // [[2, 4], [6, 8]]
 */
export class Tensor {
  readonly #type: ValueType;
  #node: Value | null;
  /** Which positions of a padded batch are real, or `null`. Set by masking layers. */
  mask: Tensor | null = null;

  /** @internal Use `tensor(…)` or an op. */
  constructor(value: Value) {
    this.#type = value;
    this.#node = value;
  }

  /** Place in the IR. For code that builds programs. @throws Error after `dispose()`. */
  get node(): Value {
    if (!this.#node) throw new Error(`a tensor of shape ${formatShape(this.shape)} is used after dispose()`);
    return this.#node;
  }

  get shape(): number[] {
    return [...this.#type.shape];
  }

  get dtype(): DType {
    return this.#type.dtype;
  }

  get ndim(): number {
    return this.#type.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.#type.shape);
  }

  /**
   * Computes the tensor and returns its elements in row-major order, in the host storage of its dtype.
   * The array may be shared with the tensor: do not write to it. Of a string tensor it is an array of strings.
   */
  async data(): Promise<TypedArray> {
    const { node } = this; // dispose() while it is computed does not take it back
    await evaluate([node]);
    const { source } = node;
    if (source.kind === "constant") return source.data;
    invariant(source.kind === "buffer", "an evaluated tensor holds data");
    return (source.buffer as TensorBuffer).host();
  }

  /** Computes the tensor and returns nested arrays of numbers; a bare number for a scalar. */
  async array(): Promise<NestedArray> {
    return toNested(await this.data(), this.#type.shape, this.dtype);
  }

  /** Computes a tensor of one element and returns it as a number. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(`item: expected a tensor of one element. Received: shape ${formatShape(this.shape)}`);
    }
    return fromElement(this.dtype, (await this.data())[0]!);
  }

  /** Computes the tensor and prints it, as NumPy would lay it out. */
  async print(): Promise<void> {
    await this.data();
    console.log(this.toString());
  }

  /** Text of the tensor: its numbers if they are computed, else shape and dtype. */
  toString(): string {
    if (!this.#node) return formatTensor(this.shape, this.dtype, null, "disposed");
    const data = peekValue(this.#node);
    const why = activeTrace()
      ? "being traced: numbers exist when the compiled function runs"
      : "not computed yet: await tensor.data(), .array() or .print()";
    return formatTensor(this.shape, this.dtype, data, why);
  }

  /** Text, but never a number: `x * 2` and `x < 1` would silently be NaN and false. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint !== "number") return this.toString();
    throw new TypeError(
      "a tensor is not a number: use its methods (x.mul(2), x.less(1)) or ops, or read it first (await x.item())",
    );
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /**
   * Lets go of the data: using this tensor afterwards is an error. Never needed, since tensors that are dropped are freed
   * by the garbage collector. What was made from it (tensors, variables, results not computed yet) keeps what it needs.
   */
  dispose(): void {
    this.#node = null;
    this.mask = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function toNested(data: TypedArray, shape: StaticShape, dtype: DType): NestedArray {
  const element = (i: number): number | boolean | string => {
    if (dtype === "string") return data[i] as unknown as string;
    const x = fromElement(dtype, data[i]!);
    return dtype === "bool" ? x !== 0 : x;
  };
  const go = (axis: number, offset: number, size: number): NestedArray => {
    if (axis === shape.length) return element(offset);
    const step = size / shape[axis]!;
    return Array.from({ length: shape[axis]! }, (_, i) => go(axis + 1, offset + i * step, step));
  };
  return go(0, 0, data.length);
}

/** Shape of nested arrays. @throws ShapeError when rows have different lengths, saying where. */
function shapeOfNested(array: unknown, where: string): number[] {
  if (ArrayBuffer.isView(array)) return [(array as TypedArray).length];
  if (!Array.isArray(array)) return [];
  if (array.length === 0) return [0];
  const first = shapeOfNested(array[0], where);
  array.forEach((item, i) => {
    const shape = shapeOfNested(item, where);
    if (shape.length !== first.length || shape.some((d, k) => d !== first[k])) {
      throw new ShapeError(
        `${where}: nested arrays must be regular. Item 0 has shape ${formatShape(first)}, item ${i} has shape ${formatShape(shape)}`,
      );
    }
  });
  return [array.length, ...first];
}

/**
 * Dtype that nested arrays get when none is given. JavaScript does not tell 1 from 1.0, so integers become floats too,
 * but for BigInt, which is int64. Typed rows of one kind keep it.
 */
function inferDType(items: readonly unknown[]): DType {
  if (items.length === 0) return floatx();
  if (items.every((x) => typeof x === "boolean")) return "bool";
  if (items.every((x) => typeof x === "bigint")) return "int64";
  if (!items.every((x) => ArrayBuffer.isView(x))) return floatx();
  const dtypes = new Set(items.map(dtypeOfArray));
  return dtypes.size === 1 ? [...dtypes][0]! : floatx();
}

function checkStaticShape(shape: readonly number[], where: string): void {
  if (!Array.isArray(shape) || !shape.every((d) => Number.isInteger(d) && d >= 0)) {
    throw new ShapeError(`${where}: expected \`shape\` to be non-negative integers. Received: ${describe(shape)}`);
  }
}

/** A leaf tensor over host storage, without a copy. */
export function tensorFromHost(data: TypedArray, shape: StaticShape, dtype: DType, where = "tensor"): Tensor {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `${where}: ${data.length} elements do not fill shape ${formatShape(shape)}, which has ${sizeOf(shape)}`,
    );
  }
  return new Tensor(bufferValue(TensorBuffer.fromHost(data, shape, dtype)));
}

/** A leaf tensor whose host storage is made when it is first needed. */
export function tensorFromFunction(make: () => TypedArray, shape: StaticShape, dtype: DType): Tensor {
  return new Tensor(bufferValue(TensorBuffer.fromFunction(make, shape, dtype)));
}

/**
 * Makes a tensor from numbers, nested arrays or a typed array; or from strings, which layers that prepare text take.
 *
 * The dtype, unless given: that of a typed array; floatx for numbers and nested arrays (bool for booleans, int64 for
 * BigInt), as `keras.ops.array` of Python floats. A typed array is kept without a copy: do not write to it afterwards.
 *
 * @param shape - Needed for a typed array of more than one axis. @defaultValue one axis, or the shape of the nesting
 * @param dtype - Numbers are converted to it; a Uint16Array with `"float16"` or `"bfloat16"` holds the bits of such floats.
 * @throws ShapeError when the elements do not fill the shape or the nesting is irregular.
 * @throws DTypeError for an unknown dtype or elements that are not numbers.
 * @example
 * tensor([[1, 2], [3, 4]]); tensor(new Float32Array(6), [2, 3]); tensor(7, [], "int32");
 */
export function tensor(
  values: NumberArray | ArrayBufferView | StringValues,
  shape?: readonly number[],
  dtype?: string,
): Tensor {
  return fromNumbers(values, shape ?? null, dtype === undefined ? null : standardizeDType(dtype), "tensor");
}

/** Like `tensor`, for arguments of other functions: `where` names them in messages. */
export function fromNumbers(
  values: unknown,
  shape: readonly number[] | null,
  dtype: DType | null,
  where: string,
): Tensor {
  if (shape !== null) checkStaticShape(shape, where);
  if (ArrayBuffer.isView(values)) {
    const given =
      values instanceof Uint8ClampedArray ? new Uint8Array(values.buffer, values.byteOffset, values.length) : values;
    const from = dtypeOfArray(given);
    // Bits of half floats come as Uint16Array; a dtype of the same storage means the bits, any other a conversion.
    const asBits = from === "uint16" && (dtype === "float16" || dtype === "bfloat16");
    const asBool = from === "uint8" && dtype === "bool" && (given as Uint8Array).every((x) => x <= 1);
    const data = given as unknown as TypedArray;
    const target = dtype ?? from;
    const converted = asBits || asBool ? data : convertArray(data, from, target);
    return tensorFromHost(converted, shape ?? [data.length], target, where);
  }
  const ownShape = shapeOfNested(values, where);
  const items: unknown[] = Array.isArray(values) ? values.flat(Number.POSITIVE_INFINITY) : [values];
  if (dtype === "string" || (dtype === null && items.length > 0 && items.every((x) => typeof x === "string"))) {
    return fromStrings(items, shape ?? ownShape, where);
  }
  const typed = items.some((x) => ArrayBuffer.isView(x));
  const flat = typed ? items.flatMap((x) => (ArrayBuffer.isView(x) ? [...(x as Float32Array)] : [x])) : items;
  const bad = flat.findIndex((x) => typeof x !== "number" && typeof x !== "boolean" && typeof x !== "bigint");
  if (bad >= 0) {
    const hint = flat[bad] instanceof Tensor ? ". To join tensors use ops.stack or ops.concatenate" : "";
    throw new DTypeError(`${where}: expected numbers or booleans. Received: ${describe(flat[bad])}${hint}`);
  }
  const target = dtype ?? inferDType(items);
  const data = allocate(target, flat.length);
  for (let i = 0; i < flat.length; i++) {
    const x = flat[i];
    (data as Float32Array)[i] = (
      typeof x === "bigint" && (target === "int64" || target === "uint64") ? x : toElement(target, Number(x))
    ) as number;
  }
  return tensorFromHost(data, shape ?? ownShape, target, where);
}

/** A tensor of strings. */
function fromStrings(items: readonly unknown[], shape: StaticShape, where: string): Tensor {
  const bad = items.findIndex((x) => typeof x !== "string");
  if (bad >= 0) {
    throw new DTypeError(`${where}: string tensors are not made from numbers. Received: ${describe(items[bad])}`);
  }
  const data = allocate("string", items.length) as unknown as string[];
  for (let i = 0; i < items.length; i++) data[i] = items[i] as string;
  return tensorFromHost(data as unknown as TypedArray, shape, "string", where);
}

/** A scalar that belongs to the program, for numbers written in code. */
export function scalarTensor(x: number, dtype: DType): Tensor {
  const data = allocate(dtype, 1);
  (data as Float32Array)[0] = toElement(dtype, isFloat(dtype) ? x : Math.trunc(x)) as number;
  return new Tensor(constantValue(data, { shape: [], dtype }));
}
