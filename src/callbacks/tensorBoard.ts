/** Writes what TensorBoard shows: curves of logs, histograms and images of weights, the graph of layers. */
import { callable } from "../core/callable.ts";
import { fromElement, isFloat } from "../core/dtype.ts";
import { checkOptions, describe } from "../core/errors.ts";
import type { FileSystem } from "../core/platform.ts";
import type { Variable } from "../runtime/variable.ts";
import type { Trainer } from "../trainers/trainer.ts";
import { Callback, type Logs } from "./callback.ts";
import { EventWriter } from "./eventFile.ts";
import { checkPath, filesFor } from "./files.ts";
import { learningRateOf, optimizerOf } from "./learningRate.ts";
import { histogramSummary, imageSummary, modelSummary, scalarSummary } from "./summaries.ts";

/** Options of {@link TensorBoard}. */
export interface TensorBoardOptions {
  /** Folder of the run, with `train` and `validation` in it. @defaultValue `"logs"` */
  logDir?: string;
  /** Epochs between two histograms of the weights; 0 for none. @defaultValue `0` */
  histogramFreq?: number;
  /** Writes the graph of layers of a functional or sequential model. @defaultValue `true` */
  writeGraph?: boolean;
  /** Writes weights as images too, where histograms are written. @defaultValue `false` */
  writeImages?: boolean;
  /** Logs how many steps are done in a second. @defaultValue `false` */
  writeStepsPerSecond?: boolean;
  /** Writes the logs of batches as well: `"batch"`, or a number of batches between them. @defaultValue `"epoch"` (of epochs only) */
  updateFreq?: "epoch" | "batch" | number;
  /** Not supported: only 0. @defaultValue `0` */
  profileBatch?: 0;
  /** Not supported: only 0. @defaultValue `0` */
  embeddingsFreq?: 0;
  /** Not supported. @defaultValue `null` */
  embeddingsMetadata?: null;
}

const OPTIONS = [
  "logDir",
  "histogramFreq",
  "writeGraph",
  "writeImages",
  "writeStepsPerSecond",
  "updateFreq",
  "profileBatch",
  "embeddingsFreq",
  "embeddingsMetadata",
] as const;

const WHERE = "TensorBoard";

/** @throws RangeError for what makes no sense, and for what is not there. */
function checkValues(options: TensorBoardOptions): void {
  const { histogramFreq = 0, updateFreq = "epoch" } = options;
  const isCount = (value: unknown, least: number): boolean => Number.isInteger(value) && (value as number) >= least;
  if (!isCount(histogramFreq, 0)) {
    throw new RangeError(
      `${WHERE}: expected \`histogramFreq\` to be a number of epochs, 0 for no histograms. Received: ${describe(histogramFreq)}`,
    );
  }
  if (updateFreq !== "epoch" && updateFreq !== "batch" && !isCount(updateFreq, 1)) {
    throw new RangeError(
      `${WHERE}: expected \`updateFreq\` to be "epoch", "batch" or a number of batches from 1. Received: ${describe(updateFreq)}`,
    );
  }
  const missing = {
    profileBatch: "profiles of steps are those of TensorFlow and JAX; `writeStepsPerSecond: true` logs the speed",
    embeddingsFreq: "the projector cannot read the weight files that Keras 3 writes for it",
    embeddingsMetadata: "the projector cannot read the weight files that Keras 3 writes for it",
  } as const;
  for (const [name, why] of Object.entries(missing)) {
    const value = options[name as keyof typeof missing] as unknown;
    if (!value) continue;
    throw new RangeError(`${WHERE}: \`${name}\` is not supported: ${why}. Leave it out. Received: ${describe(value)}`);
  }
}

/** What is asked of a model here. */
interface ShownModel {
  readonly layers: readonly { readonly weights: readonly Variable[] }[];
  toJson(): string;
}

type Part = "train" | "validation";

class TensorBoardBase extends Callback {
  static readonly className = "TensorBoard";

  readonly logDir: string;
  readonly histogramFreq: number;
  readonly writeGraph: boolean;
  readonly writeImages: boolean;
  readonly writeStepsPerSecond: boolean;
  /** Batches between two logs, or `"epoch"`. */
  readonly updateFreq: "epoch" | number;
  readonly #files: FileSystem;
  #writers: Partial<Record<Part, EventWriter>> = {};
  #graphWritten = false;
  #inFit = false;
  #batch = 0;
  #batchStart = 0;
  #epochStart = 0;
  #epochFirstStep = 0;

  constructor(logDir: string | TensorBoardOptions = {}, options: TensorBoardOptions = {}) {
    super();
    const given = typeof logDir === "object" && logDir !== null ? logDir : { ...options, logDir };
    checkOptions(WHERE, given, OPTIONS);
    checkValues(given);
    this.logDir = given.logDir ?? "logs";
    checkPath(WHERE, "logDir", this.logDir);
    this.histogramFreq = given.histogramFreq ?? 0;
    this.writeGraph = given.writeGraph ?? true;
    this.writeImages = given.writeImages ?? false;
    this.writeStepsPerSecond = given.writeStepsPerSecond ?? false;
    this.updateFreq = given.updateFreq === "batch" ? 1 : (given.updateFreq ?? "epoch");
    this.#files = filesFor(WHERE, "Read the record that `fit` returns: (await model.fit(…)).history");
    if (this.updateFreq !== "epoch") this.#logBatches(this.updateFreq);
  }

