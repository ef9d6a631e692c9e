/**
 * Pixels of PNG files (ISO/IEC 15948), all kinds of them, as libpng gives them to TensorFlow: of 16 bits the upper eight,
 * colours as they are stored, under transparency too.
 */
import { unzlibSync } from "fflate";
import type { DecodedImage } from "./decodeImage.ts";

interface Header {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  readonly kind: Kind;
  readonly interlaced: boolean;
}

/** Kinds of pixels by their number in files: samples, and the depths that they may have. */
const KINDS = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] }, // grey
  2: { samples: 3, depths: [8, 16] }, // colour
  3: { samples: 1, depths: [1, 2, 4, 8] }, // index into a palette
  4: { samples: 2, depths: [8, 16] }, // grey and alpha
  6: { samples: 4, depths: [8, 16] }, // colour and alpha
} as const;
type Kind = keyof typeof KINDS;

/** Adam7: first column and row of each pass, and the steps to the next. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
const WHOLE = [[0, 0, 1, 1]] as const;

/** Gamma of sRGB, as libpng counts it. */
const SRGB = 0.45455;

export const isPng = (bytes: Uint8Array): boolean =>
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a].every((byte, i) => bytes[i] === byte);

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = CRC_TABLE[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** The parts of a file that say something about its pixels. */
interface Chunks {
  readonly header: Header;
  readonly palette: Uint8Array;
  readonly transparency: Uint8Array | null;
  readonly gamma: number | null;
  readonly data: Uint8Array;
}

function readHeader(body: Uint8Array): Header {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [depth, kind, , , interlace] = body.subarray(8);
  const known = KINDS[kind as Kind]?.depths as readonly number[] | undefined;
  if (body.length !== 13 || !known?.includes(depth!) || interlace! > 1 || body[10] !== 0 || body[11] !== 0) {
    throw new Error("its header is none of a PNG");
  }
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  if (width === 0 || height === 0) throw new Error(`its size is ${width} by ${height}`);
  return { width, height, depth: depth!, kind: kind as Kind, interlaced: interlace === 1 };
}

function readChunks(bytes: Uint8Array): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<string, Uint8Array>();
  const data: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const end = at + 8 + length;
    if (end + 4 > bytes.length) break;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const intact = crc32(bytes.subarray(at + 4, end)) === view.getUint32(end);
    const isNeeded = type[0]! < "a"; // capital: no image without it
    if (!intact && isNeeded) throw new Error(`its part ${type} is damaged`);
    const body = bytes.subarray(at + 8, end);
    if (type === "IEND") break;
    if (type === "IDAT") data.push(body);
    else if (intact && !found.has(type)) found.set(type, body);
    at = end + 4;
  }
  const header = readHeader(found.get("IHDR") ?? new Uint8Array(0));
  const palette = found.get("PLTE");
  if (header.kind === 3 && !palette) throw new Error("it has no palette");
  const gamma = found.get("gAMA");
  const stated = gamma?.length === 4 ? new DataView(gamma.buffer, gamma.byteOffset).getUint32(0) / 100_000 : null;
  return {
    header,
    palette: palette ?? new Uint8Array(0),
    transparency: found.get("tRNS") ?? null,
    gamma: found.has("sRGB") ? SRGB : stated,
    data: joined(data),
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Each byte is stored as its difference to a guess from bytes before: left, above, and left above. Undone in place. */
function unfilter(row: Uint8Array, above: Uint8Array, filter: number, step: number): void {
  const { length } = row;
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let i = step; i < length; i++) row[i]! += row[i - step]!;
      return;
    case 2:
      for (let i = 0; i < length; i++) row[i]! += above[i]!;
      return;
    case 3:
      for (let i = 0; i < length; i++) row[i]! += ((i < step ? 0 : row[i - step]!) + above[i]!) >> 1;
      return;
    case 4:
      for (let i = 0; i < length; i++) {
        const left = i < step ? 0 : row[i - step]!;
        const up = above[i]!;
        const corner = i < step ? 0 : above[i - step]!;
        const a = Math.abs(up - corner);
        const b = Math.abs(left - corner);
        const c = Math.abs(left + up - 2 * corner);
        row[i]! += a <= b && a <= c ? left : b <= c ? up : corner;
      }
      return;
    default:
      throw new Error(`a row is filtered by ${filter}, which is none of the filters`);
  }
}

