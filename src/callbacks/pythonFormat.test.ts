/** Against Python itself: test/fixtures/callbacks.json. */
import { describe, expect, it } from "vitest";
import { loadFixture } from "../testing/fixtures.ts";
import { fixed, formatTemplate, type PythonInt, pythonFloat } from "./pythonFormat.ts";

const { floats, formats } = loadFixture<{
  floats: [bytes: string, text: string][];
  formats: { values: Record<string, string>; cases: [template: string, text: string | null, error: string | null][] };
}>("callbacks");

const NOT_FINITE: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, "-inf": -Infinity };

/** A number from its text in Python. */
const numberOf = (text: string): number | PythonInt =>
  NOT_FINITE[text] ?? (/^-?\d+$/.test(text) ? { int: Number(text) } : Number(text));

const values = Object.fromEntries(Object.entries(formats.values).map(([name, text]) => [name, numberOf(text)]));

describe("pythonFloat", () => {
  it.each(floats)("%s is %s", (bytes, text) => {
    expect(pythonFloat(Buffer.from(bytes, "hex").readDoubleLE())).toBe(text);
  });
});

describe("fixed", () => {
  it("rounds halves of the exact number to even, as toFixed does not", () => {
    expect([0.125, 0.375, 2.5, 1.005, 1e-9].map((x) => fixed(x, 2))).toEqual(["0.12", "0.38", "2.50", "1.00", "0.00"]);
  });
});

describe("formatTemplate", () => {
  const templates = new Map(formats.cases.map(([template, ...rest]) => [template, rest]));

  it("writes what Python writes", () => {
    const good = [...templates].filter(([, [text]]) => text !== null);
    expect(good.length).toBeGreaterThan(600);
    const ours = good.map(([template]) => [template, formatTemplate(template, values)]);
    expect(ours).toEqual(good.map(([template, [text]]) => [template, text]));
  });

  it("refuses what Python refuses", () => {
    const bad = [...templates].filter(([, [text]]) => text === null);
    expect(bad.length).toBeGreaterThan(30);
    for (const [template] of bad) {
      expect(() => formatTemplate(template, values), template).toThrow("cannot fill the placeholders of ");
    }
  });

  it.each([
    ["{val_los:.2f}", 'there is no "val_los". Did you mean "val_loss"? There are: epoch, loss, val_loss'],
    ["{epoch", "a single `{`. Placeholders look like {epoch:02d}; write {{ or }} for a brace"],
    ["a}", "a single `}`."],
    ["{loss:02d}", "{loss:02d}: `:02d` is no format of a number with a fraction, such as `:.2f`"],
    ["{epoch:.2}", "{epoch:.2}: `:.2` is no format of a whole number, such as `:02d`"],
    ["{epoch:x}", "`:x` is no format of a whole number"],
  ])("says what is wrong with %s", (template, words) => {
    const some = { epoch: { int: 1 }, loss: 1, val_loss: 2 };
    expect(() => formatTemplate(template, some)).toThrow(RangeError);
    expect(() => formatTemplate(template, some)).toThrow(words);
    expect(() => formatTemplate(template, some)).toThrow(JSON.stringify(template));
  });
});
