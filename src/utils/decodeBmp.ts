/** Pixels of Windows bitmaps without compression: 8 bits (a palette), 24 and 32 bits. */
import type { DecodedImage } from "./decodeImage.ts";

/** Size of the shortest header that states a compression. */
const INFO_HEADER = 40;
const RGB = 0;
const BITFIELDS = 3;

export const isBmp = (bytes: Uint8Array): boolean => bytes.length > 26 && bytes[0] === 0x42 && bytes[1] === 0x4d;

/** @throws Error with what is wrong with the file. */
export function decodeBmp(bytes: Uint8Array): DecodedImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerSize = view.getUint32(14, true);
  if (headerSize < INFO_HEADER || bytes.length < 14 + headerSize) throw new Error("its header is none of a bitmap");
  const [start, width, signedHeight] = [view.getUint32(10, true), view.getInt32(18, true), view.getInt32(22, true)];
  const [bits, compression] = [view.getUint16(28, true), view.getUint32(30, true)];
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) throw new Error(`its size is ${width} by ${height}`);
  const plain = compression === RGB || (compression === BITFIELDS && bits === 32 && hasUsualOrder(view));
  if (![8, 24, 32].includes(bits) || !plain) {
    throw new Error(
      `it is a bitmap of ${bits} bits in compression ${compression}; 8, 24 and 32 bits without any are read`,
    );
  }
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  if (bytes.length < start + rowBytes * (height - 1) + (width * bits) / 8)
    throw new Error("it ends before its last row");
  const palette = bytes.subarray(14 + headerSize, start);
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    // From the lowest row up, unless the height is negative.
    const row = bytes.subarray(start + rowBytes * (signedHeight > 0 ? height - 1 - y : y));
    for (let x = 0; x < width; x++) {
      const [source, at] = bits === 8 ? [palette, 4 * row[x]!] : [row, (x * bits) / 8];
      const to = (y * width + x) * 4;
      for (let c = 0; c < 3; c++) data[to + c] = source[at + 2 - c] ?? 0;
      data[to + 3] = bits === 32 ? row[at + 3]! : 255;
    }
  }
  return { width, height, data };
}

/** Whether the stated bits are those that colours have anyway: blue, green, red. */
const hasUsualOrder = (view: DataView): boolean =>
  view.byteLength >= 66 && [0xff0000, 0xff00, 0xff].every((mask, i) => view.getUint32(54 + 4 * i, true) === mask);
