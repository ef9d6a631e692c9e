import { afterEach, describe, expect, it, vi } from "vitest";
import { setFloatx } from "../core/config.ts";
import { type DType, float16Bits } from "../core/dtype.ts";
import { DTypeError, ShapeError } from "../core/errors.ts";
import * as build from "../ir/build.ts";
import * as ops from "../ops/index.ts";
import { fromNumbers, type NumberArray, Tensor, tensor, tensorFromFunction } from "./tensor.ts";
import { Variable } from "./variable.ts";

afterEach(() => setFloatx("float32"));

describe("tensorFromFunction", () => {
  it("makes its data once, when it is needed", async () => {
    const make = vi.fn(() => Float32Array.of(1, 2));
    const t = tensorFromFunction(make, [2], "float32");
    const sum = new Tensor(build.binary("add", t.node, t.node));
    expect(make).not.toHaveBeenCalled();
    expect(await sum.array()).toEqual([2, 4]);
    expect(await t.array()).toEqual([1, 2]);
    expect(make).toHaveBeenCalledTimes(1);
  });

  it("is never asked where a variable was assigned before", async () => {
    const make = vi.fn(() => Float32Array.of(1, 2));
    const variable = new Variable(tensorFromFunction(make, [2], "float32"));
    variable.assign(tensor([3, 4]));
    expect(await variable.array()).toEqual([3, 4]);
    expect(make).not.toHaveBeenCalled();
  });
});

