/** The record of a training run, which `fit` returns. */
import { Callback, type Logs } from "./callback.ts";

/** @see keras/src/callbacks/history.py (Keras 3.x) */
export class History extends Callback {
  /** Values by log name, one per epoch. */
  history: Record<string, number[]> = {};
  /** Epoch numbers, from 0. */
  epoch: number[] = [];

  override onTrainBegin(): void {
    this.history = {};
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
