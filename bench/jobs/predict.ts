/**
 * Prediction with the guide's MLP, from numbers in memory to numbers in memory, by three ways: `predict`,
 * `predictOnBatch` (`predict_on_batch`), and calling the model and reading the result. A subject's figure is its best
 * way, named in the notes: that is what a service would use. A second table compares `predict` with `predict`.
 */
import { type Job, type Measure, numberAt } from "./job.ts";

type Ways = Readonly<Record<string, number>>;

/** The fastest way of an answer and its milliseconds. */
export function bestWay(values: Record<string, unknown>): [way: string, ms: number] {
  const [best] = Object.entries(values.ms as Ways).sort(([, a], [, b]) => a - b);
  if (!best) throw new TypeError("expected at least one timed way in `ms`. Received: none");
  return best;
}

/** The measures of a job, whose milliseconds per call `figure` turns into its unit. */
function measures(
  name: string,
  what: string,
  unit: Pick<Measure, "unit" | "better">,
  figure: (ms: number) => number,
): Measure[] {
  return [
    {
      name,
      what: `${what}, each subject by its fastest way`,
      ...unit,
      read: (values) => figure(bestWay(values)[1]),
      note: (values) => `by ${bestWay(values)[0]}`,
    },
    {
      name: `${name}-predict`,
      what: `${what}, all by model.predict`,
      ...unit,
      read: (values) => figure(numberAt(values, "ms", "predict")),
    },
  ];
}

/** Every subject runs for a second before it is timed: engines that compile what runs often have done so in a service. */
const WARM_UP_MS = 1000;

/** Latency: one sample at a time. */
export const predict1: Job = {
  name: "predict-1",
  task: "predict",
  rounds: { normal: 5, quick: 2 },
  data: null,
  parameters: (_, quick) => ({ samples: 1, batchSize: 1, warmUps: 20, warmUpMs: WARM_UP_MS, calls: quick ? 50 : 200 }),
  measures: measures("predict-1", "one sample through the MLP", { unit: "ms", better: "lower" }, (ms) => ms),
};

const BATCH = 256;
const SAMPLES = 40 * BATCH;

/** Throughput: ten thousand samples in batches of 256. */
export const predict256: Job = {
  name: "predict-256",
  task: "predict",
  rounds: { normal: 5, quick: 2 },
  data: null,
  parameters: (subject, quick) => ({
    samples: SAMPLES,
    batchSize: BATCH,
    // Seconds per call, for which one more or less changes nothing.
    warmUps: subject === "tfjs-cpu" ? 1 : 3,
    warmUpMs: WARM_UP_MS,
    calls: subject === "tfjs-cpu" ? 1 : quick ? 5 : 15,
  }),
  measures: measures(
    "predict-256",
    `${SAMPLES.toLocaleString("en")} samples through the MLP in batches of ${BATCH}`,
    { unit: "samples per second", better: "higher" },
    (ms) => (SAMPLES / ms) * 1000,
  ),
};
