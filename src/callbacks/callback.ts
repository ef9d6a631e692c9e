/** The base of callbacks: code that runs at points of a training run. */
import type { Trainer } from "../trainers/trainer.ts";

/** Numbers by name: `loss`, `accuracy`, `val_loss`, … */
export type Logs = Record<string, number>;

/** Facts of the run that callbacks are told. */
export interface CallbackParams {
  readonly verbose: number;
  readonly epochs: number;
  /** Batches per epoch, or `null` when not known yet. */
  readonly steps: number | null;
  /** In `onTrainEnd`: whether an error, Ctrl-C or an abort signal ended the run, and not the last epoch or a callback. */
  readonly interrupted?: boolean;
}

type Hook = void | Promise<void>;

/**
 * Override any of the hooks. Epochs and batches count from 0. A hook may be async: the run waits for it.
 *
 * @example
 * class Report extends keras.callbacks.Callback {
 *   override onEpochEnd(epoch: number, logs: Logs) {
 *     console.log(epoch, logs.loss);
 *   }
 * }
 * @see keras/src/callbacks/callback.py (Keras 3.x)
 */
export class Callback {
  params: CallbackParams = { verbose: 0, epochs: 0, steps: null };
  #model: Trainer | null = null;

  /** The model being trained. @throws Error before a run has started. */
  get model(): Trainer {
    if (!this.#model) {
      const { className, name } = this.constructor as { className?: string; name?: string };
      throw new Error(`${className ?? name}: the callback is not part of a run yet; pass it to fit`);
    }
    return this.#model;
  }

  setModel(model: Trainer): void {
    this.#model = model;
  }

  setParams(params: CallbackParams): void {
    this.params = params;
  }

  onTrainBegin(_logs: Logs): Hook {}
  onTrainEnd(_logs: Logs): Hook {}
  onEpochBegin(_epoch: number, _logs: Logs): Hook {}
  onEpochEnd(_epoch: number, _logs: Logs): Hook {}
  onTrainBatchBegin(batch: number, logs: Logs): Hook {
    return this.onBatchBegin(batch, logs);
  }
  onTrainBatchEnd(batch: number, logs: Logs): Hook {
    return this.onBatchEnd(batch, logs);
  }
  /** Another name of `onTrainBatchBegin`. */
  onBatchBegin(_batch: number, _logs: Logs): Hook {}
  /** Another name of `onTrainBatchEnd`. */
  onBatchEnd(_batch: number, _logs: Logs): Hook {}
  onTestBegin(_logs: Logs): Hook {}
  onTestEnd(_logs: Logs): Hook {}
  onTestBatchBegin(_batch: number, _logs: Logs): Hook {}
  onTestBatchEnd(_batch: number, _logs: Logs): Hook {}
  onPredictBegin(_logs: Logs): Hook {}
  onPredictEnd(_logs: Logs): Hook {}
  onPredictBatchBegin(_batch: number, _logs: Logs): Hook {}
  onPredictBatchEnd(_batch: number, _logs: Logs & { outputs?: unknown }): Hook {}
}
