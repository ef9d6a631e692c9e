/** What the type checker knows of callbacks, through the package's public names alone. Compiled by `tsc`, never run. */
import * as keras from "../../src/node.ts";

const { callbacks } = keras;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

// With or without `new`; what comes first stands alone or among the options.
const best = callbacks.ModelCheckpoint("best.keras", { saveBestOnly: true, mode: "max", saveFreq: "epoch" });
is<number | null>()(best.best, true);
is<"epoch" | number>()(new callbacks.ModelCheckpoint({ filepath: "a.keras", saveFreq: 100 }).saveFreq, true);
const slower: keras.callbacks.ReduceLROnPlateau = callbacks.ReduceLROnPlateau({ factor: 0.5, minLr: 1e-5 });
is<boolean>()(slower.inCooldown, true);
const board = callbacks.TensorBoard("logs", { updateFreq: "batch", histogramFreq: 1 });
is<"epoch" | number>()(board.updateFreq, true);

// The parameters of a schedule are known.
const schedule = callbacks.LearningRateScheduler((epoch, rate) => {
  is<number>()(epoch, true);
  is<number>()(rate, true);
  return rate / (epoch + 1);
});

const all: keras.callbacks.Callback[] = [
  best,
  slower,
  board,
  schedule,
  callbacks.BackupAndRestore("backup", { saveFreq: 10, doubleCheckpoint: true }),
  callbacks.CSVLogger("log.csv", { separator: ";", append: true }),
  callbacks.RemoteMonitor({ root: "https://example.com", headers: { authorization: "…" }, sendAsJson: true }),
  callbacks.SwapEMAWeights({ swapOnEpoch: true }),
  callbacks.TerminateOnNaN({ raiseError: true }),
];
export const run = (model: keras.Model, x: keras.Tensor): Promise<keras.callbacks.History> =>
  model.fit(x, x, { callbacks: all });

// A callback of the user's own learns whether the run came to its end.
export class Tidy extends callbacks.Callback {
  override onTrainEnd(): void {
    is<boolean | undefined>()(this.params.interrupted, true);
    this.model.restoredEpoch = 3;
  }
}

// Mistakes are seen.
// @ts-expect-error: unknown mode
callbacks.ReduceLROnPlateau({ mode: "lower" });
// @ts-expect-error: a schedule gives a number
callbacks.LearningRateScheduler(() => "0.1");
// @ts-expect-error: profiles are not supported
callbacks.TensorBoard("logs", { profileBatch: 2 });
// @ts-expect-error: how often to save is no other word
callbacks.BackupAndRestore("backup", { saveFreq: "batch" });
