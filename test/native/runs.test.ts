/** Runs of elementwise nodes: which nodes are computed together, and that the operator's text says what the IR says. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/backend/contract.ts";
import { findUnits, type Unit } from "../../src/backend/onnx/elementwiseGroups.ts";
import { readsOf } from "../../src/backend/onnx/elementwiseRuns.ts";
import { loadNative } from "../../src/backend/onnx/native.ts";
import { OnnxBackend } from "../../src/backend/onnx/session.ts";
import { createReferenceBackend } from "../../src/backend/reference/index.ts";
import { allocate } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import * as b from "../../src/ir/build.ts";
import { makeProgram, type Program } from "../../src/ir/program.ts";
import { inputValue, type Node, type Value } from "../../src/ir/value.ts";
import { closeFailure } from "../../src/testing/allClose.ts";
import { OPERATION_NAMES, runElementwise } from "./interpreter.ts";

const x = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const flags = (...shape: number[]): Value => inputValue({ shape, dtype: "bool" }, "m");
const add = (p: Value, q: Value): Value => b.binary("add", p, q);
const mul = (p: Value, q: Value): Value => b.binary("mul", p, q);
const number = (n: number): Value => b.scalar(n, "float32");

let reference: Backend;
/** The engine with the operators themselves, where they were built. */
const library = await loadNative();
const engine = library && new OnnxBackend(library, { threads: 2, writesOutputs: true });
beforeAll(async () => {
  reference = await createReferenceBackend();
});

const dataOf = ({ shape, dtype }: Value, seed: number): number[] =>
  Array.from({ length: sizeOf(shape) }, (_, i) => {
    const n = ((i + 1 + seed * 31) * 7919) % 101;
    if (dtype === "int32") return n;
    return dtype === "bool" ? n % 2 : Math.fround((n - 50) / 25);
  });

async function run(backend: Backend, program: Program): Promise<ArrayLike<number>[]> {
  const executable = await backend.compile(program);
  const buffers = program.inputs.map((value, i) => {
    const { shape, dtype } = value;
    const data = allocate(dtype, sizeOf(shape)) as Float32Array;
    data.set(dataOf(value, i));
    return backend.upload(data, shape, dtype);
  });
  const results = await executable.run(buffers);
  executable.dispose();
  return Promise.all(results.map(async (r) => (await backend.download(r)) as Float32Array));
}

/** Every value of a program. */
async function allValues(program: Program): Promise<Map<Value, number[]>> {
  const values = program.nodes.flatMap((node) => node.outputs);
  const given = program.inputs.map(dataOf);
  const data = await run(reference, makeProgram(program.inputs, values));
  return new Map([
    ...program.inputs.map((value, i) => [value, given[i]!] as const),
    ...program.constants.map(
      (value) =>
        [value, value.source.kind === "constant" ? Array.from(value.source.data as Float32Array) : []] as const,
    ),
    ...values.map((value, i) => [value, Array.from(data[i]!)] as const),
  ]);
}

/** The units of a program, checked: every one after what it reads, every run as the IR has it. */
async function checked(program: Program, apart: ReadonlySet<Node> = new Set()): Promise<Unit[]> {
  const units = findUnits(program, apart, OPERATION_NAMES);
  const known = await allValues(program);
  const done = new Set<Value>([...program.inputs, ...program.constants]);
  for (const { nodes, run } of units) {
    const read = run ? run.inputs : nodes.flatMap((node) => node.inputs);
    for (const value of read) expect(done.has(value)).toBe(true);
    if (run) {
      const { reads, program: text, texts } = run;
      const shape = nodes[0]!.outputs[0]!.shape;
      const inputs = run.inputs.map((value) => known.get(value)!);
      const actual = runElementwise({ shape, reads, program: text, outputs: texts }, inputs);
      const expected = run.outputs.map((value) => known.get(value)!);
      expect(closeFailure(actual, expected, { family: "elementwise" })).toBeNull();
      for (const [value, from] of run.renamed) {
        expect(known.get(value)).toEqual(known.get(from));
        done.add(value);
      }
      for (const value of run.outputs) done.add(value);
    } else for (const value of nodes.flatMap((node) => node.outputs)) done.add(value);
  }
  for (const output of program.outputs) expect(done.has(output)).toBe(true);
  if (engine) {
    const actual = (await run(engine, program)).map((data) => Array.from(data));
    const expected = program.outputs.map((value) => known.get(value)!);
    expect(closeFailure(actual, expected, { family: "contraction" }), "on the engine").toBeNull();
  }
  return units;
}

