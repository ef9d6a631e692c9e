import { describe, expect, it, vi } from "vitest";
import * as layers from "../layers/index.ts";
import { Model, type ModelBase } from "../models/model.ts";
import * as ops from "../ops/index.ts";
import { deserializeObject } from "../serialization/serialize.ts";
import {
  camelCased,
  loadCases,
  type ModelCase,
  mnistMlp,
  modelOf,
  nestedModel,
  withTerminal,
} from "../testing/exampleModels.ts";
import { loadFixture } from "../testing/fixtures.ts";
import { readableCount, readableMemorySize } from "./modelSize.ts";
import { printSummary, type SummaryOptions, summaryText } from "./summary.ts";

interface SummaryCase extends ModelCase {
  readonly state: "built" | "compiled" | "trained" | "unbuilt" | "called on (2, 5)";
  readonly optimizer?: Record<string, unknown>;
  readonly text: string;
}

const cases = loadCases<SummaryCase>("summaries");

/** The class of the same name in tools/fixtures/zoo.py. */
class Subclassed extends Model {
  first = layers.Dense(4, { activation: "relu", name: "first" });
  second = layers.Dense(2, { name: "second" });

  override call(x: never): unknown {
    return this.second(this.first(x));
  }
}

function modelInState(c: SummaryCase): ModelBase {
  const model = c.model === "subclassed" ? new Subclassed({ name: "sub" }) : modelOf(cases, c);
  if (c.state === "called on (2, 5)") model.invoke([ops.zeros([2, 5])]);
  if (c.optimizer) model.compile({ optimizer: deserializeObject(c.optimizer) as never, loss: "mse" });
  // Training matters here only in that the optimizer gets its state.
  if (c.state === "trained") model.optimizer!.build(model.trainableVariables);
  return model;
}

describe("summaryText", () => {
  it.each(cases.map((c, i) => [i, c.model, c.state, JSON.stringify(c.options), c] as const))(
    "case %i: %s, %s, %s is Keras's text",
    (_, _model, _state, _options, c) => {
      const model = modelInState(c);
      const options = camelCased(c.options) as SummaryOptions;
      // As the generator does: a table is never wider than the terminal.
      const columns = Math.max(80, options.lineLength ?? 0);
      withTerminal({ columns }, () => expect(summaryText(model, options)).toBe(c.text));
    },
  );

  it("keeps a table that is wider than the terminal whole", () => {
    const model = mnistMlp();
    withTerminal({ columns: 40 }, () => {
      const lines = summaryText(model, { lineLength: 60 }).split("\n");
      expect(new Set(lines.slice(1, -4).map((line) => line.length))).toEqual(new Set([60]));
    });
  });

  it("folds a name that is longer than the terminal", () => {
    const { inputs, outputs } = mnistMlp();
    const model = Model({ inputs: inputs[0]!, outputs: outputs[0]!, name: "n".repeat(100) });
    // What rich 15.0 prints for the same name in 80 columns.
    const lines = ["Model: ", `"${"n".repeat(79)}`, `${"n".repeat(21)}"`];
    withTerminal({ columns: 80 }, () => expect(summaryText(model).split("\n").slice(0, 3)).toEqual(lines));
  });
});

describe("printSummary", () => {
  it("hands the whole text to printFn at once", () => {
    const printFn = vi.fn();
    const model = mnistMlp();
    const printed = withTerminal({}, () => printSummary(model, { printFn }));
    expect(printed).toBe("");
    expect(printFn.mock.calls).toEqual([[summaryText(model)]]);
  });

  it("prints plain text where output is no terminal, NO_COLOR is set or the terminal is dumb", () => {
    const model = mnistMlp();
    const plain = summaryText(model);
    expect(withTerminal({}, () => model.summary())).toBe(plain);
    expect(withTerminal({ interactive: true }, () => model.summary(), { NO_COLOR: "1" })).toBe(plain);
    expect(withTerminal({ interactive: true }, () => model.summary(), { TERM: "dumb" })).toBe(plain);
  });

  it("adds Keras's colours on a terminal, and nothing else", () => {
    const model = mnistMlp();
    const output = withTerminal({ interactive: true }, () => model.summary({ showTrainable: true }));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with that character.
    expect(output.replaceAll(/\x1b\[[\d;]*m/g, "")).toBe(summaryText(model, { showTrainable: true }));
    expect(output).toContain('\x1b[1mModel: "mnist_model"\x1b[0m\n');
    expect(output).toContain("digits (\x1b[38;5;33mInputLayer\x1b[0m)");
    expect(output).toContain("(\x1b[38;5;45mNone\x1b[0m, \x1b[38;5;34m784\x1b[0m)");
    expect(output).toContain("\x1b[1;38;5;34mY\x1b[0m");
  });

  it("takes the width of the terminal, four columns less, up to 88", () => {
    const model = mnistMlp();
    for (const [columns, width] of [
      [60, 56],
      [92, 88],
      [300, 88],
    ] as const) {
      const output = withTerminal({ columns }, () => model.summary());
      expect(output.split("\n")[1]).toHaveLength(width);
    }
  });
});

describe("errors", () => {
  const model = nestedModel();
  it.each<[string, unknown, string]>([
    ["an unknown option", { line_length: 80 }, 'unknown option `line_length`. Did you mean "lineLength"?'],
    ["a wrong width", { lineLength: 0 }, "expected `lineLength` to be a positive integer. Received: 0"],
    ["a narrow table", { lineLength: 12 }, 'column "Param #" would be 3 characters wide and needs 4'],
    ["positions", { positions: [0.5, 1] }, 'for each of the columns "Layer (type)", "Output Shape", "Param #"'],
    ["positions of another kind", { positions: "wide" }, "expected `positions` to be an array of numbers"],
    ["a printFn", { printFn: "stdout" }, "expected `printFn` to be a function"],
    ["a range of one", { layerRange: ["encoder"] }, "expected `layerRange` to be two layer names"],
    ["a range", { layerRange: ["encoder", "tail"] }, 'no layer matches "tail" of `layerRange`. The model has: outer, '],
  ])("names %s", (_, options, words) => {
    expect(() => summaryText(model, options as SummaryOptions)).toThrow(words);
  });

  it("asks for a model", () => {
    expect(() => summaryText(layers.Dense(2, { name: "d" }) as never)).toThrow("expected a model. Received: ");
  });
});

describe("sizes", () => {
  const { memory } = loadFixture<{ memory: Record<string, string> }>("summaries");
  it.each(Object.entries(memory))("%s bytes are %s", (bytes, text) => {
    expect(readableMemorySize(Number(bytes))).toBe(text);
  });

  // Python: "{:.2f}".format(1.125) == "1.12", format(1.375) == "1.38"; JavaScript's toFixed gives 1.13 and 1.38.
  it.each([
    [1152, "1.12 KB"],
    [1408, "1.38 KB"],
  ])("%i bytes round half to even", (bytes, text) => {
    expect(readableMemorySize(bytes)).toBe(text);
  });

  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [1234567, "1,234,567"],
  ])("%i has its commas", (count, text) => {
    expect(readableCount(count)).toBe(text);
  });
});
