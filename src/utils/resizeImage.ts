/** Images of another size, as `tf.image.resize` makes them: pixels are squares with their value in the middle. */

/** An image of numbers, row by row, channels last. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array;
}

export type Interpolation = "bilinear" | "nearest";

/** For each place of an axis: the two places it lies between, and how far it is from the first. */
function neighbours(from: number, to: number): { low: number; high: number; weight: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const place = ((i + 0.5) * from) / to - 0.5;
    const low = Math.floor(place);
    return { low: Math.max(low, 0), high: Math.min(low + 1, from - 1), weight: place - low };
  });
}

export function resizePixels(image: Pixels, height: number, width: number, by: Interpolation): Pixels {
  const { channels, data } = image;
  const out = new Float32Array(height * width * channels);
  const at = (y: number, x: number, c: number): number => data[(y * image.width + x) * channels + c]!;
  if (by === "nearest") {
    const place = (i: number, from: number, to: number): number =>
      Math.min(Math.floor(((i + 0.5) * from) / to), from - 1);
    for (let y = 0, k = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < channels; c++) {
          out[k++] = at(place(y, image.height, height), place(x, image.width, width), c);
        }
      }
    }
    return { width, height, channels, data: out };
  }
  const [rows, columns] = [neighbours(image.height, height), neighbours(image.width, width)];
  let k = 0;
  for (const row of rows) {
    for (const column of columns) {
      for (let c = 0; c < channels; c++) {
        const mix = (y: number): number => {
          const left = at(y, column.low, c);
          return left + (at(y, column.high, c) - left) * column.weight;
        };
        const top = mix(row.low);
        out[k++] = top + (mix(row.high) - top) * row.weight;
      }
    }
  }
  return { width, height, channels, data: out };
}

/** The largest part in the middle with the proportions of the target. @see keras/src/utils/image_utils.py `smart_resize` */
export function cropToAspectRatio(image: Pixels, height: number, width: number): Pixels {
  const cropHeight = Math.min(image.height, Math.trunc((image.width * height) / width));
  const cropWidth = Math.min(image.width, Math.trunc((image.height * width) / height));
  const [top, left] = [Math.trunc((image.height - cropHeight) / 2), Math.trunc((image.width - cropWidth) / 2)];
  const data = new Float32Array(cropHeight * cropWidth * image.channels);
  for (let y = 0; y < cropHeight; y++) {
    const start = ((top + y) * image.width + left) * image.channels;
    data.set(image.data.subarray(start, start + cropWidth * image.channels), y * cropWidth * image.channels);
  }
  return { width: cropWidth, height: cropHeight, channels: image.channels, data };
}

/** Resized to fit, with black beside. @see tf.image.resize_with_pad */
export function resizeWithPad(image: Pixels, height: number, width: number, by: Interpolation): Pixels {
  const ratio = Math.max(image.width / width, image.height / height);
  const [h, w] = [Math.floor(image.height / ratio), Math.floor(image.width / ratio)];
  const inner = resizePixels(image, h, w, by);
  const [top, left] = [Math.floor((height - image.height / ratio) / 2), Math.floor((width - image.width / ratio) / 2)];
  const data = new Float32Array(height * width * image.channels);
  for (let y = 0; y < h; y++) {
    const row = inner.data.subarray(y * w * image.channels, (y + 1) * w * image.channels);
    data.set(row, ((top + y) * width + left) * image.channels);
  }
  return { width, height, channels: image.channels, data };
}