describe("tensor(…)", () => {
  const cases: [string, () => Tensor, number[], DType, unknown][] = [
    ["a number", () => tensor(7), [], "float32", 7],
    ["a boolean", () => tensor(true), [], "bool", true],
    ["a bigint", () => tensor(2n ** 40n), [], "int64", 2 ** 40],
    ["a number as int32", () => tensor(7.9, [], "int32"), [], "int32", 7],
    ["nothing", () => tensor([]), [0], "float32", []],
    ["empty rows", () => tensor([[], []]), [2, 0], "float32", [[], []]],
    [
      "nested arrays",
      () =>
        tensor([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      [2, 3],
      "float32",
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    ["nested booleans", () => tensor([[true], [false]]), [2, 1], "bool", [[true], [false]]],
    ["booleans among numbers", () => tensor([true, 2]), [2], "float32", [1, 2]],
    [
      "nested arrays in another shape",
      () => tensor([[1, 2, 3, 4]], [2, 2]),
      [2, 2],
      "float32",
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["bigints as float32", () => tensor([1n, 2n], [2], "float32"), [2], "float32", [1, 2]],
    ["negative numbers as uint8", () => tensor([-1, 256], [2], "uint8"), [2], "uint8", [255, 0]],
    ["numbers as bool", () => tensor([0, 2, -0], [3], "bool"), [3], "bool", [false, true, false]],
    ["numbers as float16", () => tensor([1, 2 ** -24], [2], "half"), [2], "float16", [1, 2 ** -24]],
    ["a typed array", () => tensor(Int32Array.of(1, -2)), [2], "int32", [1, -2]],
    [
      "a shaped typed array",
      () => tensor(new Float64Array(4), [2, 2]),
      [2, 2],
      "float64",
      [
        [0, 0],
        [0, 0],
      ],
    ],
    ["a scalar typed array", () => tensor(Float32Array.of(3), []), [], "float32", 3],
    ["64-bit integers", () => tensor(BigInt64Array.of(-5n)), [1], "int64", [-5]],
    ["a clamped array", () => tensor(Uint8ClampedArray.of(255)), [1], "uint8", [255]],
    ["bytes as float32", () => tensor(Uint8Array.of(0, 255), [2], "float32"), [2], "float32", [0, 255]],
    ["bits of half floats", () => tensor(Uint16Array.of(float16Bits(1.5)), [1], "float16"), [1], "float16", [1.5]],
    ["bytes as bool", () => tensor(Uint8Array.of(0, 1, 5), [3], "bool"), [3], "bool", [false, true, true]],
    [
      "rows of typed arrays",
      () => tensor([Float64Array.of(1, 2), Float64Array.of(3, 4)]),
      [2, 2],
      "float64",
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["part of a buffer", () => tensor(new Float32Array(Float32Array.of(1, 2, 3).buffer, 4, 2)), [2], "float32", [2, 3]],
  ];
  it.each(cases)("of %s", async (_, make, shape, dtype, expected) => {
    const t = make();
    expect([t.shape, t.dtype, t.ndim]).toEqual([shape, dtype, shape.length]);
    expect(t.size).toBe(shape.reduce((n, d) => n * d, 1));
    expect(await t.array()).toEqual(expected);
  });

  it("gives numbers floatx", () => {
    setFloatx("bfloat16");
    expect([tensor([1]).dtype, tensor(Float32Array.of(1)).dtype]).toEqual(["bfloat16", "float32"]);
  });

  it.each<[string, () => unknown, new (text: string) => Error, string]>([
    ["irregular rows", () => tensor([[1, 2], [3]]), ShapeError, "Item 0 has shape (2,), item 1 has shape (1,)"],
    ["rows beside numbers", () => tensor([1, [2]]), ShapeError, "nested arrays must be regular"],
    [
      "too few elements",
      () => tensor([1, 2, 3], [2, 2]),
      ShapeError,
      "tensor: 3 elements do not fill shape (2, 2), which has 4",
    ],
    ["too many bytes", () => tensor(new Float32Array(5), [2, 2]), ShapeError, "5 elements do not fill shape (2, 2)"],
    [
      "a negative size",
      () => tensor([1, 2], [-1, -2]),
      ShapeError,
      "expected `shape` to be non-negative integers. Received: [-1, -2]",
    ],
    ["half a size", () => tensor([1], [0.5]), ShapeError, "non-negative integers. Received: [0.5]"],
    [
      "a shape that is a number",
      () => tensor([1], 1 as unknown as number[]),
      ShapeError,
      "non-negative integers. Received: 1",
    ],
    ["an unknown dtype", () => tensor([1], [1], "int31"), DTypeError, 'Did you mean "int32"?'],
    [
      "strings among numbers",
      () => tensor(["a", 1] as unknown as NumberArray),
      DTypeError,
      'tensor: expected numbers or booleans. Received: "a"',
    ],
    [
      "strings as numbers",
      () => tensor(["1"], [1], "float32"),
      DTypeError,
      'tensor: expected numbers or booleans. Received: "1"',
    ],
    ["a hole", () => tensor([1, undefined, 2] as unknown as NumberArray), DTypeError, "Received: undefined"],
    ["null", () => tensor(null as unknown as NumberArray), DTypeError, "Received: null"],
    ["tensors", () => tensor([tensor(1)] as unknown as NumberArray), DTypeError, "use ops.stack or ops.concatenate"],
    ["a DataView", () => tensor(new DataView(new ArrayBuffer(4))), DTypeError, "no dtype corresponds to DataView(4)"],
    ["string as dtype", () => tensor([1], [1], "string"), DTypeError, "string tensors are not made from numbers"],
    [
      "a bad argument of another function",
      () => fromNumbers({}, null, null, "fit"),
      DTypeError,
      "fit: expected numbers",
    ],
  ])("refuses %s", (_, make, Kind, words) => {
    expect(make).toThrow(Kind);
    expect(make).toThrow(words);
  });
});

describe("reading", () => {
  it("gives data, arrays and single numbers", async () => {
    const t = tensor([[1.5, -2]]);
    expect(await t.data()).toEqual(Float32Array.of(1.5, -2));
    expect(await tensor([[4]]).item()).toBe(4);
    expect(await tensor([1, 2]).sum().item()).toBe(3);
    await expect(t.item()).rejects.toThrow("item: expected a tensor of one element. Received: shape (1, 2)");
    expect(await tensor(Float32Array.of(), [0, 3]).array()).toEqual([]);
    expect(await tensor(Float32Array.of(), [2, 0]).mul(2).array()).toEqual([[], []]);
  });

  it("computes what depends on each other, asked for at once", async () => {
    const a = tensor([1, 2]).add(1);
    const b = a.mul(10);
    const c = b.add(a);
    expect(await Promise.all([c.array(), a.array(), b.array(), c.sum().item()])).toEqual([
      [22, 33],
      [2, 3],
      [20, 30],
      55,
    ]);
  });

  it("gives the right numbers to programs of one structure", async () => {
    const affine = (x: Tensor, a: number, b: number) => x.mul(a).add(b);
    const x = tensor([1, 2]);
    expect(await affine(x, 2, 1).array()).toEqual([3, 5]);
    expect(await affine(x, 3, -1).array()).toEqual([2, 5]);
    expect(await affine(x, 1, 0).array()).toEqual([1, 2]);
    expect(await affine(tensor([10, 20]), 2, 1).array()).toEqual([21, 41]);
    const ints = tensor(Int32Array.of(1, 2));
    expect(await affine(ints, 2, 1).array()).toEqual([3, 5]);
    expect(await affine(ints, 3, 5).array()).toEqual([8, 11]);
  });

  it("tells programs apart whose attributes are infinite, not numbers, or zeros of two signs", async () => {
    const x = tensor([1]);
    const padded = async (value: number) => (await new Tensor(build.pad(x.node, [1], [0], [0], value)).array())[0];
    expect(await padded(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(await padded(Number.NEGATIVE_INFINITY)).toBe(Number.NEGATIVE_INFINITY);
    expect(await padded(Number.NaN)).toBeNaN();
    expect(await padded(0)).toBe(0);
    expect(await padded(-0)).toBe(-0);
  });

  it("does not change a tensor that others were made from", async () => {
    const x = tensor([[3, 1, 2]]);
    const shape = x.shape;
    shape[0] = 99;
    await x.mul(2).data();
    expect(x.shape).toEqual([1, 3]);
    expect(await x.array()).toEqual([[3, 1, 2]]);
    // @ts-expect-error: the shape is no setting
    expect(() => (x.shape = [3])).toThrow(TypeError);
  });
});

describe("printing", () => {
  const cases: [string, () => Tensor, string][] = [
    ["a scalar", () => tensor(2), "Tensor(shape=(), dtype=float32)\n2."],
    ["integers", () => tensor(Int32Array.of(1, -20, 300)), "Tensor(shape=(3,), dtype=int32)\n[  1, -20, 300]"],
    ["booleans", () => tensor([true, false]), "Tensor(shape=(2,), dtype=bool)\n[ true, false]"],
    ["nothing", () => tensor([]), "Tensor(shape=(0,), dtype=float32)\n[]"],
    ["empty rows", () => tensor([[], []]), "Tensor(shape=(2, 0), dtype=float32)\n[[],\n []]"],
    ["no rows", () => tensor(new Float32Array(), [0, 4]), "Tensor(shape=(0, 4), dtype=float32)\n[]"],
    [
      "what is not finite",
      () => tensor([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]),
      "Tensor(shape=(4,), dtype=float32)\n[ nan,  inf, -inf,  -0.]",
    ],
    [
      "small and large floats",
      () => tensor([1e-6, 123456789]),
      "Tensor(shape=(2,), dtype=float32)\n[1.0000e-6, 1.2346e+8]",
    ],
    [
      "a matrix",
      () =>
        tensor([
          [1, -2.25],
          [10, 0.3333],
        ]),
      "Tensor(shape=(2, 2), dtype=float32)\n[[    1.,  -2.25],\n [   10., 0.3333]]",
    ],
    [
      "three axes",
      () => tensor(Int8Array.of(1, 2, 3, 4), [2, 1, 2]),
      "Tensor(shape=(2, 1, 2), dtype=int8)\n[[[1, 2]],\n\n [[3, 4]]]",
    ],
    ["all digits of 64 bits", () => tensor([2n ** 60n + 1n]), "Tensor(shape=(1,), dtype=int64)\n[1152921504606846977]"],
    [
      "a long axis",
      () => tensor(Int32Array.from({ length: 1001 }, (_, i) => i)),
      "Tensor(shape=(1001,), dtype=int32)\n[   0,    1,    2, ...,  998,  999, 1000]",
    ],
  ];
  it.each(cases)("%s", async (_, make, expected) => {
    const t = make();
    await t.data();
    expect(String(t)).toBe(expected);
  });

  it("cuts every long axis of a large tensor", async () => {
    const lines = String(tensor(new Float32Array(100 * 100), [100, 100])).split("\n");
    expect(lines).toHaveLength(8);
    expect(lines[1]).toBe("[[0., 0., 0., ..., 0., 0., 0.],");
    expect(lines[4]).toBe(" ...,");
    expect(() => String(tensor(new Float32Array(2 ** 17), Array(17).fill(2)))).not.toThrow();
  });

  it("says how to get the numbers before they are computed", async () => {
    const t = tensor([1, 2]).mul(2);
    expect(String(t)).toBe(
      "Tensor(shape=(2,), dtype=float32) (not computed yet: await tensor.data(), .array() or .print())",
    );
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    await t.print();
    expect(log).toHaveBeenCalledWith("Tensor(shape=(2,), dtype=float32)\n[2., 4.]");
    log.mockRestore();
    const inspect = Symbol.for("nodejs.util.inspect.custom");
    expect((t as unknown as Record<symbol, () => string>)[inspect]!()).toBe(String(t));
    expect(`${t}`).toBe(String(t));
  });

  it("is not taken for a number", () => {
    const t = tensor(3) as unknown as number;
    expect(() => t * 2).toThrow("a tensor is not a number: use its methods (x.mul(2), x.less(1))");
    expect(() => t < 2).toThrow(TypeError);
    expect(() => Math.max(t, 1)).toThrow(TypeError);
    expect(`loss: ${t}`).toBe("loss: Tensor(shape=(), dtype=float32)\n3.");
  });
});

describe("dispose", () => {
  it("makes every use a clear error", async () => {
    const t = tensor([1, 2]);
    t.dispose();
    const words = "a tensor of shape (2,) is used after dispose()";
    await expect(t.data()).rejects.toThrow(words);
    await expect(t.array()).rejects.toThrow(words);
    await expect(t.print()).rejects.toThrow(words);
    expect(() => t.mul(2)).toThrow(words);
    expect(String(t)).toBe("Tensor(shape=(2,), dtype=float32) (disposed)");
    expect([t.shape, t.dtype, t.size]).toEqual([[2], "float32", 2]);
    expect(() => t.dispose()).not.toThrow();
  });

  it("happens at the end of `using`", async () => {
    let outside: Tensor;
    {
      using t = tensor([1]);
      outside = t;
      expect(await t.array()).toEqual([1]);
    }
    expect(() => outside.node).toThrow("used after dispose()");
  });

  it("takes nothing from tensors and variables that share the data", async () => {
    const x = tensor([1, 2]);
    const same = x.reshape([2]);
    const lazy = x.add(1);
    const variable = new Variable(x);
    x.dispose();
    variable.value.dispose();
    expect([await same.array(), await lazy.array(), await variable.array()]).toEqual([
      [1, 2],
      [2, 3],
      [1, 2],
    ]);
  });
});

describe("string tensors", () => {
  it("hold strings on the host", async () => {
    const t = tensor([
      ["a", "b"],
      ["", "ü"],
    ]);
    expect([t.dtype, t.shape, t.size]).toEqual(["string", [2, 2], 4]);
    expect(await t.array()).toEqual([
      ["a", "b"],
      ["", "ü"],
    ]);
    expect(await tensor("x").array()).toBe("x");
    expect(t.toString()).toContain('["a", "b"]');
    expect(await tensor(["a", "b", "c", "d"], [2, 2]).array()).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    expect(tensor([], [0], "string").shape).toEqual([0]);
  });

  it("are not computed with, and say what to do instead", async () => {
    const joined = ops.reshape(tensor(["a", "b"]), [2, 1]);
    await expect(joined.data()).rejects.toThrow(
      /strings live on the host: no op computes with them\. Turn them into numbers first, with layers\.TextVectorization/,
    );
  });
});
