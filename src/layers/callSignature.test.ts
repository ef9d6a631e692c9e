import { describe, expect, it } from "vitest";
import { signatureOf } from "./callSignature.ts";

type Fn = (...args: never[]) => unknown;
const keysOf = (fn: unknown) => {
  const { parameters, open } = signatureOf(fn as Fn);
  return open ? "open" : parameters.map(({ keys }) => keys);
};
/** A function from source, as tools for the web write it. */
const made = (source: string): unknown => new Function(`return ${source}`)();
const method = (source: string): unknown => (made(`({ ${source} })`) as { call: unknown }).call;

describe("signatureOf", () => {
  it.each<[string, unknown]>([
    ["call(x, { scale, mode = 'add, {' } = {})", [null, ["scale", "mode"]]],
    ["call(x, {scale:a,mode:b=1}={}){return a}", [null, ["scale", "mode"]]],
    ["call(x)", [null]],
    ["call()", []],
    ["call(x /* , y */, { a, // b, }\n c = [1, 2].map((v) => v), } = {}, )", [null, ["a", "c"]]],
    ["async call([a, b], options)", [null, null]],
    ["call: (x, { a: { b } = {} }) => x", undefined],
    ["call: function named(x, { $a, _b1, ü }) {}", [null, ["$a", "_b1", "ü"]]],
  ])("reads %s", (source, expected) => {
    const text = /^call:|\)\{|\) \{\}$/.test(source) ? source : `${source} { return 1; }`;
    expect(keysOf(method(text))).toEqual(expected === undefined ? [null, ["a"]] : expected);
  });

  it.each([
    "call(x, ...more) {}",
    "call(x) { return arguments.length; }",
    "call(x, { a = /[)}]/ } = {}) {}",
    "call(x, { a = `}` } = {}) {}",
    "call(x, { a = '\\'' } = {}) {}",
    "call: ((x) => x).bind(null)",
    "call: Math.max",
    "call: x => x",
    "['call'](x) {}",
  ])("takes %s for anything", (source) => {
    expect(keysOf(method(source))).toBe("open");
  });

  it.each(["call(x, { a, ...rest }) {}", "call(x, { ['a' + 1]: a }) {}", "call(x, { 'a b': a }) {}"])(
    "takes any options in %s",
    (source) => {
      expect(keysOf(method(source))).toEqual([null, null]);
    },
  );
});
