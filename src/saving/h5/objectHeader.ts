/**
 * The messages in the header of one HDF5 object, read straight from the file's bytes. libhdf5 does the reading of
 * data; this shows what h5wasm keeps to itself and a careful reader must know before it touches a dataset: external
 * storage, virtual layout, and which 16-bit float a number is.
 *
 * @see HDF5 File Format Specification, IV.A "Disk Format: Level 2A - Data Object Headers".
 */

/** A header message: where its data lies in the file. */
export interface HeaderMessage {
  readonly type: number;
  readonly flags: number;
  readonly start: number;
  readonly size: number;
}

export const MESSAGE = { datatype: 0x03, externalFiles: 0x07, layout: 0x08, continuation: 0x10 } as const;

/** Set in a message whose data only points to where the real message is shared. */
export const SHARED = 0x02;

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const MAX_MESSAGES = 1_000_000;

/** Where the HDF5 part of a file starts (0, or 512, 1024, … after a user block), or `-1` when there is none. */
export function findSignature(bytes: Uint8Array): number {
  for (let at = 0; at + SIGNATURE.length <= bytes.length; at = at === 0 ? 512 : at * 2) {
    if (SIGNATURE.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

/**
 * All messages of the object header at `address`, in order.
 *
 * @param base - What addresses in the file are relative to: {@link findSignature}.
 * @throws RangeError when the header points outside the file.
 */
export function readHeaderMessages(bytes: Uint8Array, base: number, address: number): HeaderMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = base + address;
  const messages: HeaderMessage[] = [];
  const chunks: { start: number; end: number }[] = [];
  // Both versions differ only in how the header and each message begin.
  const version2 = view.getUint32(at, true) === 0x5244484f; // "OHDR"
  let creationOrder = 0;
  if (version2) {
    const flags = view.getUint8(at + 5);
    let p = at + 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
    const width = 1 << (flags & 3);
    const size =
      width === 1
        ? view.getUint8(p)
        : width === 2
          ? view.getUint16(p, true)
          : width === 4
            ? view.getUint32(p, true)
            : Number(view.getBigUint64(p, true));
    p += width;
    creationOrder = flags & 0x04 ? 2 : 0;
    chunks.push({ start: p, end: p + size });
  } else {
    if (view.getUint8(at) !== 1) throw new RangeError("object header has an unknown version");
    chunks.push({ start: at + 16, end: at + 16 + view.getUint32(at + 8, true) });
  }
  const prefix = version2 ? 4 + creationOrder : 8;
  for (let i = 0; i < chunks.length; i++) {
    const { start, end } = chunks[i]!;
    if (end > bytes.length || messages.length > MAX_MESSAGES) throw new RangeError("object header leaves the file");
    for (let p = start; p + prefix <= end; ) {
      const type = version2 ? view.getUint8(p) : view.getUint16(p, true);
      const size = view.getUint16(version2 ? p + 1 : p + 2, true);
      const flags = view.getUint8(version2 ? p + 3 : p + 4);
      const data = p + prefix;
      if (data + size > end) throw new RangeError("object header message leaves its header");
      messages.push({ type, flags, start: data, size });
      if (type === MESSAGE.continuation) {
        if (size < 16 || chunks.length > 10_000) throw new RangeError("object header continues nowhere");
        const from = base + Number(view.getBigUint64(data, true));
        const length = Number(view.getBigUint64(data + 8, true));
        // Version 2 wraps a continuation in "OCHK" and a checksum.
        chunks.push(version2 ? { start: from + 4, end: from + length - 4 } : { start: from, end: from + length });
      }
      p = data + size;
    }
  }
  return messages;
}
