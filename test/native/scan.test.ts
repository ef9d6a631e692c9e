/** Loops of recurrent layers as the operator of our own has them: which it takes, and that they say the same as the IR. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/backend/contract.ts";
import { loadNative } from "../../src/backend/onnx/native.ts";
import { encodeScan, NotForScan } from "../../src/backend/onnx/rules/nativeScan.ts";
import { OnnxBackend } from "../../src/backend/onnx/session.ts";
import { createReferenceBackend } from "../../src/backend/reference/index.ts";
import { backendName, registerBackend, setBackend } from "../../src/backend/registry.ts";
import { sizeOf } from "../../src/core/shape.ts";
import * as b from "../../src/ir/build.ts";
import { makeProgram, type Program, structuralKey } from "../../src/ir/program.ts";
import { inputValue, type Node, type Value, type ValueType } from "../../src/ir/value.ts";
import * as keras from "../../src/node.ts";
import { closeFailure } from "../../src/testing/allClose.ts";
import { OPERATION_NAMES, runScan } from "./interpreter.ts";

const { layers } = keras;
const KERNELS = { elementwise: OPERATION_NAMES };

/** Numbers that look random and are not. */
const numbers = ({ shape, dtype }: ValueType, seed: number): number[] =>
  Array.from({ length: sizeOf(shape) }, (_, i) => {
    const n = ((i + seed * 31) * 7919) % 101;
    return dtype === "bool" ? n % 2 : Math.fround((n - 50) / 50);
  });

let reference: Backend;
/** The engine with the operators themselves, where they were built. */
const library = await loadNative();
const engine = library && new OnnxBackend(library, { threads: 2, writesOutputs: true });

async function evaluate(
  backend: Backend,
  program: Program,
  inputs: readonly (readonly number[])[],
): Promise<number[][]> {
  const executable = await backend.compile(program);
  const buffers = program.inputs.map(({ shape, dtype }, i) => {
    const data = dtype === "bool" ? Uint8Array.from(inputs[i]!) : Float32Array.from(inputs[i]!);
    return backend.upload(data, shape, dtype);
  });
  const results = await executable.run(buffers);
  executable.dispose();
  return Promise.all(results.map(async (r) => Array.from((await backend.download(r)) as Float32Array)));
}

/** Compares a loop as it is encoded with its definition. */
async function expectSame(node: Node<"scan">): Promise<void> {
  const scan = encodeScan(node.attributes, KERNELS);
  const given = node.inputs.map((value) => inputValue(value, "x"));
  const data = given.map(numbers);
  const program = makeProgram(given, b.scan(given, node.attributes));
  const expected = await evaluate(reference, program, data);
  const constants = scan.constants.map((constant) => Array.from(constant.data as Float32Array));
  const { length, reverse, carries, sequences } = node.attributes;
  const actual = runScan({ ...scan, length, reverse, carries, sequences }, [...data, ...constants]);
  expect(closeFailure(actual, expected, { family: "contraction" })).toBeNull();
  if (!engine) return;
  const computed = await evaluate(engine, program, data);
  expect(closeFailure(computed, expected, { family: "contraction" }), "on the engine").toBeNull();
}

/** Loops of the programs that were compiled since. */
const loops = new Map<string, Node<"scan">>();
const before = backendName();

beforeAll(async () => {
  reference = await createReferenceBackend();
  const compile: Backend["compile"] = (program, options) => {
    for (const node of program.nodes) {
      if (node.op === "scan")
        loops.set(structuralKey(makeProgram([...node.inputs], [...node.outputs])), node as unknown as Node<"scan">);
    }
    return reference.compile(program, options);
  };
  const watched: Backend = Object.create(reference, { name: { value: "watched" }, compile: { value: compile } });
  registerBackend("watched", async () => watched);
  setBackend("watched");
});
afterAll(() => setBackend(before));

type Made = (x: keras.KerasTensor) => keras.KerasTensor;
type Making = () => Made;

/** Loops of a training step and a prediction of a model of one layer. */
async function loopsOf(make: Making, given: [number, ...number[]] = [3, 4, 5]): Promise<Node<"scan">[]> {
  loops.clear();
  const [batch] = given;
  const inputs = keras.Input({ batchShape: given });
  const model = keras.Model({ inputs, outputs: layers.Dense(1)(layers.Flatten()(make()(inputs))) });
  model.compile({ optimizer: "sgd", loss: "mse" });
  const x = keras.random.normal(given, { seed: 1 });
  await model.trainOnBatch(x, keras.ops.ones([batch, 1]));
  await model.predictOnBatch(x);
  return [...loops.values()];
}

