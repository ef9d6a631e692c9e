/**
 * The base of optimizers: what they all do around their own update rule. Everything here records ops and assigns
 * variables, so an update runs eagerly or becomes part of a compiled training step.
 */
import { floatx } from "../core/config.ts";
import { type DType, fromElement } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { toSnakeCase, uniqueName } from "../core/names.ts";
import { formatShape, type StaticShape, shapesEqual } from "../core/shape.ts";
import * as initializers from "../initializers/index.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { classNameOf } from "../ops/operation.ts";
import { peekValue } from "../runtime/evaluate.ts";
import { nameScope } from "../runtime/nameScope.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { Variable, zerosVariable } from "../runtime/variable.ts";
import { configTable } from "../serialization/configObject.ts";
import type { Config, CustomObjects } from "../serialization/registry.ts";
import { optionsFromConfig, serializeObject } from "../serialization/serialize.ts";
import type { VariableStore } from "../serialization/variableStore.ts";
import { clipGradients } from "./clipping.ts";
import { assignOnlyIf } from "./conditional.ts";
import { checkOptimizerOptions, type LearningRate, type OptimizerOptions, optionsOf } from "./optimizerOptions.ts";
import { LearningRateSchedule } from "./schedules/learningRateSchedule.ts";

/** A gradient with the variable that it belongs to. */
export type GradientAndVariable = readonly [gradient: Tensor | null, variable: Variable];

/** Options of {@link Optimizer.addVariable}. */
export interface OptimizerVariableOptions {
  /** @defaultValue `"zeros"` */
  initializer?: initializers.InitializerLike;
  /** @defaultValue floatx */
  dtype?: string;
  /** @defaultValue `variable`, made unique */
  name?: string;
}

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
export abstract class Optimizer {
  static readonly className: string = "Optimizer";
  static readonly modulePath: string = "keras.optimizers";
  static readonly configKeys: Readonly<Record<string, string>> = {
    name: "name",
    learningRate: "learning_rate",
    weightDecay: "weight_decay",
    clipnorm: "clipnorm",
    globalClipnorm: "global_clipnorm",
    clipvalue: "clipvalue",
    useEma: "use_ema",
    emaMomentum: "ema_momentum",
    emaOverwriteFrequency: "ema_overwrite_frequency",
    lossScaleFactor: "loss_scale_factor",
    gradientAccumulationSteps: "gradient_accumulation_steps",
  };

  readonly name: string;
  readonly weightDecay: number | null;
  readonly clipnorm: number | null;
  readonly clipvalue: number | null;
  readonly globalClipnorm: number | null;
  readonly useEma: boolean;
  readonly emaMomentum: number;
  readonly emaOverwriteFrequency: number | null;
  readonly lossScaleFactor: number | null;
  readonly gradientAccumulationSteps: number | null;
  /** Whether the state for a list of variables exists. */
  built = false;

  readonly #iterations: Variable;
  #learningRate: Exclude<LearningRate, number>;
  /** The last rate that was set as a number: what files say while the variable's value is elsewhere. */
  #lastRate = 0;
  #variables: Variable[] = [];
  #trainable: Variable[] = [];
  #indices = new Map<Variable, number>();
  #averages: Variable[] = [];
  #accumulators: Variable[] = [];
  #excluded: ReadonlySet<Variable> = new Set();
  #excludedNames: RegExp | null = null;
  /** Values shared by the updates of one step; `null` between steps. */
  #shared: Map<string, unknown> | null = null;

  constructor(
    learningRate: LearningRate | OptimizerOptions = {},
    options: OptimizerOptions = {},
    known: readonly string[] = [],
  ) {
    const given = optionsOf(learningRate, options);
    const className = classNameOf(this);
    checkOptimizerOptions(className, given, known);
    this.name = given.name ?? uniqueName(toSnakeCase(className));
    this.weightDecay = given.weightDecay ?? null;
    this.clipnorm = given.clipnorm ?? null;
    this.clipvalue = given.clipvalue ?? null;
    this.globalClipnorm = given.globalClipnorm ?? null;
    this.useEma = given.useEma ?? false;
    this.emaMomentum = given.emaMomentum ?? 0.99;
    this.emaOverwriteFrequency = given.emaOverwriteFrequency ?? null;
    this.lossScaleFactor = given.lossScaleFactor ?? null;
    this.gradientAccumulationSteps = given.gradientAccumulationSteps || null;
    this.#iterations = this.addVariable([], { dtype: "int32", name: "iteration" });
    const rate = given.learningRate ?? 0.001;
    this.#learningRate = typeof rate === "number" ? this.#rateVariable(rate) : rate;
    if (rate instanceof Variable) this.#variables.push(rate);
  }

