/** RMSprop: gradients divided by a moving average of their magnitude. */
import { callable } from "../core/callable.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { Optimizer } from "./optimizer.ts";
import { checkNumber, type LearningRate, type OptimizerOptions, optionsOf } from "./optimizerOptions.ts";
import type { UpdateTarget } from "./variableGroup.ts";

/** Options of {@link RMSprop}. */
export interface RMSpropOptions extends OptimizerOptions {
  /** Share of the old average of squares in the new one. @defaultValue `0.9` */
  rho?: number;
  /** Share of the last update in the next one. @defaultValue `0` */
  momentum?: number;
  /** Added to the average under the root. @defaultValue `1e-7` */
  epsilon?: number;
  /** Whether to divide by the estimated variance instead of the second moment. @defaultValue `false` */
  centered?: boolean;
}

class RMSpropBase extends Optimizer {
  static override readonly className = "RMSprop";
  static override readonly modulePath = "keras.optimizers";
  static override readonly configKeys = {
    rho: "rho",
    momentum: "momentum",
    epsilon: "epsilon",
    centered: "centered",
  };
  readonly rho: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly centered: boolean;
  private velocities: Variable[] = [];
  private momentums: Variable[] = [];
  private averageGradients: Variable[] = [];

  constructor(learningRate: LearningRate | RMSpropOptions = {}, options: RMSpropOptions = {}) {
    const given = optionsOf(learningRate, options);
    super(given, {}, ["rho", "momentum", "epsilon", "centered"]);
    this.rho = checkNumber("RMSprop", "rho", given.rho ?? 0.9);
    this.momentum = checkNumber("RMSprop", "momentum", given.momentum ?? 0);
    this.epsilon = checkNumber("RMSprop", "epsilon", given.epsilon ?? 1e-7);
    this.centered = given.centered ?? false;
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    this.velocities = this.addOptimizerVariables(variables, "velocity");
    if (this.momentum > 0) this.momentums = this.addOptimizerVariables(variables, "momentum");
    if (this.centered) this.averageGradients = this.addOptimizerVariables(variables, "average_gradient");
  }

  protected override get elementwise(): boolean {
    return this.updateStep === RMSpropBase.prototype.updateStep; // a subclass with a rule of its own says so itself
  }

  override updateStep(gradient: Tensor, variable: UpdateTarget, learningRate: Tensor): void {
    // With s = √(1-ρ)·g: (1-ρ)g² = s², and lr·g = (lr/√(1-ρ))·s. The factor goes into the product that made g, for free.
    const share = Math.sqrt(1 - this.rho);
    const scaled = share > 0 ? ops.multiply(gradient, share) : gradient;
    const rate = this.oncePerStep(`rate ${learningRate.node.id}`, () =>
      share > 0 ? ops.divide(learningRate, share) : learningRate,
    );
    const slot = this.slotOf(this.velocities, variable);
    const kept = ops.multiply(slot.value, this.rho);
    const velocity = share > 0 ? ops.add(kept, ops.square(scaled)) : kept;
    slot.assign(velocity);
    let spread = velocity;
    if (this.centered) {
      const mean = this.#average(this.slotOf(this.averageGradients, variable), gradient);
      spread = ops.subtract(velocity, ops.square(mean));
    }
    const denominator = ops.sqrt(ops.add(spread, this.epsilon));
    let step = ops.divide(ops.multiply(scaled, rate), denominator);
    if (this.momentum > 0) {
      const momentum = this.slotOf(this.momentums, variable);
      step = ops.add(ops.multiply(momentum.value, this.momentum), step);
      momentum.assign(step);
    }
    variable.assign(ops.subtract(variable.value, step));
  }

  #average(slot: UpdateTarget, x: Tensor): Tensor {
    const next = ops.add(ops.multiply(slot.value, this.rho), ops.multiply(x, 1 - this.rho));
    slot.assign(next);
    return next;
  }
}

/**
 * RMSprop.
 *
 * `v ← ρv + (1-ρ)g²`, `step = lr·g / √(v + ε)`; `centered`: `a ← ρa + (1-ρ)g` and `√(v - a² + ε)`; with momentum μ:
 * `m ← μm + step` is the step.
 *
 * State: `velocity` per weight, then `momentum` and `average_gradient` where used.
 *
 * @see keras/src/optimizers/rmsprop.py (Keras 3.x); Tieleman and Hinton 2012, Graves 2013 (centered)
 */
export const RMSprop = callable(RMSpropBase);
export type RMSprop = RMSpropBase;
