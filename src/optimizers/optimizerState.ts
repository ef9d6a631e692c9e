/** What an optimizer holds: options, the step count, the learning rate, and variables beside those of the model. */
import { floatx } from "../core/config.ts";
import { fromElement } from "../core/dtype.ts";
import { toSnakeCase, uniqueName } from "../core/names.ts";
import type { StaticShape } from "../core/shape.ts";
import * as initializers from "../initializers/index.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { classNameOf } from "../ops/operation.ts";
import { nameScope } from "../runtime/nameScope.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { Variable, zerosVariable } from "../runtime/variable.ts";
import { configTable } from "../serialization/configObject.ts";
import type { Config, CustomObjects } from "../serialization/registry.ts";
import { optionsFromConfig, serializeObject } from "../serialization/serialize.ts";
import type { VariableStore } from "../serialization/variableStore.ts";
import { checkOptimizerOptions, type LearningRate, type OptimizerOptions, optionsOf } from "./optimizerOptions.ts";
import { LearningRateSchedule } from "./schedules/learningRateSchedule.ts";
import { type UpdateTarget, VariableGroup } from "./variableGroup.ts";

/** Options of {@link OptimizerState.addVariable}. */
export interface OptimizerVariableOptions {
  /** @defaultValue `"zeros"` */
  initializer?: initializers.InitializerLike;
  /** @defaultValue floatx */
  dtype?: string;
  /** @defaultValue `variable`, made unique */
  name?: string;
}

/** The part of an optimizer that is saved in files. The part that computes is {@link Optimizer}. */
export abstract class OptimizerState {
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
  /** `null` inside a {@link LossScaleOptimizer}, which scales by itself. */
  lossScaleFactor: number | null;
  readonly gradientAccumulationSteps: number | null;
  /** Whether the state for a list of variables exists. */
  built = false;

  /** Number of `apply` calls so far. */
  protected readonly stepCount: Variable;
  #learningRate: Exclude<LearningRate, number>;
  /** The last rate that was set as a number: what files say while the variable's value is elsewhere. */
  #lastRate = 0;
  #variables: Variable[] = [];
  /** The model's variables that it was built with. */
  protected trainable: readonly Variable[] = [];
  #indices = new Map<Variable, number>();

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
    this.stepCount = this.addVariable([], { dtype: "int32", name: "iteration" });
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

  /** All state, in the order of Keras's files: iteration, learning rate, averages, accumulators, slots. */
  get variables(): Variable[] {
    return [...this.#variables];
  }

  /** Number of updates so far: of all steps, or of every `gradientAccumulationSteps` of them one. */
  get iterations(): Variable | Tensor {
    const steps = this.gradientAccumulationSteps;
    return steps ? ops.floorDivide(this.stepCount.value, steps) : this.stepCount;
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
    return toTensor(rate instanceof LearningRateSchedule ? rate(this.stepCount.value) : rate(), floatx());
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
    this.trainable = [...variables];
    this.#indices = new Map(variables.map((v, i) => [v, i]));
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
  slotOf<T>(list: readonly T[], variable: Variable): T;
  slotOf(list: readonly Variable[], variable: UpdateTarget): UpdateTarget;
  slotOf(list: readonly Variable[], variable: UpdateTarget): UpdateTarget {
    if (!(variable instanceof VariableGroup)) return list[this.indexOf(variable as Variable)]!;
    return new VariableGroup(variable.members.map((member) => list[this.indexOf(member)]!));
  }

  protected indexOf(variable: Variable): number {
    const index = this.#indices.get(variable);
    if (index !== undefined) return index;
    throw new RangeError(
      `optimizer "${this.name}": unknown variable "${variable?.path}". An optimizer updates the variables it was built ` +
        `with (${this.trainable.length} of them); create a new optimizer for another set of variables`,
    );
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
    const data = rate.peekData();
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
      variable.assign(store.get(String(i)));
    });
  }
}
