/** One user's session with the library, the same program in a browser and in Node; the figures of both are compared. */

/** The package, whichever entry it came from. */
export type Keras = typeof import("../../src/index.ts");

/** Images with grey levels 0-255 in rows of 784, and their digits. */
export interface Digits {
  readonly images: readonly number[];
  readonly labels: readonly number[];
}

/** What both sides have to agree on. */
export interface Figures {
  readonly summary: string;
  readonly fitLoss: readonly number[];
  readonly fitAccuracy: readonly number[];
  /** Loss and accuracy on the digits it trained on. */
  readonly evaluation: readonly number[];
  /** Of the first digits. */
  readonly predictions: readonly number[];
  /** Mean loss of the epoch that follows. */
  readonly laterLoss: number;
}

/** The model, its data, and what it has computed so far. */
export interface Session {
  readonly model: InstanceType<Keras["Model"]>;
  readonly x: InstanceType<Keras["Tensor"]>;
  readonly y: InstanceType<Keras["Tensor"]>;
  readonly figures: Omit<Figures, "laterLoss">;
}

const SHOWN = 20;

/** Builds, trains for two epochs, evaluates and predicts. Dropout and shuffling take part, so that seeds matter. */
export async function train(keras: Keras, digits: Digits, verbose: 0 | 1): Promise<Session> {
  const { layers } = keras;
  keras.utils.setRandomSeed(1337);
  const inputs = keras.Input({ shape: [784], name: "digits" });
  const hidden = layers.Dense(64, { activation: "relu" })(inputs);
  const dropped = layers.Dropout(0.2)(layers.Dense(64, { activation: "relu" })(hidden));
  const outputs = layers.Dense(10)(layers.Concatenate()([hidden, dropped]));
  const model = keras.Model({ inputs, outputs, name: "browser_model" });

  const lines: string[] = [];
  model.summary({ printFn: (line) => lines.push(line) });

  const y = keras.tensor(digits.labels, [digits.labels.length], "int32");
  const x = keras.tensor(digits.images, [digits.labels.length, 784]).div(255);
  model.compile({
    loss: keras.losses.SparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: keras.optimizers.Adam(0.003),
    metrics: ["accuracy"],
  });
  const { history } = await model.fit(x, y, { batchSize: 32, epochs: 2, verbose });
  const evaluation = await model.evaluate(x, y, { verbose: 0 });
  return {
    model,
    x,
    y,
    figures: {
      summary: lines.join("\n"),
      fitLoss: history.loss!,
      fitAccuracy: history.accuracy!,
      evaluation: [evaluation].flat(),
      predictions: await firstPredictions(model, x),
    },
  };
}

/** All predictions, flat. */
export async function predictionsOf(model: Session["model"], x: Session["x"]): Promise<number[]> {
  const predictions = await model.predict(x, { verbose: 0 });
  return Array.from((await predictions.data()) as Float32Array);
}

/** Predictions for the first digits, flat. */
export async function firstPredictions(model: Session["model"], x: Session["x"]): Promise<number[]> {
  return (await predictionsOf(model, x)).slice(0, SHOWN * 10);
}

/** Loss of one more epoch, in the order of the data. */
export async function oneMoreEpoch(model: Session["model"], { x, y }: Session): Promise<number> {
  const { history } = await model.fit(x, y, { batchSize: 32, epochs: 1, verbose: 0, shuffle: false });
  return history.loss![0]!;
}
