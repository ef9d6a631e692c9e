/** The CIFAR-10 images: the archive that Keras uses, downloaded once. */
import { imageDataFormat } from "../core/config.ts";
import { SerializationError } from "../core/errors.ts";
import { platform } from "../core/platform.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { download, getFile } from "../utils/getFile.ts";
import { PickledArray, readPickle } from "./pickle.ts";
import { readTarGz } from "./tarGz.ts";

const ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz";
const SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce";
/** Under this name Keras keeps the archive, next to the folder that it unpacks. */
const CACHED = "cifar-10-batches-py-target_archive";
const FOLDER = "cifar-10-batches-py";
const SIDE = 32;
const PIXELS = SIDE * SIDE;

/** Where the archive comes from and what it must be; a mirror with the same file can stand in. */
export interface Cifar10Source {
  /** @defaultValue the server that Keras asks */
  origin?: string;
  /** @defaultValue the SHA-256 of that server's archive */
  fileHash?: string;
}

/** Images and their labels, in row-major order. */
export interface Cifar10Arrays {
  /** Levels 0-255; (samples, 32, 32, 3), or (samples, 3, 32, 32) with channels first. */
  x: Uint8Array;
  xShape: number[];
  /** Classes 0-9; (samples, 1). */
  y: Uint8Array;
  yShape: number[];
}

/**
 * The training and the test images of CIFAR-10. In Node the archive is kept in Keras's cache, which Python Keras shares;
 * in a browser it is downloaded each time.
 */
export async function loadCifar10Arrays(
  source: Cifar10Source = {},
): Promise<{ train: Cifar10Arrays; test: Cifar10Arrays }> {
  const { origin = ORIGIN, fileHash = SHA256 } = source;
  const { files } = platform();
  const bytes = files
    ? await files.read(await getFile({ fname: CACHED, origin, fileHash }))
    : await download(origin, fileHash, "read it with your page's own code");
  const entries = await readTarGz(bytes, CACHED);
  const batches = (names: readonly string[]): Cifar10Arrays =>
    joined(
      names.map((name) => {
        const entry = entries.get(`${FOLDER}/${name}`);
        if (entry) return readBatch(entry, name);
        throw new SerializationError(
          `${CACHED}: expected a file called "${FOLDER}/${name}". Received: ${[...entries.keys()].join(", ") || "no files"}.`,
        );
      }),
    );
  return { train: batches([1, 2, 3, 4, 5].map((i) => `data_batch_${i}`)), test: batches(["test_batch"]) };
}

interface Batch {
  /** Per image all red levels, all green ones, all blue ones. */
  readonly planes: Uint8Array;
  readonly labels: readonly number[];
}

/** One pickled file of the archive: a dict with `data` (samples, 3072) and a list of `labels`. */
function readBatch(bytes: Uint8Array, name: string): Batch {
  const dict = readPickle(bytes, `${CACHED}: "${name}"`);
  const [data, labels] = dict instanceof Map ? [dict.get("data"), dict.get("labels")] : [];
  const isClass = (label: unknown): label is number =>
    Number.isInteger(label) && (label as number) >= 0 && (label as number) < 10;
  const fits =
    data instanceof PickledArray &&
    data.shape.length === 2 &&
    data.shape[1] === 3 * PIXELS &&
    Array.isArray(labels) &&
    labels.length === data.shape[0] &&
    labels.every(isClass);
  if (fits) return { planes: data.data, labels };
  const shape = data instanceof PickledArray ? `shape (${data.shape.join(", ")})` : "none";
  throw new SerializationError(
    `${CACHED}: "${name}": expected \`data\` of shape (samples, ${3 * PIXELS}) and as many \`labels\` from 0 to 9. ` +
      `Received: data of ${shape}, ${Array.isArray(labels) ? labels.length : "no"} labels.`,
  );
}

function joined(batches: readonly Batch[]): Cifar10Arrays {
  const y = Uint8Array.from(batches.flatMap(({ labels }) => labels));
  const channelsFirst = imageDataFormat() === "channels_first";
  const x = new Uint8Array(y.length * 3 * PIXELS);
  let at = 0;
  for (const { planes } of batches) {
    if (channelsFirst) x.set(planes, at);
    else interleave(planes, x.subarray(at, at + planes.length));
    at += planes.length;
  }
  const image = channelsFirst ? [3, SIDE, SIDE] : [SIDE, SIDE, 3];
  return { x, xShape: [y.length, ...image], y, yShape: [y.length, 1] };
}

/** Three planes per image → the three levels of each pixel together. */
function interleave(planes: Uint8Array, out: Uint8Array): void {
  for (let image = 0; image < planes.length; image += 3 * PIXELS) {
    for (let channel = 0; channel < 3; channel++) {
      const from = image + channel * PIXELS;
      for (let i = 0, to = image + channel; i < PIXELS; i++, to += 3) out[to] = planes[from + i]!;
    }
  }
}

/**
 * The images as tensors: 50,000 to train on, 10,000 to test with, 32 × 32 pixels in colour, of ten classes: airplane,
 * automobile, bird, cat, deer, dog, frog, horse, ship, truck.
 *
 * @returns `[[xTrain, yTrain], [xTest, yTest]]`: uint8 tensors of shapes (50000, 32, 32, 3), (50000, 1), (10000, 32, 32, 3),
 *   (10000, 1); with `imageDataFormat()` "channels_first" the images are (…, 3, 32, 32).
 * @throws Error when the archive is neither in the cache nor can be downloaded; the message says where to put it.
 * @example
 * const [[xTrain, yTrain], [xTest, yTest]] = await keras.datasets.cifar10.loadData();
 * @see A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009
 * @see keras/src/datasets/cifar10.py (Keras 3.x)
 */
export async function loadData(): Promise<[[Tensor, Tensor], [Tensor, Tensor]]> {
  const { train, test } = await loadCifar10Arrays();
  const tensors = ({ x, xShape, y, yShape }: Cifar10Arrays): [Tensor, Tensor] => [
    tensorFromHost(x, xShape, "uint8"),
    tensorFromHost(y, yShape, "uint8"),
  ];
  return [tensors(train), tensors(test)];
}
