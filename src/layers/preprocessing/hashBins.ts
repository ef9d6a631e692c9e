/** Which bin a value falls into: the one thing that all hashing layers share. */
import { describe } from "../../core/errors.ts";
import type { Operation } from "../../ops/operation.ts";
import { placeOf } from "../errorTrail.ts";
import { fingerprint64 } from "./farmHash.ts";
import { sipHash } from "./sipHash.ts";
import type { Token } from "./tokenRows.ts";

/** Key of a keyed hash: two integers, or one for both. */
export type Salt = number | bigint | readonly [number | bigint, number | bigint];

/** The two words of a salt. @throws RangeError unless it is one integer or two. */
export function checkSalt(layer: Operation, salt: unknown): [number | bigint, number | bigint] | null {
  if (salt === null || salt === undefined) return null;
  const words = Array.isArray(salt) ? salt : [salt, salt];
  const isInteger = (x: unknown): x is number | bigint => typeof x === "bigint" || Number.isSafeInteger(x);
  if (words.length === 2 && words.every(isInteger)) return [words[0]!, words[1]!];
  throw new RangeError(
    `${placeOf(layer)}: expected \`salt\` to be an integer or a list of two. Received: salt=${describe(salt)}`,
  );
}

const encoder = new TextEncoder();

/** Text of a value as TensorFlow writes it before hashing: floats lose their fraction, booleans are words. */
export function hashedText(value: Token | boolean): string {
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(BigInt(Math.trunc(value))) : String(value);
}

/** A function from values to bins `0 … count − 1`: FarmHash, or SipHash when there is a salt. */
export function hashToBins(
  count: number,
  salt: readonly [number | bigint, number | bigint] | null,
): (value: Token | boolean) => number {
  const bins = BigInt(count);
  if (!salt) return (value) => Number(fingerprint64(encoder.encode(hashedText(value))) % bins);
  const key = [BigInt.asUintN(64, BigInt(salt[0])), BigInt.asUintN(64, BigInt(salt[1]))] as const;
  return (value) => Number(sipHash(encoder.encode(hashedText(value)), key) % bins);
}
