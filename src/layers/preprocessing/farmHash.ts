/**
 * FarmHash's Fingerprint64, with which Keras's layers choose bins: fixed for ever, the same on every machine.
 *
 * The published algorithm (google/farmhash, `farmhashna::Hash64`, MIT licence) on BigInt. Packages that have it bring
 * WebAssembly which every bundler loads in its own way, or native code; words are short, and one takes microseconds.
 */
import { fetch32, fetch64, mul64, rotateRight, u64 } from "./bits64.ts";

const K0 = 0xc3a5c85c97cb3127n;
const K1 = 0xb492b66fbe98f273n;
const K2 = 0x9ae16a3b2f90404fn;

type Pair = readonly [bigint, bigint];

const shiftMix = (x: bigint): bigint => x ^ (x >> 47n);

function mix16(u: bigint, v: bigint, mul: bigint): bigint {
  const a = shiftMix(mul64(u ^ v, mul));
  return mul64(shiftMix(mul64(v ^ a, mul)), mul);
}

function upTo16(s: DataView): bigint {
  const n = s.byteLength;
  const mul = K2 + BigInt(n * 2);
  if (n >= 8) {
    const a = u64(fetch64(s, 0) + K2);
    const b = fetch64(s, n - 8);
    const c = u64(mul64(rotateRight(b, 37n), mul) + a);
    const d = mul64(rotateRight(a, 25n) + b, mul);
    return mix16(c, d, mul);
  }
  if (n >= 4) return mix16(BigInt(n) + (fetch32(s, 0) << 3n), fetch32(s, n - 4), mul);
  if (n === 0) return K2;
  const y = BigInt(s.getUint8(0) + (s.getUint8(n >> 1) << 8));
  const z = BigInt(n + (s.getUint8(n - 1) << 2));
  return mul64(shiftMix(mul64(y, K2) ^ mul64(z, K0)), K2);
}

/** What lengths 17 to 64 begin with. */
function ends(s: DataView, first: bigint): { a: bigint; y: bigint; z: bigint; mul: bigint } {
  const n = s.byteLength;
  const mul = K2 + BigInt(n * 2);
  const a = mul64(fetch64(s, 0), first);
  const b = fetch64(s, 8);
  const c = mul64(fetch64(s, n - 8), mul);
  const d = mul64(fetch64(s, n - 16), K2);
  const y = u64(rotateRight(u64(a + b), 43n) + rotateRight(c, 30n) + d);
  return { a, y, z: mix16(y, u64(a + rotateRight(u64(b + K2), 18n) + c), mul), mul };
}

function from33To64(s: DataView): bigint {
  const n = s.byteLength;
  const { a, y, z, mul } = ends(s, K2);
  const e = mul64(fetch64(s, 16), mul);
  const f = fetch64(s, 24);
  const g = mul64(y + fetch64(s, n - 32), mul);
  const h = mul64(z + fetch64(s, n - 24), mul);
  return mix16(
    u64(rotateRight(u64(e + f), 43n) + rotateRight(g, 30n) + h),
    u64(e + rotateRight(u64(f + a), 18n) + g),
    mul,
  );
}

/** Hash of 32 bytes with two seeds. */
function weak32(s: DataView, at: number, seedA: bigint, seedB: bigint): Pair {
  const [w, x, y, z] = [fetch64(s, at), fetch64(s, at + 8), fetch64(s, at + 16), fetch64(s, at + 24)];
  const a = u64(seedA + w);
  const b = rotateRight(u64(seedB + a + z), 21n);
  const sum = u64(a + x + y);
  return [u64(sum + z), u64(b + rotateRight(sum, 44n) + a)];
}

function above64(s: DataView): bigint {
  const n = s.byteLength;
  let x = u64(mul64(81n, K2) + fetch64(s, 0));
  let y = u64(mul64(81n, K1) + 113n);
  let z = mul64(shiftMix(u64(mul64(y, K2) + 113n)), K2);
  let v: Pair = [0n, 0n];
  let w: Pair = [0n, 0n];
  const round = (at: number, mul: bigint, ninefold: bigint): void => {
    x = mul64(rotateRight(u64(x + y + v[0] + fetch64(s, at + 8)), 37n), mul);
    y = mul64(rotateRight(u64(y + v[1] + fetch64(s, at + 48)), 42n), mul);
    x ^= mul64(w[1], ninefold);
    y = u64(y + v[0] * ninefold + fetch64(s, at + 40));
    z = mul64(rotateRight(u64(z + w[0]), 33n), mul);
    v = weak32(s, at, mul64(v[1], mul), u64(x + w[0]));
    w = weak32(s, at + 32, u64(z + w[1]), u64(y + fetch64(s, at + 16)));
    [x, z] = [z, x];
  };
  for (let at = 0; at < n - 64; at += 64) round(at, K1, 1n);
  // The last 64 bytes, which may overlap with the round before.
  const mul = K1 + ((z & 0xffn) << 1n);
  w = [u64(w[0] + BigInt((n - 1) & 63)), w[1]];
  v = [u64(v[0] + w[0]), v[1]];
  w = [u64(w[0] + v[0]), w[1]];
  round(n - 64, mul, 9n);
  return mix16(u64(mix16(v[0], w[0], mul) + mul64(shiftMix(y), K0) + z), u64(mix16(v[1], w[1], mul) + x), mul);
}

/** Fingerprint64 of bytes: an unsigned 64-bit number. */
export function fingerprint64(bytes: Uint8Array): bigint {
  const s = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length <= 16) return upTo16(s);
  if (bytes.length <= 32) return ends(s, K1).z;
  return bytes.length <= 64 ? from33To64(s) : above64(s);
}

const MUL = 0xc6a4a7935bd1e995n;

/**
 * One fingerprint of two, in their order.
 *
 * @see tensorflow's `FingerprintCat64` (tsl/platform/fingerprint.h)
 */
export function concatenateFingerprints(first: bigint, second: bigint): bigint {
  const mixed = mul64(first ^ MUL ^ mul64(shiftMix(mul64(second, MUL)), MUL), MUL);
  return shiftMix(mul64(shiftMix(mixed), MUL));
}
