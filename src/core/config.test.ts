import { afterEach, describe, expect, it } from "vitest";
import {
  epsilon,
  floatx,
  imageDataFormat,
  setEpsilon,
  setFloatx,
  setImageDataFormat,
  standardizeDataFormat,
} from "./config.ts";
import { DTypePolicy, dtypePolicy, getPolicy, isMixed, setDtypePolicy } from "./dtypePolicy.ts";
import { DTypeError } from "./errors.ts";

afterEach(() => {
  setFloatx("float32");
  setEpsilon(1e-7);
  setImageDataFormat("channels_last");
  setDtypePolicy(null);
});

describe("config", () => {
  it("starts with Keras's defaults", () => {
    expect([floatx(), epsilon(), imageDataFormat(), dtypePolicy().name]).toEqual([
      "float32",
      1e-7,
      "channels_last",
      "float32",
    ]);
  });

  it("keeps what is set", () => {
    setFloatx("half");
    setEpsilon(1e-3);
    setImageDataFormat("channels_first");
    expect([floatx(), epsilon(), imageDataFormat()]).toEqual(["float16", 1e-3, "channels_first"]);
    expect([standardizeDataFormat(null), standardizeDataFormat("channels_last")]).toEqual([
      "channels_first",
      "channels_last",
    ]);
  });

  it("refuses wrong values and keeps the old ones", () => {
    expect(() => setFloatx("int32")).toThrow(DTypeError);
    expect(() => setFloatx("int32")).toThrow('expected a float dtype ("float16", "bfloat16", "float32", "float64")');
    expect(() => setFloatx("flot32")).toThrow('Did you mean "float32"?');
    for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "1"]) {
      expect(() => setEpsilon(bad as number)).toThrow("setEpsilon: expected a positive number. Received: ");
    }
    expect(() => standardizeDataFormat("channels_middle")).toThrow(
      'expected "channels_last" or "channels_first". Received: "channels_middle"',
    );
    expect([floatx(), epsilon(), imageDataFormat()]).toEqual(["float32", 1e-7, "channels_last"]);
  });
});

describe("DTypePolicy", () => {
  it.each([
    ["float32", "float32", "float32", false],
    ["bfloat16", "bfloat16", "bfloat16", false],
    ["mixed_float16", "float16", "float32", true],
    ["mixed_bfloat16", "bfloat16", "float32", true],
    ["int8", "int8", "int8", false],
  ])("%s computes in %s with weights in %s", (name, compute, variable, mixed) => {
    const policy = DTypePolicy(name);
    expect([policy.name, policy.computeDtype, policy.variableDtype, isMixed(policy)]).toEqual([
      name,
      compute,
      variable,
      mixed,
    ]);
    expect(DTypePolicy.fromConfig(policy.getConfig())).toEqual(policy);
    expect(new DTypePolicy(name)).toBeInstanceOf(DTypePolicy);
    expect(String(policy)).toBe(`<DTypePolicy "${name}">`);
  });

  it("follows floatx until one is set", () => {
    setFloatx("float16");
    expect(dtypePolicy().name).toBe("float16");
    setDtypePolicy("mixed_bfloat16");
    setFloatx("float32");
    expect(dtypePolicy().computeDtype).toBe("bfloat16");
    setDtypePolicy(null);
    expect(dtypePolicy().name).toBe("float32");
  });

  it("is found from a name, a policy, a config of files, or nothing", () => {
    const policy = DTypePolicy("mixed_float16");
    expect(getPolicy(policy)).toBe(policy);
    expect(getPolicy(null)).toBe(dtypePolicy());
    expect(getPolicy("float64").name).toBe("float64");
    const saved = { module: "keras", class_name: "DTypePolicy", config: { name: "mixed_float16" } };
    expect(getPolicy(saved).computeDtype).toBe("float16");
    expect(getPolicy({ name: "float16" }).name).toBe("float16");
  });

  it("explains what it cannot be", () => {
    expect(() => DTypePolicy("mixed_float61")).toThrow('unknown dtype "mixed_float61".');
    expect(() => DTypePolicy("int8_from_float32")).toThrow("quantized policies are not supported");
    expect(() => DTypePolicy(8 as unknown as string)).toThrow("expected the name of a dtype or policy. Received: 8");
    expect(() => getPolicy("map_float32")).toThrow('unknown dtype "map_float32"');
    expect(() => getPolicy(5 as unknown as string)).toThrow(
      'expected a dtype such as "float32", a policy such as "mixed_bfloat16", or a DTypePolicy. Received: 5',
    );
  });
});
