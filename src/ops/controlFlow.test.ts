import { describe, expect, it } from "vitest";
import { gradientsOf, valueAndGrad } from "../autodiff/grad.ts";
import { flatten, type Nested } from "../core/tree.ts";
import { Input } from "../index.ts";
import "../node.ts";
import { jit } from "../runtime/jit.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import { gradCheck } from "../testing/gradCheck.ts";
import * as ops from "./index.ts";

interface FixtureCase {
  readonly name: string;
  readonly args: readonly EncodedArray[];
  readonly outputs: readonly EncodedArray[];
  readonly gradients: readonly EncodedArray[] | null;
}

const { cases } = loadFixture<{ cases: readonly FixtureCase[] }>("control_flow");

const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};

const cell = (w: Tensor, r: Tensor) => (h: Tensor, x: Tensor) => {
  const next = ops.tanh(ops.matmul(x, w).add(ops.matmul(h, r)));
  return [next, next.mul(h)] as const;
};

const columns = (z: Tensor, i: number): Tensor => ops.slice(z, [0, i], [z.shape[0]!, 1]);

const lstm = (w: Tensor, r: Tensor) => (state: { h: Tensor; c: Tensor }, x: Tensor) => {
  const z = ops.matmul(x, w).add(ops.matmul(state.h, r));
  const [i, f, o] = [0, 1, 3].map((k) => ops.sigmoid(columns(z, k))) as [Tensor, Tensor, Tensor];
  const c = f.mul(state.c).add(i.mul(ops.tanh(columns(z, 2))));
  const h = o.mul(ops.tanh(c));
  return [{ h, c }, [h, ops.squeeze(c, { axis: 1 })]] as const;
};

const branches = [
  (a: Tensor, _: Tensor) => a.mul(2),
  (a: Tensor, b: Tensor) =>
    ops
      .sin(a)
      .add(b.mean())
      .sub(b.mean())
      .add(ops.slice(b, [0, 0], [1, 1]).reshape([])),
  (a: Tensor, _: Tensor) => a,
];

const matrixVector = ops.vectorize((m: Tensor, v: Tensor) => ops.matmul(m, v), { signature: "(n,m),(m)->(n)" });

