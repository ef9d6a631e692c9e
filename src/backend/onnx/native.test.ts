/** Our binding to the engine, against what sums by hand give. Skipped, visibly, where it was not built. */
import { Worker } from "node:worker_threads";
import type { Tensor as OrtTensor } from "onnxruntime-common";
import { afterEach, describe, expect, it, vi } from "vitest";
import { allocate, type DType, type TypedArray, toElement } from "../../core/dtype.ts";
import { sizeOf } from "../../core/shape.ts";
import { encodeModel, externalData, type OnnxGraph, type OnnxNode } from "./encode.ts";
import { findEngine, findLibrary, KERNELS_VARIABLE, loadNative } from "./native.ts";
import { NATIVE_DOMAIN } from "./nativeKernels.ts";

const engine = (await loadNative())!;

const value = (name: string, shape: readonly number[], dtype: DType = "float32") => ({ name, shape, dtype });
const node = (op: string, inputs: readonly string[], output = "y", rest: Partial<OnnxNode> = {}): OnnxNode => ({
  op,
  domain: "",
  inputs,
  outputs: [output],
  attributes: {},
  ...rest,
});
const graph = (parts: Partial<OnnxGraph>): OnnxGraph => ({
  name: "test",
  nodes: [],
  inputs: [],
  outputs: [],
  initializers: [],
  ...parts,
});

/** y = x + x */
const doubling = (shape: readonly number[], dtype: DType = "float32") =>
  graph({ nodes: [node("Add", ["x", "x"])], inputs: [value("x", shape, dtype)], outputs: [value("y", shape, dtype)] });

const create = (g: OnnxGraph, options = {}) => {
  const external = externalData(g);
  const settings = {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
    ...(external.length > 0 && { externalData: external }),
  };
  return engine.InferenceSession.create(encodeModel(g), { ...settings, ...options } as never);
};
const tensor = (data: TypedArray, dims: readonly number[] = [data.length], type: string = "float32") =>
  new (engine.Tensor as unknown as new (type: string, data: TypedArray, dims: readonly number[]) => never)(
    type,
    data,
    dims,
  );

/** A tensor of its own numbers; none where there is no engine. */
const tensorOf = (numbers: readonly number[], dims: readonly number[]) =>
  (engine ? tensor(Float32Array.from(numbers), dims) : null) as unknown as OrtTensor;

