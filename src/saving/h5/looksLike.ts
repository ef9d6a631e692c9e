/** Names what a file's first bytes say it is, so that "cannot be read" can add what was found instead. */

const MAGIC: readonly (readonly [name: string, magic: string])[] = [
  ["a zip archive (such as a .keras file)", "PK\x03\x04"],
  ["an empty zip archive", "PK\x05\x06"],
  ["an HDF5 file (such as a .weights.h5 or legacy .h5 file)", "\x89HDF\r\n\x1a\n"],
  ["gzip-compressed data", "\x1f\x8b"],
  ["a NumPy array file (.npy)", "\x93NUMPY"],
  ["a Git LFS pointer, not the file itself (run `git lfs pull`)", "version https://git-lfs"],
  ["a PNG image", "\x89PNG"],
  ["a PDF document", "%PDF"],
];

/** A short description: `an HTML page (a failed download?)`, `an HDF5 file (…)`, `12 bytes of text "…"`. */
export function looksLike(bytes: Uint8Array): string {
  if (bytes.length === 0) return "an empty file";
  const head = String.fromCharCode(...bytes.subarray(0, 256));
  for (const [name, magic] of MAGIC) if (head.startsWith(magic)) return name;
  if (/^\s*(<!doctype html|<html|<head|<\?xml)/i.test(head)) return "an HTML or XML page (a failed download?)";
  if (bytes.every((byte) => byte === 0)) return `${bytes.length} zero bytes (an unfinished download?)`;
  if (/^\s*[{[]/.test(head)) return "JSON text";
  if (/^[\t\n\r -~]+$/.test(head)) return `text starting ${JSON.stringify(head.slice(0, 24))}`;
  const hex = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${bytes.length} bytes starting ${hex} (hexadecimal), which no known format does`;
}
