/** Keeps the state of a training, so that one that was interrupted can go on. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe } from "../core/errors.ts";
import type { FileSystem } from "../core/platform.ts";
import { Callback } from "./callback.ts";
import { bytesOfText, checkPath, filesFor } from "./files.ts";
import { BatchCounter, checkSaveFreq, type SaveFreq } from "./saveFrequency.ts";

/** Options of {@link BackupAndRestore}. */
export interface BackupAndRestoreOptions {
  backupDir?: string;
  /** `"epoch"`, or the number of batches after which to save. @defaultValue `"epoch"` */
  saveFreq?: SaveFreq;
  /** Keeps the backup before the last one too, for when the last one cannot be read. @defaultValue `false` */
  doubleCheckpoint?: boolean;
  /** Removes the folder at the end of the training. @defaultValue `true` */
  deleteCheckpoint?: boolean;
}

/** What is asked of a model here. */
interface RestoredModel {
  saveWeights(path: string): Promise<void>;
  loadWeights(path: string): Promise<void>;
}

const WEIGHTS = "latest.weights.h5";
const METADATA = "training_metadata.json";
const PREVIOUS = ".bkp";

class BackupAndRestoreBase extends Callback {
  static readonly className = "BackupAndRestore";

  readonly backupDir: string;
  readonly saveFreq: SaveFreq;
  readonly doubleCheckpoint: boolean;
  readonly deleteCheckpoint: boolean;
  readonly #files: FileSystem;
  #epoch = 0;

  constructor(backupDir: string | BackupAndRestoreOptions, options: BackupAndRestoreOptions = {}) {
    super();
    const given = typeof backupDir === "object" && backupDir !== null ? backupDir : { ...options, backupDir };
    checkOptions("BackupAndRestore", given, ["backupDir", "saveFreq", "doubleCheckpoint", "deleteCheckpoint"]);
    checkPath("BackupAndRestore", "backupDir", given.backupDir);
    this.backupDir = given.backupDir;
    this.saveFreq = given.saveFreq ?? "epoch";
    this.doubleCheckpoint = given.doubleCheckpoint ?? false;
    this.deleteCheckpoint = given.deleteCheckpoint ?? true;
    checkSaveFreq("BackupAndRestore", this.saveFreq);
    this.#files = filesFor(
      "BackupAndRestore",
      "Keep `await keras.saving.weightsToBytes(model)` and the epoch yourself, and pass `initialEpoch` to fit",
    );
    if (this.saveFreq !== "epoch") this.#saveAfterBatches(new BatchCounter(this.saveFreq));
  }

  /** The hook is there only where it is needed: with one, steps run one by one. */
  #saveAfterBatches(counter: BatchCounter): void {
    this.onTrainBatchEnd = (batch) => (counter.isTime(batch) ? this.#save(batch) : undefined);
  }

  get #model(): RestoredModel {
    return this.model as unknown as RestoredModel;
  }

  override async onTrainBegin(): Promise<void> {
    try {
      await this.#load("");
    } catch (error) {
      if (!(await this.#files.exists(this.#path(WEIGHTS + PREVIOUS)))) throw this.#unreadable(error);
      await this.#load(PREVIOUS).catch(() => {
        throw this.#unreadable(error);
      });
      console.warn(
        `BackupAndRestore: the last backup cannot be read, so training goes on from the one before. ${(error as Error).message}`,
      );
    }
  }

  /** Restores weights, optimizer state and epoch, as far as there are files. */
  async #load(suffix: string): Promise<void> {
    const [weights, metadata] = [this.#path(WEIGHTS + suffix), this.#path(METADATA + suffix)];
    if (await this.#files.exists(weights)) await this.#model.loadWeights(weights);
    if (!(await this.#files.exists(metadata))) return;
    const text = new TextDecoder().decode(await this.#files.read(metadata));
    const { epoch } = JSON.parse(text) as { epoch?: unknown };
    if (!Number.isInteger(epoch)) {
      throw new RangeError(`${metadata}: expected "epoch" to be a whole number. Received: ${describe(epoch)}`);
    }
    // As in Keras, a training that did not end its first epoch begins where `fit` is told to.
    if (epoch !== 0) this.model.restoredEpoch = epoch as number;
  }

  #unreadable(cause: unknown): Error {
    return new Error(
      `BackupAndRestore: the backup in ${this.backupDir} cannot be restored: ${(cause as Error).message}\n` +
        "Remove that folder to begin anew, or choose another `backupDir` for this training",
      { cause },
    );
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
  }

  override async onEpochEnd(epoch: number): Promise<void> {
    this.#epoch = epoch + 1;
    if (this.saveFreq === "epoch") await this.#save(0);
  }

  async #save(batch: number): Promise<void> {
    await this.#files.makeDirectory(this.backupDir);
    if (this.doubleCheckpoint) for (const name of [WEIGHTS, METADATA]) await this.#keepPrevious(this.#path(name));
    await this.#model.saveWeights(this.#path(WEIGHTS));
    const metadata = `{"epoch": ${this.#epoch}, "batch": ${batch}}`; // as Python's json.dumps writes it
    await this.#files.writeAtomic(this.#path(METADATA), bytesOfText(metadata));
  }

  async #keepPrevious(path: string): Promise<void> {
    if (await this.#files.exists(path)) await this.#files.writeAtomic(path + PREVIOUS, await this.#files.read(path));
  }

  #path(name: string): string {
    return this.#files.join(this.backupDir, name);
  }

  override async onTrainEnd(): Promise<void> {
    if (this.deleteCheckpoint && !this.params.interrupted) await this.#files.remove(this.backupDir);
  }
}

/**
 * Backs up weights, optimizer state and epoch while `fit` runs, and restores them at the beginning of a `fit` that finds such a
 * backup: a training whose process ended goes on where it was when it is started again with the same model and arguments.
 *
 * The backup is removed when the training comes to its end; an error, Ctrl-C or an abort signal leaves it. As in Keras, a
 * training always goes on with the beginning of an epoch: with `saveFreq` in batches the weights are newer, and the epoch that
 * was interrupted is run again. The order of samples is drawn anew. Keras in Python restores these backups, and the other way round.
 *
 * @param backupDir - A folder of its own, which is made and removed as a whole.
 * @throws RangeError for an unknown `saveFreq`; Error in the run for a backup that does not fit the model or cannot be read.
 * @example
 * await model.fit(x, y, { epochs: 100, callbacks: [BackupAndRestore("backup")] });
 * @see keras/src/callbacks/backup_and_restore.py (Keras 3.x). There, a batch that is saved in the epoch after a restore counts
 *   as one of epoch 0; here it keeps its epoch.
 */
export const BackupAndRestore = callable(BackupAndRestoreBase);
export type BackupAndRestore = BackupAndRestoreBase;
