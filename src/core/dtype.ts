/** Element types: their storage in JavaScript, and the promotion rules that Keras uses. Knows no tensor. */
import { DTypeError, describe, didYouMean } from "./errors.ts";
import { StringArray } from "./stringArray.ts";

/** Every dtype that a tensor can have. `string` lives in host memory only. */
export type DType =
  | "float16"
  | "bfloat16"
  | "float32"
  | "float64"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool"
  | "string";

/** Host storage. float16 and bfloat16 are kept as their bits in a Uint16Array, bool as 0 or 1 in a Uint8Array. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

type TypedArrayConstructor = {
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, offset?: number, length?: number): TypedArray;
};

interface DTypeFacts {
  readonly kind: "float" | "int" | "uint" | "bool" | "string";
  readonly bytes: number;
  readonly array: TypedArrayConstructor;
}

const FACTS: { readonly [D in DType]: DTypeFacts } = {
  float16: { kind: "float", bytes: 2, array: Uint16Array as TypedArrayConstructor },
  bfloat16: { kind: "float", bytes: 2, array: Uint16Array as TypedArrayConstructor },
  float32: { kind: "float", bytes: 4, array: Float32Array as TypedArrayConstructor },
  float64: { kind: "float", bytes: 8, array: Float64Array as TypedArrayConstructor },
  int8: { kind: "int", bytes: 1, array: Int8Array as TypedArrayConstructor },
  int16: { kind: "int", bytes: 2, array: Int16Array as TypedArrayConstructor },
  int32: { kind: "int", bytes: 4, array: Int32Array as TypedArrayConstructor },
  int64: { kind: "int", bytes: 8, array: BigInt64Array as unknown as TypedArrayConstructor },
  uint8: { kind: "uint", bytes: 1, array: Uint8Array as TypedArrayConstructor },
  uint16: { kind: "uint", bytes: 2, array: Uint16Array as TypedArrayConstructor },
  uint32: { kind: "uint", bytes: 4, array: Uint32Array as TypedArrayConstructor },
  uint64: { kind: "uint", bytes: 8, array: BigUint64Array as unknown as TypedArrayConstructor },
  bool: { kind: "bool", bytes: 1, array: Uint8Array as TypedArrayConstructor },
  // No typed array, but used like one wherever rows are copied.
  string: { kind: "string", bytes: 0, array: StringArray as unknown as TypedArrayConstructor },
};

/** All dtype names. */
export const DTYPES = Object.keys(FACTS) as readonly DType[];

/** Returns `value` as a DType, accepting Keras's short names `int`, `float`, `double` and `half`. */
export function standardizeDType(value: string): DType {
  const alias: Record<string, DType> = {
    int: "int32",
    float: "float32",
    double: "float64",
    half: "float16",
    long: "int64",
  };
  if (Object.hasOwn(FACTS, value)) return value as DType;
  if (Object.hasOwn(alias, value)) return alias[value]!;
  throw new DTypeError(
    `unknown dtype ${describe(value)}.${didYouMean(String(value), DTYPES)} Known: ${DTYPES.join(", ")}.`,
  );
}

export const isFloat = (dtype: DType): boolean => FACTS[dtype].kind === "float";
/** Signed or unsigned integer; bool is not one. */
export const isInteger = (dtype: DType): boolean => FACTS[dtype].kind === "int" || FACTS[dtype].kind === "uint";
export const isUnsigned = (dtype: DType): boolean => FACTS[dtype].kind === "uint";
export const is64BitInteger = (dtype: DType): boolean => dtype === "int64" || dtype === "uint64";
/** Bytes per element; 0 for string. */
export const byteSize = (dtype: DType): number => FACTS[dtype].bytes;

/** A zeroed host array of `length` elements; of strings, one without strings. */
export function allocate(dtype: DType, length: number): TypedArray {
  return new FACTS[dtype].array(length);
}

/** Views the bytes of a buffer as elements of `dtype`, without a copy. */
export function viewBytes(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray {
  if (dtype === "string") throw new DTypeError("strings are not stored as bytes");
  return new FACTS[dtype].array(buffer, byteOffset, length);
}

/** The dtype whose host storage a typed array is. Uint8ClampedArray counts as uint8. */
export function dtypeOfArray(array: ArrayBufferView): DType {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int8Array) return "int8";
  if (array instanceof Int16Array) return "int16";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof BigInt64Array) return "int64";
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return "uint8";
  if (array instanceof Uint16Array) return "uint16";
  if (array instanceof Uint32Array) return "uint32";
  if (array instanceof BigUint64Array) return "uint64";
  throw new DTypeError(`no dtype corresponds to ${describe(array)}`);
}

const scratch = new DataView(new ArrayBuffer(4));

/**
 * Bits of the float32 at or below `x` in size, the last bit set when something was cut off. Rounded again to fewer bits,
 * that gives what rounding `x` itself would: going through the nearest float32 instead can make a tie of what is none.
 */
function float32BitsRoundedToOdd(x: number): number {
  const near = Math.fround(x);
  scratch.setFloat32(0, near);
  const bits = scratch.getUint32(0);
  if (near === x || Number.isNaN(x)) return bits;
  return (Math.abs(near) > Math.abs(x) ? bits - 1 : bits) | 1;
}

