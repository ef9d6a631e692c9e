/** Symbolic tensors: what a graph of layers is made of. They have a shape (sizes may be unknown) and a dtype, no numbers. */
import { type DType, standardizeDType } from "../core/dtype.ts";
import { uniqueName } from "../core/names.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { flatten, isNested, type Nested } from "../core/tree.ts";
import type { TensorMethods } from "../runtime/methods.ts";
import type { Operand } from "../runtime/tensor.ts";
import type { Operation } from "./operation.ts";

/** Where a symbolic tensor comes from: which call of which operation, and which of its outputs it is. */
export interface KerasHistory {
  readonly operation: Operation;
  readonly nodeIndex: number;
  readonly tensorIndex: number;
}

export interface KerasTensorOptions {
  dtype?: string;
  name?: string;
}

export interface KerasTensor extends TensorMethods<KerasTensor> {}

/**
 * A symbolic tensor.
 *
 * @param shape - Sizes; `null` where a size is not known before data arrives.
 * @see keras/src/backend/common/keras_tensor.py (Keras 3.x)
 */
export class KerasTensor {
  readonly #shape: Shape;
  readonly dtype: DType;
  readonly name: string;
  /** Set by the node that produced the tensor. */
  kerasHistory: KerasHistory | null = null;
  /** Symbolic mask that comes with the tensor, or `null`. */
  mask: KerasTensor | null = null;

  constructor(shape: Shape, options: KerasTensorOptions = {}) {
    this.#shape = [...shape];
    this.dtype = standardizeDType(options.dtype ?? "float32");
    this.name = options.name ?? uniqueName("keras_tensor");
  }

  get shape(): (number | null)[] {
    return [...this.#shape];
  }

  get ndim(): number {
    return this.#shape.length;
  }

  toString(): string {
    return `<KerasTensor shape=${formatShape(this.#shape)}, dtype=${this.dtype}, name=${this.name}>`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  #noValue(what: string): never {
    throw new TypeError(
      `${this}: a symbolic tensor has no ${what}. It stands for data that a model will receive: call the model ` +
        "on data, or `predict`, to get numbers. To compute with it, use `ops`, layers or its methods.",
    );
  }

  /** In text it shows itself; as a number it has none. */
  [Symbol.toPrimitive](hint: string): string {
    return hint === "string" ? this.toString() : this.#noValue("number");
  }

  [Symbol.iterator](): never {
    return this.#noValue("elements to iterate over");
  }

  data(): never {
    return this.#noValue("data");
  }

  array(): never {
    return this.#noValue("data");
  }
}

/** Anything an op accepts. */
export type TensorLike = Operand | KerasTensor;

/** What an op returns for arguments of type A: symbolic as soon as one is. */
export type Result<A> = [Extract<A, KerasTensor>] extends [never] ? import("../runtime/tensor.ts").Tensor : KerasTensor;

/** Symbolic tensors anywhere in a structure, in visiting order. */
export function symbolicLeaves(structure: unknown): KerasTensor[] {
  if (structure instanceof KerasTensor) return [structure];
  if (!isNested(structure)) return [];
  return flatten(structure as Nested<unknown>).filter((leaf) => leaf instanceof KerasTensor);
}

/** Whether a symbolic tensor occurs anywhere in a structure. */
export const hasSymbolic = (structure: unknown): boolean => symbolicLeaves(structure).length > 0;