/** The functions of tools/fixtures/control_flow.py. */
const FUNCTIONS: Record<string, (...args: Tensor[]) => unknown> = {
  scan: (h, x, w, r) => ops.scan(cell(w!, r!), h!, x!),
  "scan reversed": (h, x, w, r) => ops.scan(cell(w!, r!), h!, x!, { reverse: true }),
  "scan unrolled": (h, x, w, r) => ops.scan(cell(w!, r!), h!, x!, { unroll: true }),
  "scan of structures": (h, x, w, r) => ops.scan(lstm(w!, r!), { h: h!, c: h!.mul(2) }, x!),
  "scan without xs": (v) => ops.scan((c) => [ops.sin(c).mul(v!), c], v!, null, { length: 4 }),
  "scan a number": (v) => ops.scan((c, x) => [c.mul(0.5).add(x), c.add(x)], 0, v!),
  foriLoop: (v) => ops.foriLoop(1, 4, (i, s) => ops.sin(s).mul(i.astype("float32")), v!),
  "foriLoop of structures": (v) => ops.foriLoop(0, 3, (_, [a, b]) => [b, a.mul(b).add(v!)], [v!, v!.mul(0.5)]),
  whileLoop: (v) =>
    ops.whileLoop(
      (x) => x.mul(x).sum().less(50),
      (x, n) => [x.mul(1.5), n.add(1)],
      [v!, ops.slice(v!, [0], [1]).reshape([])],
    ),
  "whileLoop with a limit": (v) =>
    ops.whileLoop(
      (x) => x.sum().less(1e9),
      (x) => x.mul(x).add(1),
      v!,
      { maximumIterations: 3 },
    ),
  "cond true": (v, w) =>
    ops.cond(
      v!.sum().less(100),
      () => [ops.sin(v!), w!],
      () => [v!, ops.cos(w!)],
    ),
  "cond false": (v, w) =>
    ops.cond(
      v!.sum().greater(100),
      () => [ops.sin(v!), w!],
      () => [v!, ops.cos(w!)],
    ),
  ...Object.fromEntries(
    [-3, 0, 1, 2, 7].map((i) => [
      `switch ${i}`,
      (v: Tensor, w: Tensor) => ops.switch(tensor(i, [], "int32"), branches, v, w),
    ]),
  ),
  map: (x, w) => ops.map((e) => ({ y: ops.matmul(e, w!), s: e.sum() }), x!),
  vectorizedMap: (x, w) => ops.vectorizedMap((e) => ops.softmax(ops.matmul(e, w!), { axis: 0 }).add(e.mean()), x!),
  "vectorizedMap of structures": (x, m) => ops.vectorizedMap(([a, b]) => ops.matmul(b, a), [x!, m!]),
  "vectorizedMap one by one": (x) => ops.vectorizedMap((e) => ops.sort(e, { axis: -1 }), x!),
  associativeScan: (v) => ops.associativeScan((a, b) => a.add(b), v!),
  "associativeScan odd": (x) => ops.associativeScan((a, b) => a.mul(b), x!, { axis: 0 }),
  "associativeScan reversed": (x) => ops.associativeScan((a, b) => a.mul(b), x!, { reverse: true, axis: -1 }),
  "associativeScan of matrices": (m) => ops.associativeScan((a, b) => ops.matmul(a, b), m!),
  "associativeScan of structures": (v) =>
    ops.associativeScan(([a0, a1], [b0, b1]) => [a0.mul(b0), a1.mul(b0).add(b1)], [v!, v!.mul(0.5)]),
  vectorize: (x, v) => ops.vectorize((a: Tensor, b: Tensor) => ops.where(a.greater(b), a.mul(b), ops.sin(b)))(x!, v!),
  "vectorize outer": (v, w) =>
    ops.vectorize((a: Tensor, b: Tensor) => ops.exp(a).mul(b))(v!.reshape([6, 1]), columns(w!, 0).reshape([1, 3])),
  "vectorize a number": (v) => ops.vectorize((a: Tensor, b: Tensor) => a.mul(b))(v!, 2),
  "vectorize to arrays": (v) => ops.vectorize((a: Tensor) => [a.mul(tensor([0, 1, 2])), { s: a.mul(a) }])(v!),
  "vectorize nothing to loop over": (m, v) => matrixVector(m!, v!),
  "vectorize matrices and vectors": (m, x) => ops.tanh(matrixVector(m!, x!)),
  "vectorize over sizes of one": (m, x) => matrixVector(m!.reshape([1, 2, 1, 2, 2]), x!),
  "vectorize results": (m) =>
    ops.vectorize(
      (a: Tensor) => {
        const [first, second] = ops.unstack(a) as [Tensor, Tensor];
        return [a.sum(), ops.concatenate([first, second, first])];
      },
      { signature: "(n,n)->(),(k)" },
    )(m!),
  "vectorize excluded": (x, w, v) =>
    ops.vectorize((a: Tensor, scale: number, b: Tensor, w: Tensor) => ops.matmul(a, w).sum().mul(scale).add(b), {
      excluded: new Set([1, 3]),
      signature: "(n),()->()",
    })(x!, 3, ops.slice(v!, [0], [2]), w!),
  "vectorize none": (x, v) =>
    ops.vectorize((a: Tensor, b: Tensor, c: Tensor | null) => c ?? a.mul(b))(x!, ops.slice(v!, [0], [3]), null),
  "vectorize one by one": (x, v) =>
    ops.vectorize((a: Tensor, b: Tensor) => ops.sort(a.mul(b)), { signature: "(n),()->(n)" })(
      x!,
      ops.slice(v!, [0], [2]),
    ),
  "vectorize integers": (v) =>
    ops.vectorize((a: Tensor, b: Tensor) => ops.floorDivide(a, b))(v!, tensor([2, 3], [2, 1], "int32")),
};

const leaves = (result: unknown): Tensor[] => flatten(result as Nested<Tensor>);
const halfSquares = (result: unknown): Tensor =>
  leaves(result)
    .map((y) => y.mul(y).sum().div(2))
    .reduce((a, b) => a.add(b));

async function expectLike(actual: readonly Tensor[], expected: readonly EncodedArray[], what: string): Promise<void> {
  expect(actual.length, what).toBe(expected.length);
  for (const [i, want] of expected.entries()) {
    const { data, shape, dtype } = decode(want);
    expect(actual[i]!.shape, `${what} ${i}`).toEqual(shape);
    expect(actual[i]!.dtype, `${what} ${i}`).toBe(dtype);
    expectAllClose(await actual[i]!.data(), data, { dtype: "float32", rtol: 2e-5, atol: 2e-5, label: `${what} ${i}` });
  }
}

