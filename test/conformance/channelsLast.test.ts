/** Programs of convolutions and pools mean the same when they are computed channels last, and models lose their transposes. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { MobileNet } from "../../src/applications/mobilenet.ts";
import { gradients } from "../../src/autodiff/gradients.ts";
import type { Backend } from "../../src/backend/contract.ts";
import { createOnnxNodeBackend } from "../../src/backend/onnx/node.ts";
import { createOnnxWebBackend } from "../../src/backend/onnx/web.ts";
import { createReferenceBackend } from "../../src/backend/reference/index.ts";
import { backendName, registerBackend, setBackend } from "../../src/backend/registry.ts";
import { optimize } from "../../src/compiler/pipeline.ts";
import { allocate } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import * as b from "../../src/ir/build.ts";
import { CHANNELS_LAST_FORMS } from "../../src/ir/channelsLast.ts";
import type { Primitive } from "../../src/ir/primitives.ts";
import { makeProgram, type Program, printProgram, verifyProgram } from "../../src/ir/program.ts";
import { inputValue, type Value } from "../../src/ir/value.ts";
import { spanOf } from "../../src/ir/windows.ts";
import * as layers from "../../src/layers/index.ts";
import { Model, type ModelBase } from "../../src/models/model.ts";
import * as ops from "../../src/ops/index.ts";
import { closeFailure } from "../../src/testing/allClose.ts";

const FIRST = new Set<Primitive>(["conv", "conv_input_grad", "conv_weight_grad", "max_pool", "max_pool_grad"]);
const isLast = (op: Primitive): boolean => op in CHANNELS_LAST_FORMS;
const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** With kernels for it where they were built, and without. */
const ENGINES = { onnx: createOnnxNodeBackend, "onnx on WebAssembly": createOnnxWebBackend };

let reference: Backend;
beforeAll(async () => {
  reference = await createReferenceBackend();
});

interface Step {
  readonly kind: number;
  /** The order of channels that the layer is written for. */
  readonly last: boolean;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly groups: number;
  readonly filters: number;
}

const pair = (least: number, most: number) =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));

