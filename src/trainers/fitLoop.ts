/** Training: epochs of train steps, validation after them, and callbacks at every turn. */
import { Callback, type Logs } from "../callbacks/callback.ts";
import { sortedLogs } from "../callbacks/callbackList.ts";
import type { History } from "../callbacks/history.ts";
import { checkOptions, describe } from "../core/errors.ts";
import type { Compiled, LoggedStep } from "./compiled.ts";
import type { Batch } from "./dataAdapters/dataAdapter.ts";
import { type AdaptedData, adaptData, type FitData } from "./dataInput.ts";
import { EpochIterator } from "./epochIterator.ts";
import { evaluateBatches } from "./evaluateLoop.ts";
import { checkBatchLabels, checkHostLabels } from "./labelCheck.ts";
import { runStep } from "./modelSteps.ts";
import { callbacksOf, type Run, type Runner, verbosity } from "./run.ts";
import { RunGuard } from "./runGuard.ts";
import { GROUP_SIZE, listensToBatches, StepGroups } from "./stepGroups.ts";
import { FIT_OPTIONS, type FitOptions } from "./trainerOptions.ts";

/** A run of `fit`, and how far it is. */
interface FitRun extends Run {
  readonly runner: Runner;
  readonly compiled: Compiled;
  readonly data: AdaptedData;
  readonly groups: StepGroups;
  stepsLeft: number;
  reportedNaN: boolean;
  reportedNoValidation: boolean;
  /** Of the last step, or of the last epoch with its validation. */
  logs: Logs;
}

/** What `fit` does. */
export async function fitLoop(runner: Runner, x: FitData, y: FitData | null, options: FitOptions): Promise<History> {
  const compiled = runner.compiled("fit");
  checkOptions("fit", options, FIT_OPTIONS);
  const epochs = options.epochs ?? 1;
  const initialEpoch = options.initialEpoch ?? 0;
  checkEpochs({ epochs, initialEpoch });
  const { model, steps } = runner;
  const { runEagerly } = compiled.options;
  const perExecution = compiled.options.stepsPerExecution ?? 1;
  const data = await adaptData("fit", x, y, {
    ...options,
    // A compiled step sees placeholders; only steps that run op by op get hold of the batch itself.
    reuseAfter: runEagerly ? null : Math.max(GROUP_SIZE, perExecution),
    prepare: model.inputPreparation,
  });
  const batches = new EpochIterator(data.adapter, options.stepsPerEpoch ?? null, "stepsPerEpoch");
  const validationBatches = data.validation
    ? new EpochIterator(data.validation.adapter, options.validationSteps ?? null, "validationSteps")
    : null;
  const callbacks = callbacksOf(runner, "fit", options, { epochs, steps: batches.steps });
  const guard = new RunGuard("fit", options.signal ?? null, true);
  model.stopTraining = false;
  model.restoredEpoch = null;
  model.history = callbacks.history;
  const oneByOne = runEagerly || data.labels === null || listensToBatches(callbacks.callbacks, Callback.prototype);
  const run: FitRun = {
    runner,
    compiled,
    data,
    batches,
    callbacks,
    guard,
    groups: new StepGroups(perExecution, oneByOne ? null : () => run.stepsLeft),
    stepsLeft: 0,
    reportedNaN: false,
    reportedNoValidation: false,
    logs: {},
  };
  let started = false;
  let finished = false;
  try {
    buildAndCheck(run, await batches.peek());
    const step = steps.logged("trainStep", compiled);
    steps.checkTrainable("fit", step);
    if (model.trainableVariables.length === 0) {
      console.warn(`fit: model "${model.name}" has no trainable weights; nothing will be learned`);
    }
    started = true;
    await callbacks.run("onTrainBegin", {});
    const firstEpoch = model.restoredEpoch ?? initialEpoch;
    run.stepsLeft = (epochs - firstEpoch) * (batches.steps ?? 0);
    for (let epoch = firstEpoch; epoch < epochs; epoch++) {
      model.resetMetrics();
      await callbacks.runAt("onEpochBegin", epoch);
      if (!(await batches.hasMore(epoch))) {
        warnOfNoMore(epoch, epochs);
        break;
      }
      await trainEpoch(run, step, epoch);
      if (batches.steps !== null) {
        callbacks.setParams({ verbose: verbosity(options.verbose), epochs, steps: batches.steps });
      }
      const validates =
        validationBatches &&
        isValidationEpoch(options.validationFreq ?? 1, epoch) &&
        (await hasValidation(run, validationBatches, epoch));
      const logs = validates ? await withValidation(run, validationBatches) : run.logs;
      await callbacks.runAt("onEpochEnd", epoch, logs);
      run.logs = logs;
      if (model.stopTraining) break;
    }
    if (model.optimizer && epochs > firstEpoch) model.optimizer.finalizeVariableValues(model.trainableVariables);
    finished = true;
  } finally {
    guard.end();
    await batches.close();
    await validationBatches?.close();
    if (!finished) callbacks.tellInterrupted();
    if (started) await callbacks.run("onTrainEnd", run.logs);
  }
  return callbacks.history!;
}

