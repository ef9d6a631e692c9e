/** Adadelta: steps in the unit of the weights, from averages of squared gradients and squared updates. */
import { callable } from "../core/callable.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { Optimizer } from "./optimizer.ts";
import { checkNumber, type LearningRate, type OptimizerOptions, optionsOf } from "./optimizerOptions.ts";
import type { UpdateTarget } from "./variableGroup.ts";

/** Options of {@link Adadelta}. */
export interface AdadeltaOptions extends OptimizerOptions {
  /** Share of the old averages in the new ones. @defaultValue `0.95` */
  rho?: number;
  /** Added to the averages under the roots. @defaultValue `1e-7` */
  epsilon?: number;
}

class AdadeltaBase extends Optimizer {
  static override readonly className = "Adadelta";
  static override readonly modulePath = "keras.optimizers";
  static override readonly configKeys = { rho: "rho", epsilon: "epsilon" };
  readonly rho: number;
  readonly epsilon: number;
  private accumulatedGradients: Variable[] = [];
  private accumulatedDeltas: Variable[] = [];

  constructor(learningRate: LearningRate | AdadeltaOptions = {}, options: AdadeltaOptions = {}) {
    const given = optionsOf(learningRate, options);
    super(given, {}, ["rho", "epsilon"]);
    this.rho = checkNumber("Adadelta", "rho", given.rho ?? 0.95);
    this.epsilon = checkNumber("Adadelta", "epsilon", given.epsilon ?? 1e-7);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    const slots = this.addOptimizerVariables(variables, ["accumulated_grad", "accumulated_delta_var"]);
    [this.accumulatedGradients, this.accumulatedDeltas] = slots as [Variable[], Variable[]];
  }

  protected override get elementwise(): boolean {
    return this.updateStep === AdadeltaBase.prototype.updateStep; // a subclass with a rule of its own says so itself
  }

  override updateStep(gradient: Tensor, variable: UpdateTarget, learningRate: Tensor): void {
    const deltas = this.slotOf(this.accumulatedDeltas, variable);
    const squares = this.#average(this.slotOf(this.accumulatedGradients, variable), ops.square(gradient));
    // The sign of the paper's Δ is left to the last subtraction: only its square is kept.
    const delta = ops.divide(ops.multiply(this.#rms(deltas.value), gradient), this.#rms(squares));
    this.#average(deltas, ops.square(delta));
    variable.assign(ops.subtract(variable.value, ops.multiply(delta, learningRate)));
  }

  #rms(x: Tensor): Tensor {
    return ops.sqrt(ops.add(x, this.epsilon));
  }

  #average(slot: UpdateTarget, x: Tensor): Tensor {
    const next = ops.add(ops.multiply(slot.value, this.rho), ops.multiply(x, 1 - this.rho));
    slot.assign(next);
    return next;
  }
}

/**
 * Adadelta.
 *
 * `s ← ρs + (1-ρ)g²`, `Δ = -√(u + ε)/√(s + ε)·g`, `u ← ρu + (1-ρ)Δ²`, `w ← w + lr·Δ`. The paper's rate is 1.
 *
 * State: `accumulated_grad` and `accumulated_delta_var` of each weight.
 *
 * @see keras/src/optimizers/adadelta.py (Keras 3.x); Zeiler 2012
 */
export const Adadelta = callable(AdadeltaBase);
export type Adadelta = AdadeltaBase;
