/** Definition of random bits: the function of key and position in `ir/randomBits.ts`. */
import { sizeOf } from "../../core/shape.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import { randomBitsAt } from "../../ir/randomBits.ts";
import type { ReferenceRule } from "./rule.ts";

const randomBits: ReferenceRule<Attributes["random_bits"]> = ([key], { shape }) => {
  const [k0, k1] = key!.data.map(Number) as [number, number];
  return [Array.from({ length: sizeOf(shape) }, (_, i) => BigInt(randomBitsAt(k0, k1, i)))];
};

export const randomRules = { random_bits: randomBits };
