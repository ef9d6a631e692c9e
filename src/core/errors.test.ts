import { describe, expect, it } from "vitest";
import {
  BackendError,
  checkOptions,
  DTypeError,
  describe as describeValue,
  didYouMean,
  invariant,
  nearestName,
  SerializationError,
  ShapeError,
} from "./errors.ts";

describe("error classes", () => {
  it("are of the built-in class that fits, with their own name", () => {
    expect(new ShapeError("x")).toBeInstanceOf(RangeError);
    expect(new DTypeError("x")).toBeInstanceOf(TypeError);
    const names = [ShapeError, DTypeError, BackendError, SerializationError].map((E) => String(new E("text")));
    expect(names).toEqual(["ShapeError: text", "DTypeError: text", "BackendError: text", "SerializationError: text"]);
  });

  it("mark internal mistakes as such", () => {
    expect(() => invariant(false, "two values share a name")).toThrow("internal: two values share a name");
    expect(() => invariant(true, "")).not.toThrow();
  });
});

describe("nearestName", () => {
  const options = ["units", "activation", "useBias", "kernelInitializer", "l1", "seed"];
  it.each([
    ["use_bias", "useBias"],
    ["usebias", "useBias"],
    ["UNITS", "units"],
    ["unit", "units"],
    ["activaton", "activation"],
    ["kernel_initialiser", "kernelInitializer"],
    ["l2", "l1"],
    ["sede", "seed"],
    ["batchSize", null],
    ["zz", null],
    ["", null],
  ])("of %s is %s", (word, expected) => {
    expect(nearestName(word, options)).toBe(expected);
  });

  it("takes the first of equally near ones", () => {
    expect(nearestName("cat", ["bat", "rat"])).toBe("bat");
    expect(didYouMean("cat", ["bat"])).toBe(' Did you mean "bat"?');
    expect(didYouMean("cat", [])).toBe("");
  });
});

describe("checkOptions", () => {
  it("names the owner, the unknown option, the nearest and all known ones", () => {
    expect(() => checkOptions("Dense", { use_bias: true }, ["units", "useBias"])).toThrow(TypeError);
    expect(() => checkOptions("Dense", { use_bias: true }, ["units", "useBias"])).toThrow(
      'Dense: unknown option `use_bias`. Did you mean "useBias"? Known options: units, useBias.',
    );
    expect(() => checkOptions("fit", { epochs: 1, frobnicate: 1 }, ["epochs"])).toThrow(
      "fit: unknown option `frobnicate`. Known options: epochs.",
    );
    expect(() => checkOptions("Dense", { units: 1 }, ["units"])).not.toThrow();
    expect(() => checkOptions("Dense", {}, [])).not.toThrow();
  });

  it.each([["relu"], [5], [null], [["relu"]], [() => 0]])("refuses %o, which holds no options", (given) => {
    expect(() => checkOptions("Dense", given as object, ["activation"])).toThrow(
      "Dense: expected an object of options such as { activation }. Received: ",
    );
  });
});

describe("describe", () => {
  class Layer {
    name = "dense_1";
  }
  it.each([
    [null, "null"],
    [undefined, "undefined"],
    ["relu", '"relu"'],
    [2.5, "2.5"],
    [7n, "7"],
    [true, "true"],
    [[1, "a", null], '[1, "a", null]'],
    [[1, 2, 3, 4, 5], "an array of 5 elements"],
    [new Float32Array(784), "Float32Array(784)"],
    [new DataView(new ArrayBuffer(4)), "DataView(4)"],
    [new Layer(), 'Layer "dense_1"'],
    [Layer, "function Layer"],
    [new Map(), "Map"],
    [{}, "Object"],
    [Object.create(null), "object"],
    [Symbol("x"), "Symbol"],
  ])("shows %o as %s", (value, expected) => {
    expect(describeValue(value)).toBe(expected);
  });

  it("cuts long strings", () => {
    expect(describeValue("x".repeat(5000)).length).toBeLessThan(250);
  });
});
