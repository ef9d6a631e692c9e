import { describe, expect, it } from "vitest";
import * as b from "../ir/build.ts";
import { Tensor } from "../runtime/tensor.ts";
import { gradCheck } from "./gradCheck.ts";

const on =
  (f: (x: Tensor["node"]) => Tensor["node"]) =>
  (x: Tensor): Tensor =>
    new Tensor(f(x.node));

const point = { data: [0.5, -1.25, 2], shape: [3] };

describe("gradCheck", () => {
  it("accepts a right gradient, of first and second order", async () => {
    await gradCheck(
      on((x) => b.binary("mul", x, b.unary("tanh", x))),
      [point],
      { order: 2 },
    );
  });

  it("refuses a wrong gradient and says where", async () => {
    // d/dx (x · stop(x)) is x to the rules, 2x in truth.
    const wrong = on((x) => b.binary("mul", x, b.unary("stop_gradient", x)));
    await expect(gradCheck(wrong, [point], { label: "half" })).rejects.toThrow(
      /^half, input 0: 3 of 3 numbers differ\. Worst at index/,
    );
  });

  it("refuses a gradient whose gradient is wrong", async () => {
    // y = x³ whose slope 3x² is right, but with one factor hidden from the second derivative.
    const cube = on((x) => {
      const square = b.binary("mul", x, x);
      const hidden = b.unary("stop_gradient", b.binary("mul", b.scalar(3, "float64"), square));
      const right = b.binary("mul", square, x);
      // stop(3x²) · (x − stop(x)) has value 0 and slope stop(3x²).
      const slopeOnly = b.binary("mul", hidden, b.binary("sub", x, b.unary("stop_gradient", x)));
      return b.binary("add", b.unary("stop_gradient", right), slopeOnly);
    });
    await gradCheck(cube, [point], { order: 1, rtol: 1e-5 });
    await expect(gradCheck(cube, [point], { order: 2, rtol: 1e-5 })).rejects.toThrow("second order");
  });

  it("holds fixed what the function closes over", async () => {
    const weight = new Tensor(b.constant(Float64Array.of(2, 3, 4), [3], "float64"));
    await gradCheck((x) => new Tensor(b.binary("mul", x.node, weight.node)), [point], { order: 2 });
  });
});
