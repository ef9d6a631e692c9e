/** What the compiler makes of loops; that it computes the same is tested in test/conformance/loops.test.ts. */
import { describe, expect, it } from "vitest";
import { gradients } from "../../../autodiff/gradients.ts";
import { lower } from "../../../backend/onnx/lowering.ts";
import { bodyStart, closeBody } from "../../../ir/body.ts";
import * as b from "../../../ir/build.ts";
import type { Scan } from "../../../ir/loops.ts";
import { makeProgram, type Program, printProgram } from "../../../ir/program.ts";
import { inputValue, type Node, type Value } from "../../../ir/value.ts";
import { optimize } from "../../pipeline.ts";

const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const add = (x: Value, y: Value): Value => b.binary("add", x, y);
const tanh = (x: Value): Value => b.unary("tanh", x);

type Step = (carries: Value[], elements: Value[]) => { carries: Value[]; ys: Value[] };

/** A scan of a step that may read values around it. */
function scan(carries: Value[], sequences: Value[], step: Step, length = 5): Value[] {
  const start = bodyStart();
  const inner = carries.map((c) => inputValue(c, "carry"));
  const elements = sequences.map((s) => inputValue({ shape: s.shape.slice(1), dtype: s.dtype }, "element"));
  const turn = step(inner, elements);
  const { program, captured } = closeBody([...inner, ...elements], [...turn.carries, ...turn.ys], start);
  const attributes = { length, reverse: false, carries: carries.length, sequences: sequences.length, body: program };
  return b.scan([...carries, ...sequences, ...captured], attributes);
}

const opsOf = (program: Program): string[] => program.nodes.map((n) => n.op);
const loopsOf = (program: Program): Node<"scan">[] =>
  program.nodes.filter((n) => n.op === "scan") as unknown as Node<"scan">[];
const bodyOps = (program: Program): string[][] => loopsOf(program).map((n) => opsOf((n.attributes as Scan).body));
const count = (ops: readonly string[], op: string): number => ops.filter((o) => o === op).length;

const [h, xs, w, r, bias] = [input(3, 4), input(5, 3, 2), input(2, 4), input(4, 4), input(4)];
const cell: Step = ([c], [x]) => {
  const next = tanh(add(add(b.matmul(x!, w), bias), b.matmul(c!, r)));
  return { carries: [next], ys: [next] };
};
const inputs = [h, xs, w, r, bias];

describe("loops", () => {
  it("make what depends on sequences only before they begin, bias included", () => {
    const [last] = scan([h], [xs], cell);
    const program = optimize(makeProgram(inputs, [last!]), { verify: true });
    expect(count(opsOf(program), "matmul")).toBe(1);
    expect(bodyOps(program)).toEqual([["matmul", "add", "tanh"]]);
    // A row is added to the rows of the product, where the engine takes both as one.
    const sum = program.nodes.find((n) => n.op === "add")!;
    expect(sum.inputs[0]?.node?.op, printProgram(program)).toBe("matmul");
  });

  it("make products that only results need after they end", () => {
    const out = input(4, 6);
    const [, ys] = scan([h], [xs], (c, x) => {
      const turn = cell(c, x);
      return { ...turn, ys: [tanh(b.matmul(turn.ys[0]!, out))] };
    });
    const program = optimize(makeProgram([...inputs, out], [ys!]), { verify: true });
    expect(bodyOps(program)).toEqual([["matmul", "add", "tanh"]]);
    expect(opsOf(program).at(-1)).toBe("tanh");
  });

  it("have gradients of two loops, with one product over all turns for each kernel", () => {
    const [, ys] = scan([h], [xs], cell);
    const loss = b.reduce("reduce_sum", b.binary("mul", ys!, ys!), [0, 1, 2]);
    const found = gradients([loss], [b.scalar(1, "float32")], inputs);
    const program = optimize(makeProgram(inputs, [loss, ...found.map((g) => g!)]), { verify: true });
    const [forward, backward, ...more] = loopsOf(program);
    expect(more).toEqual([]);
    expect((forward!.attributes as Scan).reverse).toBe(false);
    expect((backward!.attributes as Scan).reverse).toBe(true);
    // Of the products only that of the state is left inside: kernels, inputs and bias are summed up outside.
    expect(bodyOps(program).map((ops) => [count(ops, "matmul"), count(ops, "reduce_sum")])).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect((backward!.attributes as Scan).carries).toBe(1);
    expect(count(opsOf(program), "matmul")).toBe(4);
  });

  it("leave out what nobody reads and what passes through, and take in everything once", () => {
    const k = input(3, 4);
    const [last, , , ys, through, twice, constant] = scan([h, h, k], [xs, xs], ([c, unread, fixed], [x, same]) => {
      const row = b.reduce("reduce_sum", add(x!, same!), [1], true);
      const next = add(add(c!, row), fixed!);
      return { carries: [next, add(unread!, c!), fixed!], ys: [next, x!, next, b.scalar(2, "float32"), unread!] };
    });
    const program = optimize(makeProgram([h, xs, k], [last!, ys!, through!, twice!, constant!]), { verify: true });
    const [loop] = loopsOf(program);
    expect(loop!.attributes).toMatchObject({ carries: 1, sequences: 1 });
    expect(loop!.inputs.length).toBe(3);
    expect(loop!.outputs.length).toBe(2);
    expect(program.outputs[1]).toBe(program.outputs[3]);
    expect(program.outputs[2]).toBe(xs);
  });

  it("compute once what does not change from turn to turn", () => {
    const [last] = scan([h], [], ([c]) => ({ carries: [add(c!, tanh(b.matmul(h, r)))], ys: [] }));
    expect(bodyOps(makeProgram(inputs, [last!]))).toEqual([["add"]]);
  });

  it("run on one thread when they do most of the work, in small steps", () => {
    const [big, kernel, wide] = [input(64, 256), input(256, 256), input(2000, 64, 256)];
    const step: Step = ([c], [x]) => ({ carries: [tanh(add(x!, b.matmul(c!, kernel)))], ys: [] });
    const [last] = scan([big], [wide], step, 2000);
    const { heaviest, work } = lower(optimize(makeProgram([big, kernel, wide], [last!])), "test");
    expect(heaviest).toBe(2 * 64 * 256 * 256);
    expect(work).toBeGreaterThan(2000 * heaviest);
  });
});
