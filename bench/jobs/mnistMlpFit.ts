import { type Job, numberAt, type ReadContext } from "./job.ts";

const SAMPLES = 60_000;
const BATCH = 64;
const BATCHES = Math.ceil(SAMPLES / BATCH);

/** TensorFlow.js's plain JavaScript would take minutes: its epochs are shorter, and their time is scaled up. */
const CPU_BATCHES = 100;

const ranBatches = ({ parameters }: ReadContext): number => Math.ceil(numberAt(parameters, "samples") / BATCH);

/**
 * An epoch of training: the guide's MLP (784-64-64-10, 55,050 weights) on all of MNIST with RMSprop, batches of 64,
 * shuffled, loss and accuracy every step, no validation. One epoch warms up; the second is measured inside `fit`, from
 * the callback at its begin to the one at its end. Reading files and making arrays is not in it.
 */
export const mnistMlpFit: Job = {
  name: "mnist-mlp-fit",
  task: "fit",
  rounds: { normal: 5, quick: 2 },
  data: "mnist",
  parameters: (subject) => ({
    samples: subject === "tfjs-cpu" ? CPU_BATCHES * BATCH : SAMPLES,
    batchSize: BATCH,
    epochs: 1,
  }),
  measures: [
    {
      name: "mnist-mlp-fit",
      what: `MLP 784-64-64-10 on MNIST, one epoch of ${BATCHES} batches of ${BATCH}, after a warm-up epoch`,
      unit: "ms per epoch",
      better: "lower",
      read: (values, context) => (numberAt(values, "epochMs", "0") * BATCHES) / ranBatches(context),
      // The accuracy shows that all of them learn the same.
      note: (values, context) => {
        const learned = `accuracy ${numberAt(values, "accuracy").toFixed(3)}`;
        const ran = ranBatches(context);
        return ran < BATCHES ? `scaled up from ${ran} of ${BATCHES} batches, ${learned}` : learned;
      },
    },
    {
      name: "mnist-mlp-fit-peak-memory",
      what: "the largest resident memory of that process, data included",
      unit: "MB",
      better: "lower",
      read: (values) => numberAt(values, "peakRssMb"),
      note: (_, context) =>
        ranBatches(context) < BATCHES ? `holds ${ranBatches(context)} of ${BATCHES} batches of the data` : null,
    },
  ],
};