/** Writes the pixel that begins at sample `at` of a row. */
type PutPixel = (row: Uint8Array, at: number, out: Uint8Array, to: number) => void;

function pixelWriter({ header: { depth, kind }, palette, transparency }: Chunks): PutPixel {
  const most = 2 ** depth - 1;
  const sample = (row: Uint8Array, i: number): number => {
    if (depth === 8) return row[i]!;
    if (depth === 16) return (row[2 * i]! << 8) | row[2 * i + 1]!;
    const bit = i * depth;
    return (row[bit >> 3]! >> (8 - depth - (bit & 7))) & most;
  };
  const byte = (value: number): number => (depth === 16 ? value >> 8 : depth === 8 ? value : (value * 255) / most);
  if (kind === 3) {
    return (row, at, out, to) => {
      const index = sample(row, at);
      for (let c = 0; c < 3; c++) out[to + c] = palette[3 * index + c] ?? 0;
      out[to + 3] = transparency?.[index] ?? 255;
    };
  }
  const { samples } = KINDS[kind];
  const isColour = samples >= 3;
  const hasAlpha = samples % 2 === 0;
  // Without alpha one colour may be stated that is transparent, at full depth.
  const clear =
    !hasAlpha && transparency && transparency.length >= 2 * samples
      ? Array.from({ length: samples }, (_, c) => ((transparency[2 * c]! << 8) | transparency[2 * c + 1]!) & most)
      : null;
  if (depth === 8 && !clear) {
    // The usual case, without a call per sample.
    const [green, blue] = isColour ? [1, 2] : [0, 0];
    return (row, at, out, to) => {
      out[to] = row[at]!;
      out[to + 1] = row[at + green]!;
      out[to + 2] = row[at + blue]!;
      out[to + 3] = hasAlpha ? row[at + samples - 1]! : 255;
    };
  }
  return (row, at, out, to) => {
    for (let c = 0; c < 3; c++) out[to + c] = byte(sample(row, at + (isColour ? c : 0)));
    if (hasAlpha) out[to + 3] = byte(sample(row, at + samples - 1));
    else out[to + 3] = clear?.every((value, c) => sample(row, at + c) === value) ? 0 : 255;
  };
}

/** @throws Error with what is wrong with the file. */
export function decodePng(bytes: Uint8Array): DecodedImage {
  const chunks = readChunks(bytes);
  const { width, height, depth, kind, interlaced } = chunks.header;
  const { samples } = KINDS[kind];
  const passes = (interlaced ? PASSES : WHOLE).map(([left, top, across, down]) => {
    const [columns, rows] = [Math.ceil((width - left) / across), Math.ceil((height - top) / down)];
    const rowBytes = Math.ceil((columns * samples * depth) / 8);
    return { left, top, across, down, columns, rows: columns > 0 ? rows : 0, rowBytes };
  });
  const size = passes.reduce((n, { rows, rowBytes }) => n + rows * (rowBytes + 1), 0);
  const raw = unzlibSync(chunks.data, { out: new Uint8Array(size) });
  if (raw.length < size) throw new Error("it ends before its last row");
  const data = new Uint8Array(width * height * 4);
  const put = pixelWriter(chunks);
  const step = Math.max(1, (samples * depth) / 8);
  let at = 0;
  for (const { left, top, across, down, columns, rows, rowBytes } of passes) {
    let above = new Uint8Array(rowBytes);
    for (let y = 0; y < rows; y++) {
      const row = raw.subarray(at + 1, at + 1 + rowBytes);
      unfilter(row, above, raw[at]!, step);
      const start = (top + y * down) * width + left;
      for (let x = 0; x < columns; x++) put(row, x * samples, data, (start + x * across) * 4);
      above = row;
      at += rowBytes + 1;
    }
  }
  const { gamma } = chunks;
  return gamma === null ? { width, height, data } : { width, height, data, gamma };
}
