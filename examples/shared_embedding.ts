/**
 * A shared layer: are two texts in the same language? One Embedding of letters is called on both text inputs, so that a
 * letter means the same in either, and both texts train it.
 */
import * as keras from "../src/node.ts";
import { HUMAN_RIGHTS } from "./support/humanRights.ts";
import { small } from "./support/small.ts";

const { layers, ops } = keras;
keras.utils.setRandomSeed(1);

// Letters become numbers. 0 pads short texts; `maskZero` makes the layers after the Embedding skip it.
const letters = [...new Set(HUMAN_RIGHTS.flat().join("").toLowerCase())].sort();
const LENGTH = 96;
const toIds = (text: string): number[] => {
  const ids = [...text.toLowerCase()].slice(0, LENGTH).map((letter) => letters.indexOf(letter) + 1);
  return [...ids, ...Array<number>(LENGTH - ids.length).fill(0)];
};

const sharedEmbedding = layers.Embedding(letters.length + 1, 16, { maskZero: true, name: "letters" });
const textA = keras.Input({ shape: [LENGTH], dtype: "int32", name: "text_a" });
const textB = keras.Input({ shape: [LENGTH], dtype: "int32", name: "text_b" });
const encodedA = layers.GlobalAveragePooling1D()(sharedEmbedding(textA));
const encodedB = layers.GlobalAveragePooling1D()(sharedEmbedding(textB));
const difference = ops.abs(ops.subtract(encodedA, encodedB));
const x = layers.Dense(16, { activation: "relu" })(difference);
const same = layers.Dense(1, { activation: "sigmoid", name: "same_language" })(x);
const model = keras.Model({ inputs: [textA, textB], outputs: same, name: "shared_embedding" });
model.summary();
await keras.utils.plotModel(model, "shared_embedding.png", { showShapes: true });

// A layer with several calls: `output` is that of the first one, and each has a node of its own.
console.log(`The Embedding was called ${sharedEmbedding.inboundNodes.length} times, on`);
for (const node of sharedEmbedding.inboundNodes) console.log(`  ${node.inputTensors[0]!.name} → ${node.outputs}`);

/** Every text with every other one, in each case with a text of its own language as often as with one of another. */
function makePairs(articles: readonly (readonly string[])[]) {
  const texts = articles.flatMap((article) => article.map((text, language) => ({ ids: toIds(text), language })));
  const pairs = texts.flatMap((a, i) =>
    texts.flatMap((b, j) => {
      const copies = a.language === b.language ? 3 : 1;
      return i === j ? [] : Array.from({ length: copies }, () => ({ a, b }));
    }),
  );
  const side = (which: "a" | "b") =>
    keras.tensor(
      pairs.map((pair) => pair[which].ids),
      undefined,
      "int32",
    );
  const y = keras.tensor(pairs.map(({ a, b }) => Number(a.language === b.language)));
  return { x: [side("a"), side("b")], y };
}

const train = makePairs(HUMAN_RIGHTS.slice(0, 9));
const unseen = makePairs(HUMAN_RIGHTS.slice(9));
model.compile({ optimizer: keras.optimizers.Adam(0.01), loss: "binary_crossentropy", metrics: ["accuracy"] });
await model.fit(train.x, train.y, { batchSize: 64, epochs: small ? 5 : 8, verbose: 2 });
const [, accuracy] = await model.evaluate(unseen.x, unseen.y, { verbose: 0 });
console.log(`Right about ${(accuracy! * 100).toFixed(1)} % of ${unseen.y.shape[0]} pairs of articles it has not seen`);

const ask = async (a: string, b: string): Promise<void> => {
  const answer = await model.predict([keras.tensor([toIds(a)]), keras.tensor([toIds(b)])], { verbose: 0 });
  console.log(`"${a}", "${b}": the same language with probability ${(await answer.item()).toFixed(2)}`);
};
const [assembly, , education] = HUMAN_RIGHTS.slice(-3) as string[][];
for (const language of [0, 1, 2, 3]) await ask(assembly![0]!, education![language]!);
