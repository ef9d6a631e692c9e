/**
 * Pixels of image files. PNG and BMP are decoded here: browsers and drawing libraries multiply colours by their alpha, and
 * what was under transparency is lost. The rest is decoded by the browser, or in Node by the drawing library of plots.
 */
import { describe } from "../core/errors.ts";
import { platform } from "../core/platform.ts";
import { loadResvg } from "../viz/rasterize.ts";
import { decodeBmp, isBmp } from "./decodeBmp.ts";
import { decodePng, isPng } from "./decodePng.ts";

/** Red, green, blue, alpha of each pixel, row by row. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
  /** Exponent with which light was stored, where the file states it (0.45455 for sRGB): grey is mixed of light then. */
  readonly gamma?: number;
}

/** Decodes the bytes of an image file. */
export type ImageDecoder = (bytes: Uint8Array, path: string) => DecodedImage | Promise<DecodedImage>;

interface Header {
  readonly type: "jpeg" | "gif";
  readonly width: number;
  readonly height: number;
}

/** Kind and size of an image, from its first bytes; `null` for other files. */
function readHeader(bytes: Uint8Array): Header | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));
  if (bytes.length > 10 && text(0, 3) === "GIF") {
    return { type: "gif", width: view.getUint16(6, true), height: view.getUint16(8, true) };
  }
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return null;
  // Segments of a JPEG: marker, length, content; those that begin a frame state its size.
  for (let at = 2; at + 9 < bytes.length; ) {
    const marker = view.getUint16(at);
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return { type: "jpeg", width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    if (marker >> 8 !== 0xff) return null;
    at += marker === 0xffff ? 1 : 2 + view.getUint16(at + 2);
  }
  return null;
}

const OWN_DECODER =
  "give `decoder: (bytes, path) => ({ width, height, data })` with the red, green, blue and alpha of each pixel";

function base64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000)
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  return btoa(pieces.join(""));
}

/**
 * The default decoder: PNG, BMP without compression, JPEG and GIF (its first picture); in browsers whatever they read. PNG
 * and BMP are exact; the numbers of a JPEG differ from other decoders' by a few levels.
 *
 * @throws TypeError for other files and damaged ones, saying how to read them.
 */
export const decodeImage: ImageDecoder = async (bytes, path) => {
  const decode = isPng(bytes) ? decodePng : isBmp(bytes) ? decodeBmp : null;
  if (decode) {
    try {
      return decode(bytes);
    } catch (cause) {
      throw new TypeError(
        `cannot read the image ${path}: ${cause instanceof Error ? cause.message : String(cause)}. Replace it, or ${OWN_DECODER}`,
        { cause },
      );
    }
  }
  if (platform().name === "browser") return decodeInBrowser(bytes);
  const header = readHeader(bytes);
  if (!header) {
    throw new TypeError(
      `cannot read the image ${path}. Received: ${describe(bytes)}, which is no PNG, BMP, JPEG or GIF; ${OWN_DECODER}`,
    );
  }
  const { type, width, height } = header;
  const size = `width="${width}" height="${height}"`;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" ${size}><image ${size} image-rendering="pixelated" ` +
    `href="data:image/${type};base64,${base64(bytes)}"/></svg>`;
  const Resvg = await loadResvg();
  const drawing = new Resvg(svg, { imageRendering: 1 });
  const image = drawing.render();
  const data = image.pixels.slice();
  image.free();
  drawing.free();
  return { width, height, data };
};

async function decodeInBrowser(bytes: Uint8Array): Promise<DecodedImage> {
  const bitmap = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>]), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}
