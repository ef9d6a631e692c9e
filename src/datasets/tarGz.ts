/** The files in a gzip-compressed tar archive, in memory. */
import { SerializationError } from "../core/errors.ts";
import { looksLike } from "../saving/h5/looksLike.ts";

const BLOCK = 512;

/**
 * The plain files in a `.tar.gz` archive by name. Folders and links are left out; nothing is written anywhere.
 *
 * @param where - The archive's name, for error messages.
 * @throws SerializationError when it is damaged or no such archive.
 */
export async function readTarGz(bytes: Uint8Array, where: string): Promise<Map<string, Uint8Array>> {
  return readTar(await gunzip(bytes, where), where);
}

const damaged = (where: string, found: string, cause?: unknown): SerializationError =>
  new SerializationError(
    `${where}: the archive is damaged or cut short. Received: ${found}. Download or copy it again.`,
    cause === undefined ? undefined : { cause },
  );

async function gunzip(bytes: Uint8Array, where: string): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    throw new SerializationError(`${where}: expected a .tar.gz archive. Received: ${looksLike(bytes)}.`);
  }
  let unpacked: Uint8Array;
  try {
    const packed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
    unpacked = new Uint8Array(await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
  } catch (cause) {
    throw damaged(where, `${bytes.length} bytes that cannot be decompressed (${(cause as Error).message})`, cause);
  }
  // The last four bytes are the length; an engine may take the end of its input for the end of the data.
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(bytes.length - 4, true);
  if (unpacked.length % 2 ** 32 !== length)
    throw damaged(where, `${unpacked.length} bytes of data instead of ${length}`);
  return unpacked;
}

/** @see POSIX.1-1988, ustar interchange format */
function readTar(bytes: Uint8Array, where: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const text = (from: number, length: number): string => {
      const field = header.subarray(from, from + length);
      const end = field.indexOf(0);
      return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
    };
    const octal = (from: number, length: number): number => {
      const digits = text(from, length).trim();
      return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
    };
    // The sum of the header's bytes, with its own field as spaces.
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    if (header.length < BLOCK || octal(148, 8) !== sum) throw damaged(where, `no header of a file at byte ${at}`);
    const [size, prefix] = [octal(124, 12), text(257, 5) === "ustar" ? text(345, 155) : ""];
    const start = at + BLOCK;
    if (Number.isNaN(size) || start + size > bytes.length)
      throw damaged(where, `file "${text(0, 100)}" without its end`);
    const kind = text(156, 1);
    if (kind === "0" || kind === "") {
      files.set(prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`, bytes.subarray(start, start + size));
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
