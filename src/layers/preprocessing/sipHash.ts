/** SipHash-2-4 (Aumasson and Bernstein, 2012): the hash with a key, for bins that nobody outside can aim at. */
import { fetch64, rotateRight, u64 } from "./bits64.ts";

/** SipHash-2-4 of bytes under a key of two 64-bit words: an unsigned 64-bit number. */
export function sipHash(bytes: Uint8Array, [k0, k1]: readonly [bigint, bigint]): bigint {
  let v0 = 0x736f6d6570736575n ^ k0;
  let v1 = 0x646f72616e646f6dn ^ k1;
  let v2 = 0x6c7967656e657261n ^ k0;
  let v3 = 0x7465646279746573n ^ k1;
  const rotateLeft = (x: bigint, by: bigint): bigint => rotateRight(x, 64n - by);
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      v0 = u64(v0 + v1);
      v2 = u64(v2 + v3);
      v1 = rotateLeft(v1, 13n) ^ v0;
      v3 = rotateLeft(v3, 16n) ^ v2;
      v0 = rotateLeft(v0, 32n);
      v2 = u64(v2 + v1);
      v0 = u64(v0 + v3);
      v1 = rotateLeft(v1, 17n) ^ v2;
      v3 = rotateLeft(v3, 21n) ^ v0;
      v2 = rotateLeft(v2, 32n);
    }
  };
  const absorb = (word: bigint): void => {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  };
  const whole = bytes.length - (bytes.length % 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < whole; at += 8) absorb(fetch64(view, at));
  // The rest of the bytes, and in the highest byte the length.
  const last = new DataView(new ArrayBuffer(8));
  for (let at = whole; at < bytes.length; at++) last.setUint8(at - whole, bytes[at]!);
  last.setUint8(7, bytes.length & 0xff);
  absorb(fetch64(last, 0));
  v2 ^= 0xffn;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}
