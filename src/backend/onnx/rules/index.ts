/** The lowering rule of every primitive. */
import type { Primitive, PrimitiveAttributes } from "../../../ir/primitives.ts";
import { elementwiseRules } from "./elementwise.ts";
import type { OnnxRule } from "./rule.ts";
import { structuralRules } from "./structure.ts";

export type { OnnxRule } from "./rule.ts";

export const ONNX_RULES: { readonly [P in Primitive]: OnnxRule<PrimitiveAttributes[P]> } = {
  ...elementwiseRules,
  ...structuralRules,
};