describe("against Keras", () => {
  it("has a function for every case", () => {
    expect(Object.keys(FUNCTIONS)).toEqual(cases.map((c) => c.name));
  });

  it.each(cases)("$name", async ({ name, args, outputs, gradients }) => {
    const fn = FUNCTIONS[name]!;
    const given = args.map(toTensor);
    await expectLike(leaves(fn(...given)), outputs, "output");
    const compiled = jit((...xs: Tensor[]) => leaves(fn(...xs)));
    await expectLike(await compiled(...given), outputs, "compiled output");
    if (!gradients) return;
    const [, found] = valueAndGrad((...xs: Tensor[]) => halfSquares(fn(...xs)))(...given);
    await expectLike(found, gradients, "gradient");
  });
});

const numbers = (...shape: number[]): { data: number[]; shape: number[] } => {
  const size = shape.reduce((a, d) => a * d, 1);
  return { data: Array.from({ length: size }, (_, i) => Math.sin(1.7 * i + shape.length)), shape };
};
const ones = (...shape: number[]): Tensor => ops.ones(shape);

describe("gradients", () => {
  it("of loops and branches, twice", async () => {
    await gradCheck(
      (h, x, w, r) => leaves(ops.scan(lstm(w!, r!), { h: h!, c: h!.mul(2) }, x!)),
      [numbers(2, 1), numbers(3, 2, 2), numbers(2, 4), numbers(1, 4)],
      { order: 2 },
    );
    await gradCheck(
      (x, w) =>
        leaves(
          ops.cond(
            x!.sum().less(100),
            () => [ops.tanh(x!.mul(w!)), w!],
            () => [x!, w!.mul(2)],
          ),
        ),
      [numbers(2, 2), numbers(2)],
      { order: 2 },
    );
    await gradCheck(
      (x) =>
        ops.whileLoop(
          (y) => y.sum().less(4),
          (y) => y.mul(y).add(x!),
          x!,
          { maximumIterations: 5 },
        ),
      [{ data: [0.4, 0.7], shape: [2] }],
      { order: 2 },
    );
  });

  it("of a loop of unknown length are refused, with the way out", () => {
    const x = ones(2);
    const y = ops.whileLoop(
      (s) => s.sum().less(9),
      (s) => s.add(x),
      x,
    );
    expect(() => gradientsOf(y.sum(), [x])).toThrow(/whileLoop: a loop of unknown length has no gradient.*ops\.scan/s);
  });

  it("reach variables that the body reads", async () => {
    const w = new Variable(tensor([2, 3]), { name: "w" });
    const [, [dw]] = valueAndGrad(
      () => ops.scan((c) => [c.mul(w.value), null], ones(2), null, { length: 3 })[0].sum(),
      [w],
    )();
    expect(await dw!.array()).toEqual([12, 27]);
  });
});

/** A value, after something was done. */
function assigned<T>(first: () => unknown, value: T): T {
  first();
  return value;
}

