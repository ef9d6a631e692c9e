/** MNIST's training digits from the files of its authors (IDX, gzipped or not), for the subjects that run in Node. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const files = (set) => ({
  images: { name: `${set}-images-idx3-ubyte`, header: 16 },
  labels: { name: `${set}-labels-idx1-ubyte`, header: 8 },
});
const IMAGES = files("train").images;

/**
 * The first digits.
 *
 * @param {string} directory - Where the IDX files lie.
 * @param {number} samples
 * @param {"train" | "t10k"} set
 * @returns {{ x: Float32Array, y: Int32Array, count: number }} `x` (count, 784) in [0, 1], `y` (count,).
 */
export function loadMnist(directory, samples, set = "train") {
  const { images, labels } = files(set);
  const y = Int32Array.from(read(directory, labels).subarray(0, samples));
  const levels = read(directory, images).subarray(0, samples * 784);
  // A loop: Float32Array.from(levels, f) would first list all 47 million levels, which peaks at a gigabyte.
  const x = new Float32Array(levels.length);
  for (let i = 0; i < levels.length; i++) x[i] = levels[i] / 255;
  return { x, y, count: y.length };
}

/** Path of an IDX file, or null when it is not in the directory. */
export function findIdx(directory, name = IMAGES.name) {
  return [join(directory, name), join(directory, `${name}.gz`)].find(existsSync) ?? null;
}

function read(directory, { name, header }) {
  const path = findIdx(directory, name);
  if (!path) throw new Error(`expected ${name} or ${name}.gz in "${directory}"`);
  const raw = readFileSync(path);
  return (path.endsWith(".gz") ? gunzipSync(raw) : raw).subarray(header);
}
