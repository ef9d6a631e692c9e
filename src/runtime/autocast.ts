/** The dtype in which a layer's `call` reads float variables (mixed precision). */
import type { DType } from "../core/dtype.ts";

let current: DType | null = null;

/** The dtype of the innermost scope, or `null` when variables are read as they are. */
export const autocastDType = (): DType | null => current;

export function withAutocast<T>(dtype: DType | null, fn: () => T): T {
  const outer = current;
  current = dtype;
  try {
    return fn();
  } finally {
    current = outer;
  }
}
