import { type Job, type Measure, numberAt } from "./job.ts";

const DIGITS = { samples: 20_032, batchSize: 64 };
const IMAGES = { samples: 640, batchSize: 64 };

/** Milliseconds of an own way, and how many times those of the built-in one. */
const beside = (name: string, what: string, builtIn: string, { samples, batchSize } = DIGITS): Measure[] => [
  {
    name,
    what: `${what}, an epoch of ${samples / batchSize} batches of ${batchSize}: the median of four after three, in turns with ${builtIn}`,
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

/** The guide's MLP of a layer that the user wrote with ops. */
export const customDenseFit: Job = {
  ...ours,
  name: "custom-dense-fit",
  task: "customDense",
  data: "mnist",
  parameters: () => DIGITS,
  measures: beside("custom-dense-fit", "the MLP of CustomDense layers", "the MLP of Dense layers"),
};

/** The same training as a loop of the user's own. */
export const handWrittenLoop: Job = {
  ...ours,
  name: "hand-written-loop",
  task: "handWrittenLoop",
  data: "mnist",
  parameters: () => ({ ...DIGITS, model: "mlp", jit: true }),
  measures: beside("hand-written-loop", "the MLP in a loop over a step in keras.jit, every loss read", "`fit`"),
};

/** The same loop without `keras.jit`: each step is recorded anew. */
export const eagerLoop: Job = {
  ...handWrittenLoop,
  name: "eager-loop",
  parameters: () => ({ ...DIGITS, model: "mlp", jit: false }),
  measures: beside("eager-loop", "the MLP in a loop without keras.jit, every loss read", "`fit`"),
};

/** Recording costs the same for a model that computes more. */
export const eagerResnetLoop: Job = {
  ...ours,
  name: "eager-resnet-loop",
  task: "handWrittenLoop",
  data: "cifar10",
  parameters: () => ({ ...IMAGES, model: "resnet", jit: false }),
  measures: beside("eager-resnet-loop", "the toy ResNet in a loop without keras.jit, every loss read", "`fit`", IMAGES),
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
