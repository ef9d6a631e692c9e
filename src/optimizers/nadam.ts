/** Nadam: Adam with Nesterov momentum. */
import { callable } from "../core/callable.ts";
import { floatx } from "../core/config.ts";
import type { DType } from "../core/dtype.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { MomentsOptimizer, type MomentsOptions } from "./adam.ts";
import { type LearningRate, optionsOf } from "./optimizerOptions.ts";
import type { UpdateTarget } from "./variableGroup.ts";

/** Options of {@link Nadam}. */
export type NadamOptions = MomentsOptions;

class NadamBase extends MomentsOptimizer {
  static override readonly className = "Nadam";
  static override readonly modulePath = "keras.optimizers";
  private momentums: Variable[] = [];
  private velocities: Variable[] = [];
  /** P, the product of all momentum factors so far. */
  private product: Variable | null = null;

  constructor(learningRate: LearningRate | NadamOptions = {}, options: NadamOptions = {}) {
    super("Nadam", optionsOf(learningRate, options));
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    const slots = this.addOptimizerVariables(variables, ["momentum", "velocity"]);
    [this.momentums, this.velocities] = slots as [Variable[], Variable[]];
    this.product = this.addVariable([], { initializer: "ones", dtype: variables[0]?.dtype ?? floatx() });
  }

  protected override get elementwise(): boolean {
    return this.updateStep === NadamBase.prototype.updateStep; // a subclass with a rule of its own says so itself
  }

  override updateStep(gradient: Tensor, variable: UpdateTarget, learningRate: Tensor): void {
    const { ofMomentum, ofGradient } = this.oncePerStep(`factors ${learningRate.node.id}`, () =>
      this.#factors(variable.dtype, learningRate),
    );
    const m = this.average(this.slotOf(this.momentums, variable), gradient, this.beta1);
    const v = this.average(this.slotOf(this.velocities, variable), ops.square(gradient), this.beta2);
    const numerator = ops.add(ops.multiply(m, ofMomentum), ops.multiply(gradient, ofGradient));
    const second = ops.divide(v, this.correction(this.beta2, variable.dtype));
    const step = ops.divide(numerator, ops.add(ops.sqrt(second), this.epsilon));
    variable.assign(ops.subtract(variable.value, step));
  }

  /** The scalars that m and g are multiplied by: lr·u₊/(1-P·u₊) and lr·(1-u)/(1-P). */
  #factors(dtype: DType, learningRate: Tensor): { ofMomentum: Tensor; ofGradient: Tensor } {
    const product = this.#advance();
    const step = this.stepNumber(dtype);
    const current = this.#momentumAt(step);
    const following = this.#momentumAt(ops.add(step, 1));
    const p = ops.cast(product, dtype);
    const ahead = ops.divide(following, ops.subtract(1, ops.multiply(p, following)));
    const now = ops.divide(ops.subtract(1, current), ops.subtract(1, p));
    return { ofMomentum: ops.multiply(ahead, learningRate), ofGradient: ops.multiply(now, learningRate) };
  }

  /** P ← P·u, once per step. */
  #advance(): Tensor {
    return this.oncePerStep("product", () => {
      const slot = this.product!;
      const product = ops.multiply(slot.value, this.#momentumAt(this.stepNumber(slot.dtype)));
      slot.assign(product);
      return product;
    });
  }

  /** u = β₁(1 - 0.5·0.96ᵗ). */
  #momentumAt(step: Tensor): Tensor {
    return ops.multiply(ops.subtract(1, ops.multiply(ops.power(0.96, step), 0.5)), this.beta1);
  }
}

/**
 * Nadam.
 *
 * `u = β₁(1 - 0.5·0.96ᵗ)` and `u₊` for t + 1, `P ← P·u`; m and v as in Adam;
 * `m̂ = u₊m/(1-P·u₊) + (1-u)g/(1-P)`, `v̂ = v/(1-β₂ᵗ)`, `w ← w - lr·m̂ / (√v̂ + ε)`.
 *
 * State: `momentum` and `velocity` of each weight, then P.
 *
 * @see keras/src/optimizers/nadam.py (Keras 3.x); Dozat 2015
 */
export const Nadam = callable(NadamBase);
export type Nadam = NadamBase;
