/** Saves the model while it trains. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe } from "../core/errors.ts";
import type { FileSystem } from "../core/platform.ts";
import { Callback, type Logs } from "./callback.ts";
import { checkPath, filesFor, makeFolderOf } from "./files.ts";
import { Monitor, type MonitorMode } from "./monitor.ts";
import { say } from "./print.ts";
import { formatTemplate } from "./pythonFormat.ts";
import { BatchCounter, checkSaveFreq, type SaveFreq } from "./saveFrequency.ts";

/** Options of {@link ModelCheckpoint}. */
export interface ModelCheckpointOptions {
  filepath?: string;
  /** Name of the log that tells how good the model is; needed with `saveBestOnly`. @defaultValue `"val_loss"` */
  monitor?: string;
  /** 1 prints when it acts. @defaultValue `0` */
  verbose?: number;
  /** Saves only when the model is better than it ever was. @defaultValue `false` */
  saveBestOnly?: boolean;
  /** Weights and optimizer state in a `.weights.h5` file, instead of a whole model. @defaultValue `false` */
  saveWeightsOnly?: boolean;
  /** Which direction is better; auto decides by the metric. @defaultValue `"auto"` */
  mode?: MonitorMode;
  /** `"epoch"`, or the number of batches after which to save. @defaultValue `"epoch"` */
  saveFreq?: SaveFreq;
  /** Value that the first model has to be better than. @defaultValue `null` */
  initialValueThreshold?: number | null;
}

const OPTIONS = [
  "filepath",
  "monitor",
  "verbose",
  "saveBestOnly",
  "saveWeightsOnly",
  "mode",
  "saveFreq",
  "initialValueThreshold",
] as const;

/** What is asked of a model here. */
interface SavedModel {
  save(path: string): Promise<void>;
  saveWeights(path: string): Promise<void>;
}

/** @throws RangeError for an ending that the file may not have. */
function checkEnding(filepath: string, saveWeightsOnly: boolean): void {
  const ending = saveWeightsOnly ? ".weights.h5" : ".keras";
  if (filepath.endsWith(ending)) return;
  const old = !saveWeightsOnly && filepath.endsWith(".h5");
  const hint = old ? " The old HDF5 format is not written; `saveWeightsOnly: true` writes .weights.h5." : "";
  throw new RangeError(
    `ModelCheckpoint: expected \`filepath\` to end in "${ending}"${saveWeightsOnly ? ", for `saveWeightsOnly` is on" : ""}. ` +
      `Received: ${describe(filepath)}.${hint}`,
  );
}

class ModelCheckpointBase extends Callback {
  static readonly className = "ModelCheckpoint";

  readonly filepath: string;
  readonly monitor: string;
  readonly saveBestOnly: boolean;
  readonly saveWeightsOnly: boolean;
  readonly saveFreq: SaveFreq;
  /** Best value so far, or `null`. It is kept from one run to the next. */
  best: number | null;
  readonly #verbose: number;
  readonly #monitor: Monitor;
  readonly #files: FileSystem;
  #epoch = 0;

