/** What a lowering rule is, and the casts around kernels that do not exist for every dtype. */
import type { DType } from "../../../core/dtype.ts";
import type { ValueType } from "../../../ir/value.ts";
import { engineDType, type OnnxModel, type OnnxValue } from "../model.ts";

/** Emits the nodes of one primitive; returns its results in order. */
export type OnnxRule<Attributes> = (
  model: OnnxModel,
  inputs: readonly OnnxValue[],
  attributes: Attributes,
  outputs: readonly ValueType[],
) => OnnxValue[];

/** Dtypes for which the engine's CPU kernels exist, by operator; found by building a model of one node for each. */
const FLOATS = ["float32", "float64", "float16"] as const;
const SINGLE = ["float32", "float16"] as const;
const SIGNED = ["int8", "int16", "int32", "int64"] as const;
const UNSIGNED = ["uint8", "uint16", "uint32", "uint64"] as const;
const NUMERIC: readonly DType[] = [...FLOATS, ...SIGNED, ...UNSIGNED];

export const KERNELS: Readonly<Record<string, readonly DType[]>> = {
  Add: NUMERIC,
  Sub: NUMERIC,
  Mul: NUMERIC,
  Div: NUMERIC,
  Mod: NUMERIC,
  Abs: NUMERIC,
  // float16 left out: its kernel says 0 for NaN.
  Sign: NUMERIC.filter((d) => d !== "float16"),
  Less: NUMERIC,
  LessOrEqual: NUMERIC,
  Greater: NUMERIC,
  GreaterOrEqual: NUMERIC,
  Equal: [...NUMERIC, "bool"],
  Pow: [...FLOATS, "int32", "int64"],
  Max: [...FLOATS, "int8", "int32", "int64", "uint8", "uint32", "uint64"],
  Min: [...FLOATS, "int8", "int32", "int64", "uint8", "uint32", "uint64"],
  Neg: [...FLOATS, ...SIGNED],
  Relu: [...FLOATS, "int8", "int32"],
  Floor: FLOATS,
  Ceil: FLOATS,
  Round: FLOATS,
  Exp: FLOATS,
  Log: FLOATS,
  Sqrt: FLOATS,
  Reciprocal: FLOATS,
  Sin: FLOATS,
  Cos: FLOATS,
  Tanh: FLOATS,
  Sigmoid: FLOATS,
  Softmax: FLOATS,
  LogSoftmax: FLOATS,
  IsNaN: FLOATS,
  IsInf: FLOATS,
  Tan: SINGLE,
  Asin: SINGLE,
  Acos: SINGLE,
  Atan: SINGLE,
  Sinh: SINGLE,
  Cosh: SINGLE,
  Asinh: SINGLE,
  Acosh: SINGLE,
  Atanh: SINGLE,
  Erf: SINGLE,
  Softplus: SINGLE,
  BitwiseAnd: [...SIGNED, ...UNSIGNED],
  BitwiseOr: [...SIGNED, ...UNSIGNED],
  BitwiseXor: [...SIGNED, ...UNSIGNED],
  BitwiseNot: [...SIGNED, ...UNSIGNED],
  BitShift: ["uint8", "uint32", "uint64"],
  Gemm: FLOATS,
  FusedMatMul: FLOATS,
  MatMul: [...FLOATS, "int32", "int64", "uint32", "uint64"],
  ReduceSum: [...FLOATS, "int32", "int64"],
  ReduceMean: [...FLOATS, "int32", "int64"],
  ReduceProd: [...FLOATS, "int32", "int64"],
  ReduceMax: [...FLOATS, "int8", "int32", "int64", "uint8", "bool"],
  ReduceMin: [...FLOATS, "int8", "int32", "int64", "uint8", "bool"],
  ArgMax: [...FLOATS, "int8", "int32", "int64", "uint8"],
  ArgMin: [...FLOATS, "int8", "int32", "int64", "uint8"],
  // float16 left out: refused when the program runs with a reduction.
  ScatterND: [...NUMERIC.filter((d) => d !== "float16"), "bool"],
  ScatterElements: [...NUMERIC.filter((d) => d !== "float16"), "bool"],
  Where: [...FLOATS, "int32", "int64", "uint8"],
  Pad: [...FLOATS, "int8", "int32", "int64", "uint8", "uint32", "uint64", "bool"],
  Conv: SINGLE,
  ConvTranspose: SINGLE,
  MaxPool: [...FLOATS, "int8", "uint8"],
  AveragePool: SINGLE,
  MaxUnpool: SINGLE,
  Resize: [...SINGLE, "int8", "int32", "uint8"],
  CumSum: [...FLOATS, "int32", "int64"],
  TopK: [...FLOATS, "int8", "int16", "int32", "int64", "uint8"],
};

/** Types that hold every value of a dtype, narrow first; float64 goes to float32 only where nothing wider exists. */
const WIDER: { readonly [D in DType]: readonly DType[] } = {
  float16: ["float32", "float64"],
  bfloat16: ["float32", "float64"],
  float32: ["float64"],
  float64: ["float32"],
  int8: ["int16", "int32", "int64", "float32"],
  int16: ["int32", "int64", "float32"],
  int32: ["int64", "float64"],
  int64: ["float64"],
  uint8: ["uint16", "int16", "uint32", "int32", "int64", "float32"],
  uint16: ["uint32", "int32", "int64", "float32"],
  uint32: ["uint64", "int64", "float64"],
  uint64: ["int64", "float64"],
  bool: ["uint8", "int32", "float32"],
  string: [],
};

/** A dtype in which `op` can run on values of `dtype`. */
export function kernelDType(op: string, dtype: DType): DType {
  const own = engineDType(dtype);
  const kernels = KERNELS[op];
  if (!kernels || kernels.includes(own)) return own;
  return WIDER[own].find((wide) => kernels.includes(wide)) ?? own;
}

/** Emits an operator whose operands and result have one dtype, through a wider one where the kernel is missing. */
export function emitCast(
  model: OnnxModel,
  op: string,
  inputs: readonly OnnxValue[],
  output: ValueType,
  attributes: Parameters<OnnxModel["emit"]>[4] = {},
  domain = "",
): OnnxValue {
  const dtype = kernelDType(op, inputs[0]!.dtype);
  const result = model.emit(
    op,
    inputs.map((x) => model.cast(x, dtype)),
    dtype,
    output.shape,
    attributes,
    domain,
  );
  return model.cast(result, output.dtype);
}
