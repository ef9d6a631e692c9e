/** How much one image resembles another. */
import { ShapeError } from "../core/errors.ts";
import { formatShape, shapesCompatible } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { defineOp, promote, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { num } from "./kit.ts";

const psnrOp = defineOp("PSNR", "nn", { maxVal: "max_val" }, ([x1, x2], s) => {
  const [a, b] = promote([x1, x2], { atLeastFloat: true }) as [Value, Value];
  if (!shapesCompatible(a.shape, b.shape)) {
    throw new ShapeError(
      `psnr: both images must have the same shape. Received: x1.shape=${formatShape(a.shape)}, x2.shape=${formatShape(b.shape)}`,
    );
  }
  const difference = build.binary("sub", a, b);
  const error = build.reduce(
    "reduce_mean",
    build.binary("mul", difference, difference),
    a.shape.map((_, i) => i),
  );
  const decibels = build.binary("mul", build.unary("log", error), num(10 * Math.LOG10E, a));
  return wrap(build.binary("sub", num(20 * Math.log10(s.maxVal as number), a), decibels));
});
/**
 * Peak signal-to-noise ratio in decibels: 20 log10(maxVal) - 10 log10(mean squared difference). → scalar
 *
 * @param maxVal - The largest value that an element may have.
 */
export function psnr<A extends TensorLike, B extends TensorLike>(x1: A, x2: B, maxVal: number): Result<A | B> {
  return psnrOp([x1, x2], { maxVal }) as Result<A | B>;
}
