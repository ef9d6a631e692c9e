import { type Job, type Measure, numberAt } from "./job.ts";

const SAMPLES = 20_032;
const BATCH = 64;

/** Milliseconds of an own way, and how many times those of the built-in one. */
const beside = (name: string, what: string, builtIn: string): Measure[] => [
  {
    name,
    what: `${what}, an epoch of ${SAMPLES / BATCH} batches of ${BATCH} after a warm-up epoch`,
    unit: "ms per epoch",
    better: "lower",
    read: (values) => numberAt(values, "customMs"),
    note: (values) => `${builtIn} in the same process: ${numberAt(values, "builtInMs").toFixed(0)} ms`,
  },
  {
    name: `${name}-share`,
    what: `the same, as a share of ${builtIn}`,
    unit: "times",
    better: "lower",
    ratios: false,
    read: (values) => numberAt(values, "customMs") / numberAt(values, "builtInMs"),
  },
];

const ours = { subjects: ["keras-ts"], rounds: { normal: 5, quick: 2 } } as const;
const digits = { data: "mnist", parameters: () => ({ samples: SAMPLES, batchSize: BATCH }) } as const;

/** The guide's MLP of a layer that the user wrote with ops. */
export const customDenseFit: Job = {
  ...ours,
  ...digits,
  name: "custom-dense-fit",
  task: "customDense",
  measures: beside("custom-dense-fit", "the MLP of CustomDense layers", "the MLP of Dense layers"),
};

/** The same training as a loop of the user's own. */
export const handWrittenLoop: Job = {
  ...ours,
  ...digits,
  name: "hand-written-loop",
  task: "handWrittenLoop",
  measures: beside("hand-written-loop", "a loop over a step in keras.jit", "`fit`"),
};

/** How long a deep model takes before it computes. */
export const trace200: Job = {
  ...ours,
  name: "trace-200",
  task: "traceLayers",
  data: null,
  parameters: () => ({ depth: 200 }),
  measures: [
    {
      name: "trace-200-build",
      what: "a functional model of 200 Dense layers, made",
      unit: "ms",
      better: "lower",
      read: (values) => numberAt(values, "buildMs"),
    },
    {
      name: "trace-200-first-step",
      what: "its first train step: recording, gradients, compiling and the engine's own start included",
      unit: "ms",
      better: "lower",
      read: (values) => numberAt(values, "firstStepMs"),
    },
  ],
};
