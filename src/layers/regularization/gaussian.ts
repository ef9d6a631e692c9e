/** Gaussian noise in training: added, or multiplied in place of dropout. */
import { isPlainObject } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import * as random from "../../random/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { layerClass } from "../layerClass.ts";
import { NoiseLayer, type RateOptions, rateFirst, type SeededOptions } from "./noiseLayer.ts";

/** Options of {@link GaussianNoise}. */
export interface GaussianNoiseOptions extends SeededOptions {
  /** Standard deviation of the noise, from 0 to 1. */
  stddev: number;
}

/**
 * Adds normal noise around 0 in training: a mild augmentation of real-valued inputs.
 *
 * @param stddev - Standard deviation of the noise, from 0 to 1.
 * @throws RangeError when it is outside.
 * @see keras/src/layers/regularization/gaussian_noise.py (Keras 3.x)
 */
export class GaussianNoiseBase extends NoiseLayer {
  static readonly className: string = "GaussianNoise";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { stddev: "stddev", seed: "seed" };

  readonly stddev: number;

  constructor(stddev: number | GaussianNoiseOptions, options: SeededOptions = {}) {
    const given = isPlainObject(stddev) ? stddev : { ...options, stddev };
    const { stddev: deviation, seed = null, ...base } = given as GaussianNoiseOptions;
    super(seed, base);
    this.stddev = this.startDrawing("stddev", deviation);
  }

  protected override disturb(inputs: Tensor, seed: random.Seed): Tensor {
    const noise = random.normal(inputs.shape, { stddev: this.stddev, dtype: this.computeDtype, seed });
    return ops.add(inputs, noise);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), stddev: this.stddev, seed: this.seed };
  }
}

/**
 * Multiplies by normal noise around 1 in training, of standard deviation √(rate / (1 − rate)): the variance of dropout of
 * that rate.
 *
 * @param rate - As for dropout; below 1.
 * @throws RangeError when it is outside [0, 1), where the deviation is not finite.
 * @see keras/src/layers/regularization/gaussian_dropout.py (Keras 3.x)
 */
export class GaussianDropoutBase extends NoiseLayer {
  static readonly className: string = "GaussianDropout";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { rate: "rate", seed: "seed" };

  readonly rate: number;

  constructor(rate: number | RateOptions, options: Omit<RateOptions, "rate"> = {}) {
    const { rate: fraction, seed = null, ...base } = rateFirst(rate, options);
    super(seed, base);
    this.rate = this.startDrawing("rate", fraction);
    if (this.rate === 1) {
      throw new RangeError(`GaussianDropout "${this.name}": expected \`rate\` to be below 1. Received: rate=1`);
    }
  }

  protected override disturb(inputs: Tensor, seed: random.Seed): Tensor {
    const stddev = Math.sqrt(this.rate / (1 - this.rate));
    const noise = random.normal(inputs.shape, { mean: 1, stddev, dtype: this.computeDtype, seed });
    return ops.multiply(inputs, noise);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), rate: this.rate, seed: this.seed };
  }
}

export const GaussianNoise = layerClass(GaussianNoiseBase);
export type GaussianNoise = InstanceType<typeof GaussianNoise>;
export const GaussianDropout = layerClass(GaussianDropoutBase);
export type GaussianDropout = InstanceType<typeof GaussianDropout>;
