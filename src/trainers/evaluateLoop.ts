/** Evaluation: test steps over data, with callbacks between them. */
import type { Logs } from "../callbacks/callback.ts";
import { checkOptions } from "../core/errors.ts";
import type { Compiled } from "./compiled.ts";
import type { AdaptedData, FitData } from "./dataInput.ts";
import { checkBatchLabels, checkHostLabels } from "./labelCheck.ts";
import { runStep } from "./modelSteps.ts";
import { listOfLogs, openRun, type Run, type Runner } from "./run.ts";
import { EVALUATE_OPTIONS, type EvaluateOptions } from "./trainerOptions.ts";

/** What `evaluate` does: loss and metrics on data. */
export async function evaluateLoop(
  runner: Runner,
  x: FitData,
  y: FitData | null,
  options: EvaluateOptions,
): Promise<number[] | Logs> {
  const compiled = runner.compiled("evaluate");
  checkOptions("evaluate", options, EVALUATE_OPTIONS);
  const run = await openRun(runner, "evaluate", x, y, options);
  const { data } = run;
  try {
    const first = await run.batches.peek();
    runner.steps.build("evaluate", "testStep", compiled, first);
    if (data.labels) checkHostLabels("evaluate", compiled.labelPlan, data.labels);
    runner.steps.ids.checkHost("evaluate", first, data.inputs);
    const logs = await evaluateBatches(runner, compiled, run, data);
    return options.returnDict ? logs : listOfLogs(logs, runner.model.metrics);
  } finally {
    run.guard.end();
    await run.batches.close();
  }
}

/**
 * Evaluates what is ready for it; `fit` does so between epochs.
 *
 * @param data - What is in memory was checked before; the rest is checked batch by batch.
 */
export async function evaluateBatches(
  { model, steps }: Runner,
  compiled: Compiled,
  { batches, callbacks, guard }: Run,
  data: Pick<AdaptedData, "inputs" | "labels">,
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
      if (!data.labels) await checkBatchLabels("evaluate", compiled.labelPlan, batch);
      if (!data.inputs) await steps.ids.checkBatch("evaluate", batch);
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
