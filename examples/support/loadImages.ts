/** Colour images for examples: CIFAR-10 where it can be had, else digits in the same form. */
import * as keras from "../../src/node.ts";
import { loadDigits } from "./loadDigits.ts";
import { small } from "./small.ts";

type Split = [images: keras.Tensor, labels: keras.Tensor];

const INSTEAD = "this takes MNIST's digits, padded to 32 x 32 and grey in colour";

/** `[[xTrain, yTrain], [xTest, yTest]]` as `keras.datasets.cifar10.loadData` gives them; says so when they are digits. */
export async function loadImages(): Promise<[Split, Split]> {
  if (small) {
    console.log(`A small run does not download CIFAR-10: ${INSTEAD}.`);
    return paddedDigits();
  }
  try {
    return await keras.datasets.cifar10.loadData();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    console.log(`CIFAR-10 is not at hand, so ${INSTEAD}. (${reason})`);
    return paddedDigits();
  }
}

async function paddedDigits(): Promise<[Split, Split]> {
  const [train, test] = await loadDigits();
  return [likeCifar(train), likeCifar(test)];
}

/** (n, 28, 28) and (n,) become (n, 32, 32, 3) and (n, 1). */
function likeCifar([images, labels]: Split): Split {
  const grey = keras.ops
    .pad(images, [
      [0, 0],
      [2, 2],
      [2, 2],
    ])
    .expandDims(-1);
  return [keras.ops.concatenate([grey, grey, grey], { axis: -1 }), labels.expandDims(-1)];
}
