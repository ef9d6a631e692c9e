/** Stops a run between two steps: Ctrl-C and abort signals. */
import { platform } from "../core/platform.ts";

/** Raised by `fit`, `evaluate` and `predict` when Ctrl-C stops them between two steps. */
export class KeyboardInterrupt extends Error {
  override name = "KeyboardInterrupt";
}

/** Watches for Ctrl-C and an abort signal while a run is on. */
export class RunGuard {
  readonly #signal: AbortSignal | null;
  readonly #where: string;
  readonly #remove: () => void;
  #interrupted = false;

  constructor(where: string, signal: AbortSignal | null) {
    this.#where = where;
    this.#signal = signal;
    signal?.throwIfAborted();
    this.#remove = platform().onInterrupt(() => {
      this.#interrupted = true;
    });
  }

  /** @throws the signal's reason, or KeyboardInterrupt, when somebody asked to stop. */
  check(): void {
    this.#signal?.throwIfAborted();
    if (this.#interrupted) {
      throw new KeyboardInterrupt(
        `${this.#where}: stopped by Ctrl-C between two steps; the weights are those of the last step`,
      );
    }
  }

  end(): void {
    this.#remove();
  }
}
