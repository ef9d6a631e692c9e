/**
 * Packs small tensors that go in and out of a program into one flat tensor. An engine's binding spends as long on handing over
 * a tensor of ten numbers as on one of a million, so a training step should not pass its biases and counters one by one.
 */
import { invariant } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { makeProgram, type Program } from "../ir/program.ts";
import { inputValue, type Value, type ValueType } from "../ir/value.ts";
import { rewriteProgram } from "./rewrite.ts";

/** A tensor in a pack. At least one of `input` and `output` is there. */
export interface PackMember {
  readonly type: ValueType;
  /** The input of the program that holds it. */
  readonly input: Value | null;
  /** Position among the program's outputs of its next value; without one it stays as it is. */
  readonly output: number | null;
}

/** Tensors of one dtype that lie one behind another. */
export interface Pack {
  readonly members: readonly PackMember[];
}

/** First element of each member. */
export function packOffsets(pack: Pack): number[] {
  let offset = 0;
  return pack.members.map(({ type }) => {
    const start = offset;
    offset += sizeOf(type.shape);
    return start;
  });
}

/** Whether a program gives new values to members of a pack. */
export const isWritten = (pack: Pack): boolean => pack.members.some((member) => member.output !== null);

/**
 * The program with packs in place of their members.
 *
 * @returns Its inputs are those that are in no pack, then one per pack; its outputs likewise, with one for each pack that is
 *   written.
 */
export function packProgram(program: Program, packs: readonly Pack[]): Program {
  const replaced = new Map<Value, Value>();
  const packedOutputs = new Set<number>();
  const flats = packs.map((pack) => {
    const { dtype } = pack.members[0]!.type;
    const size = pack.members.reduce((n, { type }) => n + sizeOf(type.shape), 0);
    const flat = inputValue({ shape: [size], dtype }, "pack");
    const offsets = packOffsets(pack);
    pack.members.forEach(({ type, input, output }, i) => {
      invariant(type.dtype === dtype, "a pack has one dtype");
      const part = build.slice(flat, [offsets[i]!], [offsets[i]! + sizeOf(type.shape)]);
      if (input) replaced.set(input, build.reshape(part, type.shape));
      if (output !== null) packedOutputs.add(output);
    });
    return flat;
  });
  const inputs = [...program.inputs.filter((value) => !replaced.has(value)), ...flats];
  const { outputs } = rewriteProgram(program, () => null, replaced, inputs);
  const written = packs.flatMap((pack, p) => {
    if (!isWritten(pack)) return [];
    const offsets = packOffsets(pack);
    const parts = pack.members.map(({ type, output }, i) => {
      const size = sizeOf(type.shape);
      if (output !== null) return build.reshape(outputs[output]!, [size]);
      return build.slice(flats[p]!, [offsets[i]!], [offsets[i]! + size]);
    });
    return [build.concat(parts, 0)];
  });
  return makeProgram(inputs, [...outputs.filter((_, i) => !packedOutputs.has(i)), ...written]);
}
