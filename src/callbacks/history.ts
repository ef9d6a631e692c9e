/** The record of a training run, which `fit` returns. */
import { callable } from "../core/callable.ts";
import { Callback, type Logs } from "./callback.ts";

class HistoryCallback extends Callback {
  static readonly className = "History";

  /** Values by log name, one per epoch. */
  history: Record<string, number[]> = {};
  /** Numbers of the epochs of the last run, from 0. */
  epoch: number[] = [];

  override onTrainBegin(): void {
    this.epoch = [];
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [name, value] of Object.entries(logs)) {
      this.history[name] ??= [];
      this.history[name].push(value);
    }
  }
}

/**
 * Keeps the logs of every epoch. Each `fit` makes one and returns it; one that is passed to several runs keeps adding.
 *
 * @see keras/src/callbacks/history.py (Keras 3.x)
 */
export const History = callable(HistoryCallback);
export type History = HistoryCallback;
