import { afterEach, describe, expect, it } from "vitest";
import "../ops/index.ts";
import { setBackend } from "../backend/registry.ts";
import { resetNames } from "../core/names.ts";
import * as random from "../random/index.ts";
import { withAutocast } from "./autocast.ts";
import { jit } from "./jit.ts";
import type { TensorMethods } from "./methods.ts";
import { nameScope } from "./nameScope.ts";
import { type Tensor, tensor } from "./tensor.ts";
import { Trace, withTrace } from "./trace.ts";
import { materializeVariables, Variable, zerosVariable } from "./variable.ts";

afterEach(() => setBackend("onnx"));

describe("Variable", () => {
  it("holds numbers, a tensor, or what an initializer makes", async () => {
    expect(await new Variable([[1, 2]]).array()).toEqual([[1, 2]]);
    expect(await new Variable(tensor([3]).mul(2)).array()).toEqual([6]);
    const made = new Variable((shape, dtype) => tensor(new Float32Array(shape[0]!).fill(4), shape, dtype), {
      shape: [2],
      dtype: "float64",
    });
    expect([await made.array(), made.dtype, made.shape, made.ndim, made.size]).toEqual([[4, 4], "float64", [2], 1, 2]);
    expect(await zerosVariable([2], { dtype: "int32" }).array()).toEqual([0, 0]);
    expect(new Variable(tensor([1]), { dtype: "int32" }).dtype).toBe("int32");
    expect(await new Variable(new Variable([5])).array()).toEqual([5]);
  });

  it("has a name, a path, and says what it is", () => {
    resetNames();
    expect([new Variable(0).name, new Variable(0).name]).toEqual(["variable", "variable_1"]);
    const kernel = nameScope("model", () => nameScope("dense", () => new Variable([[0]], { name: "kernel" })));
    expect(kernel.path).toBe("model/dense/kernel");
    expect(String(kernel)).toBe("Variable(path=model/dense/kernel, shape=(1, 1), dtype=float32, trainable=true)");
    kernel.trainable = false;
    expect([kernel.trainable, kernel.createdTrainable]).toEqual([false, true]);
  });

  it("is assigned, added to and subtracted from", async () => {
    const v = new Variable([1, 2]);
    expect(v.assign([3, 4])).toBe(v);
    v.assignAdd(1).assignSub([0, 2]);
    expect(await v.array()).toEqual([4, 3]);
    const count = new Variable(tensor([7], [1], "int32"));
    count.assignAdd(2.9);
    expect([await count.array(), count.dtype]).toEqual([[9], "int32"]);
    v.assign(count.value.reshape([1]).add(tensor([0, 0])));
    expect([await v.array(), v.dtype]).toEqual([[9, 9], "float32"]);
  });

  it("has the methods of tensors, eager and traced, and is no number", async () => {
    const v = new Variable([
      [1, -2, 3],
      [4, 5, 6],
    ]);
    const run: Record<keyof TensorMethods<Tensor>, (x: TensorMethods<Tensor>) => Tensor> = {
      add: (x) => x.add(1),
      sub: (x) => x.sub(v),
      mul: (x) => x.mul([1, 2, 3]),
      div: (x) => x.div(2),
      floorDivide: (x) => x.floorDivide(2),
      mod: (x) => x.mod(2),
      pow: (x) => x.pow(2),
      neg: (x) => x.neg(),
      abs: (x) => x.abs(),
      matmul: (x) => x.matmul([[1], [2], [3]]),
      equal: (x) => x.equal(3),
      notEqual: (x) => x.notEqual(3),
      less: (x) => x.less(3),
      lessEqual: (x) => x.lessEqual(3),
      greater: (x) => x.greater(3),
      greaterEqual: (x) => x.greaterEqual(3),
      reshape: (x) => x.reshape([3, -1]),
      squeeze: (x) => x.squeeze(),
      expandDims: (x) => x.expandDims(0),
      transpose: (x) => x.transpose([1, 0]),
      astype: (x) => x.astype("int32"),
      get: (x) => x.get(null, -1),
      sum: (x) => x.sum({ axis: 0 }),
      mean: (x) => x.mean(),
      max: (x) => x.max({ axis: 1, keepdims: true }),
      min: (x) => x.min(),
      prod: (x) => x.prod(),
      var: (x) => x.var(),
      std: (x) => x.std(),
      all: (x) => x.all(),
      any: (x) => x.any(),
      cumsum: (x) => x.cumsum({ axis: 1 }),
      exp: (x) => x.exp(),
      log: (x) => x.abs().log(),
      sqrt: (x) => x.abs().sqrt(),
      square: (x) => x.square(),
      round: (x) => x.round(),
      clip: (x) => x.clip(0, 4),
      ravel: (x) => x.ravel(),
      swapaxes: (x) => x.swapaxes(0, 1),
      argmin: (x) => x.argmin({ axis: 1 }),
      argmax: (x) => x.argmax(),
    };
    const double = jit((x: Tensor) => v.mul(x).get(0));
    for (const [name, method] of Object.entries(run)) {
      const [ours, expected] = [method(v), method(v.value)];
      expect([name, ours.dtype, ours.shape]).toEqual([name, expected.dtype, expected.shape]);
      expect(await ours.array(), name).toEqual(await expected.array());
    }
    expect(await (await double(tensor(2))).array()).toEqual([2, -4, 6]);
    v.assignAdd(v.mul(0).add(1));
    expect([await v.array(), await v.sum().item(), await new Variable([7]).item()]).toEqual([
      [
        [2, -1, 4],
        [5, 6, 7],
      ],
      23,
      7,
    ]);
    expect(await (await double(tensor(2))).array()).toEqual([4, -2, 8]);
    const named = nameScope("dense", () => new Variable(1, { name: "scale" }));
    // @ts-expect-error variables are no numbers
    expect(() => named * 2).toThrow('variable "dense/scale" is not a number: use its methods (w.mul(2), w.less(1))');
    expect(`${named}`).toMatch(/^Variable\(path=dense\/scale/);
  });

  it("leaves tensors that were read before as they were", async () => {
    const v = new Variable([1]);
    const before = v.value;
    const lazy = v.value.mul(10);
    v.assign([2]);
    expect([await before.array(), await lazy.array(), await v.array()]).toEqual([[1], [10], [2]]);
  });

  it("computes assignments that nobody reads with whatever is computed next", async () => {
    const v = new Variable([0]);
    for (let i = 0; i < 10; i++) v.assign(v.value.add(1));
    expect(String(v.value)).toContain("not computed yet");
    await tensor([1]).add(1).data();
    expect(String(v.value)).toContain("[10.]");
  });

  it("keeps a failing assignment to itself", async () => {
    const v = new Variable([0]);
    // No engine can run it.
    const broken = tensor([1]).add(1);
    Object.defineProperty(broken.node.node!, "op", { value: "no_such_primitive" });
    v.assign(broken);
    expect(await tensor([1]).add(2).array()).toEqual([3]);
    await expect(v.array()).rejects.toThrow();
    v.assign([5]);
    expect(await v.array()).toEqual([5]);
  });

  it("computes many first values in one program", async () => {
    const variables = [1, 2, 3].map((seed) => new Variable((shape) => random.normal(shape, { seed }), { shape: [4] }));
    await materializeVariables(variables);
    for (const v of variables) expect(v.value.node.source.kind).toBe("buffer");
  });

  it("reads float variables in the dtype of the autocast scope, unless it says otherwise", () => {
    const v = new Variable([1]);
    const exact = new Variable([1], { autocast: false });
    const count = new Variable(tensor([1], [1], "int32"));
    const read = () => [v.value.dtype, exact.value.dtype, count.value.dtype];
    expect(withAutocast("float16", read)).toEqual(["float16", "float32", "int32"]);
    expect(withAutocast("float16", () => withAutocast(null, read))).toEqual(["float32", "float32", "int32"]);
    expect(() =>
      withAutocast("float16", () => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(read()).toEqual(["float32", "float32", "int32"]);
  });

  it("moves between engines", async () => {
    const v = new Variable([1, 2]);
    v.assignAdd(1);
    await v.data();
    setBackend("reference");
    v.assignAdd(1);
    expect(await v.array()).toEqual([3, 4]);
    setBackend("onnx");
    expect(await v.value.mul(2).array()).toEqual([6, 8]);
  });
});

describe("a trace", () => {
  it("records reads and the last write of each variable, and changes nothing", async () => {
    const [a, b] = [new Variable([1]), new Variable([2])];
    const trace = new Trace();
    withTrace(trace, () => {
      a.assign(a.value.add(1));
      a.assign(a.value.mul(2));
      b.assign([7]);
    });
    expect([...trace.reads.keys()]).toEqual([a]);
    expect([...trace.writes.keys()]).toEqual([a, b]);
    expect([await a.array(), await b.array()]).toEqual([[1], [2]]);
  });

  it("does not record how a new variable gets its first value", async () => {
    const trace = new Trace();
    const made = withTrace(trace, () => new Variable((shape) => random.normal(shape, { seed: 1 }), { shape: [2] }));
    expect(trace.reads.size + trace.writes.size).toBe(0);
    expect(await made.array()).toHaveLength(2);
  });

  it("says that its tensors have no numbers", async () => {
    const v = new Variable([1]);
    const trace = new Trace();
    const inside = withTrace(trace, () => v.value.add(1));
    await expect(inside.data()).rejects.toThrow("a traced tensor has no numbers yet: inside `jit`");
    expect(withTrace(trace, () => String(inside))).toContain("(being traced:");
    // What it left behind in a variable does not disturb others.
    new Variable([0]).assign(inside);
    expect(await tensor([1]).add(1).array()).toEqual([2]);
  });
});

describe("errors of variables", () => {
  const v = new Variable([[1, 2]], { name: "kernel" });
  it.each<[string, () => unknown, string]>([
    [
      "another shape",
      () => v.assign([1, 2]),
      'assign to variable "kernel": shapes differ. Expected (1, 2). Received: (2,)',
    ],
    [
      "no tensor",
      () => v.assign(null as unknown as number),
      'assign to "kernel": expected a tensor or numbers. Received: null',
    ],
    ["a slash", () => new Variable(0, { name: "a/b" }), 'a name may not contain "/". Received: "a/b"'],
    [
      "no shape",
      () => new Variable(() => tensor(0), { name: "w" }),
      'Variable "w": an initializer function needs `shape`',
    ],
    [
      "another first shape",
      () => new Variable([1], { name: "w", shape: [2] }),
      'Variable "w": the initial value has shape (1,), expected (2,)',
    ],
    ["an unknown option", () => new Variable(0, { trainible: true } as object), 'Did you mean "trainable"?'],
    ["an unknown dtype", () => new Variable(0, { dtype: "flaot32" }), 'Did you mean "float32"?'],
  ])("%s", (_, act, words) => {
    expect(act).toThrow(words);
  });
});
