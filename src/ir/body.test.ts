import { describe, expect, it } from "vitest";
import { bodyStart, closeBody, closeBranch, instantiate, substitute } from "./body.ts";
import * as b from "./build.ts";
import { makeProgram, printProgram, structuralKey, verifyProgram } from "./program.ts";
import { unrollScan } from "./unroll.ts";
import { inputValue, type Value } from "./value.ts";

const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const add = (x: Value, y: Value): Value => b.binary("add", x, y);

describe("bodies", () => {
  const k = input(2);

  it("capture what does not depend on their inputs, and keep single numbers", () => {
    const older = b.unary("exp", k);
    const start = bodyStart();
    const x = input(2);
    const inner = b.unary("tanh", older);
    const y = add(b.binary("mul", x, b.full(3, [2], "float32")), add(inner, b.unary("sin", inner)));
    const { program, captured } = closeBody([x], [y, older], start);
    expect(captured.map((v) => v.node?.op).sort()).toEqual(["add", "exp"]);
    expect(program.nodes.map((n) => n.op)).toEqual(["broadcast_to", "mul", "add"]);
    verifyProgram(program);
  });

  it("of branches keep all that was made for them", () => {
    const older = b.unary("exp", k);
    const start = bodyStart();
    const { program, captured } = closeBranch([b.unary("tanh", older)], start);
    expect(captured).toEqual([older]);
    expect(program.nodes.map((n) => n.op)).toEqual(["tanh"]);
  });

  it("share no value with their surroundings that could be turned into data", () => {
    const zeros = b.full(0, [2], "float32");
    const start = bodyStart();
    const x = input(2);
    const { program } = closeBody([x], [add(x, zeros)], start);
    zeros.materialize({ shape: [2], dtype: "float32" });
    verifyProgram(makeProgram(program.inputs, program.outputs));
  });

  it("are put back on other values", () => {
    const x = input(2);
    const [y] = instantiate(makeProgram([x], [add(x, x)]), [k]);
    expect(y!.node?.inputs).toEqual([k, k]);
    const [z] = substitute([b.unary("exp", add(x, k))], new Map([[x, k]]));
    expect(z!.node?.inputs[0]?.node?.inputs).toEqual([k, k]);
  });
});

describe("a scan", () => {
  const loop = (factor: number, length = 3): Value[] => {
    const start = bodyStart();
    const c = input(2);
    const next = b.binary("mul", c, b.scalar(factor, "float32"));
    const { program } = closeBody([c], [next, c], start);
    return b.scan([state], { body: program, length, reverse: false, carries: 1, sequences: 0 });
  };
  const state = input(2);
  const program = (factor: number, length?: number) => makeProgram([state], loop(factor, length));

  it("has a key that tells its body", () => {
    expect(structuralKey(program(2))).toBe(structuralKey(program(2)));
    expect(structuralKey(program(2))).not.toBe(structuralKey(program(3)));
    expect(structuralKey(program(2))).not.toBe(structuralKey(program(2, 4)));
  });

  it("prints its body indented", () => {
    expect(printProgram(program(2))).toBe(
      [
        "program(%0: float32[2]) {",
        "  %1: float32[2], %2: float32[3,2] = scan(%0, body=program(%0: float32[2]) {",
        "    %1: float32[] = constant [2]",
        "    %2: float32[2] = mul(%0, %1)",
        "    return %2, %0",
        "  }, length=3, reverse=false, carries=1, sequences=0)",
        "  return %1, %2",
        "}",
      ].join("\n"),
    );
  });

  it("refuses inputs and carries of other types", () => {
    const { attributes } = program(2).nodes[0]!;
    expect(() => b.emit("scan", [input(3)], attributes as never)).toThrow(
      "scan: input 0 is float32 (3,); expected float32 (2,)",
    );
    expect(() => b.emit("scan", [], attributes as never)).toThrow(/scan: 0 inputs for a body of 1 inputs/);
    const flag = inputValue({ shape: [], dtype: "bool" }, "flag");
    const x = input(2);
    const branches = { whenTrue: makeProgram([x], [x]), whenFalse: makeProgram([x], [b.cast(x, "int32")]) };
    expect(() => b.emit("cond", [flag, x], branches)).toThrow(
      "cond: result 0 of the second branch is int32 (2,); expected float32 (2,)",
    );
  });

  it("is written out as what it means", () => {
    const { attributes } = program(2).nodes[0]!;
    const results = unrollScan([state], attributes as never);
    expect(results.map((v) => v.shape)).toEqual([[2], [3, 2]]);
    expect(makeProgram([state], results).nodes.map((n) => n.op)).toEqual([
      ...["mul", "mul", "mul"],
      ...["reshape", "reshape", "reshape", "concat"],
    ]);
  });
});
