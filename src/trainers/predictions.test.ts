/** How the outputs of batches become one result, and when they cannot. */
import { beforeAll, describe, expect, it } from "vitest";
import { Dataset } from "../data/index.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model } from "../models/model.ts";
import { Sequential } from "../models/sequential.ts";
import * as ops from "../ops/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";

beforeAll(registerAllBuiltins);

const quiet = { verbose: 0 } as const;
const long = ops.ones([2, 3, 1]);
const short = ops.full([2, 2, 1], 2);

describe("batches of different lengths", () => {
  it("are refused where outputs keep the lengths, in either order", async () => {
    const same = Sequential([Input({ shape: [null, 1] }), layers.Activation("linear", { name: "same" })]);
    const wayOut =
      "Pad all batches to one length (padSequences with maxlen, paddedBatch of a dataset), or call predictOnBatch";
    await expect(same.predict(Dataset.fromAsyncIterable([long, short]), quiet)).rejects.toThrow(
      'predict: the batches of output "same" cannot be joined: it has shape (2, 3, 1) in batch 0 and (2, 2, 1) in batch 1; ' +
        `all axes but the first must agree. ${wayOut}`,
    );
    await expect(same.predict(() => [short, short, long], quiet)).rejects.toThrow(
      "it has shape (2, 2, 1) in batch 0 and (2, 3, 1) in batch 2",
    );
    expect((await same.predictOnBatch(short)).shape).toEqual([2, 2, 1]);
  });

  it("name the output among several", async () => {
    const x = Input({ shape: [null, 1] });
    const outputs = {
      mean: layers.GlobalAveragePooling1D()(x),
      steps: [layers.Activation("linear", { name: "kept" })(x)],
    };
    const model = Model({ inputs: x, outputs });
    await expect(model.predict(() => [long, short], quiet)).rejects.toThrow('output "steps/kept"');
  });

  it("are joined where outputs have one shape", async () => {
    const x = Input({ shape: [null, 1] });
    const model = Model({ inputs: x, outputs: layers.GlobalAveragePooling1D()(x) });
    const joined = await model.predict(() => [long, short], quiet);
    expect(await joined.array()).toEqual([[1], [1], [2], [2]]);
  });
});
