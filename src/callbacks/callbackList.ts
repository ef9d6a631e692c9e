/** Runs callbacks in order, and only awaits those that return a promise: hooks fire for every batch. */
import { describe } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import type { Trainer } from "../trainers/trainer.ts";
import { Callback, type CallbackParams, type Logs } from "./callback.ts";
import { History } from "./history.ts";
import { LambdaCallback, type LambdaHooks } from "./lambdaCallback.ts";
import { ProgbarLogger } from "./progbarLogger.ts";

/** Callbacks as users give them: objects, plain objects of hooks, or lists of these. */
export type CallbackLike = Callback | LambdaHooks | readonly CallbackLike[];

type HookName =
  | "onTrainBegin"
  | "onTrainEnd"
  | "onEpochBegin"
  | "onEpochEnd"
  | "onTrainBatchBegin"
  | "onTrainBatchEnd"
  | "onTestBegin"
  | "onTestEnd"
  | "onTestBatchBegin"
  | "onTestBatchEnd"
  | "onPredictBegin"
  | "onPredictEnd"
  | "onPredictBatchBegin"
  | "onPredictBatchEnd";

export interface CallbackListOptions {
  readonly addHistory: boolean;
  readonly addProgbar: boolean;
  readonly params: CallbackParams;
}

/** Logs as callbacks see them: keys in alphabetical order. */
export const sortedLogs = (logs: Logs): Logs =>
  Object.fromEntries(Object.entries(logs).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

export class CallbackList {
  readonly callbacks: readonly Callback[];
  readonly history: History | null;

  /**
   * @param given - Nested lists are flattened. The history and the progress bar come last, in this order, unless the user
   *   put their own somewhere.
   * @throws TypeError for something in the list that is no callback, or has a hook that nobody calls.
   */
  constructor(where: string, given: CallbackLike | null, model: Trainer, options: CallbackListOptions) {
    const items = given === null ? [] : ([given] as unknown[]).flat(Number.POSITIVE_INFINITY);
    const list = items.map((item): Callback => {
      if (item instanceof Callback) return item;
      if (isPlainObject(item)) return new LambdaCallback(item as LambdaHooks);
      const isClass = typeof item === "function" && item.prototype instanceof Callback;
      throw new TypeError(
        `${where}: \`callbacks\` holds something that is no callback. Received: ${describe(item)}` +
          (isClass ? "; make an instance of it" : ""),
      );
    });
    let history = list.find((c) => c instanceof History) ?? null;
    if (options.addHistory && !history) {
      history = new History();
      list.push(history);
    }
    if (options.addProgbar && !list.some((c) => c instanceof ProgbarLogger)) list.push(new ProgbarLogger());
    for (const callback of list) {
      callback.setModel(model);
      callback.setParams(options.params);
    }
    this.callbacks = list;
    this.history = history;
  }

  setParams(params: CallbackParams): void {
    for (const callback of this.callbacks) callback.setParams(params);
  }

  /** Before `onTrainEnd`, when the run did not come to its end. */
  tellInterrupted(): void {
    for (const callback of this.callbacks) callback.setParams({ ...callback.params, interrupted: true });
  }

  async #all(hook: HookName, index: number | null, logs: Logs): Promise<void> {
    for (const callback of this.callbacks) {
      const call = callback[hook] as (...args: unknown[]) => void | Promise<void>;
      const result = index === null ? call.call(callback, logs) : call.call(callback, index, logs);
      if (result) await result;
    }
  }

  run(hook: HookName, logs: Logs): Promise<void> {
    return this.#all(hook, null, logs);
  }

  runAt(hook: HookName, index: number, logs: Logs = {}): Promise<void> {
    return this.#all(hook, index, logs);
  }
}
