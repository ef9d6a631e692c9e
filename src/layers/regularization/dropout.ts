/** Dropout. */
import * as random from "../../random/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { layerClass } from "../layerClass.ts";
import { DroppingLayer } from "./droppingLayer.ts";

/**
 * Sets a random fraction of the inputs to 0 in training and scales the others by 1 / (1 − rate), so that the expected sum
 * stays. Passes its inputs on unchanged otherwise.
 *
 * @param rate - Fraction to drop, from 0 to 1.
 * @throws RangeError when `rate` is outside [0, 1].
 * @example
 * const x = layers.Dropout(0.5)(inputs);
 * @see keras/src/layers/regularization/dropout.py (Keras 3.x)
 */
export class DropoutBase extends DroppingLayer {
  static readonly className: string = "Dropout";
  static readonly modulePath: string = "keras.layers";

  protected override drop(inputs: Tensor, seed: random.Seed): Tensor {
    return random.dropout(inputs, this.rate, { noiseShape: this.noiseShape, seed });
  }
}

export const Dropout = layerClass(DropoutBase);
export type Dropout = InstanceType<typeof Dropout>;