describe.skipIf(!engine)("the binding to the engine", () => {
  it("says what it runs on", () => {
    expect(engine.version).toMatch(/^1\.\d+\.\d+$/);
    expect(["avx512", "avx2", "sse2", "neon"]).toContain(engine.instructionSet);
  });

  it.each<DType>(["float32", "float64", "int32", "int64", "uint32", "uint64"])("adds arrays of %s", async (dtype) => {
    const session = await create(doubling([3], dtype));
    const x = allocate(dtype, 3) as Float32Array;
    for (let i = 0; i < 3; i++) x[i] = toElement(dtype, i + 1) as number;
    const y = allocate(dtype, 3);
    await session.run({ x: tensor(x, [3], dtype) }, { y: tensor(y, [3], dtype) });
    expect(Array.from(y as Float32Array, Number)).toEqual([2, 4, 6]);
    await session.release();
  });

  it.each<DType>(["bool", "int8", "uint8", "int16", "uint16", "float16"])("hands over arrays of %s", async (dtype) => {
    const nodes = [node("Identity", ["x"])];
    const session = await create(graph({ nodes, inputs: [value("x", [2], dtype)], outputs: [value("y", [2], dtype)] }));
    const x = allocate(dtype, 2) as Uint8Array;
    x.set([1, 0]);
    const y = allocate(dtype, 2);
    await session.run({ x: tensor(x, [2], dtype) }, { y: tensor(y, [2], dtype) });
    expect(Array.from(y as Uint8Array)).toEqual([1, 0]);
    await session.release();
  });

  it("takes scalars, and arrays without elements", async () => {
    for (const shape of [[], [0, 3]]) {
      const session = await create(doubling(shape));
      const y = new Float32Array(sizeOf(shape));
      await session.run({ x: tensor(new Float32Array(y.length).fill(4), shape) }, { y: tensor(y, shape) });
      expect([...y]).toEqual(y.length === 1 ? [8] : []);
      await session.release();
    }
  });

  it("reads large constants from where they lie", async () => {
    const data = Float32Array.from({ length: 100_000 }, (_, i) => i);
    const shape = [data.length];
    const session = await create(
      graph({
        nodes: [node("Add", ["x", "w"])],
        inputs: [value("x", shape)],
        outputs: [value("y", shape)],
        initializers: [{ ...value("w", shape), data }],
      }),
    );
    const y = new Float32Array(data.length);
    await session.run({ x: tensor(new Float32Array(data.length).fill(0.5)) }, { y: tensor(y) });
    expect([y[0], y[1], y[99_999]]).toEqual([0.5, 1.5, 99_999.5]);
    await session.release();
  });

  it("follows arrays wherever they are: fresh ones, views, the same two in turn", async () => {
    const session = await create(doubling([2]));
    const views = new Float32Array(20);
    const two = [new Float32Array(2), new Float32Array(2)];
    const garbage: Float32Array[] = [];
    for (let i = 0; i < 2000; i++) {
      const x = i % 2 === 0 ? Float32Array.of(i, i + 1) : views.subarray(i % 19, (i % 19) + 2);
      x.set([i, i + 1]);
      const y = i % 3 === 0 ? new Float32Array(2) : two[i % 2]!;
      await session.run({ x: tensor(x) }, { y: tensor(y) });
      expect([...y]).toEqual([2 * i, 2 * i + 2]);
      garbage.push(new Float32Array(8), new Float32Array(100));
    }
    await session.release();
  });

  it("keeps the address of a small array that the garbage collector would move", async () => {
    const session = await create(doubling([2]));
    const x = tensor(Float32Array.of(1, 2));
    const y = new Float32Array(2);
    for (let i = 0; i < 50; i++) {
      await session.run({ x }, { y: tensor(y) });
      expect([...y]).toEqual([2, 4]);
      y.fill(0);
      Array.from({ length: 20_000 }, () => new Float32Array(4)); // young garbage, more than a semi-space holds
    }
    await session.release();
  });

  it("lets timers have their turn while runs follow one another", async () => {
    const session = await create(doubling([2]));
    const feeds = { x: tensor(Float32Array.of(1, 2)) };
    const fetches = { y: tensor(new Float32Array(2)) };
    let fired = false;
    setTimeout(() => {
      fired = true;
    }, 1);
    const start = performance.now();
    while (!fired && performance.now() - start < 2000) await session.run(feeds, fetches);
    expect(fired).toBe(true);
    await session.release();
  });

  it("runs in worker threads next to each other", async () => {
    const { createRequire } = await import("node:module");
    const code = `
      const { workerData, parentPort } = require("node:worker_threads");
      const library = require(workerData.library);
      library.start(workerData.engine);
      const [session] = library.create(workerData.model, { intraOpThreads: 1, logLevel: 4 });
      const x = new Float32Array(1000).fill(workerData.number), y = new Float32Array(1000);
      const addresses = Float64Array.of(library.addressOf(x), library.addressOf(y));
      for (let i = 0; i < 200; i++) library.run(session, addresses);
      parentPort.postMessage(y[999]);`;
    const files = { library: await findLibrary(), engine: await findEngine(createRequire(import.meta.url)) };
    const results = [1, 2, 3].map((number) => {
      const workerData = { ...files, number, model: encodeModel(doubling([1000])) };
      return new Promise((resolve, reject) => {
        new Worker(code, { eval: true, workerData }).on("message", resolve).on("error", reject);
      });
    });
    expect(await Promise.all(results)).toEqual([2, 4, 6]);
  });
});

