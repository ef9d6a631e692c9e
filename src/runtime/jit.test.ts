import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grad, valueAndGrad } from "../autodiff/grad.ts";
import type { Backend, BackendBuffer } from "../backend/contract.ts";
import { setBackend, backend as startBackend } from "../backend/registry.ts";
import * as ops from "../ops/index.ts";
import { jit } from "./jit.ts";
import { type Tensor, tensor } from "./tensor.ts";
import { Variable } from "./variable.ts";

/** Buffers that the backend makes while `fn` runs. */
async function countBuffers(backend: Backend, fn: () => Promise<void>): Promise<number> {
  const { empty } = backend;
  let count = 0;
  backend.empty = (...args): BackendBuffer => {
    count++;
    return empty.apply(backend, args);
  };
  try {
    await fn();
  } finally {
    backend.empty = empty;
  }
  return count;
}

describe.each(["onnx", "reference"])("jit on %s", (name) => {
  beforeAll(() => setBackend(name));
  afterAll(() => setBackend("onnx"));

  it("traces once per signature", async () => {
    let traces = 0;
    const f = jit((x: Tensor, factor: number | string) => {
      traces++;
      return x.mul(Number(factor));
    });
    expect(await (await f(tensor([1, 2]), 2)).array()).toEqual([2, 4]);
    expect(await (await f(tensor([3, 4]), 2)).array()).toEqual([6, 8]);
    expect(traces).toBe(1);
    expect(await (await f(tensor([1, 2]), 3)).array()).toEqual([3, 6]); // another static argument
    expect(await (await f(tensor([1, 2]), "2")).array()).toEqual([2, 4]); // another kind
    expect(await (await f(tensor([1]), 2)).array()).toEqual([2]); // another shape
    expect((await f(tensor([1, 2], [2], "int32"), 2)).dtype).toBe("int32"); // another dtype
    expect(traces).toBe(5);
    await f(tensor([5, 6]), 3);
    expect(traces).toBe(5);
  });

  it("does not take one list of strings for another", async () => {
    const f = jit((x: Tensor, words: string[]) => x.mul(words.length));
    expect(await (await f(tensor([1]), ['a","b'])).array()).toEqual([1]);
    expect(await (await f(tensor([1]), ["a", "b"])).array()).toEqual([2]);
    const g = jit((x: Tensor, words: string[]) => x.mul(words.length));
    expect(await (await g(tensor([1]), ["x,string y"])).array()).toEqual([1]);
    expect(await (await g(tensor([1]), ["x", "y"])).array()).toEqual([2]);
  });

  it("takes and gives structures", async () => {
    const f = jit(({ a, list }: { a: Tensor; list: [Tensor, Tensor] }) => ({
      sum: a.add(list[0]),
      both: [list[1], a],
    }));
    const { sum, both } = await f({ a: tensor([1]), list: [tensor([2]), tensor([30])] });
    expect([await sum.array(), await both[0]!.array(), await both[1]!.array()]).toEqual([[3], [30], [1]]);
  });

  it("takes lazy tensors, and nothing at all", async () => {
    const f = jit((x: Tensor) => x.add(1));
    expect(await (await f(tensor([1]).mul(5))).array()).toEqual([6]);
    expect(await (await jit(() => tensor([1]).add(1))()).array()).toEqual([2]);
    expect(await (await jit(() => ops.ones([2]))()).array()).toEqual([1, 1]);
  });

  it("captures tensors from outside, computed or not", async () => {
    const offset = tensor([10, 20]);
    const lazy = offset.mul(2);
    const f = jit((x: Tensor) => x.add(offset).add(lazy));
    expect(await (await f(tensor([1, 2]))).array()).toEqual([31, 62]);
    offset.dispose();
    expect(await (await f(tensor([0, 0]))).array()).toEqual([30, 60]);
  });

  it("reads and updates variables", async () => {
    const [w, steps] = [new Variable([1, 1]), new Variable(tensor(0, [], "int32"))];
    const step = jit((x: Tensor) => {
      const before = w.value;
      w.assign(w.value.add(x));
      steps.assignAdd(1);
      return { before, after: w.value };
    });
    const seen: number[][] = [];
    const kept: Tensor[] = [];
    for (let i = 1; i <= 4; i++) {
      const { before, after } = await step(tensor([i, -i]));
      kept.push(before, after);
      seen.push(await w.array());
    }
    expect(seen).toEqual([
      [2, 0],
      [4, -2],
      [7, -5],
      [11, -9],
    ]);
    expect(await steps.value.item()).toBe(4);
    // Results of earlier steps keep their numbers, though the variables' buffers are recycled.
    const first = await Promise.all(kept.map(async (t) => (await t.array())[0]));
    expect(first).toEqual([1, 2, 2, 4, 4, 7, 7, 11]);
  });

  it("sees assignments made between steps", async () => {
    const v = new Variable([1]);
    const step = jit(() => {
      v.assign(v.value.mul(2));
      return v.value;
    });
    await step();
    v.assign([10]);
    expect(await (await step()).array()).toEqual([20]);
    v.assign(v.value.add(1));
    expect(await (await step()).array()).toEqual([42]);
    expect(await v.array()).toEqual([42]);
  });

  it("keeps what was read before a step", async () => {
    const v = new Variable([1]);
    const step = jit(() => {
      v.assign(v.value.add(1));
      return v.value.mul(1);
    });
    const old: Tensor[] = [];
    const lazy: Tensor[] = [];
    for (let i = 0; i < 5; i++) {
      old.push(v.value);
      lazy.push(v.value.mul(10));
      await step();
    }
    expect(await Promise.all(old.map((t) => t.item()))).toEqual([1, 2, 3, 4, 5]);
    expect(await Promise.all(lazy.map((t) => t.item()))).toEqual([10, 20, 30, 40, 50]);
  });

  it("allocates two sets of buffers for variables, whatever the number of steps", async () => {
    const [read, written] = [new Variable([0, 0]), new Variable([0])];
    const step = jit((x: Tensor) => {
      read.assign(read.value.add(x));
      written.assign(ops.sum(x).reshape([1]));
    });
    const x = tensor([1, 2]);
    const backend = await startBackend();
    const warm = await countBuffers(backend, async () => {
      for (let i = 0; i < 3; i++) await step(x);
    });
    expect(warm).toBeLessThanOrEqual(4);
    expect(
      await countBuffers(backend, async () => {
        for (let i = 0; i < 10; i++) await step(x);
      }),
    ).toBe(0);
    expect([await read.array(), await written.array()]).toEqual([[13, 26], [3]]);
  });

  it("swaps two variables", async () => {
    const [a, b] = [new Variable([1]), new Variable([2])];
    const step = jit(() => {
      const [oldA, oldB] = [a.value, b.value];
      a.assign(oldB);
      b.assign(oldA);
    });
    for (let i = 0; i < 5; i++) await step();
    expect([await a.array(), await b.array()]).toEqual([[2], [1]]);
  });

  it("runs steps in the order they were started, without waiting between them", async () => {
    const v = new Variable([0]);
    const step = jit((x: Tensor) => {
      v.assign(v.value.mul(2).add(x));
      return v.value;
    });
    const results = await Promise.all([1, 2, 3, 4, 5].map((i) => step(tensor([i]))));
    expect(await Promise.all(results.map((t) => t.item()))).toEqual([1, 4, 11, 26, 57]);
    expect(await v.array()).toEqual([57]);
  });

  it("differentiates and updates inside one program", async () => {
    // Least squares y = w x with the minimum at w = 3.
    const w = new Variable(0);
    const step = jit((x: Tensor, y: Tensor) => {
      const [loss, [dw]] = valueAndGrad(() => ops.mean(ops.square(w.value.mul(x).sub(y))), [w])();
      w.assignSub(dw!.mul(0.1));
      return loss;
    });
    const [x, y] = [tensor([1, 2]), tensor([3, 6])];
    const first = await (await step(x, y)).item();
    for (let i = 0; i < 50; i++) await step(x, y);
    expect(first).toBeCloseTo(22.5, 5); // (9 + 36) / 2
    expect(await w.value.item()).toBeCloseTo(3, 5);
  });

  it("leaves variables as they were when the function throws", async () => {
    const v = new Variable([1]);
    const step = jit((x: Tensor) => {
      v.assign(v.value.add(1));
      return v.value.add(x); // does not broadcast when x has three elements and v two
    });
    v.assign([1]);
    const wide = new Variable([1, 1]);
    const failing = jit((x: Tensor) => {
      wide.assignAdd(1);
      return wide.value.add(x);
    });
    await expect(failing(tensor([1, 2, 3]))).rejects.toThrow("do not broadcast");
    expect(await wide.array()).toEqual([1, 1]);
    expect(await (await failing(tensor([1, 2]))).array()).toEqual([3, 4]);
    expect(await (await step(tensor([1]))).array()).toEqual([3]);
  });

  it("refuses to wait inside", async () => {
    const waiting = async (x: Tensor): Promise<Tensor> => {
      await x.data();
      return x;
    };
    const f = jit(waiting as unknown as (x: Tensor) => Tensor);
    await expect(f(tensor([1]))).rejects.toThrow("is traced once. Received: a promise among its results");
    let reading: Promise<unknown> | null = null;
    await jit((x: Tensor) => {
      reading = expect(x.data()).rejects.toThrow("a traced tensor has no numbers yet");
      return x.add(1);
    })(tensor([1]));
    await reading;
  });

  it("becomes part of the function it is called in", async () => {
    const double = jit((x: Tensor) => x.mul(2));
    const outer = jit((x: Tensor) => {
      void double(x);
      return x.add(1);
    });
    expect(await (await outer(tensor([1]))).array()).toEqual([2]);
    const leaking = jit((x: Tensor) => [double(x)] as unknown as Tensor[]);
    await expect(leaking(tensor([1]))).rejects.toThrow("a promise among its results");
  });

  it("frees the least recently used program of many", async () => {
    const f = jit((x: Tensor, n: number) => x.add(n));
    for (let n = 0; n < 70; n++) await f(tensor([1]), n);
    expect(await (await f(tensor([1]), 0)).array()).toEqual([1]);
  });

  it("has gradients of gradients", async () => {
    const second = jit(
      (x: Tensor) => grad((t: Tensor) => ops.sum(grad((u: Tensor) => ops.sum(u.pow(3)))(t) as Tensor))(x) as Tensor,
    );
    expect(await (await second(tensor([1, 2]))).array()).toEqual([6, 12]); // 6x
  });
});

describe("jit and engines", () => {
  it("compiles again for the engine that was chosen", async () => {
    const f = jit((x: Tensor) => x.add(1));
    await f(tensor([1]));
    setBackend("reference");
    try {
      const result = await f(tensor([2]));
      const { source } = result.node;
      expect(await result.array()).toEqual([3]);
      expect(
        source.kind === "buffer" && (source.buffer as unknown as { device(n: string): unknown }).device("reference"),
      ).toBeTruthy();
    } finally {
      setBackend("onnx");
    }
  });
});
