/**
 * The session of scenario.ts in Node: reads digits from the file that is named first, prints the figures as JSON. With a
 * model's file named second, prints what that model predicts instead.
 */
import { readFile } from "node:fs/promises";
import * as keras from "../../src/node.ts";
import { type Digits, firstPredictions, oneMoreEpoch, train } from "./scenario.ts";

const [digitsFile, modelFile] = process.argv.slice(2);
const digits = JSON.parse(await readFile(digitsFile!, "utf8")) as Digits;
if (modelFile) {
  const model = await keras.models.loadModel(modelFile);
  const x = keras.tensor(digits.images, [digits.labels.length, 784]).div(255);
  console.log(JSON.stringify({ predictions: await firstPredictions(model, x) }));
} else {
  const session = await train(keras, digits, 0);
  console.log(JSON.stringify({ ...session.figures, laterLoss: await oneMoreEpoch(session.model, session) }));
}
