/** Shows the progress of a run as Keras does. */
import { callable } from "../core/callable.ts";
import { platform } from "../core/platform.ts";
import { Progbar } from "../utils/progbar.ts";
import { Callback, type Logs } from "./callback.ts";

class ProgbarLoggerBase extends Callback {
  static readonly className = "ProgbarLogger";

  #progbar: Progbar | null = null;
  #seen = 0;
  /** Validation inside `fit` is silent. */
  #inFit = false;

  #start(): void {
    this.#seen = 0;
    const { verbose, steps } = this.params;
    // Logs are running means already: averaging them again would show another number.
    this.#progbar = new Progbar(steps, { verbose: verbose as 0 | 1 | 2, statefulMetrics: "all" });
  }

  #update(batch: number, logs: Logs): void {
    this.#seen = batch + 1;
    if (this.params.verbose === 1) this.#progbar?.update(this.#seen, Object.entries(logs), false);
  }

  #finish(logs: Logs): void {
    const bar = this.#progbar;
    if (!bar || this.params.verbose === 0) return;
    bar.target ??= this.#seen;
    bar.update(bar.target, Object.entries(logs), true);
  }

  override onTrainBegin(): void {
    this.#inFit = true;
  }

  override onTrainEnd(): void {
    this.#inFit = false;
  }

  override onEpochBegin(epoch: number): void {
    this.#start();
    if (this.params.verbose > 0 && this.params.epochs > 1) {
      platform().terminal.write(`Epoch ${epoch + 1}/${this.params.epochs}\n`);
    }
  }

  override onTrainBatchEnd(batch: number, logs: Logs): void {
    this.#update(batch, logs);
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    this.#finish(logs);
  }

  override onTestBegin(): void {
    if (!this.#inFit) this.#start();
  }

  override onTestBatchEnd(batch: number, logs: Logs): void {
    if (!this.#inFit) this.#update(batch, logs);
  }

  override onTestEnd(logs: Logs): void {
    if (!this.#inFit) this.#finish(logs);
  }

  override onPredictBegin(): void {
    this.#start();
  }

  override onPredictBatchEnd(batch: number): void {
    this.#update(batch, {});
  }

  override onPredictEnd(): void {
    this.#finish({});
  }
}

/**
 * Prints a progress bar per epoch (`verbose: 1`) or a line per epoch (`verbose: 2`). Each run adds one by itself.
 *
 * @see keras/src/callbacks/progbar_logger.py (Keras 3.x)
 */
export const ProgbarLogger = callable(ProgbarLoggerBase);
export type ProgbarLogger = ProgbarLoggerBase;
