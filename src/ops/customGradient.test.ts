import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grad, valueAndGrad } from "../autodiff/grad.ts";
import { setBackend } from "../backend/registry.ts";
import { jit } from "../runtime/jit.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import * as ops from "./index.ts";

/** log(1 + eˣ), whose derived gradient is NaN where eˣ overflows. */
const log1pexp = ops.customGradient((x: Tensor) => {
  const e = ops.exp(x);
  const slope = ops.subtract(1, ops.divide(1, ops.add(1, e)));
  return [ops.log(ops.add(1, e)), (upstream: Tensor) => ops.multiply(upstream, slope)];
});

/** x² with the gradient 10 · upstream · x: wrong on purpose, so that one sees whose gradient it is. */
const square = ops.customGradient((x: Tensor) => [ops.square(x), (upstream: Tensor) => upstream.mul(x).mul(10)]);

const total = (f: (x: Tensor) => Tensor) => (x: Tensor) => ops.sum(f(x));

describe.each(["onnx", "reference"])("customGradient on %s", (engine) => {
  beforeAll(() => setBackend(engine));
  afterAll(() => setBackend("onnx"));

  it("is stable where the derived gradient is not: the example of Keras's page", async () => {
    const x = tensor([0, 1000]);
    const [value, [slope]] = valueAndGrad(total(log1pexp))(x);
    expect(await value.item()).toBe(Number.POSITIVE_INFINITY);
    expect(await slope!.array()).toEqual([0.5, 1]);
    const derived = grad(total((x) => ops.log(ops.add(1, ops.exp(x)))));
    expect(await derived(x).array()).toEqual([0.5, Number.NaN]);
  });

  it("is the same in a compiled function", async () => {
    const slope = jit((x: Tensor) => grad(total(square))(x));
    expect(await (await slope(tensor([1, 2]))).array()).toEqual([10, 20]);
  });

  it("has a gradient of its own", async () => {
    const second = grad(total(grad(total(square))));
    expect(await second(tensor([1, 2])).array()).toEqual([10, 10]);
    // Of log1pexp: σ(x)(1 − σ(x)), through what the function computed for its gradient.
    expect(await grad(total(grad(total(log1pexp))))(tensor([0])).array()).toEqual([0.25]);
  });

  it("stands in another one, whose gradient counts", async () => {
    const inner = ops.customGradient((x: Tensor) => [square(x), (upstream: Tensor) => upstream.mul(7)]);
    expect(await grad(total(inner))(tensor([3])).array()).toEqual([7]);
    const outer = ops.customGradient((x: Tensor) => [
      square(x),
      (upstream: Tensor) => grad(total(square))(x).mul(upstream),
    ]);
    expect(await grad(total(outer))(tensor([3])).array()).toEqual([30]);
  });

  it("works in a scan, a fixed loop and a branch", async () => {
    const scanned = (x: Tensor) =>
      ops.scan((carry: Tensor, factor: Tensor) => [square(carry).mul(factor), carry], x, tensor([1, 0.5]))[0];
    // x → x² → x⁴/2; with tenfold halves: 10x · 0.5 · 10x²
    expect(await grad(total(scanned))(tensor([2])).array()).toEqual([10 * 2 * 0.5 * 10 * 4]);
    const looped = (x: Tensor) => ops.foriLoop(0, 2, (_, carry: Tensor) => square(carry), x);
    expect(await grad(total(looped))(tensor([2])).array()).toEqual([10 * 2 * 10 * 4]);
    const branched = (x: Tensor) =>
      ops.cond(
        ops.greater(ops.sum(x), 0),
        () => square(x),
        () => x,
      );
    expect(await grad(total(branched))(tensor([2])).array()).toEqual([20]);
    expect(await grad(total(branched))(tensor([-2])).array()).toEqual([1]);
  });

  it("takes several arguments and structures, and gives several results", async () => {
    const both = ops.customGradient(({ a, b }: { a: Tensor; b: Tensor }, k: Tensor) => [
      [a.mul(b), b.mul(k)],
      ([da, db]: Tensor[]) => [da!.mul(2), db!.mul(3), null],
    ]);
    const f = (a: Tensor, b: Tensor, k: Tensor) => {
      const [x, y] = both({ a, b }, k);
      return ops.sum(x!.mul(5)).add(ops.sum(y!));
    };
    const [value, slopes] = valueAndGrad(f)(tensor([1, 2]), tensor([3, 4]), tensor([1, 1]));
    expect(await value.item()).toBe(5 * 11 + 7);
    expect(await Promise.all(slopes.map((g) => g.array()))).toEqual([
      [10, 10],
      [3, 3],
      [0, 0],
    ]);
    // One of the results unused: its gradient is zeros.
    const first = (a: Tensor, b: Tensor, k: Tensor) => ops.sum(both({ a, b }, k)[0]!);
    const found = grad(first)(tensor([1]), tensor([3]), tensor([1])) as Tensor[];
    expect(await Promise.all(found.map((g) => g.array()))).toEqual([[2], [0], [0]]);
  });

  it("counts what the function takes from outside as constant", async () => {
    const w = new Variable([3]);
    const scale = ops.customGradient((x: Tensor) => [x.mul(w.value), (upstream: Tensor) => upstream]);
    const [, [dw]] = valueAndGrad(() => ops.sum(scale(w.value)), [w])();
    expect(await dw!.array()).toEqual([1]);
  });
});

it("stands in a graph", async () => {
  const { Input } = await import("../layers/index.ts");
  const { Model } = await import("../models/index.ts");
  const x = Input({ shape: [2] });
  const model = Model({ inputs: x, outputs: square(x) });
  expect(model.outputShape).toEqual([null, 2]);
  expect(await model(tensor([[1, 2]])).array()).toEqual([[1, 4]]);
  expect(await grad(total((x) => model(x)))(tensor([[1, 2]])).array()).toEqual([[10, 20]]);
});

describe("errors of customGradient", () => {
  const x = tensor([1, 2]);
  it.each<[string, () => unknown, string]>([
    [
      "no function",
      () => ops.customGradient(3 as never),
      "customGradient: expected a function that returns [output, gradFn]. Received: 3",
    ],
    [
      "a function that returns its output only",
      () => ops.customGradient(((x: Tensor) => x) as never)(x),
      "customGradient: the function must return [output, gradFn]: a tensor or a structure of tensors, and a function of the gradient of the output. Received: Tensor",
    ],
    [
      "another number of gradients",
      () => ops.customGradient((a: Tensor, b: Tensor) => [a.mul(b), (g: Tensor) => g])(x, x),
      "customGradient: `gradFn` must return one gradient per argument, 2 here (null for none). Received: Tensor",
    ],
    [
      "a list of another length",
      () => ops.customGradient((a: Tensor) => [a.mul(2), (g: Tensor) => [g, g, g]])(x),
      "one gradient per argument, 1 here (null for none). Received: 3 gradients",
    ],
    [
      "a gradient of another shape",
      () => ops.customGradient((a: Tensor) => [a.mul(2), (g: Tensor) => ops.sum(g)])(x),
      "customGradient: gradient 0 must have the shape of argument 0, (2,). Received: ()",
    ],
    [
      "an async gradient",
      () => ops.customGradient((a: Tensor) => [a.mul(2), (async (g: Tensor) => g) as never])(x),
      "customGradient: `gradFn` must be synchronous",
    ],
  ])("%s", (_, act, words) => {
    expect(act).toThrow(words);
  });
});
