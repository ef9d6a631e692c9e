/** Adagrad: rates that fall with the sum of squared gradients. */
import { callable } from "../core/callable.ts";
import { Constant } from "../initializers/index.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { Optimizer } from "./optimizer.ts";
import { checkNumber, type LearningRate, type OptimizerOptions, optionsOf } from "./optimizerOptions.ts";
import type { UpdateTarget } from "./variableGroup.ts";

/** Options of {@link Adagrad}. */
export interface AdagradOptions extends OptimizerOptions {
  /** Where the sums start. @defaultValue `0.1` */
  initialAccumulatorValue?: number;
  /** Added to the sum under the root. @defaultValue `1e-7` */
  epsilon?: number;
}

class AdagradBase extends Optimizer {
  static override readonly className = "Adagrad";
  static override readonly modulePath = "keras.optimizers";
  static override readonly configKeys = {
    initialAccumulatorValue: "initial_accumulator_value",
    epsilon: "epsilon",
  };
  readonly initialAccumulatorValue: number;
  readonly epsilon: number;
  private accumulators: Variable[] = [];

  constructor(learningRate: LearningRate | AdagradOptions = {}, options: AdagradOptions = {}) {
    const given = optionsOf(learningRate, options);
    super(given, {}, ["initialAccumulatorValue", "epsilon"]);
    const initial = given.initialAccumulatorValue ?? 0.1;
    this.initialAccumulatorValue = checkNumber("Adagrad", "initialAccumulatorValue", initial);
    this.epsilon = checkNumber("Adagrad", "epsilon", given.epsilon ?? 1e-7);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    const initializer = Constant(this.initialAccumulatorValue);
    this.accumulators = this.addOptimizerVariables(variables, "accumulator", { initializer });
  }

  protected override get elementwise(): boolean {
    return this.updateStep === AdagradBase.prototype.updateStep; // a subclass with a rule of its own says so itself
  }

  override updateStep(gradient: Tensor, variable: UpdateTarget, learningRate: Tensor): void {
    const slot = this.slotOf(this.accumulators, variable);
    const sum = ops.add(slot.value, ops.square(gradient));
    slot.assign(sum);
    const step = ops.divide(ops.multiply(gradient, learningRate), ops.sqrt(ops.add(sum, this.epsilon)));
    variable.assign(ops.subtract(variable.value, step));
  }
}

/**
 * Adagrad, for sparse features: weights that change rarely take larger steps.
 *
 * `s ← s + g²`, `w ← w - lr·g / √(s + ε)`.
 *
 * State: `accumulator` per weight.
 *
 * @see keras/src/optimizers/adagrad.py (Keras 3.x); Duchi et al. 2011
 */
export const Adagrad = callable(AdagradBase);
export type Adagrad = AdagradBase;
