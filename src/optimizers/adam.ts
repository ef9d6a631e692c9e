/** Adam: momentum, divided by a moving average of the gradients' magnitude, both corrected for starting at zero. */
import { callable } from "../core/callable.ts";
import type { DType } from "../core/dtype.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { Optimizer } from "./optimizer.ts";
import { checkNumber, type LearningRate, type OptimizerOptions, optionsOf } from "./optimizerOptions.ts";
import type { UpdateTarget } from "./variableGroup.ts";

/** Options of optimizers with two moments: Adam, Adamax, Nadam, Lamb. */
export interface MomentsOptions extends OptimizerOptions {
  /** Share of the old average of gradients in the new one. @defaultValue `0.9` */
  beta1?: number;
  /** Share of the old average of squares in the new one. @defaultValue `0.999` */
  beta2?: number;
  /** Added to the denominator ("epsilon hat" of the paper). @defaultValue `1e-7` */
  epsilon?: number;
}

/** Options of {@link Adam}. */
export interface AdamOptions extends MomentsOptions {
  /** Whether to divide by the largest average so far. @defaultValue `false` */
  amsgrad?: boolean;
}

/** What optimizers with two moments share. */
export abstract class MomentsOptimizer extends Optimizer {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    beta1: "beta_1",
    beta2: "beta_2",
    epsilon: "epsilon",
  };
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;

  constructor(where: string, options: MomentsOptions, known: readonly string[] = []) {
    super(options, {}, ["beta1", "beta2", "epsilon", ...known]);
    this.beta1 = checkNumber(where, "beta1", options.beta1 ?? 0.9, 0, 1);
    this.beta2 = checkNumber(where, "beta2", options.beta2 ?? 0.999, 0, 1);
    this.epsilon = checkNumber(where, "epsilon", options.epsilon ?? 1e-7);
  }

  /** slot ← slot + (x - slot)(1 - β), the moving average in the form with one factor. */
  protected average(slot: UpdateTarget, x: Tensor, beta: number): Tensor {
    const next = ops.add(slot.value, ops.multiply(ops.subtract(x, slot.value), 1 - beta));
    slot.assign(next);
    return next;
  }

  /** 1 - βᵗ: what the average of t values with a start at zero is short of. */
  protected correction(beta: number, dtype: DType): Tensor {
    return this.oncePerStep(`1 - ${beta}^t ${dtype}`, () => ops.subtract(1, ops.power(beta, this.stepNumber(dtype))));
  }
}

class AdamBase extends MomentsOptimizer {
  static override readonly className: string = "Adam";
  static override readonly modulePath: string = "keras.optimizers";
  static override readonly configKeys: Readonly<Record<string, string>> = { amsgrad: "amsgrad" };
  readonly amsgrad: boolean;
  private momentums: Variable[] = [];
  private velocities: Variable[] = [];
  private velocityHats: Variable[] = [];

  constructor(learningRate: LearningRate | AdamOptions = {}, options: AdamOptions = {}) {
    const given = optionsOf(learningRate, options);
    super("Adam", given, ["amsgrad"]);
    this.amsgrad = given.amsgrad ?? false;
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    [this.momentums, this.velocities] = this.addOptimizerVariables(variables, ["momentum", "velocity"]) as [
      Variable[],
      Variable[],
    ];
    if (this.amsgrad) this.velocityHats = this.addOptimizerVariables(variables, "velocity_hat");
  }

  protected override get elementwise(): boolean {
    return this.updateStep === AdamBase.prototype.updateStep; // a subclass with a rule of its own says so itself
  }

  override updateStep(gradient: Tensor, variable: UpdateTarget, learningRate: Tensor): void {
    const { dtype } = variable;
    // Both corrections go into the rate: scalars, once per step for each rate that weights are updated with.
    const alpha = this.oncePerStep(`alpha ${learningRate.node.id}`, () =>
      ops.divide(
        ops.multiply(learningRate, ops.sqrt(this.correction(this.beta2, dtype))),
        this.correction(this.beta1, dtype),
      ),
    );
    const m = this.average(this.slotOf(this.momentums, variable), gradient, this.beta1);
    let v = this.average(this.slotOf(this.velocities, variable), ops.square(gradient), this.beta2);
    if (this.amsgrad) {
      const largest = this.slotOf(this.velocityHats, variable);
      v = ops.maximum(largest.value, v);
      largest.assign(v);
    }
    const step = ops.divide(ops.multiply(m, alpha), ops.add(ops.sqrt(v), this.epsilon));
    variable.assign(ops.subtract(variable.value, step));
  }
}

/** Options of {@link AdamW}. */
export interface AdamWOptions extends Omit<AdamOptions, "weightDecay"> {
  /** @defaultValue `0.004` */
  weightDecay?: number;
}

class AdamWBase extends AdamBase {
  static override readonly className: string = "AdamW";
  static override readonly modulePath: string = "keras.optimizers";
  static override readonly configKeys: Readonly<Record<string, string>> = {};

  constructor(learningRate: LearningRate | AdamWOptions = {}, options: AdamWOptions = {}) {
    const given = optionsOf(learningRate as LearningRate | AdamOptions, options);
    const weightDecay = given.weightDecay === undefined ? 0.004 : given.weightDecay;
    super({ ...given, weightDecay: checkNumber("AdamW", "weightDecay", weightDecay) });
  }
}

/**
 * Adam.
 *
 * `m ← m + (g - m)(1-β₁)`, `v ← v + (g² - v)(1-β₂)`, `α = lr·√(1-β₂ᵗ) / (1-β₁ᵗ)`, `w ← w - α·m / (√v + ε)`, which is the
 * paper's variant with ε̂. `amsgrad` keeps the largest v and divides by it.
 *
 * State: `momentum` and `velocity` of each weight, then all `velocity_hat` where used.
 *
 * @see keras/src/optimizers/adam.py (Keras 3.x); Kingma and Ba 2014, Reddi et al. 2018 (amsgrad)
 */
export const Adam = callable(AdamBase);
export type Adam = AdamBase;

/**
 * Adam with decoupled weight decay: `w ← w·(1 - weightDecay·lr)` before each update.
 *
 * @see keras/src/optimizers/adamw.py (Keras 3.x); Loshchilov and Hutter 2019
 */
export const AdamW = callable(AdamWBase);
export type AdamW = AdamWBase;
