/** Dropout. */
import { describe } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import type { Config } from "../../ops/operation.ts";
import * as random from "../../random/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { layerClass } from "../layerClass.ts";
import { NoiseLayer, type RateOptions, rateFirst } from "./noiseLayer.ts";

/** Options of {@link Dropout} and {@link AlphaDropout}. */
export interface DropoutOptions extends RateOptions {
  /**
   * Shape of the decisions, which broadcast to the inputs: `[null, 1, 64]` drops the same features in all time steps.
   * `null` sizes are those of the inputs. @defaultValue `null`
   */
  noiseShape?: readonly (number | null)[] | null;
}

/** @throws TypeError or RangeError unless it is a list of positive integers and `null`. */
export function checkNoiseShape(where: string, noiseShape: unknown): readonly (number | null)[] | null {
  if (noiseShape === null || noiseShape === undefined) return null;
  const expected = `${where}: expected \`noiseShape\` to be a list of positive integers or null.`;
  if (!Array.isArray(noiseShape)) throw new TypeError(`${expected} Received: ${describe(noiseShape)}`);
  const at = noiseShape.findIndex((d) => d !== null && (!Number.isInteger(d) || d < 1));
  if (at >= 0) throw new RangeError(`${expected} Received: ${describe(noiseShape[at])} at index ${at}`);
  return [...noiseShape];
}

/** @throws RangeError when the shape of the decisions does not have the inputs' rank. */
export function checkNoiseRank(noiseShape: readonly (number | null)[] | null, inputs: Tensor): void {
  if (noiseShape === null || noiseShape.length === inputs.ndim) return;
  throw new RangeError(
    `\`noiseShape\` ${formatShape(noiseShape)} has ${noiseShape.length} sizes, but the inputs have rank ${inputs.ndim}`,
  );
}

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
export class DropoutBase extends NoiseLayer {
  static readonly className: string = "Dropout";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    rate: "rate",
    seed: "seed",
    noiseShape: "noise_shape",
  };

  readonly rate: number;
  readonly noiseShape: readonly (number | null)[] | null;

  constructor(rate: number | DropoutOptions, options: Omit<DropoutOptions, "rate"> = {}) {
    const { rate: fraction, seed = null, noiseShape = null, ...base } = rateFirst(rate, options);
    super(seed, base);
    this.noiseShape = checkNoiseShape(`Dropout "${this.name}"`, noiseShape);
    this.rate = this.startDrawing("rate", fraction);
  }

  protected override disturb(inputs: Tensor, seed: random.Seed): Tensor {
    checkNoiseRank(this.noiseShape, inputs);
    return random.dropout(inputs, this.rate, { noiseShape: this.noiseShape, seed });
  }

  override getConfig(): Config {
    return { ...super.getConfig(), rate: this.rate, seed: this.seed, noise_shape: this.noiseShape };
  }
}

export const Dropout = layerClass(DropoutBase);
export type Dropout = InstanceType<typeof Dropout>;
