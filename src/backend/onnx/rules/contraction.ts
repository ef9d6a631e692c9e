/** Lowering of matrix products. */
import { isFloat } from "../../../core/dtype.ts";
import { shapesEqual, sizeOf } from "../../../core/shape.ts";
import type { PrimitiveAttributes } from "../../../ir/primitives.ts";
import type { ValueType } from "../../../ir/value.ts";
import type { OnnxModel, OnnxValue } from "../model.ts";
import { NATIVE_DOMAIN } from "../nativeKernels.ts";
import { emitCast, type OnnxRule } from "./rule.ts";
import { transpose } from "./shaping.ts";

/** Multiplications from which on our products are faster than the engine's; also rows of a, and terms of the sums. */
const LEAST_PRODUCTS = 2 ** 20;
const LEAST_ROWS = 8;
/** The engine brings constants into its order once, ours does at every run: enough rows must make up for that. */
const LEAST_ROWS_OF_CONSTANTS = 64;
const LEAST_TERMS = 32;

/** What is done to the result of a product in the same operator. */
export interface ProductExtras {
  /** One number for each column of the result. */
  readonly bias?: OnnxValue;
  readonly factor?: number;
}

/**
 * A product by our kernel, or `null` where the engine's is as fast (docs/decisions/0011): with few or short sums, with few rows,
 * with a constant on the right, which the engine brings into its order once. Ours takes a batch on the left, with equally many
 * matrices on the right or one for all.
 */
export function emitNativeProduct(
  model: OnnxModel,
  [a, b]: readonly OnnxValue[],
  { transposeA, transposeB }: PrimitiveAttributes["matmul"],
  { shape }: ValueType,
  { bias, factor = 1 }: ProductExtras = {},
): OnnxValue | null {
  const operands = [a!, b!, ...(bias ? [bias] : [])];
  const isOurs = model.kernels !== null && operands.every(({ dtype }) => dtype === "float32");
  const isBatch = b!.shape.length === 2 || shapesEqual(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
  if (!isOurs || a!.shape.length < 2 || !isBatch) return null;
  if (bias && !shapesEqual(bias.shape, shape.slice(-1))) return null;
  const terms = a!.shape.at(transposeA ? -2 : -1)!;
  // With one matrix on the right for all, the rows of a batch are rows of one product.
  const rows = b!.shape.length === 2 && !transposeA ? sizeOf(shape.slice(0, -1)) : shape.at(-2)!;
  const least = model.isConstant(b!) ? LEAST_ROWS_OF_CONSTANTS : LEAST_ROWS;
  if (terms < LEAST_TERMS || rows < least || sizeOf(shape) * terms < LEAST_PRODUCTS) return null;
  const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: factor } };
  return model.emit("MatMul", operands, "float32", shape, attributes, NATIVE_DOMAIN);
}

function matmul(
  model: OnnxModel,
  [a, b]: readonly OnnxValue[],
  attributes: PrimitiveAttributes["matmul"],
  out: ValueType,
): OnnxValue {
  const ours = out.dtype === "float32" ? emitNativeProduct(model, [a!, b!], attributes, out) : null;
  if (ours) return ours;
  const { transposeA, transposeB } = attributes;
  const flags = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
  const float = isFloat(out.dtype);
  if (!transposeA && !transposeB) return emitCast(model, "MatMul", [a!, b!], out);
  if (float && a!.shape.length === 2 && b!.shape.length === 2) return emitCast(model, "Gemm", [a!, b!], out, flags);
  if (float)
    return emitCast(
      model,
      "FusedMatMul",
      [a!, b!],
      out,
      { transA: flags.transA, transB: flags.transB },
      "com.microsoft",
    );
  const flip = (x: OnnxValue): OnnxValue => {
    const axes = Array.from({ length: x.shape.length }, (_, i) => i);
    return transpose(model, x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
  };
  return emitCast(model, "MatMul", [transposeA ? flip(a!) : a!, transposeB ? flip(b!) : b!], out);
}

export const contractionRules = {
  matmul: ((model, inputs, attributes, [out]) => [matmul(model, inputs, attributes, out!)]) as OnnxRule<
    PrimitiveAttributes["matmul"]
  >,
};
