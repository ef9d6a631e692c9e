import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { callbackFixture, camelKeys, data, inBrowser, regressor } from "../testing/callbackCases.ts";
import { CSVLogger, type CSVLoggerOptions, LearningRateScheduler } from "./index.ts";

beforeAll(registerAllBuiltins);

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keras-ts-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const { csv } = callbackFixture<{
  csv: {
    logs: Record<string, Record<string, string>[]>;
    cases: { options: Record<string, unknown>; runs: string[]; files: string[] }[];
  };
}>();

const NOT_FINITE: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, "-inf": -Infinity };
const numbers = (logs: Readonly<Record<string, string>>): Record<string, number> =>
  Object.fromEntries(Object.entries(logs).map(([name, text]) => [name, NOT_FINITE[text] ?? Number(text)]));

describe("CSVLogger", () => {
  it.each(csv.cases)("with $options writes what Keras writes for $runs", async ({ options, runs, files }) => {
    const path = join(folder, "log.csv");
    const callback = CSVLogger(path, camelKeys<CSVLoggerOptions>(options));
    const written: string[] = [];
    for (const name of runs) {
      await callback.onTrainBegin();
      for (const [epoch, logs] of csv.logs[name]!.entries()) await callback.onEpochEnd(epoch, numbers(logs));
      callback.onTrainEnd({});
      written.push(readFileSync(path, "utf8"));
    }
    expect(written).toEqual(files);
  });

  it("keeps what `fit` logs, of the callbacks before it too, epoch by epoch", async () => {
    const path = join(folder, "log.csv");
    const lines: number[] = [];
    const callbacks = [
      LearningRateScheduler((epoch) => 0.5 ** (epoch + 2)),
      new CSVLogger({ filename: path }),
      { onEpochEnd: () => void lines.push(readFileSync(path, "utf8").split("\r\n").length - 1) },
    ];
    await regressor("sgd").fit(data.x, data.y, { verbose: 0, epochs: 3, validationSplit: 0.25, callbacks });
    expect(lines).toEqual([2, 3, 4]);
    const rows = readFileSync(path, "utf8")
      .trim()
      .split("\r\n")
      .map((line) => line.split(","));
    expect(rows[0]).toEqual(["epoch", "learning_rate", "loss", "mae", "val_loss", "val_mae"]);
    expect(rows.slice(1).map((row) => row.slice(0, 2))).toEqual([
      ["0", "0.25"],
      ["1", "0.125"],
      ["2", "0.0625"],
    ]);
    expect(readdirSync(folder)).toEqual(["log.csv"]);
  });

  it("adds no header to a file that another run began", async () => {
    const path = join(folder, "log.csv");
    writeFileSync(path, "epoch,loss,val_loss\r\n0,1.0,NA\r\n");
    const callback = CSVLogger(path, { append: true });
    await callback.onTrainBegin();
    await callback.onEpochEnd(1, { loss: 0.5 });
    expect(readFileSync(path, "utf8")).toBe("epoch,loss,val_loss\r\n0,1.0,NA\r\n1,0.5,NA\r\n");
  });

  it("says what is wrong", async () => {
    expect(() => CSVLogger("")).toThrow('CSVLogger: expected `filename` to be a path. Received: ""');
    expect(() => CSVLogger("a.csv", { separator: ", " })).toThrow(
      'CSVLogger: expected `separator` to be one character, such as ",". Received: ", "',
    );
    expect(() => CSVLogger("a.csv", { seperator: ";" } as never)).toThrow('Did you mean "separator"?');
    const missing = join(folder, "no", "log.csv");
    await expect(CSVLogger(missing).onTrainBegin()).rejects.toThrow(
      `cannot write ${missing}: the folder ${join(folder, "no")} does not exist. Create it first.`,
    );
    expect(() => inBrowser(() => CSVLogger("a.csv"))).toThrow(
      "CSVLogger: there are no files in browsers. Read the record that `fit` returns: (await model.fit(…)).history",
    );
  });
});
