/**
 * Several steps in one program. What a small step costs besides its computation (handing the weights out of the engine and in
 * again, above all) is paid once per run of a program, so a program of eight steps pays an eighth of it. Nobody can tell: each
 * batch has its own logs, and where a callback listens between batches, steps run one by one.
 */
import type { Callback } from "../callbacks/callback.ts";
import { History } from "../callbacks/history.ts";
import { ProgbarLogger } from "../callbacks/progbarLogger.ts";

/** Steps in a grouped program. */
export const GROUP_SIZE = 8;

/** Steps that run one by one first: short trainings are not worth the longer compilation. */
const STEPS_BEFORE = 64;

/** Grouping starts only if at least so many steps are still to come. */
const WORTHWHILE = 256;

/** Floating-point operations of a step above which its computation outweighs everything else. */
const LIGHT = 60e6;

const BATCH_HOOKS = ["onTrainBatchBegin", "onTrainBatchEnd", "onBatchBegin", "onBatchEnd"] as const;

/** Whether a callback of the user acts between batches, where it could change what the next step does. */
export function listensToBatches(callbacks: readonly Callback[], base: Callback): boolean {
  return callbacks.some(
    (callback) =>
      !(callback instanceof History || callback instanceof ProgbarLogger) &&
      BATCH_HOOKS.some((hook) => callback[hook] !== base[hook]),
  );
}

/** How many steps the next program runs. Depends on counts and sizes only, never on time: a run repeats bit for bit. */
export class StepGroups {
  readonly #perExecution: number;
  readonly #remaining: (() => number) | null;
  #done = 0;
  #grouping = false;

  /** @param remaining - Steps still to come, or `null` where steps must run one by one. */
  constructor(perExecution: number, remaining: (() => number) | null) {
    this.#perExecution = perExecution;
    this.#remaining = remaining;
  }

  /** @param work - Floating-point operations of a step, as far as it is compiled. */
  next(work: number | null): number {
    if (this.#perExecution !== 1 || !this.#remaining) return this.#perExecution;
    const pays = this.#done >= STEPS_BEFORE && work !== null && work < LIGHT && this.#remaining() >= GROUP_SIZE;
    if (!pays) return 1;
    // Once begun it goes on: the program is there.
    return this.#grouping || this.#remaining() >= WORTHWHILE ? GROUP_SIZE : 1;
  }

  count(steps: number): void {
    this.#done += steps;
    if (steps === GROUP_SIZE) this.#grouping = true;
  }
}