describe.skipIf(!engine)("what goes wrong with the engine", () => {
  it("refuses a model with the engine's own words", async () => {
    const broken = graph({
      nodes: [node("NoSuchOperator", ["x"])],
      inputs: [value("x", [1])],
      outputs: [value("y", [1])],
    });
    await expect(create(broken)).rejects.toThrow("NoSuchOperator");
    await expect(engine.InferenceSession.create(new Uint8Array(3))).rejects.toThrow(/protobuf|graph/i);
  });

  it("says which value has too little memory, and never reads past it", async () => {
    const session = await create(doubling([2]));
    const y = tensor(new Float32Array(2));
    await expect(session.run({ x: tensor(new Float32Array(1)) }, { y })).rejects.toThrow(
      '"x" takes 8 bytes. Received: 4 bytes',
    );
    await expect(session.run({}, { y })).rejects.toThrow('"x" takes 8 bytes. Received: nothing');
    const gone = new Float32Array(2);
    const x = tensor(gone);
    await session.run({ x }, { y });
    structuredClone(gone, { transfer: [gone.buffer] });
    await expect(session.run({ x }, { y })).rejects.toThrow("an array that was transferred");
    await session.release();
  });

  it("does not run after it was released", async () => {
    const session = await create(doubling([1]));
    await session.release();
    const one = tensor(new Float32Array(1));
    await expect(session.run({ x: one }, { y: one })).rejects.toThrow("run: the session was released");
  });

  it("passes on what a kernel says", async () => {
    const nodes = [node("Gather", ["x", "i"])];
    const inputs = [value("x", [2]), value("i", [1], "int32")];
    const session = await create(graph({ nodes, inputs, outputs: [value("y", [1])] }));
    const feeds = { x: tensor(new Float32Array(2)), i: tensor(Int32Array.of(7), [1], "int32") };
    await expect(session.run(feeds, { y: tensor(new Float32Array(1)) })).rejects.toThrow(/indices element out of/);
    await session.release();
  });
});

const ints = (value: number[]) => ({ kind: "ints" as const, value });
const WINDOWS = { strides: ints([1, 1]), pads: ints([0, 1, 0, 1]), dilations: ints([1, 1]) };
/** Three numbers in a row, convolved with three. */
const convolution = (attributes: OnnxNode["attributes"] = WINDOWS, kernel = [1, 3, 1, 1], inputs = ["x", "w", "b"]) =>
  graph({
    nodes: [node("Conv", inputs, "y", { domain: NATIVE_DOMAIN, attributes })],
    inputs: [value("x", [1, 1, 3, 1]), value("w", kernel), value("b", [1])],
    outputs: [value("y", [1, 1, 3, 1])],
  });

