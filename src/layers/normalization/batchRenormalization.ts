/** Batch renormalization: corrects the statistics of a batch towards moving ones, so that training and inference agree. */
import type { InitializerFunction } from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import type { BatchNormalizationBase } from "./batchNormalization.ts";
import { moved } from "./statistics.ts";

/** Bounds of the corrections `r` (a factor) and `d` (an offset). */
export interface RenormClipping {
  rmax?: number | null;
  rmin?: number | null;
  dmax?: number | null;
}

/**
 * The state and the corrections of `BatchNormalization({ renorm: true })`.
 *
 * A batch normalized to `x̂` becomes `x̂ · r + d`, where r = σ / σ_renorm and d = (μ − μ_renorm) / σ_renorm.
 *
 * @see Ioffe, 2017, arXiv:1702.03275
 */
export class BatchRenormalization {
  readonly #layer: BatchNormalizationBase;
  readonly #clipping: RenormClipping;
  readonly #movingStddev: Variable;
  readonly #mean: Variable;
  readonly #stddev: Variable;

  /** @param statistic - Creates a weight of one element per channel. */
  constructor(
    layer: BatchNormalizationBase,
    clipping: RenormClipping,
    statistic: (name: string, initializer: InitializerFunction) => Variable,
  ) {
    const deviation: InitializerFunction = (shape, dtype) => ops.sqrt(layer.movingVarianceInitializer(shape, dtype));
    this.#layer = layer;
    this.#clipping = clipping;
    this.#movingStddev = statistic("moving_stddev", deviation);
    this.#mean = statistic("renorm_mean", layer.movingMeanInitializer);
    this.#stddev = statistic("renorm_stddev", deviation);
  }

  /** The corrections for a batch's statistics, which the moving ones then take in. */
  correct(mean: Tensor, variance: Tensor): { r: Tensor; d: Tensor } {
    const { epsilon } = this.#layer;
    const { rmin = null, rmax = null, dmax = null } = this.#clipping;
    const stddev = ops.sqrt(ops.add(variance, epsilon));
    const target = ops.maximum(ops.cast(this.#stddev.value, mean.dtype), Math.sqrt(epsilon));
    let r = ops.divide(stddev, target);
    let d = ops.divide(ops.subtract(mean, ops.cast(this.#mean.value, mean.dtype)), target);
    if (rmin !== null) r = ops.maximum(r, rmin);
    if (rmax !== null) r = ops.minimum(r, rmax);
    if (dmax !== null) d = ops.clip(d, -dmax, dmax);
    this.#takeIn(mean, stddev);
    return { r: ops.stopGradient(r), d: ops.stopGradient(d) };
  }

  #takeIn(mean: Tensor, stddev: Tensor): void {
    const { epsilon, momentum, renormMomentum, movingMean, movingVariance } = this.#layer;
    this.#mean.assign(moved(this.#mean, mean, renormMomentum));
    this.#stddev.assign(moved(this.#stddev, stddev, renormMomentum));
    movingMean!.assign(moved(movingMean!, mean, momentum));
    const next = moved(this.#movingStddev, stddev, momentum);
    this.#movingStddev.assign(next);
    // Rounding must not make a variance negative.
    movingVariance!.assign(ops.relu(ops.subtract(ops.square(next), epsilon)));
  }
}
