import { describe, expect, it } from "vitest";
import type { DType } from "../core/dtype.ts";
import * as b from "./build.ts";
import { freeLeaves, makeProgram, type Program, printProgram, structuralKey, verifyProgram } from "./program.ts";
import { inputValue, Value } from "./value.ts";

const input = (shape: readonly number[], dtype: DType = "float32"): Value => inputValue({ shape, dtype }, "x");

describe("printProgram", () => {
  it("shows inputs, constants, one line per node with its attributes, and what is returned", () => {
    const [x, w] = [input([2, 3]), input([3, 4])];
    const y = b.binary("add", b.matmul(x, w), b.constant(Float32Array.of(1, 2, 3, 4), [4], "float32"));
    const [values] = b.topK(b.pad(y, [0, 1], [0, 0], [0, 0], Number.NEGATIVE_INFINITY), 2);
    // Written by hand.
    expect(printProgram(makeProgram([x, w], [values!, y]))).toBe(
      [
        "program(%0: float32[2,3], %1: float32[3,4]) {",
        "  %2: float32[4] = constant [1, 2, 3, 4]",
        "  %3: float32[2,4] = matmul(%0, %1, transposeA=false, transposeB=false)",
        "  %4: float32[2,4] = add(%3, %2)",
        "  %5: float32[2,5] = pad(%4, low=[0,1], high=[0,0], interior=[0,0], value=-Infinity)",
        "  %6: float32[2,2], %7: int32[2,2] = top_k(%5, k=2, largest=true)",
        "  return %6, %4",
        "}",
      ].join("\n"),
    );
  });

  it("says how large a large constant is", () => {
    const c = b.constant(new Float32Array(9), [9], "float32");
    expect(printProgram(makeProgram([], [b.unary("neg", c)]))).toContain("constant 9 elements");
  });
});

describe("makeProgram", () => {
  it("takes what the outputs need, producers first, each node once", () => {
    const x = input([2]);
    const shared = b.unary("exp", x);
    b.unary("log", shared); // not needed
    const program = makeProgram([x], [b.binary("add", shared, b.unary("neg", shared))]);
    expect(program.nodes.map((n) => n.op)).toEqual(["exp", "neg", "add"]);
  });

  it("cuts the graph at its inputs, whatever computes them", () => {
    const inner = b.unary("exp", input([2]));
    const program = makeProgram([inner], [b.unary("neg", inner)]);
    expect(program.nodes.map((n) => n.op)).toEqual(["neg"]);
  });

  it("does not overflow the stack on a long chain", () => {
    const x = input([]);
    let y: Value = x;
    for (let i = 0; i < 50_000; i++) y = b.unary("sin", y);
    expect(makeProgram([x], [y]).nodes).toHaveLength(50_000);
  });

  it("refuses leaves that nobody binds", () => {
    expect(() => makeProgram([], [b.unary("neg", input([2]))])).toThrow("is a free input of the program");
  });

  it("lists free leaves in order of first use, up to a cut", () => {
    const [x, y] = [input([2]), input([2])];
    const hidden = b.unary("exp", input([2]));
    const out = b.binary("add", b.binary("mul", y, hidden), x);
    expect(freeLeaves([out], new Set([hidden]))).toEqual([y, x]);
  });
});

describe("structuralKey", () => {
  const negated = (dtype: DType, shape: readonly number[] = [2]): Program => {
    const x = input(shape, dtype);
    return makeProgram([x], [b.unary("neg", x)]);
  };
  const padded = (value: number): Program => {
    const x = input([2]);
    return makeProgram([x], [b.pad(x, [1], [0], [0], value)]);
  };
  const plus = (n: number, dtype: DType = "float32"): Program => {
    const x = input([2], dtype);
    return makeProgram([x], [b.binary("add", x, b.scalar(n, dtype))]);
  };

  it("is equal for programs that are built alike", () => {
    expect(structuralKey(negated("float32"))).toBe(structuralKey(negated("float32")));
    expect(structuralKey(plus(2))).toBe(structuralKey(plus(2)));
  });

  it("differs by dtype, shape, constants, order of inputs and outputs", () => {
    const [x, y] = [input([2]), input([2])];
    const difference = b.binary("sub", x, y);
    const programs = [
      negated("float32"),
      negated("float64"),
      negated("float32", [3]),
      negated("float32", [2, 1]),
      plus(2),
      plus(3),
      plus(2, "int32"),
      makeProgram([x, y], [difference]),
      makeProgram([y, x], [difference]),
      makeProgram([x, y], [difference, x]),
      makeProgram([x, y], [x, difference]),
    ];
    expect(new Set(programs.map(structuralKey)).size).toBe(programs.length);
  });

  it("differs by attributes that JSON cannot tell apart", () => {
    const values = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(new Set(values.map((v) => structuralKey(padded(v)))).size).toBe(values.length);
  });
});

describe("verifyProgram", () => {
  const x = input([2, 3]);
  const y = b.unary("neg", x);
  const good = makeProgram([x], [y]);
  const node = good.nodes[0]!;

  it("accepts what makeProgram makes", () => expect(() => verifyProgram(good)).not.toThrow());

  it.each<[string, Program]>([
    ["neg uses a value before it is defined", { ...good, inputs: [] }],
    ["an output is never defined", { ...good, nodes: [] }],
    [
      "neg output 0 is float32[3,2], expected float32[2,3]",
      { ...good, nodes: [{ ...node, outputs: [new Value({ shape: [3, 2], dtype: "float32" }, y.source)] }] },
    ],
    [
      "neg output 0 is int32[2,3], expected float32[2,3]",
      { ...good, nodes: [{ ...node, outputs: [new Value({ shape: [2, 3], dtype: "int32" }, y.source)] }] },
    ],
    ["neg has 2 outputs, expected 1", { ...good, nodes: [{ ...node, outputs: [y, y] }] }],
  ])("says %s", (words, program) => {
    expect(() => verifyProgram(program)).toThrow(`internal: ${words}`);
  });

  it("checks the bytes of constants", () => {
    const source = { kind: "constant", data: new Float32Array(3) } as const;
    const short = new Value({ shape: [4], dtype: "float32" }, source);
    expect(() => verifyProgram({ inputs: [], nodes: [], constants: [short], outputs: [short] })).toThrow(
      "has 12 bytes, expected 16",
    );
  });
});
