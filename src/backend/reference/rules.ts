/** The meaning of every primitive of the IR. */
import type { Primitive, PrimitiveAttributes } from "../../ir/primitives.ts";
import { channelsLastRules } from "./channelsLast.ts";
import { contractionRules } from "./contraction.ts";
import { convolutionRules } from "./convolution.ts";
import { elementwiseRules } from "./elementwise.ts";
import { loopRules } from "./loop.ts";
import { movementRules } from "./movement.ts";
import { poolingRules } from "./pooling.ts";
import { randomRules } from "./random.ts";
import { reductionRules } from "./reduction.ts";
import type { ReferenceRule } from "./rule.ts";

export const REFERENCE_RULES: { readonly [P in Primitive]: ReferenceRule<PrimitiveAttributes[P]> } = {
  ...elementwiseRules,
  ...movementRules,
  ...reductionRules,
  ...contractionRules,
  ...convolutionRules,
  ...poolingRules,
  ...channelsLastRules,
  ...randomRules,
  ...loopRules,
};
