import { describe, expect, it } from "vitest";
import { grad, valueAndGrad } from "../autodiff/grad.ts";
import { flatten, type Nested } from "../core/tree.ts";
import { Input, Model } from "../index.ts";
import "../node.ts";
import { jit } from "../runtime/jit.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import { gradCheck } from "../testing/gradCheck.ts";
import * as ops from "./index.ts";

// Values and gradients against Keras: controlFlow.test.ts.

const add = ops.vectorize((a: Tensor, b: Tensor) => a.add(b));
const matrixVector = ops.vectorize((m: Tensor, v: Tensor) => ops.matmul(m, v), { signature: "(n,m),(m)->(n)" });
const outer = (signature?: string, excluded?: number[]) =>
  ops.vectorize(((a: Tensor, b: Tensor) => ops.outer(a, b)) as (...xs: Tensor[]) => Tensor, {
    signature: signature ?? null,
    excluded: excluded ?? null,
  });
const ones = (...shape: number[]): Tensor => ops.ones(shape);

describe("vectorize", () => {
  it("takes numbers and arrays: the example of Keras's page", async () => {
    expect(await add([1, 2, 3, 4], 2).array()).toEqual([3, 4, 5, 6]);
    expect(await add(1, 2).array()).toBe(3);
    expect(add(1, 2).dtype).toBe("int32");
  });

  it("makes no turn along an empty dimension", () => {
    expect(add(ones(0, 3), ones(3)).shape).toEqual([0, 3]);
    expect(matrixVector(ones(0, 2, 3), ones(3)).shape).toEqual([0, 2]);
  });

  it("calls the function once, on elements that do not vary where they need not", () => {
    const shapes: number[][][] = [];
    const seen = ops.vectorize(
      (a: Tensor, b: Tensor) => {
        shapes.push([a.shape, b.shape]);
        return ops.matmul(a, b);
      },
      { signature: "(n, m), (m, k) -> (n, k)" },
    );
    expect(seen(ones(5, 1, 2, 3), ones(1, 4, 3, 2)).shape).toEqual([5, 4, 2, 2]);
    expect(shapes).toEqual([
      [
        [2, 3],
        [3, 2],
      ],
    ]);
  });

  it("goes where jit and loops go, and is differentiable there", async () => {
    const step = jit((x: Tensor, v: Tensor) =>
      ops.scan((c, e) => [add(c, e), matrixVector(x, add(c, e))], v, x)[1].sum(),
    );
    const x = tensor([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ]);
    const byHand = (x: Tensor, v: Tensor) => {
      const [a, b] = ops.unstack(x) as [Tensor, Tensor];
      const [first, second] = [v.add(a), v.add(a).add(b)];
      const product = (c: Tensor) => ops.einsum("kij,kj->ki", x, c);
      return product(first).sum().add(product(second).sum());
    };
    const v = ones(2, 2);
    expect(await (await step(x, v)).item()).toBe(await byHand(x, v).item());
    const slope = jit((x: Tensor) =>
      grad((x: Tensor) => ops.foriLoop(0, 2, (_, c) => add(c, x.mul(c)), ones(2)).sum())(x),
    );
    expect(await (await slope(tensor([1, 2]))).array()).toEqual([4, 6]); // (1 + x)² by x
  });

  it("has gradients, twice, at once and one by one", async () => {
    const numbers = (...shape: number[]) => ({
      data: Array.from({ length: shape.reduce((a, d) => a * d, 1) }, (_, i) => Math.sin(1.7 * i + shape.length)),
      shape,
    });
    await gradCheck((m, v) => ops.tanh(matrixVector(m!, v!)), [numbers(2, 1, 2, 3), numbers(3, 3)], { order: 2 });
    const sorted = ops.vectorize((a: Tensor, b: Tensor) => [ops.sort(a.mul(b)).square(), b], {
      signature: "(n),()->(n),()",
    });
    await gradCheck((a, b) => flatten(sorted(a!, b!) as Nested<Tensor>), [numbers(2, 3), numbers(4, 1)], { order: 2 });
  });

  it("reads variables from outside, and gives them gradients", async () => {
    const w = new Variable([3, 4]);
    const scaled = ops.vectorize((a: Tensor) => w.value.mul(a));
    expect(await scaled([1, 2]).array()).toEqual([
      [3, 4],
      [6, 8],
    ]);
    const [, [slope]] = valueAndGrad(() => scaled([1, 2]).sum(), [w])();
    expect(await slope!.array()).toEqual([3, 3]);
  });

  it("hands excluded arguments over as they are", async () => {
    const seen: unknown[] = [];
    const power = ops.vectorize(
      (options: { exponent: number }, x: Tensor, how: string) => {
        seen.push(options, how);
        return ops.power(x, options.exponent);
      },
      { excluded: [0, 2] },
    );
    const options = { exponent: 2 };
    expect(await power(options, [1, 2, 3], "how").array()).toEqual([1, 4, 9]);
    expect(seen).toEqual([options, "how"]);
    expect(seen[0]).toBe(options);
  });

  it("stands in a graph, where the batch is not known", async () => {
    const x = Input({ shape: [2, 3] });
    const v = Input({ shape: [3] });
    const { y, table } = ops.vectorize(
      (a: Tensor, b: Tensor, table: Tensor) => ({ y: a.mul(b).mul(table.sum()), table }),
      { excluded: [2] },
    )(x, ops.expandDims(v, 1), ops.ones([2]));
    expect([y.shape, table.shape]).toEqual([
      [null, 2, 3],
      [null, 2, 3, 2],
    ]);
    const model = Model({ inputs: [x, v], outputs: matrixVector(x, v) });
    expect(model.outputShape).toEqual([null, 2]);
    expect(await model([ones(4, 2, 3), ones(4, 3)]).array()).toEqual(Array(4).fill([3, 3]));
    const shared = Model({ inputs: v, outputs: outer("(n)->(n,m)", [1])(v, ops.sum(v, { axis: 0 })) });
    expect(await shared(tensor([[1, 2, 3]])).array()).toEqual([
      [
        [1, 2, 3],
        [2, 4, 6],
        [3, 6, 9],
      ],
    ]);
    expect(() => model.getConfig()).toThrow(/ops\.vectorize in a graph .* cannot be written to a file/);
  });
});

