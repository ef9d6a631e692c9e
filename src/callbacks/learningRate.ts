/** The optimizer of a model in training and its learning rate, for callbacks that log or change them. */
import type { Optimizer } from "../optimizers/index.ts";
import type { Trainer } from "../trainers/trainer.ts";

/** @throws Error for a model without one. */
export function optimizerOf(where: string, model: Trainer): Optimizer {
  const { optimizer } = model;
  if (optimizer) return optimizer;
  throw new Error(
    `${where}: model "${model.name}" has no optimizer. Pass one to compile: model.compile({ optimizer: "adam", … })`,
  );
}

/** The rate of the next step. */
export const learningRateOf = async (optimizer: Optimizer): Promise<number> => await optimizer.learningRate.item();
