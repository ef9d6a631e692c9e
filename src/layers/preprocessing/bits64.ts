/** Unsigned 64-bit arithmetic on BigInt, and reading words from bytes: what hash functions are made of. */

export const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
export const mul64 = (a: bigint, b: bigint): bigint => BigInt.asUintN(64, a * b);
/** `x` is below 2^64. */
export const rotateRight = (x: bigint, by: bigint): bigint => (x >> by) | BigInt.asUintN(64, x << (64n - by));
/** Little-endian. */
export const fetch64 = (bytes: DataView, at: number): bigint => bytes.getBigUint64(at, true);
/** Little-endian. */
export const fetch32 = (bytes: DataView, at: number): bigint => BigInt(bytes.getUint32(at, true));
