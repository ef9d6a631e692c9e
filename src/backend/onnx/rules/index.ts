/** The lowering rule of every primitive. */
import type { Primitive, PrimitiveAttributes } from "../../../ir/primitives.ts";
import { channelsLastRules } from "./channelsLast.ts";
import { contractionRules } from "./contraction.ts";
import { convolutionRules } from "./convolution.ts";
import { elementwiseRules } from "./elementwise.ts";
import { loopRules } from "./loop.ts";
import { movementRules } from "./movement.ts";
import { poolingRules } from "./pooling.ts";
import { reductionRules } from "./reduction.ts";
import type { OnnxRule } from "./rule.ts";

export type { OnnxRule } from "./rule.ts";

export const ONNX_RULES: { readonly [P in Primitive]: OnnxRule<PrimitiveAttributes[P]> } = {
  ...elementwiseRules,
  ...movementRules,
  ...reductionRules,
  ...contractionRules,
  ...convolutionRules,
  ...poolingRules,
  ...channelsLastRules,
  ...loopRules,
};
