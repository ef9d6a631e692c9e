import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadFixture } from "../testing/fixtures.ts";
import {
  allocate,
  bfloat16Bits,
  bfloat16Value,
  byteSize,
  convertArray,
  DTYPES,
  type DType,
  dtypeOfArray,
  float16Bits,
  float16Value,
  fromElement,
  is64BitInteger,
  isFloat,
  isInteger,
  isUnsigned,
  resultType,
  standardizeDType,
  type TypedArray,
  toElement,
  viewBytes,
  type WeakDType,
} from "./dtype.ts";
import { DTypeError } from "./errors.ts";
import { StringArray } from "./stringArray.ts";

interface Promotion {
  dtypes: string[];
  pairs: [a: string, b: string, lattice: string, narrow: string][];
  triples: [a: string, b: string, c: string, lattice: string][];
}
const promotion = loadFixture<Promotion>("promotion");

/** Python's scalars are our weak dtypes. */
const weak = (name: string): WeakDType =>
  name === "int" ? "weak_int" : name === "float" ? "weak_float" : (name as DType);

describe("promotion is Keras's", () => {
  it("for every pair of dtypes and Python scalars", () => {
    expect(promotion.pairs).toHaveLength(promotion.dtypes.length ** 2);
    const ours = promotion.pairs.map(([a, b, , narrow]) => [a, b, resultType([weak(a), weak(b)], "float32"), narrow]);
    expect(ours).toEqual(promotion.pairs);
  });

  it("for every triple in the fixture, in any order", () => {
    for (const [a, b, c, expected] of promotion.triples) {
      for (const order of [
        [a, b, c],
        [c, a, b],
        [b, c, a],
      ]) {
        expect([order, resultType(order.map(weak), "float32")]).toEqual([order, expected]);
      }
    }
  });

  it("gives floatx to nothing at all and to lone weak floats", () => {
    expect(resultType([], "float16")).toBe("float16");
    expect(resultType(["weak_float"], "bfloat16")).toBe("bfloat16");
    expect(resultType(["weak_float", "weak_int", "bool"], "float64")).toBe("float64");
    expect(resultType(["float16", "weak_float"], "float64")).toBe("float16");
    expect(resultType(["weak_int"], "float64")).toBe("int32");
  });

  it("keeps strings apart", () => {
    expect(resultType(["string", "string"], "float32")).toBe("string");
    expect(() => resultType(["string", "int32"], "float32")).toThrow(
      'cannot combine dtypes string, int32: "string" mixes with nothing else',
    );
  });
});

describe("names and facts of dtypes", () => {
  it("accepts the short names and names the nearest dtype for others", () => {
    expect(["int", "float", "double", "half", "long", "uint8"].map(standardizeDType)).toEqual([
      "int32",
      "float32",
      "float64",
      "float16",
      "int64",
      "uint8",
    ]);
    expect(() => standardizeDType("flaot32")).toThrow(DTypeError);
    expect(() => standardizeDType("flaot32")).toThrow('unknown dtype "flaot32". Did you mean "float32"?');
    expect(() => standardizeDType("complex64")).toThrow("Known: float16, bfloat16, float32");
    // @ts-expect-error: callers from JavaScript
    expect(() => standardizeDType(undefined)).toThrow("unknown dtype undefined.");
    expect(() => standardizeDType("toString")).toThrow("unknown dtype");
  });

  it("sorts every dtype into one kind, with its size", () => {
    const kind = (d: DType) => [isFloat(d), isInteger(d), isUnsigned(d), is64BitInteger(d), byteSize(d)];
    expect(Object.fromEntries(DTYPES.map((d) => [d, kind(d)]))).toEqual({
      float16: [true, false, false, false, 2],
      bfloat16: [true, false, false, false, 2],
      float32: [true, false, false, false, 4],
      float64: [true, false, false, false, 8],
      int8: [false, true, false, false, 1],
      int16: [false, true, false, false, 2],
      int32: [false, true, false, false, 4],
      int64: [false, true, false, true, 8],
      uint8: [false, true, true, false, 1],
      uint16: [false, true, true, false, 2],
      uint32: [false, true, true, false, 4],
      uint64: [false, true, true, true, 8],
      bool: [false, false, false, false, 1],
      string: [false, false, false, false, 0],
    });
  });

  it("finds the dtype of host storage, and the storage of each dtype", () => {
    const own = DTYPES.filter((d) => !["float16", "bfloat16", "bool", "string"].includes(d));
    for (const dtype of own) expect(dtypeOfArray(allocate(dtype, 2))).toBe(dtype);
    expect(dtypeOfArray(new Uint8ClampedArray(1))).toBe("uint8");
    expect(() => dtypeOfArray(new DataView(new ArrayBuffer(3)))).toThrow("no dtype corresponds to DataView(3)");
    for (const dtype of DTYPES.filter((d) => d !== "string")) {
      expect(allocate(dtype, 3).byteLength).toBe(3 * byteSize(dtype));
      expect(viewBytes(dtype, new ArrayBuffer(32), 8, 2).byteOffset).toBe(8);
    }
    expect(allocate("string", 2)).toBeInstanceOf(StringArray);
    expect(() => viewBytes("string", new ArrayBuffer(8), 0, 1)).toThrow("strings are not stored as bytes");
  });
});

/** Neighbours of a half format by its bits: the nearest value to `x` is one of them. */
function nearestBits(x: number, value: (bits: number) => number, infinity: number): number {
  // IEEE 754 rounding to nearest, ties to even, by search; beyond the largest value the next step would be infinity.
  const size = Math.abs(x);
  const step = (bits: number): number => (bits === infinity ? 2 * value(bits - 1) - value(bits - 2) : value(bits));
  let low = 0;
  let high = infinity;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (step(middle) <= size) low = middle;
    else high = middle;
  }
  const [below, above] = [size - step(low), step(high) - size];
  const bits = below < above || (below === above && low % 2 === 0) ? low : high;
  return bits | (x < 0 || Object.is(x, -0) ? 0x8000 : 0);
}

