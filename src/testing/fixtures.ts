/**
 * Reads the numbers that real Python Keras made (`test/fixtures/*.json`, see `tools/fixtures/README.md`).
 * For tests only: it touches the disk.
 */
import { readFileSync } from "node:fs";
import type { DType, TypedArray } from "../core/dtype.ts";

/** An array as the generators write it: row-major, little-endian; bool one byte each, half floats as their bits. */
export interface EncodedArray {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly b64: string;
}

/** What every fixture says about where it comes from. */
export interface FixtureHead {
  readonly keras: string;
  readonly backend: string;
  readonly generator: string;
}

/** A decoded array. */
export interface DecodedArray {
  readonly data: TypedArray;
  readonly shape: number[];
  readonly dtype: DType;
}

const FOLDER = new URL("../../test/fixtures/", import.meta.url);

/** Reads `test/fixtures/<name>.json`; `name` may hold a folder, such as `keras/mlp_adam`. */
export function loadFixture<T>(name: string): T & FixtureHead {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8")) as T & FixtureHead;
}

/** Reads `test/fixtures/<file>` as bytes, such as `keras/mlp_adam.keras`. */
export function loadFixtureBytes(file: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(file, FOLDER)));
}

type Builder = (buffer: ArrayBuffer) => TypedArray;

const BUILDERS: Partial<Record<DType, Builder>> = {
  float32: (b) => new Float32Array(b),
  float64: (b) => new Float64Array(b),
  float16: (b) => new Uint16Array(b),
  bfloat16: (b) => new Uint16Array(b),
  int8: (b) => new Int8Array(b),
  int16: (b) => new Int16Array(b),
  int32: (b) => new Int32Array(b),
  int64: (b) => new BigInt64Array(b),
  uint8: (b) => new Uint8Array(b),
  uint16: (b) => new Uint16Array(b),
  uint32: (b) => new Uint32Array(b),
  uint64: (b) => new BigUint64Array(b),
  bool: (b) => new Uint8Array(b),
};

/** Turns an encoded array into its numbers, in the storage that `core/dtype.ts` states for the dtype. */
export function decode(array: EncodedArray): DecodedArray {
  const build = BUILDERS[array.dtype];
  if (build === undefined) throw new TypeError(`decode: no storage for dtype "${array.dtype}".`);
  const bytes = new Uint8Array(Buffer.from(array.b64, "base64")); // a copy of its own, so aligned at 0
  const data = build(bytes.buffer);
  const size = array.shape.reduce((product, dim) => product * dim, 1);
  if (data.length !== size) {
    throw new RangeError(
      `decode: received ${data.length} numbers for shape (${array.shape.join(", ")}), expected ${size}.`,
    );
  }
  return { data, shape: [...array.shape], dtype: array.dtype };
}

/** True for an encoded array, as opposed to another JSON value. */
export function isEncoded(value: unknown): value is EncodedArray {
  return typeof value === "object" && value !== null && "b64" in value && "dtype" in value;
}

/** The numbers of an encoded array as plain JavaScript numbers (half floats widened, 64-bit integers narrowed). */
export function decodeNumbers(array: EncodedArray): number[] {
  const { data, dtype } = decode(array);
  if (dtype === "float16") return Array.from(data as Uint16Array, halfToNumber);
  if (dtype === "bfloat16") return Array.from(data as Uint16Array, brainToNumber);
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** bfloat16 is the upper half of a float32. */
function brainToNumber(bits: number): number {
  return new Float32Array(new Uint32Array([bits << 16]).buffer)[0]!;
}
