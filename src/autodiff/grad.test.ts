import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setBackend } from "../backend/registry.ts";
import { DTypeError, ShapeError } from "../core/errors.ts";
import * as ops from "../ops/index.ts";
import { withAutocast } from "../runtime/autocast.ts";
import { jit } from "../runtime/jit.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import { grad, gradientsOf, valueAndGrad } from "./grad.ts";

const arrays = (tensors: readonly Tensor[]): Promise<unknown[]> => Promise.all(tensors.map((t) => t.array()));

describe.each(["onnx", "reference"])("gradients on %s", (engine) => {
  beforeAll(() => setBackend(engine));
  afterAll(() => setBackend("onnx"));

  // Worked by hand.
  it.each<[string, (x: Tensor) => Tensor, number[]]>([
    ["x²: 2x", (x) => ops.sum(ops.square(x)), [2, -4, 1]],
    ["mean x³: x²", (x) => ops.mean(x.pow(3)), [1, 4, 0.25]],
    ["x · x of itself: 2x", (x) => ops.dot(x, x), [2, -4, 1]],
    ["x² once held fixed: x", (x) => ops.sum(x.mul(ops.stopGradient(x))), [1, -2, 0.5]],
    ["max: where it is", (x) => ops.max(x), [1, 0, 0]],
    ["first element", (x) => x.get(0), [1, 0, 0]],
    ["floor: nothing", (x) => ops.sum(ops.floor(x)), [0, 0, 0]],
    ["a constant: nothing", () => tensor(3), [0, 0, 0]],
    ["relu", (x) => ops.sum(ops.relu(x)), [1, 0, 1]],
    ["scalar of one axis", (x) => ops.sum(x).reshape([1]), [1, 1, 1]],
  ])("of %s", async (_, f, expected) => {
    expect(await grad(f)(tensor([1, -2, 0.5])).array()).toEqual(expected);
  });

  it("of a maximum that was read before: where it is, however its operand is rounded when it is computed again", async () => {
    const w = tensor([1, 2, 0.5]);
    const largest = ops.max(ops.sin(w));
    const [gradient] = gradientsOf(largest, [w]);
    await largest.data();
    // d sin(2) = cos(2)
    const [a, b, c] = (await gradient!.array()) as number[];
    expect([a, c]).toEqual([0, 0]);
    expect(b).toBeCloseTo(Math.cos(2), 6);
  });

  it("agree with central differences", async () => {
    const f = (x: Tensor) => ops.sum(ops.tanh(x).mul(ops.exp(ops.sin(x)))).add(ops.mean(ops.softplus(x)));
    const at = [0.3, -1.2, 2];
    const slope = (await grad(f)(tensor(at, [3], "float64")).array()) as number[];
    for (const [i, x] of at.entries()) {
      const value = (h: number) => f(tensor(at.with(i, x + h), [3], "float64")).item();
      expect(slope[i]).toBeCloseTo(((await value(1e-5)) - (await value(-1e-5))) / 2e-5, 5);
    }
  });

  it("with respect to every tensor among the arguments, and nothing else", async () => {
    const f = (x: Tensor, factor: number, y: Tensor) => ops.sum(x.mul(y).mul(factor));
    const [value, slopes] = valueAndGrad(f)(tensor([1, 2]), 10, tensor([3, 4]));
    expect(await value.item()).toBe(110);
    expect(await arrays(slopes)).toEqual([
      [30, 40],
      [10, 20],
    ]);
    const [, [dx, labels]] = valueAndGrad((x: Tensor, y: Tensor) => ops.sum(x.mul(y.astype("float32"))))(
      tensor([1, 2]),
      tensor([5, 6], [2], "int32"),
    );
    expect([await dx!.array(), await labels!.array(), labels!.dtype]).toEqual([[5, 6], [0, 0], "int32"]);
  });

  it("hold the other arguments fixed, whatever they were made from", async () => {
    const x = tensor([3]);
    expect(await arrays(grad((a: Tensor, b: Tensor) => ops.sum(a.mul(b)))(x, x) as Tensor[])).toEqual([[3], [3]]);
    const double = x.mul(2);
    const f = (a: Tensor, b: Tensor) => ops.sum(a.mul(b));
    expect(await arrays(grad(f)(x, double) as Tensor[])).toEqual([[6], [3]]);
    // A captured tensor is a constant, even when it is the argument as well.
    expect(await grad((a: Tensor) => ops.sum(a.mul(x)))(x).array()).toEqual([3]);
  });

  it("of gradients: x³ has 3x², 6x, 6", async () => {
    const f = (x: Tensor) => ops.sum(x.pow(3));
    const first = grad(f);
    const second = grad((x: Tensor) => ops.sum(first(x)));
    const third = grad((x: Tensor) => ops.sum(second(x)));
    const x = tensor([2, -1]);
    expect(await arrays([first(x), second(x), third(x)])).toEqual([
      [12, 3],
      [12, -6],
      [6, 6],
    ]);
  });

  it("of a gradient with respect to another argument: x²y has the mixed derivative 2x", async () => {
    const mixed = grad((y: Tensor, x: Tensor) => {
      const [dx] = grad((a: Tensor, b: Tensor) => ops.sum(ops.square(a).mul(b)))(x, y) as Tensor[];
      return ops.sum(dx!);
    });
    expect(await arrays(mixed(tensor([7, 8]), tensor([2, 5])) as Tensor[])).toEqual([
      [4, 10],
      [14, 16], // 2y
    ]);
  });

  it("flow through a gradient penalty", async () => {
    // |d/dx (w x²)|² = 4 w² x², whose derivative by w is 8 w x².
    const w = new Variable(3);
    const penalty = () => {
      const dx = grad((x: Tensor) => ops.sum(w.value.mul(ops.square(x))))(tensor([2]));
      return ops.sum(ops.square(dx));
    };
    const [value, [dw]] = valueAndGrad(penalty, [w])();
    expect([await value.item(), await dw!.item()]).toEqual([144, 96]);
  });

  describe("with variables", () => {
    it("give one gradient each, zeros where the value does not depend on one", async () => {
      const [w, b, unused] = [new Variable([1, 2]), new Variable(5), new Variable([[1]])];
      const loss = (x: Tensor) => ops.sum(w.value.mul(x)).add(b.value);
      const [value, slopes] = valueAndGrad(loss, [w, b, unused])(tensor([10, 20]));
      expect(await value.item()).toBe(55);
      expect(await arrays(slopes)).toEqual([[10, 20], 1, [[0]]]);
      expect(await arrays(grad(loss, [b])(tensor([1, 1])))).toEqual([1]);
    });

    it("are those at the values before the function assigns", async () => {
      const w = new Variable([3]);
      const step = () => {
        const loss = ops.sum(ops.square(w.value)); // 2w = 6
        w.assign(w.value.mul(10));
        return loss.add(ops.sum(w.value)); // + 10
      };
      const [value, [dw]] = valueAndGrad(step, [w])();
      expect([await value.item(), await dw!.array(), await w.array()]).toEqual([39, [16], [30]]);
      const [again, [slope]] = await jit(() => {
        const [loss, [g]] = valueAndGrad(step, [w])();
        return [loss, [g!]] as [Tensor, [Tensor]];
      })();
      expect([await again.item(), await slope.array(), await w.array()]).toEqual([1200, [70], [300]]);
    });

    it("treat variables as independent, whatever they were assigned from", async () => {
      const [w, mean] = [new Variable([2]), new Variable([0])];
      mean.assign(w.value.mul(0.5));
      const slopes = grad(() => ops.sum(w.value.mul(mean.value)), [w, mean])();
      expect(await arrays(slopes)).toEqual([[1], [2]]);
    });

    it("do not go back through what was computed before, updates of other variables included", async () => {
      const step = (g: Variable, d: Variable): Tensor => {
        const [, [dd]] = valueAndGrad(() => g.value.mul(d.value), [d])(); // g
        d.assignSub(dd!); // d − g
        const [, [dg]] = valueAndGrad(() => g.value.mul(d.value), [g])();
        return dg!; // d − g as it now is; through the update it would be d − 2g
      };
      expect(await step(new Variable(3), new Variable(10)).item()).toBe(7);
      const [g, d] = [new Variable(3), new Variable(10)];
      expect(await (await jit(() => step(g, d))()).item()).toBe(7);
      const before = g.value.mul(2);
      expect(await arrays(grad(() => before.mul(g.value), [g])())).toEqual([6]);
    });

    it("reach variables that are read in another dtype", async () => {
      const w = new Variable([3]);
      const [dw] = withAutocast("float16", () => {
        expect(w.value.dtype).toBe("float16");
        return grad(() => ops.sum(ops.square(w.value).astype("float32")), [w])();
      });
      expect([await dw!.array(), dw!.dtype]).toEqual([[6], "float32"]);
    });

    it("train in eager code", async () => {
      const w = new Variable(0);
      for (let i = 0; i < 20; i++) {
        const [dw] = grad(() => ops.square(w.value.sub(4)), [w])();
        w.assignSub(dw!.mul(0.25)); // halves the distance
      }
      expect(await w.value.item()).toBeCloseTo(4 - 4 * 2 ** -20, 5);
    });
  });
});

