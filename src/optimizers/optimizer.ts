/**
 * The base of optimizers: what they all do around their own update rule. Everything here records ops and assigns
 * variables, so an update runs eagerly or becomes part of a compiled training step.
 */
import { floatx } from "../core/config.ts";
import type { DType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { activeTrace } from "../runtime/trace.ts";
import type { Variable } from "../runtime/variable.ts";
import { clipGradients } from "./clipping.ts";
import { assignOnlyIf } from "./conditional.ts";
import { OptimizerState } from "./optimizerState.ts";
import { joinFlat, LARGEST_IN_GROUP, type UpdateTarget, VariableGroup } from "./variableGroup.ts";

/** Updates with the small variables of one dtype joined. Only while a step is recorded: run at once, joining saves nothing. */
function groupSmall(updates: readonly [Tensor, Variable][]): [Tensor, UpdateTarget][] {
  if (!activeTrace()) return [...updates];
  const large: [Tensor, UpdateTarget][] = [];
  const small = new Map<DType, [Tensor, Variable][]>();
  for (const update of updates) {
    const { size, dtype } = update[1];
    if (size > LARGEST_IN_GROUP) large.push(update);
    else small.set(dtype, [...(small.get(dtype) ?? []), update]);
  }
  const groups = [...small.values()].map((members): [Tensor, UpdateTarget] =>
    members.length === 1
      ? members[0]!
      : [joinFlat(members.map(([gradient]) => gradient)), new VariableGroup(members.map(([, variable]) => variable))],
  );
  return [...large, ...groups];
}

/** A gradient with the variable that it belongs to. */
export type GradientAndVariable = readonly [gradient: Tensor | null, variable: Variable];

/**
 * Base class for optimizers.
 *
 * To write one, override `build` to create state with `addVariableFromReference` or `addOptimizerVariables`, and
 * `updateStep` to assign the new values. Both run while a training step is recorded: compute with `ops`.
 *
 * Order of a step: unscale, accumulate, clip, weight decay, `updateStep`, moving averages, constraints, count.
 *
 * @param learningRate - The rate, or the options object.
 * @param known - Names of the subclass's own options.
 * @throws TypeError for an unknown option, RangeError for a value outside its range.
 * @example
 * class SignSGD extends keras.optimizers.Optimizer {
 *   updateStep(gradient, variable, learningRate) {
 *     variable.assign(ops.subtract(variable, ops.multiply(learningRate, ops.sign(gradient))));
 *   }
 * }
 * @see keras/src/optimizers/base_optimizer.py (Keras 3.x); no `overwrite_with_gradient` variables.
 */
export abstract class Optimizer extends OptimizerState {
  static readonly className: string = "Optimizer";
  static readonly modulePath: string = "keras.optimizers";
  #averages: Variable[] = [];
  #accumulators: Variable[] = [];
  #excluded: ReadonlySet<Variable> = new Set();
  #excludedNames: RegExp | null = null;
  /** Values shared by the updates of one step; `null` between steps. */
  #shared: Map<string, unknown> | null = null;

  /** Creates the state for these variables. Subclasses call it first and then add their own. */
  override build(variables: readonly Variable[]): void {
    if (this.useEma) this.#averages = this.addOptimizerVariables(variables, "average");
    if (this.gradientAccumulationSteps) {
      this.#accumulators = this.addOptimizerVariables(variables, "gradient_accumulator");
    }
    super.build(variables);
  }

  /**
   * Keeps variables from weight decay. Call it before the optimizer is built.
   *
   * @param options - `varList`, variables; `varNames`, patterns that are searched in variables' names.
   */
  excludeFromWeightDecay(options: { varList?: readonly Variable[]; varNames?: readonly string[] }): void {
    if (this.built) {
      throw new Error(
        `optimizer "${this.name}": excludeFromWeightDecay must be called before the optimizer is built, that is before ` +
          "the first step",
      );
    }
    this.#excluded = new Set(options.varList ?? []);
    this.#excludedNames = options.varNames?.length ? new RegExp(options.varNames.join("|")) : null;
  }

  /**
   * Whether `updateStep` treats every element alike, whatever the shape. Then it may be called with several small variables
   * laid one behind another (`UpdateTarget`), whose state `slotOf` gives likewise. @defaultValue `false`
   */
  protected get elementwise(): boolean {
    return false;
  }

  /** Assigns the new value of `variable`, and of the state that belongs to it. All arguments have the variable's dtype. */
  abstract updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void;

  /** `apply` for pairs of gradients and variables; returns the step counter. */
  applyGradients(pairs: readonly GradientAndVariable[]): Variable {
    this.apply(
      pairs.map(([gradient]) => gradient),
      pairs.map(([, variable]) => variable),
    );
    return this.stepCount;
  }

  /**
   * Updates variables by one step.
   *
   * @param gradients - One per variable; `null` leaves its variable as it is.
   * @param variables - The state is built for them if it is not yet. @defaultValue those the optimizer was built with
   */
  apply(gradients: readonly (Tensor | null)[], variables?: readonly Variable[] | null): void {
    if (gradients.length === 0) return;
    const targets = this.#targets(gradients, variables ?? null);
    const pairs = this.#pairs(gradients, targets);
    this.#shared = new Map();
    try {
      if (this.gradientAccumulationSteps) this.#accumulate(pairs, this.gradientAccumulationSteps);
      else this.#update(pairs);
      if (this.useEma) this.#updateAverages();
      for (const [, variable] of pairs) {
        if (variable.constraint) variable.assign(variable.constraint(variable.value));
      }
    } finally {
      this.#shared = null;
    }
    this.stepCount.assign(ops.add(this.stepCount.value, 1));
  }

  #targets(gradients: readonly unknown[], variables: readonly Variable[] | null): readonly Variable[] {
    if (variables === null && !this.built) {
      throw new Error(
        `optimizer "${this.name}": apply without variables needs an optimizer that is built. Pass the variables, or call ` +
          "optimizer.build(model.trainableVariables) first",
      );
    }
    if (variables && !this.built) this.build(variables);
    const targets = variables ?? this.trainable;
    if (targets.length !== gradients.length) {
      throw new RangeError(
        `optimizer "${this.name}": expected one gradient per variable. ` +
          `Received: ${gradients.length} gradients for ${targets.length} variables`,
      );
    }
    return targets;
  }

  /** Unscaled gradients in their variables' dtypes; variables without one are left out. */
  #pairs(gradients: readonly (Tensor | null)[], targets: readonly Variable[]): [Tensor, Variable][] {
    const pairs: [Tensor, Variable][] = [];
    const missing: string[] = [];
    const scale = this.lossScaleFactor;
    targets.forEach((variable, i) => {
      this.indexOf(variable);
      const given = gradients[i] ?? null;
      if (given === null) {
        missing.push(variable.path);
        return;
      }
      const gradient = toTensor(given, variable.dtype, `gradient of "${variable.path}"`);
      if (!shapesEqual(gradient.shape, variable.shape)) {
        throw new ShapeError(
          `optimizer "${this.name}": the gradient of "${variable.path}" must have the variable's shape ` +
            `${formatShape(variable.shape)}. Received: ${formatShape(gradient.shape)}`,
        );
      }
      pairs.push([scale === null ? gradient : ops.divide(gradient, scale), variable]);
    });
    if (pairs.length === 0) {
      throw new Error(
        `optimizer "${this.name}": no gradient for any variable. The loss does not depend on ${missing.join(", ")}`,
      );
    }
    if (missing.length > 0) {
      console.warn(`optimizer "${this.name}": no gradient for ${missing.join(", ")}; they keep their values`);
    }
    return pairs;
  }

  #update(pairs: readonly [Tensor, Variable][]): void {
    const gradients = clipGradients(
      pairs.map(([gradient]) => gradient),
      this,
    );
    const rate = toTensor(this.learningRate, floatx());
    const rateFor = (dtype: DType): Tensor => this.oncePerStep(`rate ${dtype}`, () => ops.cast(rate, dtype));
    for (const [, variable] of pairs) this.#decay(variable, rateFor(variable.dtype));
    const updates = pairs.map(([, variable], i): [Tensor, Variable] => [gradients[i]!, variable]);
    for (const [gradient, target] of this.elementwise ? groupSmall(updates) : updates) {
      this.updateStep(gradient, target as Variable, rateFor(target.dtype));
    }
  }

  #decay(variable: Variable, rate: Tensor): void {
    const { weightDecay } = this;
    if (!weightDecay || this.#excluded.has(variable) || this.#excludedNames?.test(variable.name)) return;
    const kept = this.oncePerStep(`kept ${rate.dtype}`, () => ops.subtract(1, ops.multiply(rate, weightDecay)));
    variable.assign(ops.multiply(variable.value, kept));
  }

  /** Sums gradients; on every last of `steps` steps updates by their average, the sums starting again. */
  #accumulate(pairs: readonly [Tensor, Variable][], steps: number): void {
    const isUpdate = ops.equal(ops.mod(ops.add(this.stepCount.value, 1), steps), 0);
    const sums = pairs.map(([gradient, v]) => ops.add(gradient, this.slotOf(this.#accumulators, v).value));
    const averaged = pairs.map(([, v], i): [Tensor, Variable] => [ops.multiply(sums[i]!, 1 / steps), v]);
    const state = [...pairs.map(([, variable]) => variable), ...this.variables];
    assignOnlyIf(isUpdate, state, () => this.#update(averaged));
    pairs.forEach(([, v], i) => {
      this.slotOf(this.#accumulators, v).assign(ops.where(isUpdate, 0, sums[i]!));
    });
  }

  /** average ← m · average + (1 - m) · weight; the first update copies the weights. */
  #updateAverages(): void {
    const updates = this.iterations;
    const isFirst = ops.equal(updates, 0);
    const frequency = this.emaOverwriteFrequency;
    const overwrite = frequency ? ops.equal(ops.mod(ops.add(updates, 1), frequency), 0) : null;
    this.trainable.forEach((variable, i) => {
      const { dtype } = variable;
      const kept = this.oncePerStep(`ema ${dtype}`, () => ops.cast(ops.where(isFirst, 0, this.emaMomentum), dtype));
      const fresh = this.oncePerStep(`1 - ema ${dtype}`, () => ops.subtract(1, kept));
      const average = this.#averages[i]!;
      const weight = variable.value;
      const next = ops.add(ops.multiply(average.value, kept), ops.multiply(weight, fresh));
      average.assign(next);
      if (overwrite) variable.assign(ops.where(overwrite, next, weight));
    });
  }

  /**
   * A value that all variables of a step share, made once: rates, bias corrections.
   *
   * @param key - Tells it from other shared values: name what it depends on, the dtype or `learningRate.node.id`.
   */
  protected oncePerStep<T>(key: string, make: () => T): T {
    const shared = this.#shared;
    if (!shared) return make();
    if (!shared.has(key)) shared.set(key, make());
    return shared.get(key) as T;
  }

  /** Number of this update, counted from 1, as a scalar of a float dtype. */
  protected stepNumber(dtype: DType): Tensor {
    return this.oncePerStep(`step ${dtype}`, () => ops.cast(ops.add(toTensor(this.iterations), 1), dtype));
  }

  /** Variables of the model with their moving averages; none without `useEma`, or before the optimizer is built. */
  get movingAverages(): (readonly [variable: Variable, average: Variable])[] {
    return this.#averages.map((average, i) => [this.trainable[i]!, average]);
  }

  /** The loss whose gradients `apply` expects: multiplied by `lossScaleFactor`. */
  scaleLoss(loss: Tensor): Tensor {
    return this.lossScaleFactor === null ? loss : ops.multiply(loss, this.lossScaleFactor);
  }

  /** The end of training: with `useEma` the averages become the values of the variables. */
  finalizeVariableValues(variables: readonly Variable[]): void {
    if (!this.useEma || !this.built) return;
    for (const variable of variables) variable.assign(this.slotOf(this.#averages, variable).value);
  }
}