/** Operations of the runs, one text for each, and the names of the nodes that are none. */
const summary = (units: readonly Unit[]): string[] =>
  units.map(({ nodes, run }) => (run ? `[${nodes.map(({ op }) => op).join(" ")}]` : nodes[0]!.op));

describe("what an operand is read as", () => {
  it.each([
    ["all", [2, 3], [2, 3], { inner: 1, period: 6 }],
    ["one number", [], [2, 3], { inner: 1, period: 1 }],
    ["one number of two axes", [1, 1], [2, 3], { inner: 1, period: 1 }],
    ["a vector", [3], [2, 3], { inner: 1, period: 3 }],
    ["a column", [2, 1], [2, 3], { inner: 3, period: 2 }],
    ["channels first", [3, 1, 1], [2, 3, 4, 5], { inner: 20, period: 3 }],
    ["samples of one channel", [2, 1, 4, 5], [2, 1, 4, 5], { inner: 1, period: 40 }],
    ["two axes in the middle", [3, 4, 1], [2, 3, 4, 5], { inner: 5, period: 12 }],
    ["both ends", [2, 1, 5], [2, 3, 5], null],
  ] as const)("%s", (_, operand, shape, expected) => {
    expect(readsOf(operand, shape)).toEqual(expected);
  });
});

const a = x(4, 6);
const c = x(4, 6);
const v = x(6);
const column = x(4, 1);
const w = x(6, 6);
const m = flags(4, 6);
const wide = x(4, 128);

