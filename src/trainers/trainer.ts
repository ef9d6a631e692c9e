/**
 * What a model is compiled with, and the steps of its training that users may override. Steps are recorded in modelSteps.ts;
 * the loops around them are in fitLoop.ts, evaluateLoop.ts and predictLoop.ts, which see a model through `Runner` only.
 */
import { gradientsOf } from "../autodiff/grad.ts";
import type { Logs } from "../callbacks/callback.ts";
import { CallbackList } from "../callbacks/callbackList.ts";
import type { History } from "../callbacks/history.ts";
import { checkOptions } from "../core/errors.ts";
import { flatten, type Nested } from "../core/tree.ts";
import { placeOf } from "../layers/errorTrail.ts";
import { LayerBase } from "../layers/layer.ts";
import { hide } from "../layers/statefulOperation.ts";
import type { Metric } from "../metrics/index.ts";
import * as ops from "../ops/index.ts";
import { type Config, classNameOf } from "../ops/operation.ts";
import type * as optimizers from "../optimizers/index.ts";
import { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { type Compiled, compileConfig, compiledFrom, compileOptionsOf } from "./compiled.ts";
import type { InputPreparation } from "./dataAdapters/preparedAdapter.ts";
import type { FitData } from "./dataInput.ts";
import { evaluateLoop } from "./evaluateLoop.ts";
import { fitLoop } from "./fitLoop.ts";
import { ModelSteps } from "./modelSteps.ts";
import { predictOnBatch, stepOnBatch } from "./onBatch.ts";
import { predictLoop } from "./predictLoop.ts";
import type { Runner } from "./run.ts";
import type { StepData } from "./stepFunction.ts";
import { scalarLoss } from "./stepResults.ts";
import {
  COMPILE_OPTIONS,
  type CompileOptions,
  type EvaluateOptions,
  type FitOptions,
  type OnBatchOptions,
  type PredictOptions,
} from "./trainerOptions.ts";

/** @see keras/src/trainers/trainer.py (Keras 3.x) */
export class Trainer extends LayerBase {
  /**
   * What `compile` was given; `null` without one. Steps of your own that count on it declare it so:
   * `declare optimizer: keras.Optimizer`. Reading it in such a step when there is none throws.
   */
  declare optimizer: optimizers.Optimizer | null;
  /** Set it (in a callback) to end `fit` after the current batch. */
  declare stopTraining: boolean;
  declare stopEvaluating: boolean;
  declare stopPredicting: boolean;
  /** Set it in `onTrainBegin` to make `fit` go on with this epoch (from 0), in place of its `initialEpoch`. */
  declare restoredEpoch: number | null;
  /** Record of the last `fit`. */
  declare history: History | null;
  #optimizer: optimizers.Optimizer | null = null;
  #compiled: Compiled | null = null;
  readonly #steps = new ModelSteps(
    this,
    { hasCall: () => this.hasCall, optimizer: () => this.#ownOptimizer() },
    Trainer.prototype,
  );
  readonly #runner: Runner = {
    model: this,
    steps: this.#steps,
    compiled: (method) => this.#needCompiled(method),
    callbacks: (where, given, options) => new CallbackList(where, given, this, options),
  };

  constructor(options: ConstructorParameters<typeof LayerBase>[0] = {}) {
    super(options);
    hide(this, {
      history: null,
      stopTraining: false,
      stopEvaluating: false,
      stopPredicting: false,
      restoredEpoch: null,
    });
    this.#defineOptimizer();
  }

  #defineOptimizer(): void {
    Object.defineProperty(this, "optimizer", {
      get: () => this.#optimizer ?? this.#noOptimizer(),
      set: (optimizer: optimizers.Optimizer | null) => {
        this.#optimizer = optimizer;
      },
      configurable: true,
      enumerable: false,
    });
  }

  /** The optimizer, without an error where there is none. A class that states the field without `declare` puts a plain property in its place. */
  #ownOptimizer(): optimizers.Optimizer | null {
    const own = Object.getOwnPropertyDescriptor(this, "optimizer");
    if (own && "value" in own) {
      this.#optimizer = own.value ?? this.#optimizer;
      this.#defineOptimizer();
    }
    return this.#optimizer;
  }

  /** @throws Error where a step of the user's own asks for it. */
  #noOptimizer(): null {
    const step = this.#steps.runningOwn;
    if (step === null) return null;
    throw new Error(
      `${step} of ${placeOf(this)}: the model has no optimizer. Pass one to compile, ` +
        'model.compile({ optimizer: "adam" }), or use one that the class holds itself',
    );
  }

  /** Whether calling the model computes something: a model may hold parts and a step only, as a GAN does. */
  protected get hasCall(): boolean {
    return true;
  }

  /** Names of the outputs, in order; `null` when only calling the model tells. */
  get outputNames(): string[] | null {
    return null;
  }

  /** Names of the inputs, in order; `null` for a model with its own `call`. */
  get inputNames(): string[] | null {
    return null;
  }

  /** What becomes of the inputs of a batch before a step sees them; `null` where nothing does. */
  get inputPreparation(): InputPreparation | null {
    return null;
  }

  // ---------------------------------------------------------------- compile

  get compiled(): boolean {
    return this.#compiled !== null;
  }

  /**
   * Says how to train: optimizer, loss and metrics. Weights stay as they are.
   *
   * @throws TypeError for an unknown option, RangeError for an unknown name, with the nearest one.
   */
  compile(options: CompileOptions = {}): void {
    checkOptions(`compile of ${classNameOf(this)} "${this.name}"`, options, COMPILE_OPTIONS);
    const { optimizer, compiled } = compiledFrom(options, this.dtypePolicy.name === "mixed_float16");
    this.#ownOptimizer();
    this.optimizer = optimizer;
    this.#compiled = compiled;
    this.#steps.forgetPredict();
  }

  #needCompiled(method: string): Compiled {
    if (this.#compiled) return this.#compiled;
    throw new Error(
      `${method}: model "${this.name}" is not compiled. Call model.compile({ optimizer, loss, metrics }) before \`${method}\``,
    );
  }

  /** What `compile` was told, with the keys of Keras's files; empty before compile. */
  getCompileConfig(): Config {
    return this.#compiled ? compileConfig(this.#compiled, this.optimizer) : {};
  }

  /** Compiles from what `getCompileConfig` returned; the optimizer's state is built so that it can be loaded. */
  compileFromConfig(config: Config): void {
    this.compile(compileOptionsOf(config));
    if (this.optimizer && this.built) this.optimizer.build(this.trainableVariables);
  }

  // ---------------------------------------------------------------- what users may override

  /**
   * One training step on traced tensors; returns the values to log, scalars by name.
   *
   * Override it for a step of your own. It is recorded once per shape of batch and compiled, together with everything that it
   * assigns: compute with ops, differentiate with `valueAndGrad`, update with `optimizer.apply`, count in metrics that the model
   * holds in properties (`fit` resets them at every epoch).
   *
   * @example
   * override trainStep({ x, y }: keras.StepData<Tensor, Tensor>) {
   *   const weights = this.trainableVariables;
   *   const [loss, gradients] = keras.valueAndGrad(() => this.computeLoss(x, y, this(x, { training: true })), weights)();
   *   this.optimizer.apply(gradients, weights);
   *   this.lossMean.updateState(loss);
   *   return { loss: this.lossMean.result() };
   * }
   */
  trainStep({ x, y, sampleWeight }: StepData): Record<string, Tensor> {
    const state = this.#needCompiled("fit");
    const variables = this.trainableVariables;
    const before = variables.map((v) => v.value);
    const yPred = this.invoke([x, { training: true }]);
    const loss = scalarLoss(`computeLoss of ${placeOf(this)}`, this.computeLoss(x, y, yPred, sampleWeight, true));
    state.lossTracker.updateState(loss, batchDimension(x));
    const optimizer = this.#ownOptimizer();
    if (optimizer && variables.length > 0) this.#applyGradients(optimizer, loss, variables, before);
    return this.computeMetrics(x, y, yPred, sampleWeight);
  }

  #applyGradients(
    optimizer: optimizers.Optimizer,
    loss: Tensor,
    variables: readonly Variable[],
    before: readonly Tensor[],
  ): void {
    const gradients = gradientsOf(optimizer.scaleLoss(loss), before);
    if (gradients.every((g) => g === null)) {
      throw new Error(
        `fit: no gradient reaches any weight of model "${this.name}". The loss does not depend on the weights: check that ` +
          "the outputs with a loss are computed from trainable layers and that no op on the way blocks gradients",
      );
    }
    optimizer.apply(gradients, variables);
  }

  /** One evaluation step on traced tensors; returns the values to log. */
  testStep({ x, y, sampleWeight }: StepData): Record<string, Tensor> {
    const state = this.#needCompiled("evaluate");
    const yPred = this.invoke([x, { training: false }]);
    const loss = scalarLoss(`computeLoss of ${placeOf(this)}`, this.computeLoss(x, y, yPred, sampleWeight, false));
    state.lossTracker.updateState(loss, batchDimension(x));
    return this.computeMetrics(x, y, yPred, sampleWeight);
  }

  /** One prediction step on traced tensors. */
  predictStep({ x }: StepData): Nested<Tensor> {
    return this.invoke([x, { training: false }]) as Nested<Tensor>;
  }

  /**
   * Total loss of a batch: compiled losses, regularization and what layers added. Override it for a loss of your own; it must
   * be a scalar.
   *
   * @param training - Whether the step trains or evaluates; the loss here is the same for both.
   * @throws Error when there is nothing to minimise.
   */
  computeLoss(x: unknown, y: unknown, yPred: unknown, sampleWeight: unknown = null, _training = true): Tensor {
    const state = this.#needCompiled("fit");
    const compiled = state.loss?.call(y, yPred, sampleWeight, this.outputNames, batchDimension(x)) ?? null;
    const parts = [...(compiled ? [compiled] : []), ...this.losses];
    if (parts.length === 0) {
      throw new Error(
        `fit: there is no loss to compute for model "${this.name}". Pass \`loss\` to compile, or use addLoss in a layer`,
      );
    }
    return parts.reduce((a, b) => ops.add(a, b));
  }

  /** Updates the metrics with a batch and returns all values to log. */
  computeMetrics(_x: unknown, y: unknown, yPred: unknown, sampleWeight: unknown = null): Record<string, Tensor> {
    this.#compiled?.metrics.updateState(y, yPred, sampleWeight, this.outputNames);
    return this.getMetricsResult();
  }

  /** Current values of the loss and all metrics under their log names. */
  getMetricsResult(): Record<string, Tensor> {
    const state = this.#compiled;
    if (!state) return {};
    const own = this.#ownMetrics().map((m) => [m.name, m.result()] as const);
    return {
      [state.lossTracker.name]: state.lossTracker.result(),
      ...state.metrics.results(),
      ...Object.fromEntries((state.loss?.trackers ?? []).map((t) => [t.name, t.result()])),
      ...Object.fromEntries(own),
    };
  }

  /** Metrics held in properties of the model and its layers. */
  #ownMetrics(): Metric[] {
    return super.metrics as unknown as Metric[];
  }

  override get metrics(): Metric[] {
    const state = this.#compiled;
    if (!state) return this.#ownMetrics();
    return [state.lossTracker, ...state.metrics.metrics, ...(state.loss?.trackers ?? []), ...this.#ownMetrics()];
  }

  /** Names of {@link metrics}, where all that `compile` was given stand as one, `"compile_metrics"`, as in Keras. Logs have the names of each. */
  get metricsNames(): string[] {
    const state = this.#compiled;
    const own = this.#ownMetrics().map((m) => m.name);
    if (!state) return own;
    const losses = (state.loss?.trackers ?? []).map((m) => m.name);
    return [state.lossTracker.name, ...(state.metrics.any ? ["compile_metrics"] : []), ...losses, ...own];
  }

  /** Which way each logged metric improves, by log name. */
  metricDirections(): Record<string, "min" | "max"> {
    const entries: [string, "min" | "max"][] = [];
    const byName = new Map(this.metrics.map((m) => [m.name, m]));
    for (const { logName, ownName } of this.#compiled?.metrics.names ?? []) {
      const direction = byName.get(ownName)?.direction;
      if (direction && logName === ownName) entries.push([logName, direction === "up" ? "max" : "min"]);
    }
    return Object.fromEntries(entries);
  }

  resetMetrics(): void {
    for (const metric of this.metrics) metric.resetState();
  }

  // ---------------------------------------------------------------- runs

  /**
   * Trains on data.
   *
   * @param x - Arrays or tensors (one, a list, or a dict by input name), or a generator that yields batches `[x, y]`.
   * @param y - Labels, in the structure of the outputs; not with a generator.
   * @returns The record of the run: `history.history.loss`, … one value per epoch.
   * @throws Error before anything is computed when the model is not compiled, data is empty or sizes differ, labels are
   *   out of range, an option is unknown.
   */
  fit(x: FitData, y?: FitData | null, options: FitOptions = {}): Promise<History> {
    return fitLoop(this.#runner, x, y ?? null, options);
  }

  /** Loss and metrics on data: the loss alone, a list in the order of `compile`, or a dict with `returnDict`. */
  evaluate(x: FitData, y: FitData | null | undefined, options: EvaluateOptions & { returnDict: true }): Promise<Logs>;
  evaluate(x: FitData, y?: FitData | null, options?: EvaluateOptions): Promise<number[]>;
  evaluate(x: FitData, y?: FitData | null, options: EvaluateOptions = {}): Promise<number[] | Logs> {
    return evaluateLoop(this.#runner, x, y ?? null, options);
  }

  /**
   * Outputs for data, batch by batch, in the structure of the model's outputs. Needs no compile.
   *
   * @returns Computed tensors with all samples along the first axis.
   * @throws ShapeError when batches give outputs that cannot be joined, as sequences of different lengths may.
   */
  // biome-ignore lint/suspicious/noExplicitAny: models say what they give; a supertype of all structures would need casts
  predict(x: FitData, options: PredictOptions = {}): Promise<any> {
    return predictLoop(this.#runner, x, options);
  }

  // ---------------------------------------------------------------- one batch

  /** Trains on one batch and returns its loss and metrics. */
  trainOnBatch(
    x: FitData,
    y: FitData | null | undefined,
    options: OnBatchOptions & { returnDict: true },
  ): Promise<Logs>;
  trainOnBatch(x: FitData, y?: FitData | null, options?: OnBatchOptions): Promise<number[]>;
  trainOnBatch(x: FitData, y?: FitData | null, options: OnBatchOptions = {}): Promise<number[] | Logs> {
    return stepOnBatch(this.#runner, "trainOnBatch", x, y ?? null, options);
  }

  /** Evaluates one batch and returns its loss and metrics. */
  testOnBatch(x: FitData, y: FitData | null | undefined, options: OnBatchOptions & { returnDict: true }): Promise<Logs>;
  testOnBatch(x: FitData, y?: FitData | null, options?: OnBatchOptions): Promise<number[]>;
  testOnBatch(x: FitData, y?: FitData | null, options: OnBatchOptions = {}): Promise<number[] | Logs> {
    return stepOnBatch(this.#runner, "testOnBatch", x, y ?? null, options);
  }

  /** Outputs for one batch, in the structure of the model's outputs: the fastest way to a prediction. */
  // biome-ignore lint/suspicious/noExplicitAny: as for predict
  predictOnBatch(x: FitData): Promise<any> {
    return predictOnBatch(this.#runner, x);
  }
}

/** Number of samples of a traced batch: the first axis of its first tensor. */
function batchDimension(x: unknown): number {
  const first = flatten(x as Nested<unknown>).find((t) => t instanceof Tensor);
  return first?.shape[0] ?? 1;
}