  #rateVariable(rate: number): Variable {
    this.#lastRate = Math.fround(rate);
    const options = { dtype: floatx(), trainable: false, autocast: false, name: "learning_rate" };
    const variable = nameScope(this.name, () => new Variable(rate, options));
    this.#variables.push(variable);
    return variable;
  }

  // ---------------------------------------------------------------- state

  /** All state, in the order of Keras's files: iteration, learning rate, averages, accumulators, slots. */
  get variables(): Variable[] {
    return [...this.#variables];
  }

  /** Number of updates so far: of all steps, or of every `gradientAccumulationSteps` of them one. */
  get iterations(): Variable | Tensor {
    const steps = this.gradientAccumulationSteps;
    return steps ? ops.floorDivide(this.#iterations.value, steps) : this.#iterations;
  }

  /**
   * The current rate. Assign a number to change it: compiled steps see the change. Assigning a schedule counts from the
   * next time a step is recorded (after `compile`).
   *
   * @throws TypeError when a number is assigned while a schedule or a function gives the rate.
   */
  get learningRate(): Variable | Tensor {
    const rate = this.#learningRate;
    if (rate instanceof Variable) return rate;
    return toTensor(rate instanceof LearningRateSchedule ? rate(this.#iterations.value) : rate(), floatx());
  }

  set learningRate(rate: LearningRate | Tensor) {
    const current = this.#learningRate;
    if (typeof rate === "function") {
      this.#learningRate = rate;
      if (current instanceof Variable) this.#variables = this.#variables.filter((v) => v !== current);
      return;
    }
    if (!(current instanceof Variable)) {
      const giver = current instanceof LearningRateSchedule ? classNameOf(current) : "a function";
      throw new TypeError(
        `optimizer "${this.name}": its learning rate is given by ${giver}, so it cannot be set to a number. ` +
          "Create the optimizer with a number as `learningRate`, or assign another schedule",
      );
    }
    if (typeof rate === "number") this.#lastRate = Math.fround(rate);
    current.assign(rate);
  }

  /** Creates the state for these variables. Subclasses call it first and then add their own. */
  build(variables: readonly Variable[]): void {
    if (this.useEma) this.#averages = this.addOptimizerVariables(variables, "average");
    if (this.gradientAccumulationSteps) {
      this.#accumulators = this.addOptimizerVariables(variables, "gradient_accumulator");
    }
    this.#indices = new Map(variables.map((v, i) => [v, i]));
    this.#trainable = [...variables];
    this.built = true;
  }

  /** Adds a variable to the optimizer's state. */
  addVariable(shape: StaticShape, options: OptimizerVariableOptions = {}): Variable {
    const { initializer = "zeros", ...rest } = options;
    const all = { ...rest, trainable: false, autocast: false };
    const variable = nameScope(this.name, () =>
      initializer === "zeros"
        ? zerosVariable(shape, all)
        : new Variable(initializers.get(initializer), { ...all, shape }),
    );
    this.#variables.push(variable);
    return variable;
  }

  /** Adds a variable of the shape and dtype of a model's variable, named `<its path>_<name>`. */
  addVariableFromReference(
    reference: Variable,
    name = "var",
    options: Pick<OptimizerVariableOptions, "initializer"> = {},
  ): Variable {
    const { shape, dtype, path } = reference;
    return this.addVariable(shape, { ...options, dtype, name: `${path.replaceAll("/", "_")}_${name}` });
  }

  /** Adds a variable per model variable and name; with several names those of one model variable stand together. */
  addOptimizerVariables(
    variables: readonly Variable[],
    name: string,
    options?: Pick<OptimizerVariableOptions, "initializer">,
  ): Variable[];
  addOptimizerVariables(
    variables: readonly Variable[],
    names: readonly string[],
    options?: { initializer?: initializers.InitializerLike | readonly initializers.InitializerLike[] },
  ): Variable[][];
  addOptimizerVariables(
    variables: readonly Variable[],
    name: string | readonly string[],
    options: { initializer?: initializers.InitializerLike | readonly initializers.InitializerLike[] } = {},
  ): Variable[] | Variable[][] {
    const names = typeof name === "string" ? [name] : name;
    const { initializer = "zeros" } = options;
    const firsts = Array.isArray(initializer) ? initializer : names.map(() => initializer);
    const lists: Variable[][] = names.map(() => []);
    for (const variable of variables) {
      names.forEach((n, i) => {
        lists[i]!.push(this.addVariableFromReference(variable, n, { initializer: firsts[i] }));
      });
    }
    return typeof name === "string" ? lists[0]! : lists;
  }

  /**
   * The entry of a list made by `addOptimizerVariables` that belongs to a model's variable.
   *
   * @throws RangeError when the optimizer was not built with this variable.
   */
  slotOf<T>(list: readonly T[], variable: Variable): T {
    return list[this.#indexOf(variable)]!;
  }

  #indexOf(variable: Variable): number {
    const index = this.#indices.get(variable);
    if (index !== undefined) return index;
    throw new RangeError(
      `optimizer "${this.name}": unknown variable "${variable?.path}". An optimizer updates the variables it was built ` +
        `with (${this.#trainable.length} of them); create a new optimizer for another set of variables`,
    );
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

  // ---------------------------------------------------------------- a step

  /** Assigns the new value of `variable`, and of the state that belongs to it. All arguments have the variable's dtype. */
  abstract updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void;

  /** `apply` for pairs of gradients and variables; returns the step counter. */
  applyGradients(pairs: readonly GradientAndVariable[]): Variable {
    this.apply(
      pairs.map(([gradient]) => gradient),
      pairs.map(([, variable]) => variable),
    );
    return this.#iterations;
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
    this.#iterations.assign(ops.add(this.#iterations.value, 1));
  }

  #targets(gradients: readonly unknown[], variables: readonly Variable[] | null): readonly Variable[] {
    if (variables === null && !this.built) {
      throw new Error(
        `optimizer "${this.name}": apply without variables needs an optimizer that is built. Pass the variables, or call ` +
          "optimizer.build(model.trainableVariables) first",
      );
    }
    if (variables && !this.built) this.build(variables);
    const targets = variables ?? this.#trainable;
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
      this.#indexOf(variable);
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
    pairs.forEach(([, variable], i) => {
      this.updateStep(gradients[i]!, variable, rateFor(variable.dtype));
    });
  }

  #decay(variable: Variable, rate: Tensor): void {
    const { weightDecay } = this;
    if (!weightDecay || this.#excluded.has(variable) || this.#excludedNames?.test(variable.name)) return;
    const kept = this.oncePerStep(`kept ${rate.dtype}`, () => ops.subtract(1, ops.multiply(rate, weightDecay)));
    variable.assign(ops.multiply(variable.value, kept));
  }

  /** Sums gradients; on every last of `steps` steps updates by their average, the sums starting again. */
  #accumulate(pairs: readonly [Tensor, Variable][], steps: number): void {
    const isUpdate = ops.equal(ops.mod(ops.add(this.#iterations.value, 1), steps), 0);
    const sums = pairs.map(([gradient, v]) => ops.add(gradient, this.slotOf(this.#accumulators, v).value));
    const averaged = pairs.map(([, v], i): [Tensor, Variable] => [ops.multiply(sums[i]!, 1 / steps), v]);
    const state = [...pairs.map(([, variable]) => variable), ...this.#variables];
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
    this.#trainable.forEach((variable, i) => {
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

  /** The loss whose gradients `apply` expects: multiplied by `lossScaleFactor`. */
  scaleLoss(loss: Tensor): Tensor {
    return this.lossScaleFactor === null ? loss : ops.multiply(loss, this.lossScaleFactor);
  }

  /** The end of training: with `useEma` the averages become the values of the variables. */
  finalizeVariableValues(variables: readonly Variable[]): void {
    if (!this.useEma || !this.built) return;
    for (const variable of variables) variable.assign(this.slotOf(this.#averages, variable).value);
  }

  // ---------------------------------------------------------------- files

  getConfig(): Config {
    const values = this as unknown as Record<string, unknown>;
    return Object.fromEntries(
      configTable(this.constructor).map(([option, key]) => [
        key,
        serializeObject(option === "learningRate" ? this.#rateForConfig() : (values[option] ?? null)),
      ]),
    );
  }

  #rateForConfig(): unknown {
    const rate = this.#learningRate;
    if (!(rate instanceof Variable)) return rate;
    const value = rate.pendingValue;
    const data = value && peekValue(value);
    return data ? fromElement(rate.dtype, data[0]!) : this.#lastRate;
  }

  static fromConfig(config: Config, _customObjects?: CustomObjects): object {
    const cls = this as unknown as new (options: Record<string, unknown>) => object;
    return new cls(optionsFromConfig(cls, config));
  }

  /** Writes all state under "0", "1", … */
  saveOwnVariables(store: VariableStore): void {
    this.variables.forEach((variable, i) => {
      store.set(String(i), variable);
    });
  }

  /** Takes the state from a file. As in Keras, a state of another size is left out with a warning. */
  loadOwnVariables(store: VariableStore): void {
    const { variables } = this;
    const count = store.keys().length;
    if (count !== variables.length) {
      const hint = this.built
        ? ""
        : ". The optimizer is not built: call optimizer.build(model.trainableVariables) first";
      console.warn(
        `optimizer "${this.name}": its state is not loaded and starts anew, because it has ${variables.length} variables ` +
          `and the file has ${count}${hint}`,
      );
      return;
    }
    variables.forEach((variable, i) => {
      variable.assign(store.get(String(i)) as Operand);
    });
  }
}
