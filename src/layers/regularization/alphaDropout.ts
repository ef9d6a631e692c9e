/** Dropout for networks of SELU units. */
import * as ops from "../../ops/index.ts";
import * as random from "../../random/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { layerClass } from "../layerClass.ts";
import { DroppingLayer } from "./droppingLayer.ts";

/** What SELU tends to for large negative inputs: −alpha · scale of Klambauer et al. 2017. */
const SATURATION = -1.6732632423543772 * 1.0507009873554805;

/**
 * Sets a random fraction of the inputs to SELU's negative saturation in training, then scales and shifts all of them so
 * that mean and variance stay.
 *
 * @param rate - Fraction to drop, from 0 to 1.
 * @throws RangeError when `rate` is outside [0, 1].
 * @see keras/src/layers/regularization/alpha_dropout.py (Keras 3.x)
 */
export class AlphaDropoutBase extends DroppingLayer {
  static readonly className: string = "AlphaDropout";
  static readonly modulePath: string = "keras.layers";

  protected override drop(inputs: Tensor, seed: random.Seed): Tensor {
    const noiseShape = this.noiseShape?.map((d, axis) => d ?? inputs.shape[axis]!) ?? inputs.shape;
    const kept = ops.greaterEqual(random.uniform(noiseShape, { seed }), this.rate);
    // Everything is dropped at rate 1, where the formula divides by 0: x is constant and stays so.
    const a = this.rate === 1 ? 1 : ((1 - this.rate) * (1 + this.rate * SATURATION ** 2)) ** -0.5;
    const b = -a * SATURATION * this.rate;
    const x = ops.where(kept, inputs, ops.cast(SATURATION, inputs.dtype));
    return ops.add(ops.multiply(x, a), b);
  }
}

export const AlphaDropout = layerClass(AlphaDropoutBase);
export type AlphaDropout = InstanceType<typeof AlphaDropout>;
