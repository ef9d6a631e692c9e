/**
 * Checks the global heaps, in which HDF5 keeps texts, before libhdf5 reads them: on a damaged chain of sizes
 * libhdf5 2.0 goes round in circles for ever, and nothing can stop it.
 *
 * @see HDF5 File Format Specification, III.E "Disk Format: Level 1E - Global Heap".
 */

const SIGNATURE = [0x47, 0x43, 0x4f, 0x4c, 0x01, 0, 0, 0]; // "GCOL", version 1
const HEADER_BYTES = 16;

/** Where the first damaged heap lies, or `null` when all are sound. */
export function findDamagedTextHeap(bytes: Uint8Array): number | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = bytes.indexOf(SIGNATURE[0]!); at >= 0; at = bytes.indexOf(SIGNATURE[0]!, at + 1)) {
    if (SIGNATURE.every((byte, i) => bytes[at + i] === byte) && !isSound(view, at)) return at;
  }
  return null;
}

function isSound(view: DataView, at: number): boolean {
  if (at + HEADER_BYTES > view.byteLength) return false;
  const end = at + Number(view.getBigUint64(at + 8, true));
  if (end > view.byteLength) return false;
  let object = at + HEADER_BYTES;
  while (object + HEADER_BYTES <= end) {
    const size = Number(view.getBigUint64(object + 8, true));
    const free = view.getUint16(object, true) === 0; // free space counts its own header
    if (free && size < HEADER_BYTES) return false;
    object += free ? size : HEADER_BYTES + Math.ceil(size / 8) * 8;
    if (object > end) return false;
  }
  return true;
}
