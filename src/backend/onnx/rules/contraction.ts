/** Lowering of matrix products. */
import { isFloat } from "../../../core/dtype.ts";
import type { PrimitiveAttributes } from "../../../ir/primitives.ts";
import type { ValueType } from "../../../ir/value.ts";
import type { OnnxModel, OnnxValue } from "../model.ts";
import { emitCast, type OnnxRule } from "./rule.ts";
import { transpose } from "./shaping.ts";

function matmul(
  model: OnnxModel,
  [a, b]: readonly OnnxValue[],
  attributes: PrimitiveAttributes["matmul"],
  out: ValueType,
): OnnxValue {
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