  /** The hooks are there only where they are needed: with them, steps run one by one. */
  #logBatches(every: number): void {
    this.onTrainBatchBegin = () => {
      this.#batch++;
      this.#batchStart = performance.now();
    };
    this.onTrainBatchEnd = (_batch, logs) => {
      if (this.#batch % every !== 0) return;
      const writer = this.#writer("train");
      if (this.writeStepsPerSecond) {
        const rate = 1000 / (performance.now() - this.#batchStart);
        writer.add(this.#batch, scalarSummary("batch_steps_per_second", rate));
      }
      for (const [name, value] of Object.entries(logs)) writer.add(this.#batch, scalarSummary(`batch_${name}`, value));
      return writer.isDue ? writer.flush() : undefined;
    };
  }

  override setModel(model: Trainer): void {
    super.setModel(model);
    this.#writers = {};
    this.#graphWritten = false;
  }

  #writer(part: Part): EventWriter {
    this.#writers[part] ??= new EventWriter(this.#files, this.#files.join(this.logDir, part));
    return this.#writers[part];
  }

  async #flush(): Promise<void> {
    for (const writer of Object.values(this.#writers)) await writer.flush();
  }

  /** The graph of layers, as the dashboard knows it of Keras. */
  #writeGraph(): void {
    const { className } = this.model.constructor as { className?: string };
    if (!this.writeGraph || this.#graphWritten || !["Functional", "Sequential"].includes(className ?? "")) return;
    this.#graphWritten = true;
    try {
      const json = (this.model as unknown as ShownModel).toJson();
      this.#writer("train").add(0, modelSummary("keras", json));
    } catch (error) {
      console.warn(`${WHERE}: the graph is left out, for the model cannot be described. ${(error as Error).message}`);
    }
  }

  /** Number of updates so far. */
  #step(): Promise<number> {
    return Promise.resolve(optimizerOf(WHERE, this.model).iterations.item());
  }

  override async onTrainBegin(): Promise<void> {
    this.#inFit = true;
    this.#batch = 0;
    this.#writeGraph();
    this.#writer("train");
    await this.#flush();
  }

  override async onTrainEnd(): Promise<void> {
    this.#inFit = false;
    await this.#flush();
  }

  override async onTestEnd(logs: Logs): Promise<void> {
    const writer = this.#writer("validation");
    if (this.model.optimizer) {
      const step = await this.#step();
      for (const [name, value] of Object.entries(logs)) {
        writer.add(step, scalarSummary(`evaluation_${name}_vs_iterations`, value));
      }
    }
    if (this.#inFit) return;
    this.#writeGraph();
    await this.#flush();
  }

  override async onEpochBegin(): Promise<void> {
    if (!this.writeStepsPerSecond) return;
    this.#epochFirstStep = await this.#step();
    this.#epochStart = performance.now();
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    await this.#writeLogs(epoch, logs);
    if (this.histogramFreq > 0 && epoch % this.histogramFreq === 0) await this.#writeWeights(epoch);
    await this.#flush();
  }

  async #writeLogs(epoch: number, logs: Logs): Promise<void> {
    const entries = Object.entries(logs);
    const train: Logs = Object.fromEntries(entries.filter(([name]) => !name.startsWith("val_")));
    if (this.model.optimizer) train.learning_rate = await learningRateOf(this.model.optimizer);
    if (this.writeStepsPerSecond) {
      const seconds = (performance.now() - this.#epochStart) / 1000;
      train.steps_per_second = ((await this.#step()) - this.#epochFirstStep) / seconds;
    }
    for (const [name, value] of Object.entries(train)) {
      this.#writer("train").add(epoch, scalarSummary(`epoch_${name}`, value));
    }
    for (const [name, value] of entries) {
      if (!name.startsWith("val_")) continue;
      this.#writer("validation").add(epoch, scalarSummary(`epoch_${name.slice("val_".length)}`, value));
    }
  }

  async #writeWeights(epoch: number): Promise<void> {
    const writer = this.#writer("train");
    for (const weight of (this.model as unknown as ShownModel).layers.flatMap((layer) => layer.weights)) {
      const { dtype, shape } = weight;
      const data = await weight.data();
      const values = Float64Array.from(data as ArrayLike<number>, (element) => fromElement(dtype, element));
      const name = weight.path.replaceAll(":", "_");
      writer.add(epoch, histogramSummary(`${name}/histogram`, values));
      const image = this.writeImages && isFloat(dtype) ? imageSummary(`${name}/image`, values, shape) : null;
      if (image) writer.add(epoch, image);
    }
  }
}

/**
 * Writes event files for TensorBoard: `tensorboard --logdir logs`.
 *
 * - `train` gets every log as `epoch_…`, and the learning rate; with an `updateFreq` in batches also `batch_…`, by the number of the
 *   batch in the run (from 1). `validation` gets the logs of validations as `epoch_…`, and those of each evaluation as
 *   `evaluation_…_vs_iterations`, by the number of updates so far.
 * - Histograms (30 buckets) and images of weights every `histogramFreq` epochs.
 * - The graph of layers. There is no graph of ops, no profile and nothing for the projector.
 *
 * Files appear with the first event and are written at least once an epoch; with `updateFreq` in batches, about once a second.
 *
 * @param logDir - A folder for this run; it is made.
 * @throws RangeError for options that are not supported; Error where there are no files.
 * @example
 * await model.fit(x, y, { epochs: 10, validationSplit: 0.1, callbacks: [TensorBoard("logs/run1", { histogramFreq: 1 })] });
 * @see keras/src/callbacks/tensorboard.py (Keras 3.x). There, an `updateFreq` in batches also drops what is written at the ends of
 *   epochs that it does not divide; here it is about batches only.
 */
export const TensorBoard = callable(TensorBoardBase);
export type TensorBoard = TensorBoardBase;
