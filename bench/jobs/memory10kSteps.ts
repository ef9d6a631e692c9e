import { type Job, numberAt, type ReadContext } from "./job.ts";

const STEPS = 10_000;
const EARLY = 1_000;

const shorter = (_: unknown, { parameters }: ReadContext): string | null => {
  const steps = numberAt(parameters, "steps");
  return steps < STEPS
    ? `after ${numberAt(parameters, "earlySteps")} and ${steps.toLocaleString("en")} steps only`
    : null;
};

/**
 * Whether memory stays flat while a model trains: resident memory after 1,000 and after 10,000 train steps of the MLP
 * (epochs of 500 steps in one `fit`), and what it grew by, in all and in the second half. Nobody asks for a garbage collection; what counts is what the
 * operating system sees. Fewer rounds than elsewhere: a round takes minutes, and memory is less noisy than time.
 */
export const memory10kSteps: Job = {
  name: "memory-10k-steps",
  task: "memory",
  rounds: { normal: 3, quick: 1 },
  data: "mnist",
  // TensorFlow.js's plain JavaScript would take six minutes for 10,000 steps.
  parameters: (subject) =>
    subject === "tfjs-cpu"
      ? { batchSize: 64, stepsPerEpoch: 50, steps: STEPS / 10, earlySteps: EARLY / 10 }
      : { batchSize: 64, stepsPerEpoch: 500, steps: STEPS, earlySteps: EARLY },
  measures: [
    {
      name: "memory-10k-steps",
      what: `resident memory after ${STEPS.toLocaleString("en")} train steps of the MLP`,
      unit: "MB",
      better: "lower",
      read: (values) => numberAt(values, "lateRssMb"),
      note: shorter,
    },
    {
      name: "memory-10k-steps-growth",
      what: `that, less the resident memory after ${EARLY.toLocaleString("en")} steps`,
      unit: "MB",
      better: "lower",
      ratios: false,
      read: (values) => numberAt(values, "lateRssMb") - numberAt(values, "earlyRssMb"),
      note: shorter,
    },
    {
      name: "memory-10k-steps-second-half",
      what: `the growth in the second half of the steps, when garbage collectors have found their reserve`,
      unit: "MB",
      better: "lower",
      ratios: false,
      read: (values) => numberAt(values, "lateRssMb") - numberAt(values, "halfwayRssMb"),
      note: shorter,
    },
  ],
};
