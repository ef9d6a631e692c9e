/** The MNIST digits: Keras's own file, downloaded once. */
import type { DType, TypedArray } from "../core/dtype.ts";
import { SerializationError } from "../core/errors.ts";
import { platform } from "../core/platform.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { download, getFile } from "../utils/getFile.ts";
import { readNpz } from "./npz.ts";

/** Numbers in row-major order with their shape. */
export interface HostArray {
  data: TypedArray;
  shape: number[];
  dtype: DType;
}

export interface MnistArrays {
  /** Grey levels 0-255, (60000, 28, 28) uint8. */
  xTrain: HostArray;
  /** Digits 0-9, (60000,) uint8. */
  yTrain: HostArray;
  /** (10000, 28, 28) uint8. */
  xTest: HostArray;
  /** (10000,) uint8. */
  yTest: HostArray;
}

const ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz";
const SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1";

/** Where the file comes from and what it must be; a mirror with the same file can stand in. */
export interface MnistSource {
  /** @defaultValue Keras's server */
  origin?: string;
  /** @defaultValue the SHA-256 of Keras's file */
  fileHash?: string;
}

/**
 * The 60,000 training and 10,000 test digits of MNIST. In Node the file is kept in Keras's cache, which Python
 * Keras shares; in a browser it is downloaded each time.
 *
 * Yann LeCun and Corinna Cortes hold the copyright of MNIST, a derivative work of NIST's data sets; it is available
 * under Creative Commons Attribution-Share Alike 3.0.
 *
 * @param path - Name of the file in the cache's folder `datasets`.
 * @see keras/src/datasets/mnist.py (Keras 3.x)
 */
export async function loadMnistArrays(path = "mnist.npz", source: MnistSource = {}): Promise<MnistArrays> {
  const { origin = ORIGIN, fileHash = SHA256 } = source;
  const files = platform().files;
  const bytes = files
    ? await files.read(await getFile({ fname: path, origin, fileHash }))
    : await download(origin, fileHash, "read it with your page's own code");
  const arrays = readNpz(bytes, path);
  const named = (name: string): HostArray => {
    const array = arrays.get(name);
    if (!array || Array.isArray(array.data)) {
      throw new SerializationError(
        `${path}: expected an array of numbers called "${name}". Received: ${[...arrays.keys()].join(", ")}.`,
      );
    }
    return { data: array.data, shape: array.shape, dtype: array.dtype };
  };
  return { xTrain: named("x_train"), yTrain: named("y_train"), xTest: named("x_test"), yTest: named("y_test") };
}

/**
 * The digits as tensors.
 *
 * @returns `[[xTrain, yTrain], [xTest, yTest]]`: uint8 tensors of shapes (60000, 28, 28), (60000,), (10000, 28, 28), (10000,).
 * @throws Error when the file is neither in the cache nor can be downloaded; the message says where to put it.
 * @example
 * const [[xTrain, yTrain], [xTest, yTest]] = await keras.datasets.mnist.loadData();
 */
export async function loadData(path = "mnist.npz"): Promise<[[Tensor, Tensor], [Tensor, Tensor]]> {
  const arrays = await loadMnistArrays(path);
  const tensor = ({ data, shape, dtype }: HostArray): Tensor => tensorFromHost(data, shape, dtype);
  return [
    [tensor(arrays.xTrain), tensor(arrays.yTrain)],
    [tensor(arrays.xTest), tensor(arrays.yTest)],
  ];
}
