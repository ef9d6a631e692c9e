/** Lion: steps of one size, in the direction of the sign of the momentum. */
import { callable } from "../core/callable.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { Optimizer } from "./optimizer.ts";
import { checkNumber, type LearningRate, type OptimizerOptions, optionsOf } from "./optimizerOptions.ts";
import type { UpdateTarget } from "./variableGroup.ts";

/** Options of {@link Lion}. */
export interface LionOptions extends OptimizerOptions {
  /** Share of the momentum in the direction of a step, above 0. @defaultValue `0.9` */
  beta1?: number;
  /** Share of the old momentum in the new one. @defaultValue `0.99` */
  beta2?: number;
}

class LionBase extends Optimizer {
  static override readonly className = "Lion";
  static override readonly modulePath = "keras.optimizers";
  static override readonly configKeys = { beta1: "beta_1", beta2: "beta_2" };
  readonly beta1: number;
  readonly beta2: number;
  private momentums: Variable[] = [];

  constructor(learningRate: LearningRate | LionOptions = {}, options: LionOptions = {}) {
    const given = optionsOf(learningRate, options);
    super(given, {}, ["beta1", "beta2"]);
    this.beta1 = checkNumber("Lion", "beta1", given.beta1 ?? 0.9, 0, 1);
    this.beta2 = checkNumber("Lion", "beta2", given.beta2 ?? 0.99);
    if (this.beta1 === 0) {
      throw new RangeError(
        "Lion: expected `beta1` to be above 0, up to 1: with 0 only the sign of each gradient counts. Received: 0",
      );
    }
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    this.momentums = this.addOptimizerVariables(variables, "momentum");
  }

  protected override get elementwise(): boolean {
    return this.updateStep === LionBase.prototype.updateStep; // a subclass with a rule of its own says so itself
  }

  override updateStep(gradient: Tensor, variable: UpdateTarget, learningRate: Tensor): void {
    const slot = this.slotOf(this.momentums, variable);
    const mix = (beta: number): Tensor => ops.add(ops.multiply(slot.value, beta), ops.multiply(gradient, 1 - beta));
    const direction = ops.sign(mix(this.beta1));
    slot.assign(mix(this.beta2));
    variable.assign(ops.subtract(variable.value, ops.multiply(direction, learningRate)));
  }
}

/**
 * Lion. Use a rate 3 to 10 times smaller, and a weight decay as much larger, than for AdamW.
 *
 * `w ← w - lr·sign(β₁m + (1-β₁)g)`, then `m ← β₂m + (1-β₂)g`.
 *
 * State: `momentum` per weight.
 *
 * @see keras/src/optimizers/lion.py (Keras 3.x); Chen et al. 2023
 */
export const Lion = callable(LionBase);
export type Lion = LionBase;
