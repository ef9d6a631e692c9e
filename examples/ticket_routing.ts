/**
 * Customer tickets: how urgent, and for which department? Three inputs, two outputs, from Keras's guide to the functional API;
 * trained from lists, from dicts, and from a dataset of texts of different lengths. The data is random, as there.
 */
import * as keras from "../src/node.ts";
import { small } from "./support/small.ts";

const { layers } = keras;
keras.utils.setRandomSeed(1);

const numTags = 12;
const numWords = 10000;
const numDepartments = 4;

const titleInput = keras.Input({ shape: [null], name: "title" }); // Variable-length sequence of ints
const bodyInput = keras.Input({ shape: [null], name: "body" });
const tagsInput = keras.Input({ shape: [numTags], name: "tags" }); // Binary vectors

const titleFeatures = layers.LSTM(128)(layers.Embedding(numWords, 64)(titleInput));
const bodyFeatures = layers.LSTM(32)(layers.Embedding(numWords, 64)(bodyInput));
const x = layers.concatenate([titleFeatures, bodyFeatures, tagsInput]);

const priority = layers.Dense(1, { name: "priority" })(x);
const department = layers.Dense(numDepartments, { name: "department" })(x);

const model = keras.Model({
  inputs: [titleInput, bodyInput, tagsInput],
  outputs: { priority, department },
  name: "ticket_routing",
});
model.summary();
await keras.utils.plotModel(model, "ticket_routing.png", { showShapes: true });

const binary = keras.losses.BinaryCrossentropy({ fromLogits: true });
const categorical = keras.losses.CategoricalCrossentropy({ fromLogits: true });
const samples = small ? 128 : 1280;
const [title, body] = [10, 100].map((length) => keras.random.randint([samples, length], 0, numWords)) as [
  keras.Tensor,
  keras.Tensor,
];
const tags = keras.random.randint([samples, numTags], 0, 2).astype("float32");
const isUrgent = keras.random.uniform([samples, 1]);
const departments = keras.random.randint([samples, numDepartments], 0, 2).astype("float32");
const settings = { epochs: small ? 1 : 2, batchSize: 32 };

// Losses and weights by the names of the outputs, data as dicts.
model.compile({
  optimizer: keras.optimizers.RMSprop(1e-3),
  loss: { priority: binary, department: categorical },
  lossWeights: { priority: 1, department: 0.2 },
});
await model.fit({ title, body, tags }, { priority: isUrgent, department: departments }, settings);

// The same as lists. Outputs of a dict go in the order of their sorted names: department, priority.
model.compile({
  optimizer: keras.optimizers.RMSprop(1e-3),
  loss: [categorical, binary],
  lossWeights: [0.2, 1],
});
await model.fit([title, body, tags], [departments, isUrgent], settings);

// Texts of different lengths, padded to a few lengths: each is compiled once.
const words = (least: number, most: number): number[][] =>
  Array.from({ length: samples }, (_, i) => {
    const length = least + ((i * 7) % (most - least + 1));
    return Array.from({ length }, (_, k) => (i * 131 + k * 17) % numWords);
  });
const tickets = keras.data.Dataset.fromTensorSlices([
  { title: words(3, 12), body: words(20, 100), tags },
  { priority: isUrgent, department: departments },
])
  .shuffle(samples)
  .paddedBatch(32, { padTo: [{ title: [8, 16], body: [64, 128] }] });
const history = await model.fit(tickets, null, { epochs: 2 });
console.log(`Loss of the second epoch on texts of different lengths: ${history.history.loss!.at(-1)!.toFixed(3)}`);

const scores = await model.evaluate({ title, body, tags }, [departments, isUrgent], { verbose: 0, returnDict: true });
console.log(`Logged: ${Object.keys(scores).join(", ")}`);
const answers = await model.predict({ title, body, tags }, { verbose: 0 });
console.log(
  "Outputs:",
  Object.entries(answers)
    .map(([name, t]) => `${name} (${t.shape.join(", ")})`)
    .join(", "),
);
