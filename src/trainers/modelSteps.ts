/**
 * The steps of a model, from the methods that users may override to programs that run: what must be built before a step is
 * recorded, what is checked of what it returns, and what is kept of it. The loops around steps are elsewhere.
 */
import type { Logs } from "../callbacks/callback.ts";
import { sortedLogs } from "../callbacks/callbackList.ts";
import { flatten, mapStructure, type Nested } from "../core/tree.ts";
import { inputValue } from "../ir/value.ts";
import { placeOf } from "../layers/errorTrail.ts";
import type { LayerBase } from "../layers/layer.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import type { Optimizer } from "../optimizers/index.ts";
import { evaluate } from "../runtime/evaluate.ts";
import { Tensor } from "../runtime/tensor.ts";
import { Trace, withTrace } from "../runtime/trace.ts";
import type { Variable } from "../runtime/variable.ts";
import type { Compiled, LoggedMethod, LoggedStep } from "./compiled.ts";
import type { CompileLoss } from "./compileLoss.ts";
import type { Batch, TensorStructure } from "./dataAdapters/dataAdapter.ts";
import { refuseEmptyAxes } from "./emptyAxes.ts";
import { IdChecks } from "./idCheck.ts";
import type { LabelPlan } from "./labelCheck.ts";
import { modelOutputs, type OutputPlace } from "./outputStructure.ts";
import { readLogs, type StepData, StepFunction } from "./stepFunction.ts";
import { stepLogs } from "./stepResults.ts";

/** A model as its steps see it: a layer with methods for a batch. */
export interface StepModel extends LayerBase {
  readonly inputNames: string[] | null;
  readonly outputNames: string[] | null;
  trainStep(data: StepData): Record<string, Tensor>;
  testStep(data: StepData): Record<string, Tensor>;
  predictStep(data: StepData): Nested<Tensor>;
}

/** What the steps need of a model that it does not show to everybody. */
export interface StepModelInside {
  /** Whether calling the model computes something. */
  hasCall(): boolean;
  /** The optimizer that the model's own `trainStep` uses. */
  optimizer(): Optimizer | null;
}

const LABELS: Readonly<Record<LoggedMethod, string>> = { trainStep: "train step", testStep: "test step" };

/** The inputs of a batch, with the number of samples left open. */
const symbolicInputs = (batch: Batch): Nested<KerasTensor | null> =>
  mapStructure(
    (t: Tensor | null) => (t ? new KerasTensor([null, ...t.shape.slice(1)], { dtype: t.dtype }) : null),
    batch.x,
  );

export class ModelSteps {
  readonly ids: IdChecks;
  readonly #model: StepModel;
  readonly #inside: StepModelInside;
  readonly #defaults: Pick<StepModel, LoggedMethod>;
  #running: LoggedMethod | null = null;
  #predict: StepFunction | null = null;

  /** @param defaults - The steps of models that have none of their own. */
  constructor(model: StepModel, inside: StepModelInside, defaults: Pick<StepModel, LoggedMethod>) {
    this.#model = model;
    this.#inside = inside;
    this.#defaults = defaults;
    this.ids = new IdChecks(model);
  }

  /** The user's own step that is being recorded, for messages. */
  get runningOwn(): LoggedMethod | null {
    return this.#running;
  }

