import { describe, expect, it } from "vitest";
import { parsePythonJson, toPythonJson } from "./pythonJson.ts";

describe("pythonJson", () => {
  // What Python 3's json.dumps writes for the same values.
  it.each([
    [null, "null"],
    [[1, 2.5, true, false], "[1, 2.5, true, false]"],
    [{ a: 1, b: [] }, '{"a": 1, "b": []}'],
    [{ a: undefined, b: {} }, '{"b": {}}'],
    ["ä\n😀\u007f", '"\\u00e4\\n\\ud83d\\ude00\\u007f"'],
    [
      { x: Number.NaN, y: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] },
      '{"x": NaN, "y": [Infinity, -Infinity]}',
    ],
    [{ units: 1, learning_rate: 1, momentum: 0 }, '{"units": 1, "learning_rate": 1.0, "momentum": 0.0}'],
    [9007199254740993n, "9007199254740993"],
  ])("writes %o as Python does", (value, text) => {
    expect(toPythonJson(value)).toBe(text);
  });

  it("reads what it wrote, and numbers that JSON does not have", () => {
    const value = { a: [Number.NEGATIVE_INFINITY, 1e-7, 'NaN, \\ " Infinity'], b: { NaN: null }, c: -3 };
    expect(parsePythonJson(toPythonJson(value))).toEqual(value);
    expect(parsePythonJson('{"x": NaN}')).toEqual({ x: Number.NaN });
  });

  it.each(["", "{", "{'a': 1}", '{"a": NaN,}', "NaNa"])("refuses %j", (text) => {
    expect(() => parsePythonJson(text)).toThrow(SyntaxError);
  });
});
