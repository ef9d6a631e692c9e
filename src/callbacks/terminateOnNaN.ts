/** Ends training when the loss is no longer a number. */
import { callable } from "../core/callable.ts";
import { checkOptions } from "../core/errors.ts";
import { Callback, type Logs } from "./callback.ts";
import { say } from "./print.ts";

/** Options of {@link TerminateOnNaN}. */
export interface TerminateOnNaNOptions {
  /** Whether `fit` fails instead of ending as if a callback had stopped it. @defaultValue `false` */
  raiseError?: boolean;
}

class TerminateOnNaNBase extends Callback {
  static readonly className = "TerminateOnNaN";

  readonly raiseError: boolean;

  constructor(options: TerminateOnNaNOptions = {}) {
    super();
    checkOptions("TerminateOnNaN", options, ["raiseError"]);
    this.raiseError = options.raiseError ?? false;
  }

  override onBatchEnd(batch: number, logs: Logs): void {
    const { loss } = logs;
    if (loss === undefined || Number.isFinite(loss)) return;
    if (this.raiseError) {
      throw new Error(
        `TerminateOnNaN: the loss is ${loss} at batch ${batch} (counted from 0); training ends. Look for a learning rate that ` +
          "is too large, NaN or infinity in the data, or a loss that does not fit the outputs",
      );
    }
    say(1, `Batch ${batch}: Invalid loss, terminating training`);
    this.model.stopTraining = true;
  }
}

/**
 * Ends training after the batch at which the loss is NaN or infinite. The epoch ends as usual, with its validation and logs.
 *
 * With `raiseError` the run rejects at once instead; callbacks that tidy up at its end see `params.interrupted`, so that
 * {@link BackupAndRestore} keeps its backup. It watches every step, so steps run one by one.
 *
 * @throws TypeError for an unknown option.
 * @example
 * await model.fit(x, y, { epochs: 10, callbacks: [TerminateOnNaN()] });
 * @see keras/src/callbacks/terminate_on_nan.py (Keras 3.x)
 */
export const TerminateOnNaN = callable(TerminateOnNaNBase);
export type TerminateOnNaN = TerminateOnNaNBase;
