/** An optimizer around another one, that keeps small gradients of 16-bit floats from becoming zero. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import * as initializers from "../initializers/index.ts";
import * as ops from "../ops/index.ts";
import { nameScope } from "../runtime/nameScope.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { reviveConfigKey } from "../serialization/deserialize.ts";
import type { Config } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";
import { assignOnlyIf } from "./conditional.ts";
import { Optimizer } from "./optimizer.ts";
import { checkNumber, type LearningRate } from "./optimizerOptions.ts";

/** Options of {@link LossScaleOptimizer}. */
export interface LossScaleOptimizerOptions {
  /** The optimizer that updates the weights. */
  innerOptimizer?: Optimizer;
  /** The first factor. Too high a one falls faster than too low a one rises. @defaultValue `32768` */
  initialScale?: number;
  /** Steps with finite gradients after which the factor doubles. @defaultValue `2000` */
  dynamicGrowthSteps?: number;
  /** @defaultValue `"loss_scale_optimizer"`, made unique */
  name?: string | null;
}

/** What files of older Keras versions carry beside the options: allowed as long as it says nothing. */
const IDLE: Readonly<Record<string, unknown>> = {
  weight_decay: null,
  clipnorm: null,
  global_clipnorm: null,
  clipvalue: null,
  use_ema: false,
  ema_momentum: 0.99,
  ema_overwrite_frequency: null,
  loss_scale_factor: null,
  gradient_accumulation_steps: null,
};

class LossScaleOptimizerBase extends Optimizer {
  static override readonly className = "LossScaleOptimizer";
  static override readonly modulePath = "keras.optimizers";
  readonly innerOptimizer: Optimizer;
  readonly initialScale: number;
  readonly dynamicGrowthSteps: number;
  #stepCounter: Variable | null = null;
  #dynamicScale: Variable | null = null;

  constructor(innerOptimizer: Optimizer | LossScaleOptimizerOptions = {}, options: LossScaleOptimizerOptions = {}) {
    const given: LossScaleOptimizerOptions =
      innerOptimizer instanceof Optimizer || !isPlainObject(innerOptimizer)
        ? { ...options, innerOptimizer: innerOptimizer as Optimizer }
        : innerOptimizer;
    checkOptions("LossScaleOptimizer", given, ["innerOptimizer", "initialScale", "dynamicGrowthSteps", "name"]);
    const { innerOptimizer: inner, initialScale = 2 ** 15, dynamicGrowthSteps = 2000 } = given;
    if (!(inner instanceof Optimizer)) {
      throw new TypeError(
        `LossScaleOptimizer: expected the optimizer to wrap, such as optimizers.Adam(). Received: ${describe(inner)}`,
      );
    }
    checkNumber("LossScaleOptimizer", "initialScale", initialScale, Number.MIN_VALUE);
    if (!Number.isInteger(dynamicGrowthSteps) || dynamicGrowthSteps < 1) {
      throw new RangeError(
        `LossScaleOptimizer: expected \`dynamicGrowthSteps\` to be an integer from 1. Received: ${describe(dynamicGrowthSteps)}`,
      );
    }
    super({ learningRate: 0, name: given.name ?? null });
    this.innerOptimizer = inner;
    this.initialScale = initialScale;
    this.dynamicGrowthSteps = dynamicGrowthSteps;
    inner.lossScaleFactor = null; // gradients would be scaled twice
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    const initializer = initializers.Constant(this.initialScale);
    this.#stepCounter = this.addVariable([], { dtype: "int32", name: "step_counter" });
    this.#dynamicScale = this.addVariable([], { dtype: "float32", name: "dynamic_scale", initializer });
    nameScope(this.name, () => this.innerOptimizer.build(variables));
    super.build(variables);
  }

  /** The factor of the loss; `null` before the optimizer is built. */
  get dynamicScale(): Variable | null {
    return this.#dynamicScale;
  }

  override get variables(): Variable[] {
    return [...super.variables, ...this.innerOptimizer.variables];
  }

  override get learningRate(): Variable | Tensor {
    return this.innerOptimizer.learningRate;
  }

  override set learningRate(rate: LearningRate | Tensor) {
    this.innerOptimizer.learningRate = rate;
  }

  override get iterations(): Variable | Tensor {
    return this.innerOptimizer.iterations;
  }