/** Bits of the float16 nearest to `x` (ties to even). */
export function float16Bits(x: number): number {
  const bits = float32BitsRoundedToOdd(x);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds past 65504
  if (magnitude < 0x38800000) {
    // subnormal in float16: multiples of 2^-24
    const q = Math.abs(x) * 2 ** 24;
    const floor = Math.floor(q);
    const rest = q - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && (floor & 1) === 1) ? floor + 1 : floor);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** The number that float16 bits stand for. */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Bits of the bfloat16 nearest to `x` (ties to even). */
export function bfloat16Bits(x: number): number {
  const bits = float32BitsRoundedToOdd(x);
  if (Number.isNaN(x)) return ((bits >>> 16) & 0x8000) | 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that bfloat16 bits stand for. */
export function bfloat16Value(bits: number): number {
  scratch.setUint32(0, (bits & 0xffff) << 16);
  return scratch.getFloat32(0);
}

/**
 * A JavaScript number as something that can be stored in an array of `dtype`. Storing it there wraps integers around;
 * NaN and infinities become the integer 0.
 */
export function toElement(dtype: DType, x: number): number | bigint {
  switch (dtype) {
    case "float16":
      return float16Bits(x);
    case "bfloat16":
      return bfloat16Bits(x);
    case "int64":
    case "uint64":
      return BigInt(Math.trunc(Number.isFinite(x) ? x : 0));
    case "bool":
      return x !== 0 ? 1 : 0;
    default:
      return x;
  }
}

/** The JavaScript number that one storage element of `dtype` stands for. */
export function fromElement(dtype: DType, element: number | bigint): number {
  if (dtype === "float16") return float16Value(element as number);
  if (dtype === "bfloat16") return bfloat16Value(element as number);
  return Number(element);
}

/** Converts host storage from one dtype to another; returns the same array when nothing changes. */
export function convertArray(data: TypedArray, from: DType, to: DType): TypedArray {
  if (from === to) return data;
  const out = allocate(to, data.length);
  const plainFrom = from !== "float16" && from !== "bfloat16" && !is64BitInteger(from);
  const plainTo = to !== "float16" && to !== "bfloat16" && !is64BitInteger(to) && to !== "bool";
  if (plainFrom && plainTo) {
    (out as Float32Array).set(data as Float32Array);
    return out;
  }
  if (is64BitInteger(from) && isInteger(to)) {
    // Between integers no digit may be lost on the way: the low bits are kept, as everywhere in integer conversion.
    const low = (x: bigint): number | bigint => (is64BitInteger(to) ? x : Number(BigInt.asIntN(32, x)));
    for (let i = 0; i < data.length; i++) (out as Float32Array)[i] = low((data as BigInt64Array)[i]!) as number;
    return out;
  }
  for (let i = 0; i < data.length; i++) {
    (out as Float32Array)[i] = toElement(to, fromElement(from, data[i]!)) as number;
  }
  return out;
}

/** Weak dtypes: a JavaScript number takes part in promotion without widening the other side. */
export type WeakDType = DType | "weak_int" | "weak_float";
type LatticeDType = Exclude<WeakDType, "string">;

// The lattice of keras/src/backend/common/dtypes.py: an edge leads to the next wider types.
const LATTICE: { readonly [D in LatticeDType]: readonly LatticeDType[] } = {
  bool: ["weak_int"],
  weak_int: ["uint8", "int8"],
  uint8: ["int16", "uint16"],
  uint16: ["int32", "uint32"],
  uint32: ["int64", "uint64"],
  uint64: ["weak_float"],
  int8: ["int16"],
  int16: ["int32"],
  int32: ["int64"],
  int64: ["weak_float"],
  weak_float: ["bfloat16", "float16"],
  bfloat16: ["float32"],
  float16: ["float32"],
  float32: ["float64"],
  float64: [],
};

function upperBounds(dtype: LatticeDType): Set<LatticeDType> {
  const seen = new Set<LatticeDType>();
  const walk = (d: LatticeDType): void => {
    if (seen.has(d)) return;
    seen.add(d);
    for (const next of LATTICE[d]) walk(next);
  };
  walk(dtype);
  return seen;
}

const BOUNDS = new Map((Object.keys(LATTICE) as LatticeDType[]).map((d) => [d, upperBounds(d)] as const));

/**
 * The dtype of an operation on mixed dtypes, by Keras's promotion lattice.
 *
 * @param dtypes - None at all gives floatx.
 * @param floatx - What a lone weak float becomes.
 * @throws DTypeError when `"string"` is mixed with anything else.
 * @see keras/src/backend/common/dtypes.py (Keras 3.x): same lattice.
 */
export function resultType(dtypes: readonly WeakDType[], floatx: DType): DType {
  if (dtypes.length === 0) return floatx;
  if (dtypes.includes("string")) {
    if (dtypes.every((d) => d === "string")) return "string";
    throw new DTypeError(`cannot combine dtypes ${dtypes.join(", ")}: "string" mixes with nothing else`);
  }
  const all = [...new Set(dtypes)].map((d) => BOUNDS.get(d as LatticeDType)!);
  const common = [...all[0]!].filter((candidate) => all.every((bounds) => bounds.has(candidate)));
  // The least upper bound is the common bound from which all other common bounds can be reached.
  for (const candidate of common) {
    if (BOUNDS.get(candidate)!.size === common.length) {
      if (candidate === "weak_int") return "int32";
      if (candidate === "weak_float") return floatx;
      return candidate as DType;
    }
  }
  throw new Error(`internal: the promotion lattice has no least upper bound of ${dtypes.join(", ")}`);
}
