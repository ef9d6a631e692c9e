import { describe, expect, it } from "vitest";
import { gradients } from "../../autodiff/gradients.ts";
import * as b from "../../ir/build.ts";
import { makeProgram, type Program, verifyProgram } from "../../ir/program.ts";
import { inputValue, type Value } from "../../ir/value.ts";
import { joinPads } from "./joinPads.ts";

const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const add = (...values: Value[]): Value => values.reduce((sum, value) => b.binary("add", sum, value));

/** The operations that are left, in order. */
function opsOf(inputs: readonly Value[], output: Value): string[] {
  const joined: Program = joinPads(makeProgram(inputs, [output]));
  verifyProgram(joined);
  return joined.nodes.map((node) => node.op);
}

describe("joinPads", () => {
  const [x, y, z] = [input(2, 3), input(2, 1), input(2, 4)];
  /** Columns from `start` on in a row of eight. */
  const at = (value: Value, start: number): Value => b.pad(value, [0, start], [0, 8 - start - value.shape[1]!]);

  it("makes a concatenation of a sum that fills the axis, in whatever order it is added up", () => {
    for (const sum of [
      add(at(x, 0), at(y, 3), at(z, 4)),
      add(at(z, 0), add(at(y, 7), at(x, 4))),
      add(add(at(y, 0), at(z, 4)), at(x, 1)),
    ]) {
      expect(opsOf([x, y, z], sum)).toEqual(["concat"]);
    }
  });

  it("puts the parts at their places", () => {
    const program = joinPads(makeProgram([x, y, z], [add(at(z, 4), at(x, 1), at(y, 0))]));
    expect(program.nodes[0]!.inputs).toEqual([y, x, z]);
  });

  it("knows the gradients of the parts of an array", () => {
    const row = input(2, 8);
    const parts = [b.slice(row, [0, 0], [2, 3]), b.slice(row, [0, 3], [2, 8])];
    const loss = add(...parts.map((part) => b.reduce("reduce_sum", b.unary("tanh", part), [0, 1])));
    const [gradient] = gradients([loss], [b.scalar(1, "float32")], [row]);
    const left = opsOf([row], gradient!);
    expect(left).toContain("concat");
    expect(left).not.toContain("pad");
  });

  const kept: readonly (readonly [why: string, sum: () => Value])[] = [
    ["that leaves a gap", () => add(at(x, 0), at(z, 4))],
    ["whose parts overlap", () => add(at(x, 0), at(z, 2), at(z, 4))],
    ["along two axes", () => add(b.pad(x, [0, 0], [2, 5]), b.pad(z, [2, 4], [0, 0]))],
    ["with another number around", () => add(b.pad(x, [0, 0], [0, 4], [0, 0], 1), b.pad(z, [0, 3], [0, 0], [0, 0], 1))],
    ["with numbers between the elements", () => add(b.pad(x, [0, 0], [0, 4], [0, 1]), b.pad(z, [0, 5], [0, 0]))],
    ["of something else", () => add(at(x, 0), b.concat([x, x, y, y], 1))],
  ];
  it.each(kept)("keeps a sum %s", (_, sum) => {
    expect(opsOf([x, y, z], sum())).toContain("add");
  });

  it("keeps a partial sum that is read elsewhere", () => {
    const partial = add(at(x, 0), at(y, 3));
    const program = joinPads(makeProgram([x, y, z], [add(partial, at(z, 4)), partial]));
    verifyProgram(program);
    expect(program.nodes.map((node) => node.op).sort()).toEqual(["add", "concat", "pad", "pad"]);
  });
});