const steps = fc.array(
  fc.record({
    kind: fc.nat(5),
    last: fc.boolean(),
    kernel: pair(1, 3),
    strides: pair(1, 2),
    dilation: pair(1, 2),
    low: pair(0, 1),
    high: pair(0, 1),
    groups: fc.constantFrom(1, 2, 4),
    filters: fc.integer({ min: 1, max: 2 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** A layer on x, which is channels first; `null` where it does not fit. */
function layer(x: Value, step: Step, weights: Value[]): Value | null {
  const rank = x.shape.length - 2;
  const cut = (numbers: readonly number[]): number[] => numbers.slice(0, rank);
  const [strides, kernel, dilation] = [cut(step.strides), cut(step.kernel), cut(step.dilation)];
  const [low, high] = [cut(step.low), cut(step.high)];
  const channels = x.shape[1]!;
  const weight = (...shape: number[]): Value => {
    weights.push(inputValue({ shape, dtype: "float32" }, `w${weights.length}`));
    return weights.at(-1)!;
  };
  const turned = (y: Value): Value => b.transpose(y, [0, ...count(rank).map((i) => i + 2), 1]);
  const back = (y: Value): Value => b.transpose(y, [0, rank + 1, ...count(rank).map((i) => i + 1)]);
  const inOrder = (body: (x: Value) => Value): Value => (step.last ? back(body(turned(x))) : body(x));
  const fits = (spans: readonly number[]): boolean => spans.every((s, i) => s <= x.shape[i + 2]! + low[i]! + high[i]!);
  if (step.kind <= 1) {
    const groups = channels % step.groups === 0 ? step.groups : 1;
    if (!fits(kernel.map((k, i) => spanOf(k, dilation[i]!)))) return null;
    const how = { strides, low, high, dilation, groups };
    const w = weight(...kernel, channels / groups, step.filters * groups);
    const first = b.transpose(w, [rank + 1, rank, ...count(rank)]);
    const y = b.conv(x, first, how);
    if (step.kind === 0)
      return b.binary("add", y, b.reshape(weight(y.shape[1]!), [y.shape[1]!, ...kernel.map(() => 1)]));
    // A transposed convolution, back to what x was.
    return b.convInputGrad(y, first, { ...how, inputSizes: x.shape.slice(2) });
  }
  const around = {
    low: low.map((n, i) => Math.min(n, kernel[i]! - 1)),
    high: high.map((n, i) => Math.min(n, kernel[i]! - 1)),
  };
  if (step.kind === 2) return fits(kernel) ? b.maxPool(x, { window: kernel, strides, ...around }) : null;
  if (step.kind === 3) {
    if (!fits(kernel)) return null;
    return b.binary(
      "mul",
      b.sumPool(x, { window: kernel, strides, ...around }),
      b.scalar(1 / sizeOf(kernel), "float32"),
    );
  }
  if (step.kind === 4) return b.unary("relu", x);
  return inOrder((y) => b.binary("mul", y, weight(y.shape.at(-1)!)));
}

function programOf(given: readonly Step[], shape: readonly number[], order: 0 | 1 | 2): Program {
  const x = inputValue({ shape, dtype: "float32" }, "x");
  const weights: Value[] = [];
  let y = x;
  for (const step of given) y = layer(y, step, weights) ?? y;
  const inputs = [x, ...weights];
  const outputs = [y];
  let slopes: Value[] = [y];
  for (let i = 0; i < order; i++) {
    const found = gradients(
      slopes,
      slopes.map((v) => b.full(0.5, v.shape, "float32")),
      inputs,
    );
    slopes = found.filter((g) => g !== null);
    outputs.push(...slopes);
  }
  return makeProgram(inputs, outputs);
}

async function run(backend: Backend, program: Program): Promise<Float32Array[]> {
  const executable = await backend.compile(program);
  const buffers = program.inputs.map(({ shape, dtype }, i) =>
    backend.upload(
      Float32Array.from({ length: sizeOf(shape) }, (_, j) => Math.cos(3 * j + i)),
      shape,
      dtype,
    ),
  );
  const results = await executable.run(buffers);
  executable.dispose();
  return Promise.all(results.map(async (r) => (await backend.download(r)) as Float32Array));
}

/** What differs between two programs, or null. */
async function difference(backend: Backend, program: Program, other: Program): Promise<string | null> {
  const [expected, actual] = [await run(reference, program), await run(backend, other)];
  for (const [i, want] of expected.entries()) {
    const scale = want.reduce((most, n) => Math.max(most, Math.abs(n)), 1);
    const failure = closeFailure(actual[i]!, want, { dtype: "float32", atol: 1e-5 * scale, rtol: 1e-4 });
    if (failure) return `output ${i}: ${failure}\n${printProgram(program)}\nbecame\n${printProgram(other)}`;
  }
  return null;
}

const shapes = fc.constantFrom([2, 4, 5, 6], [1, 2, 7, 1], [3, 1, 6, 4], [2, 4, 9], [1, 3, 5]);

describe("random programs of convolutions and pools", () => {
  it.each<[string, 0 | 1 | 2]>([
    ["values", 0],
    ["values and gradients", 1],
    ["gradients of gradients", 2],
  ])("mean the same channels last: %s", async (_, order) => {
    await fc.assert(
      fc.asyncProperty(steps, shapes, async (given, shape) => {
        const program = programOf(given, shape, order);
        const changed = optimize(program, { channelsLast: true, verify: true });
        expect(await difference(reference, optimize(program), changed)).toBeNull();
      }),
      { numRuns: order === 2 ? 30 : 60 },
    );
  });

  it.each(["onnx", "onnx on WebAssembly"] as const)("compute on %s what they mean", async (name) => {
    const engine = await ENGINES[name]();
    await fc.assert(
      fc.asyncProperty(steps, shapes, async (given, shape) => {
        const program = programOf(given, shape, 1);
        expect(await difference(engine, program, optimize(program, { channelsLast: true }))).toBeNull();
      }),
      { numRuns: 30 },
    );
  });
});

/** Programs that models compile, as a backend sees that computes channels last. */
const compiled: { label: string; program: Program }[] = [];

async function recorder(): Promise<Backend> {
  const inner = await createReferenceBackend();
  const compile: Backend["compile"] = async (program, options = {}) => {
    verifyProgram(program);
    compiled.push({ label: options.label ?? "", program });
    const run = async () =>
      program.outputs.map((v) => inner.upload(allocate(v.dtype, sizeOf(v.shape)), v.shape, v.dtype));
    return { work: 1, run, dispose: () => {} };
  };
  return Object.assign(Object.create(inner) as Backend, { name: "recorder", channelsLast: true, compile });
}

/** The training step of a model. */
async function trainStep(model: ModelBase, x: readonly number[]): Promise<Program> {
  compiled.length = 0;
  model.compile({ optimizer: "adam", loss: "mse" });
  const y = [x[0]!, ...(model.outputShape as number[]).slice(1)];
  await model.trainOnBatch(ops.zeros([...x]), ops.zeros(y));
  return compiled.find(({ label }) => label.startsWith("train step"))!.program;
}

const transposes = (program: Program): string[] =>
  program.nodes.flatMap(({ op, inputs }) =>
    op === "transpose" ? [`${inputs[0]!.node?.op ?? "input"} ${inputs[0]!.shape.join("x")}`] : [],
  );

function toyResNet(): ModelBase {
  const inputs = layers.Input({ shape: [32, 32, 3] });
  let x = layers.Conv2D(32, 3, { activation: "relu" })(inputs);
  let block = layers.MaxPooling2D(3)(x);
  for (let i = 0; i < 2; i++) {
    x = layers.Conv2D(32, 3, { activation: "relu", padding: "same" })(block);
    x = layers.Conv2D(32, 3, { activation: "relu", padding: "same" })(x);
    block = layers.add([x, block]);
  }
  x = layers.GlobalAveragePooling2D()(layers.Conv2D(64, 3, { activation: "relu" })(block));
  return Model({ inputs, outputs: layers.Dense(10)(layers.Dropout(0.5)(x)) });
}

function autoencoder(): ModelBase {
  const inputs = layers.Input({ shape: [28, 28, 1] });
  let x = layers.Conv2D(16, 3, { activation: "relu" })(inputs);
  x = layers.Conv2D(16, 3, { activation: "relu" })(layers.MaxPooling2D(3)(x));
  x = layers.Reshape([4, 4, 1])(layers.GlobalMaxPooling2D()(x));
  x = layers.UpSampling2D(3)(layers.Conv2DTranspose(32, 3, { activation: "relu" })(x));
  x = layers.Conv2DTranspose(16, 3, { strides: 2, padding: "same" })(x);
  return Model({ inputs, outputs: layers.Conv2DTranspose(1, 3, { activation: "relu" })(x) });
}

function lines(): ModelBase {
  const inputs = layers.Input({ shape: [40, 4] });
  let x = layers.SeparableConv1D(16, 3, { depthMultiplier: 2, activation: "relu" })(inputs);
  x = layers.Conv1D(16, 3, { groups: 4, padding: "causal" })(layers.MaxPooling1D(2)(x));
  x = layers.DepthwiseConv1D(3, { depthMultiplier: 2, dilationRate: 2 })(layers.AveragePooling1D(2)(x));
  return Model({ inputs, outputs: layers.Dense(10)(layers.GlobalAveragePooling1D()(x)) });
}

function channelsFirst(): ModelBase {
  const first = { dataFormat: "channels_first" } as const;
  const inputs = layers.Input({ shape: [3, 32, 32] });
  let x = layers.Conv2D(16, 3, { activation: "relu", ...first })(inputs);
  x = layers.BatchNormalization({ axis: 1 })(x);
  x = layers.ReLU()(layers.Conv2D(32, 3, { padding: "same", strides: 2, ...first })(x));
  x = layers.AveragePooling2D(3, { padding: "same", strides: 2, ...first })(x);
  x = layers.Conv2D(32, 3, { activation: "relu", ...first })(x);
  return Model({ inputs, outputs: layers.Dense(10)(layers.Flatten()(x)) });
}

describe("training steps on a backend that computes channels last", () => {
  const before = backendName();
  beforeAll(() => {
    registerBackend("recorder", recorder);
    setBackend("recorder");
    return () => setBackend(before);
  });

  it.each<[string, () => ModelBase, number[]]>([
    ["the toy ResNet", toyResNet, [8, 32, 32, 3]],
    ["the autoencoder", autoencoder, [8, 28, 28, 1]],
    ["lines, depthwise and in groups", lines, [8, 40, 4]],
    [
      "MobileNet",
      () => MobileNet({ weights: null, inputShape: [32, 32, 3], classes: 10 }) as ModelBase,
      [4, 32, 32, 3],
    ],
  ])("transpose nothing: %s", async (_, make, shape) => {
    const step = await trainStep(make(), shape);
    expect(transposes(step)).toEqual([]);
    const found = new Set(step.nodes.map((node) => node.op));
    expect([...found].filter((op) => FIRST.has(op))).toEqual([]);
    expect([...found].filter(isLast).sort()).toContain("conv_last_weight_grad");
  });

  it("transpose what comes and what goes where a model is channels first", async () => {
    const step = await trainStep(channelsFirst(), [8, 3, 32, 32]);
    // The images, and what Flatten takes, forward and backward.
    expect(transposes(step).sort()).toEqual(["input 8x3x32x32", "relu 8x6x6x32", "reshape 8x32x6x6"]);
  });
});

describe("what stays channels first", () => {
  const x = inputValue({ shape: [2, 6, 6, 3], dtype: "float32" }, "x");
  const first = b.transpose(x, [0, 3, 1, 2]);
  const how = { strides: [1, 1], low: [0, 0], high: [0, 0], dilation: [1, 1], groups: 1 };
  const halves = { window: [2, 2], strides: [2, 2], low: [0, 0], high: [0, 0] };
  const kernel = b.constant(new Float32Array(4 * 3 * 4).fill(0.1), [2, 2, 3, 4], "float32");
  const fixed = b.conv(first, b.transpose(kernel, [3, 2, 0, 1]), how);
  const lastOps = (inputs: readonly Value[], ...outputs: Value[]): string[] =>
    optimize(makeProgram(inputs, outputs), { channelsLast: true, verify: true }).nodes.flatMap(({ op }) =>
      isLast(op) ? [op] : [],
    );

  it("predictions whose kernels are constants, with their pools", () => {
    expect(lastOps([x], b.maxPool(fixed, halves))).toEqual([]);
  });

  it("not their gradients", () => {
    const y = b.maxPool(fixed, halves);
    const [dx] = gradients([y], [b.full(1, y.shape, "float32")], [x]);
    expect(lastOps([x], dx!).sort()).toEqual(["conv_last", "conv_last_input_grad", "max_pool_last_grad"]);
  });

  it("three axes, and other floats", () => {
    const volume = inputValue({ shape: [1, 2, 3, 4, 5], dtype: "float32" }, "v");
    const pool = { window: [2, 2, 2], strides: [1, 1, 1], low: [0, 0, 0], high: [0, 0, 0] };
    expect(lastOps([volume], b.maxPool(volume, pool))).toEqual([]);
    const wide = inputValue({ shape: [2, 3, 6, 6], dtype: "float64" }, "x");
    expect(lastOps([wide], b.sumPool(wide, halves))).toEqual([]);
  });

  it("everything on a backend that does not ask for it", () => {
    const w = inputValue({ shape: [4, 3, 3, 3], dtype: "float32" }, "w");
    const program = optimize(makeProgram([x, w], [b.conv(first, w, how)]));
    expect(program.nodes.some(({ op }) => isLast(op))).toBe(false);
  });
});
