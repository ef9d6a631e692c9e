/** The mean of each channel. */
import * as ops from "../../ops/index.ts";
import { Tensor } from "../../runtime/tensor.ts";
import type { CallOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { BaseGlobalPooling, type GlobalPoolingArgument, type GlobalPoolingOptions } from "./baseGlobalPooling.ts";

abstract class GlobalAveragePooling extends BaseGlobalPooling {
  override call(inputs: Tensor, _options: CallOptions = {}): Tensor {
    return ops.mean(inputs, this.reduction());
  }
}

/**
 * The mean of each channel over all steps of sequences.
 *
 * Shapes: (batch, steps, channels) → (batch, channels), or (batch, 1, channels) with `keepdims`; channels first likewise.
 * Mask: (batch, steps); steps that it hides take no part. The output has none.
 *
 * @see keras/src/layers/pooling/global_average_pooling1d.py (Keras 3.x)
 */
export class GlobalAveragePooling1DBase extends GlobalAveragePooling {
  static readonly className: string = "GlobalAveragePooling1D";
  static readonly modulePath: string = "keras.layers";
  static override readonly callKeys: Readonly<Record<string, string>> = { mask: "mask" };

  constructor(dataFormat: GlobalPoolingArgument = {}, options: GlobalPoolingOptions = {}) {
    super(1, dataFormat, options);
    this.supportsMasking = true;
  }

  override call(inputs: Tensor, { mask }: CallOptions = {}): Tensor {
    if (!(mask instanceof Tensor)) return super.call(inputs);
    const seen = ops.expandDims(ops.cast(mask, "bool"), this.dataFormat === "channels_first" ? 1 : 2);
    const total = ops.sum(ops.where(seen, inputs, 0), this.reduction());
    return ops.divide(total, ops.sum(ops.cast(seen, inputs.dtype), this.reduction()));
  }

  override computeMask(): null {
    return null;
  }
}

/**
 * The mean of each channel over all pixels of images.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, channels), or (batch, 1, 1, channels) with `keepdims`; channels
 * first likewise.
 *
 * @see keras/src/layers/pooling/global_average_pooling2d.py (Keras 3.x)
 */
export class GlobalAveragePooling2DBase extends GlobalAveragePooling {
  static readonly className: string = "GlobalAveragePooling2D";
  static readonly modulePath: string = "keras.layers";

  constructor(dataFormat: GlobalPoolingArgument = {}, options: GlobalPoolingOptions = {}) {
    super(2, dataFormat, options);
  }
}

/**
 * The mean of each channel over all cells of volumes.
 *
 * Shapes: (batch, depth, rows, columns, channels) → (batch, channels), or (batch, 1, 1, 1, channels) with `keepdims`;
 * channels first likewise.
 *
 * @see keras/src/layers/pooling/global_average_pooling3d.py (Keras 3.x)
 */
export class GlobalAveragePooling3DBase extends GlobalAveragePooling {
  static readonly className: string = "GlobalAveragePooling3D";
  static readonly modulePath: string = "keras.layers";

  constructor(dataFormat: GlobalPoolingArgument = {}, options: GlobalPoolingOptions = {}) {
    super(3, dataFormat, options);
  }
}

export const GlobalAveragePooling1D = layerClass(GlobalAveragePooling1DBase);
export type GlobalAveragePooling1D = InstanceType<typeof GlobalAveragePooling1D>;
export const GlobalAveragePooling2D = layerClass(GlobalAveragePooling2DBase);
export type GlobalAveragePooling2D = InstanceType<typeof GlobalAveragePooling2D>;
export const GlobalAveragePooling3D = layerClass(GlobalAveragePooling3DBase);
export type GlobalAveragePooling3D = InstanceType<typeof GlobalAveragePooling3D>;