function checkEpochs(counts: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || (value as number) < 0) {
      throw new RangeError(`fit: expected \`${name}\` to be a non-negative integer. Received: ${describe(value)}`);
    }
  }
}

/** Builds the model with the first batch, and checks the data that is in memory. */
function buildAndCheck({ runner: { steps }, compiled, data }: FitRun, first: Batch): void {
  const { inputs, labels, validation } = data;
  steps.build("fit", "trainStep", compiled, first);
  if (labels) checkHostLabels("fit", compiled.labelPlan, labels);
  if (validation?.labels) checkHostLabels("fit (validation)", compiled.labelPlan, validation.labels);
  steps.ids.checkHost("fit", first, inputs);
  steps.ids.checkHost("fit (validation)", first, validation?.inputs ?? null);
}

/** The steps of an epoch. This is the hot path: between two steps it awaits and allocates no more than it must. */
async function trainEpoch(run: FitRun, step: LoggedStep, epoch: number): Promise<void> {
  const { compiled, data, batches, callbacks, guard, groups } = run;
  const { model, steps } = run.runner;
  const perExecution = compiled.options.stepsPerExecution ?? 1;
  let groupStart = 0;
  for await (const group of batches.epoch(epoch, () => groups.next(step.program.work))) {
    const grouped = group.length === GROUP_SIZE && perExecution === 1 ? await step.program.runGroup(group) : null;
    for (const [i, batch] of group.entries()) {
      const index = groupStart + i;
      if (!data.labels) await checkBatchLabels("fit", compiled.labelPlan, batch);
      if (!data.inputs) await steps.ids.checkBatch("fit", batch);
      if (perExecution === 1 || i === 0) await callbacks.runAt("onTrainBatchBegin", index);
      run.logs = grouped ? grouped[i]! : await runStep(step, batch);
      if (!run.reportedNaN && Number.isNaN(run.logs.loss)) {
        run.reportedNaN = true;
        warnOfNaN(index, epoch);
      }
      const isLast = i === group.length - 1;
      if (perExecution === 1 || isLast) await callbacks.runAt("onTrainBatchEnd", index, run.logs);
    }
    groupStart += group.length;
    run.stepsLeft -= group.length;
    groups.count(group.length);
    guard.check();
    if (model.stopTraining) break;
    await guard.pause(batches.streams);
  }
}

/** The logs of an epoch with those of its validation. */
async function withValidation(run: FitRun, batches: EpochIterator): Promise<Logs> {
  const { runner, compiled, data, callbacks, guard, logs } = run;
  const result = await evaluateBatches(runner, compiled, { batches, callbacks, guard }, data.validation!);
  return sortedLogs({ ...logs, ...Object.fromEntries(Object.entries(result).map(([k, v]) => [`val_${k}`, v])) });
}

/** Says once when validation data was used up: then there is no validation, rather than numbers of nothing. */
async function hasValidation(run: FitRun, batches: EpochIterator, epoch: number): Promise<boolean> {
  await batches.restart();
  if (await batches.hasMore(0)) return true;
  if (!run.reportedNoValidation) {
    console.warn(
      `fit (validationData): the data ran out; there is no validation from epoch ${epoch + 1} on. A generator can be read only ` +
        "once: pass a function that returns a new one for each validation, or a Dataset",
    );
  }
  run.reportedNoValidation = true;
  return false;
}

function warnOfNoMore(epoch: number, epochs: number): void {
  console.warn(
    `fit: your input ran out of data; interrupting training after ${epoch} of ${epochs} epochs. A generator can be read only ` +
      "once: pass a function that returns a new one for each epoch, a Dataset (with repeat() where it is too short), or a " +
      "generator without an end together with stepsPerEpoch",
  );
}

function warnOfNaN(batch: number, epoch: number): void {
  console.warn(
    `fit: the loss is NaN at batch ${batch} of epoch ${epoch + 1}. Look for a learning rate that is too large, ` +
      "NaN or infinity in the data, or a loss that does not fit the outputs (probabilities where it expects logits)",
  );
}

/** Whether to validate after epoch `epoch` (from 0). */
function isValidationEpoch(freq: number | readonly number[], epoch: number): boolean {
  if (typeof freq === "number") return (epoch + 1) % freq === 0;
  if (Array.isArray(freq)) return freq.includes(epoch + 1);
  throw new TypeError(
    `fit: expected \`validationFreq\` to be a number or a list of epochs. Received: ${describe(freq)}`,
  );
}
