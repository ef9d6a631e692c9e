/** Gradient descent. */
import { callable } from "../core/callable.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { Optimizer } from "./optimizer.ts";
import { checkNumber, type LearningRate, type OptimizerOptions, optionsOf } from "./optimizerOptions.ts";
import type { UpdateTarget } from "./variableGroup.ts";

/** Options of {@link SGD}. */
export interface SGDOptions extends OptimizerOptions {
  /** @defaultValue `0.01` */
  learningRate?: LearningRate;
  /** Share of the last update in the next one, from 0 to 1. @defaultValue `0` */
  momentum?: number;
  /** Whether to look ahead along the momentum. @defaultValue `false` */
  nesterov?: boolean;
}

class SGDBase extends Optimizer {
  static override readonly className = "SGD";
  static override readonly modulePath = "keras.optimizers";
  static override readonly configKeys = { momentum: "momentum", nesterov: "nesterov" };
  readonly momentum: number;
  readonly nesterov: boolean;
  private momentums: Variable[] = [];

  constructor(learningRate: LearningRate | SGDOptions = {}, options: SGDOptions = {}) {
    const given = optionsOf(learningRate, options);
    super({ ...given, learningRate: given.learningRate ?? 0.01 }, {}, ["momentum", "nesterov"]);
    this.momentum = checkNumber("SGD", "momentum", given.momentum ?? 0, 0, 1);
    this.nesterov = given.nesterov ?? false;
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    if (this.momentum !== 0) this.momentums = this.addOptimizerVariables(variables, "momentum");
  }

  protected override get elementwise(): boolean {
    return this.updateStep === SGDBase.prototype.updateStep; // a subclass with a rule of its own says so itself
  }

  override updateStep(gradient: Tensor, variable: UpdateTarget, learningRate: Tensor): void {
    const descent = ops.multiply(gradient, learningRate);
    if (this.momentum === 0) {
      variable.assign(ops.subtract(variable.value, descent));
      return;
    }
    const m = this.slotOf(this.momentums, variable);
    const momentum = ops.subtract(ops.multiply(m.value, this.momentum), descent);
    m.assign(momentum);
    const step = this.nesterov ? ops.subtract(ops.multiply(momentum, this.momentum), descent) : momentum;
    variable.assign(ops.add(variable.value, step));
  }
}

/**
 * Gradient descent, with momentum if wanted.
 *
 * `w ← w - lr·g`; with momentum μ: `m ← μm - lr·g`, `w ← w + m`; with `nesterov`: `w ← w + μm - lr·g`.
 *
 * State: `momentum` per weight, when `momentum` is not 0.
 *
 * @example
 * const optimizer = optimizers.SGD(0.1, { momentum: 0.9 });
 * @see keras/src/optimizers/sgd.py (Keras 3.x)
 */
export const SGD = callable(SGDBase);
export type SGD = SGDBase;