  #isOwn(method: LoggedMethod): boolean {
    return this.#model[method] !== this.#defaults[method];
  }

  // ---------------------------------------------------------------- building

  /**
   * Builds what the first batch decides, without computing: the model if it has no shapes yet, the loss and metric
   * objects, the optimizer's state.
   */
  build(where: string, method: LoggedMethod, compiled: Compiled, batch: Batch): void {
    refuseEmptyAxes(where, batch);
    const model = this.#model;
    const hasCall = this.#inside.hasCall();
    const own = this.#isOwn(method);
    if (!model.built && (hasCall || !own)) model.computeOutputSpec(symbolicInputs(batch));
    if (!own) this.#buildCompiled(compiled, batch);
    // Parts that no call of the model reaches are built by the step, and then the optimizer is.
    const complete = hasCall || model.sublayers.every((layer) => layer.built);
    if (complete && own) model.built = true;
    const optimizer = this.#inside.optimizer();
    if (complete && optimizer && !optimizer.built) optimizer.build(model.trainableVariables);
  }

  /** Builds the loss and metric objects by tracing a call. */
  #buildCompiled(compiled: Compiled, batch: Batch): void {
    const { loss, metrics } = compiled;
    if (metrics.built && (!loss || loss.built) && compiled.labelPlan) return;
    const model = this.#model;
    const placeholder = (t: Tensor | null): Tensor | null => (t ? new Tensor(inputValue(t.node, "batch")) : null);
    withTrace(new Trace(), () => {
      const [x, y] = [batch.x, batch.y].map((part) => mapStructure(placeholder, part as TensorStructure));
      const yPred = model.invoke([x, { training: false }]);
      if (loss) {
        compiled.labelPlan = builtLoss(loss, y, yPred, model.outputNames);
        // Shapes that do not fit show here, before anything is computed.
        loss.call(y, yPred, null, model.outputNames, 1);
      }
      if (y !== null) metrics.build(y, yPred, model.outputNames);
    });
    compiled.labelPlan ??= { outputs: null, uses: [] };
  }

  buildForPredict(where: string, batch: Batch): void {
    refuseEmptyAxes(where, batch);
    if (!this.#model.built) this.#model.computeOutputSpec(symbolicInputs(batch));
  }

  // ---------------------------------------------------------------- recording

  /** The step that `fit` or `evaluate` runs. */
  logged(method: LoggedMethod, { steps, options }: Compiled): LoggedStep {
    let step = steps[method];
    if (!step) {
      const run = (data: StepData): Record<string, Tensor> => this.#checked(method, data);
      const program = new StepFunction(`${LABELS[method]} of "${this.#model.name}"`, run);
      step = { program, eager: options.runEagerly ? run : null, trained: this.#trained() };
      steps[method] = step;
    }
    return step;
  }

  /** What a step returns, once it is sure that it can be logged. */
  #checked(method: LoggedMethod, data: StepData): Record<string, Tensor> {
    this.#running = this.#isOwn(method) ? method : null;
    try {
      return stepLogs(`${method} of ${placeOf(this.#model)}`, this.#model[method](data));
    } finally {
      this.#running = null;
    }
  }

  #trained(): ReadonlyMap<Variable, boolean> {
    const trainable = new Set(this.#model.trainableVariables);
    return new Map(this.#model.variables.map((v) => [v, trainable.has(v)]));
  }

  /** @throws Error when `trainable` was set since the step was made: it goes on as it was recorded. */
  checkTrainable(where: string, { trained }: LoggedStep): void {
    const now = this.#trained();
    for (const [variable, was] of trained) {
      if ((now.get(variable) ?? was) === was) continue;
      throw new Error(
        `${where}: \`trainable\` has changed since model "${this.#model.name}" first trained, for instance of ` +
          `"${variable.path}". What is trained is settled then: call model.compile(…) again after setting \`trainable\``,
      );
    }
  }

  get predict(): StepFunction {
    this.#predict ??= new StepFunction(`predict step of "${this.#model.name}"`, (data) =>
      this.#model.predictStep(data),
    );
    return this.#predict;
  }
}

/** Builds a loss and says how it uses the labels. */
function builtLoss(loss: CompileLoss, y: unknown, yPred: unknown, outputNames: string[] | null): LabelPlan {
  if (y === null || y === undefined) {
    throw new Error(`fit: the model is compiled with a loss but there are no labels. Pass \`y\``);
  }
  loss.build(y, yPred, outputNames);
  const predictions = flatten(yPred as Nested<Tensor>);
  // In the order of the outputs, which is that of label arrays, whatever order the losses were given in.
  const inOrder = loss.perOutput.toSorted((a, b) => a.place.index - b.place.index);
  const shapeOf = (place: OutputPlace): readonly number[] => predictions[place.index]!.shape;
  return {
    outputs: modelOutputs(yPred, outputNames),
    uses: inOrder.map((entry) => ({ ...entry, predictionShape: shapeOf(entry.place) })),
  };
}

/** Runs a step on a batch: the numbers to log. */
export async function runStep({ program, eager }: LoggedStep, batch: Batch): Promise<Logs> {
  if (eager) {
    const logs = eager(batch);
    await evaluate(Object.values(logs).map((t) => t.node));
    const numbers = Object.entries(logs).map(async ([k, t]) => [k, await t.item()] as const);
    return sortedLogs(Object.fromEntries(await Promise.all(numbers)));
  }
  const { structure, buffers } = await program.run(batch);
  return readLogs(structure, buffers);
}
