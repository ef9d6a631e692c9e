/** Callbacks written in place, without a class. */
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

/** Hooks by name; see {@link Callback}. */
export type LambdaHooks = Partial<Pick<Callback, (typeof HOOKS)[number]>>;

/**
 * A callback from functions.
 *
 * @throws TypeError for an unknown hook or one that is no function.
 * @example
 * new LambdaCallback({ onEpochEnd: (epoch, logs) => console.log(epoch, logs.loss) });
 * @see keras/src/callbacks/lambda_callback.py (Keras 3.x)
 */
export class LambdaCallback extends Callback {
  constructor(hooks: LambdaHooks) {
    super();
    checkOptions("LambdaCallback", hooks, HOOKS);
    for (const [name, hook] of Object.entries(hooks)) {
      if (typeof hook !== "function") {
        throw new TypeError(`LambdaCallback: expected \`${name}\` to be a function. Received: ${describe(hook)}`);
      }
      Object.defineProperty(this, name, { value: hook });
    }
  }
}
