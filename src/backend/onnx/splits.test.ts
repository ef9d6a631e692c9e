import { describe, expect, it } from "vitest";
import * as build from "../../ir/build.ts";
import { makeProgram } from "../../ir/program.ts";
import { inputValue } from "../../ir/value.ts";
import { createOnnxNodeBackend } from "./node.ts";
import { findSplits, nestIntervals, segments } from "./splits.ts";

const part = (start: number, limit: number) => ({ start, limit, nodes: [] });

describe("parts of a flat value", () => {
  it("nest by inclusion", () => {
    const tree = nestIntervals(10, [part(2, 4), part(0, 1), part(1, 8), part(4, 8)])!;
    expect(tree.children.map((c) => [c.start, c.limit])).toEqual([
      [0, 1],
      [1, 8],
    ]);
    expect(tree.children[1]!.children.map((c) => [c.start, c.limit])).toEqual([
      [2, 4],
      [4, 8],
    ]);
    expect(segments(tree).map((s) => s.size)).toEqual([1, 7, 2]);
    expect(segments(tree.children[1]!).map((s) => s.size)).toEqual([1, 2, 4]);
  });

  it("are left alone when they overlap without inclusion", () => {
    expect(nestIntervals(10, [part(0, 5), part(3, 8), part(8, 9)])).toBeNull();
  });

  it("give the numbers that slices give, equal and nested ones too", async () => {
    const x = inputValue({ shape: [10], dtype: "float32" }, "x");
    const cuts: [number, number][] = [
      [0, 2],
      [2, 9],
      [3, 5],
      [3, 5],
      [5, 9],
      [0, 10],
    ];
    const outputs = cuts.map(([a, b]) =>
      build.unary("neg", build.emitOne("slice", [x], { starts: [a], limits: [b], strides: [1] })),
    );
    const program = makeProgram([x], outputs);
    expect(findSplits(program).size).toBe(1);
    const backend = await createOnnxNodeBackend();
    const executable = await backend.compile(program);
    const data = Float32Array.from({ length: 10 }, (_, i) => i);
    const results = await executable.run([backend.upload(data, [10], "float32")]);
    results.forEach((result, i) => {
      const [a, b] = cuts[i]!;
      expect([...(backend.peek(result) as Float32Array)]).toEqual([...data.subarray(a, b)].map((v) => -v));
    });
  });
});
