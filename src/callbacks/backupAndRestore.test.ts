import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Dense, Input } from "../layers/index.ts";
import { Model } from "../models/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import {
  callbackFixture,
  camelKeys,
  data,
  expectRun,
  fitLike,
  inBrowser,
  type RecordedRun,
  regressor,
} from "../testing/callbackCases.ts";
import { BackupAndRestore, type BackupAndRestoreOptions, Callback, TerminateOnNaN } from "./index.ts";

beforeAll(registerAllBuiltins);

let folder = "";
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "keras-ts-")), "backup");
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(join(folder, ".."), { recursive: true });
});

const { backups } = callbackFixture<{
  backups: {
    optimizer: "adam" | "sgd";
    options: Record<string, unknown>;
    at: [epoch: number, batch: number | null];
    files: Record<string, string | null>;
    rest: RecordedRun;
    remains: string[] | null;
  }[];
}>();

/** Ends the run with an error. */
class Interrupt extends Callback {
  #now = 0;
  constructor(
    readonly epoch: number,
    readonly batch: number | null,
  ) {
    super();
  }
  override onEpochBegin(epoch: number): void {
    this.#now = epoch;
    if (epoch === this.epoch && this.batch === null) throw new Error("interrupted");
  }
  override onTrainBatchEnd(batch: number): void {
    if (this.#now === this.epoch && batch === this.batch) throw new Error("interrupted");
  }
}

const quiet = { batchSize: 8, shuffle: false, verbose: 0 } as const;

/** Trains until it is interrupted. */
async function interrupted(callback: BackupAndRestore, epoch: number, batch: number | null = null): Promise<void> {
  const run = regressor("adam").fit(data.x, data.y, {
    ...quiet,
    epochs: 4,
    callbacks: [callback, new Interrupt(epoch, batch)],
  });
  await expect(run).rejects.toThrow("interrupted");
}

describe("BackupAndRestore", () => {
  it.each(backups)("goes on as Keras does: $optimizer, $options, at $at", async (expected) => {
    const options = camelKeys<BackupAndRestoreOptions>(expected.options);
    const first = regressor(expected.optimizer);
    const callbacks = [BackupAndRestore(folder, options), new Interrupt(...expected.at)];
    await expect(fitLike(first, { epochs: 4 }, { callbacks })).rejects.toThrow("interrupted");
    const files = readdirSync(folder).sort();
    expect(files).toEqual(Object.keys(expected.files));
    for (const [name, text] of Object.entries(expected.files)) {
      if (text !== null) expect(readFileSync(join(folder, name), "utf8")).toBe(text);
    }
    const model = regressor(expected.optimizer);
    const again = new BackupAndRestore({ backupDir: folder, ...options });
    await expectRun(model, await fitLike(model, expected.rest.fit, { callbacks: again }), expected.rest);
    expect(existsSync(folder) ? readdirSync(folder).sort() : null).toEqual(expected.remains);
  });

  it("goes on from a backup that Python Keras made", async () => {
    cpSync(fileURLToPath(new URL("../../test/fixtures/callbacks/backup", import.meta.url)), folder, {
      recursive: true,
    });
    const { optimizer, rest } = backups[0]!;
    const model = regressor(optimizer);
    await expectRun(model, await fitLike(model, rest.fit, { callbacks: BackupAndRestore(folder) }), rest);
    expect(existsSync(folder)).toBe(false);
  });

  it("runs no epoch when the training had come to its end, and the next fit begins anew", async () => {
    const kept = BackupAndRestore(folder, { deleteCheckpoint: false });
    const model = regressor("adam");
    await model.fit(data.x, data.y, { ...quiet, epochs: 2, callbacks: kept });
    expect((await model.fit(data.x, data.y, { ...quiet, epochs: 2, callbacks: kept })).epoch).toEqual([]);
    expect((await model.fit(data.x, data.y, { ...quiet, epochs: 1 })).epoch).toEqual([0]);
  });

  it("keeps the backup of a run that was aborted or failed on NaN, and the epoch of a batch after a restore", async () => {
    const controller = new AbortController();
    const backup = BackupAndRestore(folder, { saveFreq: 1 });
    const abort = { onEpochEnd: (epoch: number) => void (epoch === 1 && controller.abort(new Error("enough"))) };
    const fitted = regressor("adam").fit(data.x, data.y, {
      ...quiet,
      epochs: 9,
      signal: controller.signal,
      callbacks: [backup, abort, { onTrainBatchEnd: () => undefined }],
    });
    await expect(fitted).rejects.toThrow("enough");
    const metadata = () => readFileSync(join(folder, "training_metadata.json"), "utf8");
    expect(metadata()).toMatch(/^\{"epoch": (1, "batch": 2|2, "batch": 0)\}$/);
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const spoil = {
      onTrainBatchEnd: (batch: number, logs: Record<string, number>) => {
        if (batch === 1) logs.loss = Number.NaN;
      },
    };
    const callbacks = [BackupAndRestore(folder, { saveFreq: 1 }), spoil, TerminateOnNaN({ raiseError: true })];
    await expect(regressor("adam").fit(data.x, data.y, { ...quiet, epochs: 9, callbacks })).rejects.toThrow(
      "TerminateOnNaN",
    );
    expect(metadata()).toMatch(/^\{"epoch": [12], "batch": 1\}$/);
  });

  it("falls back on the backup before the last one when that is damaged", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    await interrupted(BackupAndRestore(folder, { doubleCheckpoint: true }), 3);
    writeFileSync(join(folder, "latest.weights.h5"), "damaged");
    const model = regressor("adam");
    const { epoch } = await model.fit(data.x, data.y, { ...quiet, epochs: 4, callbacks: BackupAndRestore(folder) });
    expect(epoch).toEqual([2, 3]);
    expect(warn.mock.calls[0]![0]).toContain(
      "BackupAndRestore: the last backup cannot be read, so training goes on from the one before. ",
    );
  });

  it("says what cannot be restored, with the way out", async () => {
    await interrupted(BackupAndRestore(folder), 2);
    const inputs = Input({ shape: [3] });
    const other = Model({ inputs, outputs: Dense(1)(Dense(5)(inputs)) });
    other.compile({ optimizer: "adam", loss: "mse" });
    const run = (model: Model) => model.fit(data.x, data.y, { ...quiet, callbacks: BackupAndRestore(folder) });
    await expect(run(other)).rejects.toThrow("weights of another architecture");
    await expect(run(other)).rejects.toThrow(
      `Remove that folder to begin anew, or choose another \`backupDir\` for this training`,
    );
    writeFileSync(join(folder, "training_metadata.json"), '{"epoch": "two"}');
    await expect(run(regressor("adam"))).rejects.toThrow('expected "epoch" to be a whole number. Received: "two"');
    writeFileSync(join(folder, "training_metadata.json"), '{"epoch": ');
    await expect(run(regressor("adam"))).rejects.toThrow(`the backup in ${folder} cannot be restored: `);
    expect(existsSync(folder)).toBe(true);
  });

  it.each<[unknown, object, string]>([
    ["", {}, 'expected `backupDir` to be a path. Received: ""'],
    ["b", { saveFreq: false }, 'expected `saveFreq` to be "epoch" or a number of batches from 1. Received: false'],
    ["b", { keepCheckpoint: true }, "unknown option `keepCheckpoint`."],
  ])("refuses %o with %o", (path, options, words) => {
    expect(() => BackupAndRestore(path as string, options)).toThrow(`BackupAndRestore: ${words}`);
  });

  it("needs files", () => {
    expect(() => inBrowser(() => BackupAndRestore("b"))).toThrow(
      "BackupAndRestore: there are no files in browsers. Keep `await keras.saving.weightsToBytes(model)` and the epoch yourself",
    );
  });
});
