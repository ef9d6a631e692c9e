/**
 * What the engine itself costs, for docs/decisions/0002-small-steps.md: `npx tsx bench/engine/engine.bench.ts`.
 * Each figure is the smallest of many short runs: on a shared machine the rest is other people's work.
 */
import { createOnnxNodeBackend } from "../../src/backend/onnx/node.ts";
import * as build from "../../src/ir/build.ts";
import { makeProgram } from "../../src/ir/program.ts";
import { inputValue, type Value } from "../../src/ir/value.ts";

const backend = await createOnnxNodeBackend();

/** Microseconds of one run of a program on inputs that all hold `fill`. */
async function measure(inputs: readonly Value[], outputs: readonly Value[], fill = 1.0001): Promise<number> {
  const executable = await backend.compile(makeProgram(inputs, outputs));
  const buffer = (v: Value) =>
    backend.upload(new Float32Array(v.shape.reduce((n, d) => n * d, 1)).fill(fill), v.shape, v.dtype);
  const given = inputs.map(buffer);
  const targets = outputs.map((v) => backend.empty(v.shape, v.dtype));
  for (let i = 0; i < 200; i++) await executable.run(given, targets);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 40; round++) {
    const start = performance.now();
    for (let i = 0; i < 20; i++) await executable.run(given, targets);
    best = Math.min(best, (performance.now() - start) / 20);
  }
  executable.dispose();
  return best * 1000;
}

const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");

/** A chain of one operation; the second operand is an input, so that nothing is folded. */
function chain(length: number, size: number, op: "mul" | "add" | "div"): { inputs: Value[]; outputs: Value[] } {
  const [x, y] = [input(size), input(size)];
  let value: Value = x;
  for (let i = 0; i < length; i++) value = build.binary(op, value, y);
  return { inputs: [x, y], outputs: [value] };
}

const show = (what: string, microseconds: number, unit = "us") =>
  console.log(`${microseconds.toFixed(2).padStart(9)} ${unit}  ${what}`);

for (const pairs of [1, 10, 20, 40]) {
  const inputs = Array.from({ length: pairs }, () => input(64));
  const outputs = inputs.map((x) => build.unary("relu", x));
  show(`a run of ${pairs} inputs and ${pairs} outputs of 64 numbers, one Relu each`, await measure(inputs, outputs));
}
for (const size of [64, 50_176]) {
  const x = input(size);
  show(`a run that hands out ${size} numbers into a buffer of ours`, await measure([x], [build.unary("relu", x)]));
}
const NODES = 100;
for (const [op, size] of [
  ["mul", 64],
  ["mul", 4810],
  ["mul", 50_176],
  ["add", 50_176],
  ["div", 50_176],
] as const) {
  const { inputs, outputs } = chain(NODES, size, op);
  show(`a node ${op} over ${size} numbers, in a chain of ${NODES}`, (await measure(inputs, outputs)) / NODES);
}
const { inputs, outputs } = chain(NODES, 50_176, "mul");
// x stays 1e-39 in the chain because y is about 1: every product is denormal.
const [x, y] = inputs as [Value, Value];
const executable = await backend.compile(makeProgram([x, y], outputs));
const small = backend.upload(new Float32Array(50_176).fill(1e-39), [50_176], "float32");
const one = backend.upload(new Float32Array(50_176).fill(1), [50_176], "float32");
let best = Number.POSITIVE_INFINITY;
for (let i = 0; i < 8; i++) {
  const start = performance.now();
  await executable.run([small, one]);
  best = Math.min(best, performance.now() - start);
}
show(`a node mul over 50176 denormals, in a chain of ${NODES}`, (best * 1000) / NODES);
for (const [m, k, n, what] of [
  [64, 784, 64, "x · W of the MLP's first layer"],
  [512, 512, 512, "a square product"],
] as const) {
  const [a, b] = [input(m, k), input(k, n)];
  const time = await measure([a, b], [build.matmul(a, b)]);
  show(`${what}, ${m}x${k} · ${k}x${n}: ${((2 * m * k * n) / time / 1000).toFixed(0)} GFLOP/s`, time);
}
