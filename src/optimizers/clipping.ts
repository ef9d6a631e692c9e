/** Limits on gradients, applied before an update. */
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";

/** At most one is set. */
export interface Clipping {
  readonly clipnorm: number | null;
  readonly clipvalue: number | null;
  readonly globalClipnorm: number | null;
}

export function clipGradients(gradients: readonly Tensor[], clipping: Clipping): readonly Tensor[] {
  const { clipnorm, clipvalue, globalClipnorm } = clipping;
  if (clipnorm !== null && clipnorm > 0) return gradients.map((g) => clipByNorm(g, clipnorm));
  if (globalClipnorm !== null && globalClipnorm > 0) return clipByGlobalNorm(gradients, globalClipnorm);
  if (clipvalue !== null && clipvalue > 0) return gradients.map((g) => ops.clip(g, -clipvalue, clipvalue));
  return gradients;
}

const sumOfSquares = (g: Tensor): Tensor => ops.sum(ops.square(g));

/** g · limit / max(‖g‖, limit). The factor is one scalar: the gradient itself is passed over once. */
function clipByNorm(gradient: Tensor, limit: number): Tensor {
  const norm = ops.sqrt(sumOfSquares(gradient));
  return ops.multiply(gradient, ops.divide(limit, ops.maximum(norm, limit)));
}

/** Every gradient times min(1, limit / N), N the norm of all of them together. */
function clipByGlobalNorm(gradients: readonly Tensor[], limit: number): readonly Tensor[] {
  const norm = ops.sqrt(gradients.map(sumOfSquares).reduce((a, b) => ops.add(a, b)));
  const factor = ops.minimum(ops.divide(limit, norm), 1);
  // N - N is 0, or NaN when a gradient is not finite: then the update must show it rather than vanish.
  const scale = ops.add(factor, ops.subtract(norm, norm));
  return gradients.map((g) => ops.multiply(g, ops.cast(scale, g.dtype)));
}
