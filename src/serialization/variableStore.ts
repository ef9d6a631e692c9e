/** Where an object's own variables are put when a file is written, and taken from when one is read. */
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";

export interface VariableStore {
  /** Names present, in the file's order. */
  keys(): string[];
  /** Stores a tensor or a variable's current value; the numbers are collected when the file is written. */
  set(key: string, value: Tensor | Variable): void;
  /** The stored tensor, in the file's dtype. @throws SerializationError when the key is absent. */
  get(key: string): Tensor;
}
