/** Dropout of whole feature maps. */
import { type DataFormat, standardizeDataFormat } from "../../core/config.ts";
import type { Config } from "../../ops/operation.ts";
import * as random from "../../random/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { InputSpec } from "../inputSpec.ts";
import { layerClass } from "../layerClass.ts";
import { NoiseLayer, type RateOptions, rateFirst } from "./noiseLayer.ts";

/** Options of {@link SpatialDropout2D} and {@link SpatialDropout3D}. */
export interface SpatialDropoutOptions extends RateOptions {
  /** Where the channels are. @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
}

/** Drops channels: the decision is the same at all positions of a sample. */
abstract class SpatialDropoutBase extends NoiseLayer {
  readonly rate: number;
  readonly dataFormat: DataFormat;

  constructor(ndim: number, dataFormat: string | null, options: RateOptions) {
    const { rate, seed = null, ...base } = options;
    super(seed, base);
    this.rate = this.startDrawing("rate", rate);
    this.dataFormat = standardizeDataFormat(dataFormat);
    this.inputSpec = new InputSpec({ ndim });
  }

  protected override disturb(inputs: Tensor, seed: random.Seed): Tensor {
    const channels = this.dataFormat === "channels_first" ? 1 : inputs.ndim - 1;
    const noiseShape = inputs.shape.map((d, axis) => (axis === 0 || axis === channels ? d : 1));
    return random.dropout(inputs, this.rate, { noiseShape, seed });
  }

  /** Keras writes these four keys, the dtype as its name. */
  override getConfig(): Config {
    return { rate: this.rate, seed: this.seed, name: this.name, dtype: this.dtype };
  }
}

/**
 * Drops whole features of sequences, for inputs whose neighbouring time steps are alike.
 *
 * Shapes: (batch, time, channels) → the same.
 *
 * @see keras/src/layers/regularization/spatial_dropout.py (Keras 3.x)
 */
export class SpatialDropout1DBase extends SpatialDropoutBase {
  static readonly className: string = "SpatialDropout1D";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { rate: "rate", seed: "seed" };

  constructor(rate: number | RateOptions, options: Omit<RateOptions, "rate"> = {}) {
    super(3, "channels_last", rateFirst(rate, options));
  }
}

/**
 * Drops whole feature maps of images.
 *
 * Shapes: (batch, rows, cols, channels), or (batch, channels, rows, cols) → the same.
 *
 * @see keras/src/layers/regularization/spatial_dropout.py (Keras 3.x)
 */
export class SpatialDropout2DBase extends SpatialDropoutBase {
  static readonly className: string = "SpatialDropout2D";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    rate: "rate",
    seed: "seed",
    dataFormat: "data_format",
  };

  constructor(rate: number | SpatialDropoutOptions, options: Omit<SpatialDropoutOptions, "rate"> = {}) {
    const { dataFormat = null, ...rest } = rateFirst(rate, options);
    super(4, dataFormat, rest);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), data_format: this.dataFormat };
  }
}

/**
 * Drops whole feature maps of volumes.
 *
 * Shapes: (batch, d1, d2, d3, channels), or (batch, channels, d1, d2, d3) → the same.
 *
 * @see keras/src/layers/regularization/spatial_dropout.py (Keras 3.x)
 */
export class SpatialDropout3DBase extends SpatialDropoutBase {
  static readonly className: string = "SpatialDropout3D";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    rate: "rate",
    seed: "seed",
    dataFormat: "data_format",
  };

  constructor(rate: number | SpatialDropoutOptions, options: Omit<SpatialDropoutOptions, "rate"> = {}) {
    const { dataFormat = null, ...rest } = rateFirst(rate, options);
    super(5, dataFormat, rest);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), data_format: this.dataFormat };
  }
}

export const SpatialDropout1D = layerClass(SpatialDropout1DBase);
export type SpatialDropout1D = InstanceType<typeof SpatialDropout1D>;
export const SpatialDropout2D = layerClass(SpatialDropout2DBase);
export type SpatialDropout2D = InstanceType<typeof SpatialDropout2D>;
export const SpatialDropout3D = layerClass(SpatialDropout3DBase);
export type SpatialDropout3D = InstanceType<typeof SpatialDropout3D>;
