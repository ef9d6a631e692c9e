/** Writes a few hundred real digits as JSON to the file that is named, for pages to fetch. */
import { writeFile } from "node:fs/promises";
import { loadMnistDigits } from "../../examples/support/mnistDigits.ts";
import type { Digits } from "./scenario.ts";

const COUNT = 600;
const { xTrain, yTrain } = await loadMnistDigits();
const digits: Digits = {
  images: Array.from(xTrain.data.subarray(0, COUNT * 784)),
  labels: Array.from(yTrain.data.subarray(0, COUNT)),
};
await writeFile(process.argv[2]!, JSON.stringify(digits));