describe("scan", () => {
  const sum = (c: Tensor, x: Tensor) => [c.add(x), c] as const;

  it("makes no turn, or one", async () => {
    const [none, empty] = ops.scan(sum, ones(2), ops.zeros([0, 2]));
    expect([await none.array(), empty.shape]).toEqual([
      [1, 1],
      [0, 2],
    ]);
    const [one, ys] = ops.scan(sum, ones(2), ones(1, 2));
    expect([await one.array(), await ys.array()]).toEqual([[2, 2], [[1, 1]]]);
  });

  it("lets `y` be nothing, and structures hold nothing", async () => {
    const [c, y] = ops.scan(({ a, b }, x) => [{ a: a.add(x.k), b }, null], { a: 0, b: null }, { k: ones(3), n: null });
    expect([await c.a.array(), c.b, y]).toEqual([3, null, null]);
  });

  it("widens a plain number to what the body makes of it, and nothing else", async () => {
    const [c] = ops.scan((c, x) => [c.add(x), null], 1, ones(3).mul(0.5));
    expect([await c.array(), c.dtype]).toEqual([2.5, "float32"]);
    expect(() => ops.scan((c, x) => [c.add(x), null], tensor(1, [], "int32"), ones(3))).toThrow(
      /scan: the state must keep its dtype\. Received: state with dtype float32 from `f`, expected int32 as in `init`/,
    );
  });

  it("is traced once and goes where jit goes", async () => {
    let traced = 0;
    const step = jit((x: Tensor) => {
      const [total] = ops.scan((c, e) => [assigned(() => traced++, c.add(e.mul(2))), null], ops.zeros([2]), x);
      return total;
    });
    expect(await (await step(ones(50, 2))).array()).toEqual([100, 100]);
    await step(ones(50, 2));
    expect(traced).toBe(1);
  });

  it("stands in a graph, also where the number of steps is not known", () => {
    const x = Input({ shape: [null, 3], batchSize: 2 });
    const [c, ys] = ops.scan((c, e) => [c.add(e), { y: e.sum({ axis: 1 }) }], ops.zeros([2, 3]), ops.swapaxes(x, 0, 1));
    expect([c.shape, ys.y.shape]).toEqual([
      [2, 3],
      [null, 2],
    ]);
  });

  it("assigns variables outside when that does not depend on the loop, and refuses what does", async () => {
    const count = new Variable(0, { name: "count" });
    ops.scan((c, x) => [assigned(() => count.assignAdd(1), c.add(x)), null], 0, ones(3));
    expect(await count.array()).toBe(1);
    expect(() => ops.scan((c, x) => [assigned(() => count.assign(c), c.add(x)), null], ones(), ones(3))).toThrow(
      /scan: variable "count" is assigned inside the function, which is traced once\. Return the value instead/,
    );
  });

  it.each<[string, () => unknown, RegExp]>([
    ["no function", () => ops.scan(3 as never, 0, ones(2)), /scan: expected `f` to be a function\. Received: 3/],
    ["no length", () => ops.scan(sum as never, 0), /scan: without `xs` give `length`, the number of steps/],
    [
      "a bad length",
      () => ops.scan(sum, 0, null as never, { length: -1 }),
      /expected `length` to be a non-negative integer/,
    ],
    [
      "another length",
      () => ops.scan(sum, 0, ones(3), { length: 2 }),
      /`length` is 2, but `xs` have 3 elements on axis 0/,
    ],
    ["an unknown option", () => ops.scan(sum, 0, ones(3), { revers: true } as never), /Did you mean "reverse"/],
    ["a scalar", () => ops.scan(sum, 0, ones()), /scan: xs is a scalar and has no first axis/],
    [
      "uneven xs",
      () => ops.scan(sum as never, 0, [ones(3), ones(2)]),
      /scan: all of `xs` must have the same size on axis 0\. Received: xs\[1\] with shape \(2,\), others with 3/,
    ],
    ["no pair", () => ops.scan(((c: Tensor) => c) as never, 0, ones(3)), /scan: `f` must return \[carry, y\]/],
    [
      "a promise",
      () => ops.scan((async () => [0, 0]) as never, 0, ones(3)),
      /scan: `f` must be synchronous, for it is traced once/,
    ],
    [
      "another structure",
      () => ops.scan((c: Tensor) => [[c], c] as const, 0, ones(3)),
      /scan: the state that `f` returns must have the structure of `init`: structures differ/,
    ],
    [
      "another shape",
      () => ops.scan((c, x) => [c.add(x), c] as const, ones(1), ones(3, 2)),
      /scan: the state must keep its shape\. Received: state with shape \(2,\) from `f`, expected \(1,\) as in `init`/,
    ],
    ["an error in f", () => ops.scan((c, x) => [c.add(ones(3)), x] as const, ones(2), ones(3)), /^scan: .*shape/],
  ])("says what is wrong: %s", (_, fn, message) => {
    expect(fn).toThrow(message);
  });

  it("says that numbers are not there yet", async () => {
    let read: Promise<unknown> = Promise.resolve();
    ops.scan(
      (c, x) => {
        read = c.mul(x).array();
        return [c, null];
      },
      ones(2),
      ones(3, 2),
    );
    await expect(read).rejects.toThrow(/no numbers yet.*ops\.scan/s);
  });
});