describe("runs", () => {
  it.skipIf(!engine)("are compared with the operator itself", () => {
    expect(engine).not.toBeNull();
  });

  const together = async (inputs: readonly Value[], outputs: readonly Value[]): Promise<string[]> =>
    summary(await checked(makeProgram(inputs, outputs)));

  it("join what follows one another", async () => {
    expect(await together([a, c], [b.unary("tanh", add(mul(a, c), number(2)))])).toEqual(["[mul add tanh]"]);
  });

  it("write what others read too", async () => {
    const product = mul(a, c);
    expect(await together([a, c, w], [add(product, number(1)), b.matmul(product, w)])).toEqual(["[mul add]", "matmul"]);
  });

  it("read vectors, columns and numbers", async () => {
    expect(await together([a, v, column], [mul(add(a, v), b.binary("sub", column, number(3)))])).toEqual([
      "sub",
      "[add mul]",
    ]);
  });

  it("do not wait for themselves", async () => {
    const t = b.unary("tanh", mul(a, a));
    const product = b.matmul(t, w);
    expect(await together([a, w], [mul(product, b.binary("sub", number(1), mul(t, t)))])).toEqual([
      "[mul tanh]",
      "matmul",
      "[mul sub mul]",
    ]);
  });

  it("read an array once for all", async () => {
    expect(await together([a], [b.unary("exp", a), b.unary("neg", a)])).toEqual(["[exp neg]"]);
  });

  it("leave single nodes to the engine, unless it is slow at them", async () => {
    expect(await together([a, c], [add(a, c)])).toEqual(["add"]);
    expect(await together([wide, x(1, 128)].slice(0, 1), [mul(wide, wide)])).toEqual(["mul"]);
    expect(await together([a, v], [add(a, v)])).toEqual(["[add]"]);
    expect(await together([a, c, m], [b.where(m, a, c)])).toEqual(["[where]"]);
  });

  it("see through reshapes and broadcasts", async () => {
    const flat = b.reshape(mul(a, c), [24]);
    const back = b.reshape(add(flat, number(1)), [2, 12]);
    const spread = b.broadcastTo(v, [4, 6]);
    expect(await together([a, c], [back, flat])).toEqual(["[mul reshape add reshape]"]);
    expect(await together([a, v], [mul(spread, a), spread])).toEqual(["[broadcast_to mul]"]);
  });

  it("compute masks and numbers of them", async () => {
    const mask = b.binary("greater", a, number(0));
    const outputs = [
      mask,
      b.cast(mask, "float32"),
      b.where(mask, c, number(0)),
      b.cast(c, "bool"),
      b.unary("is_inf", c),
    ];
    const units = await checked(makeProgram([a, c], outputs));
    expect(units.length).toBe(1);
  });

  it("return an input by another name", async () => {
    const same = b.reshape(b.unary("stop_gradient", a), [24]);
    expect(await together([a], [same, b.unary("exp", add(same, same))])).toEqual(["[stop_gradient reshape add exp]"]);
  });

  it("keep special values", async () => {
    const zero = b.binary("sub", a, a);
    await together(
      [a],
      [b.binary("div", number(-1), zero), b.binary("div", zero, number(-0)), add(zero, number(Number.NaN))],
    );
  });

  it("leave out what they cannot read, integers, and nothing", async () => {
    const both = x(4, 1, 6);
    const cube = x(4, 2, 6);
    const integers = inputValue({ shape: [4], dtype: "int32" }, "n");
    const none = x(0, 3);
    expect(await together([both, cube], [mul(add(cube, both), number(2))])).toEqual(["add", "mul"]);
    expect(await together([integers], [add(add(integers, integers), integers)])).toEqual(["add", "add"]);
    expect(await together([none], [add(add(none, none), none)])).toEqual(["add", "add"]);
  });

  it("leave alone what is computed in another way", async () => {
    const sum = add(a, c);
    const program = makeProgram([a, c], [b.unary("exp", mul(sum, sum))]);
    expect(summary(await checked(program, new Set([sum.node!])))).toEqual(["add", "[mul exp]"]);
  });

  it("leave constants to the engine, and what it takes into convolutions", async () => {
    const fixed = b.constant(Float32Array.from({ length: 6 }, Math.sqrt), [6], "float32");
    const scale = b.unary("tanh", add(fixed, fixed));
    expect(await together([a], [mul(mul(a, scale), a)])).toEqual(["add", "tanh", "[mul mul]"]);
    expect(await together([a], [b.unary("tanh", b.broadcastTo(number(2), [4, 6])), b.unary("exp", a)])).toEqual([
      "broadcast_to",
      "tanh",
      "exp",
    ]);
    const image = x(1, 2, 5, 5);
    const plain = { strides: [1, 1], low: [0, 0], high: [0, 0], dilation: [1, 1], groups: 1 };
    const y = b.conv(image, x(3, 2, 2, 2), plain);
    const program = makeProgram(
      [image, y.node!.inputs[1]!],
      [b.unary("relu", mul(y, y)), b.unary("tanh", mul(image, image))],
    );
    expect(summary(await checked(program))).toEqual(["conv", "mul", "relu", "[mul tanh]"]);
  });

  it("do not grow without end", async () => {
    let sum = a;
    for (let i = 0; i < 200; i++) sum = b.unary("tanh", mul(sum, c));
    const units = await checked(makeProgram([a, c], [sum]));
    for (const { run } of units) expect(run!.program.split(";").length).toBeLessThanOrEqual(60);
    expect(units.length).toBeLessThan(12);
  });

  it("are right whatever the graph", async () => {
    // A small generator of its own: the same graphs each time.
    let state = 7;
    const random = (n: number): number => {
      state = (state * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * n);
    };
    const square = [x(4, 4), x(4, 4)];
    for (let round = 0; round < 60; round++) {
      const values: Value[] = [...square, x(4)];
      const inputs = [...values];
      for (let i = 0; i < 25; i++) {
        const [p, q] = [values[random(values.length)]!, values[random(values.length)]!];
        const kind = random(8);
        const meet = sizeOf(p.shape) !== 16 || sizeOf(q.shape) !== 16 || p.shape.length === q.shape.length;
        if (kind === 0 && p.shape.length === 2 && q.shape.length === 2) values.push(b.matmul(p, q));
        else if (kind === 1) values.push(b.unary("tanh", p));
        else if (kind === 2 && meet && p.shape[0] === 4 && q.shape[0] === 4)
          values.push(b.where(b.binary("less", p, q), p, q));
        else if (kind === 3 && p.shape.length === 2)
          values.push(b.reshape(p, [16]), b.reshape(b.unary("neg", b.reshape(p, [16])), [4, 4]));
        else if (kind === 4 && p.shape.length === 2) values.push(b.reduce("reduce_mean", p, [0]));
        else if (p.shape.length <= 2 && q.shape.length <= 2 && p.shape[0] === 4 && q.shape[0] === 4)
          values.push(b.unary("tanh", b.binary(kind === 5 ? "mul" : "sub", p, q)));
      }
      await checked(makeProgram(inputs, values.slice(-4)));
    }
  });
});