describe("errors of vectorize", () => {
  it.each<[string, () => unknown, string]>([
    ["no function", () => ops.vectorize(3 as never), "vectorize: expected `pyfunc` to be a function. Received: 3"],
    [
      "no signature",
      () => outer("(n,m->(n)"),
      'vectorize: expected `signature` to name core dimensions of arguments and results, like "(n,m),(m)->(n)". ' +
        'Received: "(n,m->(n)"',
    ],
    [
      "a signature of another kind",
      () => outer(["(n)"] as never),
      "vectorize: expected `signature` to name core dimensions of arguments and results, like " +
        '"(n,m),(m)->(n)". Received: ["(n)"]',
    ],
    ["an unknown option", () => ops.vectorize(() => 1, { exclude: [1] } as never), 'Did you mean "excluded"'],
    [
      "excluded names",
      () => outer("(n),(n)->()", ["b"] as never),
      'vectorize: expected `excluded` to hold positions of arguments, integers from 0, as in [1]. Received: "b"',
    ],
    ["negative positions", () => outer("(n),(n)->()", [-1]), "integers from 0, as in [1]. Received: -1"],
    ["a lone position", () => outer("(n),(n)->()", 1 as never), "integers from 0, as in [1]. Received: 1"],
    [
      "another number of arguments",
      () => outer("(n),(n)->(n,n)")(ones(3)),
      'vectorize: expected as many arguments as the signature "(n),(n)->(n,n)" has, 2. Received: 1',
    ],
    [
      "another number besides excluded ones",
      () => outer("(n),(n)->(n,n)", [1])(ones(3), ones(3)),
      'as the signature "(n),(n)->(n,n)" has, 2, besides the excluded ones. Received: 1',
    ],
    [
      "nothing for core dimensions",
      () => outer("(n),(m)->(n,m)")(ones(3), null as never),
      'vectorize: expected a tensor for (m) of the signature "(n),(m)->(n,m)". Received: null as argument 1',
    ],
    [
      "too few dimensions",
      () => matrixVector(ones(3), ones(3)),
      'vectorize: argument 0 has too few dimensions for (n,m) of the signature "(n,m),(m)->(n)". Received: shape (3,)',
    ],
    [
      "core sizes that differ",
      () => matrixVector(ones(5, 2, 3), ones(4)),
      'vectorize: core dimension "m" of the signature "(n,m),(m)->(n)" has size 3 in argument 0, but 4 in argument 1. ' +
        "Received: argument 1 with shape (4,)",
    ],
    [
      "loop sizes that differ",
      () => matrixVector(ones(5, 2, 3), ones(4, 3)),
      "vectorize: loop dimensions: shapes (5,) and (4,) do not broadcast: sizes 5 and 4 differ and neither is 1",
    ],
    [
      "a result of another rank",
      () => outer("(n),(m)->(n)")(ones(5, 2), ones(3)),
      'vectorize: `pyfunc` must return shape (n) as result 0, for the signature "(n),(m)->(n)". Received: shape (2, 3)',
    ],
    [
      "a result of another size",
      () => outer("(n),(m)->(m,n)")(ones(2), ones(3)),
      'core dimension "m" of the signature "(n),(m)->(m,n)" has size 3 in argument 1, but 2 in result 0. ' +
        "Received: result 0 with shape (2, 3)",
    ],
    [
      "results that should be several",
      () => outer("(n),(m)->(n),(m)")(ones(5, 2), ones(3)),
      'vectorize: `pyfunc` must return an array of 2 tensors, for the signature "(n),(m)->(n),(m)". Received: Tensor',
    ],
    [
      "results that should be one",
      () => ops.vectorize((a: Tensor) => [a, a], { signature: "()->()" })(ones(3)),
      'vectorize: `pyfunc` must return one tensor, for the signature "()->()". Received: an array of 2',
    ],
    [
      "a promise",
      () => ops.vectorize((async (a: Tensor) => a) as never)(ones(3)),
      "vectorize: `pyfunc` must be synchronous, for it is traced once. Received: a promise",
    ],
    [
      "an error in the function",
      () =>
        ops.vectorize((a: Tensor, b: Tensor) => ops.matmul(a, b), { signature: "(n),(m)->()" })(ones(4, 2), ones(3)),
      "vectorize: matmul",
    ],
  ])("%s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
