/** Callbacks written in place, without a class. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { Callback } from "./callback.ts";

const HOOKS = [
  "onTrainBegin",
  "onTrainEnd",
  "onEpochBegin",
  "onEpochEnd",
  "onTrainBatchBegin",
  "onTrainBatchEnd",
  "onBatchBegin",
  "onBatchEnd",
  "onTestBegin",
  "onTestEnd",
  "onTestBatchBegin",
  "onTestBatchEnd",
  "onPredictBegin",
  "onPredictEnd",
  "onPredictBatchBegin",
  "onPredictBatchEnd",
] as const satisfies readonly (keyof Callback)[];

/** Hooks by name; see {@link Callback}. `null` counts as none. */
export type LambdaHooks = { [H in (typeof HOOKS)[number]]?: Callback[H] | null | undefined };

class LambdaCallbackBase extends Callback {
  static readonly className = "LambdaCallback";

  constructor(hooks: LambdaHooks = {}) {
    super();
    checkOptions("LambdaCallback", hooks, HOOKS);
    for (const [name, hook] of Object.entries(hooks)) {
      if (hook === null || hook === undefined) continue;
      if (typeof hook !== "function") {
        throw new TypeError(`LambdaCallback: expected \`${name}\` to be a function. Received: ${describe(hook)}`);
      }
      Object.defineProperty(this, name, { value: hook });
    }
  }
}

/**
 * A callback from functions. A plain object of hooks among the `callbacks` of `fit` becomes one.
 *
 * @throws TypeError for an unknown hook or one that is no function.
 * @example
 * LambdaCallback({ onEpochEnd: (epoch, logs) => console.log(epoch, logs.loss) });
 * @see keras/src/callbacks/lambda_callback.py (Keras 3.x)
 */
export const LambdaCallback = callable(LambdaCallbackBase);
export type LambdaCallback = LambdaCallbackBase;
