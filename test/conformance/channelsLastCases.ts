/** Cases of windows on channels-last arrays: those on channels-first ones, with operands whose axes are in the other order. */
import { CHANNELS_LAST_FORMS, type ChannelsLastForm, type ChannelsLastPrimitives } from "../../src/ir/channelsLast.ts";
import type { Case, CaseTable, Operand } from "./cases.ts";
import { windowCases } from "./windowCases.ts";

/** An operand such that `order` brings its axes to the given shape. Its numbers are as good in any order. */
const before = ({ shape, numbers }: Operand, order: readonly number[]): Operand => ({
  shape: order.map((_, axis) => shape[order.indexOf(axis)]!),
  numbers,
});

function casesOf({ first, last, operands }: ChannelsLastForm): Case[] {
  return (windowCases[first] as readonly Case[])
    .filter((c) => c.operands[0]!.shape.length <= 4)
    .map((c) => {
      const given = last === "max_pool_last_grad" ? [c.operands[0]!, c.operands[2]!] : c.operands;
      return { ...c, operands: given.map((x, i) => before(x, operands[i]!(x.shape.length))) };
    });
}

export const channelsLastCases = Object.fromEntries(
  Object.values(CHANNELS_LAST_FORMS).map((form: ChannelsLastForm) => [form.last, casesOf(form)]),
) as unknown as Pick<CaseTable, keyof ChannelsLastPrimitives>;
