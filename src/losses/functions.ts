/** Losses as functions: per-sample values, not reduced over the batch. @see keras/src/losses/losses.py (Keras 3.x) */
import { categoricalGeneralizedCrossEntropy, ctc, sparseCategoricalCrossentropy } from "./probabilisticFunctions.ts";
import { circle } from "./similarityFunctions.ts";

export * from "./probabilisticFunctions.ts";
export * from "./regressionFunctions.ts";
export * from "./similarityFunctions.ts";

/** Functions that read labels as class numbers. */
export const CLASS_NUMBER_LOSSES: ReadonlySet<unknown> = new Set<unknown>([
  sparseCategoricalCrossentropy,
  categoricalGeneralizedCrossEntropy,
  circle,
  ctc,
]);
