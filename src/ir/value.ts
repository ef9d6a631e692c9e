/**
 * The nodes of the intermediate representation: values in single-assignment form, each with a static shape and dtype.
 * A value comes from a primitive applied to other values, or is a leaf: a constant, a concrete buffer, or an input
 * that is bound when a program runs. Graphs are shared and never mutated, except that a computed value may be turned
 * into a leaf (`materialize`), which releases what it was computed from.
 */
import type { DType, TypedArray } from "../core/dtype.ts";
import { invariant } from "../core/errors.ts";
import { type StaticShape, sizeOf } from "../core/shape.ts";
import type { Primitive, PrimitiveAttributes } from "./primitives.ts";

/** What is known of a value before it is computed. */
export interface ValueType {
  readonly shape: StaticShape;
  readonly dtype: DType;
}

/** Opaque handle of concrete data; a backend or the host owns what is behind it. */
export interface BufferHandle extends ValueType {}

/** One application of a primitive. */
export interface Node<P extends Primitive = Primitive> {
  readonly op: P;
  readonly inputs: readonly Value[];
  readonly attributes: PrimitiveAttributes[P];
  readonly outputs: readonly Value[];
}

export type Source =
  | { readonly kind: "node"; readonly node: Node; readonly index: number }
  /** Data that is part of a program: small, and hashed with its structure. */
  | { readonly kind: "constant"; readonly data: TypedArray }
  /** Data that a program receives as an argument. */
  | { readonly kind: "buffer"; readonly buffer: BufferHandle }
  /** Bound by whoever runs the program. */
  | { readonly kind: "input"; readonly name: string };

let nextId = 0;

/** The id that the next value gets: ids grow, so it tells what is older from what is newer. */
export const nextValueId = (): number => nextId;

export class Value implements ValueType {
  readonly id = nextId++;
  readonly shape: StaticShape;
  readonly dtype: DType;
  #source: Source;

  constructor(type: ValueType, source: Source) {
    this.shape = type.shape;
    this.dtype = type.dtype;
    this.#source = source;
  }

  get source(): Source {
    return this.#source;
  }

  /** The node that computes this value, or `null` for a leaf. */
  get node(): Node | null {
    return this.#source.kind === "node" ? this.#source.node : null;
  }

  /** Replaces the computation by its result. */
  materialize(buffer: BufferHandle): void {
    this.#source = { kind: "buffer", buffer };
  }
}

/** A leaf that is bound when its program runs. */
export function inputValue(type: ValueType, name: string): Value {
  return new Value({ shape: [...type.shape], dtype: type.dtype }, { kind: "input", name });
}

/** A leaf with concrete data behind a handle. */
export function bufferValue(buffer: BufferHandle): Value {
  return new Value({ shape: [...buffer.shape], dtype: buffer.dtype }, { kind: "buffer", buffer });
}

/** A leaf whose data belongs to the program. `data` is host storage of `dtype` (core/dtype.ts). */
export function constantValue(data: TypedArray, type: ValueType): Value {
  invariant(data.length === sizeOf(type.shape), `constant of ${data.length} elements for ${type.shape.join("x")}`);
  return new Value({ shape: [...type.shape], dtype: type.dtype }, { kind: "constant", data });
}
