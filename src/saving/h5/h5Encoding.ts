/** The bytes of HDF5's small structures: datatypes, dataspaces, header messages. All little-endian. */
import type { DType } from "../../core/dtype.ts";
import { DTypeError } from "../../core/errors.ts";

/** Marks an address that points nowhere. */
export const UNDEFINED_ADDRESS = 0xffff_ffff_ffff_ffffn;

export const align8 = (size: number): number => Math.ceil(size / 8) * 8;

/** Little-endian bytes of unsigned integers, each given with its width. */
export function pack(...fields: readonly (readonly [width: 1 | 2 | 4 | 8, value: number | bigint])[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 1) view.setUint8(at, Number(value));
    else if (width === 2) view.setUint16(at, Number(value), true);
    else if (width === 4) view.setUint32(at, Number(value), true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Zeros added up to a multiple of eight bytes. */
export function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 8 === 0) return bytes;
  const out = new Uint8Array(align8(bytes.length));
  out.set(bytes);
  return out;
}

const byteRow = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

function integerType(size: number, signed: boolean): Uint8Array {
  return concat([byteRow(0x10, signed ? 0x08 : 0, 0, 0), pack([4, size], [2, 0], [2, size * 8])]);
}

/** IEEE-like: sign bit on top, then the exponent, then a fraction with an implied leading one. */
function floatType(size: number, exponentBits: number): Uint8Array {
  const fractionBits = size * 8 - 1 - exponentBits;
  return concat([
    byteRow(0x11, 0x20, size * 8 - 1, 0),
    pack([4, size], [2, 0], [2, size * 8], [1, fractionBits], [1, exponentBits], [1, 0], [1, fractionBits]),
    pack([4, 2 ** (exponentBits - 1) - 1]),
  ]);
}

/** h5py's bool: an enum of signed bytes, FALSE = 0 and TRUE = 1. */
const boolType = concat([
  byteRow(0x18, 2, 0, 0),
  pack([4, 1]),
  integerType(1, true),
  padded(new TextEncoder().encode("FALSE\0")),
  padded(new TextEncoder().encode("TRUE\0")),
  byteRow(0, 1),
]);

/** How h5py stores a NumPy dtype it does not know, such as ml_dtypes.bfloat16 (`V2`). */
const opaqueType = concat([byteRow(0x15, 0, 0, 0), pack([4, 2])]);

/** Variable-length UTF-8 text, as h5py writes a Python `str`. Its elements are 16 bytes: length and heap reference. */
export const textType = concat([byteRow(0x19, 0x01, 0x01, 0), pack([4, 16]), integerType(1, false)]);
export const TEXT_ELEMENT_BYTES = 16;

const DATATYPES: { readonly [D in Exclude<DType, "string">]: Uint8Array } = {
  float16: floatType(2, 5),
  bfloat16: opaqueType,
  float32: floatType(4, 8),
  float64: floatType(8, 11),
  int8: integerType(1, true),
  int16: integerType(2, true),
  int32: integerType(4, true),
  int64: integerType(8, true),
  uint8: integerType(1, false),
  uint16: integerType(2, false),
  uint32: integerType(4, false),
  uint64: integerType(8, false),
  bool: boolType,
};

/** The datatype message of a dtype. */
export function datatype(dtype: DType): Uint8Array {
  if (dtype === "string") throw new DTypeError('an HDF5 dataset cannot hold dtype "string" here; use an attribute');
  return DATATYPES[dtype];
}

/** The dataspace message of a shape; `[]` is a scalar. */
export function dataspace(shape: readonly number[]): Uint8Array {
  return concat([byteRow(1, shape.length, 0, 0, 0, 0, 0, 0), ...shape.map((size) => pack([8, size]))]);
}

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

/** A version 1 object header. Its size depends only on the sizes of the messages' bodies. */
export function objectHeader(messages: readonly Message[]): Uint8Array {
  const rows = messages.flatMap(({ type, flags, body }) => {
    const data = padded(body);
    return [pack([2, type], [2, data.length], [1, flags], [1, 0], [2, 0]), data];
  });
  const size = rows.reduce((sum, row) => sum + row.length, 0);
  return concat([pack([1, 1], [1, 0], [2, messages.length], [4, 1], [4, size], [4, 0]), ...rows]);
}
