/** Stops a run between two steps: Ctrl-C and abort signals. */
import { platform } from "../core/platform.ts";

/** Raised by `fit`, `evaluate` and `predict` when Ctrl-C stops them between two steps. */
export class KeyboardInterrupt extends Error {
  override name = "KeyboardInterrupt";
}

/** Milliseconds after which a run that changes nothing is worth watching: listening for Ctrl-C takes longer than a prediction. */
const SHORT_RUN = 50;

/** Milliseconds after which the environment wants a turn: a picture of a screen. */
const FRAME = 16;

/** Watches for Ctrl-C and an abort signal while a run is on. */
export class RunGuard {
  readonly #signal: AbortSignal | null;
  readonly #where: string;
  readonly #start = performance.now();
  #remove: (() => void) | null = null;
  #interrupted = false;
  #paused = this.#start;

  /** @param atOnce - Whether Ctrl-C may not end the process even in the first moments: where weights change. */
  constructor(where: string, signal: AbortSignal | null, atOnce: boolean) {
    this.#where = where;
    this.#signal = signal;
    signal?.throwIfAborted();
    if (atOnce) this.#listen();
  }

  #listen(): void {
    this.#remove = platform().onInterrupt(() => {
      this.#interrupted = true;
    });
  }

  /** @throws the signal's reason, or KeyboardInterrupt, when somebody asked to stop. */
  check(): void {
    this.#signal?.throwIfAborted();
    if (this.#remove === null && performance.now() - this.#start > SHORT_RUN) this.#listen();
    if (this.#interrupted) {
      throw new KeyboardInterrupt(
        `${this.#where}: stopped by Ctrl-C between two steps; the weights are those of the last step`,
      );
    }
  }

  /**
   * Lets the environment do what waits between two steps: painting, input, and reading of further batches. Without it a page
   * would stand still.
   *
   * @param always - Whether something is known to wait.
   */
  async pause(always: boolean): Promise<void> {
    const now = performance.now();
    if (!always && now - this.#paused < FRAME) return;
    this.#paused = now;
    await platform().yieldToHost();
  }

  end(): void {
    this.#remove?.();
  }
}
