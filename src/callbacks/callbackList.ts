/** Runs callbacks in order, and only awaits those that return a promise: hooks fire for every batch. */
import { describe } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import type { Trainer } from "../trainers/trainer.ts";
import { Callback, type CallbackParams, type Logs } from "./callback.ts";
import { History } from "./history.ts";
import { LambdaCallback, type LambdaHooks } from "./lambdaCallback.ts";
import { ProgbarLogger } from "./progbarLogger.ts";

/** Callbacks as users give them: objects, or plain objects of hooks. */
export type CallbackLike = Callback | LambdaHooks;

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

  /** @throws TypeError for something in the list that is no callback. */
  constructor(
    where: string,
    given: readonly CallbackLike[] | CallbackLike | null,
    model: Trainer,
    options: CallbackListOptions,
  ) {
    const list = (given === null ? [] : Array.isArray(given) ? given : [given]).map((item: unknown) => {
      if (item instanceof Callback) return item;
      if (isPlainObject(item)) return new LambdaCallback(item as LambdaHooks);
      throw new TypeError(`${where}: \`callbacks\` holds something that is no callback. Received: ${describe(item)}`);
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

  async #all(hook: HookName, index: number | null, logs: Logs): Promise<void> {
    for (const callback of this.callbacks) {
      const call = callback[hook] as (...args: unknown[]) => void | Promise<void>;
      const result = index === null ? call.call(callback, logs) : call.call(callback, index, logs);
      if (result instanceof Promise) await result;
    }
  }

  run(hook: HookName, logs: Logs): Promise<void> {
    return this.#all(hook, null, logs);
  }

  runAt(hook: HookName, index: number, logs: Logs = {}): Promise<void> {
    return this.#all(hook, index, logs);
  }
}
