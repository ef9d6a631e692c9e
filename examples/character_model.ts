/**
 * A model that writes: after each letter of a text it says which may come next. It learns on pieces of a text, and writes with
 * the same weights in a model that keeps its state from letter to letter. Takes some minutes without `--small`.
 *
 *     npx tsx examples/character_model.ts [text file]
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as keras from "../src/node.ts";
import { HUMAN_RIGHTS } from "./support/humanRights.ts";
import { small } from "./support/small.ts";

const { layers } = keras;
keras.utils.setRandomSeed(1);

/** The first letters of a file, or articles of human rights in English. */
function loadText(): string {
  const asked = process.argv.slice(2).find((argument) => !argument.startsWith("--"));
  const path = asked ?? fileURLToPath(new URL("../../shared/data/text/tinyshakespeare.txt", import.meta.url));
  if (asked || (!small && existsSync(path))) return readFileSync(path, "utf8").slice(0, 200_000);
  if (!small) console.log(`There is no ${path}; name a text file on the command line for more to learn from.`);
  console.log("This learns on articles of the Universal Declaration of Human Rights.");
  return HUMAN_RIGHTS.map(([english]) => english).join("\n");
}

const text = loadText();
const letters = [...new Set(text)].sort();
const numberOf = new Map(letters.map((letter, i) => [letter, i]));
const ids = Int32Array.from([...text], (letter) => numberOf.get(letter)!);
console.log(`${ids.length} letters, ${letters.length} different ones`);

/** The same layers for any batch size, with a state that lasts from call to call or without. */
function makeModel(options: { batchSize: number | null; stateful: boolean }): keras.Model {
  const inputs = keras.Input({ batchShape: [options.batchSize, null], dtype: "int32", name: "letters" });
  let x = layers.Embedding(letters.length, 64)(inputs);
  x = layers.GRU(small ? 64 : 256, { returnSequences: true, stateful: options.stateful })(x);
  return keras.Model({ inputs, outputs: layers.Dense(letters.length)(x), name: "character_model" });
}

const model = makeModel({ batchSize: null, stateful: false });
model.summary();
await keras.utils.plotModel(model, "character_model.png", { showShapes: true });

// Pieces of the text, and the same pieces one letter later.
const [LENGTH, STEP] = small ? [40, 5] : [100, 50];
const starts = Array.from({ length: Math.floor((ids.length - LENGTH - 1) / STEP) }, (_, i) => i * STEP);
const pieces = (from: number): keras.Tensor =>
  keras.ops.stack(starts.map((start) => keras.tensor(ids.subarray(start + from, start + from + LENGTH))));
model.compile({
  optimizer: keras.optimizers.Adam(small ? 0.01 : 0.003),
  loss: keras.losses.SparseCategoricalCrossentropy({ fromLogits: true }),
  metrics: ["accuracy"],
});
await model.fit(pieces(0), pieces(1), { batchSize: small ? 16 : 64, epochs: small ? 8 : 12 });

const writer = makeModel({ batchSize: 1, stateful: true });
await writer.setWeights(await model.getWeights());

/** Goes on from a beginning, letter by letter. The lower the temperature, the more often the likeliest letter comes. */
async function write(beginning: string, count: number, temperature: number): Promise<string> {
  for (const layer of writer.layers) if (layer instanceof layers.GRU) layer.resetState();
  let written = beginning;
  let next = Array.from(beginning, (letter) => numberOf.get(letter)!);
  for (let i = 0; i < count; i++) {
    const logits = await writer.predictOnBatch(keras.tensor([next], undefined, "int32"));
    const chosen = await keras.random.categorical(logits.get([0, 1], -1).div(temperature), 1).data();
    next = [Number(chosen[0])];
    written += letters[next[0]!];
  }
  return written;
}

const beginning = text.slice(0, 15);
console.log(`Written after "${beginning}":\n${await write(beginning, 200, 0.5)}`);
