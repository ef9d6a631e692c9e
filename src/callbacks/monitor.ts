/** Watching a logged number: which direction is better, and whether it has got better. */
import { describe, didYouMean } from "../core/errors.ts";
import type { Trainer } from "../trainers/trainer.ts";
import type { Logs } from "./callback.ts";

/** Which direction is better; auto decides by the metric. */
export type MonitorMode = "auto" | "min" | "max";

/** @throws RangeError for another word. */
export function checkMode(where: string, mode: unknown): asserts mode is MonitorMode {
  if (mode === "auto" || mode === "min" || mode === "max") return;
  throw new RangeError(`${where}: expected \`mode\` to be "auto", "min" or "max". Received: ${describe(mode)}`);
}

/**
 * @param mode - `"auto"` asks the metric of that name.
 * @throws RangeError when auto cannot tell, asking for a mode.
 */
export function monitorDirection(where: string, monitor: string, mode: MonitorMode, model: Trainer): "min" | "max" {
  if (mode !== "auto") return mode;
  const name = monitor.replace(/^val_/, "");
  if (name === "loss") return "min";
  const direction = model.metricDirections()[name];
  if (direction) return direction;
  throw new RangeError(
    `${where}: cannot tell whether a larger "${monitor}" is better. Pass \`mode: "min"\` or \`mode: "max"\``,
  );
}

/** A logged number that a callback watches during a run. */
export class Monitor {
  readonly name: string;
  readonly #where: string;
  readonly #mode: MonitorMode;
  readonly #minDelta: number;
  #direction: "min" | "max" | null = null;
  #warned = false;

  /** @throws RangeError for an unknown mode. */
  constructor(where: string, name: string, mode: MonitorMode, minDelta = 0) {
    checkMode(where, mode);
    this.#where = where;
    this.name = name;
    this.#mode = mode;
    this.#minDelta = Math.abs(minDelta);
  }

  /** Begins another run. */
  reset(): void {
    this.#direction = null;
    this.#warned = false;
  }

  /**
   * The value in the logs. Without one it warns, once a run.
   *
   * @param consequence - What happens then, for the warning.
   */
  valueIn(logs: Logs, consequence = ""): number | null {
    const value = logs[this.name];
    if (value !== undefined) return value;
    if (!this.#warned) {
      const names = Object.keys(logs);
      console.warn(
        `${this.#where}: \`monitor\` is "${this.name}", which is not logged.${didYouMean(this.name, names)} ` +
          `Available: ${names.join(", ")}${consequence}`,
      );
    }
    this.#warned = true;
    return null;
  }

  /**
   * Whether a value is better than another one, by more than the least change. Anything is better than nothing.
   *
   * Numbers are compared as Keras does it, in float32: a change of just the least one is none.
   */
  isBetter(value: number, reference: number | null, model: Trainer): boolean {
    this.#direction ??= monitorDirection(this.#where, this.name, this.#mode, model);
    if (reference === null) return true;
    const delta = this.#direction === "max" ? -this.#minDelta : this.#minDelta;
    const [changed, old] = [Math.fround(value + delta), Math.fround(reference)];
    return this.#direction === "max" ? changed > old : changed < old;
  }
}
