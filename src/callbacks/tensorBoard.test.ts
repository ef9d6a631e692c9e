/** Against the event files that real Keras writes: test/fixtures/event_files.json. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Dense, Input } from "../layers/index.ts";
import { type Model, Sequential } from "../models/index.ts";
import * as optimizers from "../optimizers/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { camelKeys, data, inBrowser, regressor } from "../testing/callbackCases.ts";
import { decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import { decodePng } from "../utils/decodePng.ts";
import { maskedCrc } from "./eventFile.ts";
import { TensorBoard, type TensorBoardOptions } from "./index.ts";
import { imageSummary } from "./summaries.ts";

beforeAll(registerAllBuiltins);

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keras-ts-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const { cases } = loadFixture<{
  cases: {
    options: Record<string, unknown>;
    counts: [epochs: number, batches: number, testBatches: number];
    weights: EncodedArray[];
    files: Record<"train" | "validation", string[]>;
  }[];
}>("event_files");

/** Events of a folder, each with its time taken out, after a check of lengths and checksums. */
function eventsIn(part: string): Buffer[] {
  const names = readdirSync(join(folder, part));
  expect(names.length).toBe(1);
  expect(names[0]).toMatch(/^events\.out\.tfevents\.\d{10}\.keras-ts\.[-\da-f]{36}\.v2$/);
  let rest = readFileSync(join(folder, part, names[0]!));
  const events: Buffer[] = [];
  while (rest.length > 0) {
    const length = Number(rest.readBigUInt64LE(0));
    const event = Buffer.from(rest.subarray(12, 12 + length));
    expect(rest.readUInt32LE(8)).toBe(maskedCrc(rest.subarray(0, 8)));
    expect(rest.readUInt32LE(12 + length)).toBe(maskedCrc(event));
    expect(Math.abs(event.readDoubleLE(1) - Date.now() / 1000)).toBeLessThan(100);
    event.fill(0, 1, 9);
    events.push(event);
    rest = rest.subarray(16 + length);
  }
  return events;
}

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47]);
const tagOf = (event: Buffer): string => /[a-z_/]{5,}/.exec(event.toString("latin1"))![0];

/** An event, with what is free in it taken apart: the pixels of images, whose compression may differ, and JSON. */
function readable(event: Buffer): unknown {
  const text = event.toString("latin1");
  const png = event.indexOf(PNG);
  if (png >= 0) {
    const { data, width, height } = decodePng(event.subarray(png));
    return [tagOf(event), width, height, Array.from(data)];
  }
  const json = text.indexOf('{"module"');
  if (json >= 0)
    return [JSON.parse(text.slice(json, text.lastIndexOf("}") + 1)), text.slice(text.lastIndexOf("}") + 1)];
  return event.toString("base64");
}

/** Calls hooks as tools/fixtures/event_files.py does. */
async function drive(callback: TensorBoard, model: Model, counts: (typeof cases)[number]["counts"]): Promise<void> {
  const [epochs, batches, testBatches] = counts;
  callback.setParams({ verbose: 0, epochs, steps: batches });
  callback.setModel(model);
  await callback.onTrainBegin();
  let step = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    await callback.onEpochBegin();
    for (let batch = 0; batch < batches; batch++) {
      await callback.onTrainBatchBegin(batch, {});
      step++;
      (model.optimizer!.iterations as Variable).assign(step);
      await callback.onTrainBatchEnd(batch, { loss: 1 / step, mae: 3 / step });
    }
    let logs: Record<string, number> = { loss: 1 / step, mae: 3 / step };
    if (testBatches > 0) {
      await callback.onTestEnd({ loss: 2 / step, mae: 5 / step });
      logs = { ...logs, val_loss: 2 / step, val_mae: 5 / step };
    }
    for (const weight of model.weights) if (weight.ndim > 1) weight.assign(weight.value.mul(0.5));
    await callback.onEpochEnd(epoch, logs);
  }
  await callback.onTrainEnd();
}

function withWeights(arrays: readonly EncodedArray[]): Model {
  const model = regressor(optimizers.SGD(0.25, { name: "sgd" }));
  for (const [i, weight] of model.weights.entries()) {
    weight.assign(tensor(Float32Array.from(decodeNumbers(arrays[i]!)), [...arrays[i]!.shape]));
  }
  return model;
}

