/** Adafactor: second moments kept as row and column averages, so that state is small. */
import { callable } from "../core/callable.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { Optimizer } from "./optimizer.ts";
import { checkNumber, type LearningRate, type OptimizerOptions, optionsOf } from "./optimizerOptions.ts";

/** Options of {@link Adafactor}. */
export interface AdafactorOptions extends OptimizerOptions {
  /** Exponent of the decay `1 - t^beta2Decay` of the averages. @defaultValue `-0.8` */
  beta2Decay?: number;
  /** Added to squared gradients. @defaultValue `1e-30` */
  epsilon1?: number;
  /** Smallest size of a weight that rates are relative to. @defaultValue `1e-3` */
  epsilon2?: number;
  /** Largest root mean square of an update before the rate. @defaultValue `1` */
  clipThreshold?: number;
  /** Whether the rate is at most 1/√t; only for rates that are numbers. @defaultValue `true` */
  relativeStep?: boolean;
}

const rms = (x: Tensor): Tensor => ops.sqrt(ops.mean(ops.square(x)));

class AdafactorBase extends Optimizer {
  static override readonly className = "Adafactor";
  static override readonly modulePath = "keras.optimizers";
  static override readonly configKeys = {
    beta2Decay: "beta_2_decay",
    epsilon1: "epsilon_1",
    epsilon2: "epsilon_2",
    clipThreshold: "clip_threshold",
    relativeStep: "relative_step",
  };
  readonly beta2Decay: number;
  readonly epsilon1: number;
  readonly epsilon2: number;
  readonly clipThreshold: number;
  readonly relativeStep: boolean;
  private rows: Variable[] = [];
  private columns: Variable[] = [];
  private velocities: Variable[] = [];

  constructor(learningRate: LearningRate | AdafactorOptions = {}, options: AdafactorOptions = {}) {
    const given = optionsOf(learningRate, options);
    super(given, {}, Object.keys(AdafactorBase.configKeys));
    this.beta2Decay = checkNumber("Adafactor", "beta2Decay", given.beta2Decay ?? -0.8);
    this.epsilon1 = checkNumber("Adafactor", "epsilon1", given.epsilon1 ?? 1e-30);
    this.epsilon2 = checkNumber("Adafactor", "epsilon2", given.epsilon2 ?? 1e-3);
    this.clipThreshold = checkNumber("Adafactor", "clipThreshold", given.clipThreshold ?? 1);
    this.relativeStep = given.relativeStep ?? true;
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    for (const variable of variables) {
      const { shape, dtype, name } = variable;
      // Vectors are not factored; files hold unused integers in these places.
      const factored = shape.length >= 2;
      const options = { dtype: factored ? dtype : "int32", name };
      this.rows.push(this.addVariable(factored ? shape.slice(0, -1) : [], options));
      this.columns.push(this.addVariable(factored ? [...shape.slice(0, -2), shape.at(-1)!] : [], options));
      this.velocities.push(this.addVariableFromReference(variable, "velocity"));
    }
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const { dtype } = variable;
    const rate = this.oncePerStep(`limited ${learningRate.node.id}`, () =>
      ops.minimum(learningRate, ops.reciprocal(ops.sqrt(this.stepNumber(dtype)))),
    );
    const kept = this.oncePerStep(`averages keep ${dtype}`, () =>
      ops.subtract(1, ops.power(this.stepNumber(dtype), this.beta2Decay)),
    );
    const fresh = this.oncePerStep(`averages take ${dtype}`, () => ops.subtract(1, kept));
    const average = (slot: Variable, x: Tensor): Tensor => {
      const next = ops.add(ops.multiply(slot.value, kept), ops.multiply(x, fresh));
      slot.assign(next);
      return next;
    };
    const squares = ops.add(ops.square(gradient), this.epsilon1);
    const slot = this.slotOf(this.velocities, variable);
    let velocity: Tensor;
    if (variable.ndim >= 2) {
      const r = average(this.slotOf(this.rows, variable), ops.mean(squares, { axis: -1 }));
      const c = average(this.slotOf(this.columns, variable), ops.mean(squares, { axis: -2 }));
      const share = ops.divide(r, ops.mean(r, { axis: -1, keepdims: true }));
      velocity = ops.multiply(ops.expandDims(share, -1), ops.expandDims(c, -2));
      slot.assign(velocity);
    } else velocity = average(slot, squares);
    const update = ops.divide(gradient, ops.sqrt(velocity));
    const excess = ops.maximum(ops.multiply(rms(update), 1 / this.clipThreshold), 1);
    const weight = variable.value;
    const alpha = ops.multiply(ops.maximum(rms(weight), this.epsilon2), rate);
    variable.assign(ops.subtract(weight, ops.multiply(update, ops.divide(alpha, excess))));
  }
}

/**
 * Adafactor, for large models: a matrix needs one number per row and column of moments.
 *
 * `β = 1 - t^beta2Decay`, `G = g² + ε₁`; matrices: `r ← βr + (1-β)·mean(G, last axis)`,
 * `c ← βc + (1-β)·mean(G, second last)`, `v = (r/mean(r))⊗c`; vectors: `v ← βv + (1-β)G`. `u = g/√v`, divided by
 * `max(1, rms(u)/clipThreshold)`; `w ← w - max(ε₂, rms(w))·min(lr, 1/√t)·u`.
 *
 * State of each weight: rows, columns, `velocity`.
 *
 * @see keras/src/optimizers/adafactor.py (Keras 3.x), where `relative_step` changes nothing either: the rate is limited
 *   to 1/√t with and without it; Shazeer and Stern 2018
 */
export const Adafactor = callable(AdafactorBase);
export type Adafactor = AdafactorBase;
