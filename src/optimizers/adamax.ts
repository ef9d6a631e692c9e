/** Adamax: Adam with the largest magnitude in place of the mean square. */
import { callable } from "../core/callable.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { MomentsOptimizer, type MomentsOptions } from "./adam.ts";
import { type LearningRate, optionsOf } from "./optimizerOptions.ts";
import type { UpdateTarget } from "./variableGroup.ts";

/** Options of {@link Adamax}. */
export type AdamaxOptions = MomentsOptions;

class AdamaxBase extends MomentsOptimizer {
  static override readonly className = "Adamax";
  static override readonly modulePath = "keras.optimizers";
  private momentums: Variable[] = [];
  private norms: Variable[] = [];

  constructor(learningRate: LearningRate | AdamaxOptions = {}, options: AdamaxOptions = {}) {
    super("Adamax", optionsOf(learningRate, options));
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    const slots = this.addOptimizerVariables(variables, ["momentum", "norm"]);
    [this.momentums, this.norms] = slots as [Variable[], Variable[]];
  }

  protected override get elementwise(): boolean {
    return this.updateStep === AdamaxBase.prototype.updateStep; // a subclass with a rule of its own says so itself
  }

  override updateStep(gradient: Tensor, variable: UpdateTarget, learningRate: Tensor): void {
    const { dtype } = variable;
    const alpha = this.oncePerStep(`alpha ${learningRate.node.id}`, () =>
      ops.divide(learningRate, this.correction(this.beta1, dtype)),
    );
    const m = this.average(this.slotOf(this.momentums, variable), gradient, this.beta1);
    const slot = this.slotOf(this.norms, variable);
    const norm = ops.maximum(ops.multiply(slot.value, this.beta2), ops.abs(gradient));
    slot.assign(norm);
    variable.assign(ops.subtract(variable.value, ops.divide(ops.multiply(m, alpha), ops.add(norm, this.epsilon))));
  }
}

/**
 * Adamax.
 *
 * `m ← m + (g - m)(1-β₁)`, `u ← max(β₂u, |g|)`, `w ← w - lr·m / ((1-β₁ᵗ)(u + ε))`.
 *
 * State: `momentum` and `norm` of each weight.
 *
 * @see keras/src/optimizers/adamax.py (Keras 3.x); Kingma and Ba 2014, section 7
 */
export const Adamax = callable(AdamaxBase);
export type Adamax = AdamaxBase;
