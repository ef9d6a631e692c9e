/**
 * Whether models of text learn as well as Keras's: the same settings on the same reviews, then reviews that they have not seen.
 * Seeds are not fixed, so that the spread of the rounds shows what is chance.
 */
import { type Job, numberAt } from "./job.ts";

const EPOCHS = 3;
const SAMPLES = 5000;

function accuracy(model: "bilstm" | "transformer", what: string): Job {
  return {
    name: `imdb-accuracy-${model}`,
    task: "trainImdb",
    rounds: { normal: 3, quick: 1 },
    data: "imdb",
    onlyWhenNamed: true,
    parameters: () => ({ model, samples: SAMPLES, testSamples: 2000, batchSize: 32, epochs: EPOCHS }),
    measures: [
      {
        name: `imdb-accuracy-${model}`,
        what: `share of test reviews that ${what} judge rightly after ${EPOCHS} epochs on ${SAMPLES} others`,
        unit: "of 1",
        better: "higher",
        read: (values) => numberAt(values, "accuracy"),
        note: (values) =>
          `${numberAt(values, "trainAccuracy").toFixed(3)} on the training reviews, loss ${numberAt(values, "loss").toFixed(3)}, ${numberAt(values, "seconds").toFixed(0)} s in the last round`,
      },
    ],
  };
}

export const imdbAccuracyBilstm = accuracy("bilstm", "two bidirectional LSTMs");
export const imdbAccuracyTransformer = accuracy("transformer", "a block of a transformer");
