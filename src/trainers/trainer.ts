/** Training, evaluation and prediction: the loops around compiled steps, and what happens between them. */
import { gradientsOf } from "../autodiff/grad.ts";
import { Callback, type Logs } from "../callbacks/callback.ts";
import { CallbackList, sortedLogs } from "../callbacks/callbackList.ts";
import type { History } from "../callbacks/history.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { flatten, mapStructure, type Nested } from "../core/tree.ts";
import { placeOf } from "../layers/errorTrail.ts";
import { LayerBase } from "../layers/layer.ts";
import { hide } from "../layers/statefulOperation.ts";
import type { Metric } from "../metrics/index.ts";
import * as ops from "../ops/index.ts";
import { type Config, classNameOf } from "../ops/operation.ts";
import type * as optimizers from "../optimizers/index.ts";
import { tensorFromDevice } from "../runtime/jit.ts";
import { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { type Compiled, compileConfig, compiledFrom, compileOptionsOf } from "./compiled.ts";
import type { InputPreparation } from "./dataAdapters/preparedAdapter.ts";
import { adaptData, type FitData, toSingleBatch } from "./dataInput.ts";
import { EpochIterator } from "./epochIterator.ts";
import { checkBatchLabels, checkHostLabels } from "./labelCheck.ts";
import { ModelSteps, runStep } from "./modelSteps.ts";
import { concatenateOutputs } from "./predictions.ts";
import { RunGuard } from "./runGuard.ts";
import type { StepData } from "./stepFunction.ts";
import { GROUP_SIZE, listensToBatches, StepGroups } from "./stepGroups.ts";
import { scalarLoss } from "./stepResults.ts";
import {
  COMPILE_OPTIONS,
  type CompileOptions,
  type EvaluateOptions,
  FIT_OPTIONS,
  type FitOptions,
  type OnBatchOptions,
  type PredictOptions,
  RUN_OPTIONS,
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
  /** Record of the last `fit`. */
  declare history: History | null;
  #optimizer: optimizers.Optimizer | null = null;
  #compiled: Compiled | null = null;
  readonly #steps = new ModelSteps(
    this,
    { hasCall: () => this.hasCall, optimizer: () => this.#optimizer },
    Trainer.prototype,
  );

  constructor(options: ConstructorParameters<typeof LayerBase>[0] = {}) {
    super(options);
    hide(this, { history: null, stopTraining: false, stopEvaluating: false, stopPredicting: false });
    Object.defineProperty(this, "optimizer", {
      get: () => this.#optimizer ?? this.#noOptimizer(),
      set: (optimizer: optimizers.Optimizer | null) => {
        this.#optimizer = optimizer;
      },
      configurable: true,
      enumerable: false,
    });
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
    this.optimizer = optimizer;
    this.#compiled = compiled;
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
    if (this.#optimizer && variables.length > 0) {
      this.#applyGradients(this.#optimizer, loss, variables, before);
    }
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

  get metricsNames(): string[] {
    return this.metrics.map((m) => m.name);
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

  // ---------------------------------------------------------------- fit

  /**
   * Trains on data.
   *
   * @param x - Arrays or tensors (one, a list, or a dict by input name), or a generator that yields batches `[x, y]`.
   * @param y - Labels, in the structure of the outputs; not with a generator.
   * @returns The record of the run: `history.history.loss`, … one value per epoch.
   * @throws Error before anything is computed when the model is not compiled, data is empty or sizes differ, labels are
   *   out of range, an option is unknown.
   */
  async fit(x: FitData, y?: FitData | null, options: FitOptions = {}): Promise<History> {
    const state = this.#needCompiled("fit");
    checkOptions("fit", options, FIT_OPTIONS);
    const epochs = options.epochs ?? 1;
    const initialEpoch = options.initialEpoch ?? 0;
    for (const [name, value] of Object.entries({ epochs, initialEpoch })) {
      if (!Number.isInteger(value) || value < 0) {
        throw new RangeError(`fit: expected \`${name}\` to be a non-negative integer. Received: ${describe(value)}`);
      }
    }
    const { adapter, validation, inputs, labels } = await adaptData("fit", x, y ?? null, {
      ...options,
      // A compiled step sees placeholders; only steps that run op by op get hold of the batch itself.
      reuseAfter: state.options.runEagerly ? null : Math.max(GROUP_SIZE, state.options.stepsPerExecution ?? 1),
      prepare: this.inputPreparation,
    });
    const iterator = new EpochIterator(adapter, options.stepsPerEpoch ?? null, "stepsPerEpoch");
    const validationBatches = validation
      ? new EpochIterator(validation.adapter, options.validationSteps ?? null, "validationSteps")
      : null;
    const verbose = verbosity(options.verbose);
    const callbacks = new CallbackList("fit", options.callbacks ?? null, this, {
      addHistory: true,
      addProgbar: verbose !== 0,
      params: { verbose, epochs, steps: iterator.steps },
    });
    const guard = new RunGuard("fit", options.signal ?? null, true);
    this.stopTraining = false;
    this.history = callbacks.history;
    let logs: Logs = {};
    let reportedNaN = false;
    const perExecution = state.options.stepsPerExecution ?? 1;
    let stepsLeft = (epochs - initialEpoch) * (iterator.steps ?? 0);
    const oneByOne =
      Boolean(state.options.runEagerly) || labels === null || listensToBatches(callbacks.callbacks, Callback.prototype);
    const groups = new StepGroups(perExecution, oneByOne ? null : () => stepsLeft);
    let started = false;
    try {
      const first = await iterator.peek();
      this.#steps.build("fit", "trainStep", state, first);
      if (labels) checkHostLabels("fit", state.labelPlan, labels);
      if (validation?.labels) checkHostLabels("fit (validation)", state.labelPlan, validation.labels);
      this.#steps.ids.checkHost("fit", first, inputs);
      this.#steps.ids.checkHost("fit (validation)", first, validation?.inputs ?? null);
      const step = this.#steps.logged("trainStep", state);
      if (this.trainableVariables.length === 0) {
        console.warn(`fit: model "${this.name}" has no trainable weights; nothing will be learned`);
      }
      started = true;
      await callbacks.run("onTrainBegin", {});
      for (let epoch = initialEpoch; epoch < epochs; epoch++) {
        this.resetMetrics();
        await callbacks.runAt("onEpochBegin", epoch);
        let batchIndex = 0;
        for await (const batches of iterator.epoch(epoch, () => groups.next(step.program.work))) {
          const grouped =
            batches.length === GROUP_SIZE && perExecution === 1 ? await step.program.runGroup(batches) : null;
          for (const [i, batch] of batches.entries()) {
            const index = batchIndex + i;
            if (!labels) await checkBatchLabels("fit", state.labelPlan, batch);
            if (!inputs) await this.#steps.ids.checkBatch("fit", batch);
            if (perExecution === 1 || i === 0) await callbacks.runAt("onTrainBatchBegin", index);
            logs = grouped ? grouped[i]! : await runStep(step, batch);
            if (!reportedNaN && Number.isNaN(logs.loss)) {
              reportedNaN = true;
              warnOfNaN(index, epoch);
            }
            const isLast = i === batches.length - 1;
            if (perExecution === 1 || isLast) await callbacks.runAt("onTrainBatchEnd", index, logs);
          }
          batchIndex += batches.length;
          stepsLeft -= batches.length;
          groups.count(batches.length);
          guard.check();
          if (this.stopTraining) break;
          await guard.pause(iterator.streams);
        }
        if (iterator.steps !== null) callbacks.setParams({ verbose, epochs, steps: iterator.steps });
        let epochLogs = logs;
        if (validationBatches && isValidationEpoch(options.validationFreq ?? 1, epoch)) {
          const result = await this.#evaluateLoop(
            state,
            validationBatches,
            callbacks,
            guard,
            validation?.labels ? null : state,
          );
          epochLogs = { ...epochLogs, ...Object.fromEntries(Object.entries(result).map(([k, v]) => [`val_${k}`, v])) };
          epochLogs = sortedLogs(epochLogs);
        }
        await callbacks.runAt("onEpochEnd", epoch, epochLogs);
        logs = epochLogs;
        if (this.stopTraining) break;
      }
      if (this.optimizer && epochs > initialEpoch) this.optimizer.finalizeVariableValues(this.trainableVariables);
    } finally {
      guard.end();
      await iterator.close();
      await validationBatches?.close();
      if (started) await callbacks.run("onTrainEnd", logs);
    }
    return callbacks.history!;
  }

  /** The evaluation loop; `unchecked` is the state when data must be checked batch by batch. */
  async #evaluateLoop(
    state: Compiled,
    batches: EpochIterator,
    callbacks: CallbackList,
    guard: RunGuard,
    unchecked: Compiled | null,
  ): Promise<Logs> {
    this.resetMetrics();
    this.stopEvaluating = false;
    await batches.restart();
    await callbacks.run("onTestBegin", {});
    const step = this.#steps.logged("testStep", state);
    let logs: Logs = {};
    let index = 0;
    for await (const group of batches.epoch(0, () => state.options.stepsPerExecution ?? 1)) {
      await callbacks.runAt("onTestBatchBegin", index);
      for (const batch of group) {
        if (unchecked) {
          await checkBatchLabels("evaluate", unchecked.labelPlan, batch);
          await this.#steps.ids.checkBatch("evaluate", batch);
        }
        logs = await runStep(step, batch);
      }
      await callbacks.runAt("onTestBatchEnd", index + group.length - 1, logs);
      index += group.length;
      guard.check();
      if (this.stopEvaluating) break;
      await guard.pause(batches.streams);
    }
    await callbacks.run("onTestEnd", logs);
    return logs;
  }

  /** Loss and metrics on data: the loss alone, a list in the order of `compile`, or a dict with `returnDict`. */
  async evaluate(
    x: FitData,
    y: FitData | null | undefined,
    options: EvaluateOptions & { returnDict: true },
  ): Promise<Logs>;
  async evaluate(x: FitData, y?: FitData | null, options?: EvaluateOptions): Promise<number[]>;
  async evaluate(x: FitData, y?: FitData | null, options: EvaluateOptions = {}): Promise<number[] | Logs> {
    const state = this.#needCompiled("evaluate");
    checkOptions("evaluate", options, [...RUN_OPTIONS, "sampleWeight", "steps", "returnDict"]);
    const { adapter, inputs, labels } = await adaptData("evaluate", x, y ?? null, {
      ...options,
      shuffle: false,
      prepare: this.inputPreparation,
    });
    const iterator = new EpochIterator(adapter, options.steps ?? null, "steps");
    const verbose = verbosity(options.verbose);
    const callbacks = new CallbackList("evaluate", options.callbacks ?? null, this, {
      addHistory: false,
      addProgbar: verbose !== 0,
      params: { verbose, epochs: 1, steps: iterator.steps },
    });
    const guard = new RunGuard("evaluate", options.signal ?? null, false);
    try {
      const first = await iterator.peek();
      this.#steps.build("evaluate", "testStep", state, first);
      if (labels) checkHostLabels("evaluate", state.labelPlan, labels);
      this.#steps.ids.checkHost("evaluate", first, inputs);
      const logs = await this.#evaluateLoop(state, iterator, callbacks, guard, labels ? null : state);
      return options.returnDict ? logs : this.#asList(logs);
    } finally {
      guard.end();
      await iterator.close();
    }
  }

  /**
   * Values in Keras's order: loss, metrics in the order of `compile`, then what is logged under other names. A name that
   * two metrics have stands twice, as there.
   *
   * @see keras/src/trainers/trainer.py `_flatten_metrics_in_order` (Keras 3.x)
   */
  #asList(logs: Logs): number[] {
    const order = this.metrics.map((m) => m.name).filter((name) => name in logs);
    const rest = Object.keys(logs).filter((name) => !order.includes(name));
    return [...order, ...rest.sort()].map((name) => logs[name]!);
  }

  // ---------------------------------------------------------------- predict

  /**
   * Outputs for data, batch by batch, in the structure of the model's outputs. Needs no compile.
   *
   * @returns Computed tensors with all samples along the first axis.
   */
  async predict(x: FitData, options: PredictOptions = {}): Promise<Tensor> {
    checkOptions("predict", options, [...RUN_OPTIONS, "steps"]);
    const { adapter, inputs } = await adaptData("predict", x, null, {
      ...options,
      shuffle: false,
      prepare: this.inputPreparation,
    });
    const iterator = new EpochIterator(adapter, options.steps ?? null, "steps");
    const verbose = verbosity(options.verbose);
    const callbacks = new CallbackList("predict", options.callbacks ?? null, this, {
      addHistory: false,
      addProgbar: verbose !== 0,
      params: { verbose, epochs: 1, steps: iterator.steps },
    });
    const guard = new RunGuard("predict", options.signal ?? null, false);
    this.stopPredicting = false;
    try {
      const first = await iterator.peek();
      this.#steps.buildForPredict("predict", first);
      this.#steps.ids.checkHost("predict", first, inputs);
      await callbacks.run("onPredictBegin", {});
      const collected: { structure: Nested<unknown>; tensors: Tensor[] }[] = [];
      let index = 0;
      for await (const [batch] of iterator.epoch(0, () => 1)) {
        await callbacks.runAt("onPredictBatchBegin", index);
        if (!inputs) await this.#steps.ids.checkBatch("predict", batch!);
        const { structure, buffers } = await this.#steps.predict.run(batch!);
        const tensors = buffers.map(tensorFromDevice);
        collected.push({ structure, tensors });
        await callbacks.runAt("onPredictBatchEnd", index, { outputs: tensors } as unknown as Logs);
        index++;
        guard.check();
        if (this.stopPredicting) break;
        await guard.pause(iterator.streams);
      }
      await callbacks.run("onPredictEnd", {});
      return (await concatenateOutputs(collected)) as Tensor;
    } finally {
      guard.end();
      await iterator.close();
    }
  }

  // ---------------------------------------------------------------- one batch

  /** Trains on one batch and returns its loss and metrics. */
  async trainOnBatch(
    x: FitData,
    y: FitData | null | undefined,
    options: OnBatchOptions & { returnDict: true },
  ): Promise<Logs>;
  async trainOnBatch(x: FitData, y?: FitData | null, options?: OnBatchOptions): Promise<number[]>;
  async trainOnBatch(x: FitData, y?: FitData | null, options: OnBatchOptions = {}): Promise<number[] | Logs> {
    const state = this.#needCompiled("trainOnBatch");
    checkOptions("trainOnBatch", options, ["sampleWeight", "classWeight", "returnDict"]);
    const batch = await toSingleBatch("trainOnBatch", x, y ?? null, {
      ...options,
      prepare: this.inputPreparation,
    });
    this.#steps.build("trainOnBatch", "trainStep", state, batch);
    await checkBatchLabels("trainOnBatch", state.labelPlan, batch);
    await this.#steps.ids.checkBatch("trainOnBatch", batch);
    this.resetMetrics();
    const logs = await runStep(this.#steps.logged("trainStep", state), batch);
    return options.returnDict ? logs : this.#asList(logs);
  }

  /** Evaluates one batch and returns its loss and metrics. */
  async testOnBatch(
    x: FitData,
    y: FitData | null | undefined,
    options: OnBatchOptions & { returnDict: true },
  ): Promise<Logs>;
  async testOnBatch(x: FitData, y?: FitData | null, options?: OnBatchOptions): Promise<number[]>;
  async testOnBatch(x: FitData, y?: FitData | null, options: OnBatchOptions = {}): Promise<number[] | Logs> {
    const state = this.#needCompiled("testOnBatch");
    checkOptions("testOnBatch", options, ["sampleWeight", "returnDict"]);
    const batch = await toSingleBatch("testOnBatch", x, y ?? null, {
      ...options,
      prepare: this.inputPreparation,
    });
    this.#steps.build("testOnBatch", "testStep", state, batch);
    await checkBatchLabels("testOnBatch", state.labelPlan, batch);
    await this.#steps.ids.checkBatch("testOnBatch", batch);
    this.resetMetrics();
    const logs = await runStep(this.#steps.logged("testStep", state), batch);
    return options.returnDict ? logs : this.#asList(logs);
  }

  /** Outputs for one batch, in the structure of the model's outputs: the fastest way to a prediction. */
  async predictOnBatch(x: FitData): Promise<Tensor> {
    const batch = await toSingleBatch("predictOnBatch", x, null, { prepare: this.inputPreparation });
    this.#steps.buildForPredict("predictOnBatch", batch);
    await this.#steps.ids.checkBatch("predictOnBatch", batch);
    const { structure, buffers } = await this.#steps.predict.run(batch);
    const tensors = buffers.map(tensorFromDevice);
    return mapStructure((i: unknown) => tensors[i as number]!, structure) as Tensor;
  }
}

/** Number of samples of a traced batch: the first axis of its first tensor. */
function batchDimension(x: unknown): number {
  const first = flatten(x as Nested<unknown>).find((t) => t instanceof Tensor);
  return first?.shape[0] ?? 1;
}

const verbosity = (verbose: "auto" | number | undefined): number =>
  verbose === undefined || verbose === "auto" ? 1 : verbose;

function warnOfNaN(batch: number, epoch: number): void {
  console.warn(
    `fit: the loss is NaN at batch ${batch} of epoch ${epoch + 1}. Look for a learning rate that is too large, ` +
      "NaN or infinity in the data, or a loss that does not fit the outputs (probabilities where it expects logits)",
  );
}

/** Whether to validate after epoch `epoch` (from 0). */
function isValidationEpoch(freq: number | readonly number[], epoch: number): boolean {
  if (typeof freq === "number") return (epoch + 1) % freq === 0;
  if (Array.isArray(freq)) return freq.includes(epoch + 1);
  throw new TypeError(
    `fit: expected \`validationFreq\` to be a number or a list of epochs. Received: ${describe(freq)}`,
  );
}
