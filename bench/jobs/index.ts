/** All jobs, in the order of their tables. */
import { cifar10Accuracy } from "./cifar10Accuracy.ts";
import { autoencoderFit, resnet50Predict1, resnetFit, vgg19Features1, vgg19Features8 } from "./images.ts";
import { imdbAccuracyBilstm, imdbAccuracyTransformer } from "./imdbAccuracy.ts";
import type { Job } from "./job.ts";
import { memory10kSteps } from "./memory10kSteps.ts";
import { mnistMlpFit } from "./mnistMlpFit.ts";
import { customDenseFit, eagerLoop, eagerResnetLoop, handWrittenLoop, trace200 } from "./ownWays.ts";
import { predict1, predict256 } from "./predict.ts";
import { embeddingFit, imdbBilstmFit, lstmPredict1, ticketFit, transformerFit } from "./sequences.ts";
import { startup } from "./startup.ts";

export const JOBS: readonly Job[] = [
  mnistMlpFit,
  predict1,
  predict256,
  startup,
  memory10kSteps,
  resnetFit,
  autoencoderFit,
  vgg19Features1,
  vgg19Features8,
  resnet50Predict1,
  ticketFit,
  embeddingFit,
  imdbBilstmFit,
  transformerFit,
  lstmPredict1,
  customDenseFit,
  handWrittenLoop,
  eagerLoop,
  eagerResnetLoop,
  trace200,
  cifar10Accuracy,
  imdbAccuracyBilstm,
  imdbAccuracyTransformer,
];