describe("gradientsOf", () => {
  it("follows one tensor through another, and tells what the scalar does not depend on", async () => {
    const x = tensor([3]);
    const y = x.mul(2);
    const [dx, dy, other] = gradientsOf(ops.sum(x.mul(y)), [x, y, tensor([1])]);
    expect([await dx!.array(), await dy!.array(), other]).toEqual([[12], [3], null]);
  });
});

describe("errors of gradients", () => {
  const w = new Variable([1, 2]);
  it.each<[string, () => unknown, new (text: string) => Error, string]>([
    [
      "a value of many numbers",
      () => grad((x: Tensor) => x.mul(2))(tensor([1, 2])),
      ShapeError,
      "grad: the function must return a scalar. Received: shape (2,); reduce it, for example with ops.mean",
    ],
    [
      "an integer",
      () => grad((x: Tensor) => ops.argmax(x))(tensor([1, 2])),
      DTypeError,
      "grad: the function must return a float. Received: dtype int32",
    ],
    ["no tensor", () => grad(() => 3 as unknown as Tensor, [w])(), TypeError, "must return a tensor. Received: 3"],
    [
      "a promise",
      () => grad((async (x: Tensor) => x) as unknown as (x: Tensor) => Tensor)(tensor(1)),
      TypeError,
      "must return a tensor. Received: Promise",
    ],
    ["no tensor among the arguments", () => grad((n: number) => tensor(n))(1), TypeError, "no argument is a tensor"],
    [
      "what is no variable",
      () => grad(() => tensor(1), [tensor(1) as unknown as Variable])(),
      TypeError,
      "expected `variables` to be a list of Variables, such as model.trainableVariables. Received: Tensor",
    ],
    ["no list", () => grad(() => tensor(1), w as unknown as Variable[])(), TypeError, 'Received: Variable "variable'],
  ])("%s", (_, act, Kind, words) => {
    expect(act).toThrow(Kind);
    expect(act).toThrow(words);
  });

  it("come from the function as they are", () => {
    const fails = grad(() => {
      throw new Error("mine");
    }, [w]);
    expect(() => fails()).toThrow("mine");
  });
});
