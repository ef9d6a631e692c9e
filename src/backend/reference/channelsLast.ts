/** Definitions of the windows on channels-last arrays: those on channels-first ones, between transposes. */
import { CHANNELS_LAST_FORMS, type ChannelsLastForm, type ChannelsLastPrimitives } from "../../ir/channelsLast.ts";
import { convolutionRules } from "./convolution.ts";
import { movementRules } from "./movement.ts";
import { poolingRules } from "./pooling.ts";
import type { ReferenceRule, ReferenceTensor } from "./rule.ts";

const RULES = { ...convolutionRules, ...poolingRules };

const moved = (x: ReferenceTensor, permutation: readonly number[], interpret: Parameters<ReferenceRule<object>>[3]) => {
  const shape = permutation.map((axis) => x.shape[axis]!);
  const [data] = movementRules.transpose([x], { permutation }, [{ shape, dtype: x.dtype }], interpret);
  return { shape, dtype: x.dtype, data: data! };
};

/** The order of axes that undoes another. */
const inverse = (order: readonly number[]): number[] => order.map((_, axis) => order.indexOf(axis));

function ruleOf<P extends keyof ChannelsLastPrimitives>(
  form: ChannelsLastForm<P>,
): ReferenceRule<ChannelsLastPrimitives[P]> {
  return (inputs, attributes, [output], interpret) => {
    const operands = form.operands.map((order, i) => moved(inputs[i]!, order(inputs[i]!.shape.length), interpret));
    // The maxima are looked for in x; only their shape is read.
    if (form.last === "max_pool_last_grad") operands.splice(1, 0, { ...operands[1]!, data: [] });
    const order = form.result(output!.shape.length);
    const type = { shape: inverse(order).map((axis) => output!.shape[axis]!), dtype: output!.dtype };
    const [data] = (RULES[form.first] as ReferenceRule<unknown>)(operands, attributes, [type], interpret);
    return [moved({ ...type, data: data! }, order, interpret).data];
  };
}

export const channelsLastRules: {
  readonly [P in keyof ChannelsLastPrimitives]: ReferenceRule<ChannelsLastPrimitives[P]>;
} = {
  conv_last: ruleOf(CHANNELS_LAST_FORMS.conv_last),
  conv_last_input_grad: ruleOf(CHANNELS_LAST_FORMS.conv_last_input_grad),
  conv_last_weight_grad: ruleOf(CHANNELS_LAST_FORMS.conv_last_weight_grad),
  max_pool_last: ruleOf(CHANNELS_LAST_FORMS.max_pool_last),
  max_pool_last_grad: ruleOf(CHANNELS_LAST_FORMS.max_pool_last_grad),
  sum_pool_last: ruleOf(CHANNELS_LAST_FORMS.sum_pool_last),
  sum_pool_last_grad: ruleOf(CHANNELS_LAST_FORMS.sum_pool_last_grad),
};
