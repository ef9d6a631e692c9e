/** Evaluates with the moving averages of the weights that the optimizer keeps. */
import { callable } from "../core/callable.ts";
import { checkOptions } from "../core/errors.ts";
import { LossScaleOptimizer, type Optimizer } from "../optimizers/index.ts";
import { Callback } from "./callback.ts";
import { optimizerOf } from "./learningRate.ts";

/** Options of {@link SwapEMAWeights}. */
export interface SwapEMAWeightsOptions {
  /** Whether the averages stand in the model at the end of every epoch too, for the callbacks that come after. @defaultValue `false` */
  swapOnEpoch?: boolean;
}

class SwapEMAWeightsBase extends Callback {
  static readonly className = "SwapEMAWeights";

  readonly swapOnEpoch: boolean;
  /** Whether the averages are in the model, and the weights where the averages were. */
  #swapped = false;

  constructor(options: SwapEMAWeightsOptions = {}) {
    super();
    checkOptions("SwapEMAWeights", options, ["swapOnEpoch"]);
    this.swapOnEpoch = options.swapOnEpoch ?? false;
  }

  /** The optimizer with the averages. */
  #optimizer(): Optimizer {
    const given = optimizerOf("SwapEMAWeights", this.model);
    const optimizer = given instanceof LossScaleOptimizer ? given.innerOptimizer : given;
    if (optimizer.useEma) return optimizer;
    throw new Error(
      `SwapEMAWeights: optimizer "${optimizer.name}" keeps no moving averages of the weights. Create it with \`useEma: true\`: ` +
        "optimizers.SGD({ useEma: true, emaMomentum: 0.99 })",
    );
  }

  /** @throws Error where the averages are those of no step: zeros, or none. */
  async #checkTrained(): Promise<void> {
    const [steps] = this.#optimizer().variables;
    if ((await steps!.item()) > 0) return;
    throw new Error(
      `SwapEMAWeights: the optimizer of model "${this.model.name}" has no moving averages yet. Train the model before`,
    );
  }

  #swapTo(swapped: boolean): void {
    if (this.#swapped === swapped) return;
    for (const [variable, average] of this.#optimizer().movingAverages) {
      const weight = variable.value;
      variable.assign(average.value);
      average.assign(weight);
    }
    this.#swapped = swapped;
  }

  override onTrainBegin(): void {
    this.#optimizer();
  }

  override onEpochBegin(): void {
    if (this.swapOnEpoch) this.#swapTo(false);
  }

  override onEpochEnd(epoch: number): void {
    if (!this.swapOnEpoch) return;
    this.#swapTo(true);
    // At the end of the run the averages become the weights: then both have to be the averages.
    if (epoch !== this.params.epochs - 1 && !this.model.stopTraining) return;
    for (const [variable, average] of this.#optimizer().movingAverages) average.assign(variable.value);
    this.#swapped = false;
  }

  override onTrainEnd(): void {
    // Who stops a run finds the weights of the last step.
    if (this.params.interrupted) this.#swapTo(false);
  }

  override async onTestBegin(): Promise<void> {
    await this.#checkTrained();
    this.#swapTo(true);
  }

  override onTestEnd(): void {
    this.#swapTo(false);
  }

  override async onPredictBegin(): Promise<void> {
    await this.#checkTrained();
    this.#swapTo(true);
  }

  override onPredictEnd(): void {
    this.#swapTo(false);
  }
}

/**
 * Puts the moving averages of the weights, which an optimizer with `useEma: true` keeps, into the model while it is evaluated (in
 * `fit` after an epoch, in `evaluate`, in `predict`), and the weights back after that.
 *
 * With `swapOnEpoch` the averages also stand in the model from the end of an epoch to the beginning of the next one: callbacks
 * after this one, such as {@link ModelCheckpoint}, save them. Put callbacks that stop the training before it. The weights must
 * not be changed meanwhile.
 *
 * @throws Error in the run for an optimizer without averages.
 * @example
 * model.compile({ optimizer: optimizers.SGD({ useEma: true }), loss: "mse" });
 * await model.fit(x, y, { callbacks: [SwapEMAWeights({ swapOnEpoch: true }), ModelCheckpoint("averaged.keras")] });
 * @see keras/src/callbacks/swap_ema_weights.py (Keras 3.x). There, the averages stay in the model after `predict`, and a run that
 *   is stopped before its last epoch loses them.
 */
export const SwapEMAWeights = callable(SwapEMAWeightsBase);
export type SwapEMAWeights = SwapEMAWeightsBase;