const recurrent: Readonly<Record<string, Making>> = {
  LSTM: () => layers.LSTM(6),
  "LSTM, batch as wide as units": () => layers.LSTM(3),
  "LSTM of one unit": () => layers.LSTM(1),
  "LSTM, all turns": () => layers.LSTM(6, { returnSequences: true }),
  "LSTM backwards": () => layers.LSTM(6, { goBackwards: true }),
  "LSTM without bias, other activations": () =>
    layers.LSTM(6, { useBias: false, activation: "relu", recurrentActivation: "hard_sigmoid" }),
  "LSTM with dropout": () => layers.LSTM(6, { dropout: 0.3, recurrentDropout: 0.2 }),
  "LSTM with dropout of each gate": () => layers.LSTM(6, { dropout: 0.3, recurrentDropout: 0.2, implementation: 1 }),
  GRU: () => layers.GRU(6),
  "GRU, all turns": () => layers.GRU(6, { returnSequences: true }),
  "GRU, reset before": () => layers.GRU(6, { resetAfter: false }),
  "GRU with dropout": () => layers.GRU(6, { resetAfter: false, dropout: 0.1, recurrentDropout: 0.3 }),
  "GRU, gelu and softplus": () => layers.GRU(6, { activation: "gelu", recurrentActivation: "softplus" }),
  SimpleRNN: () => layers.SimpleRNN(6),
  "SimpleRNN, elu": () => layers.SimpleRNN(6, { activation: "elu", returnSequences: true }),
  "SimpleRNN with dropout": () => layers.SimpleRNN(6, { dropout: 0.1, recurrentDropout: 0.3 }),
  "Bidirectional LSTM": () => layers.Bidirectional(layers.LSTM(6, { returnSequences: true })),
  "Bidirectional GRU, summed": () => layers.Bidirectional(layers.GRU(6), { mergeMode: "sum" }),
  "stacked cells": () => layers.RNN([layers.LSTMCell(6), layers.GRUCell(5), layers.SimpleRNNCell(4)]) as never,
  "masked LSTM and SimpleRNN": () => (x) =>
    layers.SimpleRNN(5)(layers.LSTM(6, { returnSequences: true })(layers.Masking()(x))),
  "masked GRU, zero output": () => (x) =>
    layers.GRU(6, { returnSequences: true, zeroOutputForMask: true } as never)(layers.Masking()(x)),
  "masked Bidirectional": () => (x) => layers.Bidirectional(layers.LSTM(6))(layers.Masking()(x)),
  "two in both directions": () => (x) =>
    layers.Bidirectional(layers.LSTM(4))(layers.Bidirectional(layers.LSTM(6, { returnSequences: true }))(x)),
  stateful: () => layers.LSTM(6, { stateful: true, returnSequences: true }),
  "states returned": () => (x) => layers.Concatenate()(layers.LSTM(6, { returnState: true })(x) as never) as never,
};

describe("loops of recurrent layers", () => {
  it.each(Object.entries(recurrent))("%s", async (_, make) => {
    const found = await loopsOf(make);
    expect(found.length).toBeGreaterThan(1);
    for (const node of found) await expectSame(node);
  });

  it.skipIf(!engine)("are compared with the operator itself", () => {
    expect(engine).not.toBeNull();
  });

  it("leaves convolutions to the engine", async () => {
    const found = await loopsOf(() => layers.ConvLSTM1D(2, 2), [2, 3, 4, 2]);
    expect(found.length).toBeGreaterThan(1);
    for (const { attributes } of found) expect(() => encodeScan(attributes, KERNELS)).toThrow(NotForScan);
  });
});

/** One turn as a program, and the loop of it. */
interface Body {
  readonly name: string;
  readonly carries: readonly Value[];
  readonly sequences?: readonly Value[];
  readonly captured?: readonly Value[];
  /** New carries, then ys. */
  readonly results: readonly Value[];
}

const x = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const flags = (...shape: number[]): Value => inputValue({ shape, dtype: "bool" }, "m");
const add = (p: Value, q: Value): Value => b.binary("add", p, q);
const number = (n: number): Value => b.scalar(n, "float32");

function loopOf({ carries, sequences = [], captured = [], results }: Body): Node<"scan"> {
  const body = makeProgram([...carries, ...sequences, ...captured], results);
  const stacked = sequences.map(({ shape, dtype }) => inputValue({ shape: [4, ...shape], dtype }, "xs"));
  const outputs = b.scan(
    [...carries, ...stacked, ...captured].map((v) => inputValue(v, "x")),
    {
      body,
      length: 4,
      reverse: false,
      carries: carries.length,
      sequences: sequences.length,
    },
  );
  return outputs[0]!.node as unknown as Node<"scan">;
}

const h = x(3, 5);
const one = x(1, 5);
const tall = x(3, 2, 4);
const column = x(3, 1);
const mask = flags(3);
const vector = x(5);
const rowOfSamples = x(3, 5);
const w = x(5, 5);
const thin = x(3);
const square = x(3, 3);
const three = x(3);
const none = x();
const four = x(4, 5);

