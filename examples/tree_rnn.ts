/**
 * A network whose graph differs from sample to sample: a Tree-RNN reads sentences along their parse trees, two parts into one,
 * from the words up to the whole. `fit` compiles one program per shape of tree and keeps it.
 */
import * as keras from "../src/node.ts";
import { small } from "./support/small.ts";

const { layers, ops } = keras;
keras.utils.setRandomSeed(21);

/** A word, or two parts; with numbers of words in place of words it is what the model gets. */
type Tree<Leaf> = Leaf | readonly [Tree<Leaf>, Tree<Leaf>];

/** Reads "((not good) film)" and the like. */
function parse(text: string): Tree<string> {
  const tokens = text.match(/[()]|[^()\s]+/g)!;
  const read = (): Tree<string> => {
    const token = tokens.shift()!;
    if (token !== "(") return token;
    const tree = [read(), read()] as const;
    tokens.shift(); // ")"
    return tree;
  };
  return read();
}

const GOOD = ["good", "great", "charming", "clever", "moving"];
const BAD = ["bad", "dull", "clumsy", "silly", "tiresome"];
const NOUNS = ["film", "plot", "cast", "ending", "score"];
const [subject, degree] = [(noun: string) => `(the ${noun})`, (word: string) => `(very ${word})`];

/** Sentences with their trees. Whether one praises depends on its words and on what "not" and "but" stand before. */
const sentences = NOUNS.flatMap((noun, i) =>
  [...GOOD, ...BAD].flatMap((word, j) => {
    const good = GOOD.includes(word);
    const [other, noun2] = [(good ? BAD : GOOD)[(i + j) % 5]!, NOUNS[(i + j + 1) % 5]!];
    return [
      { text: `(${subject(noun)} (is ${word}))`, good },
      { text: `(${subject(noun)} (is (not ${word})))`, good: !good },
      { text: `(${subject(noun)} (is ${degree(word)}))`, good },
      { text: `(${subject(noun)} (is (not ${degree(word)})))`, good: !good },
      { text: `((${subject(noun2)} (is ${other})) (but (${subject(noun)} (is ${word}))))`, good },
      { text: `((${subject(noun2)} (is ${word})) (but (${subject(noun)} (is (not ${word})))))`, good: !good },
    ];
  }),
);

const words = [...new Set(sentences.flatMap(({ text }) => text.match(/\w+/g)!))].sort();

class TreeRnn extends keras.Model {
  embed = layers.Embedding(words.length, 16);
  join = layers.Dense(16, { activation: "tanh" });
  judge = layers.Dense(1, { activation: "sigmoid" });

  read(tree: Tree<keras.Tensor>): keras.Tensor {
    if (tree instanceof keras.Tensor) return this.embed(tree);
    const [left, right] = tree;
    return this.join(ops.concatenate([this.read(left), this.read(right)], { axis: -1 }));
  }

  override call(tree: Tree<keras.Tensor>): keras.Tensor {
    return this.judge(this.read(tree));
  }
}

/** The trees of one shape as one: at each leaf the words of all of them. */
function merge(trees: readonly Tree<string>[]): Tree<keras.Tensor> {
  const [first] = trees as readonly [Tree<string>];
  if (typeof first !== "string") {
    const part = (i: 0 | 1) => merge(trees.map((tree) => (tree as readonly [Tree<string>, Tree<string>])[i]));
    return [part(0), part(1)];
  }
  return keras.tensor(
    trees.map((word) => words.indexOf(word as string)),
    undefined,
    "int32",
  );
}

const shapeOf = (text: string): string => text.replace(/[^()\s]+/g, "·");

/** Batches of one shape each, shapes in turn: a step then computes many trees at once. */
function batches(samples: typeof sentences, size: number) {
  const shapes = [...new Set(samples.map(({ text }) => shapeOf(text)))];
  const all = shapes.flatMap((shape) => {
    const group = samples.filter(({ text }) => shapeOf(text) === shape);
    return Array.from({ length: Math.ceil(group.length / size) }, (_, i) => group.slice(i * size, (i + 1) * size));
  });
  return all.map((batch) => {
    const y = keras.tensor(batch.map(({ good }) => [Number(good)]));
    return [merge(batch.map(({ text }) => parse(text))), y] as const;
  });
}

const isTest = (i: number): boolean => i % 4 === 3;
const train = batches(
  sentences.filter((_, i) => !isTest(i * 7)),
  10,
);
const test = batches(
  sentences.filter((_, i) => isTest(i * 7)),
  1000,
);
const shapes = new Set(sentences.map(({ text }) => shapeOf(text)));
console.log(`${sentences.length} sentences of ${shapes.size} shapes, such as ${[...shapes].at(-1)}`);

const model = new TreeRnn();
model.compile({ optimizer: keras.optimizers.Adam(0.01), loss: "binary_crossentropy", metrics: ["accuracy"] });
const started = performance.now();
const times: number[] = [];
await model.fit(() => train, null, {
  epochs: small ? 20 : 60,
  verbose: 0,
  callbacks: keras.callbacks.LambdaCallback({ onEpochEnd: () => void times.push(performance.now() - started) }),
});
const later = (times.at(-1)! - times[0]!) / (times.length - 1);
console.log(`First epoch, which compiles: ${times[0]!.toFixed(0)} ms; each later one: ${later.toFixed(0)} ms`);
const { accuracy } = await model.evaluate(() => test, null, { verbose: 0, returnDict: true });
console.log(`Right about ${(accuracy! * 100).toFixed(1)} % of sentences it has not seen`);
for (const text of ["((the film) (is (not bad)))", "(((the cast) (is great)) (but ((the plot) (is dull))))"]) {
  const praise = await (await model.predictOnBatch(merge([parse(text)]))).item();
  console.log(`"${text.replace(/[()]/g, "")}": praise with probability ${praise.toFixed(2)}`);
}
