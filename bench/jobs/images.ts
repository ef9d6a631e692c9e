/**
 * The guide's image models beside those of the rivals: an epoch of training, the first step with compiling in it, and
 * the memory of it; and the features of VGG19 and the classes of ResNet50, from numbers in memory to numbers in memory.
 */
import { type Job, type Measure, numberAt, type ReadContext } from "./job.ts";
import { bestWay } from "./predict.ts";

/** TensorFlow.js's plain JavaScript takes minutes for a step: it runs one of this size, scaled up. */
const CPU_BATCH = 4;
const cpuOnly = (subject: string): boolean => subject === "tfjs-cpu";

const milliseconds = { unit: "ms", better: "lower" } as const;

const memory = (name: string): Measure => ({
  name: `${name}-peak-memory`,
  what: "the largest resident memory of that process",
  unit: "MB",
  better: "lower",
  read: (values) => numberAt(values, "peakRssMb"),
});

interface Training {
  readonly name: string;
  readonly model: "resnet" | "autoencoder";
  readonly what: string;
  readonly data: "cifar10" | "mnist";
  readonly batches: number;
  readonly batchSize: number;
}

function training({ name, model, what, data, batches, batchSize }: Training): Job {
  /** What a step of this subject is to be multiplied with. */
  const scale = ({ parameters }: ReadContext): number => batchSize / numberAt(parameters, "batchSize");
  const steps = ({ parameters }: ReadContext): number =>
    numberAt(parameters, "samples") / numberAt(parameters, "batchSize");
  return {
    name,
    task: "fitImages",
    rounds: { normal: 5, quick: 1 },
    data,
    parameters: (subject) =>
      cpuOnly(subject)
        ? { model, batchSize: CPU_BATCH, samples: CPU_BATCH }
        : { model, batchSize, samples: batchSize * batches },
    measures: [
      {
        name,
        what: `${what}, ${batches} steps of ${batchSize} after a warm-up epoch`,
        unit: "ms per step",
        better: "lower",
        read: (values, context) => (numberAt(values, "epochMs") / steps(context)) * scale(context),
        // The loss shows that all of them learn the same.
        note: (values, context) =>
          scale(context) > 1
            ? `scaled up from a step of ${CPU_BATCH}`
            : `loss ${numberAt(values, "loss").toFixed(3)} after the second epoch`,
      },
      {
        name: `${name}-first-step`,
        what: "its first step in a fresh process, compiling included, importing not",
        ...milliseconds,
        read: (values, context) => numberAt(values, "firstStepMs") * scale(context),
      },
      memory(name),
    ],
  };
}

/** The guide's toy ResNet (223,242 weights) on the first CIFAR-10 images, RMSprop, shuffled, with accuracy. */
export const resnetFit = training({
  name: "resnet-fit",
  model: "resnet",
  what: "toy ResNet on CIFAR-10",
  data: "cifar10",
  batches: 20,
  batchSize: 64,
});

/** The guide's convolutional autoencoder (28,529 weights) on MNIST, RMSprop, mean squared error, shuffled. */
export const autoencoderFit = training({
  name: "autoencoder-fit",
  model: "autoencoder",
  what: "convolutional autoencoder on MNIST",
  data: "mnist",
  batches: 20,
  batchSize: 128,
});

function prediction(name: string, model: "vgg19Features" | "resnet50", what: string, batchSize: number): Job {
  return {
    name,
    task: "predictImages",
    rounds: { normal: 3, quick: 1 },
    data: null,
    parameters: (subject) => ({
      model,
      batchSize: cpuOnly(subject) ? 1 : batchSize,
      warmUps: cpuOnly(subject) ? 0 : 2,
      warmUpMs: cpuOnly(subject) ? 0 : 1000,
      calls: cpuOnly(subject) ? 0 : 10,
    }),
    measures: [
      {
        name,
        what: `${what}, each subject by its fastest way`,
        ...milliseconds,
        read: (values, { parameters }) => bestWay(values)[1] * (batchSize / numberAt(parameters, "batchSize")),
        note: (values, { parameters }) =>
          numberAt(parameters, "batchSize") < batchSize ? "scaled up from its first image" : `by ${bestWay(values)[0]}`,
      },
      {
        name: `${name}-first`,
        what: "making it and its first predict in a fresh process, compiling included, importing not",
        ...milliseconds,
        read: (values, { parameters }) => numberAt(values, "firstMs") * (batchSize / numberAt(parameters, "batchSize")),
      },
      memory(name),
    ],
  };
}

/** All 26 activations of VGG19 (143,667,240 weights). */
export const vgg19Features1 = prediction(
  "vgg19-features-1",
  "vgg19Features",
  "all activations of VGG19 for one image",
  1,
);
export const vgg19Features8 = prediction(
  "vgg19-features-8",
  "vgg19Features",
  "all activations of VGG19 for 8 images",
  8,
);

export const resnet50Predict1 = prediction("resnet50-predict-1", "resnet50", "one image through ResNet50", 1);
