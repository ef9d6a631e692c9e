/** Lamb: Adam whose step is scaled to the size of each weight. */
import { callable } from "../core/callable.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { MomentsOptimizer, type MomentsOptions } from "./adam.ts";
import { type LearningRate, optionsOf } from "./optimizerOptions.ts";

/** Options of {@link Lamb}. */
export type LambOptions = MomentsOptions;

const normOf = (x: Tensor): Tensor => ops.sqrt(ops.sum(ops.square(x)));

class LambBase extends MomentsOptimizer {
  static override readonly className = "Lamb";
  static override readonly modulePath = "keras.optimizers";
  private momentums: Variable[] = [];
  private velocities: Variable[] = [];

  constructor(learningRate: LearningRate | LambOptions = {}, options: LambOptions = {}) {
    super("Lamb", optionsOf(learningRate, options));
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    const slots = this.addOptimizerVariables(variables, ["momentum", "velocity"]);
    [this.momentums, this.velocities] = slots as [Variable[], Variable[]];
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const { dtype } = variable;
    const m = this.average(this.slotOf(this.momentums, variable), gradient, this.beta1);
    const v = this.average(this.slotOf(this.velocities, variable), ops.square(gradient), this.beta2);
    const second = ops.sqrt(ops.divide(v, this.correction(this.beta2, dtype)));
    const update = ops.divide(ops.divide(m, this.correction(this.beta1, dtype)), ops.add(second, this.epsilon));
    const weight = variable.value;
    const [weightNorm, updateNorm] = [normOf(weight), normOf(update)];
    const bothPositive = ops.logicalAnd(ops.greater(weightNorm, 0), ops.greater(updateNorm, 0));
    const ratio = ops.where(bothPositive, ops.divide(weightNorm, updateNorm), 1);
    variable.assign(ops.subtract(weight, ops.multiply(update, ops.multiply(ratio, learningRate))));
  }
}

/**
 * Lamb, for very large batches.
 *
 * m and v as in Adam; `u = (m/(1-β₁ᵗ)) / (√(v/(1-β₂ᵗ)) + ε)`, `w ← w - (‖w‖/‖u‖)·lr·u`; the ratio is 1 when a norm is 0.
 *
 * State: `momentum` and `velocity` of each weight.
 *
 * @see keras/src/optimizers/lamb.py (Keras 3.x); You et al. 2020
 */
export const Lamb = callable(LambBase);
export type Lamb = LambBase;
