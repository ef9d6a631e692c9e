/** The largest element of each channel. */
import * as ops from "../../ops/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { layerClass } from "../layerClass.ts";
import { BaseGlobalPooling, type GlobalPoolingArgument, type GlobalPoolingOptions } from "./baseGlobalPooling.ts";

abstract class GlobalMaxPooling extends BaseGlobalPooling {
  override call(inputs: Tensor): Tensor {
    return ops.max(inputs, this.reduction());
  }
}

/**
 * The largest element of each channel over all steps of sequences.
 *
 * Shapes: (batch, steps, channels) → (batch, channels), or (batch, 1, channels) with `keepdims`; channels first likewise.
 *
 * @see keras/src/layers/pooling/global_max_pooling1d.py (Keras 3.x)
 */
export class GlobalMaxPooling1DBase extends GlobalMaxPooling {
  static readonly className: string = "GlobalMaxPooling1D";
  static readonly modulePath: string = "keras.layers";

  constructor(dataFormat: GlobalPoolingArgument = {}, options: GlobalPoolingOptions = {}) {
    super(1, dataFormat, options);
  }
}

/**
 * The largest element of each channel over all pixels of images.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, channels), or (batch, 1, 1, channels) with `keepdims`; channels
 * first likewise.
 *
 * @see keras/src/layers/pooling/global_max_pooling2d.py (Keras 3.x)
 */
export class GlobalMaxPooling2DBase extends GlobalMaxPooling {
  static readonly className: string = "GlobalMaxPooling2D";
  static readonly modulePath: string = "keras.layers";

  constructor(dataFormat: GlobalPoolingArgument = {}, options: GlobalPoolingOptions = {}) {
    super(2, dataFormat, options);
  }
}

/**
 * The largest element of each channel over all cells of volumes.
 *
 * Shapes: (batch, depth, rows, columns, channels) → (batch, channels), or (batch, 1, 1, 1, channels) with `keepdims`;
 * channels first likewise.
 *
 * @see keras/src/layers/pooling/global_max_pooling3d.py (Keras 3.x)
 */
export class GlobalMaxPooling3DBase extends GlobalMaxPooling {
  static readonly className: string = "GlobalMaxPooling3D";
  static readonly modulePath: string = "keras.layers";

  constructor(dataFormat: GlobalPoolingArgument = {}, options: GlobalPoolingOptions = {}) {
    super(3, dataFormat, options);
  }
}

export const GlobalMaxPooling1D = layerClass(GlobalMaxPooling1DBase);
export type GlobalMaxPooling1D = InstanceType<typeof GlobalMaxPooling1D>;
export const GlobalMaxPooling2D = layerClass(GlobalMaxPooling2DBase);
export type GlobalMaxPooling2D = InstanceType<typeof GlobalMaxPooling2D>;
export const GlobalMaxPooling3D = layerClass(GlobalMaxPooling3DBase);
export type GlobalMaxPooling3D = InstanceType<typeof GlobalMaxPooling3D>;
