/** FTRL-proximal: follow the regularized leader, for large sparse linear models. */
import { callable } from "../core/callable.ts";
import { Constant } from "../initializers/index.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { Optimizer } from "./optimizer.ts";
import { checkNumber, type LearningRate, type OptimizerOptions, optionsOf } from "./optimizerOptions.ts";
import type { UpdateTarget } from "./variableGroup.ts";

/** Options of {@link Ftrl}. */
export interface FtrlOptions extends OptimizerOptions {
  /** How rates fall with the sum of squares: its exponent, at most 0. @defaultValue `-0.5` */
  learningRatePower?: number;
  /** Where the sums start, at least 0. @defaultValue `0.1` */
  initialAccumulatorValue?: number;
  /** @defaultValue `0` */
  l1RegularizationStrength?: number;
  /** @defaultValue `0` */
  l2RegularizationStrength?: number;
  /** L2 penalty on the size of weights that acts on gradients only. @defaultValue `0` */
  l2ShrinkageRegularizationStrength?: number;
  /** β of the paper. @defaultValue `0` */
  beta?: number;
}

class FtrlBase extends Optimizer {
  static override readonly className = "Ftrl";
  static override readonly modulePath = "keras.optimizers";
  static override readonly configKeys = {
    learningRatePower: "learning_rate_power",
    initialAccumulatorValue: "initial_accumulator_value",
    l1RegularizationStrength: "l1_regularization_strength",
    l2RegularizationStrength: "l2_regularization_strength",
    l2ShrinkageRegularizationStrength: "l2_shrinkage_regularization_strength",
    beta: "beta",
  };
  readonly learningRatePower: number;
  readonly initialAccumulatorValue: number;
  readonly l1RegularizationStrength: number;
  readonly l2RegularizationStrength: number;
  readonly l2ShrinkageRegularizationStrength: number;
  readonly beta: number;
  private accumulators: Variable[] = [];
  private linears: Variable[] = [];

  constructor(learningRate: LearningRate | FtrlOptions = {}, options: FtrlOptions = {}) {
    const given = optionsOf(learningRate, options);
    super(given, {}, Object.keys(FtrlBase.configKeys));
    const positive = (option: keyof FtrlOptions, fallback: number): number =>
      checkNumber("Ftrl", option, given[option] ?? fallback, 0);
    const power = given.learningRatePower ?? -0.5;
    this.learningRatePower = checkNumber("Ftrl", "learningRatePower", power, Number.NEGATIVE_INFINITY, 0);
    this.initialAccumulatorValue = positive("initialAccumulatorValue", 0.1);
    this.l1RegularizationStrength = positive("l1RegularizationStrength", 0);
    this.l2RegularizationStrength = positive("l2RegularizationStrength", 0);
    this.l2ShrinkageRegularizationStrength = positive("l2ShrinkageRegularizationStrength", 0);
    this.beta = checkNumber("Ftrl", "beta", given.beta ?? 0);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    const initializer = [Constant(this.initialAccumulatorValue), "zeros"];
    const slots = this.addOptimizerVariables(variables, ["accumulator", "linear"], { initializer });
    [this.accumulators, this.linears] = slots as [Variable[], Variable[]];
  }

  protected override get elementwise(): boolean {
    return this.updateStep === FtrlBase.prototype.updateStep; // a subclass with a rule of its own says so itself
  }

  override updateStep(gradient: Tensor, variable: UpdateTarget, learningRate: Tensor): void {
    const accumulator = this.slotOf(this.accumulators, variable);
    const linear = this.slotOf(this.linears, variable);
    const weight = variable.value;
    const shrinkage = 2 * this.l2ShrinkageRegularizationStrength;
    const shrunk = shrinkage === 0 ? gradient : ops.add(gradient, ops.multiply(weight, shrinkage));
    const sum = ops.add(accumulator.value, ops.square(gradient));
    const [before, after] = [this.#inverseRate(accumulator.value), this.#inverseRate(sum)];
    const sigma = ops.divide(ops.subtract(after, before), learningRate);
    const z = ops.add(linear.value, ops.subtract(shrunk, ops.multiply(weight, sigma)));
    linear.assign(z);
    accumulator.assign(sum);
    // 2·l2 + β/lr, the part of the denominator that all weights share.
    const ridge = this.oncePerStep(`ridge ${learningRate.node.id}`, () =>
      ops.add(ops.divide(this.beta, learningRate), 2 * this.l2RegularizationStrength),
    );
    const quadratic = ops.add(ops.divide(after, learningRate), ridge);
    const l1 = this.l1RegularizationStrength;
    variable.assign(ops.divide(ops.subtract(ops.clip(z, -l1, l1), z), quadratic));
  }

  /** n^(-p). */
  #inverseRate(sum: Tensor): Tensor {
    return this.learningRatePower === -0.5 ? ops.sqrt(sum) : ops.power(sum, -this.learningRatePower);
  }
}

/**
 * FTRL-proximal. With L1 regularization weights become exactly 0.
 *
 * `n' = n + g²`, `z ← z + g + 2·shrinkage·w - (n'^(-p) - n^(-p))/lr·w`,
 * `w = (clip(z, -l1, l1) - z) / (n'^(-p)/lr + 2·l2 + β/lr)`, `n ← n'`, with p = `learningRatePower`.
 *
 * State: `accumulator` (n) and `linear` (z) of each weight.
 *
 * @see keras/src/optimizers/ftrl.py (Keras 3.x); McMahan et al. 2013
 */
export const Ftrl = callable(FtrlBase);
export type Ftrl = FtrlBase;