describe("TensorBoard", () => {
  it.each(cases)("with $options and $counts writes the events that Keras writes", async (expected) => {
    const callback = TensorBoard(folder, camelKeys<TensorBoardOptions>(expected.options));
    await drive(callback, withWeights(expected.weights), expected.counts);
    expect(readdirSync(folder).sort()).toEqual(Object.keys(expected.files));
    // Keras loses events at the ends of epochs that do not come at a batch that is logged.
    const [, batches] = expected.counts;
    const { updateFreq } = callback;
    const loses = updateFreq !== "epoch" && batches % updateFreq !== 0;
    for (const [part, records] of Object.entries(expected.files)) {
      const [version, ...events] = eventsIn(part);
      const [theirVersion, ...theirs] = records.map((record) => Buffer.from(record, "base64"));
      expect(version).toEqual(theirVersion!.subarray(0, version!.length)); // they name the program that wrote it
      const ours = events.map(readable);
      if (!loses) expect(ours).toEqual(theirs.map(readable));
      else {
        expect(ours.filter((_, i) => tagOf(events[i]!).startsWith("batch_"))).toEqual(
          theirs.filter((event) => tagOf(event).startsWith("batch_")).map(readable),
        );
        expect(ours).toEqual(expect.arrayContaining(theirs.map(readable)));
      }
    }
  });

  it("follows fit: curves of both parts, histograms, speed", async () => {
    const callbacks = new TensorBoard({ logDir: folder, histogramFreq: 2, writeStepsPerSecond: true, updateFreq: 2 });
    const options = { verbose: 0, batchSize: 8, epochs: 3, callbacks, validationData: [data.x, data.y] } as const;
    await regressor("sgd").fit(data.x, data.y, options as never);
    const tags = (part: string): string[] => eventsIn(part).slice(1).map(tagOf);
    const epoch = ["epoch_loss", "epoch_mae", "epoch_learning_rate", "epoch_steps_per_second"];
    const histograms = ["hidden/kernel", "hidden/bias", "out/kernel", "out/bias"].map((name) => `${name}/histogram`);
    const batch = ["batch_steps_per_second", "batch_loss", "batch_mae"];
    expect(tags("train")).toEqual([
      "keras",
      ...[...batch, ...epoch, ...histograms], // batch 2
      ...[...batch, ...batch, ...epoch], // batches 4 and 6
      ...[...batch, ...epoch, ...histograms], // batch 8
    ]);
    const validation = ["evaluation_loss_vs_iterations", "evaluation_mae_vs_iterations", "epoch_loss", "epoch_mae"];
    expect(tags("validation")).toEqual([...validation, ...validation, ...validation]);
  });

  it("is there for evaluate alone, and for the graph of a sequential model", async () => {
    const model = Sequential([Input({ shape: [3] }), Dense(1)]);
    model.compile({ optimizer: "sgd", loss: "mse" });
    await model.evaluate(data.x, data.y, { verbose: 0, callbacks: TensorBoard(folder) });
    expect(eventsIn("validation").slice(1).map(tagOf)).toEqual(["evaluation_loss_vs_iterations"]);
    expect(eventsIn("train").slice(1).map(tagOf)).toEqual(["keras"]);
  });

  it("leaves steps in groups where no batches are logged", () => {
    const { prototype } = TensorBoard;
    expect(TensorBoard(folder).onTrainBatchEnd).toBe(prototype.onTrainBatchEnd);
    expect(TensorBoard(folder, { updateFreq: "batch" }).onTrainBatchEnd).not.toBe(prototype.onTrainBatchEnd);
  });

  it("says what it cannot do", () => {
    const make = (options: object) => () => TensorBoard(options);
    expect(make({ profileBatch: 2 })).toThrow(
      "TensorBoard: `profileBatch` is not supported: profiles of steps are those of TensorFlow and JAX; " +
        "`writeStepsPerSecond: true` logs the speed. Leave it out. Received: 2",
    );
    expect(make({ embeddingsFreq: 1 })).toThrow("`embeddingsFreq` is not supported: the projector cannot read");
    expect(make({ updateFreq: 0 })).toThrow(
      'TensorBoard: expected `updateFreq` to be "epoch", "batch" or a number of batches from 1. Received: 0',
    );
    expect(make({ histogramFreq: 0.5 })).toThrow(
      "expected `histogramFreq` to be a number of epochs, 0 for no histograms",
    );
    expect(make({ logDir: "" })).toThrow('expected `logDir` to be a path. Received: ""');
    expect(make({ histogramFrequency: 1 })).toThrow('Did you mean "histogramFreq"?');
    expect(() => inBrowser(() => TensorBoard("logs"))).toThrow(
      "TensorBoard: there are no files in browsers. Read the record that `fit` returns",
    );
  });
});

describe("checksums and images", () => {
  it("are the standard's", () => {
    // CRC-32C of "123456789" is 0xe3069283 (RFC 3720, appendix B.4 has others); masked as in tensorflow/core/lib/hash/crc32c.h.
    const crc = 0xe3069283;
    expect(maskedCrc(new TextEncoder().encode("123456789"))).toBe((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  });

  it("take the shapes of Keras's weights", () => {
    const values = Float64Array.from({ length: 36 }, (_, i) => i / 36);
    const sizes = (shape: number[]) =>
      imageSummary(
        "w",
        values.slice(
          0,
          shape.reduce((a, b) => a * b, 1),
        ),
        shape,
      )?.tensor.shape[0];
    // Two for width and height, and at most three images.
    expect([[4], [2, 3], [3, 2], [3, 3, 4], [1, 3, 3, 1, 2], [2, 3, 2, 3], [2, 2, 2, 2]].map(sizes)).toEqual([
      3,
      3,
      3,
      5,
      4,
      4,
      undefined,
    ]);
  });
});
