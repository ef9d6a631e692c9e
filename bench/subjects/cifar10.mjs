/** CIFAR-10 from the files of its authors (binary version), for the subjects that run in Node. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const CHANNELS = 3;
const PIXELS = 32 * 32;
const RECORD = 1 + CHANNELS * PIXELS;

const FILES = { train: /^(data_batch|train).*\.bin$/, test: /^test.*\.bin$/ };

/** Path of the first file of training or test images in a directory, or null. */
export function findBatch(directory, set = "train") {
  if (!existsSync(directory)) return null;
  const name = readdirSync(directory)
    .filter((file) => FILES[set].test(file))
    .sort()[0];
  return name === undefined ? null : join(directory, name);
}

/**
 * The first images.
 *
 * @param {string} directory - Where the binary files lie.
 * @param {number} samples
 * @param {"train" | "test"} set
 * @returns {{ x: Float32Array, y: Int32Array, count: number }} `x` (count, 32, 32, 3) in [0, 1], `y` (count,).
 */
export function loadCifar10(directory, samples, set = "train") {
  const path = findBatch(directory, set);
  if (!path) throw new Error(`expected data_batch_1.bin, train*.bin or test*.bin in "${directory}"`);
  const raw = readFileSync(path);
  const count = Math.min(samples, raw.length / RECORD);
  const x = new Float32Array(count * PIXELS * CHANNELS);
  const y = new Int32Array(count);
  for (let image = 0; image < count; image++) {
    const at = image * RECORD;
    y[image] = raw[at];
    for (let pixel = 0; pixel < PIXELS; pixel++) {
      for (let channel = 0; channel < CHANNELS; channel++) {
        x[(image * PIXELS + pixel) * CHANNELS + channel] = raw[at + 1 + channel * PIXELS + pixel] / 255;
      }
    }
  }
  return { x, y, count };
}