const HALVES = [
  ["float16", float16Bits, float16Value, 0x7c00],
  ["bfloat16", bfloat16Bits, bfloat16Value, 0x7f80],
] as const;

describe.each(HALVES)("%s", (_, toBits, toValue, infinity) => {
  it("gives every bit pattern back: normal, subnormal, zero and infinite", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const x = toValue(bits);
      if (Number.isNaN(x)) {
        expect(bits & 0x7fff).toBeGreaterThan(infinity);
        expect(toValue(toBits(x))).toBeNaN();
      } else if (toBits(x) !== bits) expect([bits, toBits(x)]).toEqual([bits, bits]);
    }
  });

  it("rounds ties to even, at every pattern", () => {
    for (let bits = 0; bits < infinity - 1; bits++) {
      const tie = (toValue(bits) + toValue(bits + 1)) / 2; // exact in float64
      const even = bits % 2 === 0 ? bits : bits + 1;
      if (toBits(tie) !== even) expect([tie, toBits(tie)]).toEqual([tie, even]);
      if (toBits(-tie) !== (even | 0x8000)) expect([-tie, toBits(-tie)]).toEqual([-tie, even | 0x8000]);
    }
  });

  it("rounds any double to its nearest, without rounding twice", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (x) => toBits(x) === nearestBits(x, toValue, infinity)),
      { examples: [[1e-300], [-1e-300], [1e300], [3.4e38], [65519.999], [65520], [3.3961e38], [-0]] },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: infinity - 2 }), fc.integer({ min: 33, max: 45 }), (bits, power) => {
        // Just above a tie, by less than a float32 can tell.
        const [a, b] = [toValue(bits), toValue(bits + 1)];
        return toBits(((a + b) / 2) * (1 + 2 ** -power)) === bits + 1;
      }),
    );
  });
});

describe("bits of half floats", () => {
  // Worked by hand from the formats' definitions.
  it.each([
    [1, 0x3c00, 0x3f80],
    [-2, 0xc000, 0xc000],
    [65504, 0x7bff, 0x4780],
    [65536, 0x7c00, 0x4780],
    [2 ** -24, 0x0001, 0x3380],
    [2 ** -25, 0x0000, 0x3300],
    [2 ** -14, 0x0400, 0x3880],
    [2 ** -133, 0x0000, 0x0001],
    [Number.POSITIVE_INFINITY, 0x7c00, 0x7f80],
    [Number.NEGATIVE_INFINITY, 0xfc00, 0xff80],
    [-0, 0x8000, 0x8000],
    [1 + 2 ** -11 + 2 ** -40, 0x3c01, 0x3f80],
  ])("of %d", (x, half, brain) => {
    expect([float16Bits(x), bfloat16Bits(x)]).toEqual([half, brain]);
  });
});

describe("conversion of host storage", () => {
  const cases: [DType, TypedArray, DType, TypedArray][] = [
    ["float32", Float32Array.of(1.9, -1.9, 300, Number.NaN), "int8", Int8Array.of(1, -1, 44, 0)],
    ["float64", Float64Array.of(0, 0.5, -3, Number.NaN), "bool", Uint8Array.of(0, 1, 1, 1)],
    ["float32", Float32Array.of(1, 1.5), "float16", Uint16Array.of(0x3c00, 0x3e00)],
    ["bfloat16", Uint16Array.of(0x3f80, 0x7f80), "float32", Float32Array.of(1, Number.POSITIVE_INFINITY)],
    ["float16", Uint16Array.of(0x3c00, 0xc000), "bfloat16", Uint16Array.of(0x3f80, 0xc000)],
    ["float32", Float32Array.of(2.7, Number.NaN, Number.NEGATIVE_INFINITY), "int64", BigInt64Array.of(2n, 0n, 0n)],
    ["int64", BigInt64Array.of(-1n, 2n ** 53n + 1n), "uint64", BigUint64Array.of(2n ** 64n - 1n, 2n ** 53n + 1n)],
    ["int64", BigInt64Array.of(2n ** 53n + 1n, -1n), "int32", Int32Array.of(1, -1)],
    ["uint64", BigUint64Array.of(2n ** 63n + 5n), "uint32", Uint32Array.of(5)],
    ["int64", BigInt64Array.of(7n, -7n), "float32", Float32Array.of(7, -7)],
    ["bool", Uint8Array.of(0, 1), "float32", Float32Array.of(0, 1)],
    ["int32", Int32Array.of(0, -5), "bool", Uint8Array.of(0, 1)],
    ["int32", Int32Array.of(-1), "uint8", Uint8Array.of(255)],
  ];
  it.each(cases)("%s %o to %s", (from, data, to, expected) => {
    expect(convertArray(data, from, to)).toEqual(expected);
  });

  it("returns the same array when nothing changes", () => {
    const data = Float32Array.of(1);
    expect(convertArray(data, "float32", "float32")).toBe(data);
  });

  it("turns numbers into elements and back", () => {
    for (const dtype of DTYPES.filter((d) => d !== "string" && d !== "bool")) {
      const storage = allocate(dtype, 1);
      (storage as Float32Array)[0] = toElement(dtype, 42) as number;
      expect([dtype, fromElement(dtype, storage[0]!)]).toEqual([dtype, 42]);
    }
    expect(toElement("bool", 3)).toBe(1);
  });
});
