/** Groups of dtypes that the case tables speak of. */
import type { DType } from "../../src/core/dtype.ts";

export const FLOATS = ["float64", "float32", "float16", "bfloat16"] as const satisfies readonly DType[];
export const SIGNED = ["int8", "int16", "int32", "int64"] as const satisfies readonly DType[];
export const UNSIGNED = ["uint8", "uint16", "uint32", "uint64"] as const satisfies readonly DType[];
export const INTEGERS = [...SIGNED, ...UNSIGNED] as const;
export const NUMERIC = [...FLOATS, ...INTEGERS] as const;
export const ALL = [...NUMERIC, "bool"] as const satisfies readonly DType[];