  constructor(filepath: string | ModelCheckpointOptions, options: ModelCheckpointOptions = {}) {
    super();
    const given = typeof filepath === "object" && filepath !== null ? filepath : { ...options, filepath };
    checkOptions("ModelCheckpoint", given, OPTIONS);
    checkPath("ModelCheckpoint", "filepath", given.filepath);
    this.filepath = given.filepath;
    this.monitor = given.monitor ?? "val_loss";
    this.saveBestOnly = given.saveBestOnly ?? false;
    this.saveWeightsOnly = given.saveWeightsOnly ?? false;
    this.saveFreq = given.saveFreq ?? "epoch";
    this.best = given.initialValueThreshold ?? null;
    this.#verbose = given.verbose ?? 0;
    this.#monitor = new Monitor("ModelCheckpoint", this.monitor, given.mode ?? "auto");
    checkSaveFreq("ModelCheckpoint", this.saveFreq);
    checkEnding(this.filepath, this.saveWeightsOnly);
    this.#files = filesFor(
      "ModelCheckpoint",
      "Keep the bytes instead: { onEpochEnd: async () => keep(await model.toBytes()) } among the callbacks",
    );
    if (this.saveFreq !== "epoch") this.#saveAfterBatches(new BatchCounter(this.saveFreq));
  }

  /** The hook is there only where it is needed: with one, steps run one by one. */
  #saveAfterBatches(counter: BatchCounter): void {
    this.onTrainBatchEnd = (batch, logs) => (counter.isTime(batch) ? this.#save(this.#epoch, batch, logs) : undefined);
  }

  override onTrainBegin(): void {
    this.#monitor.reset();
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (this.saveFreq === "epoch") await this.#save(epoch, null, logs);
  }

  async #save(epoch: number, batch: number | null, logs: Logs): Promise<void> {
    const path = this.#pathFor(epoch, batch, logs);
    if (!this.#isWorthSaving(epoch, logs, path)) return;
    await makeFolderOf(this.#files, path);
    const model = this.model as unknown as SavedModel;
    await (this.saveWeightsOnly ? model.saveWeights(path) : model.save(path));
    say(this.#verbose, `\nEpoch ${epoch + 1}: finished saving model to ${path}`);
  }

  #pathFor(epoch: number, batch: number | null, logs: Logs): string {
    const numbers = batch === null ? {} : { batch: { int: batch + 1 } };
    try {
      return formatTemplate(this.filepath, { epoch: { int: epoch + 1 }, ...numbers, ...logs });
    } catch (error) {
      throw new RangeError(`ModelCheckpoint: \`filepath\`: ${(error as Error).message}`, { cause: error });
    }
  }

  #isWorthSaving(epoch: number, logs: Logs, path: string): boolean {
    const line = (text: string): void => say(this.#verbose, `\nEpoch ${epoch + 1}: ${text}`);
    if (!this.saveBestOnly) {
      line(`saving model to ${path}`);
      return true;
    }
    const current = this.#monitor.valueIn(logs, ". The model is saved whether or not it got better");
    if (current === null) return true;
    const written = (value: number | null): string =>
      value === null ? "None" : formatTemplate("{value:.5f}", { value });
    const before = written(this.best);
    if (!this.#monitor.isBetter(current, this.best, this.model)) {
      line(`${this.monitor} did not improve from ${before}`);
      return false;
    }
    line(`${this.monitor} improved from ${before} to ${written(current)}, saving model to ${path}`);
    this.best = current;
    return true;
  }
}

/**
 * Saves the model, or its weights, at the end of every epoch or after a number of batches; with `saveBestOnly` only when it got
 * better.
 *
 * The path may hold placeholders as Python's `str.format` has them: `{epoch:02d}` (from 1), `{batch:04d}` (from 1, with a
 * `saveFreq` in batches) and every log, as in `{epoch:02d}-{val_loss:.2f}.keras`. Without any, each file replaces the one before
 * it; a file appears whole or not at all. Folders are made. Batches do not know logs of the validation.
 *
 * @param filepath - Ends in `.keras`, or in `.weights.h5` with `saveWeightsOnly`.
 * @throws RangeError for another ending, for an unknown `mode` or `saveFreq`; in the run for a placeholder without a value, and
 *   when `"auto"` cannot tell which direction is better.
 * @example
 * const best = ModelCheckpoint("best.keras", { monitor: "val_accuracy", saveBestOnly: true });
 * await model.fit(x, y, { validationSplit: 0.1, epochs: 10, callbacks: [best] });
 * const model = await keras.models.loadModel("best.keras");
 * @see keras/src/callbacks/model_checkpoint.py (Keras 3.x); no whole models in `.h5` files.
 */
export const ModelCheckpoint = callable(ModelCheckpointBase);
export type ModelCheckpoint = ModelCheckpointBase;