const TAKEN: readonly Body[] = [
  { name: "a captured vector of columns", carries: [h], captured: [vector], results: [add(h, vector)] },
  { name: "a captured row", carries: [h], captured: [one], results: [add(h, one)] },
  { name: "a captured array of the batch", carries: [h], captured: [rowOfSamples], results: [add(h, rowOfSamples)] },
  { name: "a captured column", carries: [h], captured: [column], results: [add(column, h)] },
  {
    name: "a matrix both ways",
    carries: [h],
    captured: [w],
    results: [add(b.matmul(h, w), b.matmul(h, w, false, true))],
  },
  {
    name: "a vector as long as batch and columns",
    carries: [square],
    captured: [three],
    results: [add(square, three)],
  },
  { name: "values of one axis", carries: [thin], captured: [three], results: [add(thin, three)] },
  { name: "one sample", carries: [one], captured: [w, vector], results: [add(b.matmul(one, w), vector)] },
  {
    name: "a constant vector",
    carries: [h],
    results: [add(h, b.constant(Float32Array.of(1, 2, 3, 4, 5), [5], "float32"))],
  },
  {
    name: "constants as results",
    carries: [h],
    results: [
      b.full(2, [3, 5], "float32"),
      b.broadcastTo(b.constant(Float32Array.of(1, 2, 3, 4, 5), [5], "float32"), [3, 5]),
    ],
  },
  {
    name: "a shared vector as a result",
    carries: [h],
    captured: [vector],
    results: [h, b.broadcastTo(vector, [3, 5])],
  },
  {
    name: "bools carried, returned and made numbers",
    carries: [mask, h],
    sequences: [mask],
    results: [
      b.binary("logical_or", mask, b.unary("logical_not", mask)),
      b.binary("mul", h, b.cast(b.reshape(mask, [3, 1]), "float32")),
      mask,
      b.cast(h, "bool"),
    ],
  },
  {
    name: "three axes cut and joined",
    carries: [tall],
    results: [
      b.concat(
        [
          b.slice(tall, [0, 1, 0], [3, 2, 4]),
          b.broadcastTo(b.reshape(b.slice(b.reshape(tall, [3, 8]), [0, 3], [3, 4]), [3, 1, 1]), [3, 1, 4]),
        ],
        1,
      ),
    ],
  },
  {
    name: "a column made wide, for a product and a part",
    carries: [h],
    captured: [column, w],
    results: [
      add(b.matmul(b.broadcastTo(column, [3, 5]), w), h),
      b.concat([h, b.broadcastTo(column, [3, 2]), b.full(1, [3, 1], "float32")], 1),
    ],
  },
  {
    name: "NaN, infinities and −0",
    carries: [h],
    results: [
      h,
      b.unary("is_inf", b.binary("div", h, number(0))),
      b.unary("is_nan", add(h, number(Number.NaN))),
      b.binary("div", h, number(-0)),
    ],
  },
];

const REFUSED: readonly (Body & { readonly why: string })[] = [
  { name: "a counter", carries: [none], results: [add(none, number(1))], why: "no batch" },
  { name: "two batches", carries: [h, four], results: [h, four], why: "no batch" },
  {
    name: "a sum over samples",
    carries: [h],
    results: [b.broadcastTo(b.reduce("reduce_sum", h, [0]), [3, 5])],
    why: "reduce_sum",
  },
  {
    name: "an integer",
    carries: [h],
    captured: [inputValue({ shape: [], dtype: "int32" }, "n")],
    results: [h],
    why: "dtype int32",
  },
  { name: "another order of samples", carries: [square], results: [b.transpose(square, [1, 0])], why: "transpose" },
  {
    name: "a product across samples",
    carries: [square],
    captured: [square],
    results: [b.matmul(square, square, true)],
    why: "product",
  },
  {
    name: "samples sliced",
    carries: [h],
    results: [b.concat([b.slice(h, [1, 0], [3, 5]), b.slice(h, [0, 0], [1, 5])], 0)],
    why: "slice",
  },
  {
    name: "the batch moved",
    carries: [square],
    results: [b.reshape(b.unary("neg", b.reshape(square, [9])), [3, 3])],
    why: "moves the batch",
  },
  {
    name: "broadcast inside",
    carries: [tall],
    results: [add(tall, b.slice(tall, [0, 0, 0], [3, 1, 4]))],
    why: "inside of a sample",
  },
];

describe("bodies", () => {
  it.each(TAKEN)("takes $name", async (body) => {
    await expectSame(loopOf(body));
  });

  it.each(REFUSED)("refuses $name", (body) => {
    const inputs = [...body.carries, ...(body.sequences ?? []), ...(body.captured ?? [])];
    const attributes = {
      body: makeProgram(inputs, body.results),
      length: 4,
      reverse: false,
      carries: body.carries.length,
      sequences: 0,
    };
    expect(() => encodeScan(attributes, KERNELS)).toThrow(NotForScan);
    expect(() => encodeScan(attributes, KERNELS)).toThrow(body.why);
  });

  it("refuses operations that the machine lacks", () => {
    const { attributes } = loopOf({ name: "", carries: [h], results: [b.unary("tanh", h)] });
    const without = new Set([...OPERATION_NAMES].filter((name) => name !== "tanh"));
    expect(() => encodeScan(attributes, { elementwise: without })).toThrow("tanh of float32");
  });
});
