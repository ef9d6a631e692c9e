/** Evaluation: test steps over data, with callbacks between them. */
import type { Logs } from "../callbacks/callback.ts";
import { checkOptions } from "../core/errors.ts";
import type { Compiled } from "./compiled.ts";
import type { FitData } from "./dataInput.ts";
import { checkBatchLabels, checkHostLabels } from "./labelCheck.ts";
import { runStep } from "./modelSteps.ts";
import { openRun, type Run, type Runner } from "./run.ts";
import { EVALUATE_OPTIONS, type EvaluateOptions } from "./trainerOptions.ts";

/** What `evaluate` does on a compiled model: loss and metrics on data, by name. */
export async function evaluateLoop(
  runner: Runner,
  compiled: Compiled,
  x: FitData,
  y: FitData | null,
  options: EvaluateOptions,
): Promise<Logs> {
  checkOptions("evaluate", options, EVALUATE_OPTIONS);
  const run = await openRun(runner, "evaluate", x, y, options);
  const { inputs, labels } = run.data;
  try {
    const first = await run.batches.peek();
    runner.steps.build("evaluate", "testStep", compiled, first);
    if (labels) checkHostLabels("evaluate", compiled.labelPlan, labels);
    runner.steps.ids.checkHost("evaluate", first, inputs);
    return await evaluateBatches(runner, compiled, run, labels === null);
  } finally {
    run.guard.end();
    await run.batches.close();
  }
}

/**
 * Evaluates what is ready for it; `fit` does so between epochs.
 *
 * @param checkEach - Whether the data was not at hand before, so that each batch must be checked.
 */
export async function evaluateBatches(
  { model, steps }: Runner,
  compiled: Compiled,
  { batches, callbacks, guard }: Run,
  checkEach: boolean,
): Promise<Logs> {
  model.resetMetrics();
  model.stopEvaluating = false;
  await batches.restart();
  await callbacks.run("onTestBegin", {});
  const step = steps.logged("testStep", compiled);
  let logs: Logs = {};
  let index = 0;
  for await (const group of batches.epoch(0, () => compiled.options.stepsPerExecution ?? 1)) {
    await callbacks.runAt("onTestBatchBegin", index);
    for (const batch of group) {
      if (checkEach) {
        await checkBatchLabels("evaluate", compiled.labelPlan, batch);
        await steps.ids.checkBatch("evaluate", batch);
      }
      logs = await runStep(step, batch);
    }
    await callbacks.runAt("onTestBatchEnd", index + group.length - 1, logs);
    index += group.length;
    guard.check();
    if (model.stopEvaluating) break;
    await guard.pause(batches.streams);
  }
  await callbacks.run("onTestEnd", logs);
  return logs;
}
