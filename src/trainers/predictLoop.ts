/** Prediction: predict steps over data, with callbacks between them, and their outputs in one piece. */
import type { Logs } from "../callbacks/callback.ts";
import { checkOptions } from "../core/errors.ts";
import type { Nested } from "../core/tree.ts";
import { tensorFromDevice } from "../runtime/compiledFunction.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { FitData } from "./dataInput.ts";
import { type BatchOutputs, concatenateOutputs } from "./predictions.ts";
import { openRun, type Runner } from "./run.ts";
import { PREDICT_OPTIONS, type PredictOptions } from "./trainerOptions.ts";

/** What `predict` does: outputs for data, in the structure of the model's outputs. */
export async function predictLoop(runner: Runner, x: FitData, options: PredictOptions): Promise<Nested<Tensor>> {
  checkOptions("predict", options, PREDICT_OPTIONS);
  const { model, steps } = runner;
  const { data, batches, callbacks, guard } = await openRun(runner, "predict", x, null, options);
  model.stopPredicting = false;
  try {
    const first = await batches.peek();
    steps.buildForPredict("predict", first);
    steps.ids.checkHost("predict", first, data.inputs);
    await callbacks.run("onPredictBegin", {});
    const step = steps.predict;
    const collected: BatchOutputs[] = [];
    let index = 0;
    for await (const [batch] of batches.epoch(0, () => 1)) {
      await callbacks.runAt("onPredictBatchBegin", index);
      if (!data.inputs) await steps.ids.checkBatch("predict", batch!);
      const { structure, buffers } = await step.run(batch!);
      const tensors = buffers.map(tensorFromDevice);
      collected.push({ structure, tensors });
      await callbacks.runAt("onPredictBatchEnd", index, { outputs: tensors } as unknown as Logs);
      index++;
      guard.check();
      if (model.stopPredicting) break;
      await guard.pause(batches.streams);
    }
    await callbacks.run("onPredictEnd", {});
    return await concatenateOutputs(collected, model.outputNames);
  } finally {
    guard.end();
    await batches.close();
  }
}
