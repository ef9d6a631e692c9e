/** One step on one batch, without a loop: `trainOnBatch`, `testOnBatch`, `predictOnBatch`. */
import type { Logs } from "../callbacks/callback.ts";
import { checkOptions } from "../core/errors.ts";
import { mapStructure, type Nested } from "../core/tree.ts";
import { tensorFromDevice } from "../runtime/compiledFunction.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { type FitData, toSingleBatch } from "./dataInput.ts";
import { checkBatchLabels } from "./labelCheck.ts";
import { runStep } from "./modelSteps.ts";
import { listOfLogs, type Runner } from "./run.ts";
import type { OnBatchOptions } from "./trainerOptions.ts";

const METHODS = {
  trainOnBatch: { step: "trainStep", options: ["sampleWeight", "classWeight", "returnDict"] },
  testOnBatch: { step: "testStep", options: ["sampleWeight", "returnDict"] },
} as const;

/** What `trainOnBatch` and `testOnBatch` do: loss and metrics of the batch. */
export async function stepOnBatch(
  runner: Runner,
  where: keyof typeof METHODS,
  x: FitData,
  y: FitData | null,
  options: OnBatchOptions,
): Promise<number[] | Logs> {
  const { model, steps } = runner;
  const compiled = runner.compiled(where);
  const method = METHODS[where];
  checkOptions(where, options, method.options);
  const batch = await toSingleBatch(where, x, y, { ...options, prepare: model.inputPreparation });
  steps.build(where, method.step, compiled, batch);
  await checkBatchLabels(where, compiled.labelPlan, batch);
  await steps.ids.checkBatch(where, batch);
  model.resetMetrics();
  const logs = await runStep(steps.logged(method.step, compiled), batch);
  return options.returnDict ? logs : listOfLogs(logs, model.metrics);
}

/** What `predictOnBatch` does. */
export async function predictOnBatch({ model, steps }: Runner, x: FitData): Promise<Nested<Tensor>> {
  const batch = await toSingleBatch("predictOnBatch", x, null, { prepare: model.inputPreparation });
  steps.buildForPredict("predictOnBatch", batch);
  await steps.ids.checkBatch("predictOnBatch", batch);
  const { structure, buffers } = await steps.predict.run(batch);
  const tensors = buffers.map(tensorFromDevice);
  return mapStructure((i: unknown) => tensors[i as number]!, structure);
}