describe.skipIf(!engine?.kernels)("operators of ours", () => {
  const x = tensorOf([1, 2, 3], [1, 1, 3, 1]);
  const w = tensorOf([10, 100, 1000], [1, 3, 1, 1]);
  const b = tensorOf([-200], [1]);

  it("compute what the attributes say, with an input that may be missing", async () => {
    const y = new Float32Array(3);
    const fetches = { y: tensor(y, [1, 1, 3, 1]) };
    const run = async (g: OnnxGraph) => {
      const session = await create(g);
      await session.run({ x, w, b }, fetches);
      await session.release();
      return [...y];
    };
    // 0·10 + 1·100 + 2·1000; 1·10 + 2·100 + 3·1000; 2·10 + 3·100 + 0·1000
    expect(await run(convolution(WINDOWS, undefined, ["x", "w"]))).toEqual([2100, 3210, 320]);
    expect(await run(convolution())).toEqual([1900, 3010, 120]);
    const relu = { ...WINDOWS, activation: { kind: "int" as const, value: 1 } };
    b.data[0] = -2000;
    expect(await run(convolution(relu))).toEqual([100, 1210, 0]);
  });

  it("refuse attributes that mean nothing", async () => {
    const wrong: [OnnxNode["attributes"], string][] = [
      [{ ...WINDOWS, strides: ints([0, 1]) }, "expected `strides` to be two numbers of at least 1. Received: (0, 1)"],
      [{ ...WINDOWS, pads: ints([1]) }, "expected `pads` to be four numbers: top, left, bottom, right. Received: (1)"],
      [{ ...WINDOWS, groups: { kind: "int", value: 0 } }, "expected `groups` to be at least 1. Received: 0"],
    ];
    for (const [attributes, message] of wrong) {
      await expect(create(convolution(attributes))).rejects.toThrow(`Conv: ${message}`);
    }
  });

  it("refuse matrices that do not fit each other, and sums of another size", async () => {
    const run = async (op: string, shapes: Record<string, number[]>, attributes: OnnxNode["attributes"] = {}) => {
      const inputs = Object.entries(shapes).map(([name, shape]) => value(name, shape));
      const nodes = [node(op, Object.keys(shapes), "y", { domain: NATIVE_DOMAIN, attributes })];
      const session = await create(graph({ nodes, inputs, outputs: [value("y", [2, 4])] }));
      const feeds = inputs.map(({ name, shape }) => [name, tensorOf(new Array(sizeOf(shape)).fill(1), shape)]);
      const y = tensorOf(new Array(8).fill(0), [2, 4]);
      await session.run(Object.fromEntries(feeds), { y });
      await session.release();
      return Array.from(y.data as Float32Array);
    };
    expect(await run("MatMul", { a: [2, 3], b: [3, 4], c: [4] })).toEqual(new Array(8).fill(4)); // 3 · 1 · 1 + 1
    await expect(run("MatMul", { a: [2, 3], b: [4, 3] })).rejects.toThrow(
      "expected both to have as many terms. Received: 3 and 4",
    );
    await expect(run("MatMul", { a: [2, 3], b: [3, 4], c: [3] })).rejects.toThrow("bias has shape (3); expected (4)");
    await expect(run("MatMul", { a: [2, 1, 3], b: [3, 3, 4] })).rejects.toThrow("expected the same leading axes");
    await expect(run("MatMul", { a: [3], b: [3, 4] })).rejects.toThrow("expected two axes or more");
    await expect(run("MatMul", { a: [2, 3], b: [3, 4] }, { activation: { kind: "int", value: 2 } })).rejects.toThrow(
      "expected `activation` to be 0 (none) or 1 (relu). Received: 2",
    );
    expect(await run("ColumnSum", { x: [5, 2, 4] }, { shape: ints([2, 4]) })).toEqual(new Array(8).fill(5));
    await expect(run("ColumnSum", { x: [3, 5] }, { shape: ints([2, 4]) })).rejects.toThrow(
      "x has shape (3, 5); expected a multiple of 8 elements, as `shape` (2, 4) has",
    );
    await expect(run("ColumnSum", { x: [8, 4] }, { shape: ints([0, 4]) })).rejects.toThrow(
      "expected `shape` to be sizes of at least 1. Received: (0, 4)",
    );
  });

  it("refuse operands that do not fit each other", async () => {
    const session = await create(convolution(WINDOWS, [1, 3, 2, 1]));
    const feeds = { x, w: tensorOf([1, 2, 3, 4, 5, 6], [1, 3, 2, 1]), b };
    await expect(session.run(feeds, { y: tensorOf([0, 0, 0], [1, 1, 3, 1]) })).rejects.toThrow(
      "x has shape (1, 1, 3, 1); expected (1, 1, 3, 2)",
    );
    await session.release();
  });
});

describe("loading", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it(`gives way to onnxruntime-node's binding with ${KERNELS_VARIABLE}=off`, async () => {
    vi.stubEnv(KERNELS_VARIABLE, "off");
    expect(await loadNative()).toBeNull();
  });
});