describe("foriLoop, whileLoop", () => {
  it("take bounds that are known when they run", async () => {
    const sum = jit((n: Tensor) => ops.foriLoop(1, n, (i, s) => s.add(i), 0));
    expect(await (await sum(tensor(5, [], "int32"))).array()).toBe(10);
    expect(await (await sum(tensor(-5, [], "int32"))).array()).toBe(0);
    expect(await ops.foriLoop(3, 1, (i, s) => s.add(i), 7).array()).toBe(7);
  });

  it("pass entries of an array one by one", async () => {
    const [x, y] = ops.whileLoop(
      (x) => x.less(10),
      (x, y) => [x.add(1), y.add(1)],
      [0, 1],
    );
    expect([await x.array(), await y.array()]).toEqual([10, 11]);
    const { n } = ops.whileLoop(
      ({ n }) => n.less(3),
      ({ n }) => ({ n: n.add(2) }),
      { n: 0 },
    );
    expect(await n.array()).toBe(4);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      "a condition of many",
      () =>
        ops.whileLoop(
          (x) => x.less(3),
          (x) => x,
          ones(2),
        ),
      /whileLoop: expected `cond` to give one truth value\. Received: shape \(2,\); reduce it with ops\.all/,
    ],
    [
      "another structure",
      () =>
        ops.whileLoop(
          (x) => x.less(3),
          (x) => [x, x],
          0,
        ),
      /whileLoop: the state that `body` returns must have the structure of `loopVars`/,
    ],
    [
      "a bad limit",
      () =>
        ops.whileLoop(
          (x) => x.less(3),
          (x) => x,
          0,
          { maximumIterations: 1.5 },
        ),
      /`maximumIterations` to be a non-negative integer or null\. Received: 1\.5/,
    ],
    [
      "a bad bound",
      () => ops.foriLoop(0, 1.5, (_, s) => s, 0),
      /foriLoop: expected `upper` to be an integer or a tensor\. Received: 1\.5/,
    ],
  ])("say what is wrong: %s", (_, fn, message) => {
    expect(fn).toThrow(message);
  });
});

describe("cond, switch", () => {
  it("compute one branch, and its gradient only", async () => {
    const root = (x: Tensor) =>
      ops.cond(
        x.greater(0),
        () => ops.sqrt(x),
        () => ops.zerosLike(x),
      );
    const [value, [slope]] = valueAndGrad(root)(tensor(0));
    expect([await value.array(), await slope!.array()]).toEqual([0, 0]);
  });

  it("call the one function for a plain boolean or number", () => {
    const never = (): Tensor => {
      throw new Error("called");
    };
    expect(ops.cond(true, () => ones(2), never).shape).toEqual([2]);
    expect(ops.switch(9, [never, (x: Tensor) => x], ones(3)).shape).toEqual([3]);
  });

  it("let a number take the other branch's dtype", async () => {
    const flag = tensor(0, [], "int32");
    expect(
      await ops
        .cond(
          flag,
          () => ones(),
          () => 2 as unknown as Tensor,
        )
        .array(),
    ).toBe(2);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      "no truth value",
      () =>
        ops.cond(
          ones(2),
          () => ones(),
          () => ones(),
        ),
      /cond: expected `pred` to give one truth value/,
    ],
    [
      "other structures",
      () =>
        ops.cond(
          ones(),
          () => [ones()],
          () => ({ a: ones() }) as never,
        ),
      /cond: `trueFn` and `falseFn` must return the same structure, shapes and dtypes: structures differ/,
    ],
    [
      "other shapes",
      () =>
        ops.cond(
          ones(),
          () => ones(2),
          () => ones(3),
        ),
      /cond: `trueFn` and `falseFn` must return.*Received: result is float32 \(2,\) and float32 \(3,\)/,
    ],
    [
      "other dtypes",
      () =>
        ops.cond(
          ones(),
          () => ones(2),
          () => ones(2).astype("int32"),
        ),
      /float32 \(2,\) and int32 \(2,\); cast one of them/,
    ],
    ["no branches", () => ops.switch(0, []), /switch: expected `branches` to be a list of functions/],
    [
      "a float index",
      () => ops.switch(ones(), [(x: Tensor) => x], ones()),
      /switch: expected `index` to be an integer or an integer tensor of one element/,
    ],
    [
      "an assignment",
      () => {
        const v = new Variable(0, { name: "v" });
        return ops.cond(
          ones(),
          () => assigned(() => v.assign(1), ones()),
          () => ones(),
        );
      },
      /cond: variable "v" is assigned inside the function/,
    ],
  ])("say what is wrong: %s", (_, fn, message) => {
    expect(fn).toThrow(message);
  });
});

describe("associativeScan", () => {
  it("keeps elements of every number", async () => {
    for (const n of [1, 2, 3, 6, 7]) {
      const y = ops.associativeScan((a, b) => a.add(b), ones(n, 2), { axis: 0 });
      expect(await ops.take(y, n - 1, { axis: 0 }).array()).toEqual([n, n]);
    }
  });

  it("says what is wrong", () => {
    expect(() => ops.associativeScan((a) => a, [ones(2), ones(3)])).toThrow(
      /associativeScan: all of `elems` must have the same size on axis 0\. Received: \(2,\), \(3,\)/,
    );
    expect(() => ops.associativeScan((a) => [a], ones(2))).toThrow(/`f` must return the structure of `elems`/);
  });
});
