/** Zip archives in memory, as `.keras` files need them: stored entries in a given order. Knows no entry's meaning. */
import { inflateSync, zipSync } from "fflate";
import { SerializationError } from "../core/errors.ts";
import { looksLike } from "./h5/looksLike.ts";

const GIB = 2 ** 30;
const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_RECORD = 0x06054b50;
const END_RECORD_64 = 0x06064b50;
const END_LOCATOR_64 = 0x07064b50;
const END_RECORD_BYTES = 22;
const MAX_32 = 0xffff_ffff;
/** Deflate cannot shrink data by more than about this factor. */
const DEFLATE_LIMIT = 1032;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly stored: number;
  readonly size: number;
  readonly header: number;
}

/**
 * The files in a zip archive by name, in the archive's order, with their checksums verified. Stored entries are views
 * into `bytes`. Names of directories are left out.
 *
 * @param where - The archive's file name, for error messages.
 * @throws SerializationError when the bytes are no intact zip archive, when an entry's name leads outside of the archive
 * (`../x`, `/x`, `C:\x`), or when an entry declares more than 4 GiB and 100 times its stored size.
 */
export function readArchive(bytes: Uint8Array, where: string): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const files = new Map<string, Uint8Array>();
    for (const entry of readDirectory(bytes, view, where)) {
      checkEntry(entry, where);
      if (entry.name.endsWith("/")) continue;
      if (files.has(entry.name)) throw damaged(where, `entry "${entry.name}" occurs twice`);
      files.set(entry.name, readEntry(bytes, view, entry, where));
    }
    return files;
  } catch (error) {
    // A DataView refuses what an offset beyond the end asks for.
    if (error instanceof RangeError)
      throw damaged(where, `${bytes.length} bytes with an offset beyond their end`, error);
    throw error;
  }
}

/**
 * A zip archive with the given files, stored (not compressed), in that order. Names are UTF-8 with `/` between folders.
 *
 * @throws SerializationError when the archive would exceed the 4 GiB that a plain zip can hold.
 */
export function writeArchive(
  entries: readonly (readonly [name: string, bytes: Uint8Array])[],
): Uint8Array<ArrayBuffer> {
  const total = entries.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  if (total > 4 * GIB - (1 << 20)) {
    throw new SerializationError(
      `archive: ${total} bytes do not fit into one .keras file; expected less than 4 GiB. ` +
        "Save the weights alone, with `saveWeights`, or make the model smaller.",
    );
  }
  return zipSync(Object.fromEntries(entries), { level: 0 });
}

function damaged(where: string, found: string, cause?: unknown): SerializationError {
  return new SerializationError(
    `${where}: the zip archive is damaged or cut short. Received: ${found}. Save, copy or download it again.`,
    cause === undefined ? undefined : { cause },
  );
}

/** The entries that the central directory at the archive's end lists. */
function readDirectory(bytes: Uint8Array, view: DataView, where: string): Entry[] {
  let end = bytes.length - END_RECORD_BYTES;
  const lowest = Math.max(0, end - 0xffff); // a comment may follow the record
  while (end >= lowest && view.getUint32(end, true) !== END_RECORD) end--;
  if (end < lowest) {
    const what = looksLike(bytes);
    if (what.startsWith("a zip")) throw damaged(where, `${bytes.length} bytes without the directory that ends a zip`);
    throw new SerializationError(
      `${where}: not an accessible zip archive, which a .keras file is. Received: ${what}. ` +
        "Check the path and the download.",
    );
  }
  let count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (end >= 20 && view.getUint32(end - 20, true) === END_LOCATOR_64) {
    const record = Number(view.getBigUint64(end - 12, true));
    if (view.getUint32(record, true) !== END_RECORD_64) throw damaged(where, "a zip64 end record that is missing");
    count = Number(view.getBigUint64(record + 32, true));
    at = Number(view.getBigUint64(record + 48, true));
  }
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    if (view.getUint32(at, true) !== CENTRAL_HEADER) {
      throw damaged(where, `a directory with ${i} readable entries of ${count}`);
    }
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd));
    if (view.getUint16(at + 8, true) & 1) {
      throw new SerializationError(`${where}: entry "${name}" is encrypted; save the model without a password.`);
    }
    const wide = readZip64(view, nameEnd, extraEnd, [
      view.getUint32(at + 24, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 42, true),
    ]);
    entries.push({
      name,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      size: wide[0],
      stored: wide[1],
      header: wide[2],
    });
    at = extraEnd + view.getUint16(at + 32, true);
  }
  return entries;
}

