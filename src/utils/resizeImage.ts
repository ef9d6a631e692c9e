/** Images of another size, as `tf.image.resize` makes them: pixels are squares with their value in the middle. */

/** An image of numbers, row by row, channels last. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/** Places of an axis that a new place is made of, from the first on, and how much each counts. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}
type AxisRule = (from: number, to: number) => Taps[];

/** Where the middle of a new pixel lies among the old ones: in float32, as in TensorFlow, which decides on borders. */
const middle = (i: number, step: number): number => Math.fround((i + 0.5) * step);
const stepOf = (from: number, to: number): number => Math.fround(from / to);

/** How much a pixel at a distance counts, and from which distance on not at all. */
interface Kernel {
  readonly radius: number;
  weight(distance: number): number;
}

const lanczos = (radius: number): Kernel => ({
  radius,
  weight(x) {
    if (x <= 1e-3) return 1;
    return (radius * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / radius)) / (Math.PI * x) ** 2;
  },
});
/** A bell of radius 1.5 that ends at three standard deviations. */
const gaussian: Kernel = { radius: 1.5, weight: (x) => Math.exp((-x * x) / (2 * 0.5 ** 2)) };
/** Mitchell and Netravali 1988, B = C = 1/3. */
const mitchell: Kernel = {
  radius: 2,
  weight: (x) => (x >= 1 ? (((-7 / 18) * x + 2) * x - 10 / 3) * x + 16 / 9 : ((7 / 6) * x - 2) * x * x + 8 / 9),
};

/** Pixels within the radius of a place, by their distance. The radius stays where an image shrinks, which leaves pixels out. */
const byKernel =
  ({ radius, weight }: Kernel): AxisRule =>
  (from, to) =>
    Array.from({ length: to }, (_, i) => {
      const place = middle(i, Math.fround(1 / stepOf(to, from)));
      const first = Math.max(0, Math.ceil(place - radius - 0.5));
      const last = Math.min(from - 1, Math.floor(place + radius - 0.5));
      const raw = Array.from({ length: last - first + 1 }, (_, k) => {
        const distance = Math.abs(first + k + 0.5 - place);
        return distance >= radius ? 0 : weight(distance);
      });
      const total = raw.reduce((sum, w) => sum + w, 0);
      return { first, weights: raw.map((w) => w / total) };
    });

/** Steps of the table from which TensorFlow takes cubic weights. */
const STEPS = 1024;
/** Keys 1981, with a = -0.5: distances below 1, and from 1 to 2. */
const keys = (x: number): number =>
  x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;

/** Four pixels; those beyond the border do not count. */
const bicubic: AxisRule = (from, to) =>
  Array.from({ length: to }, (_, i) => {
    const place = Math.fround(middle(i, stepOf(from, to)) - 0.5);
    const low = Math.floor(place);
    const part = roundHalfToEven((place - low) * STEPS) / STEPS;
    const inside = [-1, 0, 1, 2].filter((k) => low + k >= 0 && low + k < from);
    const raw = inside.map((k) => keys(Math.abs(k - part)));
    const total = raw.reduce((sum, w) => sum + w, 0);
    return { first: low + inside[0]!, weights: raw.map((w) => w / total) };
  });

const roundHalfToEven = (x: number): number => {
  const low = Math.floor(x);
  return x - low === 0.5 ? low + (low % 2) : Math.round(x);
};

/** The mean of what a new pixel covers, by how much of each pixel it covers. */
const area: AxisRule = (from, to) =>
  Array.from({ length: to }, (_, i) => {
    const [start, end] = [(i * from) / to, ((i + 1) * from) / to];
    const first = Math.floor(start);
    const count = Math.min(from, Math.ceil(end)) - first;
    const weights = Array.from({ length: count }, (_, k) => {
      const covered = Math.min(first + k + 1, end) - Math.max(first + k, start);
      return (covered * to) / from;
    });
    return { first, weights };
  });

const bilinear: AxisRule = (from, to) =>
  Array.from({ length: to }, (_, i) => {
    const place = ((i + 0.5) * from) / to - 0.5;
    const low = Math.floor(place);
    if (low < 0) return { first: 0, weights: [1] };
    return low + 1 < from ? { first: low, weights: [1 - (place - low), place - low] } : { first: low, weights: [1] };
  });

const nearest: AxisRule = (from, to) =>
  Array.from({ length: to }, (_, i) => ({
    first: Math.min(Math.floor(middle(i, stepOf(from, to))), from - 1),
    weights: [1],
  }));

/** What is done along each axis. Names are TensorFlow's; only "area" counts every pixel of an image that shrinks. */
const RULES = {
  bilinear,
  nearest,
  bicubic,
  area,
  lanczos3: byKernel(lanczos(3)),
  lanczos5: byKernel(lanczos(5)),
  gaussian: byKernel(gaussian),
  mitchellcubic: byKernel(mitchell),
} as const satisfies Record<string, AxisRule>;

export type Interpolation = keyof typeof RULES;
export const INTERPOLATIONS = Object.keys(RULES) as readonly Interpolation[];

/** The image at another size. @see tf.image.resize without antialiasing */
export function resizePixels(image: Pixels, height: number, width: number, by: Interpolation): Pixels {
  const { channels, data } = image;
  const columns = RULES[by](image.width, width);
  const wide = new Float64Array(image.height * width * channels);
  for (let y = 0, k = 0; y < image.height; y++) {
    for (const { first, weights } of columns) {
      const at = (y * image.width + first) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let t = 0; t < weights.length; t++) sum += weights[t]! * data[at + t * channels + c]!;
        wide[k++] = sum;
      }
    }
  }
  const out = new Float32Array(height * width * channels);
  const rowSize = width * channels;
  for (const [y, { first, weights }] of RULES[by](image.height, height).entries()) {
    for (let x = 0; x < rowSize; x++) {
      let sum = 0;
      for (let t = 0; t < weights.length; t++) sum += weights[t]! * wide[(first + t) * rowSize + x]!;
      out[y * rowSize + x] = sum;
    }
  }
  return { width, height, channels, data: out };
}

/** The largest part in the middle with the proportions of the target. @see keras/src/utils/image_utils.py `smart_resize` */
export function cropToAspectRatio(image: Pixels, height: number, width: number): Pixels {
  const cropHeight = Math.max(1, Math.min(image.height, Math.trunc((image.width * height) / width)));
  const cropWidth = Math.max(1, Math.min(image.width, Math.trunc((image.height * width) / height)));
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
