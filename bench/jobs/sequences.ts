/** Models of sequences beside those of the rivals: training steps, first steps with compiling in them, memory; one prediction. */
import { type Job, type Measure, numberAt, type ReadContext } from "./job.ts";
import { bestWay } from "./predict.ts";

const memory = (name: string): Measure => ({
  name: `${name}-peak-memory`,
  what: "the largest resident memory of that process",
  unit: "MB",
  better: "lower",
  read: (values) => numberAt(values, "peakRssMb"),
});

interface Training {
  readonly name: string;
  readonly model: "ticket" | "bilstm" | "transformer" | "words";
  readonly what: string;
  readonly data: "imdb" | null;
  readonly batches: number;
  readonly batchSize: number;
}

function training({ name, model, what, data, batches, batchSize }: Training): Job {
  const steps = ({ parameters }: ReadContext): number =>
    numberAt(parameters, "samples") / numberAt(parameters, "batchSize");
  return {
    name,
    task: "fitSequences",
    rounds: { normal: 5, quick: 1 },
    data,
    // TensorFlow.js's plain JavaScript takes seconds for a step.
    parameters: (subject) => ({ model, batchSize, samples: batchSize * (subject === "tfjs-cpu" ? 1 : batches) }),
    measures: [
      {
        name,
        what: `${what}, ${batches} steps of ${batchSize} after a warm-up epoch`,
        unit: "ms per step",
        better: "lower",
        read: (values, context) => numberAt(values, "epochMs") / steps(context),
        // The loss shows that all of them learn the same.
        note: (values) => `loss ${numberAt(values, "loss").toFixed(3)} after the second epoch`,
      },
      {
        name: `${name}-first-step`,
        what: "its first step in a fresh process, compiling included, importing not",
        unit: "ms",
        better: "lower",
        read: (values) => numberAt(values, "firstStepMs"),
      },
      memory(name),
    ],
  };
}

/** The guide's customer tickets: three inputs, two outputs, titles of 10 words and bodies of 100. */
export const ticketFit = training({
  name: "ticket-fit",
  model: "ticket",
  what: "ticket model",
  data: null,
  batches: 40,
  batchSize: 32,
});

/** Two LSTMs of 64 units in both directions over 200 words. */
export const imdbBilstmFit = training({
  name: "imdb-bilstm-fit",
  model: "bilstm",
  what: "bidirectional LSTMs on IMDB",
  data: "imdb",
  batches: 20,
  batchSize: 32,
});

/** One block of two heads over 200 words. */
export const transformerFit = training({
  name: "transformer-fit",
  model: "transformer",
  what: "transformer on IMDB",
  data: "imdb",
  batches: 40,
  batchSize: 32,
});

/**
 * A table of 100,000 words of which a batch reads 640: Adagrad, whose definition leaves the other rows alone. TensorFlow.js has no
 * kernel for its gradient on WebAssembly, and takes more than a quarter of an hour in JavaScript.
 */
export const embeddingFit: Job = {
  ...training({
    name: "embedding-fit",
    model: "words",
    what: "mean of 20 embedded words of 100,000",
    data: null,
    batches: 100,
    batchSize: 32,
  }),
  subjects: ["keras-ts", "keras-jax", "keras-tensorflow"],
};

export const lstmPredict1: Job = {
  name: "lstm-predict-1",
  task: "predictSequences",
  rounds: { normal: 5, quick: 1 },
  data: null,
  parameters: () => ({ batchSize: 1, warmUps: 3, warmUpMs: 1000, calls: 50 }),
  measures: [
    {
      name: "lstm-predict-1",
      what: "an LSTM of 128 units over 100 steps, one sample, each subject by its fastest way",
      unit: "ms",
      better: "lower",
      read: (values) => bestWay(values)[1],
      note: (values) => `by ${bestWay(values)[0]}`,
    },
    {
      name: "lstm-predict-1-first",
      what: "its first predict in a fresh process, compiling included, importing and making the model not",
      unit: "ms",
      better: "lower",
      read: (values) => numberAt(values, "firstMs"),
    },
    memory("lstm-predict-1"),
  ],
};
