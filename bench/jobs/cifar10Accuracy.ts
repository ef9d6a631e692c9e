/**
 * Whether a longer training run ends where Keras's ends: the guide's toy ResNet on all real images there are, then on images
 * that it has not seen. Seeds are not fixed, so that the spread of the rounds shows what is chance.
 */
import { type Job, numberAt } from "./job.ts";

const EPOCHS = 15;

export const cifar10Accuracy: Job = {
  name: "cifar10-accuracy",
  task: "trainCifar10",
  rounds: { normal: 3, quick: 1 },
  data: "cifar10",
  onlyWhenNamed: true,
  parameters: () => ({ samples: 10_000, batchSize: 64, epochs: EPOCHS }),
  measures: [
    {
      name: "cifar10-accuracy",
      what: `share of test images that the toy ResNet names rightly after ${EPOCHS} epochs`,
      unit: "of 1",
      better: "higher",
      read: (values) => numberAt(values, "accuracy"),
      note: (values) =>
        `${numberAt(values, "trainAccuracy").toFixed(3)} on the training images, ${numberAt(values, "seconds").toFixed(0)} s in the last round`,
    },
  ],
};
