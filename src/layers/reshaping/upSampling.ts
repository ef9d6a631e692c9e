/** Sequences, images and volumes made larger by whole factors. */
import { type DataFormat, standardizeDataFormat } from "../../core/config.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { checkPositiveInteger } from "../checks.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { checkInterpolation, type Interpolation, resizeAxes } from "./interpolation.ts";
import { checkPerAxis, onSpatialAxes } from "./sides.ts";

/** Options of {@link UpSampling1D}. */
export interface UpSampling1DOptions extends LayerOptions {
  /** How often each step is repeated. @defaultValue `2` */
  size?: number;
}

/** Options of {@link UpSampling2D}. */
export interface UpSampling2DOptions extends LayerOptions {
  /** Factor for height and width, or one for each. @defaultValue `2` */
  size?: number | readonly [number, number];
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
  /** `"nearest"` repeats pixels. @defaultValue `"nearest"` */
  interpolation?: Interpolation;
}

/** Options of {@link UpSampling3D}. */
export interface UpSampling3DOptions extends LayerOptions {
  /** Factor for all three axes, or one for each. @defaultValue `2` */
  size?: number | readonly [number, number, number];
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
}

/** Each element repeated along each axis: every axis becomes (size, times), by one broadcast. */
function repeated(x: Tensor, times: readonly number[]): Tensor {
  const { shape } = x;
  if (times.every((n) => n === 1)) return x;
  const open = ops.reshape(
    x,
    shape.flatMap((d, i) => (times[i] === 1 ? [d] : [d, 1])),
  );
  const wide = ops.broadcastTo(
    open,
    shape.flatMap((d, i) => (times[i] === 1 ? [d] : [d, times[i]!])),
  );
  return ops.reshape(
    wide,
    shape.map((d, i) => d * times[i]!),
  );
}

/**
 * Repeats each step of a sequence.
 *
 * Shapes: (batch, steps, features) → (batch, size · steps, features).
 *
 * @param size - How often; a positive integer. @defaultValue `2`
 * @see keras/src/layers/reshaping/up_sampling1d.py (Keras 3.x)
 */
export class UpSampling1DBase extends LayerBase {
  static readonly className: string = "UpSampling1D";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { size: "size" };

  readonly size: number;

  constructor(size: number | UpSampling1DOptions = {}, options: UpSampling1DOptions = {}) {
    const { size: times = 2, ...base } = positionalOption<UpSampling1DOptions>("UpSampling1D", "size", size, options);
    super(base);
    this.size = checkPositiveInteger(this, "size", times);
    this.inputSpec = new InputSpec({ ndim: 3 });
  }

  override call(inputs: Tensor): Tensor {
    return repeated(inputs, [1, this.size, 1]);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), size: this.size };
  }
}

/**
 * Makes images larger by whole factors.
 *
 * Shapes: (batch, height, width, channels) → (batch, size[0] · height, size[1] · width, channels); channels first likewise.
 *
 * @param size - Factor for height and width, or one for each. @defaultValue `2`
 * @throws RangeError for an unknown interpolation.
 * @example
 * layers.UpSampling2D(2, { interpolation: "bilinear" })(ops.ones([1, 8, 8, 3])).shape; // [1, 16, 16, 3]
 * @see keras/src/layers/reshaping/up_sampling2d.py (Keras 3.x)
 */
export class UpSampling2DBase extends LayerBase {
  static readonly className: string = "UpSampling2D";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    size: "size",
    dataFormat: "data_format",
    interpolation: "interpolation",
  };

  readonly size: readonly number[];
  readonly dataFormat: DataFormat;
  readonly interpolation: Interpolation;

  constructor(size: UpSampling2DOptions["size"] | UpSampling2DOptions = {}, options: UpSampling2DOptions = {}) {
    const {
      size: times = 2,
      dataFormat = null,
      interpolation = "nearest",
      ...base
    } = positionalOption<UpSampling2DOptions>("UpSampling2D", "size", size, options);
    super(base);
    this.dataFormat = standardizeDataFormat(dataFormat);
    this.size = checkPerAxis(this, "size", times, 2, 1);
    this.interpolation = checkInterpolation(this, interpolation);
    this.inputSpec = new InputSpec({ ndim: 4 });
  }

  override call(inputs: Tensor): Tensor {
    const times = onSpatialAxes(this.dataFormat, this.size, 1);
    if (this.interpolation === "nearest") return repeated(inputs, times);
    const first = this.dataFormat === "channels_first" ? 2 : 1;
    const sizes = new Map([first, first + 1].map((axis) => [axis, inputs.shape[axis]! * times[axis]!]));
    return resizeAxes(inputs, sizes, this.interpolation);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      size: this.size,
      data_format: this.dataFormat,
      interpolation: this.interpolation,
    };
  }
}

/**
 * Repeats the elements of a volume along its three axes.
 *
 * @param size - Factor for all three axes, or one for each. @defaultValue `2`
 * @see keras/src/layers/reshaping/up_sampling3d.py (Keras 3.x)
 */
export class UpSampling3DBase extends LayerBase {
  static readonly className: string = "UpSampling3D";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { size: "size", dataFormat: "data_format" };

  readonly size: readonly number[];
  readonly dataFormat: DataFormat;

  constructor(size: UpSampling3DOptions["size"] | UpSampling3DOptions = {}, options: UpSampling3DOptions = {}) {
    const {
      size: times = 2,
      dataFormat = null,
      ...base
    } = positionalOption<UpSampling3DOptions>("UpSampling3D", "size", size, options);
    super(base);
    this.dataFormat = standardizeDataFormat(dataFormat);
    this.size = checkPerAxis(this, "size", times, 3, 1);
    this.inputSpec = new InputSpec({ ndim: 5 });
  }

  override call(inputs: Tensor): Tensor {
    return repeated(inputs, onSpatialAxes(this.dataFormat, this.size, 1));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), size: this.size, data_format: this.dataFormat };
  }
}

export const UpSampling1D = layerClass(UpSampling1DBase);
export type UpSampling1D = InstanceType<typeof UpSampling1D>;
export const UpSampling2D = layerClass(UpSampling2DBase);
export type UpSampling2D = InstanceType<typeof UpSampling2D>;
export const UpSampling3D = layerClass(UpSampling3DBase);
export type UpSampling3D = InstanceType<typeof UpSampling3D>;
