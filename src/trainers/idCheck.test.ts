/** Row numbers of an Embedding are checked in every run, wherever the inputs and labels are. */
import { beforeAll, expect, it } from "vitest";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model } from "../models/model.ts";
import * as ops from "../ops/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";

beforeAll(registerAllBuiltins);

it("checks what the host part of a model gives, in fit, validation and evaluate", async () => {
  const text = Input({ shape: [1], dtype: "string" });
  const ids = layers.StringLookup({ vocabulary: ["a", "b", "c"] })(text);
  const rows = layers.Flatten()(layers.Embedding(3, 2)(ids));
  const model = Model({ inputs: text, outputs: layers.Dense(1)(rows) });
  model.compile({ optimizer: "sgd", loss: "mse" });
  const quiet = { verbose: 0 } as const;
  const y = ops.ones([2, 1]);
  const words = /id 3 .* is out of range: the layer has 3 rows/;
  // "c" is row 3 of a table of three.
  await expect(model.fit(["a", "c"], y, quiet)).rejects.toThrow(words);
  await expect(model.evaluate(["a", "c"], y, quiet)).rejects.toThrow(words);
  await expect(model.fit(["a", "b"], y, { ...quiet, validationData: [["a", "c"], y] })).rejects.toThrow(words);
});