/** Replaces the 32-bit values that are all ones by the 64-bit ones of the zip64 extra field, which come in that order. */
function readZip64(
  view: DataView,
  from: number,
  to: number,
  [size, stored, header]: [number, number, number],
): [size: number, stored: number, header: number] {
  for (let at = from; at + 4 <= to; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let next = at + 4;
    const widen = (value: number): number => {
      if (value !== MAX_32) return value;
      next += 8;
      return Number(view.getBigUint64(next - 8, true));
    };
    return [widen(size), widen(stored), widen(header)];
  }
  return [size, stored, header];
}

function checkEntry({ name, size, stored }: Entry, where: string): void {
  const segments = name.split(/[\\/]/);
  if (segments[0] === "" || segments.includes("..") || /^[a-z]:/i.test(name) || name.includes("\0")) {
    throw new SerializationError(
      `${where}: entry ${JSON.stringify(name)} leads outside of the archive. Refused: a model file has no such names.`,
    );
  }
  if (size > 4 * GIB && size > 100 * stored) {
    throw new SerializationError(
      `${where}: entry "${name}" declares ${size} bytes but stores ${stored}. ` +
        "Refused: it looks made to fill the memory of whoever opens it.",
    );
  }
}

function readEntry(bytes: Uint8Array, view: DataView, entry: Entry, where: string): Uint8Array {
  const { name, header, stored, size, method } = entry;
  if (view.getUint32(header, true) !== LOCAL_HEADER) throw damaged(where, `entry "${name}" without its header`);
  const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
  if (start + stored > bytes.length) {
    throw damaged(where, `entry "${name}" with ${Math.max(0, bytes.length - start)} of its ${stored} bytes`);
  }
  const raw = new Uint8Array(bytes.buffer, bytes.byteOffset + start, stored); // not subarray: `bytes` may be a Buffer
  let data: Uint8Array;
  if (method === 0) data = raw;
  else if (method === 8) data = inflate(raw, entry, where);
  else
    throw new SerializationError(`${where}: entry "${name}" uses zip method ${method}; expected stored or deflated.`);
  if (data.length !== size || crc32(data) !== entry.crc) {
    throw damaged(where, `entry "${name}" whose contents do not match their checksum`);
  }
  return data;
}

function inflate(raw: Uint8Array, { name, size }: Entry, where: string): Uint8Array {
  if (size > DEFLATE_LIMIT * raw.length + 64) {
    throw damaged(where, `entry "${name}" with ${raw.length} stored bytes said to hold ${size}`);
  }
  try {
    return inflateSync(raw, { out: new Uint8Array(size) });
  } catch (cause) {
    throw damaged(where, `entry "${name}" whose compressed data is invalid`, cause);
  }
}

/** Tables for four bytes at a time: `CRC[k][b]` is the remainder of byte `b` followed by `k` zero bytes. */
const CRC = [0, 1, 2, 3].map(() => new Uint32Array(256));
for (let b = 0; b < 256; b++) {
  let remainder = b;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  CRC[0]![b] = remainder;
}
for (let k = 1; k < 4; k++) {
  for (let b = 0; b < 256; b++) {
    const shorter = CRC[k - 1]![b]!;
    CRC[k]![b] = (shorter >>> 8) ^ CRC[0]![shorter & 255]!;
  }
}

/** The checksum of zip (CRC-32, polynomial 0xedb88320). */
function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = CRC as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  let crc = -1;
  let i = 0;
  for (const end = bytes.length - 3; i < end; i += 4) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc = t3[crc & 255]! ^ t2[(crc >>> 8) & 255]! ^ t1[(crc >>> 16) & 255]! ^ t0[crc >>> 24]!;
  }
  for (; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