  override excludeFromWeightDecay(options: Parameters<Optimizer["excludeFromWeightDecay"]>[0]): void {
    this.innerOptimizer.excludeFromWeightDecay(options);
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    this.innerOptimizer.updateStep(gradient, variable, learningRate);
  }

  override apply(gradients: readonly (Tensor | null)[], variables?: readonly Variable[] | null): void {
    if (!this.built && variables) this.build(variables);
    const present = gradients.filter((g) => g !== null);
    if (!this.built || present.length === 0) {
      this.innerOptimizer.apply(gradients, variables); // which says what is missing
      return;
    }
    const [counter, scale] = [this.#stepCounter!, this.#dynamicScale!];
    const before = scale.value;
    const finite = present.map((g) => ops.all(ops.isfinite(g))).reduce((a, b) => ops.logicalAnd(a, b));
    const unscaled = gradients.map((g) => (g === null ? null : ops.divide(g, before)));
    const state = [...(variables ?? this.trainable), ...this.innerOptimizer.variables];
    assignOnlyIf(finite, state, () => this.innerOptimizer.apply(unscaled, variables));
    const grows = ops.equal(counter.value, this.dynamicGrowthSteps - 1);
    const factor = ops.where(finite, ops.where(grows, 2, 1), 0.5);
    const counts = ops.logicalAnd(finite, ops.logicalNot(grows));
    counter.assign(ops.where(counts, ops.add(counter.value, 1), 0));
    scale.assign(ops.multiply(before, ops.cast(factor, "float32")));
  }

  override scaleLoss(loss: Tensor): Tensor {
    return ops.multiply(loss, this.#dynamicScale ?? this.initialScale);
  }

  override finalizeVariableValues(variables: readonly Variable[]): void {
    this.innerOptimizer.finalizeVariableValues(variables);
  }

  override getConfig(): Config {
    return {
      name: this.name,
      inner_optimizer: serializeObject(this.innerOptimizer),
      initial_scale: this.initialScale,
      dynamic_growth_steps: this.dynamicGrowthSteps,
    };
  }

  static override fromConfig(config: Config): object {
    const { name, inner_optimizer, initial_scale, dynamic_growth_steps, ...rest } = config;
    for (const [key, value] of Object.entries(rest)) {
      if (Object.hasOwn(IDLE, key) && (value === IDLE[key] || value === null)) continue;
      throw new TypeError(
        `LossScaleOptimizer: \`${key}\` in its config is not supported; set it on the inner optimizer. ` +
          `Received: ${describe(value)}`,
      );
    }
    return new LossScaleOptimizerBase(reviveConfigKey("inner_optimizer", inner_optimizer) as Optimizer, {
      name: (name ?? null) as string | null,
      initialScale: (initial_scale ?? 2 ** 15) as number,
      dynamicGrowthSteps: (dynamic_growth_steps ?? 2000) as number,
    });
  }
}

/**
 * Wraps an optimizer and scales the loss by a factor that adapts: gradients of 16-bit floats that would be too small for them
 * survive, and the wrapped optimizer sees them unscaled.
 *
 * A step whose gradients are not all finite halves the factor and is skipped: weights and the wrapped optimizer stay as they
 * were. After `dynamicGrowthSteps` finite steps in a row the factor doubles. `compile` wraps the optimizer of a model with the
 * policy `"mixed_float16"` by itself. In a step of your own, differentiate `optimizer.scaleLoss(loss)`.
 *
 * State: `step_counter`, `dynamic_scale`, then the state of the wrapped optimizer. A `lossScaleFactor` of that one is switched
 * off. Rate, clipping and accumulation belong to the wrapped optimizer.
 *
 * @param innerOptimizer - The optimizer that updates the weights.
 * @throws TypeError without one; RangeError for a `dynamicGrowthSteps` that is no positive integer.
 * @example
 * const optimizer = optimizers.LossScaleOptimizer(optimizers.Adam(1e-3), { dynamicGrowthSteps: 1000 });
 * @see keras/src/optimizers/loss_scale_optimizer.py (Keras 3.x)
 */
export const LossScaleOptimizer = callable(LossScaleOptimizerBase);
export type LossScaleOptimizer = LossScaleOptimizerBase;
